"""Rasa's action endpoint inside the app: generic actions on rasa-sdk's executor. They read; they never write.

`validate_<form>` exists for every form by itself (bot/rasa/forms.py). Async only: a blocking action
would hold the whole app.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher
from rasa_sdk.interfaces import ActionExecutionRejection, ActionMissingDomainException, ActionNotFoundException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.coaching.answers import Number
from bot.rasa.forms import Domain, Form

logger = logging.getLogger(__name__)

LONGEST_S = 3.0  # Rasa itself gives up after five
Action = Callable[[CollectingDispatcher, Tracker, Domain], Awaitable[list[EventType]]]
Read = Callable[[str], Awaitable[Mapping[str, Any]]]  # a sender's values for slots, by slot name


def action_routes(token: str, reads: Mapping[str, Read] | None = None, number: Number | None = None) -> list[Route]:
    """POST /actions. `reads`: action name → what it reads; the rule then says a response that shows those slots.

    `number` gives the protocol number behind `max: {protocol: goal.most_minutes}`.
    """
    executor = ActionExecutor()
    executor.actions = Actions(reads or {}, number or _no_number)
    expected = f"Bearer {token}".encode()

    async def run(request: Request) -> JSONResponse:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            return _error(401, "the bearer token is missing or wrong")
        try:
            call = json.loads(await request.body())
            async with asyncio.timeout(LONGEST_S):
                result = await executor.run(call)
        except ActionExecutionRejection as rejection:  # without the name Rasa would swallow it and say nothing
            return _error(400, "rejected", action_name=rejection.action_name)
        except ActionNotFoundException as error:
            return _error(404, "there is no such action", action_name=error.action_name)
        except ActionMissingDomainException as error:
            return _error(449, "the domain is missing", action_name=error.action_name)
        except TimeoutError:
            return _error(504, "the action took too long")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.error("action failed", extra={"error": type(error).__name__, "place": _place(error)})
            return _error(500, type(error).__name__)
        return JSONResponse(result.model_dump() if result else {})

    return [Route("/actions", run, methods=["POST"])]


class Actions(dict[str, Action]):
    """The actions by name; a form's validation comes into being when it is first asked for."""

    def __init__(self, reads: Mapping[str, Read], number: Number) -> None:
        super().__init__(action_back=going_back(number), action_skip=skipping(number), action_why=explaining(number))
        self._number = number
        for name, read in reads.items():
            self[name] = showing(read)

    def __missing__(self, name: str) -> Action:
        if not name.startswith("validate_"):
            raise KeyError(name)
        self[name] = validating(name.removeprefix("validate_"), self._number)
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:  # dict.get never asks __missing__
        try:
            return self[name]
        except KeyError:
            return default


def validating(name: str, number: Number) -> Action:
    """Keeps the answers that fit and refuses the others; a form that opens starts empty."""

    async def validate(say: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        form = Form(name, tracker, domain, number)
        if form.just_opened():
            form.open(say)
        else:
            for slot, given in tracker.slots_to_validate().items():
                if slot in form.required:
                    form.answer(slot, given, say)
        return form.events()

    return validate


def going_back(number: Number) -> Action:
    async def go_back(say: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        form = _open_form(tracker, domain, number)
        if form is None:
            _say(say, domain, "utter_nothing_to_go_back_to")
            return []
        if not form.back(form.asked):
            _say(say, domain, "utter_cannot_go_back")
        return form.events()

    return go_back


def skipping(number: Number) -> Action:
    async def skip(say: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        form = _open_form(tracker, domain, number)
        if form is None or form.asked is None:
            _say(say, domain, "utter_nothing_to_skip")
            return []
        if not form.skip(form.asked):
            _say(say, domain, "utter_cannot_skip")
        return form.events()

    return skip


def explaining(number: Number) -> Action:
    async def explain(say: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        form = _open_form(tracker, domain, number)
        _say(say, domain, f"utter_why_{form.asked}" if form else "utter_why_nothing", "utter_why_default")
        return []

    return explain


def showing(read: Read) -> Action:
    async def show(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        return [SlotSet(slot, value) for slot, value in (await read(tracker.sender_id)).items()]

    return show


def _open_form(tracker: Tracker, domain: Domain, number: Number) -> Form | None:
    name = (tracker.active_loop or {}).get("name")
    return Form(name, tracker, domain, number) if name else None


def _say(say: CollectingDispatcher, domain: Domain, *names: str) -> None:
    """The first of these responses that exists; utter_default when none does: never silence."""
    known = domain.get("responses") or {}
    say.utter_message(response=next((name for name in names if name in known), "utter_default"))


def _no_number(name: str) -> float:
    raise KeyError(name)


def _place(error: BaseException) -> str:
    """Where it happened; never the words of the error, they may be a patient's."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else "unknown"


def _error(status: int, words: str, **more: str) -> JSONResponse:
    return JSONResponse({"error": words, **more}, status_code=status)
