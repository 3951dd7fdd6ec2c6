"""Handles what has arrived: the updates of one chat in order, chats in parallel, each update once.

Several processes may do this on one database. A chat is one process's at a time (a lease); before a chat's queue,
every update passes a first screening in whatever process sees it first, so that a slow turn never holds up advice.
The handler ends its update in its own transaction (`inbox.finish` or `inbox.wait`); should a lease be lost all the
same, the second to finish gets AlreadyHandled and nothing of it is committed.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlmodel import Session

from bot.clock import Clock
from bot.services.inbox import NO_CHAT, SCREENING_LEASE
from bot.services.incoming import Incoming
from bot.services.trail import trail
from data import inbox
from data.database import Database
from data.inbox import AlreadyHandled, InboxState, InboxUpdate

logger = logging.getLogger(__name__)

CHAT_LEASE = timedelta(seconds=6)  # renewed while the turn lasts; after a crash the chat waits this long at most
LONGEST_TURN_S = 60.0  # a turn that hangs is a failed turn
LONGEST_BACK_OFF_S = 30
POLL_S = 0.25  # between two looks at the database when nobody wakes us


class Handlers(Protocol):
    async def first(self, incoming: Incoming) -> bool:
        """The screening before the queue; True when that answered it. May be called again after a crash."""
        ...

    async def respond(self, incoming: Incoming) -> None:
        """Handles one update and finishes its inbox row, or leaves it waiting, in the transaction of its effects."""
        ...

    async def give_up(self, incoming: Incoming) -> None:
        """The last try has failed: tells the person so. May be called again after a crash."""
        ...


class LeftOpen(Exception):
    """The handler returned and neither finished its update nor left it waiting."""


class Turns:
    """`owner` names this process in leases; `after_turn` is called when a turn may have written something to send."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        owner: str,
        read: Callable[[dict[str, Any]], Incoming],
        handlers: Handlers,
        *,
        most_attempts: int = 5,
        most_chats: int = 64,
    ) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._read = read
        self._handlers = handlers
        self._most_attempts = most_attempts
        self._most_chats = most_chats
        self._chats: dict[int, asyncio.Task[None]] = {}  # chats whose turns go on here
        self._leases: dict[int, datetime] = {}  # kept for a while after the last turn: the next message is often near
        self._fresh: list[InboxUpdate] = []  # arrived in this process
        self._screened: set[int] = set()  # of open updates: what other processes need to know stands in the row
        self._steps = 0
        self._wake = asyncio.Event()
        self._look_again = False
        self.after_turn: Callable[[], None] | None = None

    def wake(self, arrived: InboxUpdate | None = None) -> None:
        """There may be something to handle; `arrived` is what this process has just committed."""
        if arrived:
            self._fresh.append(arrived)
        self._wake.set()

    def retry_waiting(self) -> int:
        """How many chats have waiting messages that are due for another try; they are taken up at once."""
        with self._database.transaction() as session:
            due = inbox.due_chats(session, self._clock.now(), but=list(self._chats), states=(InboxState.WAITING,))
        if due:
            self._look_again = True
            self.wake()
        return len(due)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what has begun is finished and the chats are given back."""
        time = asyncio.get_running_loop().time
        look_at = time()
        while not stop.is_set():
            self._wake.clear()
            try:
                look = self._look_again or time() >= look_at
                await self._step(look=look)
                look_at = time() + POLL_S if look else look_at
            except Exception as error:  # the database is away: every row is still there when it returns
                logger.error("turns_not_claimed", extra=trail(error))
                await asyncio.sleep(POLL_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
        if self._chats:
            await asyncio.wait(self._chats.values())
        self._give_back()

    async def drain(self) -> None:
        """Handles everything that is due and returns when there is nothing left to do now."""
        while True:
            before = self._steps
            await self._step(look=not self._fresh)
            if self._chats:
                await asyncio.wait(self._chats.values(), timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            if not self._chats and self._steps == before:
                self._give_back()
                return

    # What is free

    async def _step(self, *, look: bool) -> None:
        """Screens what is new, then begins the turns of chats that are free. `look`: also at what arrived elsewhere."""
        self._look_again = self._look_again and not look
        rows, self._fresh = self._fresh, []
        for row in rows:
            await self._screen(row)
        for row in self._claim_screening() if look else ():
            await self._screen(row)
            rows.append(row)
        for chat_id in self._claim_chats({row.chat_id for row in rows}, look=look):
            self._chats[chat_id] = asyncio.create_task(self._handle_chat(chat_id))
        self._tell_others(row for row in rows if row.chat_id not in self._chats)

    def _claim_screening(self) -> list[InboxUpdate]:
        now = self._clock.now()
        with self._database.transaction() as session:
            return inbox.claim_screening(session, now=now, until=now + SCREENING_LEASE)

    def _claim_chats(self, arrived: set[int], *, look: bool) -> list[int]:
        """The chats whose turns may begin here. A lease with enough left needs no new entry in the database."""
        now = self._clock.now()
        wanted = [chat for chat in arrived if chat not in self._chats]
        fading = {chat for chat in [*wanted, *self._chats] if self._fades(chat, now)}
        if look or fading:
            with self._database.transaction() as session:
                if look:
                    busy = [*self._chats, *wanted]
                    wanted += inbox.due_chats(session, now, but=busy, limit=self._most_chats)
                    fading |= {chat for chat in wanted if self._fades(chat, now)}
                claimed = [chat for chat in sorted(fading) if self._claim(session, chat, now)]
            self._leases |= dict.fromkeys(claimed, now + CHAT_LEASE)
            self._lose(fading.difference(claimed))
        room = self._most_chats - len(self._chats)
        mine = [chat for chat in wanted if chat in self._leases]
        self._look_again = self._look_again or len(mine) > room
        return mine[: max(0, room)]

    def _fades(self, chat_id: int, now: datetime) -> bool:
        left = self._leases.get(chat_id, now) - now
        return not CHAT_LEASE / 2 <= left <= CHAT_LEASE  # longer than a lease: the clock was set back

    def _claim(self, session: Session, chat_id: int, now: datetime) -> bool:
        return inbox.claim_chat(session, chat_id, self._owner, now=now, until=now + CHAT_LEASE)

    def _lose(self, chats: set[int]) -> None:
        """Another process has the chat; when a turn of it goes on here, this process stood still for too long."""
        for chat_id in chats:
            self._leases.pop(chat_id, None)
            if chat_id in self._chats:
                logger.warning("chat_lease_lost")
                self._chats[chat_id].cancel()

    def _give_back(self) -> None:
        try:
            with self._database.transaction() as session:
                for chat_id in self._leases:
                    inbox.release_chat(session, chat_id, self._owner)
        except Exception as error:  # the leases run out by themselves
            logger.error("chats_not_given_back", extra=trail(error))
        self._leases.clear()

    # Before the queue

    async def _screen(self, row: InboxUpdate) -> None:
        self._steps += 1
        incoming = self._read(json.loads(row.raw))
        try:
            answered = row.chat_id != NO_CHAT and await self._handlers.first(incoming)
        except AlreadyHandled:
            answered = True
        except Exception as error:  # the turn itself screens once more
            logger.error("screening_failed", extra=trail(error, update_id=row.update_id))
            answered = False
        if not answered:
            self._screened.add(row.update_id)
        elif self.after_turn:
            self.after_turn()

    def _tell_others(self, rows: Iterable[InboxUpdate]) -> None:
        """The chat is another process's: that one may go on with what was screened here."""
        ids = [row.update_id for row in rows if row.update_id in self._screened]
        if ids:
            with self._database.transaction() as session:
                for update_id in ids:
                    inbox.mark_screened(session, update_id)
            self._screened.difference_update(ids)

    # A chat's queue

    async def _handle_chat(self, chat_id: int) -> None:
        last: InboxUpdate | None = None
        done: list[int] = []
        try:
            while row := self._next(chat_id, last):
                if last and (row.update_id, row.attempts) == (last.update_id, last.attempts):
                    await self._failed(row, self._read(json.loads(row.raw)), LeftOpen())
                else:
                    await self._handle(row)
                last = row
                done.append(row.update_id)
        except Exception as error:  # the database is away: the rows are still there when it returns
            logger.error("chat_not_handled", extra=trail(error))
        finally:
            self._look_again = self._look_again or len(self._chats) >= self._most_chats
            del self._chats[chat_id]
            self._screened.difference_update(done)
            if last:
                self.wake()

    def _next(self, chat_id: int, last: InboxUpdate | None) -> InboxUpdate | None:
        """New before waiting. A waiting update that still waits ends the round; after one that went well it goes on."""
        now = self._clock.now()
        with self._database.transaction() as session:
            row = inbox.first_open(session, chat_id)
            if row and row.state == InboxState.NEW:
                if _is_due(row, now) and (row.screened or row.update_id in self._screened):
                    return row
                row = inbox.first_open(session, chat_id, (InboxState.WAITING,))
        if row is None or (last and last.update_id == row.update_id):
            return None
        rasa_is_back = last is not None and last.state == InboxState.WAITING
        return row if rasa_is_back or _is_due(row, now) else None

    async def _handle(self, row: InboxUpdate) -> None:
        self._steps += 1
        incoming = self._read(json.loads(row.raw))
        try:
            async with asyncio.timeout(LONGEST_TURN_S):
                await self._respond(row, incoming)
        except AlreadyHandled:
            logger.info("update_handled_elsewhere", extra={"update_id": row.update_id})
        except Exception as error:
            await self._failed(row, incoming, error)
        if self.after_turn:
            self.after_turn()

    async def _respond(self, row: InboxUpdate, incoming: Incoming) -> None:
        if row.chat_id == NO_CHAT:
            self._close(row, InboxState.DONE)
        else:
            await self._handlers.respond(incoming)

    async def _failed(self, row: InboxUpdate, incoming: Incoming, error: Exception) -> None:
        back_off = timedelta(seconds=min(2**row.attempts, LONGEST_BACK_OFF_S))
        with self._database.transaction() as session:
            attempts = inbox.fail(session, row.update_id, self._clock.now() + back_off)
        logger.error("turn_failed", extra=trail(error, update_id=row.update_id, attempts=attempts))
        if attempts < self._most_attempts:
            return
        try:
            await self._handlers.give_up(incoming)
        except Exception as second:
            logger.error("giving_up_failed", extra=trail(second, update_id=row.update_id))
        self._close(row, InboxState.DEAD)
        logger.error("update_given_up", extra={"update_id": row.update_id})

    def _close(self, row: InboxUpdate, state: InboxState) -> None:
        with contextlib.suppress(AlreadyHandled), self._database.transaction() as session:
            inbox.finish(session, row.update_id, state)


def _is_due(row: InboxUpdate, now: datetime) -> bool:
    return row.not_before is None or row.not_before <= now
