"""A Telegram that remembers what each chat shows, so that a person can read, tap and wait; over real HTTP."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.content import PLACEHOLDER, Library
from tests.emulator import Emulator
from tests.fake_telegram import TOKEN

LONGEST_WAIT_S = 180.0  # for one reply, on a busy machine where the coach is killed meanwhile; a quiet one: a second


@dataclass
class Shown:
    chat_id: int
    message_id: int
    text: str
    buttons: dict[str, str] = field(default_factory=dict)  # label → callback data


class Telegram(Emulator):
    """`repeats` is how likely an update that was taken is given once more, as Telegram does when in doubt."""

    def __init__(self, *, repeats: float = 0.0, rng: random.Random | None = None) -> None:
        super().__init__()
        self.max_updates = self._update_queues.max_updates = 5000
        self.shown: list[Shown] = []
        self.repeated = 0  # updates that were given again
        self.swallows = 0  # messages that will be taken by the network and never reach a chat
        self.swallowed = asyncio.Event()
        self._repeats = repeats
        self._rng = rng or random.Random(0)
        self._changed = asyncio.Event()
        self._poll, self._update_queues.poll = self._update_queues.poll, self._poll_with_repeats

    def validate(self, method: str, fields: dict[str, Any], uploads: dict[str, Any]) -> Any:
        result = super().validate(method, fields, uploads)
        if method in ("sendMessage", "editMessageText", "editMessageReplyMarkup"):
            self._show(method, self.calls[-1].fields, result)
        return result

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["method"] == "sendMessage" and self.swallows:
            self.swallows -= 1
            self.swallowed.set()
            await asyncio.sleep(LONGEST_WAIT_S)  # whoever asks is gone long before
        return await super().handle(request)

    def in_chat(self, chat_id: int) -> list[Shown]:
        return [shown for shown in self.shown if shown.chat_id == chat_id]

    async def until(self, found: Callable[[], Any], what: Callable[[], str]) -> Any:
        """Waits until `found()` is something. A failure says `what()` was waited for."""
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                while not (it := found()):
                    self._changed.clear()
                    await self._changed.wait()
                return it
        except TimeoutError:
            raise AssertionError(what()) from None

    def _show(self, method: str, fields: dict[str, Any], result: Any) -> None:
        rows = (fields.get("reply_markup") or {}).get("inline_keyboard", ())
        buttons = {key["text"]: key["callback_data"] for row in rows for key in row}
        chat_id = int(fields["chat_id"])
        if method == "sendMessage":
            self.shown.append(Shown(chat_id, int(result["message_id"]), fields["text"], buttons))
        else:
            edited = [each for each in self.in_chat(chat_id) if each.message_id == int(fields["message_id"])]
            for each in edited:
                each.text, each.buttons = fields.get("text", each.text), buttons
        self._changed.set()

    async def _poll_with_repeats(self, token: str, fields: Any, **options: Any) -> list[dict[str, Any]]:
        """Some updates come twice in one answer: what a lost confirmation does, only more often."""
        given: list[dict[str, Any]] = await self._poll(token, fields, **options)
        again = [update for update in given if self._rng.random() < self._repeats]
        self.repeated += len(again)
        return sorted([*given, *again], key=lambda update: int(update["update_id"]))


def saying(library: Library, *responses: str) -> re.Pattern[str]:
    """Finds these responses, in order, in any of their wordings and whatever stands in their placeholders."""
    return re.compile(".*".join(_any_wording(library, name) for name in responses), re.DOTALL)


def _any_wording(library: Library, response: str) -> str:
    texts = [str(each.get("text", "")).strip() for each in library.responses[response]]
    return f"(?:{'|'.join('.*?'.join(map(re.escape, PLACEHOLDER.split(text)[::2])) for text in texts)})"


class Person:
    """Somebody with a phone: a patient or a physio."""

    def __init__(self, telegram: Telegram, library: Library, chat_id: int) -> None:
        self._telegram = telegram
        self._library = library
        self.chat_id = chat_id
        self._read = 0

    async def says(self, text: str) -> int:
        return await self._telegram.hears(self.chat_id, text)

    async def taps(self, label: str) -> None:
        """The newest button of that label, once it is there."""
        shown = await self._telegram.until(
            lambda: next((each for each in reversed(self._chat()) if label in each.buttons), None),
            lambda: f"no button {label!r}; the chat shows {self._last()}",
        )
        await self._telegram.feels(self.chat_id, shown.message_id, shown.buttons[label])

    async def sees(self, *responses: str) -> str:
        """The next message that says all of these, in order; earlier ones that were not read yet are passed over."""
        pattern = saying(self._library, *responses)
        return await self._next(lambda text: bool(pattern.search(text)), " + ".join(responses))

    async def reads(self, *words: str) -> str:
        """The next message with all of these words in it."""
        return await self._next(lambda text: all(word in text for word in words), repr(words))

    async def finds(self, response: str) -> None:
        """Some message of this chat says this by now, perhaps because it was edited."""
        wording = saying(self._library, response)
        await self._telegram.until(
            lambda: any(wording.search(each.text) for each in self._chat()),
            lambda: f"looked for {response}; the chat shows {self._last()}",
        )

    async def _next(self, fits: Callable[[str], bool], wanted: str) -> str:
        def found() -> int | None:
            unread = enumerate(self._chat()[self._read :], start=self._read + 1)
            return next((number for number, shown in unread if fits(shown.text)), None)

        self._read = await self._telegram.until(found, lambda: f"waited for {wanted}; the chat shows {self._last()}")
        return self._chat()[self._read - 1].text

    def _chat(self) -> list[Shown]:
        return self._telegram.in_chat(self.chat_id)

    def _last(self) -> str:
        return "\n---\n".join(f"{each.text}  {list(each.buttons)}" for each in self._chat()[-4:]) or "nothing"


@asynccontextmanager
async def telegram_over_http(**options: Any) -> AsyncIterator[tuple[Telegram, str]]:
    """A running Bot API and its address."""
    api = Telegram(**options)
    server = TestServer(api.app(), host="127.0.0.1")
    await server.start_server()
    try:
        yield api, f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


__all__ = ["TOKEN", "Person", "Telegram", "saying", "telegram_over_http"]
