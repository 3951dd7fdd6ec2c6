"""From Telegram's HTTP through inbox, turn and outbox and back: by long polling and by webhook, with faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.clock import SystemClock
from bot.content import Words
from bot.http import Http
from bot.services.delivery import Delivery
from bot.services.inbox import Inbox
from bot.services.outgoing import Outgoing
from bot.services.turns import Turns
from bot.telegram.api import CoachBot
from bot.telegram.commands import use_polling, use_webhook
from bot.telegram.intake import Intake, webhook_route
from bot.telegram.reading import read_update
from bot.telegram.sender import TelegramSender
from data import inbox
from data.database import Database
from tests.emulator import Emulator, emulator
from tests.fake_telegram import PATIENT, TOKEN

SECRET = "a-secret-of-the-webhook"


class Echo:
    """Says back what it hears, in the transaction that ends the update."""

    def __init__(self, database: Database, outgoing: Outgoing) -> None:
        self.database = database
        self.outgoing = outgoing
        self.kinds: list[str] = []

    async def first(self, incoming) -> bool:
        return False

    async def respond(self, incoming) -> None:
        self.kinds.append(incoming.kind)
        words = Words("echo", f"You said: {incoming.text or incoming.button_id}")
        with self.database.transaction() as session:
            self.outgoing.to_chat(session, incoming.chat_id, words, key=incoming.key, now=SystemClock().now())
            inbox.finish(session, incoming.update_id)

    async def give_up(self, incoming) -> None:
        raise AssertionError("nothing is given up here")


class Coach:
    """The Telegram half of the app on a real clock, behind a real bot."""

    def __init__(self, database: Database, library, bot: CoachBot) -> None:
        clock = SystemClock()
        self.bot = bot
        self.echo = Echo(database, Outgoing(library))
        self.inbox = Inbox(database, clock)
        self.intake = Intake(bot, self.inbox, back_off=lambda failures: 0.01)
        self.turns = Turns(database, clock, "one", read_update, self.echo)
        self.delivery = Delivery(database, clock, TelegramSender(bot), "one", library=library)
        self.inbox.on_arrival = self.turns.wake
        self.turns.after_turn = self.delivery.wake

    @asynccontextmanager
    async def serving(self, mode: str) -> AsyncIterator[None]:
        """Everything runs; leaving stops it all in good order."""
        stop = asyncio.Event()
        http = Http("127.0.0.1", 0)
        await http.start([webhook_route(self.intake, SECRET)])
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.turns.run(stop))
            loops.create_task(self.delivery.run(stop))
            if mode == "polling":
                await use_polling(self.bot)
                loops.create_task(self.intake.poll(stop, timeout_s=5))
            else:
                await use_webhook(self.bot, f"{http.address}/telegram", SECRET)
            try:
                yield
            finally:
                stop.set()
        await self.intake.close()
        await http.stop()


@pytest.fixture
async def telegram() -> AsyncIterator[tuple[Emulator, str]]:
    async with emulator() as pair:
        yield pair


@pytest.fixture
async def coach(telegram, sqlite_database, library) -> AsyncIterator[Coach]:
    _, address = telegram
    async with CoachBot(TOKEN, api=address) as bot:
        yield Coach(sqlite_database, library, bot)


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_what_a_patient_says_is_answered_in_order(mode, telegram, coach):
    api, _ = telegram
    async with coach.serving(mode):
        for text in ("one", "two", "three"):
            await api.hears(PATIENT, text)

        await api.shows("You said: one", "You said: two", "You said: three")

    assert coach.echo.kinds == ["text"] * 3


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_a_tap_is_answered_at_once_and_handled(mode, telegram, coach):
    api, _ = telegram
    async with coach.serving(mode):
        await api.feels(PATIENT, 5, "b-1")

        await api.shows("You said: b-1")

    assert [fields["callback_query_id"] for fields in api.made("answerCallbackQuery")] == ["1"]
    assert coach.echo.kinds == ["tap"]


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_what_was_said_while_the_coach_was_down_is_answered_when_it_is_back(mode, telegram, coach):
    api, _ = telegram
    await api.hears(PATIENT, "are you there?")

    async with coach.serving(mode):
        await api.deliver_updates(token=TOKEN)
        await api.shows("You said: are you there?")


async def test_polling_outlives_conflicts_and_broken_gateways(telegram, coach):
    api, _ = telegram
    api.fails("getUpdates", 409, "Conflict: terminated by other getUpdates request")
    api.fails("getUpdates", 502, "Bad Gateway")
    await api.hears(PATIENT, "hello")

    async with coach.serving("polling"):
        await api.shows("You said: hello")


async def test_a_reply_survives_a_flood_limit_and_a_server_error(telegram, coach):
    api, _ = telegram
    api.fails("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
    api.fails("sendMessage", 500, "Internal Server Error")
    await api.hears(PATIENT, "hello")

    async with coach.serving("polling"):
        await api.shows(*["You said: hello"] * 3)


async def test_a_webhook_update_that_was_not_committed_is_sent_again(telegram, coach, monkeypatch):
    api, _ = telegram
    accept, failures = inbox.accept, iter([True])

    def full_disk(session, row):
        if next(failures, False):
            raise OSError("disk full")
        return accept(session, row)

    monkeypatch.setattr(inbox, "accept", full_disk)
    async with coach.serving("webhook"):
        await api.hears(PATIENT, "hello")
        refused = list(coach.echo.kinds)
        await api.deliver_updates(token=TOKEN)
        await api.shows("You said: hello")

    assert (refused, coach.echo.kinds) == ([], ["text"])
