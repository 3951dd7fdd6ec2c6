"""What the simulation looks for in a chat: each fault is found, and what is in order is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.simulation.person import Seen
from bot.simulation.problems import Problem, Watch

CHAT = 1
MORNING = datetime(2026, 3, 2, 10, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 23, tzinfo=UTC)


@pytest.fixture
def watch() -> Watch:
    watch = Watch(quiet_from="20:00", quiet_until="08:00", a_day=1, a_week=4, first_weeks=2)
    watch.joins(CHAT, "improving-1", zone="Europe/London", check_in_at="09:00")
    return watch


def sees(
    watch: Watch, text: str, *, kind: str = "reply", at: datetime = MORNING, week: int = 1, says: str = "utter_x"
) -> None:
    watch.shown(CHAT, Seen(1, text, kind, (says,), (), None), at, week=week)


def test_an_ordinary_chat_has_no_problem(watch: Watch) -> None:
    watch.patient_did(CHAT, "hello", MORNING, ticks=False)
    sees(watch, "Hello.")
    sees(watch, "How is your back?", kind="check_in")
    watch.look_round(MORNING)

    assert watch.found.counts == {}


def test_silence_is_found(watch: Watch) -> None:
    watch.patient_did(CHAT, "hello", MORNING, ticks=False)
    watch.look_round(MORNING)

    assert watch.found.counts == {Problem.SILENCE: 1}
    assert watch.found.examples[Problem.SILENCE] == "improving-1, Mon 02 Mar 10:00: hello"


@pytest.mark.parametrize(
    ("text", "says", "problem"),
    [
        ("", "utter_x", Problem.EMPTY),
        ("I have no words.", "utter_empty_reply", Problem.EMPTY),
        ("You did {minutes} minutes.", "utter_x", Problem.HOLE),
        ("You did None minutes.", "utter_x", Problem.HOLE),
    ],
)
def test_empty_words_and_holes_are_found(watch: Watch, text: str, says: str, problem: Problem) -> None:
    sees(watch, text, says=says)

    assert watch.found.counts == {problem: 1}


def test_the_same_reply_twice_is_found_and_the_same_check_in_on_another_day_is_not(watch: Watch) -> None:
    sees(watch, "How is your back?", kind="check_in")
    sees(watch, "How is your back?", kind="check_in")
    assert watch.found.counts == {}

    sees(watch, "Got it.")
    sees(watch, "Got it.")
    assert watch.found.counts == {Problem.REPEATED: 1}


@pytest.mark.parametrize("kind", ["check_in", "reminder", "prompt"])
def test_a_message_at_night_is_found(watch: Watch, kind: str) -> None:
    sees(watch, "Hello.", kind=kind, at=NIGHT)

    assert watch.found.counts == {Problem.QUIET: 1}


@pytest.mark.parametrize("kind", ["reply", "safety"])
def test_answers_and_advice_may_come_at_night(watch: Watch, kind: str) -> None:
    sees(watch, "Hello.", kind=kind, at=NIGHT)

    assert watch.found.counts == {}


def test_an_hour_of_their_own_choice_is_not_quiet() -> None:
    watch = Watch(quiet_from="20:00", quiet_until="08:00", a_day=1, a_week=4, first_weeks=2)
    watch.joins(CHAT, "improving-1", zone="Europe/London", check_in_at="23:00")

    sees(watch, "How is your back?", kind="check_in", at=NIGHT)

    assert watch.found.counts == {}


def test_more_prompts_than_the_protocol_allows_are_found(watch: Watch) -> None:
    sees(watch, "One.", kind="prompt")
    assert watch.found.counts == {}

    sees(watch, "Two.", kind="prompt")
    assert watch.found.counts == {Problem.TOO_MANY: 1}


def test_five_prompts_in_seven_days_are_too_many_after_the_second_week(watch: Watch) -> None:
    for day in range(5):
        sees(watch, f"Day {day}.", kind="prompt", at=MORNING + timedelta(days=day), week=3)

    assert watch.found.counts == {Problem.TOO_MANY: 1}
