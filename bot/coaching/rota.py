"""Who is on duty: a weekly pattern of shifts, cut by closed days, and passed on by what was agreed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from bot.coaching.schedule import DAY, instant_on, local_day
from bot.coaching.service_hours import Hours

HORIZON = timedelta(days=28)  # how far ahead the next duty is looked for


@dataclass(frozen=True)
class Shift:
    """Every `weekday` (0 is Monday) from `first_on` on; one that ends before it starts ends on the next day."""

    physio: int
    weekday: int
    starts: time
    ends: time
    first_on: date
    last_on: date | None = None


@dataclass(frozen=True)
class Cover:
    """In this span `physio` is away, and `by` works what would be theirs; None: nobody does."""

    physio: int
    by: int | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Duty:
    """A span of one person's duty. `of`: whose shift it is; `physio` None: nobody works it."""

    starts_at: datetime
    ends_at: datetime
    physio: int | None
    of: int


@dataclass(frozen=True)
class Rota:
    hours: Hours
    shifts: tuple[Shift, ...]
    covers: tuple[Cover, ...] = ()

    def on_duty(self, now: datetime) -> list[int]:
        """Each once, in the order of their shifts."""
        return list(dict.fromkeys(duty.physio for duty in self._around(now) if duty.physio is not None))

    def next_duty(self, after: datetime) -> datetime | None:
        """When somebody is next on duty: `after` itself when somebody is then. None: not within four weeks."""
        if self.on_duty(after):
            return after
        first = local_day(after, self.hours.zone)
        coming = self.duties(first - DAY, first + HORIZON)
        return min(
            (duty.starts_at for duty in coming if duty.physio is not None and duty.starts_at > after), default=None
        )

    def duties(self, first: date, last: date) -> list[Duty]:
        """Every duty that begins on these days of the service, in order."""
        found: list[Duty] = []
        day = first
        while day <= last:
            found += self._on(day)
            day += DAY
        return sorted(found, key=lambda duty: (duty.starts_at, duty.ends_at, duty.of))

    def _around(self, now: datetime) -> list[Duty]:
        today = local_day(now, self.hours.zone)
        return [duty for duty in self.duties(today - DAY, today) if duty.starts_at <= now < duty.ends_at]

    def _on(self, day: date) -> Iterator[Duty]:
        if self.hours.is_closed_on(day):
            return
        for shift in self.shifts:
            begun = shift.first_on <= day and (shift.last_on is None or day <= shift.last_on)
            if begun and shift.weekday == day.weekday():
                yield from self._cut(shift, *span_of(shift, day, self.hours.zone))

    def _cut(self, shift: Shift, starts_at: datetime, ends_at: datetime) -> Iterator[Duty]:
        """The pieces of one shift between which somebody takes over."""
        cuts = {at for cover in self.covers for at in (cover.starts_at, cover.ends_at) if starts_at < at < ends_at}
        edges = [starts_at, *sorted(cuts), ends_at]
        pieces = [Duty(one, other, self._who(shift.physio, one), shift.physio) for one, other in pairwise(edges)]
        while pieces:
            piece = pieces.pop(0)
            while pieces and pieces[0].physio == piece.physio:
                piece = Duty(piece.starts_at, pieces.pop(0).ends_at, piece.physio, piece.of)
            if piece.starts_at < piece.ends_at:
                yield piece

    def _who(self, physio: int, at: datetime) -> int | None:
        """Follows the covers of that moment; the one agreed last counts. Nobody twice, or a swap would go round."""
        who: int | None = physio
        been = set()
        while who is not None and who not in been:
            been.add(who)
            away = [each for each in self.covers if each.physio == who and each.starts_at <= at < each.ends_at]
            if not away or away[-1].by in been:
                return who
            who = away[-1].by
        return who


def span_of(shift: Shift, day: date, zone: str) -> tuple[datetime, datetime]:
    ends_on = day if shift.ends > shift.starts else day + DAY
    return instant_on(day, zone, shift.starts), instant_on(ends_on, zone, shift.ends)
