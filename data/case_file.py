"""Single reads for the summary of a case that no other module needs."""

from collections.abc import Collection
from datetime import date, datetime

from sqlmodel import Session, col, select

from data.alerts import Alert
from data.checkins import CheckIn, CheckInState
from data.concerns import BeliefCorrection, RiskFlag
from data.messages import Direction, Message
from data.outbox import OutboxMessage
from data.patients import Patient, PatientState
from data.physios import Physio
from data.programme import Talk

HEARD_STATES = tuple(state for state in PatientState if state != PatientState.STRANGER)


def alerts_of(session: Session, patient_id: int) -> list[Alert]:
    """The newest first."""
    query = select(Alert).where(col(Alert.patient_id) == patient_id).order_by(col(Alert.id).desc())
    return list(session.exec(query).all())


def risks(session: Session, patient_id: int, *, most: int) -> list[RiskFlag]:
    """The newest first, also those that were asked about and cleared."""
    query = select(RiskFlag).where(col(RiskFlag.patient_id) == patient_id).order_by(col(RiskFlag.id).desc())
    return list(session.exec(query.limit(most)).all())


def messages_by_id(session: Session, patient_id: int, ids: Collection[int]) -> dict[int, Message]:
    query = select(Message).where(col(Message.patient_id) == patient_id, col(Message.id).in_(ids))
    return {each.id: each for each in session.exec(query).all()}


def replies(session: Session, keys: Collection[str]) -> dict[str, Message]:
    """By the key of what they answer."""
    wanted = [f"{key}:reply" for key in keys]
    found = session.exec(select(Message).where(col(Message.key).in_(wanted))).all()
    return {each.key.removesuffix(":reply"): each for each in found}


def with_risk(session: Session, patient_id: int, kinds: Collection[str]) -> set[int]:
    """The messages in which one of these risks was heard."""
    query = select(RiskFlag.message_id).where(col(RiskFlag.patient_id) == patient_id, col(RiskFlag.risk).in_(kinds))
    return {number for number in session.exec(query).all() if number is not None}


def corrections(session: Session, patient_id: int) -> dict[int, BeliefCorrection]:
    """Flag → the newest correction."""
    query = select(BeliefCorrection).where(col(BeliefCorrection.patient_id) == patient_id)
    return {each.flag_id: each for each in session.exec(query.order_by(col(BeliefCorrection.id)))}


def last_heard(session: Session, patient_id: int) -> datetime | None:
    query = select(Message.at).where(
        col(Message.patient_id) == patient_id, col(Message.direction) == Direction.FROM_PATIENT
    )
    return session.exec(query.order_by(col(Message.id).desc()).limit(1)).first()


def said_since(session: Session, patient_id: int, since: datetime | None, *, most: int) -> list[Message]:
    """The patient's own messages in words, the newest first."""
    query = select(Message).where(
        col(Message.patient_id) == patient_id, col(Message.direction) == Direction.FROM_PATIENT,
        col(Message.kind) == "text",
    )  # fmt: skip
    if since is not None:
        query = query.where(col(Message.at) >= since)
    return list(session.exec(query.order_by(col(Message.id).desc()).limit(most)).all())


def check_ins(session: Session, patient_id: int, first: date, last: date) -> list[CheckIn]:
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.on).between(first, last))
    return list(session.exec(query.order_by(col(CheckIn.on).desc(), col(CheckIn.id).desc())).all())


def planned_check_in(session: Session, patient_id: int) -> CheckIn | None:
    waiting = (CheckInState.PLANNED, CheckInState.SNOOZED)
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.state).in_(waiting))
    return session.exec(query.order_by(col(CheckIn.due_at)).limit(1)).first()


def outgoing(session: Session, patient_id: int, since: datetime, *, most: int) -> list[OutboxMessage]:
    """What was to be sent to the patient, whatever became of it; the newest first."""
    query = select(OutboxMessage).where(
        col(OutboxMessage.patient_id) == patient_id, col(OutboxMessage.physio_id).is_(None),
        col(OutboxMessage.kind) != "edit", col(OutboxMessage.created_at) >= since,
    )  # fmt: skip
    return list(session.exec(query.order_by(col(OutboxMessage.id).desc()).limit(most)).all())


def messages_by_key(session: Session, patient_id: int, keys: Collection[str]) -> dict[str, Message]:
    query = select(Message).where(col(Message.patient_id) == patient_id, col(Message.key).in_(keys))
    return {each.key: each for each in session.exec(query).all()}


def talks(session: Session, patient_id: int, *, most: int) -> list[Talk]:
    query = select(Talk).where(col(Talk.patient_id) == patient_id).order_by(col(Talk.id).desc())
    return list(session.exec(query.limit(most)).all())


def names(session: Session, physio_ids: Collection[int]) -> dict[int, str]:
    query = select(Physio.id, Physio.name).where(col(Physio.id).in_(physio_ids))
    return dict(session.exec(query).all())


def in_state(session: Session, service_id: int) -> list[Patient]:
    query = select(Patient).where(col(Patient.service_id) == service_id, col(Patient.state).in_(HEARD_STATES))
    return list(session.exec(query).all())
