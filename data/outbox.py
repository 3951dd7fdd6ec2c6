"""The outbox: everything that leaves is a row, written with the change that caused it."""

from datetime import datetime
from enum import IntEnum, StrEnum

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field, Session, SQLModel, col, select

from data.types import Encrypted, UtcDateTime


class Priority(IntEnum):
    SAFETY = 0  # a patient's safety advice
    CARD = 1  # an alert card for a clinician
    REPLY = 2
    CHECK_IN = 3


class OutboxState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # leased; after a crash the lease runs out and the row is uncertain
    SENT = "sent"
    UNCERTAIN = "uncertain"  # it may have arrived: not sent again unless `must_arrive`
    BLOCKED = "blocked"  # the chat refused it (403)
    FAILED = "failed"  # refused for good (400)
    DROPPED = "dropped"  # no longer wanted when its turn came


class OutboxMessage(SQLModel, table=True):
    """`key` is unique: the same cause never sends twice. `edits` names the message whose keyboard it replaces."""

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, index=True)
    chat_id: int = Field(sa_type=BigInteger, index=True)
    patient_id: int | None = Field(default=None, foreign_key="patient.id", index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id", index=True)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", index=True)
    check_in_id: int | None = Field(default=None, foreign_key="checkin.id", index=True)
    kind: str  # reply, safety, check_in, reminder, card, notice, edit, callback
    priority: Priority
    text: str = Field(sa_type=Encrypted)  # plain text; the sender escapes and splits it
    buttons: list = Field(default_factory=list, sa_type=JSON)  # rows of [{"id", "label"}]; ids are Button.id
    edits: int | None = None  # Telegram message id whose text and keyboard this replaces
    must_arrive: bool = False  # safety advice and cards: sent again when uncertain
    state: OutboxState = Field(default=OutboxState.QUEUED, index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime, index=True)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    telegram_message_id: int | None = None
    error: str | None = None  # Telegram's reason, never our text


class Button(SQLModel, table=True):
    """What a tap means, kept here; the keyboard carries only the random id (22 bytes).

    `says` is the text the tap stands for (the same path as typed words), "/intent" for a Rasa intent,
    or empty when `effect` holds something the app does by itself.
    """

    id: str = Field(primary_key=True)  # secrets.token_urlsafe(16)
    chat_id: int = Field(sa_type=BigInteger, index=True)
    outbox_key: str = Field(index=True)
    label: str
    says: str = ""
    effect: dict = Field(default_factory=dict, sa_type=JSON)
    asks: str | None = None  # what was being asked: "goal_form.goal_minutes", "check_in.12.pain", "safety.7.1"
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SenderLease(SQLModel, table=True):
    """One sender a bot token, whatever the number of processes."""

    token_hash: str = Field(primary_key=True)
    owner: str
    lease_until: datetime = Field(sa_type=UtcDateTime)


def by_key(session: Session, key: str) -> OutboxMessage | None:
    return session.exec(select(OutboxMessage).where(col(OutboxMessage.key) == key)).first()


def button(session: Session, button_id: str) -> Button | None:
    return session.get(Button, button_id)
