"""What has been kept for long enough: deliveries, buttons, leases, Rasa's memory, and people who never enrolled."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, literal
from sqlmodel import Session, col, delete, or_, select

from data import inbox
from data.alerts import Alert
from data.inbox import ChatTurn, InboxState, InboxUpdate
from data.messages import Message
from data.outbox import Button, OutboxMessage, OutboxState
from data.patients import Patient, PatientState
from data.types import UtcDateTime

LEAVING = (OutboxState.QUEUED, OutboxState.SENDING)


def purge_updates(session: Session, before: datetime) -> int:
    """Updates that were answered, and the leases of chats that nobody is answering."""
    leases = delete(ChatTurn).where(col(ChatTurn.lease_until) < before)
    return inbox.purge(session, before) + _run(session, leases)


def purge_sent(session: Session, before: datetime) -> int:
    """Deliveries and their buttons; the card of an alert stays until the alert is closed: it is still edited.

    Updates that were given up stay as long, for `coach doctor` to count.
    """
    open_alerts = select(Alert.id).where(col(Alert.closed_at).is_(None))
    free = or_(col(OutboxMessage.alert_id).is_(None), col(OutboxMessage.alert_id).not_in(open_alerts))
    old = (col(OutboxMessage.created_at) < before, col(OutboxMessage.state).not_in(LEAVING), free)
    dead = (col(InboxUpdate.received_at) < before, col(InboxUpdate.state) == InboxState.DEAD)
    live = select(OutboxMessage.key)
    return (
        _run(session, delete(OutboxMessage).where(*old))
        + _run(session, delete(Button).where(col(Button.expires_at) < before, col(Button.outbox_key).not_in(live)))
        + _run(session, delete(InboxUpdate).where(*dead))
    )


def trackers_to_forget(session: Session, *, before: datetime, quiet_since: datetime, most: int) -> list[Patient]:
    """Patients whose words Rasa has held since before `before`, and who are not in the middle of a talk.

    An open form keeps the memory, unless nobody has answered it since `before` either.
    """
    since = func.coalesce(col(Patient.tracker_since), col(Patient.created_at))
    last = select(func.max(Message.at)).where(col(Message.patient_id) == col(Patient.id)).scalar_subquery()
    pause = case((col(Patient.asks).is_(None), _instant(quiet_since)), else_=_instant(before))
    query = select(Patient).where(since < before, last > since, last < pause).order_by(col(Patient.id)).limit(most)
    return list(session.exec(query).all())


def silent_strangers(session: Session, *, before: datetime, most: int) -> list[Patient]:
    """People who never gave consent and have not written since `before`; nobody whom an open alert is about."""
    last = select(func.max(Message.at)).where(col(Message.patient_id) == col(Patient.id)).scalar_subquery()
    alerted = select(Alert.patient_id).where(col(Alert.closed_at).is_(None))
    query = select(Patient).where(
        col(Patient.state).in_((PatientState.STRANGER, PatientState.INVITED)),
        func.coalesce(last, col(Patient.created_at)) < before,
        col(Patient.id).not_in(alerted),
    )
    return list(session.exec(query.order_by(col(Patient.id)).limit(most)).all())


def _instant(value: datetime) -> Any:
    return literal(value, UtcDateTime)


def _run(session: Session, statement: Any) -> int:
    result: Any = session.exec(statement, execution_options={"synchronize_session": "fetch"})
    return int(result.rowcount)


def mark_forgotten(session: Session, patient_id: int, *, asked: str | None, now: datetime) -> bool:
    """Rasa remembers nothing of this patient: the form that was open there (`asked`) is open no more."""
    patient = session.get(Patient, patient_id)
    if patient is None:
        return False
    patient.tracker_since = now
    if patient.asks == asked:  # else a new form was opened in the meantime
        patient.asks = None
    return True
