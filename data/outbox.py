"""The outbox: everything that leaves is a row, written with the change that caused it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    Executable,
    Index,
    Integer,
    String,
    and_,
    bindparam,
    or_,
    type_coerce,
)
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Field, Session, SQLModel, col, delete, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from data.engines import take
from data.prepared import prepared
from data.types import Encrypted, EncryptedBytes, EncryptedJson, UtcDateTime, coded


class Priority(IntEnum):
    SAFETY = 0  # a patient's safety advice
    CARD = 1  # an alert card for a clinician
    REPLY = 2
    CHECK_IN = 3


class Channel(StrEnum):
    TELEGRAM = "telegram"  # the coach's own bot
    STAFF = "staff"  # Telegram too: the alerts' own bot when there is one, so that bulk can't delay them
    EMAIL = "email"  # `chat_id` is minus the physio's number
    CONSOLE = "console"  # shown there: nothing leaves


TELEGRAM = (Channel.TELEGRAM, Channel.STAFF)  # one bot for both, unless the alerts have one of their own


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

    __table_args__ = (Index("ix_outboxmessage_turn", "state", "priority", "id"),)

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, index=True)
    chat_id: int = Field(sa_type=BigInteger, index=True)
    patient_id: int | None = Field(default=None, foreign_key="patient.id", index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id", index=True)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", index=True)
    check_in_id: int | None = Field(default=None, foreign_key="checkin.id", index=True)
    kind: str  # reply, safety, check_in, reminder, card, list, flag, notice, edit, callback
    channel: Channel = Field(default=Channel.TELEGRAM, sa_type=coded(Channel))
    priority: Priority = Field(sa_type=coded(Priority))
    text: str = Field(sa_type=Encrypted)  # plain text; the sender escapes and splits it
    buttons: list = Field(default_factory=list, sa_type=EncryptedJson)  # rows of [{"id", "label"}]; ids are Button.id
    document: str | None = Field(default=None, sa_type=Encrypted)  # a UTF-8 file that goes with the text
    picture: bytes | None = Field(default=None, sa_type=EncryptedBytes)  # a PNG that goes with the text
    picture_description: str | None = Field(default=None, sa_type=Encrypted)  # what `text` begins with then
    file_name: str | None = None  # set with `document` or `picture`
    edits: int | None = None  # Telegram message id whose text and keyboard this replaces
    must_arrive: bool = False  # safety advice and cards: sent again when uncertain
    state: OutboxState = Field(default=OutboxState.QUEUED, index=True, sa_type=coded(OutboxState))
    created_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime, index=True)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0  # also the fence: who leased the row for an earlier try can't settle it any more
    parts_sent: int = 0  # of a text too long for one message
    repeated: bool = False  # sent a second time after an uncertain first one
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
    label: str = Field(sa_type=Encrypted)
    says: str = Field(default="", sa_type=Encrypted)
    effect: dict = Field(default_factory=dict, sa_type=EncryptedJson)
    asks: str | None = None  # what was being asked: "goal_form.goal_minutes", "check_in.12.pain", "safety.7.1"
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SenderLease(SQLModel, table=True):
    """One sender a bot token, whatever the number of processes."""

    token_hash: str = Field(primary_key=True)
    owner: str
    lease_until: datetime = Field(sa_type=UtcDateTime)


def by_key(session: Session, key: str) -> OutboxMessage | None:
    return _by_key(session, key=key).first()


@prepared
def _by_key(key: Any) -> SelectOfScalar[OutboxMessage]:
    return select(OutboxMessage).where(col(OutboxMessage.key) == key)


def button(session: Session, button_id: str) -> Button | None:
    return session.get(Button, button_id)


def answered(session: Session, outbox_key: str) -> bool:
    """Has a button of this message been tapped already?"""
    return _answered(session, key=outbox_key).first() is not None


@prepared
def _answered(key: Any) -> SelectOfScalar[str]:
    used = (col(Button.outbox_key) == key, col(Button.used_at).is_not(None))
    return select(Button.id).where(*used).limit(1)


# The right to send ----------------------------------------------------------------------------------------------------


def hold_sender(session: Session, token_hash: str, owner: str, *, now: datetime, until: datetime) -> bool:
    """Takes or renews the right to send with this bot; False while another process holds it."""
    return take(session, SenderLease(token_hash=token_hash, owner=owner, lease_until=until), now=now, until=until)


def release_sender(session: Session, token_hash: str, owner: str) -> None:
    mine = (col(SenderLease.token_hash) == token_hash, col(SenderLease.owner) == owner)
    _run(session, delete(SenderLease).where(*mine))


# What leaves next -----------------------------------------------------------------------------------------------------

STUBBORN = 5  # tries after which a message no longer holds up the later ones of its chat


def due(
    session: Session,
    now: datetime,
    *,
    limit: int,
    but: Collection[int] = (),
    resting: Collection[int] = (),
    channels: Collection[Channel] = TELEGRAM,
) -> list[OutboxMessage]:
    """At most one message a chat, the one whose turn it is there: safety, then cards, replies, check-ins.

    Within a chat safety advice may overtake; everything else keeps its order, also behind a message that is being
    tried again. `but`: chats to leave alone; `resting`: chats that may have an edit, but no message yet.
    """
    values = {"now": now, "limit": limit, "but": list(but), "resting": list(resting), "channels": _codes(channels)}
    return list(session.exec(_due(), params=values))


@cache  # it runs after every turn, and to put it together takes longer than to run it
def _due() -> Any:
    now = bindparam("now", type_=UtcDateTime())
    may_leave = (
        col(OutboxMessage.state) == OutboxState.QUEUED,
        col(OutboxMessage.not_before) <= now,
        type_coerce(col(OutboxMessage.channel), String).in_(bindparam("channels", expanding=True, type_=String())),
        col(OutboxMessage.chat_id).not_in(bindparam("but", expanding=True)),
        or_(
            col(OutboxMessage.edits).is_not(None),
            col(OutboxMessage.priority) == Priority.SAFETY,  # advice never waits for the chat's pace
            col(OutboxMessage.chat_id).not_in(bindparam("resting", expanding=True)),
        ),
        ~_has_one_before(now),
    )
    turn = (col(OutboxMessage.priority), col(OutboxMessage.id))
    return select(OutboxMessage).where(*may_leave).order_by(*turn).limit(bindparam("limit", type_=Integer()))


def _has_one_before(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    other = aliased(OutboxMessage)
    is_safety = col(OutboxMessage.priority) == Priority.SAFETY
    other_is_safety = col(other.priority) == Priority.SAFETY
    older = col(other.id) < col(OutboxMessage.id)
    goes_first = or_(and_(other_is_safety, ~is_safety), and_(older, or_(other_is_safety, ~is_safety)))
    in_its_way = or_(col(other.not_before) <= now, col(other.tries).between(1, STUBBORN - 1))
    same_chat = (
        col(other.chat_id) == col(OutboxMessage.chat_id),
        col(other.channel) == col(OutboxMessage.channel),
        col(other.state) == OutboxState.QUEUED,
    )
    return select(other.id).where(*same_chat, goes_first, in_its_way).exists()


def is_due(session: Session, now: datetime, channels: Collection[Channel] = TELEGRAM) -> bool:
    return _is_due(session, now=now, channels=_codes(channels)).first() is not None


@prepared
def _is_due(now: Any, channels: Any = String()) -> SelectOfScalar[int]:
    queued = (col(OutboxMessage.state) == OutboxState.QUEUED, col(OutboxMessage.not_before) <= now)
    on_them = type_coerce(col(OutboxMessage.channel), String).in_(channels)
    return select(OutboxMessage.id).where(*queued, on_them).limit(1)


def lease(session: Session, row: OutboxMessage, until: datetime) -> bool:
    """Marks a queued message as being sent. False: somebody else was first."""
    return _move(session, row, OutboxState.QUEUED, state=OutboxState.SENDING, lease_until=until, tries=row.tries + 1)


def settle(session: Session, row: OutboxMessage, state: OutboxState, **values: Any) -> bool:
    """What became of a leased message. False: its lease ran out and somebody else has dealt with it since."""
    return _move(session, row, OutboxState.SENDING, state=state, lease_until=None, **values)


def _move(session: Session, row: OutboxMessage, was: OutboxState, **values: Any) -> bool:
    moved = session.connection().execute(_moved(), {"its_id": row.id, "was": was, "tried": row.tries, **values})
    if moved.rowcount and row in session:
        for name, value in values.items():
            set_committed_value(row, name, value)
    return bool(moved.rowcount)


@cache  # it runs twice a message, and to put it together takes longer than to run it
def _moved() -> Any:
    row: Any = OutboxMessage.__table__  # type: ignore[attr-defined]
    as_we_know_it = (row.c.state == bindparam("was"), row.c.tries == bindparam("tried"))
    return update(row).where(row.c.id == bindparam("its_id"), *as_we_know_it)


def abandoned(
    session: Session,
    now: datetime,
    *,
    mine: Collection[int],
    taken_over: bool,
    channels: Collection[Channel] = TELEGRAM,
) -> list[OutboxMessage]:
    """Messages whose sender died while sending: their lease ran out, or (`taken_over`) they aren't `mine`."""
    found = _abandoned(session, mine=list(mine), channels=_codes(channels))
    return [row for row in found if taken_over or (row.lease_until is not None and row.lease_until <= now)]


