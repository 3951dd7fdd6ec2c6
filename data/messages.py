"""What was said: one row a message, either way. The words are encrypted."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class Direction(StrEnum):
    FROM_PATIENT = "from_patient"
    TO_PATIENT = "to_patient"


class Message(SQLModel, table=True):
    """`key` makes a message unique and repeatable: `u<update_id>` from Telegram, the outbox key outward."""

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, index=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    direction: Direction = Field(sa_type=coded(Direction))
    kind: str  # text, tap, command, edited, caption, photo, voice, sticker, … · reply, check_in, safety, …
    text: str = Field(sa_type=Encrypted)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    screened: bool = False  # the rule layer has read it (and acted on it)
    intent: str | None = None
    scores: dict = Field(default_factory=dict, sa_type=JSON)  # belief and risk confidences of the model
    responses: str = ""  # the names of the responses, comma-separated: what was said, for audit
    content: str = ""  # the version of dialogues/ that it was said from
    physio_id: int | None = Field(default=None, foreign_key="physio.id")  # whose own words they are; None: the coach's


def record(session: Session, message: Message) -> Message:
    """Stores the message, or returns the one with the same key."""
    existing = by_key(session, message.key)
    if existing:
        return existing
    session.add(message)
    session.flush()
    return message


def by_key(session: Session, key: str) -> Message | None:
    return _by_key(session, key=key).first()


@prepared
def _by_key(key: Any) -> SelectOfScalar[Message]:
    return select(Message).where(col(Message.key) == key)


def get(session: Session, message_id: int) -> Message | None:
    return session.get(Message, message_id)


def reply_to(session: Session, message: Message) -> Message | None:
    """What the coach answered; None while the answer is still to come."""
    return by_key(session, f"{message.key}:reply")


def recent_from(session: Session, patient_id: int, *, since: datetime, most: int) -> list[Message]:
    """The patient's last words, oldest first."""
    query = (
        select(Message)
        .where(col(Message.patient_id) == patient_id, col(Message.direction) == Direction.FROM_PATIENT)
        .where(col(Message.at) >= since)
        .order_by(col(Message.id).desc())
        .limit(most)
    )
    return list(reversed(session.exec(query).all()))


def count_of_kind(session: Session, patient_id: int, kind: str, *, since: datetime) -> int:
    """How many messages of this kind have been written to the patient."""
    query = select(func.count()).where(col(Message.patient_id) == patient_id, col(Message.kind) == kind)
    return session.exec(query.where(col(Message.at) >= since)).one()


def last_key(session: Session, patient_id: int) -> str | None:
    """Of the last message to the patient."""
    query = select(Message.key).where(col(Message.patient_id) == patient_id)
    query = query.where(col(Message.direction) == Direction.TO_PATIENT).order_by(col(Message.id).desc())
    return session.exec(query.limit(1)).first()
