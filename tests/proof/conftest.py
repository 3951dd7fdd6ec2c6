"""Clinics to be proved on, and a voice for the figures."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.services.safety import screening_rules
from data.database import Database
from tests.conftest import NOW, NUMBERS
from tests.proof import ledger

PEOPLE = 4
SEED = "COACH_KILL_SEED"
Tell = Callable[[str], None]


class Copies:
    """Copies of a database, on either engine. `server`: of a PostgreSQL, database name → address."""

    def __init__(self, url: str, key: str, server: Callable[[str], str] | None) -> None:
        self.key, self.is_sqlite = key, server is None
        self._url, self._server = url, server

    @contextmanager
    def opened(self, url: str) -> Iterator[Database]:
        database = Database(url, encryption_keys=[self.key])
        try:
            yield database
        finally:
            database.close()

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The address of a fresh one, gone afterwards."""
        number = next(NUMBERS)
        if self._server is None:
            path = Path(self._url.removeprefix("sqlite:///"))
            copied = Path(shutil.copy(path, path.with_name(f"copy{number}.db")))
            yield f"sqlite:///{copied}"
            for left in path.parent.glob(f"{copied.name}*"):
                left.unlink()
        else:
            name, template = f"coach_{number}", self._url.partition("?")[0].rpartition("/")[2]
            with psycopg.connect(self._server("postgres"), autocommit=True) as admin:
                admin.execute(f"create database {name} template {template}".encode())
                yield self._server(name)
                admin.execute(f"drop database {name} with (force)".encode())

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """Without waiting for the disk: no machine dies here."""
        with self.copy() as url, self.opened(url) as database:
            if self.is_sqlite:
                event.listen(database.engine, "connect", lambda own, _: own.execute("pragma synchronous=off"))
            yield database


class Clinics(Copies):
    """Of one that is ready: a physio on duty, a lead, patients who have joined."""

    def __init__(self, of: Copies, library: Library, *, people: int = PEOPLE) -> None:
        super().__init__(of._url, of.key, of._server)
        self.library = library
        with self.opened(self._url) as database:
            self.chats = ledger.opens(database, library, NOW, people=people)
            if self.is_sqlite:
                database.overwrite_deleted()  # nothing is left in its log: the file is all of it


@pytest.fixture
def copies(request: pytest.FixtureRequest, database_url: str, encryption_key: str) -> Copies:
    server = None if database_url.startswith("sqlite") else request.getfixturevalue("postgres")
    return Copies(database_url, encryption_key, server)


@pytest.fixture
def clinics(copies: Copies, library: Library) -> Clinics:
    return Clinics(copies, library)


@pytest.fixture
def sqlite_clinics(sqlite_url: str, encryption_key: str, library: Library) -> Clinics:
    return Clinics(Copies(sqlite_url, encryption_key, None), library)


@pytest.fixture(scope="session")
def rules(library: Library) -> ScreeningRules:
    return screening_rules(library)


@pytest.fixture
def seed() -> int:
    """Printed with the figures; COACH_KILL_SEED=… runs the same plan again."""
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Says it on the screen, whatever pytest captures: the figures are half of the proof."""

    def say(words: str) -> None:
        with capsys.disabled():
            print(f"\n{words}", flush=True)  # noqa: T201

    return say
