"""The same code on SQLite and PostgreSQL: transactions that don't deadlock, claim, or half-commit."""

import multiprocessing
import sqlite3
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlmodel import Session, col, select

from bot.errors import ConfigurationError
from data import database as engines
from data import inbox
from data.alerts import AlertState
from data.checkins import CheckIn
from data.database import Database
from data.inbox import InboxUpdate
from data.outbox import OutboxMessage, Priority
from data.patients import Patient, PatientState
from data.physios import Physio, PhysioRole
from tests.conftest import NOW


def new_patient(session: Session, code: str = "P-1", **values: Any) -> Patient:
    patient = Patient(code=code, sender=f"s-{code}", created_at=NOW, **values)
    session.add(patient)
    session.flush()
    return patient


def codes(database: Database) -> list[str]:
    with database.transaction() as session:
        return sorted(patient.code for patient in session.exec(select(Patient)))


def delivery(key: str, priority: Priority) -> OutboxMessage:
    return OutboxMessage(
        key=key, chat_id=5_000_000_000, kind="reply", priority=priority, text=key, created_at=NOW, not_before=NOW
    )  # fmt: skip


# One transaction ------------------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def half() -> None:
        with database.transaction() as session:
            new_patient(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()

    assert codes(database) == []


def test_a_savepoint_that_fails_leaves_the_rest(database: Database) -> None:
    with database.transaction() as session:
        new_patient(session, "P-1")
        with pytest.raises(IntegrityError), session.begin_nested():
            new_patient(session, "P-1")
        new_patient(session, "P-2")

    assert codes(database) == ["P-1", "P-2"]


def test_a_row_without_its_parent_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(CheckIn(patient_id=404, on=NOW.date(), due_at=NOW))


@pytest.mark.parametrize("pain", [-1, 11])
def test_a_pain_score_out_of_range_is_refused_by_the_database_itself(database: Database, pain: int) -> None:
    with database.transaction() as session:
        patient = new_patient(session)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(CheckIn(patient_id=patient.id, on=NOW.date(), due_at=NOW, pain=pain))


def test_an_error_names_nobodys_words(database: Database) -> None:
    with pytest.raises(IntegrityError) as refused, database.transaction() as session:
        session.add(CheckIn(patient_id=404, on=NOW.date(), due_at=NOW, pain=11, skipped="my own words"))

    said = "".join(traceback.format_exception(refused.value))
    assert "constraint" in said
    assert "my own words" not in said


# Types ----------------------------------------------------------------------------------------------------------------


def test_instants_come_back_in_utc_whatever_zone_they_went_in(database: Database) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    with database.transaction() as session:
        new_patient(session, paused_until=datetime(2026, 12, 1, 14, 30, tzinfo=india))

    with database.transaction() as session:
        found = session.exec(select(Patient.paused_until)).one()

    assert found == NOW
    assert found is not None
    assert found.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), database.transaction() as session:
        new_patient(session, paused_until=datetime(2026, 12, 1, 9))  # noqa: DTZ001


def test_safety_leaves_before_cards_replies_and_check_ins(database: Database) -> None:
    with database.transaction() as session:
        for priority in (Priority.CHECK_IN, Priority.REPLY, Priority.SAFETY, Priority.CARD):
            session.add(delivery(priority.name, priority))

    with database.transaction() as session:
        found = session.exec(select(OutboxMessage).order_by(col(OutboxMessage.priority))).all()

    assert [row.priority for row in found] == [Priority.SAFETY, Priority.CARD, Priority.REPLY, Priority.CHECK_IN]
    assert all(isinstance(row.priority, Priority) for row in found)


def test_enums_are_stored_by_their_value(database: Database) -> None:
    with database.transaction() as session:
        new_patient(session, state=PatientState.PAUSED)
        session.add(Physio(name="A", role=PhysioRole.LEAD))

    with database.engine.begin() as connection:
        assert connection.execute(text("select state from patient")).scalar() == "paused"
        assert connection.execute(text("select role from physio")).scalar() == "lead"


def test_an_unknown_state_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="not a valid PatientState"), database.transaction() as session:
        new_patient(session, state=AlertState.ACKNOWLEDGED)


