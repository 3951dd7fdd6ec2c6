"""The other side: what `rasa init` makes, with its default pipeline and REST channel."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.bench.processes import end, environment, finish, free_port, start
from tests.bench.workshop import RASA_PYTHON

LONGEST_REPLY_S = 60.0
LONGEST_START_S = 300.0
EDITED = ("Hey! How are you?", "Edited. How are you?")  # of its utter_greet


class Stock:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "stock"
        self._folder.mkdir()  # `rasa init` wants it to be there
        self._log = folder / "stock.log"
        self._process: Process | None = None
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{free_port()}", timeout=LONGEST_REPLY_S, trust_env=False
        )

    async def make(self) -> float:
        """Seconds to make the project, which is nearly all training."""
        return await self._rasa("init", "--no-prompt", "--init-dir", ".")

    async def start(self) -> float:
        """Seconds from nothing to the first reply. `--enable-api` is for the hot swap."""
        began = time.perf_counter()
        port = str(self._http.base_url.port)
        command = (RASA_PYTHON, "-m", "rasa", "run", "--enable-api", "-i", "127.0.0.1", "-p", port)
        self._process = await start(command, folder=self._folder, log=self._log, env=environment())
        async with asyncio.timeout(LONGEST_START_S):
            while not await self._answers():  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.1)
        return time.perf_counter() - began

    async def close(self) -> None:
        await self._http.aclose()
        if self._process:
            await end(self._process)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def say(self, chat: int, text: str) -> str:
        answer = await self._http.post("/webhooks/rest/webhook", json={"sender": str(chat), "message": text})
        answer.raise_for_status()
        return " ".join(message.get("text", "") for message in answer.json())

    async def replies_a_second(self, texts: Sequence[str], chats: Sequence[int]) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(self._in_order(chat, texts[at :: len(chats)]) for at, chat in enumerate(chats)))
        return len(texts) / (time.perf_counter() - began)

    async def edit_to_live(self) -> float:
        began = time.perf_counter()
        domain = self._folder / "domain.yml"
        domain.write_text(domain.read_text().replace(*EDITED))
        await self._rasa("train")
        model = max((self._folder / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
        (await self._http.put("/model", json={"model_file": str(model)})).raise_for_status()
        async with asyncio.timeout(LONGEST_REPLY_S):
            while "Edited." not in await self.say(1, "hi"):  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.1)
        return time.perf_counter() - began

    async def _in_order(self, chat: int, texts: Sequence[str]) -> None:
        for text in texts:
            await self.say(chat, text)

    async def _answers(self) -> bool:
        try:
            return bool(await self.say(1, "hi"))
        except httpx.HTTPError:
            return False

    async def _rasa(self, *words: str) -> float:
        command = (RASA_PYTHON, "-m", "rasa", *words)
        return (await finish(command, folder=self._folder, log=self._log, env=environment()))[0]
