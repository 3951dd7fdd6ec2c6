"""The real safety content, read once, and short words for what the rule layer made of a message."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.coaching.screening import STRENGTH, Finding, ScreeningRules, screen

ROOT = Path(__file__).resolve().parents[2]
SAFETY = ROOT / "dialogues" / "safety"
EMERGENCIES = ("RF01", "RF02", "RF07", "RF09", "RF10", "RF13", "RF15")


@cache
def read(path: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one where it is there
    return yaml.load((SAFETY / path).read_text(encoding="utf-8"), Loader=loader)


@cache
def rules() -> ScreeningRules:
    lexicons = [read(f"lexicon/{path.name}") for path in sorted((SAFETY / "lexicon").glob("*.yml"))]
    return ScreeningRules.from_content(lexicons, read("risks.yml"))


def found(text: str) -> list[Finding]:
    return screen(text, rules())


def action(text: str, risk: str | None = None) -> str:
    """The strongest action, of one risk or of any: silent, other, ask, advise."""
    actions = [finding.action for finding in found(text) if risk in (None, finding.risk)]
    return max(actions, key=STRENGTH.__getitem__, default="silent")


@cache
def examples(risk: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The messages of dialogues/safety/examples/ that carry this risk, and its near misses with why."""
    positives, near = [], []
    for block in read(f"examples/{risk}.yml")["nlu"]:
        for example in block["examples"]:
            text, metadata = example["text"].strip(), example["metadata"]
            if risk in metadata.get("labels", []):
                positives.append(text)
            if risk in metadata.get("near", []):
                near.append((text, metadata["why"]))
    return positives, near


@cache
def unseen() -> list[dict[str, Any]]:
    """Sentences held out from everybody who writes rules or examples."""
    return lines(ROOT / "nlu" / "evaluation" / "risks_unseen.jsonl")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
