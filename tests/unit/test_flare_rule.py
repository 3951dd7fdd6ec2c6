"""A flare by day: how much of the plan, and who hears of it. clinical.md §8.8."""

from datetime import date

import pytest

from bot.coaching.flare import Stages, day_of, minutes, needs_physio, over, share

STAGES = Stages(shares=((2, 0.5), (4, 0.75)), back_on=5, last_ask=7)


@pytest.mark.parametrize(("day", "share_of"), [(1, None), (2, 0.5), (3, 0.5), (4, 0.75), (5, 1.0), (8, 1.0)])
def test_the_share_of_the_plan(day: int, share_of: float | None) -> None:
    assert share(day, STAGES) == share_of


def test_who_wants_to_be_back_later_stays_at_three_quarters() -> None:
    assert [share(day, STAGES, back_on=7) for day in (5, 6, 7)] == [0.75, 0.75, 1.0]


@pytest.mark.parametrize(("plan", "part", "found"), [(20, 0.5, 10), (1, 0.5, 1), (1, 0.75, 1), (15, 0.75, 11)])
def test_never_to_nothing(plan: int, part: float, found: int) -> None:
    assert minutes(plan, part) == found


def test_the_day_it_began_is_day_one() -> None:
    assert day_of(date(2026, 12, 1), date(2026, 12, 1)) == 1


@pytest.mark.parametrize(
    ("day", "said", "physio"),
    [
        (7, "same", True),
        (7, "worse", True),
        (8, "same", True),
        (6, "worse", False),
        (7, "easing", False),
        (9, None, False),
    ],
)
def test_a_physio_hears_when_it_is_not_easing_by_day_seven(day: int, said: str | None, physio: bool) -> None:
    assert needs_physio(day, said, STAGES) is physio


def test_asking_is_over_when_it_is_gone_or_the_days_are() -> None:
    assert [over(3, "gone", STAGES), over(7, None, STAGES), over(8, None, STAGES)] == [True, False, True]
