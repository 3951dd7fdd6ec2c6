"""Alerts: somebody must look. They move forward by one conditional update, and every move is an AuditEvent."""

import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, cast, literal, text, update
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from data.concerns import SafetyFollowUp
from data.outbox import Channel, OutboxMessage, OutboxState
from data.patients import Patient
from data.prepared import prepared
from data.types import UtcDateTime, coded

RETIRED = "older:"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # owned, with its own deadline: then it re-opens
    CLOSED = "closed"


class Alert(SQLModel, table=True):
    """`reference` (A-0042) stands on every copy of the card."""

    __table_args__ = (
        # A patient has one alert of a cause that is not closed: new messages join it.
        Index(
            "one_alert_a_cause", "patient_id", "cause", unique=True,
            sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},  # a reference is never given twice, also after an erasure
    )  # fmt: skip

    id: int = Field(default=None, primary_key=True)
    reference: str = Field(unique=True, index=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    cause: str = Field(index=True)  # RF01…RF19, AR01…AR22
    severity: str  # E999, EAE, U111, U48, R: the worst the patient was told
    level: str  # P0–P3: when a human acts
    told: str  # the messages the patient got, in order: "utter_mae,utter_m999", or "" when none
    message_id: int | None = Field(default=None, foreign_key="message.id")  # the words stay in the case
    state: AlertState = Field(default=AlertState.OPEN, index=True, sa_type=coded(AlertState))
    raised_at: datetime = Field(sa_type=UtcDateTime)
    times_raised: int = 1  # a new red-flag message joins the open alert and counts here
    last_raised_at: datetime = Field(sa_type=UtcDateTime)
    policy: dict = Field(default_factory=dict, sa_type=JSON)  # the escalation policy as it was then
    rung: int = 0  # the next rung to climb
    step: int = 0  # steps taken so far: the fence, so that two processes never take the same one
    next_step_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # None: closed
    unreachable_since: datetime | None = Field(default=None, sa_type=UtcDateTime)  # nobody could be told
    acknowledged_by: int | None = Field(default=None, foreign_key="physio.id")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: int | None = Field(default=None, foreign_key="physio.id")
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None  # coded: dialogues/protocol/escalation.yml


def add(session: Session, alert: Alert) -> Alert:
    """Stores a new alert and gives it its reference."""
    alert.reference = secrets.token_hex(8)
    session.add(alert)
    session.flush()
    alert.reference = f"A-{alert.id:04d}"
    session.flush()
    return alert


def get(session: Session, alert_id: int) -> Alert | None:
    """The alert as the database has it now, whatever this transaction read before."""
    session.flush()
    query = select(Alert).where(col(Alert.id) == alert_id).execution_options(populate_existing=True)
    return session.exec(query).first()


def lock_patient(session: Session, patient: Patient) -> None:
    """One transaction at a time decides whether a patient's alert is new or joined (SQLite has one writer anyway).

    The weaker lock: rows that point to the patient may be written meanwhile, or two turns could wait for each other.
    """
    session.flush()
    session.exec(select(col(Patient.id)).where(col(Patient.id) == patient.id).with_for_update(key_share=True)).one()


def unclosed_of(session: Session, patient: Patient, cause: str) -> Alert | None:
    query = (
        select(Alert)
        .where(col(Alert.patient_id) == patient.id, col(Alert.cause) == cause)
        .where(col(Alert.closed_at).is_(None))
        .execution_options(populate_existing=True)
    )
    return session.exec(query).first()


def was_closed(session: Session, patient: Patient, cause: str) -> bool:
    """Has a physio ever closed an alert of this cause?"""
    query = select(col(Alert.id)).where(col(Alert.patient_id) == patient.id, col(Alert.cause) == cause)
    return session.exec(query.where(col(Alert.closed_at).is_not(None)).limit(1)).first() is not None


def has_unclosed(session: Session, patient: Patient, levels: Collection[str]) -> bool:
    query = select(col(Alert.id)).where(col(Alert.patient_id) == patient.id, col(Alert.level).in_(levels))
    return session.exec(query.where(col(Alert.closed_at).is_(None)).limit(1)).first() is not None


def unclosed(session: Session, service_id: int | None = None) -> list[Alert]:
    """Everything (of this service) that is open or acknowledged: the worst level first, then the oldest."""
    query = select(Alert).where(col(Alert.closed_at).is_(None)).order_by(col(Alert.level), col(Alert.raised_at))
    if service_id is not None:
        query = query.join(Patient, col(Patient.id) == col(Alert.patient_id)).where(
            col(Patient.service_id) == service_id
        )
    return list(session.exec(query).all())


def everything(session: Session) -> list[Alert]:
    """Open and closed, of every service; the oldest first."""
    return list(session.exec(select(Alert).order_by(col(Alert.id))).all())


def owned(session: Session, physio_id: int) -> int:
    """How many alerts this physio has acknowledged and not closed."""
    return _owned(session, physio_id=physio_id).one()


@prepared
def _owned(physio_id: Any) -> SelectOfScalar[int]:
    query = select(func.count()).select_from(Alert).where(col(Alert.acknowledged_by) == physio_id)
    return query.where(col(Alert.closed_at).is_(None))


def others_unclosed(session: Session, alert: Alert, *, level: str) -> int:
    """How many other alerts of this level the patient still has."""
    query = (
        select(col(Alert.id))
        .where(col(Alert.patient_id) == alert.patient_id, col(Alert.id) != alert.id)
        .where(col(Alert.level) == level, col(Alert.closed_at).is_(None))
    )
    return len(session.exec(query).all())


def due(session: Session, now: datetime) -> list[int]:
    """The alerts with an overdue step: the worst level first, then the most overdue."""
    return list(_due(session, now=now))


@prepared
def _due(now: Any) -> SelectOfScalar[int]:
    overdue = (col(Alert.next_step_at) <= now, col(Alert.closed_at).is_(None))
    return select(col(Alert.id)).where(*overdue).order_by(col(Alert.level), col(Alert.next_step_at))


def move(
    session: Session,
    alert: Alert,
    *,
    states: Collection[str],
    seen_step: int | None = None,
    seen_raised: int | None = None,
    **values: Any,
) -> bool:
    """The one way an alert changes: a conditional update. False, and nothing changed, when somebody was first.

    `seen_step` and `seen_raised` are fences: what the mover had seen. The alert is read again either way.
    """
    session.flush()
    query = update(Alert).where(col(Alert.id) == alert.id, col(Alert.state).in_(list(states)))
    if seen_step is not None:
        query = query.where(col(Alert.step) == seen_step)
    if seen_raised is not None:
        query = query.where(col(Alert.times_raised) == seen_raised)
    moved = session.exec(query.values(**values).execution_options(synchronize_session=False)).rowcount == 1
    session.refresh(alert)
    return moved


def wake_unreachable(session: Session, now: datetime) -> None:
    """Somebody can be reached again: what waited for that is due at once."""
    session.flush()
    query = update(Alert).where(col(Alert.unreachable_since).is_not(None), col(Alert.closed_at).is_(None))
    session.exec(query.values(next_step_at=now).execution_options(synchronize_session="fetch"))


def copies(session: Session, alert: Alert) -> list[OutboxMessage]:
    """The cards of this alert that stand in somebody's chat; not those that a newer card there has retired."""
    edit = aliased(OutboxMessage)
    retired = select(edit.id).where(
        col(edit.key) == literal(RETIRED).concat(cast(col(OutboxMessage.id), String))
    )  # fmt: skip
    query = (
        select(OutboxMessage)
        .where(col(OutboxMessage.alert_id) == alert.id, col(OutboxMessage.kind) == "card")
        .where(col(OutboxMessage.telegram_message_id).is_not(None), ~retired.exists())
        .order_by(col(OutboxMessage.id))
    )
    return list(session.exec(query).all())


def mailed(session: Session, alert: Alert) -> list[OutboxMessage]:
    """The newest e-mail about this alert that each physio was sent."""
    newest = select(func.max(OutboxMessage.id)).where(
        col(OutboxMessage.alert_id) == alert.id, col(OutboxMessage.kind) == "card",
        col(OutboxMessage.channel) == Channel.EMAIL,
        col(OutboxMessage.state).in_((OutboxState.SENDING, OutboxState.SENT, OutboxState.UNCERTAIN)),
    )  # fmt: skip
    query = select(OutboxMessage).where(col(OutboxMessage.id).in_(newest.group_by(col(OutboxMessage.physio_id))))
    return list(session.exec(query.order_by(col(OutboxMessage.id))).all())


def retired_key(copy_id: int) -> str:
    """The outbox key of the edit that takes the buttons off a card because a newer one stands below it."""
    return f"{RETIRED}{copy_id}"


def drop_unsent(session: Session, alert: Alert) -> None:
    """Cards that have not left yet are no longer wanted: somebody has acted."""
    session.flush()
    query = (
        update(OutboxMessage)
        .where(col(OutboxMessage.alert_id) == alert.id, col(OutboxMessage.kind) == "card")
        .where(col(OutboxMessage.state) == OutboxState.QUEUED)
    )
    session.exec(query.values(state=OutboxState.DROPPED).execution_options(synchronize_session="fetch"))


def end_follow_ups(session: Session, alert: Alert, now: datetime) -> None:
    """A physio has looked: advice that was still to be repeated is not."""
    session.flush()
    query = update(SafetyFollowUp).where(
        col(SafetyFollowUp.alert_id) == alert.id, col(SafetyFollowUp.answered_at).is_(None)
    )
    values = {"answered_at": now, "answer": "closed"}
    session.exec(query.values(**values).execution_options(synchronize_session="fetch"))


def holders(session: Session, alert: Alert) -> set[int]:
    """The physios who have, or are about to get, a card of the alert's latest raising."""
    gone = (OutboxState.BLOCKED, OutboxState.FAILED, OutboxState.DROPPED)
    query = (
        select(col(OutboxMessage.physio_id))
        .where(col(OutboxMessage.alert_id) == alert.id, col(OutboxMessage.kind) == "card")
        .where(col(OutboxMessage.created_at) >= alert.last_raised_at, col(OutboxMessage.state).not_in(gone))
    )
    return {physio_id for physio_id in session.exec(query).all() if physio_id is not None}
