"""Which step follows, which module is offered, and what `make content` says of a module that leads nowhere."""

from pathlib import Path
from typing import Any

import pytest

from bot.coaching.modules import END, Past, next_rung, read, what_to_offer, without_gaps
from bot.content_checks import check
from bot.settings import ROOT

FILE: dict[str, Any] = {
    "title": "Naps",
    "offer": "Shall we?",
    "steps": [
        {"step": "how", "kind": "choices", "text": "How?", "choices": [
            {"is": "short", "label": "Short", "next": "keep"}, {"is": "long", "label": "Long"}]},
        {"step": "why", "kind": "ask", "text": "Why?"},
        {"step": "keep", "kind": "keep", "text": "Keep?"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "step"), [("short", "keep"), ("long", "why"), ("my own words", "why"), ("skipped", "why")]
)
def test_an_answer_leads_to_its_step_or_to_the_one_below(answer: str, step: str) -> None:
    assert read("naps", FILE).follows("how", {"how": answer}) == step


def test_the_last_step_leads_to_the_end() -> None:
    assert read("naps", FILE).follows("keep", {}) == END


def test_a_line_that_shows_what_nobody_said_is_left_out() -> None:
    assert without_gaps("Up: {up}.\nDown: {down}.\nThat's it.", {"up": "worry", "down": ""}) == "Up: {up}.\nThat's it."


def test_the_ladder_begins_with_the_least_scary_rung_that_is_small_enough() -> None:
    rungs = [
        {"words": "a", "fear": 5},
        {"words": "b", "fear": 2},
        {"words": "c", "fear": 3},
        {"words": "d", "fear": None},
    ]

    assert next_rung(rungs, 3) == rungs[1]
    assert next_rung(rungs, 1) is None


MODULES = {
    name: read(name, {**FILE, "fits": fits})
    for name, fits in {
        "plan": {"week": 2},
        "mood": {"reasons": ["mood"]},
        "fear": {"beliefs": ["B02"]},
        "any": {},
    }.items()
}
ORDER = list(MODULES)


@pytest.mark.parametrize(
    ("week", "reasons", "beliefs", "past", "offered"),
    [
        (1, [], [], [], ("mood", "")),  # the first of the list whose week has not to come
        (2, ["mood"], ["B02"], [], ("plan", "week 2")),
        (2, ["mood"], ["B02"], [Past("plan", False, 7)], ("plan", "week 2")),  # until it is built
        (2, ["mood"], ["B02"], [Past("plan", True, None)], ("mood", "mood")),  # a reason before a belief
        (3, [], ["B02"], [Past("plan", True, None)], ("fear", "B02")),
        (3, ["mood"], [], [Past("plan", True, None), Past("mood", False, 7)], ("fear", "")),  # it rests
        (3, ["mood"], [], [Past("plan", True, None), Past("mood", False, 21)], ("mood", "mood")),
        (3, ["mood"], ["B02"], [Past(name, True, None) for name in ORDER], None),  # never one that was done
    ],
)
def test_what_is_offered(week: int, reasons: list[str], beliefs: list[str], past: list[Past], offered: Any) -> None:
    found = what_to_offer(MODULES, ORDER, past, week=week, reasons=reasons, beliefs=beliefs, rest_days=21)

    assert found == offered


GOOD = """\
title: Naps
offer: Shall we look at naps?
steps:
- step: how
  kind: choices
  text: How do you nap?
  choices:
  - {is: short, label: Short}
  - {is: long, label: Long, reply: Thank you.}
- step: rest
  kind: try
  seconds: 20
  text: Close your eyes.
- step: card
  kind: keep
  text: What will you keep?
"""


def problems(tmp_path: Path, module: str, order: str = "[naps]") -> list[str]:
    root = tmp_path / "dialogues"
    (root / "protocol").mkdir(parents=True)
    (root / "modules").mkdir()
    (root / "modules" / "naps.yml").write_text(module)
    (root / "protocol" / "wording.yml").write_text((ROOT / "dialogues/protocol/wording.yml").read_text())
    (root / "protocol" / "safety_approvals.yml").write_text("approved: {}")
    (root / "protocol" / "app_responses.yml").write_text("- utter_module_")
    order_file = f"order: {{value: {order}, unit: files, source: test, approved: test}}"
    (root / "protocol" / "modules.yml").write_text(order_file)
    return [f"{each.line} {each.text}" for each in check(root) if each.path.name in ("naps.yml", "modules.yml")]


def test_a_module_in_order_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("there", "instead", "problem"),
    [
        ("label: Short}", "label: Short, next: nowhere}", "8 how leads to nowhere, which is no step: a dead end"),
        ("label: Long, reply", "label: Long, next: how, reply", "how leads back to how"),
        ("label: Short}", "label: Short, next: end}", "one way through the module leaves nothing to keep"),
        ("  kind: try\n  seconds: 20\n", "  kind: ask\n", "the module lets nobody try anything"),
        ("  seconds: 20\n", "", "rest needs `seconds` for its timer"),
        ("  text: Close your eyes.\n", "", "rest has no words"),
        ("  - {is: short, label: Short}\n", "", "how needs at least two choices"),
        ("is: short", "is: skip", "a choice can't be called 'skip'"),
        ("text: What will you keep?", "text: \"{where}\"", "shows {where}, which nobody asks"),
        ("text: What will you keep?", "text: \"{how}\"", "card would be silent when what it shows was skipped"),
        ("text: How do you nap?", "text: How do you nap?\n  nxet: rest", "'nxet' means nothing in a step"),
        ("text: What will you keep?", "text: What will you keep?\n- step: lost\n  kind: ask\n  text: Lost?", ""),
        ("offer: Shall we look at naps?\n", "", "the module has no offer"),
    ],
)  # fmt: skip
def test_each_fault_is_named(tmp_path: Path, there: str, instead: str, problem: str) -> None:
    assert there in GOOD

    found = problems(tmp_path, GOOD.replace(there, instead))

    assert any(problem in each for each in found) if problem else found == []


def test_a_step_that_nothing_leads_to_is_named(tmp_path: Path) -> None:
    passed_by = GOOD.replace("label: Short}", "label: Short, next: card}")
    passed_by = passed_by.replace("label: Long, reply", "label: Long, next: card, reply")
    passed_by = passed_by.replace("  text: How do you nap?", "  text: How do you nap?\n  next: card")

    assert any("nothing leads to the step rest" in each for each in problems(tmp_path, passed_by))


def test_a_module_that_is_in_no_list_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD, order="[]")

    assert any("naps is in no list: nobody could open it" in each for each in found)
