"""Rasa's action endpoint inside the app: generic actions on rasa-sdk's executor. They read; they never write.

`validate_<form>` exists for every form by itself: it holds each answer to the kind and the limits that
its slot declares in dialogues/. Async only: a blocking action would hold the whole app.
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

from bot.coaching import answers

logger = logging.getLogger(__name__)

LONGEST_S = 3.0  # Rasa itself gives up after five
Domain = dict[str, Any]
Action = Callable[[CollectingDispatcher, Tracker, Domain], Awaitable[list[EventType]]]
Read = Callable[[str], Awaitable[Mapping[str, Any]]]  # a sender's values for slots, by slot name


def action_routes(
    token: str, reads: Mapping[str, Read] | None = None, number: answers.Number | None = None
) -> list[Route]:
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

    def __init__(self, reads: Mapping[str, Read], number: answers.Number) -> None:
        super().__init__(action_back=go_back, action_skip=skip, action_why=explain)
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


def validating(form: str, number: answers.Number) -> Action:
    """Keeps the answers that fit; refuses the others, and says so by `utter_invalid_<slot>` or `…_<kind>`.

    A form that opens starts empty: Rasa would find last time's answers and take them without asking.
    """

    async def validate(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        required = _required(domain, form)
        if _just_opened(tracker, form):
            return [SlotSet(slot, None) for slot in required]
        events: list[EventType] = []
        for slot, value in tracker.slots_to_validate().items():
            if slot in required:
                events.append(SlotSet(slot, _checked(slot, value, form, dispatcher, domain, number)))
        return events

    return validate


def _checked(
    slot: str, value: Any, form: str, dispatcher: CollectingDispatcher, domain: Domain, number: answers.Number
) -> answers.Value | None:
    """The canonical value; None, after a refusal, when it doesn't fit."""
    spec = _spec(domain, slot, form)
    if value is None or not spec or (value == answers.SKIPPED and spec.get("optional")):
        return value  # type: ignore[no-any-return]
    found = answers.find(spec, str(value))
    bounds = answers.limits(spec, number)
    if found is not None and answers.fits(found, bounds):
        return found
    responses = domain.get("responses") or {}
    by_slot = f"utter_invalid_{slot}"
    dispatcher.utter_message(
        response=by_slot if by_slot in responses else f"utter_invalid_{spec.get('kind', 'text')}", **bounds
    )
    return None


async def go_back(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
    """Empties the answer before the question that is open, so that the form asks it again."""
    required, asked = _open_question(tracker, domain)
    before = required[: required.index(asked)] if asked in required else []
    if not before:
        _say_if_there(dispatcher, domain, "utter_cannot_go_back")
        return []
    return [SlotSet(before[-1], None)]


async def skip(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
    """Leaves a question out, when its slot is declared `optional`."""
    required, asked = _open_question(tracker, domain)
    form = str((tracker.active_loop or {}).get("name"))
    if asked in required and _spec(domain, asked, form).get("optional"):
        return [SlotSet(asked, answers.SKIPPED)]
    dispatcher.utter_message(response="utter_cannot_skip")
    return []


async def explain(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
    """Says why the open question is asked."""
    _, asked = _open_question(tracker, domain)
    own = f"utter_why_{asked}"
    dispatcher.utter_message(response=own if own in (domain.get("responses") or {}) else "utter_why_default")
    return []


def showing(read: Read) -> Action:
    async def show(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[EventType]:
        return [SlotSet(slot, value) for slot, value in (await read(tracker.sender_id)).items()]

    return show


def _just_opened(tracker: Tracker, form: str) -> bool:
    if (tracker.active_loop or {}).get("name") != form:
        return True
    for event in reversed(tracker.events):
        if event["event"] == "user":
            return False
        if event["event"] == "active_loop" and event.get("name") == form:
            return True
    return False


def _open_question(tracker: Tracker, domain: Domain) -> tuple[list[str], str | None]:
    """The slots of the open form, in order, and the one that is asked."""
    form = (tracker.active_loop or {}).get("name")
    return (_required(domain, form), tracker.slots.get("requested_slot")) if form else ([], None)


def _required(domain: Domain, form: str) -> list[str]:
    return list((domain.get("forms") or {}).get(form, {}).get("required_slots") or ())


def _spec(domain: Domain, slot: str, form: str) -> answers.Spec:
    """The declared kind and limits of a slot: the mapping for this form, or one for any."""
    for mapping in (domain.get("slots") or {}).get(slot, {}).get("mappings") or ():
        loops = {condition.get("active_loop") for condition in mapping.get("conditions") or ()}
        if "kind" in mapping and (not loops or form in loops):
            return dict(mapping)
    return {}


def _say_if_there(dispatcher: CollectingDispatcher, domain: Domain, response: str) -> None:
    if response in (domain.get("responses") or {}):
        dispatcher.utter_message(response=response)


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
