"""A coach that may be killed at any system call: forked in an instant from a process that has everything loaded.

`python -m tests.proof.life` reads one JSON line a life from standard input and answers with the pid of the fork, then
with how it ended. The fork stops itself first, so that a tracer can be attached; SIGCONT begins it. It runs the real
services on a real database and a Bot API over HTTP, with Rasa away: red flags need none.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet
from sqlmodel import col, select

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.services.safety import screening_rules
from bot.settings import ROOT
from bot.telegram.api import CoachBot
from bot.telegram.intake import Intake
from data import inbox
from data.database import Database
from data.inbox import InboxState
from data.outbox import OutboxMessage, OutboxState
from data.tables import metadata
from tests.conftest import NOW
from tests.emulator import message
from tests.fake_telegram import TOKEN, FakeTelegram, fake_bot
from tests.fakes import FakeRasa
from tests.proof import ledger

LONGEST_LIFE_S = 60


@dataclass(frozen=True)
class Birth:
    """`now`: where its clock stands, an ISO instant; `updates`: how many it has to have handled before it ends."""

    url: str
    key: str
    api: str
    now: str
    updates: int


def app_of(
    database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, bot: CoachBot, **options: Any
) -> App:
    """The composition root, with Rasa away."""
    rasa = FakeRasa(library)
    rasa.down()
    return App(database=database, library=library, rules=rules, clock=clock, rasa=rasa, bot=bot, **options)


async def live(birth: Birth, library: Library, rules: ScreeningRules) -> None:
    """Until every update is handled and nothing is left to be sent."""
    database = Database(birth.url, encryption_keys=[birth.key])
    clock = SimulatedClock(datetime.fromisoformat(birth.now))
    bot = CoachBot(TOKEN, api=birth.api)
    app = app_of(database, library, rules, clock, bot)
    stop = asyncio.Event()
    async with asyncio.timeout(LONGEST_LIFE_S), bot, asyncio.TaskGroup() as tasks:
        tasks.create_task(Intake(bot, app.inbox).poll(stop, timeout_s=1))
        while not is_settled(app, birth.updates):
            await app.turns.drain()
            await app.tick.run()
            await app.delivery.drain(clock.move)
            await asyncio.sleep(0.005)
        stop.set()


def is_settled(app: App, updates: int) -> bool:
    leaving = col(OutboxMessage.state).in_((OutboxState.QUEUED, OutboxState.SENDING))
    with app.database.transaction() as session:
        done = inbox.counts(session).get(InboxState.DONE, 0) >= updates
        return done and session.exec(select(OutboxMessage.id).where(leaving).limit(1)).first() is None


async def warm_up(library: Library, rules: ScreeningRules) -> None:
    """One danger on a scratch database, so that no life has to compile and load what all of them need."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/scratch.db", encryption_keys=[Fernet.generate_key().decode()])
        metadata.create_all(database.engine)
        clock = SimulatedClock(NOW)
        ledger.opens(database, library, NOW, people=1)
        async with fake_bot(FakeTelegram(now=clock.now)) as bot:
            app = app_of(database, library, rules, clock, bot)
            danger = message(ledger.FIRST_CHAT, text=ledger.DANGER)
            Intake(bot, app.inbox).take({"update_id": 1, "message": danger})
            await app.turns.drain()
            await app.tick.run()
            await app.delivery.drain(clock.move)
        database.close()


def main() -> None:
    library = Library.load(ROOT / "dialogues")
    rules = screening_rules(library)
    asyncio.run(warm_up(library, rules))
    gc.collect()
    gc.freeze()  # a fork copies no page only because it was looked at
    tell({"ready": True})
    for line in sys.stdin:
        birth = Birth(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            signal.raise_signal(signal.SIGSTOP)
            asyncio.run(live(birth, library, rules))
            os._exit(0)
        os.waitpid(pid, os.WUNTRACED)
        tell({"pid": pid})
        _, status = os.waitpid(pid, 0)
        tell({"ended": os.waitstatus_to_exitcode(status)})


def tell(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
