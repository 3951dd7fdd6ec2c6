"""The inbox: an update is committed here before Telegram is told that we have it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import BigInteger, CursorResult, Executable, Integer, bindparam, func, or_
from sqlmodel import Field, Session, SQLModel, col, delete, select, update
from sqlmodel.sql.expression import SelectOfScalar

from data.engines import add_once, holds, latest_end, take
from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class InboxState(StrEnum):
    NEW = "new"
    WAITING = "waiting"  # screened and held until Rasa answers again
    DONE = "done"
    DEAD = "dead"  # gave up after too many tries: logged, counted by `coach doctor`


OPEN = (InboxState.NEW, InboxState.WAITING)


class InboxUpdate(SQLModel, table=True):
    """One Telegram update, raw until it is done. The primary key is the duplicate filter."""

    update_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    chat_id: int = Field(sa_type=BigInteger, index=True)  # 0: it belongs to no chat
    raw: str = Field(sa_type=Encrypted)
    received_at: datetime = Field(sa_type=UtcDateTime)
    state: InboxState = Field(default=InboxState.NEW, index=True, sa_type=coded(InboxState))
    attempts: int = 0  # turns that ended in an error, not turns that a crash cut short
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    screen_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # somebody is screening it until then
    screened: bool = False  # it passed the first screening, before the chat's queue


class ChatTurn(SQLModel, table=True):
    """Who is handling a chat: one process at a time, so that messages of one chat keep their order."""

    chat_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: str
    lease_until: datetime = Field(sa_type=UtcDateTime)


class AlreadyHandled(Exception):
    """Another process finished this update first. Let it propagate: this transaction must not commit."""


# Arrival -------------------------------------------------------------------------------------------------------------


def accept(session: Session, row: InboxUpdate) -> bool:
    """False for an update that we have already."""
    return add_once(session, row)


def by_id(session: Session, update_id: int) -> InboxUpdate | None:
    return session.get(InboxUpdate, update_id)


# For the handler, in its own transaction ------------------------------------------------------------------------------


def finish(session: Session, update_id: int, state: InboxState = InboxState.DONE) -> None:
    """Closes an update and forgets its raw text. Raises AlreadyHandled when it is closed already."""
    _change(session, update_id, state=state, raw="", not_before=None)


def wait(session: Session, update_id: int, not_before: datetime) -> None:
    """Keeps an update until Rasa answers again. Raises AlreadyHandled when it is closed already."""
    _change(session, update_id, state=InboxState.WAITING, not_before=not_before)


def waiting_before(session: Session, chat_id: int, update_id: int) -> bool:
    """Does an earlier message of this chat still wait for Rasa? Then a later one waits behind it."""
    query = select(InboxUpdate.update_id).where(
        col(InboxUpdate.chat_id) == chat_id,
        col(InboxUpdate.state) == InboxState.WAITING,
        col(InboxUpdate.update_id) < update_id,
    )
    return session.exec(query.limit(1)).first() is not None


def mark_screened(session: Session, update_id: int) -> None:
    """The first screening of this update is done; another process need not repeat it."""
    _run(session, update(InboxUpdate).where(col(InboxUpdate.update_id) == update_id).values(screened=True))


# For the queue of a chat ----------------------------------------------------------------------------------------------


def due_chats(
    session: Session,
    now: datetime,
    *,
    but: Sequence[int] = (),
    limit: int = 64,
    states: Sequence[InboxState] = OPEN,
) -> list[int]:
    """Chats whose first NEW update, or else first WAITING one, may be handled now; the longest waiting first."""
    chats: dict[int, None] = {}
    for state in states:
        chats |= dict.fromkeys(_due_chats(session, state=state, but=list(but), now=now, limit=limit))
    return list(chats)[:limit]


@prepared
def _due_chats(state: Any, now: Any, but: Any = BigInteger, limit: Any = Integer) -> SelectOfScalar[int]:
    """By the first update of every chat that is in this state."""
    first = select(func.min(InboxUpdate.update_id).label("update_id")).group_by(col(InboxUpdate.chat_id))
    theirs = first.where(col(InboxUpdate.state) == state, col(InboxUpdate.chat_id).not_in(but)).subquery()
    query = select(InboxUpdate.chat_id).join(theirs, theirs.c.update_id == col(InboxUpdate.update_id))
    may_be_handled = or_(col(InboxUpdate.not_before).is_(None), col(InboxUpdate.not_before) <= now)
    return query.where(may_be_handled).order_by(col(InboxUpdate.update_id)).limit(limit)


def first_open(session: Session, chat_id: int, states: Sequence[InboxState] = OPEN) -> InboxUpdate | None:
    """The first NEW update of a chat, else the first that waits."""
    return _first_open(session, chat_id=chat_id, states=states).first()


@prepared
def _first_open(chat_id: Any, states: Any = coded(InboxState)) -> SelectOfScalar[InboxUpdate]:
    query = select(InboxUpdate).where(col(InboxUpdate.chat_id) == chat_id, col(InboxUpdate.state).in_(states))
    return query.order_by(col(InboxUpdate.state), col(InboxUpdate.update_id)).limit(1)


def fail(session: Session, update_id: int, not_before: datetime) -> int:
    """Counts a turn that ended in an error and puts the next try off; how many there have been."""
    row = session.get(InboxUpdate, update_id)
    if row is None or row.state not in OPEN:
        return 0
    row.attempts += 1
    row.screened = True  # by the turn itself, if not before
    row.not_before = not_before
    return row.attempts


def claim_chat(session: Session, chat_id: int, owner: str, *, now: datetime, until: datetime) -> bool:
    """Takes or renews the lease of a chat; False when another process holds it."""
    return take(session, ChatTurn(chat_id=chat_id, owner=owner, lease_until=until), now=now, until=until)


def release_chat(session: Session, chat_id: int, owner: str) -> None:
    _run(session, delete(ChatTurn).where(col(ChatTurn.chat_id) == chat_id, col(ChatTurn.owner) == owner))


# For the first screening ----------------------------------------------------------------------------------------------


def claim_screening(session: Session, *, now: datetime, until: datetime, limit: int = 64) -> list[InboxUpdate]:
    """New updates that nobody is screening, in order; they are this process's until `until`."""
    latest = latest_end(now, until)
    return [
        row
        for row in _unscreened(session, now=now, latest=latest, limit=limit)
        if _run(
            session,
            update(InboxUpdate)
            .where(col(InboxUpdate.update_id) == row.update_id, *_is_unscreened(now, latest))
            .values(screen_until=until),
        )
    ]


