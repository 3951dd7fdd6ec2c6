"""A Bot API over HTTP that we did not write, with a memory and with faults.

lo-bot-api-emulator stands in for LO, a messenger with Telegram's interface: what it takes, Telegram may still
refuse. Its `validate` and `CONTRACT` are no promised interface, so the version is pinned exactly.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import lo_bot_api_emulator as lo
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests import telegram_api
from tests.fake_telegram import PATIENT, TOKEN, Call

for method in ("sendMessage", "editMessageText"):  # a real field that LO lacks
    if "link_preview_options" not in lo.CONTRACT["methods"][method]["parameters"]:
        lo.CONTRACT["methods"][method]["parameters"].append("link_preview_options")


class Emulator(lo.LoBotApiEmulator):  # type: ignore[misc]
    """`fails` and `loses_reply` each spoil one later call of a method."""

    def __init__(self) -> None:
        super().__init__(allow_insecure_loopback_webhooks=True)
        self.calls: list[Call] = []
        self._news = asyncio.Event()
        self._faults: dict[str, deque[lo.ApiRefusal]] = defaultdict(deque)
        self._lost: dict[str, int] = defaultdict(int)

    def fails(self, method: str, status: int, description: str = "told to fail", **parameters: Any) -> None:
        self._faults[method].append(lo.ApiRefusal(description, status, parameters or None))

    def loses_reply(self, method: str) -> None:
        self._lost[method] += 1

    def made(self, method: str) -> list[dict[str, Any]]:
        return [call.fields for call in self.calls if call.method == method]

    def texts(self, chat_id: int = PATIENT) -> list[str]:
        return [fields["text"] for fields in self.made("sendMessage") if int(fields["chat_id"]) == chat_id]

    async def shows(self, *texts: str) -> None:
        """Returns when the coach has tried to send exactly these."""
        async with asyncio.timeout(20):
            while self.texts() != list(texts):
                self._news.clear()
                await self._news.wait()

    def validate(self, method: str, fields: dict[str, Any], uploads: dict[str, Any]) -> Any:
        telegram_api.check(method, fields, uploads)
        if method != "getUpdates":
            self.calls.append(Call(method, telegram_api.typed(method, fields) if fields else {}))
            self._news.set()
        if self._faults[method]:
            raise self._faults[method].popleft()
        result = super().validate(method, fields, uploads)
        return {**result, "username": "coach_bot"} if method == "getMe" else result

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await super().handle(request)
        method = request.match_info["method"]
        if self._lost[method] and answer.status == 200:
            self._lost[method] -= 1
            if request.transport:
                request.transport.close()
        return answer

    async def hears(self, chat_id: int, text: str) -> int:
        """A person writes; the number of the update."""
        return await self.arrives(message=message(chat_id, text=text))

    async def feels(self, chat_id: int, message_id: int, data: str) -> int:
        """A person taps a button."""
        tapped = message(chat_id, text="") | {"message_id": message_id}
        tap = {"id": "1", "from": tapped["from"], "message": tapped, "chat_instance": "1", "data": data}
        return await self.arrives(callback_query=tap)

    async def arrives(self, **update: Any) -> int:
        number: int = await self.enqueue_update(update, token=TOKEN)
        return number


def message(chat_id: int, **fields: Any) -> dict[str, Any]:
    person = {"id": chat_id, "is_bot": False, "first_name": "Person"}
    chat = {"id": chat_id, "type": "private", "first_name": "Person"}
    return {"message_id": 1, "date": 1, "chat": chat, "from": person, **fields}


@asynccontextmanager
async def emulator() -> AsyncIterator[tuple[Emulator, str]]:
    """A running emulator and its address."""
    api = Emulator()
    server = TestServer(api.app(), host="127.0.0.1")
    await server.start_server()
    try:
        yield api, f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()
