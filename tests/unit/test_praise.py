"""Praise names one thing that is true of the week; of a week of which nothing was told, nothing."""

from datetime import date, timedelta

import pytest

from bot.coaching.praise import WeekFacts, facts, one_fact

MONDAY = date(2026, 12, 7)


def days(*minutes: int | None) -> dict[date, int]:
    return {MONDAY + timedelta(days=place): each for place, each in enumerate(minutes) if each is not None}


def week(**more: object) -> WeekFacts:
    given: dict = {"minutes": {}, "minutes_before": {}, "pain": {}} | more
    return WeekFacts(**given)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        (week(), []),
        (week(minutes=days(0, 0)), []),
        (week(planned=3, done=0), []),
        (week(planned=2, done=2), ["all_done"]),
        (week(minutes=days(8, None, 8), pain=days(3, 7, 4)), ["some"]),  # nothing on the sorest day
        (week(minutes=days(8, 6), pain=days(3, 7)), ["sorest_day", "some"]),
        (week(minutes=days(8, 6), pain=days(4, 4)), ["some"]),  # no day was sorer than another
        (week(minutes=days(9), minutes_before=days(8)), ["more", "some"]),
        (week(minutes=days(9), minutes_before={}), ["some"]),  # nothing told is no less
        (week(first_amount=8, amount=10), ["grown"]),
        (week(first_amount=8, amount=8), []),
    ],
)
def test_what_may_be_praised(told: WeekFacts, names: list[str]) -> None:
    assert [fact.name for fact in facts(told)] == names


def test_another_fact_each_week_and_none_when_there_is_none() -> None:
    told = week(minutes=days(8, 6), pain=days(3, 7))

    found = [one_fact(told, turn=turn) for turn in (2, 3)]

    assert {fact.name for fact in found if fact} == {"sorest_day", "some"}
    assert one_fact(week(), turn=2) is None
