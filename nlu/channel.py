"""The only door into Rasa: an authenticated HTTP channel for the app, mounted at /webhooks/coach.

Rasa's own REST channel lets anyone speak as any sender, runs a typed "/goodbye" as an intent, and
takes a message that is sent twice for two answers.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import signal
import time
from functools import wraps
from typing import Any, Awaitable, Callable, Dict, Optional, Text

from pydantic import ValidationError
from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.core.lock_store import LockError
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse
from sqlalchemy.exc import SQLAlchemyError

from .strict_actions import TurnFailed
from .turns import Conversations, NotReady, Turn, Unusable

logger = logging.getLogger(__name__)

MOST_TEXTS = 500  # of one parse request
LONGEST_TEXT = 20_000  # characters; the app cuts far earlier
TIDY_EVERY_S = 3600.0
Handler = Callable[..., Awaitable[HTTPResponse]]


class CoachChannel(InputChannel):
    """`session_minutes`: pause before a new session. `keep_days`: what is older is forgotten."""

    def __init__(self, token: str, session_minutes: float, keep_days: float) -> None:
        self._token = token.encode()
        self._session_s = session_minutes * 60
        self._keep_s = keep_days * 24 * 3600
        self._conversations: Optional[Conversations] = None
        self._tidied_at = 0.0

    @classmethod
    def name(cls) -> Text:
        return "coach"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> CoachChannel:
        given = credentials or {}
        token = str(given.get("token") or "")
        if len(token) < 16 or token.startswith("${"):
            raise RasaException("nlu/credentials.yml needs a token of at least 16 characters: set COACH_RASA_TOKEN.")
        return cls(token, float(given.get("session_minutes", 60)), float(given.get("keep_days", 30)))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        routes = Blueprint("coach_channel")
        routes.add_route(_as_json(self._health), "/", methods=["GET"])
        routes.add_route(_as_json(self._only_app(self._model)), "/model", methods=["GET"])
        routes.add_route(_as_json(self._only_app(self._swap)), "/model", methods=["PUT"])
        routes.add_route(_as_json(self._only_app(self._parse)), "/parse", methods=["POST"])
        routes.add_route(_as_json(self._only_app(self._turn)), "/turns", methods=["POST"])
        routes.add_route(_as_json(self._only_app(self._state)), "/senders/<sender>", methods=["GET"])
        routes.add_route(_as_json(self._only_app(self._erase)), "/senders/<sender>", methods=["DELETE"])

        @routes.listener("before_server_start")
        async def answer_in_json(app: Sanic, loop: Any) -> None:
            app.config.FALLBACK_ERROR_FORMAT = "json"
            if os.environ.get("COACH_PARENT"):
                app.add_task(_end_with(int(os.environ["COACH_PARENT"])))

        return routes

    def _only_app(self, handler: Handler) -> Handler:
        @wraps(handler)
        async def checked(request: Request, **values: Any) -> HTTPResponse:
            scheme, _, given = (request.headers.get("authorization") or "").partition(" ")
            # In bytes: compare_digest raises on text that is not ASCII.
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
                return _error(401, "the bearer token is missing or wrong")
            return await handler(request, **values)

        return checked

    def _of(self, request: Request) -> Conversations:
        if self._conversations is None:
            self._conversations = Conversations(request.app.ctx.agent, self._session_s)
        return self._conversations

    async def _health(self, request: Request) -> HTTPResponse:
        self._of(request).model()
        return response.json({"status": "ok"})

    async def _model(self, request: Request) -> HTTPResponse:
        return response.json({"model": self._of(request).model()})

    async def _swap(self, request: Request) -> HTTPResponse:
        path = _body(request).get("path")
        if not isinstance(path, str):
            raise Unusable("path is missing")
        try:
            self._of(request).swap(path)
        except RasaException as error:
            raise Unusable(f"the model can't be loaded: {type(error).__name__}") from error
        return response.empty()

    async def _parse(self, request: Request) -> HTTPResponse:
        texts = _body(request).get("texts")
        if not isinstance(texts, list) or len(texts) > MOST_TEXTS:
            raise Unusable(f"texts must be a list of at most {MOST_TEXTS}")
        if not all(isinstance(text, str) and len(text) <= LONGEST_TEXT for text in texts):
            raise Unusable(f"each text must be a string of at most {LONGEST_TEXT} characters")
        parses = []
        for text in texts:
            parses.append(await self._of(request).parse(text))
            await asyncio.sleep(0)  # a long list must not hold up patients' turns
        return response.json({"parses": parses})

    async def _turn(self, request: Request) -> HTTPResponse:
        try:
            turn = Turn(**_body(request))
        except ValidationError as error:
            raise Unusable(_problems(error)) from error
        if len(turn.text or "") > LONGEST_TEXT:
            raise Unusable(f"text is longer than {LONGEST_TEXT} characters")
        result = await self._of(request).take(turn)
        self._tidy(self._of(request))
        return response.json(result)

    async def _state(self, request: Request, sender: str) -> HTTPResponse:
        return response.json(await self._of(request).state(sender))

    async def _erase(self, request: Request, sender: str) -> HTTPResponse:
        await self._of(request).erase(sender)
        return response.empty()

    def _tidy(self, conversations: Conversations) -> None:
        now = time.time()
        if now - self._tidied_at < TIDY_EVERY_S:
            return
        self._tidied_at = now
        try:
            conversations.forget_before(now - self._keep_s)
        except SQLAlchemyError as error:  # the turn is saved: forgetting waits for the next hour
            logger.warning("old conversations were not forgotten: %s", type(error).__name__)


def _as_json(handler: Handler) -> Handler:
    """Answers every failure in JSON; 503 means that nothing was saved and the same id may be sent again."""

    @wraps(handler)
    async def answered(request: Request, **values: Any) -> HTTPResponse:
        try:
            return await handler(request, **values)
        except asyncio.CancelledError:
            raise
        except Unusable as error:
            return _error(422, str(error))
        except SanicException as error:
            return _error(error.status_code or 500, type(error).__name__)
        except (TurnFailed, NotReady, LockError, SQLAlchemyError) as error:
            logger.warning("a request failed: %s", type(error).__name__)
            return _error(503, type(error).__name__)
        except Exception as error:  # a bug: its words may hold a patient's, so only its place is logged
            logger.error("a request failed: %s in %s", type(error).__name__, _place(error))
            return _error(503, type(error).__name__)

    return answered


async def _end_with(parent: int) -> None:
    """Stops Rasa when the app that started it is gone, also when it had no time to say so."""
    while os.getppid() == parent:  # noqa: ASYNC110  there is no event for it
        await asyncio.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def _body(request: Request) -> Dict[str, Any]:
    try:
        body = request.json
    except SanicException as error:
        raise Unusable("the body is not JSON") from error
    if not isinstance(body, dict):
        raise Unusable("the body must be a JSON object")
    return body


def _problems(error: ValidationError) -> str:
    """What is wrong and where, without the values: they may be a patient's words."""
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())


def _place(error: BaseException) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else "unknown"


def _error(status: int, words: str) -> HTTPResponse:
    return response.json({"handled": False, "error": words}, status=status)
