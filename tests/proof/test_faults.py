"""A bad network and a Telegram that refuses: every danger reaches a human all the same, or climbs until it does.

Real HTTP through a proxy that spoils calls by chance (the seed is printed); time passes by the clock.
"""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.services.pacing import A_SECOND
from bot.telegram.api import CoachBot
from bot.telegram.intake import Intake
from data.outbox import OutboxMessage, OutboxState
from tests.conftest import NOW
from tests.e2e.telegram import Telegram, telegram_over_http
from tests.emulator import message
from tests.fake_telegram import PHYSIO, TOKEN
from tests.proof import ledger
from tests.proof.conftest import Clinics, Copies, Tell
from tests.proof.faults import DROPPED, LOST, SLOW, Weather, fault_proxy
from tests.proof.ledger import DANGER, LEAD
from tests.proof.life import app_of

STORM = {"429": 0.03, "502": 0.1, DROPPED: 0.12, LOST: 0.12, SLOW: 0.1}
A_RUNG = timedelta(minutes=5)
LONGEST = 12  # rungs to wait for the last one


class Bad:
    """One clinic in bad weather."""

    def __init__(self, clinics: Clinics, app: App, intake: Intake, clock: SimulatedClock, telegram: Telegram) -> None:
        self.clinics, self.app, self.intake, self.clock, self.telegram = clinics, app, intake, clock, telegram

    async def danger(self, chat: int) -> None:
        self.intake.take({"update_id": chat, "message": message(chat, text=DANGER)})

    async def settled(self) -> None:
        """Turns, ticks and deliveries; what was put off is waited for, by the clock."""
        while True:
            await self.app.turns.drain()
            await self.app.tick.run()
            await self.app.delivery.drain(self.clock.move)
            until = self._next()
            if until is None:
                return
            self.clock.move_to(until)

    def _next(self) -> datetime | None:
        """When the next row may leave; None when none is left. A row may wait behind another of its chat."""
        left = select(OutboxMessage.not_before).where(col(OutboxMessage.state) == OutboxState.QUEUED)
        with self.app.database.transaction() as session:
            waiting = session.exec(left).all()
        now = self.clock.now()
        return min((each for each in waiting if each > now), default=now + A_SECOND) if waiting else None

    def told(self) -> Counter[str]:
        return ledger.account(self.app.database, self.clinics.library, self.texts, self.clinics.chats)

    def texts(self, chat: int) -> list[str]:
        return [each.text for each in self.telegram.in_chat(chat)]


async def in_bad_weather(clinics: Clinics, rules: ScreeningRules, weather: Weather, *, dangers: int) -> Counter[str]:
    """So many patients say that they are in danger; the figures when everything has settled or climbed."""
    async with telegram_over_http() as (telegram, target), fault_proxy(target, weather) as api:
        clock, bot = SimulatedClock(NOW), CoachBot(TOKEN, api=api)
        with clinics.copy() as url, clinics.opened(url) as database:
            async with bot:
                app = app_of(database, clinics.library, rules, clock, bot)
                bad = Bad(clinics, app, Intake(bot, app.inbox), clock, telegram)
                for chat in clinics.chats[:dangers]:
                    await bad.danger(chat)
                await bad.settled()
                at_once = bad.told()["lost"]
                for _ in range(LONGEST):
                    if not bad.told()["lost"]:
                        break
                    clock.move(A_RUNG)
                    await bad.settled()
            found = bad.told()
            found["not told before a rung had passed"] = at_once
            return found


async def test_in_bad_weather_every_alert_arrives_or_climbs(
    clinics: Clinics, rules: ScreeningRules, seed: int, tell: Tell
) -> None:
    weather = Weather(random.Random(seed), STORM)

    found = await in_bad_weather(clinics, rules, weather, dangers=len(clinics.chats))

    tell(f"faults, in short: seed {seed}; {ledger.told(found)}; calls {dict(weather.seen)}")
    assert ledger.problems(found) == {}


@pytest.mark.soak
async def test_in_a_long_storm_every_alert_arrives_or_climbs(
    copies: Copies, library: Library, rules: ScreeningRules, seed: int, tell: Tell
) -> None:
    """1,500 alerts; in every fourth clinic the physio on duty has blocked the bot."""
    clinics = Clinics(copies, library, people=30)
    total, weather = Counter[str](), Weather(random.Random(seed), STORM)
    for number in range(1500 // len(clinics.chats)):
        weather.blocked = {PHYSIO} if number % 4 == 3 else set()
        found = await in_bad_weather(clinics, rules, weather, dangers=len(clinics.chats))
        assert not ledger.problems(found), f"seed {seed}, clinic {number}: {ledger.told(found)}"
        total += found
    tell(f"faults: seed {seed}; lost {total['lost']} of {total['raised']} alerts; {ledger.told(total)}")
    tell(f"faults: calls {dict(weather.seen)}")


async def test_a_physio_who_blocked_the_bot_is_passed_without_waiting(clinics: Clinics, rules: ScreeningRules) -> None:
    weather = Weather(random.Random(0), blocked={PHYSIO})
    async with telegram_over_http() as (telegram, target), fault_proxy(target, weather) as api:
        clock, bot = SimulatedClock(NOW), CoachBot(TOKEN, api=api)
        with clinics.copy() as url, clinics.opened(url) as database:
            async with bot:
                app = app_of(database, clinics.library, rules, clock, bot)
                bad = Bad(clinics, app, Intake(bot, app.inbox), clock, telegram)
                await bad.danger(clinics.chats[0])
                await bad.settled()

            assert "A-0001" in bad.texts(LEAD)[0]
            assert clock.now() - NOW < timedelta(seconds=5)


@pytest.mark.parametrize("fault", ["429", "502", DROPPED, LOST])
async def test_each_fault_alone(sqlite_clinics: Clinics, rules: ScreeningRules, fault: str) -> None:
    """Of three calls one is spoilt: nobody waits for the next rung, and copies say what they are."""
    found = await in_bad_weather(
        sqlite_clinics, rules, Weather(random.Random(1), {fault: 0.34}), dangers=len(sqlite_clinics.chats)
    )

    assert ledger.problems(found) == {}
    assert found["not told before a rung had passed"] == 0
    assert bool(found["duplicates"] + found["advice given twice"]) == (fault == LOST)
