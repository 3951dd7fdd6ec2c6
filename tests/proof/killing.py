"""Kills a life at the N-th call of one system call, and lives another one after it."""

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.settings import ROOT
from tests.proof.life import LONGEST_LIFE_S, Birth

STRACE = shutil.which("strace")


@dataclass(frozen=True)
class At:
    """Just before the `number`-th `call` of a life, as strace counts it."""

    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.call} {self.number}"


class Lives:
    def __init__(self, cradle: Process, log: Path) -> None:
        self._cradle = cradle
        self._log = log

    async def one(self, birth: Birth, *, killed: At | None = None) -> bool:
        """Lives until all is done (True) or until it is killed. Any other end is an error."""
        assert self._cradle.stdin is not None
        self._cradle.stdin.write((json.dumps(asdict(birth)) + "\n").encode())
        pid = int((await self._hears())["pid"])
        tracer = await self._trace(pid, killed) if killed else None
        os.kill(pid, signal.SIGCONT)
        ended = (await self._hears())["ended"]
        if tracer:
            await tracer.wait()
        assert ended in (0, -signal.SIGKILL), f"it ended by itself with {ended}:\n{self._log.read_text()[-3000:]}"
        return bool(ended == 0)

    async def _trace(self, pid: int, at: At) -> Process:
        assert STRACE is not None
        inject = f"inject={at.call}:signal=SIGKILL:when={at.number}"
        tracer = await asyncio.create_subprocess_exec(
            *(STRACE, "-f", "-e", f"trace={at.call}", "-e", "signal=none", "-e", inject, "-o", os.devnull),
            *("-p", str(pid)),
            stdin=DEVNULL,
            stderr=PIPE,
        )
        assert tracer.stderr is not None
        while b"attached" not in (line := await tracer.stderr.readline()):
            assert line, "strace could not attach"
        return tracer

    async def _hears(self) -> dict[str, Any]:
        assert self._cradle.stdout is not None
        line = await asyncio.wait_for(self._cradle.stdout.readline(), LONGEST_LIFE_S * 2)
        assert line, f"the cradle is gone:\n{self._log.read_text()[-3000:]}"
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def lives(folder: Path) -> AsyncIterator[Lives]:
    log = folder / "lives.log"
    with log.open("wb") as out:
        cradle = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.proof.life"), cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=out
        )
    try:
        found = Lives(cradle, log)
        await found._hears()
        yield found
    finally:
        if cradle.returncode is None:
            cradle.kill()
        await cradle.wait()
