"""Everything that leaves goes out here: outbox rows, leased, sent, marked. One sender a bot token.

Telegram has no idempotency key, so a row whose fate is unknown is not simply sent again: see `_uncertain` and
docs/adr/0005-durable-inbox-and-outbox.md.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlmodel import Session

from bot.clock import Clock
from bot.content import Library
from bot.errors import DeliveryError
from bot.services.pacing import A_SECOND, PER_SECOND, Pacing
from bot.services.trail import trail
from data import outbox, patients, physios
from data.database import Database
from data.outbox import TELEGRAM, Channel, OutboxMessage, OutboxState

logger = logging.getLogger(__name__)

SENDER_LEASE = timedelta(seconds=6)  # after a crash another process may send this long later at most
MESSAGE_LEASE = timedelta(seconds=60)  # longer than the longest wait for Telegram's answer
LONGEST_BACK_OFF_S = 60
MOST_TRIES = 10  # of what must arrive and each time may have: copies over about four minutes, each of which says so
POLL_S = 0.2  # between two looks at the database when nobody wakes us
MARK = "utter_sent_again"  # goes before words that may have arrived already


class Sent(NamedTuple):
    message_id: int | None
    parts_left: int = 0  # of a text too long for one message


class Sender(Protocol):
    async def send(self, row: OutboxMessage) -> Sent:
        """Sends one message: the row, or its next part (`row.parts_sent` have left). Raises DeliveryError."""
        ...


class ChatClosed(DeliveryError):
    """The person has blocked the bot or left Telegram. Nothing reaches them here any more."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "", permanent=True)


