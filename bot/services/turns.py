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

from bot.clock import Clock
from bot.services.inbox import NO_CHAT
from bot.services.incoming import Incoming
from bot.services.trail import trail
from data import inbox
from data.database import Database
from data.inbox import AlreadyHandled, InboxState, InboxUpdate

logger = logging.getLogger(__name__)

CHAT_LEASE = timedelta(seconds=6)  # renewed while the turn lasts; after a crash the chat waits this long at most
SCREENING_LEASE = timedelta(seconds=3)
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
        self._chats: dict[int, asyncio.Task[None]] = {}
        self._leases: dict[int, datetime] = {}
        self._screened: set[int] = set()  # of open updates: what other processes need to know stands in the row
        self._steps = 0
        self._wake = asyncio.Event()
        self.after_turn: Callable[[], None] | None = None

    def wake(self) -> None:
        self._wake.set()

    def retry_waiting(self) -> int:
        """Chats whose waiting messages are due for another try; they are taken up at once."""
        with self._database.transaction() as session:
            due = inbox.due_chats(session, self._clock.now(), but=list(self._chats), states=(InboxState.WAITING,))
        if due:
            self.wake()
        return len(due)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what has begun is finished and the chats are given back."""
        while not stop.is_set():
            self._wake.clear()
            try:
                await self._step()
            except Exception as error:  # the database is away: every row is still there when it returns
                logger.error("turns_not_claimed", extra=trail(error))
                await asyncio.sleep(POLL_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
        if self._chats:
            await asyncio.wait(self._chats.values())

    async def drain(self) -> None:
        """Handles everything that is due and returns when there is nothing left to do now."""
        while True:
            before = self._steps
            await self._step()
            if self._chats:
                await asyncio.wait(self._chats.values(), timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            if not self._chats and self._steps == before:
                return

    # What is free

    async def _step(self) -> None:
        """Claims what is free, screens it, begins the turns."""
        rows, chats = self._claim()
        for row in rows:
            await self._screen(row)
        for chat_id in chats:
            self._chats[chat_id] = asyncio.create_task(self._handle_chat(chat_id))
        self._tell_others(row for row in rows if row.chat_id not in self._chats)

    def _claim(self) -> tuple[list[InboxUpdate], list[int]]:
        """In one transaction: the updates to screen, the chats to handle, and the leases to renew."""
        now = self._clock.now()
        until = now + CHAT_LEASE
        with self._database.transaction() as session:
            rows = inbox.claim_screening(session, now=now, until=now + SCREENING_LEASE)
            due = inbox.due_chats(
                session, now, but=list(self._chats), limit=max(0, self._most_chats - len(self._chats))
            )
            chats = [chat for chat in due if inbox.claim_chat(session, chat, self._owner, now=now, until=until)]
            ending = [chat for chat, end in self._leases.items() if end - now < CHAT_LEASE / 2]
            renewed = [chat for chat in ending if inbox.claim_chat(session, chat, self._owner, now=now, until=until)]
        self._leases |= dict.fromkeys([*chats, *renewed], until)
        for lost in set(ending) - set(renewed):  # this process stood still: another one goes on with the chat
            logger.warning("chat_lease_lost")
            self._chats[lost].cancel()
        return rows, chats

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
        try:
            while row := self._next(chat_id, last):
                await self._handle(row)
                last = row
        except Exception as error:  # the database is away: the rows are still there when it returns
            logger.error("chat_not_handled", extra=trail(error))
        finally:
            del self._chats[chat_id], self._leases[chat_id]
            self._release(chat_id)
            if last:
                self.wake()

    def _release(self, chat_id: int) -> None:
        try:
            with self._database.transaction() as session:
                inbox.release_chat(session, chat_id, self._owner)
        except Exception as error:  # the lease runs out by itself
            logger.error("chat_not_released", extra=trail(error))

    def _next(self, chat_id: int, last: InboxUpdate | None) -> InboxUpdate | None:
        """New before waiting. A waiting update that still waits ends the round; after one that went well it goes on."""
        now = self._clock.now()
        with self._database.transaction() as session:
            new = inbox.first_of(session, chat_id, InboxState.NEW)
            if new and _is_due(new, now) and (new.screened or new.update_id in self._screened):
                return new
            waiting = inbox.first_of(session, chat_id, InboxState.WAITING)
        if waiting is None or (last and last.update_id == waiting.update_id):
            return None
        rasa_is_back = last is not None and last.state == InboxState.WAITING
        return waiting if rasa_is_back or _is_due(waiting, now) else None

    async def _handle(self, row: InboxUpdate) -> None:
        self._steps += 1
        incoming = self._read(json.loads(row.raw))
        try:
            async with asyncio.timeout(LONGEST_TURN_S):
                await self._respond(row, incoming)
            self._screened.discard(row.update_id)
        except AlreadyHandled:
            self._screened.discard(row.update_id)
            logger.info("update_handled_elsewhere", extra={"update_id": row.update_id})
        except Exception as error:  # it stays screened: the next try begins with the turn
            await self._failed(row, incoming, error)
        if self.after_turn:
            self.after_turn()

    async def _respond(self, row: InboxUpdate, incoming: Incoming) -> None:
        if row.chat_id == NO_CHAT:
            self._close(row, InboxState.DONE)
            return
        await self._handlers.respond(incoming)
        with self._database.transaction() as session:
            after = inbox.by_id(session, row.update_id)
        if after and after.state == InboxState.NEW:
            raise LeftOpen

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
        self._screened.discard(row.update_id)
        logger.error("update_given_up", extra={"update_id": row.update_id})

    def _close(self, row: InboxUpdate, state: InboxState) -> None:
        with contextlib.suppress(AlreadyHandled), self._database.transaction() as session:
            inbox.finish(session, row.update_id, state)


def _is_due(row: InboxUpdate, now: datetime) -> bool:
    return row.not_before is None or row.not_before <= now
