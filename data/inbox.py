"""The inbox: an update is committed here before Telegram is told that we have it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from data.types import Encrypted, UtcDateTime


class InboxState(StrEnum):
    NEW = "new"
    WAITING = "waiting"  # screened and held until Rasa answers again
    DONE = "done"
    DEAD = "dead"  # gave up after too many tries: logged, counted by `coach doctor`


class InboxUpdate(SQLModel, table=True):
    """One Telegram update, raw. The primary key is the duplicate filter."""

    update_id: int = Field(primary_key=True, sa_type=BigInteger)
    chat_id: int = Field(sa_type=BigInteger, index=True)
    raw: str = Field(sa_type=Encrypted)
    received_at: datetime = Field(sa_type=UtcDateTime)
    state: InboxState = Field(default=InboxState.NEW, index=True)
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ChatTurn(SQLModel, table=True):
    """Who is handling a chat: one process at a time, so that messages of one chat keep their order."""

    chat_id: int = Field(primary_key=True, sa_type=BigInteger)
    owner: str
    lease_until: datetime = Field(sa_type=UtcDateTime)
