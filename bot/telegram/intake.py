"""Updates come in here, by long polling or by webhook: committed first, acknowledged to Telegram afterwards."""

import asyncio
import contextlib
import hmac
import json
import logging
import re
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram.error import RetryAfter, TelegramError

from bot.errors import ConfigurationError
from bot.services.inbox import Inbox
from bot.services.trail import trail
from bot.telegram.api import CoachBot
from bot.telegram.faults import delivery_error
from bot.telegram.reading import callback_of, chat_of, update_id_of

logger = logging.getLogger(__name__)

LONG_POLL_S = 50
SECOND_BOT = 2**40  # Telegram's update ids hold 32 bits
LARGEST_BODY = 2**20  # bytes; Telegram's updates hold a few thousand
SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")  # Telegram's alphabet; long enough not to be guessed
WRONG_SECRET = (
    "COACH_TELEGRAM_WEBHOOK_SECRET has to be 16 to 256 characters of A-Z a-z 0-9 _ - : without it anybody could "
    "speak for a patient."
)
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def back_off_s(failures: int) -> float:
    return float(min(2 ** (failures - 1), 30))


class Intake:
    """One bot's way in. `back_off` says how long to wait after the n-th failure in a row, in seconds.

    Each bot counts its updates by itself: `first` keeps those of a second bot apart in the inbox.
    """

    def __init__(
        self, bot: CoachBot, inbox: Inbox, *, back_off: Callable[[int], float] = back_off_s, first: int = 0
    ) -> None:
        self._bot = bot
        self._first = first
        self._inbox = inbox
        self._back_off = back_off
        self._answering: set[asyncio.Task[None]] = set()

    def take(self, raw: dict[str, Any]) -> bool:
        """Commits one update; False when it is no update. A database error goes up."""
        update_id = update_id_of(raw)
        if update_id is None:
            return False
        number = update_id + self._first
        self._inbox.accept(number, chat_of(raw), {**raw, "update_id": number} if self._first else raw)
        if callback_id := callback_of(raw):
            task = asyncio.create_task(self._answer_tap(callback_id))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        return True

    async def poll(self, stop: asyncio.Event, *, timeout_s: int = LONG_POLL_S) -> None:
        """Long polling until `stop`. Telegram keeps what was not confirmed: it is asked without an offset first."""
        offset: int | None = None
        failures = 0
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stopped.done():
                try:
                    for raw in await self._ask(offset, timeout_s, stopped):
                        if self.take(raw):
                            offset = raw["update_id"] + 1  # only now: the next poll confirms what is committed
                        else:
                            logger.error("update_without_id")
                    failures = 0
                except Exception as error:
                    failures += 1
                    logger.warning("poll_failed", extra=trail(error, failures=failures))
                    await self._rest(error, failures, stopped)
        finally:
            stopped.cancel()
            await self.close()

    async def _ask(self, offset: int | None, timeout_s: int, stopped: "asyncio.Task[bool]") -> list[dict[str, Any]]:
        """One long poll, given up at once when it is time to stop."""
        asked = asyncio.create_task(self._bot.raw_updates(offset, timeout_s))
        try:
            await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else []
        finally:
            asked.cancel()

    async def _rest(self, error: Exception, failures: int, stopped: "asyncio.Task[bool]") -> None:
        """Another poller (409), a network that is away, a database that is away: all of them pass."""
        told = delivery_error(error).retry_after_s if isinstance(error, RetryAfter) else None
        await asyncio.wait({stopped}, timeout=told or self._back_off(failures))

    async def close(self) -> None:
        """Waits for the answers to taps that are still under way."""
        if self._answering:
            await asyncio.wait(self._answering)

    async def _answer_tap(self, callback_id: str) -> None:
        """Stops the button's little clock. An answer that comes too late is refused, and nothing is lost."""
        with contextlib.suppress(TelegramError):
            await self._bot.answer_callback_query(callback_id)


def webhook_route(intake: Intake, secret: str, path: str = "/telegram") -> Route:
    """200 only for what is committed; anything else makes Telegram send it again. ConfigurationError: a weak secret."""
    if not SECRET.fullmatch(secret):
        raise ConfigurationError(WRONG_SECRET)
    expected = secret.encode()

    async def receive(request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("latin-1")  # the bytes as they came
        if not hmac.compare_digest(given, expected):
            return Response(status_code=403)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Response(status_code=400)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            return Response(status_code=400)
        try:
            return Response(status_code=200 if intake.take(raw) else 400)
        except Exception as error:
            logger.error("update_not_committed", extra=trail(error))
            return Response(status_code=503)

    return Route(path, receive, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """None when it is longer than any update."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)
