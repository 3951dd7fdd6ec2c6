"""A proxy before the Bot API that spoils calls: what a network and a busy Telegram do, by chance or as told."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

SPOILT = ("sendMessage", "editMessageText")
REFUSALS: Mapping[str, tuple[int, dict[str, Any]]] = {
    "429": (429, {"description": "Too Many Requests: retry after 3", "parameters": {"retry_after": 3}}),
    "502": (502, {"description": "Bad Gateway"}),
    "403": (403, {"description": "Forbidden: bot was blocked by the user"}),
}
DROPPED, LOST, SLOW = "dropped connection", "lost reply", "slow"
SLOWNESS_S = 0.05


@dataclass
class Weather:
    """`chances` by kind of fault; `blocked`: chats that refuse everything."""

    rng: random.Random
    chances: Mapping[str, float] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)

    def fault(self, chat: int) -> str:
        """What happens to a call to this chat; "" when all goes well."""
        drawn, kind = self.rng.random(), ""
        for each, chance in self.chances.items():
            if 0 <= drawn < chance:
                kind = each
            drawn -= chance
        kind = "403" if chat in self.blocked else kind
        self.seen[kind or "went well"] += 1
        return kind


class FaultProxy:
    def __init__(self, target: str, weather: Weather, client: aiohttp.ClientSession) -> None:
        self._target = target
        self._weather = weather
        self._client = client

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        is_spoilt = request.path.rpartition("/")[2] in SPOILT
        fault = self._weather.fault(await _chat_of(request)) if is_spoilt else ""
        if fault in REFUSALS:
            status, said = REFUSALS[fault]
            return web.json_response({"ok": False, "error_code": status, **said}, status=status)
        if fault == DROPPED:
            return _cut(request)
        if fault == SLOW:
            await asyncio.sleep(self._weather.rng.uniform(0, SLOWNESS_S))
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        url = self._target + request.raw_path
        async with self._client.request(request.method, url, data=body, headers=headers) as answer:
            if fault == LOST:
                return _cut(request)
            return web.json_response(json.loads(await answer.read()), status=answer.status)


async def _chat_of(request: web.Request) -> int:
    return int((await request.post()).get("chat_id", 0))  # type: ignore[arg-type]


def _cut(request: web.Request) -> web.StreamResponse:
    """No answer: the connection ends."""
    if request.transport:
        request.transport.close()
    return web.Response()


@asynccontextmanager
async def fault_proxy(target: str, weather: Weather) -> AsyncIterator[str]:
    """A proxy before `target`, and its address."""
    async with aiohttp.ClientSession() as client:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", FaultProxy(target, weather, client).handle)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            await server.close()