# Several at once ------------------------------------------------------------------------------------------------------


def add_one(database: Database) -> None:
    """Reads, then writes what follows from it: the pattern that deadlocks or loses when a read does not lock."""
    with database.transaction() as session:
        physio = session.exec(select(Physio).with_for_update()).one()
        physio.name = str(int(physio.name) + 1)


def counted(database: Database) -> int:
    with database.transaction() as session:
        return int(session.exec(select(Physio)).one().name)


def start_counting(database: Database) -> None:
    with database.transaction() as session:
        session.add(Physio(name="0"))


def in_threads(number: int, work: Callable[[], None]) -> list[BaseException]:
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_that_read_and_then_write_neither_deadlock_nor_lose(database: Database) -> None:
    start_counting(database)

    errors = in_threads(4, lambda: [add_one(database) for _ in range(25)] and None)

    assert errors == []
    assert counted(database) == 100


def count_in_a_process(url: str, key: str, times: int) -> None:
    database = Database(url, encryption_keys=[key])
    for _ in range(times):
        add_one(database)
    database.close()


def test_processes_that_read_and_then_write_neither_deadlock_nor_lose(database: Database, encryption_key: str) -> None:
    start_counting(database)
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=count_in_a_process, args=(database.url, encryption_key, 25)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert counted(database) == 50


def test_a_chat_is_claimed_by_one_of_many(database: Database) -> None:
    won: list[str] = []

    def claim() -> None:
        owner = threading.current_thread().name
        with database.transaction() as session:
            if inbox.claim_chat(session, 7, owner, now=NOW, until=NOW + timedelta(minutes=1)):
                won.append(owner)

    errors = in_threads(8, claim)

    assert errors == []
    assert len(won) == 1


def test_an_update_that_arrives_in_several_processes_at_once_is_kept_once(database: Database) -> None:
    kept: list[bool] = []

    def accept() -> None:
        with database.transaction() as session:
            kept.append(inbox.accept(session, InboxUpdate(update_id=1, chat_id=7, raw="{}", received_at=NOW)))

    errors = in_threads(8, accept)

    assert errors == []
    assert sorted(kept) == [False] * 7 + [True]


# SQLite ---------------------------------------------------------------------------------------------------------------


def test_a_transaction_that_has_only_read_already_holds_the_write_lock(sqlite_database: Database) -> None:
    file = sqlite_database.file
    assert file is not None
    other = sqlite3.connect(file, timeout=0, isolation_level=None)

    with sqlite_database.transaction() as session:
        session.exec(select(Patient)).all()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")

    other.execute("begin immediate")
    other.close()


def test_a_second_writer_waits_and_says_so_when_it_waited_in_vain(
    sqlite_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "WAIT_MS", 50)
    first, second = (Database(sqlite_url, encryption_keys=[encryption_key]) for _ in range(2))

    with first.transaction() as session:
        session.exec(select(Patient)).all()
        with pytest.raises(OperationalError, match="locked"):
            codes(second)

    assert codes(second) == []
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 5000)],
)
def test_sqlite_is_set_to_lose_and_leak_nothing(sqlite_database: Database, pragma: str, value: object) -> None:
    with sqlite_database.engine.begin() as connection:
        assert connection.execute(text(f"pragma {pragma}")).scalar() == value


def test_a_database_that_can_not_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"coach\.db"):
        Database(f"sqlite:///{tmp_path / 'file' / 'coach.db'}", encryption_keys=["x" * 43 + "="])


# PostgreSQL -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_spelling_of_a_postgresql_address_means_psycopg_3(scheme: str) -> None:
    assert engines.driver_url(f"{scheme}coach@db/coach") == "postgresql+psycopg://coach@db/coach"


@pytest.mark.postgres
def test_a_lock_that_is_never_given_up_does_not_hang_the_process(
    postgres_url: str, encryption_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "WAIT_MS", 50)
    database = Database(postgres_url, encryption_keys=[encryption_key])
    start_counting(database)

    with database.transaction() as session:
        session.exec(select(Physio).with_for_update()).one()
        with pytest.raises(OperationalError, match="lock timeout"):
            add_one(database)

    add_one(database)
    assert counted(database) == 1
    database.close()
