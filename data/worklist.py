"""What waits for a service's physios: unclosed alerts with their patient and owner, counted and sorted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case
from sqlmodel import Session, col, func, or_, select

from data.alerts import Alert, AlertState
from data.patients import Patient, PatientState
from data.physios import Physio


@dataclass(frozen=True)
class Wanted:
    """Filters: "" asks for everything. `owner`: "nobody" or a physio's number; `late`: only what is past its time."""

    level: str = ""
    owner: str = ""
    late: bool = False


@dataclass(frozen=True)
class Waiting:
    alert: Alert
    patient: Patient
    owner: Physio | None


@dataclass(frozen=True)
class Counts:
    """Of everything that is not closed, whatever the filter."""

    levels: dict[str, int]
    mine: int
    nobodys: int
    late: int

    @property
    def all(self) -> int:
        return sum(self.levels.values())


def waiting(
    session: Session, service_id: int, now: datetime, wanted: Wanted, *, most: int, skip: int = 0
) -> tuple[list[Waiting], int]:
    """The most urgent level first, then what is closest to (or furthest past) its time; and how many there are."""
    where = [*_here(service_id), *_filters(now, wanted)]
    query = select(Alert, Patient, Physio).join(Patient, col(Patient.id) == col(Alert.patient_id))
    query = query.join(Physio, col(Physio.id) == col(Alert.acknowledged_by), isouter=True).where(*where)
    query = query.order_by(col(Alert.level), *_by_time(), col(Alert.raised_at), col(Alert.id))
    rows = session.exec(query.offset(skip).limit(most)).all()
    number = select(func.count()).select_from(Alert).join(Patient, col(Patient.id) == col(Alert.patient_id))
    return [Waiting(*row) for row in rows], session.exec(number.where(*where)).one()


def counts(session: Session, service_id: int, now: datetime, physio_id: int | None) -> Counts:
    query: Any = select(  # type: ignore[call-overload]
        Alert.level,
        func.count(),
        func.sum(case((col(Alert.acknowledged_by) == physio_id, 1), else_=0)),
        func.sum(case((col(Alert.state) == AlertState.OPEN, 1), else_=0)),
        func.sum(case((or_(*_late(now)), 1), else_=0)),
    )
    query = query.join(Patient, col(Patient.id) == col(Alert.patient_id)).where(*_here(service_id))
    rows = session.exec(query.group_by(col(Alert.level)).order_by(col(Alert.level))).all()
    mine, nobodys, late = (sum(int(row[place] or 0) for row in rows) for place in (2, 3, 4))
    return Counts({row[0]: row[1] for row in rows}, mine=mine, nobodys=nobodys, late=late)


def _here(service_id: int) -> list[ColumnElement[bool]]:
    return [col(Patient.service_id) == service_id, col(Alert.closed_at).is_(None)]


def _filters(now: datetime, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.level:
        found.append(col(Alert.level) == wanted.level)
    if wanted.owner == "nobody":
        found.append(col(Alert.acknowledged_by).is_(None))
    elif wanted.owner.isdigit():
        found.append(col(Alert.acknowledged_by) == int(wanted.owner))
    if wanted.late:
        found.append(or_(*_late(now)))
    return found


def _late(now: datetime) -> list[ColumnElement[bool]]:
    """Nobody has it and the first rung has gone by, or nobody could be told at all."""
    return [
        (col(Alert.state) == AlertState.OPEN) & (col(Alert.rung) > 1),
        col(Alert.unreachable_since).is_not(None),
        col(Alert.next_step_at) <= now,
    ]


def _by_time() -> tuple[Any, Any]:
    return col(Alert.unreachable_since).is_(None), col(Alert.next_step_at)


def colleagues(session: Session, service_id: int) -> list[Physio]:
    """Everybody who works in this service."""
    query = select(Physio).where(col(Physio.service_id) == service_id, col(Physio.left_at).is_(None))
    return list(session.exec(query.order_by(col(Physio.name))).all())


def note_seen(session: Session, physio: Physio, now: datetime) -> None:
    """The list stands before this physio's eyes: escalation counts that as a way to reach them."""
    physio.console_seen_at = now
    session.add(physio)


# Patients -------------------------------------------------------------------------------------------------------------


def alert(session: Session, service_id: int, reference: str) -> Alert | None:
    """None for one of another service too."""
    query = select(Alert).join(Patient, col(Patient.id) == col(Alert.patient_id))
    query = query.where(col(Alert.reference) == reference, col(Patient.service_id) == service_id)
    return session.exec(query.execution_options(populate_existing=True)).first()


def patient(session: Session, service_id: int, code: str) -> Patient | None:
    """None for one of another service too."""
    query = select(Patient).where(col(Patient.code) == code, col(Patient.service_id) == service_id)
    return session.exec(query).first()


SHOWN = (PatientState.ACTIVE, PatientState.PAUSED, PatientState.INVITED, PatientState.WITHDRAWN)


def people(
    session: Session, service_id: int, *, code: str = "", state: str = "", most: int, skip: int = 0
) -> tuple[list[tuple[Patient, int]], int]:
    """Patients with how many alerts of theirs are not closed; the newest first; and how many there are."""
    where = [col(Patient.service_id) == service_id, col(Patient.state).in_(SHOWN)]
    if code:
        where.append(col(Patient.code).contains(code.upper(), autoescape=True))
    if state in SHOWN:
        where.append(col(Patient.state) == PatientState(state))
    mine = (col(Alert.patient_id) == col(Patient.id), col(Alert.closed_at).is_(None))
    unclosed = select(func.count()).select_from(Alert).where(*mine).correlate(Patient).scalar_subquery()
    query = select(Patient, unclosed).where(*where).order_by(col(Patient.id).desc()).offset(skip).limit(most)
    number = session.exec(select(func.count()).select_from(Patient).where(*where)).one()
    return [(row[0], int(row[1])) for row in session.exec(query).all()], number
