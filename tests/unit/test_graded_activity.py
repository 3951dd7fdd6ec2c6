"""Graded activity by the numbers of dialogues/protocol/programme.yml. Source: clinical.md §8.3."""

from dataclasses import fields
from datetime import date, timedelta

import pytest

from bot.coaching import graded_activity as rule
from bot.coaching.graded_activity import Choice, Hindrance, Numbers, Week
from bot.content import Library

MONDAY = date(2026, 12, 7)


@pytest.fixture(scope="module")
def numbers(library: Library) -> Numbers:
    kinds = {"int": int, "float": float}
    return Numbers(
        **{each.name: kinds[str(getattr(each.type, "__name__", each.type))](library.number(f"programme.{each.name}"))
           for each in fields(Numbers)}
    )  # fmt: skip


def week(done: int | None, *, planned: int = 4, **more: object) -> Week:
    return Week(planned=planned, done=done, **more)  # type: ignore[arg-type]


# From tries to the first amount


@pytest.mark.parametrize(
    ("tries", "minutes"),
    [
        ([9, 12], None),  # too few
        ([9, 12, 0], None),  # a nought is no try
        ([9, 12, 10, 11], 10.5),
        ([10, 10, 10, 10, 10, 60], 10),  # the first five count
        ([5, 8, 11], 5),  # more than twice the smallest
        ([5, 8, 10], 23 / 3),  # just twice is not more than twice
    ],
)
def test_the_baseline_of_tries(tries: list[int], minutes: float | None, numbers: Numbers) -> None:
    assert rule.baseline(tries, numbers) == minutes


@pytest.mark.parametrize(("minutes", "quota"), [(10.5, 8), (10, 8), (5, 4), (1, 1), (2.5, 2)])
def test_the_first_amount_is_a_little_below_the_baseline(minutes: float, quota: int, numbers: Numbers) -> None:
    assert rule.first_quota(minutes, numbers.first_share) == quota


def test_the_worked_example_of_the_clinical_reference(numbers: Numbers) -> None:
    """clinical.md §8.3.7: baselines 9, 12, 10, 11 → start 8; weekly 9, 10, 11, 12, 13, 14."""
    found = rule.baseline([9, 12, 10, 11], numbers)
    assert found == 10.5
    quota = rule.first_quota(found, numbers.first_share)
    amounts = [quota]
    for _ in range(6):
        quota = rule.after(Choice.UP, quota, numbers, most=50)
        amounts.append(quota)

    assert amounts == [8, 9, 10, 11, 12, 13, 14]


# Steps


@pytest.mark.parametrize(
    ("minutes", "up", "down"), [(1, 2, 1), (8, 9, 7), (14, 15, 13), (20, 22, 19), (22, 24, 20), (50, 55, 46)]
)
def test_a_step_is_a_tenth_or_a_minute(minutes: int, up: int, down: int, numbers: Numbers) -> None:
    assert rule.after(Choice.UP, minutes, numbers, most=120) == up
    assert rule.after(Choice.DOWN, minutes, numbers, most=120) == down


def test_up_never_goes_beyond_the_ceiling_and_takes_nothing_away(numbers: Numbers) -> None:
    assert rule.ceiling(3, numbers, most_minutes=120) == 50
    assert rule.ceiling(7, numbers, most_minutes=120) == 21
    assert rule.ceiling(1, numbers, most_minutes=120) == 120
    assert rule.after(Choice.UP, 49, numbers, most=50) == 50
    assert rule.after(Choice.UP, 50, numbers, most=50) == 50
    assert rule.after(Choice.UP, 60, numbers, most=50) == 60


def test_a_lasting_rise_of_pain_takes_two_steps_back(numbers: Numbers) -> None:
    assert rule.after(Choice.DOWN, 14, numbers, most=50, pain_rise=True) == 12


@pytest.mark.parametrize("choice", [Choice.SAME, Choice.CHANGE, Choice.PAUSE])
def test_nothing_else_changes_the_amount(choice: Choice, numbers: Numbers) -> None:
    assert rule.after(choice, 8, numbers, most=50) == 8


