"""A ward whose messages really leave: the real Delivery, phones that may be blocked, a network that may be away, and a
process that may die with a message in its hands and be followed by another."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from types import TracebackType
from typing import Any

from sqlmodel import Session, col, func, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import DeliveryError
from bot.services.delivery import LONGEST_BACK_OFF_S, SENDER_LEASE, ChatClosed, Delivery, Sent
from data import alerts, audit, patients, physios
from data.alerts import Alert
from data.audit import AuditEvent
from data.database import Database
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient
from data.physios import Physio
from tests.unit.ward import Ward


class Fate(Enum):
    """Of the next card that leaves."""

    ARRIVES = "arrives"
    DOUBTED = "arrives, and nobody learns of it"
    DIES_BEFORE = "its sender dies before it arrives"
    DIES_AFTER = "its sender dies after it has arrived"
    STAYS = "its sender dies before it takes it up"


class Phones:
    """The Sender: what stands in the chats, (chat, key, text, when)."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.shown: list[tuple[int, str, str, datetime]] = []
        self.refusing: set[int] = set()
        self.away = False
        self.dead = False  # the process that had a message in its hands
        self.fate = Fate.ARRIVES

    async def send(self, row: OutboxMessage) -> Sent:
        fate = Fate.ARRIVES
        if row.kind == "card":
            fate, self.fate = self.fate, Fate.ARRIVES
        self.dead = fate in (Fate.DIES_BEFORE, Fate.DIES_AFTER)
        if fate == Fate.DIES_BEFORE:
            raise asyncio.CancelledError  # as a kill: nobody is left to note anything
        if self.away:
            raise DeliveryError("ConnectError")
        if row.chat_id in self.refusing:
            raise ChatClosed
        if row.edits is None:
            self.shown.append((row.chat_id, row.key, row.text, self._clock.now()))
        if fate == Fate.DIES_AFTER:
            raise asyncio.CancelledError
        if fate == Fate.DOUBTED:
            raise DeliveryError("ReadTimeout", uncertain=True)
        return Sent(row.edits or 90_000 + len(self.shown))


class Killed(Exception):
    """The process is gone."""


class Mortal(Delivery):
    """Takes up nothing after the death of its process."""

    phones: Phones

    async def deliver_due(self) -> int:
        if self.phones.dead:
            raise Killed
        return await super().deliver_due()


class PostedWard(Ward):
    """What is queued leaves by the station's Delivery."""

    station: "Station"

    def deliver(self) -> None:
        self.station.deliver()


