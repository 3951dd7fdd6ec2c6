"""The terminal's Telegram with a memory and with faults: what every fast test talks to.

Each payload is checked against the Bot API's JSON Schema. tests/contract holds it against a foreign emulator.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from telegram.error import NetworkError, TimedOut

from bot.telegram.api import CoachBot
from bot.telegram.terminal import Refused, Shown, TerminalTelegram
from tests import telegram_api

TOKEN = "4242:AAE-this_is_the_token_of_no_bot_at_all"
FILES = {"sendDocument": "document", "sendPhoto": "photo"}  # what they upload
PATIENT, PHYSIO = 7_000_000_001, 7_000_000_002  # beyond 32 bits, as real chats are


@dataclass(frozen=True)
class Call:
    method: str
    fields: dict[str, Any]


class FakeTelegram(TerminalTelegram):
    """`fails`, `drops` and `loses_reply` each spoil one later call of a method, in the order told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[Call] = []
        self._faults: dict[str, deque[Callable[[], Any]]] = defaultdict(deque)
        self._after: dict[str, deque[Callable[[], Any]]] = defaultdict(deque)

    def fails(self, method: str, status: int, description: str = "told to fail", **parameters: Any) -> None:
        """The Bot API refuses: 429 with retry_after=…, 403, 400, 500."""
        self._faults[method].append(lambda: raising(Refused(status, description, **parameters)))

    def drops(self, method: str, cause: type[Exception] = httpx.ConnectError) -> None:
        """The call never reaches Telegram."""
        self._faults[method].append(lambda: raising_from(cause))

    def loses_reply(self, method: str, cause: type[Exception] = httpx.RemoteProtocolError) -> None:
        """Telegram does what it was asked; its answer is lost."""
        self._after[method].append(lambda: raising_from(cause))

    async def call(self, name: str, fields: dict[str, Any], files: dict[str, Any]) -> Any:
        if file := FILES.get(name):
            fields = {key: value for key, value in fields.items() if key != file}
            telegram_api.check(name, fields, {file: ""})
        else:
            telegram_api.check(name, fields)
        if name != "getUpdates":
            self.calls.append(Call(name, fields))
        if self._faults[name]:
            self._faults[name].popleft()()
        result = await super().call(name, fields, files)
        if self._after[name]:
            self._after[name].popleft()()
        return result

    def made(self, method: str) -> list[dict[str, Any]]:
        """The payloads of every call of this method."""
        return [call.fields for call in self.calls if call.method == method]

    def texts(self, chat_id: int = PATIENT) -> list[str]:
        return [shown.text for shown in self.in_chat(chat_id)]


def raising(error: Exception) -> None:
    raise error


def raising_from(cause: type[Exception]) -> None:
    """As python-telegram-bot's HTTP client does it."""
    error = TimedOut() if issubclass(cause, httpx.TimeoutException) else NetworkError(f"httpx.{cause.__name__}")
    raise error from cause("told to fail")


def fake_bot(telegram: TerminalTelegram) -> CoachBot:
    return CoachBot(TOKEN, request=telegram)


__all__ = ["PATIENT", "PHYSIO", "TOKEN", "Call", "FakeTelegram", "Shown", "fake_bot"]
