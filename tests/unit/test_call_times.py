"""Which times a physio may offer."""

from datetime import UTC, datetime, time, timedelta

import pytest

from bot.coaching.call_times import CallLimits, TimesRefused, read

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
LIMITS = CallLimits(3, timedelta(minutes=60), timedelta(days=28), time(7), time(20))


def test_times_are_of_the_services_clock_and_come_in_order() -> None:
    found = read(["2026-12-02T15:00", "", " 2026-12-02T10:30 "], "Europe/Paris", NOW, LIMITS)

    assert found == [datetime(2026, 12, 2, 9, 30, tzinfo=UTC), datetime(2026, 12, 2, 14, 0, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([], "none"),
        (["", " "], "none"),
        (["2026-12-02T10:00"] * 4, "many"),
        (["tomorrow"], "unreadable"),
        (["2026-12-02"], "unreadable"),
        (["2026-12-02T10:00+01:00"], "unreadable"),
        (["2026-12-01T09:59"], "soon"),
        (["2026-11-30T10:00"], "soon"),
        (["2026-12-29T09:01"], "far"),
        (["2026-12-02T06:59"], "hours"),
        (["2026-12-02T20:01"], "hours"),
        (["2026-12-02T10:00", "2026-12-02T10:00"], "twice"),
    ],
)
def test_what_can_not_be_offered_says_why(texts: list[str], reason: str) -> None:
    with pytest.raises(TimesRefused) as refused:
        read(texts, "Europe/London", NOW, LIMITS)

    assert refused.value.reason == reason


def test_the_limits_themselves_can_be_offered() -> None:
    texts = ["2026-12-01T10:00", "2026-12-02T07:00", "2026-12-28T20:00"]

    assert len(read(texts, "Europe/London", NOW, LIMITS)) == 3


def test_an_hour_that_the_clocks_leave_out_is_none() -> None:
    spring = datetime(2027, 3, 27, 9, 0, tzinfo=UTC)
    limits = CallLimits(3, timedelta(0), timedelta(days=28), time(0), time(23))

    with pytest.raises(TimesRefused, match="unreadable"):
        read(["2027-03-28T01:30"], "Europe/London", spring, limits)
