"""Flows run on the real services with a stand-in for Rasa; tests/e2e runs the same world with everything real."""

from collections.abc import AsyncIterator

import pytest

from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.services.safety import screening_rules
from data.database import Database
from tests.chat import Chat
from tests.fakes import FakeRasa


@pytest.fixture(scope="session")
def rules(library: Library) -> ScreeningRules:
    return screening_rules(library)


@pytest.fixture
def rasa(library: Library) -> FakeRasa:
    return FakeRasa(library)


@pytest.fixture
async def chat(
    sqlite_database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    chat = Chat(sqlite_database, library, rules, clock, rasa)
    async with chat.bot:
        chat.physio_is_on_duty()
        chat.patient_has_joined()
        yield chat


@pytest.fixture
async def stranger(
    sqlite_database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    """A chat in which nobody has joined yet."""
    chat = Chat(sqlite_database, library, rules, clock, rasa)
    async with chat.bot:
        chat.physio_is_on_duty()
        yield chat


@pytest.fixture
async def chat_on(
    database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    """As `chat`, on SQLite and on PostgreSQL."""
    chat = Chat(database, library, rules, clock, rasa)
    async with chat.bot:
        chat.physio_is_on_duty()
        chat.patient_has_joined()
        yield chat
