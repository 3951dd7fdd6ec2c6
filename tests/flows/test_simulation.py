"""Synthetic patients on the real services: nothing goes wrong, a planted fault is found, some days are kept word for word.

When words or rules change on purpose, write the golden transcripts anew and read the difference before you commit it:

    COACH_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/flows/test_simulation.py -k golden
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.content import Library
from bot.services.checkins import CheckIns
from bot.services.safety import screening_rules
from bot.simulation import report
from bot.simulation.command import transcript_line
from bot.simulation.personas import read_cast
from bot.simulation.problems import Problem
from bot.simulation.rasa import StandInRasa
from bot.simulation.run import Content, Outcome, live, people_of, simulate
from bot.simulation.world import BEGINS
from tests.dialogues.walk import Walk

GOLDEN = Path(__file__).parent / "golden"
WEEKS = 1


@pytest.fixture(scope="module")
def content(library: Library) -> Content:
    return Content(library, screening_rules(library), read_cast())


@pytest.fixture(scope="module")
def one_week(content: Content) -> Outcome:
    return simulate(content, patients=8, weeks=WEEKS, seed=1)


def test_a_week_of_eight_patients_brings_no_problem(one_week: Outcome) -> None:
    assert one_week.found.examples == {}
    assert dict(one_week.not_understood) == {}


def test_the_eight_live_as_their_personas_would(one_week: Outcome) -> None:
    tallies = one_week.tallies

    assert set(one_week.patients) == set(read_cast().personas)
    assert tallies["check-ins answered"]["improving"] > 2 * tallies["check-ins answered"]["silent"]
    assert tallies["goals set"]["improving"] >= 1
    assert tallies["beliefs flagged"]["fearful"] >= 1


def test_the_report_says_it_in_plain_text(one_week: Outcome) -> None:
    text = "\n".join(report.lines(one_week, weeks=WEEKS, took_s=1.0))

    assert "messages a patient-week" in text
    assert "alerts by rule" in text
    assert text.endswith("problems: none")


@pytest.mark.parametrize(
    ("persona", "days"),
    [("in_crisis", range(9, 11)), ("housebound", range(4, 6)), ("deteriorating", range(8, 12))],
)
async def test_golden_days_stay_word_for_word(content: Content, persona: str, days: range) -> None:
    """The same seed gives the same chat; what a patient reads when it matters most is changed on purpose only."""
    chat = await transcript(content, persona, days=days)

    kept = GOLDEN / f"{persona}.txt"
    if os.environ.get("COACH_WRITE_GOLDEN"):
        kept.write_text(chat)
    assert chat == kept.read_text()


async def test_a_planted_fault_is_found(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = content.library.responses["utter_ask_read_what_i_am"][0]
    for slot in ("read_what_i_am", "read_about_telegram"):
        monkeypatch.setitem(content.library.responses, f"utter_ask_{slot}", [asked | {"text": "Read this, {nobody}."}])
    monkeypatch.setitem(content.library.responses, "utter_invitation_accepted", [{"text": ""}])

    outcome = await live(content, people_of(content.cast, range(1), days=7, seed=1), weeks=1 / 84)

    assert outcome.found.counts == {Problem.HOLE: 2, Problem.REPEATED: 1}
    assert "Read this" in outcome.found.examples[Problem.REPEATED]


async def test_an_error_in_a_service_is_found(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ValueError("planted")

    monkeypatch.setattr(CheckIns, "send_due", fails)

    outcome = await live(content, people_of(content.cast, range(1), days=7, seed=1, persona="silent"), weeks=1 / 28)

    assert outcome.found.counts[Problem.ERROR] > 0
    assert "tick_step_failed" in outcome.found.examples[Problem.ERROR]


async def transcript(content: Content, persona: str, *, days: range) -> str:
    """What was said on these days of the programme; they begin at the first."""
    said: list[str] = []

    def told(at: datetime, who: str, words: str, buttons: list[str]) -> None:
        if days.start <= (at.date() - BEGINS).days + 1:
            said.append(transcript_line(at, who, words, buttons))

    people = people_of(content.cast, range(1), days=84, seed=1, persona=persona)
    outcome = await live(content, people, weeks=(days.stop - 1) / 7, told=told)
    assert outcome.found.examples == {}
    return "\n".join(said) + "\n"


async def test_what_is_skipped_is_asked_no_more(content: Content) -> None:
    walk = Walk(StandInRasa(content.library, content.cast.meanings()), content.library)
    walk.opens("exploration_form", {"explore_right": "right"}, asks="explore_view")

    await walk.says("skip")

    assert walk.asks == "exploration_form.explore_fits"
