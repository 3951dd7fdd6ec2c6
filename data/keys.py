"""The keys of the encrypted columns: where they come from, and how they are changed.

COACH_ENCRYPTION_KEYS (comma-separated, newest first) or the file var/encryption.keys (one a line, newest first),
which is made at the first start. Losing the keys is losing every text: a new one is never made over old texts.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, Connection, Row, Table, Text, inspect, literal, select, tuple_, type_coerce, update

from bot.errors import ConfigurationError
from data.database import Database, engine_for, sqlite_file
from data.tables import metadata
from data.types import Encrypted, vault

FILE = "encryption.keys"
BATCH = 500  # rows a transaction while keys are changed: other processes wait for milliseconds


class KeyFile(Sequence[str]):
    """The keys in a file as they are now: a running process finds the key that another one has just added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._keys()[index]

    def __len__(self) -> int:
        return len(self._keys())

    def write(self, keys: Sequence[str]) -> None:
        """Whole or not at all, readable by nobody else."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def _keys(self) -> list[str]:
        try:
            lines = self.path.read_text().splitlines()
        except OSError as error:
            raise ConfigurationError(f"The keys in {self.path} can't be read: {error.strerror}.") from error
        return [key for line in lines if (key := line.strip())]


def read(configured: str, var: Path, url: str) -> Sequence[str]:
    """The keys for the database at `url`; at the very first start a new one is made.

    Raises ConfigurationError when the database holds texts that these keys, or no keys any more, can read.
    """
    keys: Sequence[str] = [key for part in configured.split(",") if (key := part.strip())]
    file = KeyFile(var / FILE)
    tokens = samples(url)
    if not keys and not file.path.exists():
        if tokens:
            raise ConfigurationError(
                f"The database holds texts, and the key they are encrypted with is gone: there is no {file.path}. "
                "Put that file back from its backup, or set COACH_ENCRYPTION_KEYS to the lost key. "
                "Nobody can read those texts without it; to start afresh, move the database away."
            )
        var.mkdir(parents=True, exist_ok=True)
        file.write([Fernet.generate_key().decode()])
    keys = keys or file
    _refuse_foreign(keys, tokens, source="COACH_ENCRYPTION_KEYS" if keys is not file else str(file.path))
    return keys


def rotate(database: Database, configured: str, var: Path) -> int:
    """Encrypts every text again with the newest key; how many there were. May be cut short and run again.

    Keys from the file: a new one is added first, and the one before it stays, for processes that still write with
    it. Keys from COACH_ENCRYPTION_KEYS: put the new one first there, restart every process, then run this.
    """
    file = KeyFile(var / FILE)
    if not configured:
        file.write([Fernet.generate_key().decode(), *file])
        vault.open(database.engine.dialect, file)
    changed = sum(_renew(database, table, columns) for table, columns in encrypted_columns())
    database.overwrite_deleted()
    if not configured:
        file.write(file[:2])  # nothing is encrypted with an older one any more
    return changed


def encrypted_columns() -> Iterator[tuple[Table, list[Column]]]:
    for table in metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, Encrypted)]
        if columns:
            yield table, columns


def samples(url: str) -> list[str]:
    """The newest encrypted text of every column that holds one, as it is stored."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return []
    engine = engine_for(url)
    try:
        with engine.begin() as connection:
            present = set(inspect(connection).get_table_names())
            return [
                token
                for table, columns in encrypted_columns()
                if table.name in present
                for column in columns
                if (token := _sample(connection, table, column)) is not None
            ]
    finally:
        engine.dispose()


def _sample(connection: Connection, table: Table, column: Column) -> str | None:
    stored = type_coerce(column, Text)
    newest_first = [each.desc() for each in table.primary_key]
    return connection.execute(select(stored).where(stored.is_not(None)).order_by(*newest_first).limit(1)).scalar()


def _refuse_foreign(keys: Sequence[str], tokens: Sequence[str], *, source: str) -> None:
    try:
        fernet = MultiFernet([Fernet(key) for key in keys])
        for token in tokens:
            fernet.decrypt(token)
    except InvalidToken:
        raise ConfigurationError(
            f"The database holds texts that the keys in {source} can't read. Add the key they were written with "
            "(after the newest), or point the coach at the right database."
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"{source} holds no usable encryption key: {error}") from None


def _renew(database: Database, table: Table, columns: list[Column]) -> int:
    changed, last = 0, None
    keys = list(table.primary_key)
    stored = [type_coerce(column, Text).label(column.name) for column in columns]
    while True:
        query = select(*keys, *stored).order_by(*keys).limit(BATCH)
        if last is not None:
            query = query.where(tuple_(*keys) > tuple_(*last))
        with database.engine.begin() as connection:
            rows = connection.execute(query).all()
            changed += sum(_renew_row(connection, table, columns, row) for row in rows)
        if len(rows) < BATCH:
            return changed
        last = tuple(rows[-1][: len(keys)])


def _renew_row(connection: Connection, table: Table, columns: list[Column], row: Row) -> int:
    """Leaves alone what somebody else has changed since the row was read: that is newer."""
    changed = 0
    for column in columns:
        token = row._mapping[column.name]
        renewed = token and vault.renew(connection.dialect, token)
        if renewed != token:
            same_row = [key == row._mapping[key.name] for key in table.primary_key]
            unchanged = type_coerce(column, Text) == token
            query = update(table).where(*same_row, unchanged).values({column: literal(renewed, Text)})
            changed += connection.execute(query).rowcount
    return changed
