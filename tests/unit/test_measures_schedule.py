"""When each questionnaire falls due over a year, what fits into a day, and which question comes next."""

from datetime import date, timedelta

import pytest

from bot.coaching import sittings
from bot.coaching.instruments import TICKS
from bot.coaching.sittings import Calendar
from bot.content import Library

DAY_0 = date(2026, 12, 1)
MAIN = {"week_0": 0, "week_6": 42, "week_12": 84, "month_6": 182, "month_12": 365}


@pytest.fixture
def calendar(library: Library) -> Calendar:
    return Calendar({name: int(each["value"]) for name, each in library.value("measures.occasions").items()}, 13)


def year(library: Library, calendar: Calendar, name: str) -> dict[str, int]:
    """Each occasion and the first day on which it is due."""
    found: dict[str, int] = {}
    for day in range(400):
        occasion = sittings.occasion_on(library.measures[name], calendar, DAY_0, DAY_0 + timedelta(days=day))
        if occasion:
            found.setdefault(occasion.name, day)
    return found


@pytest.mark.parametrize("name", ["rmdq", "nrs_pain", "phq4", "pseq2", "msk_hq", "back_paq_10"])
def test_the_main_points_are_weeks_0_6_and_12_and_months_6_and_12(
    library: Library, calendar: Calendar, name: str
) -> None:
    assert year(library, calendar, name) == MAIN


def test_change_is_not_asked_at_the_start(library: Library, calendar: Calendar) -> None:
    assert year(library, calendar, "pgic") == {name: day for name, day in MAIN.items() if day}


def test_the_risk_tool_is_asked_at_the_start_only(library: Library, calendar: Calendar) -> None:
    assert year(library, calendar, "start_back") == {"week_0": 0}
    assert set(library.measures["start_back"].schedule.when_worse) == {"rmdq", "nrs_pain", "msk_hq"}


@pytest.mark.parametrize("name", ["psfs", "evs"])
def test_the_weekly_ones_end_with_week_12_and_come_back_twice(library: Library, calendar: Calendar, name: str) -> None:
    weekly = {f"week_{week}": 7 * week for week in range(13)}

    assert year(library, calendar, name) == weekly | {"month_6": 182, "month_12": 365}


def test_after_two_weeks_a_main_point_is_over_and_no_other_stands_in_for_it(
    library: Library, calendar: Calendar
) -> None:
    rmdq = library.measures["rmdq"]

    assert sittings.occasion_on(rmdq, calendar, DAY_0, DAY_0 + timedelta(days=42 + 13)) is not None
    assert sittings.occasion_on(rmdq, calendar, DAY_0, DAY_0 + timedelta(days=42 + 14)) is None


def test_the_next_day_to_look_is_the_next_of_any(library: Library, calendar: Calendar) -> None:
    everything = list(library.measures.values())

    def after(day: int) -> int | None:
        found = sittings.next_day(everything, calendar, DAY_0, DAY_0 + timedelta(days=day))
        return (found - DAY_0).days if found else None

    assert [after(0), after(6), after(84), after(182), after(365)] == [7, 7, 182, 365, None]


@pytest.mark.parametrize(
    ("minutes", "today"),
    [
        ({1: 3, 2: 1, 3: 2, 4: 1, 5: 1, 6: 2}, [1, 2, 3, 4, 5]),
        ({1: 9, 2: 1}, [1]),  # one that is longer than a day goes alone
        ({1: 7, 2: 2, 3: 1}, [1]),  # in order: a short one doesn't jump the queue
        ({}, []),
    ],
)
def test_a_day_takes_eight_minutes(minutes: dict[int, float], today: list[int]) -> None:
    assert sittings.fitting(minutes, 8) == today


def test_everything_on_the_first_days_fits_into_three_evenings(library: Library) -> None:
    """With all licences: what a main point asks for, in the order of the protocol."""
    order = [name for name in library.value("measures.order") if name != "pgic"]
    left = {at: library.measures[name].minutes.value for at, name in enumerate(order)}
    evenings = []
    while left:
        today = sittings.fitting(left, library.number("measures.most_minutes"))
        evenings.append(sum(left.pop(each) for each in today))

    assert len(evenings) <= 3
    assert max(evenings) <= 8


def test_the_next_question_is_the_first_that_is_neither_answered_nor_skipped(library: Library) -> None:
    phq4 = library.measures["phq4"]

    assert sittings.next_item(phq4, {}, []) == "nervous"
    assert sittings.next_item(phq4, {"nervous": 0}, ["worrying"]) == "interest"
    assert sittings.next_item(phq4, dict.fromkeys(phq4.items, 0), []) is None


def test_a_list_of_ticks_is_asked_as_one(library: Library) -> None:
    rmdq = library.measures["rmdq"]

    assert sittings.next_item(rmdq, {"3": 1}, []) == TICKS
    assert sittings.next_item(rmdq, dict.fromkeys(rmdq.items, 0), []) is None


def test_naming_ends_when_no_more_are_wanted_and_what_was_named_is_rated(library: Library) -> None:
    psfs = library.measures["psfs"]
    named = {"name_1": "a", "name_2": "b"}

    assert sittings.next_item(psfs, named, []) == "name_3"
    assert sittings.next_item(psfs, named, ["name_3"]) == "rate_1"
    assert sittings.next_item(psfs, {**named, "rate_1": 3, "rate_2": 4}, ["name_3"]) is None
    assert sittings.progress(psfs, "rate_2", named) == (2, 2)
    assert sittings.item_before(psfs, "rate_1", named) is None  # the names stand
    assert sittings.item_before(psfs, "rate_2", named) == "rate_1"


def test_a_later_sitting_takes_over_the_names_and_asks_for_no_more(library: Library) -> None:
    psfs = library.measures["psfs"]
    before = {"name_1": "a", "name_2": "b", "rate_1": 3, "rate_2": 4}

    answers, skipped = sittings.kept(psfs, before, ["name_3", "rate_9"])

    assert (answers, skipped) == ({"name_1": "a", "name_2": "b"}, ["name_3"])
    assert sittings.next_item(psfs, answers, skipped) == "rate_1"


def test_what_was_named_by_nobody_is_asked_again(library: Library) -> None:
    assert sittings.kept(library.measures["psfs"], {}, ["name_1"]) == ({}, [])
