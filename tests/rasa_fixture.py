"""The real Rasa with the real dialogues: trained once, started once, for every test that asks for `live_rasa`.

It and the action endpoint it asks run on a loop of their own, so that tests with loops of their own may share them.
(tests/contract has another one, trained from topics that were made to be awkward.)
"""

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.content import Library
from bot.http import Http
from bot.rasa.actions import action_routes
from bot.rasa.client import HttpRasa
from bot.rasa.process import RasaProcess
from bot.settings import ROOT, Settings

LONGEST_START_S = 400  # a training on a busy machine, and the start


@dataclass(frozen=True)
class Tokens:
    rasa: str
    action: str


class LiveRasa:
    """`url` and `tokens` are for whoever wants to talk to it; `action_port` is where it asks for its actions."""

    def __init__(self, var: Path, library: Library) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rasa", daemon=True)
        self._thread.start()
        self._library = library
        self.tokens = Tokens(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.progress: list[str] = []
        self.action_port = 0
        self._http: Http | None = None
        self._run(self._open_endpoint())
        settings = Settings(
            var=var,
            rasa_token=SecretStr(self.tokens.rasa),
            action_token=SecretStr(self.tokens.action),
            rasa_timeout_s=30,
        )
        self._process = RasaProcess(
            settings,
            progress=self.progress.append,
            action_url=f"http://127.0.0.1:{self.action_port}/actions",
            models=ROOT / "var" / "models",
        )
        self._run(self._process.start())
        self.url = self._process.url

    def client(self, timeout_s: float = 30) -> HttpRasa:
        return HttpRasa(self.url, self.tokens.rasa, timeout_s)

    def settings(self) -> Mapping[str, str]:
        """The environment of an app that uses this Rasa, inside `lends_its_endpoint`."""
        return {
            "COACH_RASA_URL": self.url,
            "COACH_RASA_TOKEN": self.tokens.rasa,
            "COACH_ACTION_TOKEN": self.tokens.action,
            "COACH_PORT": str(self.action_port),
            "COACH_RASA_TIMEOUT_S": "30",
        }

    @contextmanager
    def lends_its_endpoint(self) -> Iterator[int]:
        """The port is free meanwhile: an app serves the actions itself, as it does in production."""
        self._run(self._close_endpoint())
        try:
            yield self.action_port
        finally:
            self._run(self._open_endpoint())

    async def _open_endpoint(self) -> None:
        self._http = Http("127.0.0.1", self.action_port)
        self.action_port = int(self._http.address.rpartition(":")[2])
        await self._http.start(action_routes(self.tokens.action, number=self._library.number))

    async def _close_endpoint(self) -> None:
        assert self._http is not None
        await self._http.stop()

    def end(self) -> None:
        self._run(self._process.stop())
        self._run(self._close_endpoint())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST_START_S)


@pytest.fixture(scope="session")
def live_rasa(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[LiveRasa]:
    rasa = LiveRasa(tmp_path_factory.mktemp("live_rasa"), library)
    yield rasa
    rasa.end()


__all__ = ["LiveRasa", "live_rasa"]
