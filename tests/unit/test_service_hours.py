"""Working hours of a service: Fridays, bank holidays, both clock changes, and what must hold for any hours at all."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.coaching.service_hours import (
    WEEKDAYS,
    Closed,
    Hours,
    after_working,
    bank_holidays,
    hours,
    is_open,
    next_opening,
    working_between,
)

LONDON = ZoneInfo("Europe/London")
OFFICE = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}
ALWAYS = {day: ["00:00-24:00"] for day in WEEKDAYS}
HOUR = timedelta(hours=1)
CLINIC = hours("Europe/London", OFFICE, "england")


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "amount", "expected"),
    [
        ("2026-11-27T16:30", 4 * HOUR, "2026-11-30T12:30"),  # Friday to Monday
        ("2026-11-27T16:30", HOUR / 2, "2026-11-27T17:00"),  # to the stroke of closing, not to Monday's opening
        ("2026-11-28T11:00", HOUR, "2026-11-30T10:00"),  # begins on a Saturday
        ("2026-11-26T23:59", HOUR, "2026-11-27T10:00"),  # begins at night
        ("2026-12-24T16:00", 2 * HOUR, "2026-12-29T10:00"),  # Christmas Day, a weekend, Boxing Day's Monday
        ("2026-04-02T16:00", 2 * HOUR, "2026-04-07T10:00"),  # Good Friday to Easter Monday
        ("2026-03-27T16:00", 2 * HOUR, "2026-03-30T10:00"),  # over the weekend on which the clocks go forward
        ("2026-10-23T16:00", 2 * HOUR, "2026-10-26T10:00"),  # … and back
        ("2026-11-27T16:30", 16 * HOUR, "2026-12-01T16:30"),  # two whole days
    ],
)
def test_working_time_is_counted_while_the_service_is_open(start: str, amount: timedelta, expected: str):
    assert after_working(CLINIC, london(start), amount) == london(expected)


@pytest.mark.parametrize(
    ("night", "real_hours"),
    [("2026-03-29", 5), ("2026-10-25", 7), ("2026-06-14", 6)],  # 01:00 becomes 02:00; 02:00 becomes 01:00; any other
)
def test_a_night_shift_is_as_long_as_it_really_is(night: str, real_hours: int):
    nights = hours("Europe/London", {"sun": ["00:00-06:00"]}, None)
    midnight, six = london(f"{night}T00:00"), london(f"{night}T06:00")

    assert working_between(nights, midnight, six) == real_hours * HOUR
    assert after_working(nights, midnight, real_hours * HOUR) == six


def test_the_holidays_are_those_of_the_nation():
    st_andrew = date(2026, 11, 30)
    scottish = hours("Europe/London", OFFICE, "scotland")

    assert scottish.is_closed_on(st_andrew)
    assert not CLINIC.is_closed_on(st_andrew)
    assert bank_holidays("northern_ireland", 2026)[date(2026, 7, 13)]
    assert after_working(scottish, london("2026-11-27T16:30"), 4 * HOUR) == london("2026-12-01T12:30")


def test_a_service_may_close_on_a_working_day_and_work_on_a_holiday():
    agreed = (
        Closed(date(2026, 11, 30), date(2026, 12, 1)),
        Closed(date(2026, 12, 28), date(2026, 12, 28), is_open=True),
    )
    clinic = hours("Europe/London", OFFICE, "england", agreed)

    assert after_working(clinic, london("2026-11-27T16:30"), 4 * HOUR) == london("2026-12-02T12:30")
    assert is_open(clinic, london("2026-12-28T10:00"))


def test_lunch_is_no_working_time():
    clinic = hours("Europe/London", {"mon": ["13:00-17:00", "09:00-12:30"]}, None)

    assert after_working(clinic, london("2026-11-30T12:00"), HOUR) == london("2026-11-30T13:30")
    assert not is_open(clinic, london("2026-11-30T12:45"))
    assert next_opening(clinic, london("2026-11-30T12:45")) == london("2026-11-30T13:00")


def test_a_service_that_never_opens_counts_as_always_open_so_that_nothing_waits_for_ever():
    never = hours("Europe/London", {}, "england")

    assert after_working(never, london("2026-11-27T16:30"), 4 * HOUR) == london("2026-11-27T20:30")
    assert next_opening(never, london("2026-11-27T16:30")) is None


@pytest.mark.parametrize(
    ("zone", "weekly", "nation", "problem"),
    [
        ("Europe/Atlantis", OFFICE, "england", "no time zone"),
        ("Europe/London", {"monday": ["09:00-17:00"]}, "england", "the days are mon"),
        ("Europe/London", {"mon": ["9-5"]}, "england", "write it like 09:00-17:00"),
        ("Europe/London", {"mon": ["17:00-09:00"]}, "england", "ends before it starts"),
        ("Europe/London", {"mon": ["09:00-13:00", "12:00-17:00"]}, "england", "overlap"),
        ("Europe/London", OFFICE, "narnia", "the nations are"),
    ],
)
def test_hours_that_cannot_be_are_refused_in_plain_words(zone: str, weekly: dict, nation: str, problem: str):
    with pytest.raises(ValueError, match=problem):
        hours(zone, weekly, nation)


# --- what must hold for any hours ---


@st.composite
def some_hours(draw: st.DrawFn) -> Hours:
    """Any week with at least one open span, in zones with and without clock changes."""
    zone = draw(st.sampled_from(["Europe/London", "UTC", "America/St_Johns", "Australia/Lord_Howe"]))
    days = draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1))
    weekly = {day: draw(st.sampled_from(SPANS)) for day in days}
    return hours(zone, weekly, draw(st.sampled_from(["england", "scotland", None])))


SPANS = [["09:00-17:00"], ["00:00-24:00"], ["08:15-12:00", "13:00-18:45"], ["00:00-03:00"], ["22:00-24:00"]]
FIRST = datetime(2026, 3, 20, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=290)).map(lambda span: FIRST + span)
spans = st.timedeltas(timedelta(0), timedelta(hours=20))
often = settings(max_examples=60, deadline=None)


@often
@given(some_hours(), moments, spans)
def test_what_was_asked_for_is_what_has_passed(clinic: Hours, start: datetime, amount: timedelta):
    end = after_working(clinic, start, amount)

    assert working_between(clinic, start, end) == amount
    assert end - start >= amount


@often
@given(some_hours(), moments, spans, spans)
def test_two_waits_are_as_long_as_one(clinic: Hours, start: datetime, one: timedelta, other: timedelta):
    assert after_working(clinic, after_working(clinic, start, one), other) == after_working(clinic, start, one + other)


@often
@given(some_hours(), moments, spans, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_who_starts_later_is_not_done_earlier(clinic: Hours, start: datetime, amount: timedelta, later: timedelta):
    assert after_working(clinic, start + later, amount) >= after_working(clinic, start, amount)


@often
@given(some_hours(), moments)
def test_the_next_opening_is_open(clinic: Hours, start: datetime):
    opening = next_opening(clinic, start)

    assert opening is not None
    assert opening >= start
    assert is_open(clinic, opening)
    assert working_between(clinic, start, opening) == timedelta(0)


@often
@given(moments, spans)
def test_round_the_clock_working_time_is_time(start: datetime, amount: timedelta):
    always = hours("Europe/London", ALWAYS, None)

    assert after_working(always, start, amount) == start + amount


def test_midnight_is_written_as_24_00():
    assert hours("UTC", {"mon": ["09:00-24:00"]}, None).weekly[0] == ((time(9), None),)