@prepared
def _abandoned(mine: Any = Integer(), channels: Any = String()) -> SelectOfScalar[OutboxMessage]:
    sending = (col(OutboxMessage.state) == OutboxState.SENDING, col(OutboxMessage.id).not_in(mine))
    on_them = type_coerce(col(OutboxMessage.channel), String).in_(channels)
    return select(OutboxMessage).where(*sending, on_them).order_by(col(OutboxMessage.id))


WORDS = "flag"  # the kind of message that shows a physio what a patient wrote


def words_shown_to_staff(session: Session, patient_id: int) -> list[tuple[int, int]]:
    """Chat and Telegram's number of each message that showed this patient's words to a physio."""
    query = select(OutboxMessage.chat_id, OutboxMessage.telegram_message_id)
    query = query.where(col(OutboxMessage.patient_id) == patient_id, col(OutboxMessage.kind) == WORDS)
    return [(chat_id, message_id) for chat_id, message_id in session.exec(query) if message_id is not None]


def newest_words_in(session: Session, chat_id: int) -> OutboxMessage | None:
    mine = (col(OutboxMessage.chat_id) == chat_id, col(OutboxMessage.kind) == WORDS)
    return session.exec(select(OutboxMessage).where(*mine).order_by(col(OutboxMessage.id).desc()).limit(1)).first()


