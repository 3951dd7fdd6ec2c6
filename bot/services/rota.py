"""Who works now and when somebody next does: the rows of data/rota.py put through the rules of coaching/rota.py."""

from datetime import datetime, timedelta

from sqlmodel import Session

from bot.coaching.rota import Cover, Rota, Shift
from bot.coaching.service_hours import Closed, Hours, hours
from data import physios, rota
from data.physios import Physio

LONGEST_NIGHT = timedelta(days=2)  # cover that ended so lately may still cut a shift that runs


class Rotas:
    """Read for every step anew: an edit of the rota counts from the next step on, also for alerts that run."""

    def hours(self, session: Session, service_id: int) -> Hours:
        service = rota.service(session, service_id)
        closed = [Closed(each.first_on, each.last_on, each.is_open) for each in rota.closures(session, service_id)]
        return hours(service.time_zone, service.hours, service.nation.value, closed)

    def of(self, session: Session, service_id: int, now: datetime) -> Rota:
        """The rota as agreed from about now on."""
        shifts = tuple(
            Shift(each.physio_id, each.weekday, each.starts_at, each.ends_at, each.first_on, each.last_on)
            for each in rota.shifts(session, service_id)
        )
        covers = tuple(
            Cover(each.physio_id, each.by_id, each.starts_at, each.ends_at)
            for each in rota.covers(session, service_id, after=now - LONGEST_NIGHT)
        )
        return Rota(self.hours(session, service_id), shifts, covers)

    def on_duty(self, session: Session, service_id: int, now: datetime) -> list[Physio]:
        """By the rota, or because they said so (/duty on); reachable or not."""
        found = set(self.of(session, service_id, now).on_duty(now))
        found |= {each.id for each in physios.on_call(session, service_id, now)}
        return rota.members(session, service_id, found)

    def next_duty(self, session: Session, service_id: int, after: datetime) -> datetime | None:
        """When the rota next has somebody, `after` itself included. None: not within four weeks."""
        return self.of(session, service_id, after).next_duty(after)
