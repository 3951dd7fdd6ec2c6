"""Starts Rasa beside the app, keeps it running, and stops it with everything it started."""

import asyncio
import os
import secrets
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.errors import ConfigurationError
from bot.rasa.client import HttpRasa
from bot.settings import ROOT, Settings

PYTHON = ROOT / "nlu" / ".venv" / "bin" / "python"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "LD_LIBRARY_PATH")  # and no secret of ours
LONGEST_START_S = 120.0
LONGEST_STOP_S = 5.0


class RasaProcess:
    """`action_url` is where Rasa asks for actions; it must carry `action_token`. `client` talks to this Rasa."""

    def __init__(
        self,
        settings: Settings,
        *,
        progress: Callable[[str], None],
        action_url: str | None = None,
        models: Path | None = None,
        tracker_url: str | None = None,
        keep_running: bool = True,
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._models = (models or settings.var / "models").resolve()
        beside = f"sqlite:///{settings.var.resolve() / 'rasa.db'}"
        self._tracker_url = tracker_url or os.environ.get("COACH_TRACKER_URL") or beside
        self._keep_running = keep_running
        self._port = settings.rasa_port or _free_port()
        self._token = settings.rasa_token.get_secret_value() or secrets.token_urlsafe(32)
        self.action_token = settings.action_token.get_secret_value() or secrets.token_urlsafe(32)
        self._action_url = action_url or f"http://{settings.host}:{settings.port}/actions"
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = HttpRasa(self.url, self._token, settings.rasa_timeout_s)
        self.log = settings.var / "log" / "rasa.log"
        self.model = Path()
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Trains when dialogues/ changed, starts Rasa and waits until it answers. Raises ConfigurationError."""
        if not PYTHON.exists():
            raise ConfigurationError("Rasa's own Python is missing (nlu/.venv). Run `make run`: it installs it.")
        self.model = await self._train()
        await self.resume()

    async def stop(self) -> None:
        await self.pause()
        await self.client.close()

    async def pause(self) -> None:
        """Rasa is down until `resume`."""
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._end()

    async def resume(self) -> None:
        await self._launch()
        if self._keep_running:
            self._watch = asyncio.create_task(self._restart_when_it_ends())

    async def _train(self) -> Path:
        self._models.mkdir(parents=True, exist_ok=True)
        training = await asyncio.create_subprocess_exec(
            *(str(PYTHON), "-m", "nlu.train"),
            *("--dialogues", str(self._settings.dialogues), "--models", str(self._models)),
            cwd=ROOT,
            env=self._environment(),
            stdout=PIPE,
            stderr=PIPE,
            limit=2**20,
            start_new_session=True,
        )
        assert training.stdout is not None
        assert training.stderr is not None
        last = ""
        try:
            async for line in training.stderr:
                last = line.decode(errors="replace").strip()
                self._progress(last)
            model = (await training.stdout.read()).decode().strip()
            if await training.wait() != 0:
                raise ConfigurationError(last or "The model could not be trained.")
        finally:
            if training.returncode is None:
                _signal(training, signal.SIGKILL)
        return Path(model)

    async def _launch(self) -> None:
        self._progress("rasa: starting")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(PYTHON), "-m", "rasa", "run", "--quiet", "-i", "127.0.0.1", "-p", str(self._port)),
                *("--model", str(self.model)),
                *("--credentials", "nlu/credentials.yml", "--endpoints", "nlu/endpoints.yml"),
                cwd=ROOT,
                env=self._environment(),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(LONGEST_START_S):
                while not await self.client.ready():
                    if self._process.returncode is not None:
                        raise ConfigurationError(f"Rasa stopped while it started. Its last words stand in {self.log}.")
                    await asyncio.sleep(0.1)
        except BaseException as error:
            await self._end()
            if isinstance(error, TimeoutError):
                raise ConfigurationError(f"Rasa did not start in {LONGEST_START_S:.0f} s; see {self.log}.") from error
            raise
        self._progress("rasa: ready")

    async def _restart_when_it_ends(self) -> None:
        while self._process:
            await self._process.wait()
            self._progress("rasa: it stopped by itself; starting it again")
            with suppress(ConfigurationError):
                await self._launch()
            await asyncio.sleep(1.0)  # a Rasa that can't start must not take the whole machine

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(LONGEST_STOP_S):
                await process.wait()
        except TimeoutError:
            _signal(process, signal.SIGKILL)
            await process.wait()

    def _environment(self) -> dict[str, str]:
        var = self._settings.var.resolve()
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "COACH_VAR": str(var.resolve()),
            "COACH_RASA_TOKEN": self._token,
            "COACH_ACTION_URL": self._action_url,
            "COACH_ACTION_TOKEN": self.action_token,
            "COACH_TRACKER_URL": self._tracker_url,
            "COACH_PARENT": str(os.getpid()),  # Rasa ends when the app is gone, also after kill -9
            "RASA_TELEMETRY_ENABLED": "false",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "MPLCONFIGDIR": str(var / "cache" / "matplotlib"),
            "PYTHONWARNINGS": "ignore",
            "LOG_LEVEL": "WARNING",  # below that Rasa writes patients' words into its log
            "LOG_LEVEL_LIBRARIES": "ERROR",
        }


def _signal(process: Process, number: signal.Signals) -> None:
    """To the whole group: Rasa may have started others."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
