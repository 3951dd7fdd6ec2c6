"""Every conversation of dialogues/transcripts/, on the real Rasa with the real action endpoint.

How to write one stands in dialogues/README.md, "Add a transcript": nobody needs Python for it.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.content import Library
from bot.rasa.client import Rasa
from bot.rasa.turns import TurnResult
from bot.settings import ROOT
from tests.dialogues.walk import Walk

FOLDER = ROOT / "dialogues" / "transcripts"
FILES = sorted(FOLDER.glob("*.yml"))
STEP = {"patient", "intent", "entities", "open", "sees", "asks", "does"}
pytestmark = pytest.mark.rasa


def transcripts() -> list[Any]:
    return [pytest.param(each, id=f"{path.stem}: {each['name']}") for path in FILES for each in read(path)]


def read(path: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    return read


def test_there_are_transcripts() -> None:
    assert FILES != []


@pytest.mark.parametrize("transcript", transcripts())
async def test_transcript(transcript: dict[str, Any], rasa: Rasa, library: Library) -> None:
    walk = Walk(rasa, library, transcript.get("as", "active"))

    for number, step in enumerate(transcript["steps"], start=1):
        assert set(step) <= STEP, f"step {number} has a key that means nothing"
        result = await take(walk, step)

        assert seen(result, step) == expected(step), f"step {number}: {step.get('patient') or step.get('intent')}"


async def take(walk: Walk, step: dict[str, Any]) -> TurnResult:
    if "open" in step:
        walk.opens(step["open"]["form"], step["open"]["slots"])
    if "intent" in step:
        return await walk.means(step["intent"], step.get("entities"))
    return await walk.says(str(step["patient"]))


def seen(result: TurnResult, step: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {"sees": [reply.response for reply in result.replies], "asks": result.asks}
    if "does" in step:
        seen["does"] = [reply.custom for reply in result.replies if "effect" in reply.custom]
    return seen


def expected(step: dict[str, Any]) -> dict[str, Any]:
    wanted: dict[str, Any] = {"sees": step["sees"], "asks": step.get("asks")}
    return wanted | ({"does": step["does"]} if "does" in step else {})
