"""When the shown time changes, and what it shows."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.coaching.countdown import Pace, clock, left, next_change, phase

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PACE = Pace(short=10, long=30, short_up_to=60)


@pytest.mark.parametrize(
    ("seconds", "gone", "next_at"),
    [(20, 0, 10), (20, 10, 20), (45, 0, 5), (45, 5, 15), (45, 7.5, 15), (180, 0, 30), (180, 95, 120), (45, 44, 45)],
)
def test_it_changes_at_round_numbers_and_at_the_end(seconds: int, gone: float, next_at: int) -> None:
    now = START + timedelta(seconds=gone)

    assert next_change(seconds, START, now, PACE) == START + timedelta(seconds=next_at)


@pytest.mark.parametrize(("gone", "shown"), [(0, "3:00"), (0.5, "3:00"), (1, "2:59"), (150, "0:30"), (500, "0:00")])
def test_what_is_left_is_rounded_up_and_never_below_nothing(gone: float, shown: str) -> None:
    assert clock(left(180, START, START + timedelta(seconds=gone))) == shown


@pytest.mark.parametrize(("remaining", "part"), [(180, 1), (121, 1), (120, 2), (60, 3), (0, 3)])
def test_the_parts_of_an_exercise_are_equal(remaining: int, part: int) -> None:
    assert phase(180, remaining, 3) == part
