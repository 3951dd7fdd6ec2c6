"""A clock that is set on or back, and a database of yesterday: nobody is forgotten, and little is said twice."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.telegram.intake import Intake
from data.database import Database
from data.outbox import OutboxMessage
from tests.chat import LEAD, PATIENT, PHYSIO, Chat
from tests.conftest import NOW
from tests.emulator import message
from tests.fake_telegram import PHYSIO as PRIYA
from tests.fake_telegram import FakeTelegram, fake_bot
from tests.fakes import FakeRasa
from tests.proof import ledger
from tests.proof.conftest import Tell
from tests.proof.ledger import DANGER
from tests.proof.life import app_of

A_FEW_SECONDS = 15  # no longer than the leases of a process that was killed


class WallClock:
    """Moves on, and can be set."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def move(self, step: timedelta) -> None:
        self._now += step


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_clock_that_is_set_keeps_no_danger_waiting(
    database: Database, library: Library, rules: ScreeningRules, hours: int, is_killed: bool
) -> None:
    """Also while leases are held, by a process that goes on or by one that is gone."""
    clock, telegram = WallClock(NOW), FakeTelegram(now=lambda: NOW)
    known, new = ledger.opens(database, library, NOW, people=2)

    def starts() -> App:
        return app_of(database, library, rules, clock, fake_bot(telegram))  # type: ignore[arg-type]

    app = starts()
    async with app.bot:
        await says(app, 1, known)
        await a_second_passes(app, clock)
        assert "A-0001" in telegram.texts(PRIYA)[0]

        clock.move(timedelta(hours=hours))
        app = starts() if is_killed else app
        await says(app, 2, known)
        await says(app, 3, new)
        for _ in range(A_FEW_SECONDS):
            await a_second_passes(app, clock)

    reached = " ".join(telegram.texts(PRIYA)[1:])
    assert "A-0001" in reached
    assert "A-0002" in reached


async def says(app: App, number: int, chat: int) -> None:
    Intake(app.bot, app.inbox).take({"update_id": number, "message": message(chat, text=DANGER)})


async def a_second_passes(app: App, clock: WallClock) -> None:
    await app.turns.drain()
    await app.tick.run()
    await app.delivery.deliver_due()
    clock.move(timedelta(seconds=1))


OTHER = 1003
World = Callable[[Path, datetime], Chat]


@pytest.fixture
def world(library: Library, rules: ScreeningRules, encryption_key: str) -> World:
    def begin(file: Path, now: datetime) -> Chat:
        database = Database(f"sqlite:///{file}", encryption_keys=[encryption_key])
        return Chat(database, library, rules, SimulatedClock(now), FakeRasa(library))

    return begin


async def test_after_a_restore_open_alerts_are_sent_again_and_patients_hear_only_advice_twice(
    sqlite_template: Path, tmp_path: Path, world: World, tell: Tell
) -> None:
    live, dump = tmp_path / "live.db", tmp_path / "dump.db"
    chat = world(Path(shutil.copy(sqlite_template, live)), NOW)
    async with chat.bot:
        chat.physio_is_on_duty()
        chat.patient_has_joined()
        chat.patient_has_joined(chat_id=OTHER)
        await chat.patient_says(DANGER)
        with sqlite3.connect(live) as source, sqlite3.connect(dump) as target:
            source.backup(target)
        await chat.time_passes(hours=23)
        patients = said_to(chat, (PATIENT, OTHER))
        assert len(patients) > 1, "a check-in was asked for after the dump"
    chat.database.close()

    restored = world(dump, NOW + timedelta(hours=23))
    async with restored.bot:
        await restored.settle()

    again = [text for text in said_to(restored, (PATIENT, OTHER)) if text in patients]
    cards = said_to(restored, (PHYSIO, LEAD))
    tell(f"restore: of the past day said again to patients {len(again)}, cards sent again {len(cards)}")
    rows = restored.rows(lambda session: session.exec(select(OutboxMessage)).all())
    assert {row.kind for row in rows if row.text in again} <= {"safety"}
    assert any("A-0001" in card for card in cards)
    assert all("A-000" in card for card in cards)
    restored.database.close()


def said_to(chat: Chat, chats: Sequence[int]) -> list[str]:
    return [shown.text for each in chats for shown in chat.telegram.in_chat(each)]
