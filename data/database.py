"""One database, one way in: a short synchronous transaction. SQLite by default, PostgreSQL by its address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session, create_engine

from data.types import vault


class Database:
    """`url` is a SQLAlchemy address; `encryption_keys` are Fernet keys, newest first."""

    def __init__(self, url: str, *, encryption_keys: list[str]) -> None:
        vault.open(encryption_keys)
        self.url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = _engine(self.url, is_sqlite=self.is_sqlite)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing. Never awaits inside: other chats' turns must not see half of one."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str, *, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 5})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves, below
        for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on", "busy_timeout=5000"):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("begin immediate")  # a read that later writes must not deadlock

    return engine