# What the rule would do


@pytest.mark.parametrize(
    ("weeks", "choice", "why"),
    [
        ([week(4)], Choice.UP, "progress"),
        ([week(4, planned=5)], Choice.UP, "progress"),  # 80 %
        ([week(3)], Choice.SAME, "hold"),
        ([week(2)], Choice.SAME, "hold"),  # 50 %
        ([week(1)], Choice.SAME, "low_once"),
        ([week(0)], Choice.SAME, "low_once"),
        ([week(None)], Choice.SAME, "unknown"),  # not told is never zero
        ([week(1), week(1)], Choice.DOWN, "low_twice"),
        ([week(1), week(4), week(1)], Choice.SAME, "low_once"),
        ([week(1), week(None), week(1)], Choice.SAME, "low_once"),
        ([week(1), week(0, reason="illness"), week(1)], Choice.DOWN, "low_twice"),  # an illness is passed over
        ([week(1, choice="down"), week(1)], Choice.SAME, "low_once"),  # the smaller amount has its own two weeks
        ([week(2), week(3)], Choice.CHANGE, "two_holds"),
        ([week(2, choice="change"), week(3)], Choice.SAME, "hold"),
        ([week(4, pain_rise=True)], Choice.DOWN, "pain_rise"),
        ([week(2, reason="pain")], Choice.DOWN, "pain"),
        ([week(1, reason="time")], Choice.DOWN, "time"),
        ([week(1, reason="forgot")], Choice.SAME, "low_once"),
        ([week(1, reason="unable")], Choice.CHANGE, "unable"),
        ([week(0, reason="illness")], Choice.SAME, "illness"),
    ],
)
def test_what_a_week_suggests(weeks: list[Week], choice: Choice, why: str, numbers: Numbers) -> None:
    assert rule.suggest(weeks, numbers) == rule.Suggestion(choice, why)


@pytest.mark.parametrize("hindrance", list(Hindrance))
def test_what_hinders_a_step_hinders_nothing_else(hindrance: Hindrance, numbers: Numbers) -> None:
    assert rule.suggest([week(4)], numbers, hindrance=hindrance) == rule.Suggestion(Choice.SAME, hindrance)
    assert rule.suggest([week(1), week(1)], numbers, hindrance=hindrance).choice == Choice.DOWN


def test_nothing_smaller_is_suggested_than_the_shortest_session(numbers: Numbers) -> None:
    assert rule.suggest([week(1), week(1)], numbers, shortest=True) == rule.Suggestion(Choice.SAME, "least")


# Pain


def rated(before: list[int], after: list[int | None]) -> dict[date, int]:
    found = {MONDAY - timedelta(days=place + 1): score for place, score in enumerate(before)}
    found |= {MONDAY + timedelta(days=place): score for place, score in enumerate(after) if score is not None}
    return found


@pytest.mark.parametrize(
    ("before", "this_week", "rise"),
    [
        ([3, 3, 4, 3], [6, 6], True),
        ([3, 3, 4, 3], [5, 5], False),  # two points are allowed
        ([3, 3, 4, 3], [6, 4, 6], False),  # back within a day
        ([3, 3, 4, 3], [6, None, 6], False),  # a day not rated is not a high one
        ([3, 3, 4], [9, 9], False),  # too little to say what is usual
        ([8, 8, 8, 8], [9, 9, 9], False),
    ],
)
def test_a_rise_of_pain_counts_when_it_is_large_and_lasts(
    before: list[int], this_week: list[int | None], rise: bool, numbers: Numbers
) -> None:
    found = rule.lasting_pain_rise(rated(before, this_week), MONDAY, MONDAY + timedelta(days=6), numbers, usual_days=14)

    assert found is rise


def test_one_sore_day_changes_no_amount(numbers: Numbers) -> None:
    """Time-contingent: no rule takes the pain of a day."""
    names = {name for each in (rule.after, rule.step_up, rule.first_quota) for name in each.__code__.co_varnames}

    assert "pain" not in names