class Station:
    def __init__(self, database: Database, clock: SimulatedClock, library: Library) -> None:
        self.database, self.clock, self.library = database, clock, library
        self.ward = PostedWard(database, clock, library)
        self.ward.station = self
        self.phones = Phones(clock)
        self.latest = timedelta(0)  # the most that a step was late while we were up
        self._asyncio = asyncio.Runner()
        self._processes = 0
        self.starts()

    def __enter__(self) -> "Station":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._asyncio.close()

    # --- processes ---

    def starts(self) -> None:
        """A fresh process: nothing of the one before it is in memory."""
        self._processes += 1
        fresh = Ward(self.database, self.clock, self.library)
        self.ward.outgoing, self.ward.escalation, self.ward.desk = fresh.outgoing, fresh.escalation, fresh.desk
        self.phones.dead = self._holds_back = False
        self._delivery = Mortal(
            self.database, self.clock, self.phones, f"process {self._processes}", library=self.library,
            on_blocked=self._blocked,
        )  # fmt: skip
        self._delivery.phones = self.phones

    @property
    def fate(self) -> Fate:
        return self.phones.fate

    @fate.setter
    def fate(self, fate: Fate) -> None:
        self.phones.fate = fate
        self._holds_back = fate == Fate.STAYS

    def recover(self) -> None:
        """When the process died, another one starts as soon as the leases of the first have ended."""
        self.phones.fate = Fate.ARRIVES
        if self._holds_back or self.phones.dead:
            self.clock.move(SENDER_LEASE)
            self.starts()
        self.stays_up(timedelta(seconds=1))

    def dies_while_raising(self, patient: int, cause: str) -> None:
        now = self.clock.now()
        try:
            with self.database.transaction() as session:
                self.ward.escalation.raise_alert(
                    session, session.get_one(Patient, patient), cause=cause, severity="EAE", level="P0", told="MAE",
                    message_id=None, now=now,
                )  # fmt: skip
                raise Killed
        except Killed:
            self.clock.move(SENDER_LEASE)
            self.starts()

    def assigns(self, physio: int, to: int, alert: int) -> None:
        with self.database.transaction() as session:
            who, whom = session.get_one(Physio, physio), session.get_one(Physio, to)
            self.ward.escalation.assign(session, alert, whom, who, self.clock.now())
        self.deliver()

    # --- time ---

    def deliver(self) -> None:
        """Sends all that may leave; the tick goes on while the limits of Telegram hold."""
        if not self._holds_back:
            with suppress(Killed):
                self._asyncio.run(self._delivery.drain(self._moves))

    def _moves(self, step: timedelta) -> None:
        self.clock.move(step)
        self.tick()

    def tick(self) -> int:
        now = self.clock.now()
        self.latest = max([self.latest, *(now - each.next_step_at for each in self.overdue() if each.next_step_at)])
        return self.escalates()

    def escalates(self) -> int:
        return self.ward.escalation.escalate_overdue()

    def stays_up(self, span: timedelta, *, late: timedelta = timedelta(0)) -> None:
        """From one due thing to the next, each looked at `late` after it was due."""
        until = self.clock.now() + span
        while (due := self._next_due()) and due + late < until:
            self.clock.move_to(due + late)
            self.tick()
            self.deliver()
        self.clock.move_to(until)
        self.tick()
        self.deliver()

    def _next_due(self) -> datetime | None:
        now = self.clock.now()
        with self.database.transaction() as session:
            step = session.exec(select(func.min(Alert.next_step_at)).where(col(Alert.next_step_at) > now)).one()
            waits = (col(OutboxMessage.state) == OutboxState.QUEUED, col(OutboxMessage.not_before) > now)
            row = session.exec(select(func.min(OutboxMessage.not_before)).where(*waits)).one()
        return min((each for each in (step, row) if each), default=None)

    # --- channels ---

    @property
    def away(self) -> bool:
        return self.phones.away

    def network(self, away: bool) -> None:
        """Back again: what was put off leaves within the longest pause."""
        self.phones.away = away
        if not away:
            self.stays_up(timedelta(seconds=LONGEST_BACK_OFF_S + 1))

    def refuses(self, physio: int, lost: bool) -> None:
        chat = self.ward.chat(physio)
        (self.phones.refusing.add if lost else self.phones.refusing.discard)(chat)

    def _blocked(self, session: Session, row: OutboxMessage) -> None:
        physio = physios.by_chat(session, row.chat_id)
        if physio:
            self.ward.escalation.channel_lost(session, physio, self.clock.now(), row.channel)
        else:
            patients.mark_blocked(session, row.chat_id, self.clock.now())

    # --- the record ---

    def overdue(self) -> list[Alert]:
        """The worst level first, then the most overdue."""
        now = self.clock.now()
        with self.database.transaction() as session:
            found = [each for each in alerts.unclosed(session) if each.next_step_at and each.next_step_at <= now]
        return sorted(found, key=lambda each: (each.level, each.next_step_at, each.id))

    def last_event(self) -> int:
        with self.database.transaction() as session:
            return session.exec(select(func.max(AuditEvent.id))).one() or 0

    def events_after(self, last: int) -> list[AuditEvent]:
        with self.database.transaction() as session:
            return [each for each in audit.everything(session) if each.id > last]

    def everything(self) -> tuple[int, ...]:
        with self.database.transaction() as session:
            tables: tuple[Any, ...] = (Alert, OutboxMessage, AuditEvent)
            return tuple(session.exec(select(func.count()).select_from(table)).one() for table in tables)

    def raised(self) -> int:
        return self.everything()[0]

    def arrived(self, reference: str, since: datetime) -> bool:
        """On a phone, since then."""
        return any(reference in text and at >= since for _, _, text, at in self.phones.shown)

    def unmarked_copies(self) -> list[str]:
        """Cards that came twice and don't say so the second time."""
        mark = self.library.say("utter_sent_again").text
        plain = Counter(key for _, key, text, _ in self.phones.shown if not text.startswith(mark))
        return [key for key, number in plain.items() if number > 1]
