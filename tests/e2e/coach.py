"""The real `coach run`, as a process of its own that can be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from bot.office import Office
from bot.settings import Settings
from tests.fake_telegram import TOKEN
from tests.rasa_fixture import LiveRasa

COACH = Path(sys.executable).with_name("coach")
LONGEST_START_S = 120.0  # two or three on a quiet machine
LONGEST_STOP_S = 30.0
SERVING = "telegram: serving"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class Coach:
    """Everything it writes to standard error is kept in `said`, over all its lives."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._log = folder / "coach.log"
        self._began_at = 0  # where in the log this life begins
        self.kills = 0
        self.kills_at_work = 0  # of a coach that served already

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_serving(self) -> bool:
        return SERVING in self.said[self._began_at :]

    async def start(self) -> None:
        """Returns as soon as the process exists."""
        self._began_at = len(self.said)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(COACH), "run"),
                cwd=self._folder,  # no .env of a developer
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def serves(self) -> None:
        """Waits until it serves Telegram."""
        assert self._process is not None
        try:
            async with asyncio.timeout(LONGEST_START_S):
                while not self.is_serving:
                    assert self._process.returncode is None, self.said
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"the coach did not start:\n{self.said}") from None

    async def killed(self) -> None:
        """kill -9, at whatever it is doing."""
        assert self._process is not None
        assert self._process.returncode is None, f"it had stopped by itself:\n{self.said[-3000:]}"
        self.kills_at_work += self.is_serving
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self.kills += 1

    async def stopped(self) -> int:
        """As a supervisor stops it; the exit code."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(LONGEST_STOP_S):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError(f"the coach did not stop:\n{self.said[-3000:]}") from None


def environment_of(folder: Path, *, database: str, key: str, telegram: str, rasa: LiveRasa) -> dict[str, str]:
    return {
        "COACH_VAR": str(folder),
        "DATABASE_URL": database,
        "COACH_ENCRYPTION_KEYS": key,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "COACH_TELEGRAM_API": telegram,
        "COACH_TICK_S": "0.5",
        "COACH_CONSOLE_PORT": "0",
        "COACH_LOG_LEVEL": "INFO",
        **rasa.settings(),
    }


def office(folder: Path, *, database: str, key: str) -> Office:
    """Administration on the coach's own database, as `coach physio` and `coach invite` do it."""
    return Office(Settings(var=folder, DATABASE_URL=database, encryption_keys=SecretStr(key)))  # type: ignore[call-arg]
