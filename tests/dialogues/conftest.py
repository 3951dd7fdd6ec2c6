"""Conversations with the real Rasa. One client for one test: it belongs to the test's loop."""

from collections.abc import AsyncIterator

import pytest

from bot.rasa.client import HttpRasa
from tests.rasa_fixture import LiveRasa


@pytest.fixture
async def rasa(live_rasa: LiveRasa) -> AsyncIterator[HttpRasa]:
    client = live_rasa.client()
    yield client
    await client.close()
