"""Floors of the rule layer alone, without the model: how much it hears, and how often it cries wolf.

Read the figures for what they are. The rules were widened on most of the examples, so the first figures are on seen
sentences; 2,100 of them came later, understated, denied or hard to read, and were only counted: what the rules miss of
those is the model's to hear. The held-out file is the honest one, and it is one author's too. Rules and model together
carry the targets of clinical.md §5.5.
"""

from collections.abc import Iterable
from math import sqrt
from typing import Any

import pytest
import yaml

from tests.unit.screened import EMERGENCIES, ROOT, action, examples, rules, unseen

ALL_RISKS = sorted(rules().risks)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a proportion."""
    z = 1.96
    share, weight = hits / of, 1 + z * z / of
    centre, half = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (centre - half) / weight, (centre + half) / weight


def heard(risk: str, texts: Iterable[str]) -> int:
    return sum(action(text, risk) in ("ask", "advise") for text in texts)


def ordinary() -> list[str]:
    """What patients say in every other topic: examples of dialogues/ outside safety/."""
    texts = []
    for path in sorted((ROOT / "dialogues").rglob("*.yml")):
        if "safety" in path.parts or "protocol" in path.parts or "transcripts" in path.parts:
            continue
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for block in document.get("nlu") or [] if isinstance(document, dict) else []:
            given = block.get("examples") or []
            if isinstance(given, str):
                texts += [line.removeprefix("- ").strip() for line in given.splitlines()]
            else:
                texts += [example["text"].strip() for example in given]
    return texts


@pytest.mark.parametrize("risk", ALL_RISKS)
def test_a_class_is_heard_in_its_examples(risk: str) -> None:
    positives, _near = examples(risk)

    share = heard(risk, positives) / len(positives)

    assert share >= (0.80 if risk == "RF13" else 0.85)  # most of what RF13 lacks is indirect: the model's to hear


def test_near_misses_of_the_examples_are_left_alone() -> None:
    near = [text for risk in ALL_RISKS for text, _why in examples(risk)[1]]

    advised = [text for text in near if action(text) == "advise"]
    alarmed = [text for text in near if action(text) in ("ask", "advise")]

    assert len(advised) / len(near) <= 0.03, advised
    assert len(alarmed) / len(near) <= 0.065, alarmed


def test_the_emergency_classes_are_heard_in_held_out_sentences() -> None:
    lines = [line for line in unseen() if line["risks"] and line["risks"][0] in EMERGENCIES]

    hits = sum(action(line["text"], line["risks"][0]) in ("ask", "advise") for line in lines)

    low, high = wilson(hits, len(lines))
    assert hits / len(lines) >= 0.80, f"{hits} of {len(lines)}: {low:.2f} to {high:.2f}"


def test_all_classes_are_heard_in_held_out_sentences() -> None:
    lines = [line for line in unseen() if line["risks"]]

    hits = sum(action(line["text"], line["risks"][0]) in ("ask", "advise") for line in lines)

    low, high = wilson(hits, len(lines))
    assert hits / len(lines) >= 0.78, f"{hits} of {len(lines)}: {low:.2f} to {high:.2f}"


def test_held_out_near_misses_are_mostly_left_alone() -> None:
    near = [line["text"] for line in unseen() if not line["risks"]]

    advised = [text for text in near if action(text) == "advise"]
    alarmed = [text for text in near if action(text) in ("ask", "advise")]

    assert len(advised) / len(near) <= 0.05, advised
    assert len(alarmed) / len(near) <= 0.10, alarmed


def test_ordinary_talk_is_left_alone() -> None:
    texts = ordinary()

    advised = [text for text in texts if action(text) == "advise"]
    alarmed = [text for text in texts if action(text) in ("ask", "advise")]

    assert len(texts) > 1000
    assert len(advised) / len(texts) <= 0.002, advised
    assert len(alarmed) / len(texts) <= 0.0085, alarmed
