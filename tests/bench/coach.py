"""Our side: `coach run` as it is started in earnest, with its own Rasa, talking to a Bot API over HTTP."""

import asyncio
import secrets
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, func, select

from bot.clock import SystemClock
from bot.office import Office
from bot.rasa.client import HttpRasa
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.outgoing import Outgoing
from bot.settings import Settings
from data.inbox import OPEN, InboxUpdate
from data.messages import Direction, Message
from data.outbox import OutboxMessage, OutboxState, Priority
from data.patients import Nation
from tests.bench import machine
from tests.bench.processes import end, environment, free_port, start
from tests.bench.telegram import Telegram
from tests.bench.workshop import APP_PYTHON, Workshop
from tests.fake_telegram import PHYSIO, TOKEN

CHATS = range(7_000_100_000, 7_000_100_050)
FIRST = 7_000_200_000  # the chat that says the first words, and sees what was edited
TALKERS = range(7_000_300_000, 7_000_300_100)
ALARMED = range(7_000_400_000, 7_000_400_040)  # each says once that they are in danger
DANGER = "I can't feel when I wipe since this morning"
LONGEST_REPLY_S = 30.0
LONGEST_START_S = 300.0
RUN = "from bot.cli import main; main()"


class Coach:
    """The process is only talked to over HTTP; `_office` is a second way into its database, to look and to prepare."""

    def __init__(self, shop: Workshop, telegram: Telegram, address: str) -> None:
        self._shop = shop
        self.telegram = telegram
        self._address = address
        self._rasa_port = free_port()
        self._rasa_token = secrets.token_urlsafe(24)
        self._process: Process | None = None
        settings = {"var": shop.var, "dialogues": shop.folder / "dialogues", "DATABASE_URL": "", "_env_file": None}
        self._office = Office(Settings(**settings))
        self.codes = self._enrol([*CHATS, FIRST, *TALKERS, *ALARMED])  # of the patients, by chat
        self._office.add_physio("Priya", lead=False, on_duty=True, chat_id=PHYSIO)

    async def start(self) -> float:
        """Seconds from nothing to the first reply, in a chat that had written before."""
        began = time.perf_counter()
        env = environment(
            TELEGRAM_BOT_TOKEN=TOKEN,
            COACH_TELEGRAM_API=self._address,
            COACH_PORT="0",
            COACH_RASA_PORT=str(self._rasa_port),
            COACH_RASA_TOKEN=self._rasa_token,
            COACH_LOG_LEVEL="WARNING",
        )
        command = (APP_PYTHON, "-c", RUN, "run")
        self._process = await start(command, folder=self._shop.folder, log=self._shop.log, env=env)
        await self.telegram.answers(FIRST, "hello there", LONGEST_START_S)
        return time.perf_counter() - began

    async def stop(self) -> None:
        if self._process:
            await end(self._process)

    async def close(self) -> None:
        await self.stop()
        self._office.database.close()

    @property
    def pids(self) -> dict[str, int]:
        assert self._process is not None
        return {"app": self._process.pid, "rasa": machine.child_of(self._process.pid, "-m rasa run")}

    async def say(self, chat: int, text: str) -> str:
        return await self.telegram.answers(chat, text, LONGEST_REPLY_S)

    async def swap(self, model: str) -> None:
        rasa = HttpRasa(f"http://127.0.0.1:{self._rasa_port}", self._rasa_token, LONGEST_REPLY_S)
        try:
            await rasa.swap(model)
        finally:
            await rasa.close()

    async def replies_a_second(self, texts: Sequence[str], chats: Sequence[int]) -> float:
        """Everybody writes at once; until the last reply is committed, whenever it may leave."""
        ended, last_row, began = self._ended(), self._last_row(), datetime.now(UTC)
        for number, text in enumerate(texts):
            await self.telegram.hears(chats[number % len(chats)], text)
        await self._until(lambda: self._ended() >= ended + len(texts))
        written = col(OutboxMessage.created_at)
        last: datetime = self._one(select(func.max(written)).where(col(OutboxMessage.id) > last_row))
        return len(texts) / (last - began).total_seconds()

    async def delivered(self, count: int, chats: Sequence[int]) -> list[float]:
        """`count` messages are put into the empty outbox together; the instants at which they arrive."""
        await self._until(lambda: self._queued() == 0)
        seen = len(self.telegram.arrivals)
        with self._office.database.transaction() as session:
            for number in range(count):
                session.add(_message(number, chats[number % len(chats)], datetime.now(UTC)))
        await self._until(lambda: len(self.telegram.arrivals) >= seen + count)
        return self.telegram.arrivals[seen:]

    async def answered(self, count: int) -> None:
        """Returns when so many more messages have arrived somewhere."""
        seen = len(self.telegram.arrivals)
        await self._until(lambda: len(self.telegram.arrivals) >= seen + count)

    def read_by_model(self) -> float:
        """The share of what was said that went through Rasa; the rest the app answered alone."""
        said = select(func.count()).where(col(Message.direction) == Direction.FROM_PATIENT)
        return self._one(said.where(col(Message.intent).is_not(None))) / max(self._one(said), 1)

    def held_back(self) -> int:
        """How many were told that their answer comes later: Rasa had not answered in time."""
        return self._one(select(func.count()).where(col(OutboxMessage.key).endswith(":holding")))

    def _ended(self) -> int:
        return self._one(select(func.count()).where(col(InboxUpdate.state).not_in(OPEN)))

    def _queued(self) -> int:
        states = (OutboxState.QUEUED, OutboxState.SENDING)
        return self._one(select(func.count()).where(col(OutboxMessage.state).in_(states)))

    def _last_row(self) -> int:
        return self._one(select(func.max(OutboxMessage.id))) or 0

    def _one(self, query: Any) -> Any:
        with self._office.database.transaction() as session:
            return session.exec(query).one()

    async def _until(self, reached: Callable[[], bool], timeout_s: float = 180) -> None:
        async with asyncio.timeout(timeout_s):
            while not reached():  # noqa: ASYNC110  it is another process's database
                await asyncio.sleep(0.5)  # each look keeps the app from writing for a moment

    def _enrol(self, chats: Sequence[int]) -> dict[int, str]:
        """Patients who have joined, and to whom nothing falls due during the run."""
        now, database, library = datetime.now(UTC), self._office.database, self._office.library
        enrolment = Enrolment(database, library, CheckIns(database, SystemClock(), library, Outgoing(library)))
        codes = {}
        with database.transaction() as session:
            for chat in chats:
                code = enrolment.invite(session, by="admin", now=now)
                patient = enrolment.stranger(session, chat, now)
                enrolment.redeem(session, patient, code, now)
                enrolment.enrol(
                    session, patient, nation=Nation.ENGLAND, time_zone="UTC", activity_screen="", now=now,
                    check_in_at=(now + timedelta(hours=12)).time().replace(second=0, microsecond=0),
                )  # fmt: skip
                patient.next_safety_screen_at = now + timedelta(days=365)
                codes[chat] = patient.code
        return codes


def _message(number: int, chat: int, now: datetime) -> OutboxMessage:
    return OutboxMessage(
        key=f"bench-{number}", chat_id=chat, kind="reply", priority=Priority.REPLY, text=f"Message {number}.",
        created_at=now, not_before=now,
    )  # fmt: skip
