"""The moves of an alert and the facts about two of them, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.coaching.alerts import (
    MOVES,
    Move,
    after,
    age,
    before,
    is_worse,
    told_codes,
    told_so_far,
    worst_level,
    worst_severity,
)
from data.alerts import AlertState

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def test_nothing_leaves_closed():
    leaving = [move for move in Move if AlertState.CLOSED in before(move)]

    assert leaving == []


def test_every_move_is_between_states_that_are_stored():
    named = {state for sources, target in MOVES.values() for state in {*sources, target}}

    assert named == {state.value for state in AlertState}


def test_a_new_message_takes_an_alert_back_from_whoever_has_it():
    assert AlertState.ACKNOWLEDGED in before(Move.RAISE_AGAIN)
    assert after(Move.RAISE_AGAIN) == AlertState.OPEN


def test_only_an_open_alert_can_be_acknowledged():
    assert before(Move.ACKNOWLEDGE) == {AlertState.OPEN}


@pytest.mark.parametrize(
    ("one", "other", "worst"),
    [("EAE", "E999", "E999"), ("U48", "U111", "U111"), ("R", "R", "R"), ("R", "new one", "new one")],
)
def test_the_worse_severity_stands(one: str, other: str, worst: str):
    assert worst_severity(one, other) == worst
    assert worst_severity(other, one) == worst


def test_the_more_urgent_level_stands():
    assert worst_level("P1", "P0") == "P0"


@pytest.mark.parametrize(
    ("severity", "level", "expected"),
    [("EAE", "P0", False), ("E999", "P0", True), ("U48", "P0", False), ("U48", "P1", False)],
)
def test_worse_is_a_worse_severity_or_a_more_urgent_level(severity: str, level: str, expected: bool):
    assert is_worse(severity=severity, level=level, than_severity="EAE", than_level="P0") is expected


def test_what_was_told_is_kept_in_order_and_once():
    assert told_so_far("", "utter_mae") == "utter_mae"
    assert told_so_far("utter_mae", "utter_m999,utter_mae") == "utter_mae,utter_m999"
    assert told_so_far("utter_mae", "") == "utter_mae"


def test_staff_read_what_was_told_by_its_code():
    assert told_codes("utter_mae,utter_m111_clot") == ["MAE", "M111 CLOT"]
    assert told_codes("MAE") == ["MAE"]
    assert told_codes("") == []


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(seconds=-5), ("now", {})),
        (timedelta(seconds=59), ("now", {})),
        (timedelta(minutes=59), ("minutes", {"minutes": 59})),
        (timedelta(hours=3, minutes=5), ("hours", {"hours": 3, "minutes": 5})),
        (timedelta(days=2, hours=4, minutes=59), ("days", {"days": 2, "hours": 4})),
    ],
)
def test_age_is_said_in_the_unit_a_person_would_use(passed: timedelta, expected: tuple[str, dict[str, int]]):
    assert age(NOW, NOW + passed) == expected
