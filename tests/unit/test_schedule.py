"""Wall-clock hours in the patient's zone, through both changes of the clock; the last look before a message leaves."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.coaching.schedule import Action, Circumstances, Limits, is_quiet, next_local, plan, spread_of, verdict

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LIMITS = Limits(
    quiet_from=time(20),
    quiet_until=time(8),
    spread=timedelta(seconds=120),
    on_time_within=15 * MINUTE,
    missed_after=2 * HOUR,
    busy_within=10 * MINUTE,
    wait=10 * MINUTE,
    most_waits=3,
    remind_after=90 * MINUTE,
    lapse_after=10 * HOUR,
    snooze=HOUR,
    longest_snooze=6 * HOUR,
)
ZONES = [
    "Europe/London", "Europe/Amsterdam", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Havana",
    "America/Santiago", "Asia/Kolkata", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Apia", "Africa/Casablanca", "Africa/Cairo", "Atlantic/Azores", "America/Nuuk", "UTC",
]  # fmt: skip
HOURS = st.times().map(lambda at: at.replace(second=0, microsecond=0))
INSTANTS = st.integers(1_704_067_200, 1_924_988_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fired(start: str, zone: str, hhmm: str, times: int) -> list[str]:
    """The next instants, as the patient's clock shows them."""
    now, shown = utc(start), []
    for _ in range(times):
        now = next_local(now, zone, time.fromisoformat(hhmm))
        shown.append(now.astimezone(ZoneInfo(zone)).strftime("%a %d %b %H:%M %Z"))
    return shown


@pytest.mark.parametrize(
    ("zone", "start", "hhmm", "expected"),
    [
        ("Europe/London", "2026-10-24T12:00", "09:00", ["Sun 25 Oct 09:00 GMT", "Mon 26 Oct 09:00 GMT"]),
        ("Europe/London", "2026-10-24T12:00", "01:30", ["Sun 25 Oct 01:30 BST", "Mon 26 Oct 01:30 GMT"]),
        ("Europe/London", "2027-03-27T12:00", "09:00", ["Sun 28 Mar 09:00 BST", "Mon 29 Mar 09:00 BST"]),
        ("Europe/London", "2027-03-27T12:00", "01:30", ["Sun 28 Mar 02:30 BST", "Mon 29 Mar 01:30 BST"]),
        ("Europe/Amsterdam", "2026-10-24T12:00", "02:30", ["Sun 25 Oct 02:30 CEST", "Mon 26 Oct 02:30 CET"]),
        ("Europe/Amsterdam", "2027-03-27T12:00", "02:30", ["Sun 28 Mar 03:30 CEST", "Mon 29 Mar 02:30 CEST"]),
        ("Europe/Amsterdam", "2027-03-27T12:00", "00:00", ["Sun 28 Mar 00:00 CET", "Mon 29 Mar 00:00 CEST"]),
        ("America/New_York", "2026-10-31T12:00", "01:30", ["Sun 01 Nov 01:30 EDT", "Mon 02 Nov 01:30 EST"]),
        ("America/New_York", "2027-03-13T12:00", "02:30", ["Sun 14 Mar 03:30 EDT", "Mon 15 Mar 02:30 EDT"]),
        ("America/New_York", "2026-10-31T18:00", "09:00", ["Sun 01 Nov 09:00 EST", "Mon 02 Nov 09:00 EST"]),
        ("Asia/Kolkata", "2026-10-24T12:00", "07:30", ["Sun 25 Oct 07:30 IST", "Mon 26 Oct 07:30 IST"]),
        ("Asia/Kolkata", "2027-03-27T12:00", "01:30", ["Sun 28 Mar 01:30 IST", "Mon 29 Mar 01:30 IST"]),
    ],
)
def test_both_clock_changes_keep_the_hour_and_fire_once(zone: str, start: str, hhmm: str, expected: list[str]) -> None:
    assert fired(start, zone, hhmm, 2) == expected


