"""Big days followed by sore, quiet ones: clinical.md §8.7, one clause a test."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.coaching.boom_bust import Diary, Numbers, Pattern, look, weeks_with_pattern
from bot.content import Library

LAST = date(2026, 12, 20)  # a Sunday
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def numbers(library: Library) -> Numbers:
    declared = library.protocol["at_risk"]["rules"]["AR13"]["when"]["fortnight"]
    return Numbers(**{name: declared[name]["value"] for name in Numbers.__dataclass_fields__})


def days(*values: int | None, last: date = LAST) -> dict[date, int]:
    """The last value is of `last`; None is a day of which nothing was told."""
    first = last - DAY * (len(values) - 1)
    return {first + DAY * at: value for at, value in enumerate(values) if value is not None}


#            two big days, each with a sore and quiet day after it
MINUTES = (20, 20, 20, 60, 5, 20, 20, 20, 20, 70, 0, 20, 20, 20)
PAIN = (4, 4, 4, 4, 7, 4, 4, 4, 4, 4, 6, 4, 4, 4)


def diary(minutes: Mapping[date, int] | None = None, pain: Mapping[date, int] | None = None, **more: object) -> Diary:
    known = Diary(days(*MINUTES) if minutes is None else minutes, days(*PAIN) if pain is None else pain, {})
    return replace(known, **more)  # type: ignore[arg-type]


def shown(known: Diary, numbers: Numbers) -> Pattern:
    pattern = look(known, LAST, numbers)
    assert pattern is not None
    return pattern


def test_two_big_days_with_a_sore_quiet_day_after_each_are_a_pattern(numbers: Numbers) -> None:
    pattern = shown(diary(), numbers)

    assert pattern.found
    assert [(pair.boom_on.day, pair.bust_on.day) for pair in pattern.pairs] == [(10, 11), (16, 17)]
    assert (pattern.median_minutes, pattern.usual_pain) == (20, 4)


NOT_A_PATTERN = {
    "one pair is none": ((20, 20, 20, 60, 5, 20, 20, 20, 20, 20, 20, 20, 20, 20), PAIN),
    "big without a quiet day": ((20, 20, 20, 60, 20, 20, 20, 20, 20, 70, 20, 20, 20, 20), PAIN),
    "quiet without a sore day": (MINUTES, (4,) * 14),
    "sore by one point only": (MINUTES, (4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 5, 4, 4, 4)),
    "the quiet day comes too late": ((20, 20, 20, 60, 20, 20, 5, 20, 20, 70, 20, 20, 0, 20), PAIN),
    "twice the usual, and not 20 minutes more": ((15, 15, 15, 34, 5, 15, 15, 15, 15, 34, 0, 15, 15, 15), PAIN),
    "20 minutes more, and not twice the usual": ((50, 50, 50, 75, 5, 50, 50, 50, 50, 75, 0, 50, 50, 50), PAIN),
}


@pytest.mark.parametrize("case", NOT_A_PATTERN)
def test_it_is_no_pattern(case: str, numbers: Numbers) -> None:
    minutes, pain = NOT_A_PATTERN[case]

    pattern = shown(diary(days(*minutes), days(*pain)), numbers)

    assert not pattern.found


def test_at_the_boundary_of_both_conditions_it_is_one(numbers: Numbers) -> None:
    exactly = (20, 20, 20, 40, 10, 20, 20, 20, 20, 40, 10, 20, 20, 20)
    sore = (4, 4, 4, 4, 6, 4, 4, 4, 4, 4, 6, 4, 4, 4)

    pattern = shown(diary(days(*exactly), days(*sore)), numbers)

    assert pattern.found


def test_far_above_the_planned_amount_is_a_big_day_too(numbers: Numbers) -> None:
    minutes = (20, 20, 20, 30, 5, 20, 20, 20, 20, 30, 5, 20, 20, 20)
    planned = days(*minutes)

    with_plan = shown(diary(days(*minutes), planned=planned, quota=20), numbers)
    without = shown(diary(days(*minutes)), numbers)

    assert with_plan.found
    assert not without.found


def test_ten_days_are_needed(numbers: Numbers) -> None:
    ten = (None, 20, None, 60, 5, None, 20, 20, 20, 70, 0, None, 20, 20)
    nine = (None, 20, None, 60, 5, None, 20, None, 20, 70, 0, None, 20, 20)

    assert look(diary(days(*ten)), LAST, numbers) is not None
    assert look(diary(days(*nine)), LAST, numbers) is None


def test_a_missing_day_is_not_a_quiet_one(numbers: Numbers) -> None:
    minutes = (20, 20, 20, 60, None, 20, 20, 20, 20, 70, None, 20, 20, 20)

    pattern = shown(diary(days(*minutes)), numbers)

    assert pattern.pairs == ()


def test_a_missing_rating_is_not_a_sore_one(numbers: Numbers) -> None:
    pain = (4, 4, 4, 4, None, 4, 4, 4, 4, 4, None, 4, 4, 4)

    pattern = shown(diary(pain=days(*pain)), numbers)

    assert pattern.pairs == ()


@pytest.mark.parametrize("why", ["illness", "travel", "a weekend away"])
def test_days_that_are_left_out_make_no_pair(why: str, numbers: Numbers) -> None:
    pattern = shown(diary(left_out={date(2026, 12, 11)}), numbers)

    assert [pair.boom_on.day for pair in pattern.pairs] == [16]


def test_two_big_days_in_a_row_and_one_quiet_one_are_one_pair(numbers: Numbers) -> None:
    minutes = (20, 20, 20, 60, 60, 5, 20, 20, 20, 20, 20, 20, 20, 20)
    pain = (4, 4, 4, 4, 4, 7, 4, 4, 4, 4, 4, 4, 4, 4)

    pattern = shown(diary(days(*minutes), days(*pain)), numbers)

    assert len(pattern.pairs) == 1


def test_large_swings_with_sore_mornings_after_support_it(numbers: Numbers) -> None:
    minutes = (20, 20, 20, 90, 5, 20, 20, 20, 20, 100, 0, 20, 20, 20)

    pattern = shown(diary(days(*minutes)), numbers)
    even = shown(diary(days(*(20,) * 14)), numbers)

    assert pattern.swings
    assert not even.swings


# Weeks

FOUR_WEEKS = days(*MINUTES, *MINUTES)
SORE_WEEKS = days(*PAIN, *PAIN)


def test_one_bad_fortnight_is_not_two_bad_weeks_over(numbers: Numbers) -> None:
    quiet_first = diary(days(*(20,) * 14, *MINUTES), days(*(4,) * 14, *PAIN))
    one_week = diary(
        days(*(20,) * 14, *(20,) * 7, 20, 60, 5, 20, 70, 0, 20), days(*(4,) * 14, *(4,) * 7, 4, 4, 7, 4, 4, 6, 4)
    )

    assert len(weeks_with_pattern(one_week, LAST, 4, numbers)) == 1
    assert len(weeks_with_pattern(quiet_first, LAST, 4, numbers)) == 1


def test_two_of_four_weeks_show_it(numbers: Numbers) -> None:
    found = weeks_with_pattern(diary(FOUR_WEEKS, SORE_WEEKS), LAST, 4, numbers)

    assert len(found) >= 2


def test_what_the_patient_has_denied_does_not_count(numbers: Numbers) -> None:
    found = weeks_with_pattern(diary(FOUR_WEEKS, SORE_WEEKS), LAST, 4, numbers, denied=[LAST])

    assert [pattern.last for pattern in found] == [LAST - DAY * 14]
