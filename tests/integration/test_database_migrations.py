"""Migrations on both engines: what they build is what the models say, and a failure leaves everything as it was."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Inspector, inspect, text

from bot.clock import SimulatedClock
from bot.errors import ConfigurationError
from data import migrations
from data.database import Database
from data.migrations.__main__ import draft
from data.tables import metadata
from tests.conftest import NOW

BROKEN = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "0999", "{newest}", None, None

def upgrade() -> None:
    op.execute("create table half_done (id integer)")
    op.execute("insert into half_done select id from no_such_table")
"""


@pytest.fixture
def empty(empty_url: str, encryption_key: str) -> Any:
    database = Database(empty_url, encryption_keys=[encryption_key])
    yield database
    database.close()


def broken_future(folder: Path) -> Path:
    """A copy of the migrations with one more, which fails half-way."""
    copy = Path(shutil.copytree(migrations.FOLDER, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__")))
    (copy / "versions" / "0999_broken.py").write_text(BROKEN.format(newest=migrations.heads()[0]))
    return copy


def only_where(index: Any) -> list[str]:
    return [str(value) for name, value in index.get("dialect_options", {}).items() if name.endswith("_where")]


def description(database: Database) -> dict[str, Any]:
    """Everything the engine knows of its tables, in an order that does not depend on how they were made."""
    found: Inspector = inspect(database.engine)
    tables = [name for name in found.get_table_names() if name != "alembic_version"]
    with database.engine.connect() as connection:
        if database.is_sqlite:
            query = "select name, sql from sqlite_master where type = 'trigger'"
        else:
            query = "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal"
        triggers = sorted(tuple(row) for row in connection.execute(text(query)))
    return {"triggers": triggers} | {
        name: {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)),
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted((str(f["name"]), f["referred_table"]) for f in found.get_foreign_keys(name)),
            "unique": sorted(str(u["name"]) for u in found.get_unique_constraints(name)),
            "checks": sorted((str(c["name"]), c["sqltext"]) for c in found.get_check_constraints(name)),
            "indexes": sorted(
                (str(i["name"]), tuple(map(str, i["column_names"])), bool(i["unique"]), only_where(i))
                for i in found.get_indexes(name)
                if not i.get("duplicates_constraint")
            ),
        }
        for name in sorted(tables)
    }


def test_there_is_one_newest_revision() -> None:
    assert len(migrations.heads()) == 1


def test_an_empty_database_gets_exactly_the_tables_of_the_models(empty: Database) -> None:
    migrations.upgrade(empty)

    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_build_checks_keys_and_triggers_as_the_models_do(empty: Database) -> None:
    metadata.create_all(empty.engine)
    of_models = description(empty)
    metadata.drop_all(empty.engine)

    migrations.upgrade(empty)

    assert description(empty) == of_models
    assert of_models["checkin"]["checks"] != []
    assert of_models["triggers"] != []


def test_down_and_up_again_comes_back_to_the_same(empty: Database) -> None:
    migrations.upgrade(empty)
    before = description(empty)

    migrations.downgrade(empty, "base")
    left = description(empty)
    migrations.upgrade(empty)

    assert left == {"triggers": []}
    assert description(empty) == before


def test_an_upgrade_of_an_upgraded_database_changes_nothing_and_keeps_no_copy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'twice.db'}", encryption_keys=["x" * 43 + "="])
    migrations.upgrade(database)

    migrations.upgrade(database)

    assert list(tmp_path.glob("twice.db.before-*")) == []
    database.close()


def test_a_database_of_a_newer_version_is_refused_in_plain_words(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(ConfigurationError) as refusal:
        migrations.upgrade(empty)

    assert "revision 9999" in str(refusal.value)
    assert "newer" in str(refusal.value)


def test_a_failing_upgrade_leaves_the_database_as_it_was(empty: Database, tmp_path: Path) -> None:
    migrations.upgrade(empty)
    before = description(empty)

    with pytest.raises(ConfigurationError):
        migrations.upgrade(empty, folder=broken_future(tmp_path))

    with empty.engine.connect() as connection:
        assert migrations.current(connection) == migrations.heads()[0]
    assert description(empty) == before


def test_a_sqlite_file_is_copied_before_an_upgrade_and_the_copy_is_private(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kept.db'}", encryption_keys=["x" * 43 + "="])
    migrations.upgrade(database)
    newest = migrations.heads()[0]

    for attempt in ("first", "second"):
        with pytest.raises(ConfigurationError, match="A copy from before is kept"):
            migrations.upgrade(database, folder=broken_future(tmp_path / attempt))

    copies = sorted(path.name for path in tmp_path.glob("kept.db.before-*"))
    assert copies == [f"kept.db.before-upgrade-from-{newest}", f"kept.db.before-upgrade-from-{newest}.2"]
    first = Database(f"sqlite:///{tmp_path / copies[0]}", encryption_keys=["x" * 43 + "="])
    assert description(first) == description(database)
    assert (tmp_path / copies[0]).stat().st_mode & 0o077 == 0
    first.close()
    database.close()


def test_old_copies_go(sqlite_database: Database, clock: SimulatedClock) -> None:
    copy = migrations.back_up(sqlite_database, "0001")
    assert copy is not None

    kept = migrations.drop_backups(sqlite_database, clock.now() - timedelta(days=3650))
    gone = migrations.drop_backups(sqlite_database, NOW + timedelta(days=3650))

    assert (kept, gone, copy.exists()) == (0, 1, False)


def test_a_draft_from_unchanged_models_changes_nothing(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(migrations.FOLDER, tmp_path / "m", ignore=shutil.ignore_patterns("__pycache__")))

    draft("Nothing new", folder=folder)

    (made,) = (folder / "versions").glob("*_nothing_new.py")
    assert made.name == f"{int(migrations.heads()[0]) + 1:04d}_nothing_new.py"
    assert made.read_text().count("pass") == 2
