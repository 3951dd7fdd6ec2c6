"""Working time of a service: opening hours on its own clock, bank holidays of its nation, days it is closed.

Spans are measured in real time between UTC instants, so a night with a clock change is an hour shorter or longer.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays

from bot.coaching.schedule import DAY, instant_on, local_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NATIONS = {"england": "ENG", "scotland": "SCT", "wales": "WLS", "northern_ireland": "NIR"}
SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))")
HORIZON = 400  # days: a service that stays closed for longer counts as one that never opens

Span = tuple[time, time | None]  # the end None: midnight
Instants = tuple[datetime, datetime]


@dataclass(frozen=True)
class Closed:
    """Days, both inclusive; `is_open`: it works although they are bank holidays."""

    first: date
    last: date
    is_open: bool = False


@dataclass(frozen=True)
class Hours:
    """`weekly`: the open spans of each day, Monday first. `nation` None: no bank holidays are kept."""

    zone: str
    weekly: tuple[tuple[Span, ...], ...]
    nation: str | None
    closed: tuple[Closed, ...] = ()

    def is_closed_on(self, day: date) -> bool:
        """A bank holiday or a closure; what is agreed for the day itself stands above the holiday."""
        agreed = [each for each in self.closed if each.first <= day <= each.last]
        if agreed:
            return not any(each.is_open for each in agreed)
        return self.nation is not None and day in bank_holidays(self.nation, day.year)

    def spans_on(self, day: date) -> list[Instants]:
        if self.is_closed_on(day):
            return []
        return [(start, end) for start, end in self._instants(day) if start < end]

    def _instants(self, day: date) -> Iterator[Instants]:
        for opens, closes in self.weekly[day.weekday()]:
            ends = instant_on(day + DAY, self.zone, time.min) if closes is None else instant_on(day, self.zone, closes)
            yield instant_on(day, self.zone, opens), ends


def hours(zone: str, weekly: Mapping[str, Iterable[str]], nation: str | None, closed: Iterable[Closed] = ()) -> Hours:
    """`weekly` as it is written: {"mon": ["09:00-12:30", "13:00-17:00"]}. Raises ValueError that says what is wrong."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{zone} is no time zone; write it like Europe/London") from error
    if unknown := set(weekly) - set(WEEKDAYS):
        raise ValueError(f"{', '.join(sorted(unknown))}: the days are {', '.join(WEEKDAYS)}")
    if nation is not None and nation not in NATIONS:
        raise ValueError(f"{nation}: the nations are {', '.join(NATIONS)}")
    return Hours(zone, tuple(_day(day, weekly.get(day, ())) for day in WEEKDAYS), nation, tuple(closed))


def _day(day: str, written: Iterable[str]) -> tuple[Span, ...]:
    spans = sorted((read_span(each) for each in written), key=lambda span: span[0])
    for (_, ends), (starts, _) in pairwise(spans):
        if ends is None or starts < ends:
            raise ValueError(f"{day}: two of its spans overlap")
    for starts, ends in spans:
        if ends is not None and ends <= starts:
            raise ValueError(f"{day}: {starts:%H:%M}-{ends:%H:%M} ends before it starts")
    return tuple(spans)


def read_span(written: str) -> Span:
    """ "09:00-17:00", or "09:00-24:00" for until midnight. Raises ValueError."""
    match = SPAN.fullmatch(written.strip())
    if not match:
        raise ValueError(f"{written!r} is no span; write it like 09:00-17:00")
    starts = time(int(match[1]), int(match[2]))
    return starts, None if match[5] else time(int(match[3]), int(match[4]))


@cache
def bank_holidays(nation: str, year: int) -> Mapping[date, str]:
    """The public holidays of one nation of the United Kingdom, with their names."""
    return dict(holidays.country_holidays("GB", subdiv=NATIONS[nation], years=year))


def is_open(hours: Hours, now: datetime) -> bool:
    return any(start <= now < end for start, end in hours.spans_on(local_day(now, hours.zone)))


def next_opening(hours: Hours, after: datetime) -> datetime | None:
    """When it next is open: `after` itself when it is open then. None: it never opens."""
    return next((max(start, after) for start, _ in _spans_from(hours, after)), None)


def working_between(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """How much working time lies between two instants; none when `end` isn't after `start`."""
    total = timedelta()
    day = local_day(start, hours.zone) - DAY
    while day <= local_day(end, hours.zone):
        for opens, closes in hours.spans_on(day):
            total += max(min(closes, end) - max(opens, start), timedelta())
        day += DAY
    return total


def after_working(hours: Hours, start: datetime, amount: timedelta) -> datetime:
    """The first instant by which `amount` of working time has passed since `start`.

    A service that never opens counts as always open: nothing may wait for ever.
    """
    left = amount
    if left <= timedelta():
        return start
    for opens, closes in _spans_from(hours, start):
        begins = max(opens, start)
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    return start + amount


def _spans_from(hours: Hours, start: datetime) -> Iterator[Instants]:
    """Open spans that end after `start`, in order, as far as the horizon after the last one found."""
    day = local_day(start, hours.zone) - DAY
    empty = 0
    while empty < HORIZON:
        found = [span for span in hours.spans_on(day) if span[1] > start]
        empty = 0 if found else empty + 1
        yield from found
        day += DAY
