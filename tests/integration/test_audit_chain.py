"""The audit is chained, whole, and tells the same story as the rows; whoever gets around the database is seen."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.clock import SimulatedClock
from bot.content import Library
from bot.services.audit_check import Checked, check
from data import audit, migrations
from data.audit import AuditEvent
from data.database import Database
from tests.conftest import NOW
from tests.unit.ward import Ward


@pytest.fixture
def ward(database: Database, clock: SimulatedClock, library: Library) -> Ward:
    return Ward(database, clock, library)


def checked(database: Database) -> Checked:
    with database.transaction() as session:
        return check(session)


def record(database: Database, what: str) -> None:
    with database.transaction() as session:
        audit.record(session, what, by="admin", now=NOW, number=7, at=NOW, of=["P0", None, 1.5])


def events(database: Database) -> list[AuditEvent]:
    with database.transaction() as session:
        return list(audit.everything(session))


def behind_its_back(database: Database, statement: str) -> None:
    """As somebody with the database in their hands: the triggers out of the way and back again."""
    sqlite = database.is_sqlite
    with database.engine.begin() as connection:
        if sqlite:
            triggers = connection.execute(text("select name, sql from sqlite_master where type = 'trigger'")).all()
            for name, _ in triggers:
                connection.execute(text(f"drop trigger {name}"))
        else:
            connection.execute(text("alter table auditevent disable trigger all"))
        connection.execute(text(statement))
        if sqlite:
            for _, sql in triggers:
                connection.execute(text(sql))
        else:
            connection.execute(text("alter table auditevent enable trigger all"))


def a_story(ward: Ward) -> None:
    """Raised, climbed, taken, raised again, given on, closed; and one that nobody took."""
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    patient = ward.patient("P-7KQ4M")
    alert = ward.raises(patient)
    ward.time_passes(minutes=5)
    ward.acknowledges(anna, alert)
    ward.raises(patient)
    ward.acknowledges(ben, alert)
    ward.time_passes(minutes=120)
    ward.closes(anna, alert, "being_seen")
    ward.raises(ward.patient("P-LATER"), "AR11", level="P1", severity="R", told="")


def test_a_day_of_work_leaves_a_chain_that_is_whole_and_gives_the_alerts_as_they_stand(ward: Ward):
    a_story(ward)

    found = checked(ward.database)

    assert found.well
    assert found.chain.events == len(events(ward.database)) > 8


def test_each_event_carries_the_one_before_it(database: Database):
    for what in ("one", "two", "three"):
        record(database, what)

    rows = events(database)

    assert [row.hash for row in rows] == [
        audit.linked(previous, row) for previous, row in zip(["", rows[0].hash, rows[1].hash], rows, strict=True)
    ]


@pytest.mark.parametrize("change", ["update auditevent set by = 'nobody'", "delete from auditevent"])
def test_the_database_refuses_to_change_what_is_written(database: Database, change: str):
    record(database, "one")

    with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
        session.connection().execute(text(change))

    assert checked(database).chain.events == 1


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update auditevent set by = 'physio:9' where id = 2", 2),
        ("update auditevent set detail = '{}' where id = 3", 3),
        ("update auditevent set at = '2020-01-01 00:00:00+00:00' where id = 1", 1),
        ("delete from auditevent where id = 2", 3),
        ("update auditevent set hash = '' where id = 4", 4),
    ],
)
def test_the_first_broken_link_is_named(database: Database, statement: str, broken: int):
    for what in ("one", "two", "three", "four"):
        record(database, what)

    behind_its_back(database, statement)

    assert checked(database).chain.broken == broken


def test_an_alert_that_was_changed_behind_the_audits_back_is_named(ward: Ward):
    a_story(ward)
    with ward.database.engine.begin() as connection:
        connection.execute(text("update alert set outcome = 'safe_to_go_on' where id = 1"))

    assert checked(ward.database).differences == ["A-0001"]


def test_what_is_rolled_back_was_never_recorded(database: Database):
    record(database, "before")
    with suppress(RuntimeError), database.transaction() as session:
        audit.record(session, "undone", by="admin", now=NOW)
        raise RuntimeError
    record(database, "after")

    assert [row.what for row in events(database)] == ["before", "after"]
    assert checked(database).well


def test_what_is_rolled_back_to_a_savepoint_was_never_recorded(database: Database):
    with database.transaction() as session:
        audit.record(session, "kept", by="admin", now=NOW)
        with suppress(RuntimeError), session.begin_nested():
            audit.record(session, "undone", by="admin", now=NOW)
            with session.begin_nested():
                audit.record(session, "undone too", by="admin", now=NOW)
            raise RuntimeError
        with session.begin_nested():
            audit.record(session, "kept too", by="admin", now=NOW)

    assert [row.what for row in events(database)] == ["kept", "kept too"]
    assert checked(database).well


def test_many_at_once_make_one_chain(database: Database):
    start = Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for step in range(10):
            record(database, f"{number}.{step}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert checked(database).chain.events == 80
    assert checked(database).well


def test_events_of_before_the_chain_are_chained_by_the_upgrade(database: Database):
    for what in ("one", "two"):
        record(database, what)
    with database.engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32) not null)"))
        newest = migrations.heads()[0]
        connection.execute(text(f"insert into alembic_version values ('{newest}')"))
    hashes = [row.hash for row in events(database)]

    migrations.downgrade(database, "0009")
    migrations.upgrade(database)

    assert [row.hash for row in events(database)] == hashes
    assert checked(database).well
