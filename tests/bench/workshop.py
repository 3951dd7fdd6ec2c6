"""A copy of everything that is measured, in a temporary folder: edits during the run, and old caches, don't count."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.settings import ROOT
from tests.bench.processes import environment, finish

COPIED = ("bot", "data", "dialogues", "nlu")
LEFT_OUT = shutil.ignore_patterns(".venv", "__pycache__", "tests", "evaluation", "*.egg-info")
RASA_PYTHON = ROOT / "nlu" / ".venv" / "bin" / "python"
APP_PYTHON = ROOT / ".venv" / "bin" / "python"


class Workshop:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.models = self.var / "models"
        self.log = folder / "bench.log"
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
        (folder / "nlu" / ".venv").symlink_to(ROOT / "nlu" / ".venv")
        self.models.mkdir(parents=True)

    async def train(self) -> tuple[float, Path]:
        """Seconds, and the model."""
        command = (RASA_PYTHON, "-m", "nlu.train", "--models", self.models)
        seconds, model = await finish(command, folder=self.folder, log=self.log, env=environment())
        return seconds, Path(model)

    async def borrow_model(self) -> None:
        """The model that is there already; made now, with what is cached, when there is none of this content."""
        for name in ("models", "cache"):
            if (ROOT / "var" / name).exists():
                shutil.copytree(ROOT / "var" / name, self.var / name, dirs_exist_ok=True)
        await self.train()


@contextmanager
def workshop() -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory(prefix="coach-bench-", ignore_cleanup_errors=True) as folder:
        yield Workshop(Path(folder))
