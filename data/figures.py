"""A service in figures: counts and spans, nobody's words and nobody's code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from data.alerts import Alert
from data.audit import AuditEvent
from data.checkins import CheckIn, CheckInState
from data.inbox import InboxState, InboxUpdate
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientState
from data.physios import Physio


@dataclass(frozen=True)
class Load:
    """One physio. `number` stands for the name where names don't belong."""

    number: int
    name: str
    owns: int
    acknowledged: int
    closed: int


def patients_by_state(session: Session, service_id: int) -> dict[str, int]:
    query = select(Patient.state, func.count()).where(col(Patient.service_id) == service_id)
    return {PatientState(state).value: number for state, number in session.exec(query.group_by(col(Patient.state)))}


def unclosed_by_level(session: Session, service_id: int) -> dict[str, int]:
    query = _of_service(select(Alert.level, func.count()), service_id).where(col(Alert.closed_at).is_(None))
    return dict(session.exec(query.group_by(col(Alert.level)).order_by(col(Alert.level))).all())


def raised_by_cause(session: Session, service_id: int, since: datetime) -> dict[str, int]:
    """Risk or at-risk rule → how many alerts it has raised since then."""
    query = _of_service(select(Alert.cause, func.count()), service_id).where(col(Alert.raised_at) >= since)
    return dict(session.exec(query.group_by(col(Alert.cause)).order_by(col(Alert.cause))).all())


def outcomes(session: Session, service_id: int, since: datetime) -> dict[str, int]:
    query = _of_service(select(Alert.outcome, func.count()), service_id).where(col(Alert.closed_at) >= since)
    found = session.exec(query.group_by(col(Alert.outcome))).all()
    return {str(outcome): number for outcome, number in found if outcome}


def until_acknowledged(session: Session, service_id: int, since: datetime) -> dict[str, list[timedelta]]:
    """Level → how long each alert raised since then waited for its first owner. Those that still wait are not in it."""
    query = _of_service(select(Alert.reference, Alert.level, Alert.raised_at), service_id)
    known = {row[0]: (row[1], row[2]) for row in session.exec(query.where(col(Alert.raised_at) >= since)).all()}
    taken = select(AuditEvent.alert, func.min(AuditEvent.at)).where(
        col(AuditEvent.what) == "alert_acknowledged", col(AuditEvent.at) >= since
    )
    found: dict[str, list[timedelta]] = {}
    for reference, at in session.exec(taken.group_by(col(AuditEvent.alert))).all():
        if reference in known and at is not None:
            level, raised_at = known[reference]
            found.setdefault(level, []).append(max(at - raised_at, timedelta()))
    return {level: sorted(found[level]) for level in sorted(found)}


def engaged(
    session: Session, service_id: int, now: datetime, *, at: timedelta, answered_in: timedelta
) -> tuple[int, int]:
    """Of those who joined `at` ago or earlier: how many answered a check-in in the span before that day."""
    joined = (col(Patient.service_id) == service_id, col(Patient.enrolled_at) <= now - at)
    people = session.exec(select(func.count()).select_from(Patient).where(*joined)).one()
    query = select(Patient.id, Patient.enrolled_at, CheckIn.ended_at)
    query = query.join(CheckIn, col(CheckIn.patient_id) == col(Patient.id))
    query = query.where(*joined, col(CheckIn.state) == CheckInState.ANSWERED, col(CheckIn.ended_at).is_not(None))
    active = set()
    for number, day, ended_at in session.exec(query):
        if day is not None and ended_at is not None and day + at - answered_in < ended_at <= day + at:
            active.add(number)
    return len(active), people


def loads(session: Session, service_id: int, since: datetime) -> list[Load]:
    here = (col(Physio.service_id) == service_id, col(Physio.left_at).is_(None))
    staff = session.exec(select(Physio).where(*here).order_by(col(Physio.id))).all()
    owns = _count(
        session,
        select(Alert.acknowledged_by, func.count()).where(col(Alert.closed_at).is_(None)),
        Alert.acknowledged_by,
    )
    closed = _count(
        session, select(Alert.closed_by, func.count()).where(col(Alert.closed_at) >= since), Alert.closed_by
    )
    taken = select(AuditEvent.by, func.count()).where(
        col(AuditEvent.what) == "alert_acknowledged", col(AuditEvent.at) >= since
    )
    took = _count(session, taken, AuditEvent.by)
    return [
        Load(each.id, each.name, owns.get(each.id, 0), took.get(f"physio:{each.id}", 0), closed.get(each.id, 0))
        for each in staff
    ]


def _count(session: Session, query: Any, by: Any) -> Mapping[Any, int]:
    return dict(session.exec(query.group_by(col(by))).all())


def _of_service(query: Any, service_id: int) -> Any:
    return query.join(Patient, col(Patient.id) == col(Alert.patient_id)).where(col(Patient.service_id) == service_id)


# Is everything moving? ------------------------------------------------------------------------------------------------


def steps_overdue(session: Session, before: datetime) -> int:
    """Alerts whose next step should have been taken by then: the tick is not running."""
    query = select(func.count()).select_from(Alert).where(col(Alert.next_step_at) < before)
    return session.exec(query.where(col(Alert.closed_at).is_(None))).one()


def unread(session: Session, before: datetime) -> int:
    """Updates that came before then and that nobody has dealt with."""
    query = select(func.count()).select_from(InboxUpdate).where(col(InboxUpdate.state) == InboxState.NEW)
    return session.exec(query.where(col(InboxUpdate.received_at) < before)).one()


def unsent(session: Session, before: datetime) -> int:
    query = select(func.count()).select_from(OutboxMessage).where(col(OutboxMessage.state) == OutboxState.QUEUED)
    return session.exec(query.where(col(OutboxMessage.not_before) < before)).one()