class Delivery:
    """`still_wanted` is asked at the last moment; `on_blocked` is told of every row that a closed chat stopped.

    `per_second` messages leave a token, one a `chat_interval` a chat. It takes the rows of `channels` alone.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: Sender,
        owner: str,
        *,
        library: Library | None = None,
        token_hash: str = "bot",
        still_wanted: Callable[[Session, OutboxMessage], bool] | None = None,
        on_blocked: Callable[[Session, OutboxMessage], None] | None = None,
        per_second: int = PER_SECOND,
        chat_interval: timedelta = A_SECOND,
        channels: Collection[Channel] = TELEGRAM,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sender = sender
        self._owner = owner
        self._library = library
        self._token_hash = token_hash
        self._still_wanted = still_wanted
        self._on_blocked = on_blocked
        self._channels = tuple(channels)
        self._pacing = Pacing(per_second, chat_interval)
        self._held_until: datetime | None = None  # our right to send
        self._look_at = clock.now()  # when to look for abandoned messages again
        self._in_flight: dict[int, asyncio.Task[None]] = {}  # by chat
        self._sending: set[int] = set()  # row ids
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send: call it after the transaction that wrote it."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in flight is waited for and the right to send is given back."""
        while not stop.is_set():
            self._wake.clear()
            try:
                self._begin(self._claim())
            except Exception as error:  # the database is away: every row is still there when it returns
                logger.error("outbox_not_claimed", extra=trail(error))
                await asyncio.sleep(POLL_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._nap_s())
        if self._in_flight:
            await asyncio.wait(self._in_flight.values())
        self._give_back()

    async def deliver_due(self) -> int:
        """Sends what is due and may leave now; how many rows that were."""
        rows = self._claim()
        self._begin(rows)
        if self._in_flight:
            await asyncio.wait(self._in_flight.values())
        return len(rows)

    async def drain(self, step: Callable[[timedelta], None] | None = None) -> int:
        """Sends everything that is due; how many rows. `step` moves a simulated clock on while Telegram's limits hold.

        Rows put off until later (a failed try, a 429) are not waited for.
        """
        delivered = 0
        while True:
            delivered += (now_delivered := await self.deliver_due())
            if now_delivered:
                continue
            pause = self._pause()
            if step is None or pause is None:
                return delivered
            step(pause)

    # Whose turn it is

    def _claim(self) -> list[OutboxMessage]:
        """In one transaction: keeps the right to send, deals with abandoned rows, leases what may leave now."""
        now = self._clock.now()
        try:
            with self._database.transaction() as session:
                return self._lease(session, now) if self._hold(session, now) else []
        except Exception:
            self._held_until = None
            raise

    def _hold(self, session: Session, now: datetime) -> bool:
        left = self._held_until - now if self._held_until else timedelta(0)
        held = left > timedelta(0)
        if not SENDER_LEASE / 2 <= left <= SENDER_LEASE:  # longer than a lease: the clock was set back
            until = now + SENDER_LEASE
            mine = outbox.hold_sender(session, self._token_hash, self._owner, now=now, until=until)
            self._held_until = until if mine else None
        if self._held_until is None:
            return False
        if held and now < self._look_at:
            return True
        self._look_at = now + A_SECOND
        for row in outbox.abandoned(session, now, mine=self._sending, taken_over=not held, channels=self._channels):
            logger.warning("message_abandoned", extra={"outbox_id": row.id, "kind": row.kind, "tries": row.tries})
            self._uncertain(session, row, "its sender stopped while sending")
        return True

    def _lease(self, session: Session, now: datetime) -> list[OutboxMessage]:
        room = self._pacing.room(now, in_flight=len(self._in_flight))
        resting = self._pacing.resting(now)
        while room > 0:
            rows = outbox.due(
                session, now, limit=room, but=list(self._in_flight), resting=resting, channels=self._channels
            )
            leaving = [row for row in rows if self._may_leave(session, row, now)]
            if leaving or not rows:  # else every one was dropped: it is the next ones' turn
                return leaving
        return []

    def _may_leave(self, session: Session, row: OutboxMessage, now: datetime) -> bool:
        if self._still_wanted and not self._still_wanted(session, row):
            row.state = OutboxState.DROPPED
            logger.info("message_dropped", extra={"outbox_id": row.id, "kind": row.kind})
            return False
        return outbox.lease(session, row, now + MESSAGE_LEASE)

    def _pause(self) -> timedelta | None:
        """How long a due row has to wait for the next limit to give way; None when no row is waiting for one."""
        now = self._clock.now()
        later = self._pacing.next_change(now)
        if self._held_until is None or later is None:
            return None
        with self._database.transaction() as session:
            return later - now if outbox.is_due(session, now, self._channels) else None

    def _nap_s(self) -> float:
        now = self._clock.now()
        later = self._pacing.next_change(now)
        return POLL_S if later is None else max(0.01, min(POLL_S, (later - now).total_seconds()))

    # Sending

    def _begin(self, rows: list[OutboxMessage]) -> None:
        for row in rows:
            self._pacing.begin(self._clock.now())
            self._sending.add(row.id)
            self._in_flight[row.chat_id] = asyncio.create_task(self._deliver(row))

    async def _deliver(self, row: OutboxMessage) -> None:
        try:
            try:
                sent = await self._sender.send(self._marked(row))
            except DeliveryError as error:
                self._not_sent(row, error)
            except Exception as error:
                logger.error("sender_failed", extra=trail(error, outbox_id=row.id))
                self._not_sent(row, DeliveryError(type(error).__name__, uncertain=True))
            else:
                self._sent(row, sent)
        except Exception as error:  # the row stays leased: when the lease ends it counts as abandoned
            logger.error("message_not_settled", extra=trail(error, outbox_id=row.id))
        finally:
            if row.edits is None:
                self._pacing.rest(row.chat_id, self._clock.now())
            self._sending.discard(row.id)
            del self._in_flight[row.chat_id]
            self.wake()

    def _marked(self, row: OutboxMessage) -> OutboxMessage:
        """A second copy says that it may be one. The row in the database keeps its words."""
        if row.repeated and row.edits is None and self._library and self._library.has(MARK):
            row.text = f"{self._library.say(MARK).text}\n\n{row.text}"
        return row

    def _sent(self, row: OutboxMessage, sent: Sent) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            if sent.parts_left:
                self._again(session, row, None, now, parts_sent=row.parts_sent + 1)
                return
            values = {"sent_at": now, "telegram_message_id": sent.message_id, "error": None}
            if not outbox.settle(session, row, OutboxState.SENT, **values):
                logger.warning("message_sent_late", extra={"outbox_id": row.id, "kind": row.kind})

    def _not_sent(self, row: OutboxMessage, error: DeliveryError) -> None:
        now = self._clock.now()
        reason = str(error)
        logger.warning(
            "message_not_sent",
            extra={"outbox_id": row.id, "kind": row.kind, "tries": row.tries, "reason": reason},
        )
        with self._database.transaction() as session:
            if isinstance(error, ChatClosed):
                self._closed(session, row, reason, now)
            elif error.permanent:
                outbox.settle(session, row, OutboxState.FAILED, error=reason)
            elif error.uncertain:
                self._uncertain(session, row, reason)
            else:
                wait_s = error.retry_after_s or min(2 ** (row.tries - 1), LONGEST_BACK_OFF_S)
                if error.retry_after_s:
                    self._pacing.halt(now + timedelta(seconds=wait_s))
                self._again(session, row, reason, now + timedelta(seconds=wait_s))

    def _again(
        self, session: Session, row: OutboxMessage, reason: str | None, not_before: datetime, **values: object
    ) -> None:
        outbox.settle(session, row, OutboxState.QUEUED, error=reason, not_before=not_before, **values)

    def _uncertain(self, session: Session, row: OutboxMessage, reason: str) -> None:
        """It may have arrived. An edit does no harm twice; what must arrive goes again, marked; a prompt not."""
        now = self._clock.now()
        later = now + timedelta(seconds=min(2 ** (row.tries - 1), LONGEST_BACK_OFF_S))
        if row.edits is not None and row.tries < outbox.STUBBORN:
            self._again(session, row, reason, later)
        elif row.must_arrive and (not row.repeated or row.tries < MOST_TRIES):
            self._again(session, row, reason, later if row.repeated else now, repeated=True, parts_sent=0)
        else:
            outbox.settle(session, row, OutboxState.UNCERTAIN, error=reason)
            level = logging.ERROR if row.must_arrive else logging.WARNING
            logger.log(level, "message_uncertain", extra={"outbox_id": row.id, "kind": row.kind})

    def _closed(self, session: Session, row: OutboxMessage, reason: str, now: datetime) -> None:
        """Nothing more goes to this chat; whoever cares is told of each row that it stopped."""
        outbox.settle(session, row, OutboxState.BLOCKED, error=reason)
        if row.channel == Channel.EMAIL:
            physios.lose_email(session, row.physio_id, now)
        else:
            patients.mark_blocked(session, row.chat_id, now)
            if physio := physios.by_chat(session, row.chat_id):
                physio.blocked_at = now
        waiting = outbox.queued_for(session, row.chat_id)
        for other in waiting:
            other.state, other.error = OutboxState.BLOCKED, reason
        if self._on_blocked:
            for stopped in [row, *waiting]:
                self._on_blocked(session, stopped)

    def _give_back(self) -> None:
        try:
            with self._database.transaction() as session:
                outbox.release_sender(session, self._token_hash, self._owner)
        except Exception as error:  # the lease runs out by itself
            logger.error("sender_not_released", extra=trail(error))
        self._held_until = None
