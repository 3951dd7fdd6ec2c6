"""The Bot API emulator of the tests, which also notes when each message arrives."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestServer

from tests.emulator import Emulator


class Telegram(Emulator):
    """`arrivals`: the instants at which messages came, by `time.perf_counter`."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: list[float] = []
        self._awaited: dict[int, asyncio.Future[str]] = {}
        self._expected: dict[tuple[int, str], asyncio.Future[float]] = {}

    async def answers(self, chat: int, text: str, timeout_s: float) -> str:
        """A person writes; the first message that their chat gets then."""
        reply = self._awaited[chat] = asyncio.get_running_loop().create_future()
        await self.hears(chat, text)
        return await asyncio.wait_for(reply, timeout_s)

    def expects(self, chat: int, words: str) -> asyncio.Future[float]:
        """The instant at which this chat gets a message with these words in it."""
        found = self._expected[chat, words] = asyncio.get_running_loop().create_future()
        return found

    def validate(self, method: str, fields: dict[str, Any], uploads: dict[str, Any]) -> Any:
        if method == "sendMessage":
            self.arrivals.append(time.perf_counter())
            reply = self._awaited.pop(int(fields["chat_id"]), None)
            if reply and not reply.done():
                reply.set_result(fields["text"])
            for (chat, words), expected in self._expected.items():
                if chat == int(fields["chat_id"]) and words in fields["text"] and not expected.done():
                    expected.set_result(time.perf_counter())
        return super().validate(method, fields, uploads)


@asynccontextmanager
async def telegram() -> AsyncIterator[tuple[Telegram, str]]:
    """A running emulator and its address."""
    api = Telegram()
    server = TestServer(api.app(), host="127.0.0.1")
    await server.start_server()
    try:
        yield api, f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()
