"""When a check-in is due, and whether it may still go out. Wall-clock times in the patient's zone, instants in UTC."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


# The patient's clock --------------------------------------------------------------------------------------------------


def next_local(after: datetime, zone: str, hhmm: time) -> datetime:
    """The next instant, strictly after `after`, at which the patient's clock shows `hhmm`.

    An hour that happens twice counts once, the first time. An hour that is left out counts as far behind the
    change as it would have been into it (01:30 becomes 02:30).
    """
    return instant_on(_next_day(after, zone, hhmm), zone, hhmm)


def _next_day(after: datetime, zone: str, hhmm: time) -> date:
    """The local day of `next_local`."""
    day = local_day(after, zone)
    while instant_on(day, zone, hhmm) <= after:
        day += DAY
    return day


def instant_on(day: date, zone: str, hhmm: time) -> datetime:
    return datetime.combine(day, hhmm, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local_day(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


# The plan -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """`on` is the local day it belongs to; `at` the instant, which a spread can carry past midnight."""

    on: date
    at: datetime


def plan(after: datetime, zone: str, hhmm: time, *, spread: timedelta, taken: set[date]) -> Planned:
    """The next check-in strictly after `after`, on a local day that has had none."""
    day = _next_day(after - spread, zone, hhmm)
    while day in taken:
        day += DAY
    return Planned(on=day, at=instant_on(day, zone, hhmm) + spread)


def spread_of(code: str, longest: timedelta) -> timedelta:
    """A patient's own few seconds, always the same, so that a full hour doesn't ring for everybody at once."""
    number = int.from_bytes(hashlib.sha256(code.encode()).digest()[:8], "big")
    return timedelta(seconds=number % (int(longest.total_seconds()) + 1))


# The last look before it leaves ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """dialogues/protocol/check_in.yml, name for name: what each number means stands there."""

    quiet_from: time
    quiet_until: time
    spread: timedelta
    on_time_within: timedelta
    missed_after: timedelta
    busy_within: timedelta
    wait: timedelta
    most_waits: int
    remind_after: timedelta
    lapse_after: timedelta
    snooze: timedelta
    longest_snooze: timedelta


class Action(StrEnum):
    SEND = "send"
    WAIT = "wait"
    SKIP = "skip"
    MISS = "miss"


@dataclass(frozen=True)
class Circumstances:
    """What stands round a check-in in the second it is due. `wanted_at`: the hour the patient asked for."""

    wanted_at: datetime
    zone: str
    active: bool  # enrolled, consent given, not withdrawn
    paused: bool
    held: bool  # a safety hold
    quiet_period: bool  # after RF13: nothing but safety is sent
    reachable: bool  # there is a chat, and it is not blocked
    with_physio: bool  # a physio and the patient write to each other
    busy: bool  # in the middle of a form or of safety questions
    waits: int


@dataclass(frozen=True)
class Verdict:
    action: Action
    reason: str = ""
    until: datetime | None = None  # of a wait


def verdict(case: Circumstances, limits: Limits, now: datetime) -> Verdict:
    """Send, wait, skip or miss. On time it goes out in quiet hours too: the patient chose that hour."""
    if reason := unwanted(case):
        return Verdict(Action.SKIP, reason)
    late = now - case.wanted_at
    if late > limits.missed_after:
        return Verdict(Action.MISS, "too_late")
    if late > limits.on_time_within and is_quiet(now, case.zone, limits):
        return _after_quiet_hours(case, limits, now)
    if case.busy and case.waits < limits.most_waits:
        return Verdict(Action.WAIT, "busy", now + limits.wait)
    return Verdict(Action.SKIP, "busy") if case.busy else Verdict(Action.SEND)


def unwanted(case: Circumstances) -> str | None:
    """Why nothing is to be sent at all."""
    reasons = {
        "not_active": not case.active,
        "safety_hold": case.held,
        "quiet_period": case.quiet_period,
        "paused": case.paused,
        "unreachable": not case.reachable,
        "physio_writes": case.with_physio,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def is_quiet(now: datetime, zone: str, limits: Limits) -> bool:
    at = now.astimezone(ZoneInfo(zone)).time()
    start, end = limits.quiet_from, limits.quiet_until
    return start <= at < end if start <= end else at >= start or at < end


def _after_quiet_hours(case: Circumstances, limits: Limits, now: datetime) -> Verdict:
    """Late, and at night: it waits for the morning, or is given up when that would be too late."""
    morning = next_local(now, case.zone, limits.quiet_until)
    if morning - case.wanted_at > limits.missed_after:
        return Verdict(Action.MISS, "quiet_hours")
    return Verdict(Action.WAIT, "quiet_hours", morning)
