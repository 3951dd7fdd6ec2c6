"""A count-down in the chat: which time it shows, and when that changes next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil


@dataclass(frozen=True)
class Pace:
    """Seconds between two changes of the shown time: a short count-down changes more often. Not a message flood."""

    short: int
    long: int
    short_up_to: int

    def every(self, seconds: int) -> int:
        return self.short if seconds <= self.short_up_to else self.long


def left(seconds: int, started_at: datetime, now: datetime) -> int:
    """Whole seconds that are left, rounded up; 0 when it is over."""
    return max(0, ceil(seconds - (now - started_at).total_seconds()))


def next_change(seconds: int, started_at: datetime, now: datetime, pace: Pace) -> datetime:
    """The next instant after `now` at which a round number of seconds is left, the end at the latest.

    Changes that were missed (a restart, a slow minute) are not made up for.
    """
    remaining, step = left(seconds, started_at, now), pace.every(seconds)
    shown_next = max(0, (ceil(remaining / step) - 1) * step)
    return started_at + timedelta(seconds=seconds - shown_next)


def clock(seconds: int) -> str:
    """ "2:30"."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def phase(seconds: int, remaining: int, phases: int) -> int:
    """Which of so many equal parts it is in: 1 is the first."""
    gone = seconds - remaining
    return min(phases, gone * phases // seconds + 1) if phases and seconds else 0
