"""One database, one way in: a short synchronous transaction. SQLite by default, PostgreSQL by its address."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlmodel import Session, create_engine

from bot.errors import ConfigurationError
from data.types import vault

WAIT_MS = 5_000  # longest wait for another process's transaction; ours last milliseconds


class Database:
    """`url` is a SQLAlchemy address; `encryption_keys` are Fernet keys, newest first (data.keys finds them)."""

    def __init__(self, url: str, *, encryption_keys: Sequence[str]) -> None:
        self.url = driver_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = engine_for(self.url)
        try:
            vault.open(self.engine.dialect, encryption_keys)
        except ValueError as error:
            raise ConfigurationError(f"An encryption key is malformed ({error}). See docs/privacy.md, Keys.") from error

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on PostgreSQL and in memory."""
        return sqlite_file(self.url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing. Never awaits inside: other chats' turns must not see half of one."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def overwrite_deleted(self) -> None:
        """Deleted rows leave SQLite's write-ahead log too; PostgreSQL does it by itself (autovacuum)."""
        if self.is_sqlite:
            connection = self.engine.raw_connection()
            try:
                connection.cursor().execute("pragma wal_checkpoint(truncate)")
            finally:
                connection.close()

    def close(self) -> None:
        self.engine.dispose()


def driver_url(url: str) -> str:
    """postgres:// and postgresql:// mean psycopg 3."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def sqlite_file(url: str) -> Path | None:
    address = make_url(url)
    named = address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:")
    return Path(str(address.database)) if named else None


def engine_for(url: str, *, foreign_keys: bool = True) -> Engine:
    """`foreign_keys=False` is for migrations, where SQLite rebuilds a table under the rows that point to it."""
    if not url.startswith("sqlite"):
        return _postgresql(url)
    if (path := sqlite_file(url)) is not None:
        create_private(path)
    wait = {"check_same_thread": False, "timeout": WAIT_MS / 1000}
    engine = create_engine(url, hide_parameters=True, connect_args=wait)  # an error message names nobody's words

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves, below
        connection.execute(f"pragma busy_timeout={WAIT_MS}")  # first: the others may have to wait
        connection.execute(f"pragma foreign_keys={'on' if foreign_keys else 'off'}")
        for pragma in ("journal_mode=wal", "synchronous=full", "secure_delete=on"):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("begin immediate")  # a read that later writes must not deadlock

    return engine


def _postgresql(url: str) -> Engine:
    options = f"-c lock_timeout={WAIT_MS} -c timezone=utc"
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args={"options": options})

    @event.listens_for(engine, "handle_error")
    def hide_row(context: ExceptionContext) -> None:
        """PostgreSQL repeats the whole refused row in DETAIL; errors are logged, rows are not."""
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None and error.args:
                error.args = (str(error.args[0]).partition("\nDETAIL:")[0], *error.args[1:])

    return engine


def create_private(path: Path) -> None:
    """The file is nobody else's to read; SQLite gives its log the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigurationError(f"The database {path} can't be opened: {error.strerror}.") from error
