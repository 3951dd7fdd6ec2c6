"""A physio and a patient write to each other. While a takeover is open the coach is silent but for screening."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, Session, SQLModel, col, select

from data.alerts import Alert
from data.messages import Message
from data.outbox import Channel, OutboxMessage
from data.patients import Patient
from data.physios import Physio
from data.types import UtcDateTime

WRITTEN = "physio"  # the kind of a message that holds a physio's own words


class Takeover(SQLModel, table=True):
    """Opened by a physio's first words. `physio_id`: who wrote last, and hears of what the patient writes."""

    __table_args__ = (
        Index(
            "one_takeover_a_patient", "patient_id", unique=True,
            sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id")
    began_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)  # the last words of either side
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)  # when the tick looks at it next
    unread_since: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the patient's words nobody has opened
    unanswered_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # that their words are passed on
    alerted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the team, of words that lie unread
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""  # physio, patient, silence


def open_of(session: Session, patient_id: int) -> Takeover | None:
    query = select(Takeover).where(col(Takeover.patient_id) == patient_id, col(Takeover.ended_at).is_(None))
    return session.exec(query).first()


def newest_of(session: Session, patient_id: int) -> Takeover | None:
    """The open one, or the last that there was."""
    query = select(Takeover).where(col(Takeover.patient_id) == patient_id).order_by(col(Takeover.id).desc())
    return session.exec(query.limit(1)).first()


def add(session: Session, takeover: Takeover) -> Takeover:
    session.add(takeover)
    session.flush()
    return takeover


def claim_due(session: Session, now: datetime, *, most: int) -> list[Takeover]:
    """Open ones whose time has come; no other process gets them while this transaction lasts."""
    query = select(Takeover).where(col(Takeover.ended_at).is_(None), col(Takeover.due_at) <= now)
    query = query.order_by(col(Takeover.due_at), col(Takeover.id)).limit(most)
    return list(session.exec(query.with_for_update(skip_locked=True)).all())


def words_since(session: Session, patient_id: int, since: datetime, *, most: int) -> list[Message]:
    """What was said between patient and physio, the newest `most`, oldest first; the coach's own words are not in it."""
    ours = col(Message.kind).in_(("text", "edited", "caption", WRITTEN))
    query = select(Message).where(col(Message.patient_id) == patient_id, col(Message.at) >= since, ours)
    return list(reversed(session.exec(query.order_by(col(Message.id).desc()).limit(most)).all()))


def last_written(session: Session, patient_id: int) -> datetime | None:
    """When a physio last wrote to them."""
    query = select(Message.at).where(col(Message.patient_id) == patient_id, col(Message.kind) == WRITTEN)
    return session.exec(query.order_by(col(Message.id).desc()).limit(1)).first()


def open_in(session: Session, service_id: int) -> list[tuple[Takeover, Patient, Physio | None]]:
    """Of a service: unread words first, then the one that has been waiting longest."""
    query = select(Takeover, Patient, Physio).join(Patient, col(Patient.id) == col(Takeover.patient_id))
    query = query.join(Physio, col(Physio.id) == col(Takeover.physio_id), isouter=True)
    query = query.where(col(Patient.service_id) == service_id, col(Takeover.ended_at).is_(None))
    order = (col(Takeover.unread_since).is_(None), col(Takeover.unanswered_since), col(Takeover.last_at))
    return [(row[0], row[1], row[2]) for row in session.exec(query.order_by(*order)).all()]


def message_in_chat(session: Session, chat_id: int, telegram_message_id: int) -> OutboxMessage | None:
    """What a physio replies to on Telegram."""
    query = select(OutboxMessage).where(
        col(OutboxMessage.chat_id) == chat_id, col(OutboxMessage.telegram_message_id) == telegram_message_id,
        col(OutboxMessage.channel) == Channel.STAFF,
    )  # fmt: skip
    return session.exec(query.limit(1)).first()


def patient_of(session: Session, row: OutboxMessage) -> Patient | None:
    """Whom a message in a physio's chat is about: its own patient, or that of its alert."""
    patient_id = row.patient_id
    if patient_id is None and row.alert_id is not None:
        patient_id = session.get_one(Alert, row.alert_id).patient_id
    return session.get(Patient, patient_id) if patient_id is not None else None
