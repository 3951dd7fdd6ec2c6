"""Brings a database up to the tables of this code. Run from code: there is no alembic.ini.

`upgrade` goes to the newest revision: `coach migrate` and every start. `downgrade` goes back: tests only.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigurationError
from data.database import Database, engine_for

FOLDER = Path(__file__).resolve().parent
LOCK = 7_203_211  # PostgreSQL advisory lock: replicas that start together migrate one after the other


def upgrade(database: Database, *, folder: Path = FOLDER) -> None:
    """Raises ConfigurationError when the database is newer than the code, or can't be upgraded."""
    newest = heads(folder)[0]
    with connected(database) as connection:
        present = current(connection)
        if present == newest:
            return
        _refuse_newer(present, folder)
        backup = back_up(database, present) if present else None
        try:
            command.upgrade(configuration(folder, connection), "head")
            _refuse_orphans(connection)
        except (SQLAlchemyError, CommandError) as error:
            kept = f" A copy from before is kept: {backup}." if backup else ""
            raise ConfigurationError(f"The database could not be upgraded, and is as it was.{kept} {error}") from error


def downgrade(database: Database, revision: str, *, folder: Path = FOLDER) -> None:
    with connected(database) as connection:
        command.downgrade(configuration(folder, connection), revision)


def configuration(folder: Path, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def heads(folder: Path = FOLDER) -> list[str]:
    return list(ScriptDirectory.from_config(configuration(folder)).get_heads())


def current(connection: Connection) -> str | None:
    """The revision the database is at; None when it has never been migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
    return found


def back_up(database: Database, revision: str) -> Path | None:
    """Copies a SQLite file beside itself, with the mode of a secret. An older copy is never written over."""
    file = database.file
    if file is None:
        return None
    copies = (file.with_name(f"{file.name}.before-upgrade-from-{revision}{ending}") for ending in _endings())
    target = next(copy for copy in copies if not copy.exists())
    target.touch(mode=0o600)
    source, copy = sqlite3.connect(file), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    return target


def drop_backups(database: Database, before: datetime) -> int:
    """Copies hold what has been erased since: they don't live long."""
    if database.file is None:
        return 0
    copies = database.file.parent.glob(f"{database.file.name}.before-upgrade-from-*")
    old = [copy for copy in copies if copy.stat().st_mtime < before.timestamp()]
    for copy in old:
        copy.unlink()
    return len(old)


def _endings() -> Iterator[str]:
    yield ""
    yield from (f".{number}" for number in range(2, 1000))


def _refuse_newer(present: str | None, folder: Path) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(configuration(folder)).walk_revisions()}
    if present is not None and present not in known:
        raise ConfigurationError(
            f"The database is at revision {present}, which this version of the coach doesn't know: it was made by a "
            "newer one. Start that version, or put back the copy of the database from before its upgrade."
        )


def _refuse_orphans(connection: Connection) -> None:
    """SQLite's foreign keys are off while tables are rebuilt: afterwards they must hold."""
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("pragma foreign_key_check")).all()
        if broken:
            raise CommandError(f"rows without a parent after the upgrade, in {sorted({row[0] for row in broken})}")


@contextmanager
def connected(database: Database) -> Iterator[Connection]:
    """One transaction, in which one process migrates; all of it is undone when it fails, on SQLite too."""
    engine = engine_for(database.url, foreign_keys=False)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("set local lock_timeout = 0"))
                connection.execute(text(f"select pg_advisory_xact_lock({LOCK})"))
            yield connection
    finally:
        engine.dispose()
