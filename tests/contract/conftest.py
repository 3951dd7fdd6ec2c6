"""A real Rasa, trained from tests/contract/topics, started once for all contract tests of the seam.

It lives with the app's action endpoint in a thread of its own; each test talks to it from its own loop.
"""

import asyncio
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from bot.rasa.actions import action_routes
from bot.rasa.client import HttpRasa
from bot.rasa.process import RasaProcess
from bot.rasa.turns import Turn, TurnResult
from bot.settings import ROOT, Settings

TOPICS = Path(__file__).parent / "topics"
TOKEN = "a-token-for-tests-of-the-seam"
NUMBERS = {"goal.most_minutes": 90.0}


class ActionEndpoint:
    """The app's action endpoint on a fixed port, which can be stopped, made to hang, or made to fail."""

    def __init__(self, token: str) -> None:
        self._app = Starlette(routes=action_routes(token, {"action_show_goals": self._plan}, NUMBERS.__getitem__))
        self.mode = "up"  # up, slow (two seconds), hang, or the status of an error
        self.port = 0
        self._server: uvicorn.Server | None = None

    async def _plan(self, sender: str) -> dict[str, str]:
        return {"plan_text": f"what {sender} planned"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.mode in ("slow", "hang"):
            await asyncio.sleep(2 if self.mode == "slow" else 20)
        if scope["type"] == "http" and self.mode.isdigit():
            return await PlainTextResponse("no", status_code=int(self.mode))(scope, receive, send)
        await self._app(scope, receive, send)

    async def start(self) -> None:
        config = uvicorn.Config(
            self, host="127.0.0.1", port=self.port, log_config=None, lifespan="off", timeout_graceful_shutdown=0
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110  uvicorn tells nobody
            await asyncio.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        await self._serving


class RealRasa:
    def __init__(self, var: Path, models: Path) -> None:
        self.var = var
        self.database = var / "rasa.db"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.progress: list[str] = []
        settings = Settings(var=var, dialogues=TOPICS, rasa_token=SecretStr(TOKEN), action_token=SecretStr(TOKEN))
        self.endpoint = ActionEndpoint(TOKEN)
        self.run(self.endpoint.start())
        self.process = self.run(self._begin(settings, models))

    async def _begin(self, settings: Settings, models: Path) -> RasaProcess:
        process = RasaProcess(
            settings,
            progress=self.progress.append,
            action_url=f"http://127.0.0.1:{self.endpoint.port}/actions",
            models=models,
        )
        await process.start()
        return process

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(180)

    def kill(self) -> None:
        """kill -9, and waits until Rasa has been started again."""
        starts = self.progress.count("rasa: ready")
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 90
        while self.progress.count("rasa: ready") == starts:
            assert time.monotonic() < deadline, self.progress
            time.sleep(0.1)

    def events(self, sender: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("select data from events where sender_id = ? order by id", (sender,)).fetchall()
        connection.close()
        return [json.loads(row[0]) for row in rows]

    def age(self, sender: str, seconds: float) -> None:
        """Makes everything that was said look older than it is."""
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("select id, data from events where sender_id = ?", (sender,)).fetchall()
            for row, data in rows:
                event = json.loads(data)
                event["timestamp"] -= seconds
                connection.execute(
                    "update events set timestamp = timestamp - ?, data = ? where id = ?",
                    (seconds, json.dumps(event), row),
                )
        connection.close()

    def end(self) -> None:
        self.run(self.process.stop())
        self.run(self.endpoint.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def real_rasa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRasa]:
    rasa = RealRasa(tmp_path_factory.mktemp("rasa"), ROOT / "var" / "models" / "contract")
    yield rasa
    rasa.end()


SENDERS = count(1)


class Talk:
    """One sender's conversation with the real Rasa, and the raw HTTP beneath it."""

    def __init__(self, real: RealRasa, rasa: HttpRasa, http: httpx.AsyncClient) -> None:
        self.real = real
        self.rasa = rasa
        self.http = http
        self.sender = f"sender-{next(SENDERS)}"
        self._ids = count(1)
        self.asks: str | None = None

    async def turn(self, text: str | None = None, **fields: Any) -> TurnResult:
        fields = {"sender": self.sender, "message_id": f"m{next(self._ids)}", "asks": self.asks, **fields}
        result = await self.rasa.converse(Turn(text=text, **fields))
        self.asks = result.asks
        return result

    async def hears(self, text: str | None = None, **fields: Any) -> list[str | None]:
        """The names of the responses to this message."""
        return [reply.response for reply in (await self.turn(text, **fields)).replies]

    async def post(self, path: str = "/turns", **fields: Any) -> httpx.Response:
        body = {"sender": self.sender, "message_id": f"m{next(self._ids)}", **fields}
        return await self.http.post(path, json=body)

    def events(self) -> list[dict[str, Any]]:
        return self.real.events(self.sender)

    def said(self) -> list[str | None]:
        return [event["text"] for event in self.events() if event["event"] == "user"]


@pytest.fixture
async def talk(real_rasa: RealRasa) -> AsyncIterator[Talk]:
    real_rasa.endpoint.mode = "up"
    rasa = HttpRasa(real_rasa.process.url, TOKEN, timeout_s=15)
    async with httpx.AsyncClient(
        base_url=f"{real_rasa.process.url}/webhooks/coach", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=15
    ) as http:
        yield Talk(real_rasa, rasa, http)
    real_rasa.endpoint.mode = "up"
    await rasa.close()
