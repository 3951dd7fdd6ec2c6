"""Services, and who works there when: a weekly pattern of shifts, closures, and who covers for whom.

What these rows come to at an instant is a rule: bot/coaching/rota.py and service_hours.py. Times of day are the
service's own wall clock.
"""

from collections.abc import Collection
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import DDL, JSON, ColumnElement, Table, event
from sqlmodel import Field, Session, SQLModel, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from data import physios
from data.patients import Nation, Patient
from data.physios import Physio
from data.prepared import prepared
from data.types import UtcDateTime, coded

FIRST = 1  # the service that is there from the start: who belongs to no other belongs to it
HOURS = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


class ShownAs(StrEnum):
    """How a patient sees who of the service has written to them."""

    ROLE = "role"  # "your physiotherapist"
    FIRST_NAME = "first_name"  # "Priya, your physiotherapist"


class Service(SQLModel, table=True):
    """A clinic: its physios see its own patients alone. `hours` by day: {"mon": ["09:00-12:30", "13:00-17:00"]}."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    nation: Nation = Field(default=Nation.ENGLAND, sa_type=coded(Nation))  # whose bank holidays it keeps
    time_zone: str = "Europe/London"  # IANA name
    hours: dict = Field(default_factory=lambda: dict(HOURS), sa_type=JSON)  # a day that isn't named is closed
    shown_as: ShownAs = Field(
        default=ShownAs.ROLE, sa_type=coded(ShownAs), sa_column_kwargs={"server_default": ShownAs.ROLE.value}
    )
    is_synthetic: bool = False  # the watchdog's own: nobody in it is a person, and no figure counts it


class Shift(SQLModel, table=True):
    """One physio, one weekday, every week; one that ends before it starts ends on the next day."""

    id: int = Field(default=None, primary_key=True)
    physio_id: int = Field(foreign_key="physio.id", index=True)
    weekday: int  # 0 is Monday
    starts_at: time
    ends_at: time
    first_on: date
    last_on: date | None = None  # inclusive; None: until further notice


class Cover(SQLModel, table=True):
    """An exception: from `starts_at` to `ends_at` this physio is away. `by_id` works their shifts; None: nobody does.

    A swap is two of them.
    """

    id: int = Field(default=None, primary_key=True)
    physio_id: int = Field(foreign_key="physio.id", index=True)
    by_id: int | None = Field(default=None, foreign_key="physio.id")
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    cancelled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Closure(SQLModel, table=True):
    """Days on which a service is closed besides bank holidays, or (`is_open`) works although it is one."""

    id: int = Field(default=None, primary_key=True)
    service_id: int = Field(foreign_key="service.id", index=True)
    first_on: date
    last_on: date  # inclusive
    name: str  # shown to staff
    is_open: bool = False


def service(session: Session, service_id: int) -> Service:
    """The service, which must exist: services are never deleted."""
    return session.get_one(Service, service_id)


def services(session: Session) -> list[Service]:
    """Those that people work in; the watchdog's own isn't one."""
    query = select(Service).where(col(Service.is_synthetic).is_(False))
    return list(session.exec(query.order_by(col(Service.id))).all())


def everybody(session: Session) -> list[Physio]:
    """Who works in any service, people alone: not the watchdog's."""
    return [each for here in services(session) for each in physios.staff(session, here.id)]


def by_name(session: Session, name: str) -> Service | None:
    return session.exec(select(Service).where(col(Service.name) == name)).first()


def of_patient(session: Session, patient_id: int) -> Service:
    """Raises NoResultFound after an erasure."""
    query = select(Service).join(Patient, col(Patient.service_id) == col(Service.id))
    return session.exec(query.where(col(Patient.id) == patient_id)).one()


def shifts(session: Session, service_id: int) -> list[Shift]:
    """Every shift of those who still work here."""
    return list(_shifts(session, service_id=service_id))


@prepared
def _shifts(service_id: Any) -> SelectOfScalar[Shift]:
    query = select(Shift).join(Physio, col(Physio.id) == col(Shift.physio_id)).where(*_here(service_id))
    return query.order_by(col(Shift.weekday), col(Shift.starts_at), col(Shift.id))


def covers(session: Session, service_id: int, *, after: datetime) -> list[Cover]:
    """What was agreed and isn't over at `after`, in the order in which it was agreed."""
    return list(_covers(session, service_id=service_id, after=after))


@prepared
def _covers(service_id: Any, after: Any) -> SelectOfScalar[Cover]:
    query = select(Cover).join(Physio, col(Physio.id) == col(Cover.physio_id)).where(*_here(service_id))
    standing = (col(Cover.cancelled_at).is_(None), col(Cover.ends_at) > after)
    return query.where(*standing).order_by(col(Cover.id))


def closures(session: Session, service_id: int) -> list[Closure]:
    return list(_closures(session, service_id=service_id))


@prepared
def _closures(service_id: Any) -> SelectOfScalar[Closure]:
    query = select(Closure).where(col(Closure.service_id) == service_id)
    return query.order_by(col(Closure.first_on), col(Closure.id))


def members(session: Session, service_id: int, physio_ids: Collection[int]) -> list[Physio]:
    """Those of them who still work in this service."""
    query = select(Physio).where(col(Physio.id).in_(list(physio_ids)), *_here(service_id))
    return list(session.exec(query.order_by(col(Physio.id))).all())


def end_shifts(session: Session, physio_id: int, *, last_on: date) -> int:
    """Their weekly pattern ends with that day; what had not begun by then goes. How many shifts that changes."""
    theirs = select(Shift).where(col(Shift.physio_id) == physio_id)
    standing = session.exec(theirs.where(or_(col(Shift.last_on).is_(None), col(Shift.last_on) > last_on))).all()
    for shift in standing:
        if shift.first_on > last_on:
            session.delete(shift)
        else:
            shift.last_on = last_on
    session.flush()
    return len(standing)


def _here(service_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Physio.service_id) == service_id, col(Physio.left_at).is_(None)


TABLE: Table = SQLModel.metadata.tables["service"]
MADE = (
    "insert into service (name, nation, time_zone, hours, is_synthetic) values "
    '(\'Service\', \'england\', \'Europe/London\', \'{"mon": ["09:00-17:00"], "tue": ["09:00-17:00"], '
    '"wed": ["09:00-17:00"], "thu": ["09:00-17:00"], "fri": ["09:00-17:00"]}\', false)'
)
event.listen(TABLE, "after_create", DDL(MADE))  # type: ignore[no-untyped-call]
