"""Alive or dead? "No alert" looks the same in both, so the whole is tried: a red flag of a patient who is nobody goes
through inbox, screening, alert, outbox and acknowledgement, like anybody's. Only then is the heartbeat outside pinged.

The rows say how far a probe has come; what is due next is done at every look, also after a crash.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.content import Library
from bot.services.delivery import Sender, Sent
from bot.services.escalation import Escalation
from bot.services.inbox import Inbox
from bot.services.trail import trail
from data import watchdog
from data.alerts import AlertState
from data.database import Database
from data.engines import add_once
from data.outbox import OutboxMessage
from data.patients import Patient
from data.watchdog import PATIENT_CHAT, PHYSIO_CHAT, Probe, SystemAlive

logger = logging.getLogger(__name__)

Says = Callable[[int, int, str], dict[str, Any]]  # update id, chat, words → an update as Telegram sends it
Taps = Callable[[int, int, int, str], dict[str, Any]]  # update id, chat, message, button → the same for a tap
Answers = Callable[[], Awaitable[bool]]
Ping = Callable[[], Awaitable[bool]]
FIRST_UPDATE = 2**41  # no bot counts its updates that far
STEPS = 4  # updates of one probe, at most
HASTE_S = 2.0  # between two looks while a probe is under way


class Loopback:
    """The way out for everybody; what goes to the synthetic patient or physio has arrived when it gets here."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send(self, row: OutboxMessage) -> Sent:
        if row.chat_id in (PATIENT_CHAT, PHYSIO_CHAT):
            return Sent(row.id)
        return await self._sender.send(row)


class Watchdog:
    """`answers` by name: parts that are asked whether they are there (Rasa, Telegram, the mail server).

    `ping` None: there is no heartbeat outside.
    """

    def __init__(
        self, database: Database, clock: Clock, library: Library, inbox: Inbox, escalation: Escalation, *,
        says: Says, taps: Taps, answers: Mapping[str, Answers], ping: Ping | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._library = library
        self._inbox = inbox
        self._escalation = escalation
        self._says = says
        self._taps = taps
        self._answers = answers
        self._ping = ping

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, beside the tick: a part that hangs must not keep the watchdog from saying so."""
        while not stop.is_set():
            nap_s = self._number("looks_every")
            try:
                if await self.look():
                    nap_s = min(nap_s, HASTE_S)
            except Exception as error:  # the database is away: nobody is pinged, which says it outside
                logger.error("watchdog_failed", extra=trail(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), nap_s)

    async def look(self) -> bool:
        """One look: moves the probe on, notes what is wrong, and pings when nothing is. True while a probe is under way."""
        under_way = self._probe()
        problems = [*self._old(), *await self._silent()]
        pinged = not problems and self._ping is not None and await self._pinged(self._ping)
        self._note(problems, pinged=pinged)
        return under_way

    # --- the round trip ---

    def _probe(self) -> bool:
        """The next step of the probe that is due or under way."""
        now = self._clock.now()
        with self._database.transaction() as session:
            patient = watchdog.furnish(session, now)
            slot = int(now.timestamp() // (self._number("probe_every") * 60))
            started = add_once(session, Probe(slot=slot, started_at=now))
            probe = watchdog.unfinished(session)
            update = self._next(session, patient, probe, started=started) if probe else None
            if started:
                watchdog.forget(session, patient, now - timedelta(days=self._number("kept")))
            under_way = probe is not None and probe.finished_at is None
        if update:
            self._inbox.accept(*update)
        return under_way

    def _next(
        self, session: Session, patient: Patient, probe: Probe, *, started: bool
    ) -> tuple[int, int, dict[str, Any]] | None:
        """What the synthetic people do now. A step repeated after a crash is one update: its number is the same."""
        first = FIRST_UPDATE + probe.id * STEPS
        said = (first, PATIENT_CHAT, self._says(first, PATIENT_CHAT, str(self._library.value("watchdog.says"))))
        alert = watchdog.open_alert(session, patient)
        if started or alert is None or alert.last_raised_at < probe.started_at:
            return said
        probe.alert_id = alert.id
        if alert.state == AlertState.ACKNOWLEDGED:
            outcome = next(iter(self._library.value("escalation.outcomes")))
            now = self._clock.now()
            self._escalation.close(session, alert.id, watchdog.physio(session), outcome, now)
            probe.finished_at = now
            return None
        card = watchdog.card(session, alert)
        if card is None or not card.buttons or not watchdog.advised(session, patient, probe.started_at):
            return None
        tap = first + 1
        return tap, PHYSIO_CHAT, self._taps(tap, PHYSIO_CHAT, card.telegram_message_id or 0, card.buttons[0]["id"])

    # --- what else is asked ---

    def _old(self) -> list[str]:
        now = self._clock.now()
        with self._database.transaction() as session:
            late = now - timedelta(seconds=self._number("step_late"))
            arrived = now - timedelta(seconds=self._number("inbox_age"))
            trip = watchdog.last_finished(session)
            fresh = trip and trip.finished_at and trip.finished_at > now - self._minutes("round_trip_within")
            found = {
                "overdue_step": watchdog.overdue_step(session, late),
                "inbox": watchdog.old_update(session, arrived),
                "outbox": watchdog.old_message(session, now, self._minutes("outbox_age")),
                "round_trip": not fresh,
            }
        return [name for name, wrong in found.items() if wrong]

    async def _silent(self) -> list[str]:
        """The parts that don't answer."""
        names = list(self._answers)
        answered = await asyncio.gather(*(self._answers[name]() for name in names), return_exceptions=True)
        return [name for name, answer in zip(names, answered, strict=True) if answer is not True]

    async def _pinged(self, ping: Ping) -> bool:
        try:
            return await ping()
        except Exception as error:
            logger.warning("heartbeat_not_sent", extra=trail(error))
            return False

    def _note(self, problems: list[str], *, pinged: bool) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            row = watchdog.alive(session)
            if (row.problems if row else []) != problems:
                level = logging.ERROR if problems else logging.INFO
                logger.log(level, "system_looked_at", extra={"problems": problems})
            row = row or SystemAlive(looked_at=now)
            trip = watchdog.last_finished(session)
            row.looked_at, row.problems = now, problems
            if trip and trip.finished_at:
                row.round_trip_at = trip.finished_at
                row.round_trip_s = round((trip.finished_at - trip.started_at).total_seconds(), 1)
            row.pinged_at = now if pinged else row.pinged_at
            session.add(row)

    def _number(self, name: str) -> float:
        return self._library.number(f"watchdog.{name}")

    def _minutes(self, name: str) -> timedelta:
        return timedelta(minutes=self._number(name))