def queued_for(session: Session, chat_id: int) -> list[OutboxMessage]:
    mine = (col(OutboxMessage.chat_id) == chat_id, col(OutboxMessage.state) == OutboxState.QUEUED)
    return list(session.exec(select(OutboxMessage).where(*mine).order_by(col(OutboxMessage.id))))


def drop_edits(session: Session, chat_id: int, message_id: int) -> None:
    """Changes of this message that have not left are no longer wanted."""
    waiting = (col(OutboxMessage.edits) == message_id, col(OutboxMessage.state) == OutboxState.QUEUED)
    _run(
        session,
        update(OutboxMessage).where(col(OutboxMessage.chat_id) == chat_id, *waiting).values(state=OutboxState.DROPPED),
    )


def _codes(channels: Collection[Channel]) -> list[str]:
    return [channel.value for channel in channels]


def _run(session: Session, statement: Executable) -> int:
    """How many rows an update or a delete touched."""
    return cast("CursorResult[Any]", session.exec(statement)).rowcount  # type: ignore[call-overload]


def overdue(session: Session, now: datetime) -> int:
    """Messages that were due more than five minutes ago and are still here."""
    query = select(func.count()).select_from(OutboxMessage)
    late = (col(OutboxMessage.state) == OutboxState.QUEUED, col(OutboxMessage.not_before) < now - timedelta(minutes=5))
    return session.exec(query.where(*late)).one()
