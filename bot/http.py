"""HTTP servers of this process: Rasa's actions, Telegram's webhook and health on one, the console on another.

Bound to loopback unless settings say otherwise.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after it stops, and nothing after that would run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Http:
    """Listens from the moment it is made, so that `address` is known before anything is served."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port))
        self.address = f"http://{host}:{self._socket.getsockname()[1]}"
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, routes: Sequence[BaseRoute]) -> None:
        await self.serve(Starlette(routes=[Route("/health", _health), *routes]))

    async def serve(self, app: ASGIApp) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._server and self._task:
            self._server.should_exit = True
            await self._task
        self._socket.close()


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
