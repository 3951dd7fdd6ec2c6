"""What SQLite and PostgreSQL both can, but SQLAlchemy spells twice."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from data.types import UtcDateTime


def add_once(session: Session, row: SQLModel) -> bool:
    """Inserts a row; False when there is one with its key already. Safe beside other processes."""
    return _wrote(session, _once(type(row), _dialect(session)), row.model_dump())


def take(session: Session, row: SQLModel, *, now: datetime, until: datetime) -> bool:
    """Inserts a lease (`owner`, `lease_until`), renews it, or takes over one that nobody keeps. One statement: no two
    can win."""
    values = {**row.model_dump(), "at": now, "latest": latest_end(now, until)}
    return _wrote(session, _lease(type(row), _dialect(session)), values)


def holds(lease_until: Any, now: Any, latest: Any) -> ColumnElement[bool]:
    """Is this lease still kept at `now`? `latest`: see latest_end."""
    return and_(lease_until > now, lease_until <= latest)


def latest_end(now: datetime, until: datetime) -> datetime:
    """`until` is where a lease that is taken now would end.

    One that ends more than its own length after that was taken before the clock was set back: nobody waits for it.
    """
    return until + (until - now)


@cache
def _once(table: type[SQLModel], dialect: str) -> Any:
    insert = _insert(table, dialect)
    return insert.on_conflict_do_nothing().returning(*insert.table.primary_key)


@cache
def _lease(table: type[SQLModel], dialect: str) -> Any:
    insert = _insert(table, dialect)
    key, ours, theirs = insert.table.primary_key, insert.excluded, insert.table.c
    now, latest = (bindparam(name, type_=UtcDateTime()) for name in ("at", "latest"))
    free = or_(theirs.owner == ours.owner, ~holds(theirs.lease_until, now, latest))
    taken = {"owner": ours.owner, "lease_until": ours.lease_until}
    return insert.on_conflict_do_update(index_elements=key, set_=taken, where=free).returning(*key)


def _insert(table: type[SQLModel], dialect: str) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table.__table__)  # type: ignore[attr-defined]


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _wrote(session: Session, insert: Any, values: dict[str, Any]) -> bool:
    """By what it returns: how many rows an insert touched is not known on PostgreSQL."""
    return session.connection().execute(insert, values).first() is not None
