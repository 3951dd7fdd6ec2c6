"""What SQLite and PostgreSQL both can, but SQLAlchemy spells twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def add_once(session: Session, row: SQLModel) -> bool:
    """Inserts a row; False when there is one with its key already. Safe beside other processes."""
    insert = _insert(session, type(row)).values(**row.model_dump())
    return _wrote(session, row, insert.on_conflict_do_nothing())


def take(session: Session, row: SQLModel, *, free: ColumnElement[bool]) -> bool:
    """Inserts a lease, or takes over the one with its key when that is `free`. One statement: no two can win."""
    values = row.model_dump()
    key = [column.name for column in _table(row).primary_key]
    taken = {name: value for name, value in values.items() if name not in key}
    insert = _insert(session, type(row)).values(**values)
    return _wrote(session, row, insert.on_conflict_do_update(index_elements=key, set_=taken, where=free))


def holds(lease_until: Any, now: datetime, until: datetime) -> ColumnElement[bool]:
    """Is this lease still kept at `now`? `until` is where one that is taken now would end.

    One that ends more than its own length after that was taken before the clock was set back: nobody waits for it.
    """
    return and_(lease_until > now, lease_until <= until + (until - now))


def _insert(session: Session, table: type[SQLModel]) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _wrote(session: Session, row: SQLModel, insert: Any) -> bool:
    """By what it returns: how many rows an insert touched is not known on PostgreSQL."""
    return session.exec(insert.returning(*_table(row).primary_key)).first() is not None


def _table(row: SQLModel) -> Any:
    return row.__table__  # type: ignore[attr-defined]