def test_the_second_of_two_same_hours_does_not_fire_again() -> None:
    first = utc("2026-10-25T00:30")  # 01:30 BST; 01:30 comes back an hour later as GMT

    following = next_local(first, "Europe/London", time(1, 30))

    assert following == utc("2026-10-26T01:30")


@pytest.mark.parametrize(("month", "day", "midnight"), [(10, 25, "BST"), (3, 28, "GMT")])
def test_every_wall_clock_minute_of_a_change_day_fires_once(month: int, day: int, midnight: str) -> None:
    year = 2026 if month == 10 else 2027
    before = datetime(year, month, day, tzinfo=ZoneInfo("Europe/London")).astimezone(UTC) - timedelta(seconds=1)

    for minutes in range(0, 24 * 60, 10):
        hhmm = time(minutes // 60, minutes % 60)
        first = next_local(before, "Europe/London", hhmm)
        second = next_local(first, "Europe/London", hhmm)
        days = [at.astimezone(ZoneInfo("Europe/London")).date() for at in (first, second)]
        assert days == [date(year, month, day), date(year, month, day) + timedelta(days=1)]


def exists(day: date, hhmm: time, zone: str) -> bool:
    """Whether the clock there shows that time on that day at all."""
    shown = datetime.combine(day, hhmm, tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    return shown.replace(tzinfo=None) == datetime.combine(day, hhmm)


@given(
    zone=st.sampled_from(ZONES),
    hhmm=HOURS,
    after=INSTANTS,
)
@example(zone="Asia/Beirut", hhmm=time(23, 30), after=utc("2026-10-24T20:45"))  # put back at midnight: 23:30 twice
@example(zone="America/Havana", hhmm=time(0, 30), after=utc("2027-03-14T04:00"))  # 00:30 is left out
@example(zone="Australia/Lord_Howe", hhmm=time(2, 15), after=utc("2026-10-03T12:00"))  # half an hour forward
def test_the_next_hour_is_later_and_right_on_the_patients_clock(zone: str, hhmm: time, after: datetime) -> None:
    due = next_local(after, zone, hhmm)

    shown = due.astimezone(ZoneInfo(zone))
    assert due > after
    assert due - after <= 26 * HOUR
    if exists(shown.date(), hhmm, zone):
        assert shown.time() == hhmm
    else:
        assert timedelta(0) < shown.replace(tzinfo=None) - datetime.combine(shown.date(), hhmm) <= HOUR


@given(
    zone=st.sampled_from(ZONES),
    hhmm=HOURS,
    after=INSTANTS,
)
def test_no_earlier_instant_shows_that_hour(zone: str, hhmm: time, after: datetime) -> None:
    due = next_local(after, zone, hhmm)

    quarter = 15 * MINUTE  # every change of a clock in these zones is a multiple of it
    earlier = [due - quarter * step for step in range(1, int((due - after) / quarter) + 1)]
    shown = [at.astimezone(ZoneInfo(zone)) for at in earlier if at > after]
    assert [at for at in shown if at.time() == hhmm and at.fold == 0] == []


def test_a_day_that_has_had_its_check_in_gets_no_second_one() -> None:
    taken = {date(2026, 12, 1), date(2026, 12, 2)}

    planned = plan(utc("2026-12-01T07:00"), "Europe/London", time(9), spread=timedelta(0), taken=taken)

    assert (planned.on, planned.at) == (date(2026, 12, 3), utc("2026-12-03T09:00"))


def test_a_spread_past_midnight_still_belongs_to_the_day_it_was_planned_for() -> None:
    planned = plan(utc("2026-12-01T23:59"), "Europe/London", time(23, 59), spread=timedelta(seconds=90), taken=set())

    assert (planned.on, planned.at) == (date(2026, 12, 1), utc("2026-12-02T00:00:30"))


@given(code=st.text(min_size=1, max_size=12), seconds=st.integers(0, 3600))
def test_the_spread_is_the_patients_own_and_inside_the_protocol_number(code: str, seconds: int) -> None:
    longest = timedelta(seconds=seconds)

    spread = spread_of(code, longest)

    assert timedelta(0) <= spread <= longest
    assert spread == spread_of(code, longest)


def test_the_spread_uses_the_whole_of_the_protocol_number() -> None:
    spreads = {spread_of(f"P-{number:05d}", timedelta(seconds=9)) for number in range(500)}

    assert spreads == {timedelta(seconds=second) for second in range(10)}


@pytest.mark.parametrize(
    ("at", "quiet"),
    [("19:59", False), ("20:00", True), ("23:30", True), ("00:00", True), ("07:59", True), ("08:00", False)],
)
def test_quiet_hours_go_round_midnight(at: str, quiet: bool) -> None:
    assert is_quiet(utc(f"2026-12-01T{at}"), "Europe/London", LIMITS) is quiet


def test_quiet_hours_are_the_patients_own() -> None:
    now = utc("2026-12-01T15:00")  # 20:30 in Kolkata

    assert is_quiet(now, "Asia/Kolkata", LIMITS)
    assert not is_quiet(now, "Europe/London", LIMITS)


WANTED = utc("2026-12-01T09:00")
FINE = Circumstances(
    wanted_at=WANTED, zone="Europe/London", active=True, paused=False, held=False, quiet_period=False, reachable=True,
    with_physio=False, busy=False, waits=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "late", "expected"),
    [
        ({}, 0 * MINUTE, (Action.SEND, "", None)),
        ({}, 2 * HOUR, (Action.SEND, "", None)),
        ({}, 2 * HOUR + MINUTE, (Action.MISS, "too_late", None)),
        ({"active": False}, 0 * MINUTE, (Action.SKIP, "not_active", None)),
        ({"held": True}, 0 * MINUTE, (Action.SKIP, "safety_hold", None)),
        ({"held": True, "paused": True}, 3 * HOUR, (Action.SKIP, "safety_hold", None)),
        ({"quiet_period": True}, 0 * MINUTE, (Action.SKIP, "quiet_period", None)),
        ({"paused": True}, 0 * MINUTE, (Action.SKIP, "paused", None)),
        ({"reachable": False}, 0 * MINUTE, (Action.SKIP, "unreachable", None)),
        ({"with_physio": True}, 0 * MINUTE, (Action.SKIP, "physio_writes", None)),
        ({"busy": True}, 0 * MINUTE, (Action.WAIT, "busy", utc("2026-12-01T09:10"))),
        ({"busy": True, "waits": 3}, 0 * MINUTE, (Action.SKIP, "busy", None)),
        ({"waits": 3}, 30 * MINUTE, (Action.SEND, "", None)),
        ({"wanted_at": utc("2026-12-01T19:50")}, 15 * MINUTE, (Action.SEND, "", None)),
        ({"wanted_at": utc("2026-12-01T19:50")}, 16 * MINUTE, (Action.MISS, "quiet_hours", None)),
        ({"wanted_at": utc("2026-12-01T22:00")}, 0 * MINUTE, (Action.SEND, "", None)),
        ({"wanted_at": utc("2026-12-01T22:00")}, HOUR, (Action.MISS, "quiet_hours", None)),
        ({"wanted_at": utc("2026-12-01T06:30")}, HOUR, (Action.WAIT, "quiet_hours", utc("2026-12-01T08:00"))),
        ({"wanted_at": utc("2026-12-01T06:30")}, 95 * MINUTE, (Action.SEND, "", None)),
    ],
)
def test_the_last_look(change: dict, late: timedelta, expected: tuple) -> None:
    case = replace(FINE, **change)

    found = verdict(case, LIMITS, case.wanted_at + late)

    assert (found.action, found.reason, found.until) == expected
