"""Telegram's limits, kept by the injected clock: so many messages a second a token, one a second a chat."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

A_SECOND = timedelta(seconds=1)
PER_SECOND = 25  # Telegram allows about 30 a token and publishes no exact figure
MOST_AT_ONCE = 16  # requests in flight


class Pacing:
    def __init__(self, per_second: int, chat_interval: timedelta) -> None:
        self._per_second = per_second
        self._chat_interval = chat_interval
        self._begun: deque[datetime] = deque()  # when the last messages left
        self._rests_until: dict[int, datetime] = {}  # by chat
        self._halted_until: datetime | None = None  # Telegram said 429

    def room(self, now: datetime, in_flight: int) -> int:
        """How many messages may leave now."""
        if self._halted_until and now < self._halted_until:
            return 0
        while self._begun and not now - A_SECOND < self._begun[0] <= now:  # in the future: the clock was set back
            self._begun.popleft()
        return min(MOST_AT_ONCE - in_flight, self._per_second - len(self._begun))

    def resting(self, now: datetime) -> list[int]:
        """Chats that had a message within the last interval."""
        self._rests_until = {
            chat: until for chat, until in self._rests_until.items() if now < until <= now + self._chat_interval
        }
        return list(self._rests_until)

    def begin(self, now: datetime) -> None:
        self._begun.append(now)

    def rest(self, chat_id: int, now: datetime) -> None:
        self._rests_until[chat_id] = now + self._chat_interval

    def halt(self, until: datetime) -> None:
        self._halted_until = until

    def next_change(self, now: datetime) -> datetime | None:
        """When the next of the limits gives way; None when none holds."""
        return min((instant for instant in self._limits() if instant > now), default=None)

    def _limits(self) -> Iterator[datetime]:
        if self._halted_until:
            yield self._halted_until
        if len(self._begun) >= self._per_second:
            yield self._begun[0] + A_SECOND
        yield from self._rests_until.values()
