"""Editing the rota: from the command line, from the console and by /duty off. Every edit is audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching.schedule import DAY
from bot.coaching.service_hours import bank_holidays, hours, read_span
from bot.errors import RotaRefused
from bot.services.rota import Rotas
from data import audit, physios, rota
from data.patients import Nation
from data.physios import Physio
from data.rota import Closure, Cover, Service, Shift, ShownAs

Edges = tuple[datetime, datetime]


@dataclass(frozen=True)
class OnRota:
    """One span of one day; local times of the service. `name` empty: a gap, nobody works it. `instead_of`: cover."""

    starts: datetime
    ends: datetime
    name: str
    instead_of: str = ""


@dataclass(frozen=True)
class Day:
    """`closed`: why nobody works, in words; empty on a working day."""

    on: date
    closed: str
    spans: tuple[OnRota, ...]


class RotaDesk:
    """`by` is who edits, as the audit names them ("physio:3", "admin"). What can't be raises RotaRefused, in words."""

    def __init__(self, rotas: Rotas) -> None:
        self._rotas = rotas

    # --- the weekly pattern ---

    def add_shifts(
        self,
        session: Session,
        physio: Physio,
        weekdays: Sequence[int],
        span: str,
        *,
        first_on: date,
        last_on: date | None = None,
        by: str,
        now: datetime,
    ) -> list[Shift]:
        """`span` as "09:00-17:00"; "20:00-08:00" ends on the next day."""
        starts, ends = _times(span)
        if last_on is not None and last_on < first_on:
            raise RotaRefused("The last day lies before the first.")
        made = [
            Shift(
                physio_id=physio.id, weekday=day, starts_at=starts, ends_at=ends, first_on=first_on, last_on=last_on
            )
            for day in dict.fromkeys(weekdays)
        ]  # fmt: skip
        session.add_all(made)
        session.flush()
        audit.record(
            session, "rota_shifts_added", by=by, now=now, physio=physio.id, days=list(weekdays), span=span,
            first_on=str(first_on), last_on=str(last_on),
        )  # fmt: skip
        return made

    def end_shifts(self, session: Session, physio: Physio, *, last_on: date, by: str, now: datetime) -> int:
        ended = rota.end_shifts(session, physio.id, last_on=last_on)
        audit.record(session, "rota_shifts_ended", by=by, now=now, physio=physio.id, last_on=str(last_on), shifts=ended)
        return ended

    # --- exceptions ---

    def cover(
        self, session: Session, physio: Physio, instead: Physio | None, edges: Edges, *, by: str, now: datetime
    ) -> Cover:
        """`instead` works what would be this physio's between two instants; None: nobody does."""
        starts_at, ends_at = edges
        if ends_at <= starts_at:
            raise RotaRefused("The end lies before the beginning.")
        if ends_at <= now:
            raise RotaRefused("That is over already.")
        if instead is not None and instead.id == physio.id:
            raise RotaRefused("Nobody can cover for themselves.")
        if instead is not None and instead.service_id != physio.service_id:
            raise RotaRefused(f"{instead.name} works in another service.")
        made = Cover(physio_id=physio.id, by_id=instead.id if instead else None, starts_at=starts_at, ends_at=ends_at)
        session.add(made)
        session.flush()
        audit.record(
            session, "rota_cover_agreed", by=by, now=now, physio=physio.id, instead=made.by_id, starts_at=starts_at,
            ends_at=ends_at, cover=made.id,
        )  # fmt: skip
        return made

    def swap(
        self, session: Session, one: Physio, on: date, other: Physio, other_on: date, *, by: str, now: datetime
    ) -> list[Cover]:
        """Each works what was the other's on that day."""
        mine, theirs = self._duties(session, one, on, now), self._duties(session, other, other_on, now)
        return [
            self.cover(session, away, instead, edges, by=by, now=now)
            for away, instead, found in ((one, other, mine), (other, one, theirs))
            for edges in found
        ]  # fmt: skip

    def leave_shift(self, session: Session, physio: Physio, now: datetime) -> bool:
        """They go now, before their shift is over. False when they have none."""
        today = now.astimezone(ZoneInfo(rota.service(session, physio.service_id).time_zone)).date()
        running = [
            each
            for each in self._rotas.of(session, physio.service_id, now).duties(today - DAY, today)
            if each.physio == physio.id and each.starts_at <= now < each.ends_at
        ]
        for duty in running:
            holder = session.get_one(Physio, duty.of)
            gone = Cover(physio_id=physio.id, by_id=None, starts_at=now, ends_at=duty.ends_at)
            if holder.id != physio.id:  # they were covering: the one whose shift it is stays away
                gone = Cover(physio_id=holder.id, by_id=None, starts_at=now, ends_at=duty.ends_at)
            session.add(gone)
        session.flush()
        return bool(running)

    def cancel(self, session: Session, cover_id: int, *, by: str, now: datetime) -> None:
        made = session.get(Cover, cover_id)
        if made is None or made.cancelled_at is not None:
            raise RotaRefused("There is no such cover any more.")
        made.cancelled_at = now
        session.flush()
        audit.record(session, "rota_cover_cancelled", by=by, now=now, cover=cover_id)

    # --- the service ---

    def close(
        self, session: Session, service: Service, first_on: date, last_on: date, name: str, *, is_open: bool = False,
        by: str, now: datetime,
    ) -> Closure:  # fmt: skip
        """Days on which nobody works; or (`is_open`) days that are worked although they are bank holidays."""
        if last_on < first_on:
            raise RotaRefused("The last day lies before the first.")
        made = Closure(service_id=service.id, first_on=first_on, last_on=last_on, name=name, is_open=is_open)
        session.add(made)
        session.flush()
        what = "service_opened" if is_open else "service_closed"
        audit.record(session, what, by=by, now=now, service=service.id, first_on=str(first_on), last_on=str(last_on))
        return made

    def undo_closure(self, session: Session, closure_id: int, *, by: str, now: datetime) -> None:
        made = session.get(Closure, closure_id)
        if made is None:
            raise RotaRefused("There is no such closure.")
        session.delete(made)
        session.flush()
        audit.record(session, "service_closure_undone", by=by, now=now, service=made.service_id, closure=closure_id)

    def set_hours(
        self, session: Session, service: Service, *, by: str, now: datetime,
        weekdays: Sequence[str] = (), spans: Sequence[str] = (), zone: str | None = None, nation: str | None = None,
    ) -> None:  # fmt: skip
        """Opening hours of some weekdays ("mon"), the time zone, the nation whose holidays are kept."""
        weekly = {**service.hours, **{day: list(spans) for day in weekdays}}
        try:
            hours(zone or service.time_zone, weekly, nation or service.nation.value)
        except ValueError as error:
            raise RotaRefused(f"{error}.") from error
        service.hours = {day: found for day, found in weekly.items() if found}
        service.time_zone, service.nation = zone or service.time_zone, Nation(nation or service.nation)
        session.add(service)
        session.flush()
        audit.record(session, "service_hours_set", by=by, now=now, service=service.id, zone=service.time_zone)

    def set_shown_as(self, session: Session, service: Service, shown_as: str, *, by: str, now: datetime) -> None:
        """How patients see who writes to them. Raises RotaRefused."""
        if shown_as not in tuple(ShownAs):
            raise RotaRefused(f"{shown_as!r} is none of {', '.join(ShownAs)}.")
        service.shown_as = ShownAs(shown_as)
        session.add(service)
        audit.record(session, "service_signs_set", by=by, now=now, service=service.id, shown_as=shown_as)

    # --- to be looked at ---

    def days(self, session: Session, service: Service, first: date, number: int, now: datetime) -> list[Day]:
        """Who works when, day by day, with gaps and cover."""
        zone = ZoneInfo(service.time_zone)
        plan = self._rotas.of(session, service.id, min(now, datetime.combine(first, time.min, zone)))
        names = {each.id: each.name for each in physios.staff(session, service.id)}
        found = []
        for day in (first + number * DAY for number in range(number)):
            spans = tuple(
                OnRota(
                    starts=duty.starts_at.astimezone(zone),
                    ends=duty.ends_at.astimezone(zone),
                    name=names.get(duty.physio, "") if duty.physio else "",
                    instead_of=names.get(duty.of, "") if duty.physio != duty.of else "",
                )
                for duty in plan.duties(day, day)
            )
            found.append(Day(day, self._why_closed(session, service, day), spans))
        return found

    def _why_closed(self, session: Session, service: Service, day: date) -> str:
        agreed = [each for each in rota.closures(session, service.id) if each.first_on <= day <= each.last_on]
        if agreed:
            return "" if any(each.is_open for each in agreed) else agreed[0].name
        return bank_holidays(service.nation.value, day.year).get(day, "")

    def _duties(self, session: Session, physio: Physio, on: date, now: datetime) -> list[Edges]:
        plan = self._rotas.of(session, physio.service_id, now)
        found = [(each.starts_at, each.ends_at) for each in plan.duties(on, on) if each.physio == physio.id]
        if not found:
            raise RotaRefused(f"{physio.name} has no shift on {on:%A %d %B}.")
        return found


def _times(span: str) -> tuple[time, time]:
    """A shift may end on the next day, so its end may lie before its start."""
    try:
        starts, ends = (read_span(f"{part}-24:00")[0] for part in span.replace("24:00", "00:00").split("-"))
    except ValueError as error:
        raise RotaRefused(f"{span!r} is no span of a day; write it like 09:00-17:00.") from error
    return starts, ends


def whole_day(on: date, zone: str) -> Edges:
    starts = datetime.combine(on, time.min, ZoneInfo(zone))
    return starts, datetime.combine(on + timedelta(days=1), time.min, ZoneInfo(zone))