@prepared
def _unscreened(now: Any, latest: Any, limit: Any = Integer) -> SelectOfScalar[InboxUpdate]:
    return select(InboxUpdate).where(*_is_unscreened(now, latest)).order_by(col(InboxUpdate.update_id)).limit(limit)


def _is_unscreened(now: Any, latest: Any) -> tuple[Any, ...]:
    free = or_(col(InboxUpdate.screen_until).is_(None), ~holds(col(InboxUpdate.screen_until), now, latest))
    return col(InboxUpdate.state) == InboxState.NEW, col(InboxUpdate.screened).is_(False), free


# Housekeeping ---------------------------------------------------------------------------------------------------------


def purge(session: Session, before: datetime) -> int:
    """Deletes finished updates received before `before`; Telegram repeats an update for at most 24 hours."""
    old = (col(InboxUpdate.received_at) < before, col(InboxUpdate.state) == InboxState.DONE)
    return _run(session, delete(InboxUpdate).where(*old))


def counts(session: Session) -> dict[InboxState, int]:
    rows = session.exec(select(InboxUpdate.state, func.count()).group_by(col(InboxUpdate.state)))
    return {InboxState(state): number for state, number in rows}


def _change(session: Session, update_id: int, **values: Any) -> None:
    if not session.connection().execute(_changed(), {"its_id": update_id, **values}).rowcount:
        raise AlreadyHandled(f"update {update_id} is closed already")


@cache  # it runs in every turn, and to put it together takes longer than to run it
def _changed() -> Any:
    row: Any = InboxUpdate.__table__  # type: ignore[attr-defined]
    return update(row).where(row.c.update_id == bindparam("its_id"), row.c.state.in_(OPEN))


def _run(session: Session, statement: Executable) -> int:
    """How many rows an update or a delete touched."""
    return cast("CursorResult[Any]", session.exec(statement)).rowcount  # type: ignore[call-overload]


def last_update_id(session: Session) -> int:
    """The highest number so far; 0 when nothing has come in yet."""
    return session.exec(select(func.max(InboxUpdate.update_id))).one() or 0
