"""A flare-up by day: how much of the plan, when it is asked about, and when a physio hears that it isn't easing.

clinical.md §8.8: the first day or two ease off and keep moving, days 2–4 half and then three quarters, then back to the
plan one step lower, never to zero. Day 1 is the day the patient said so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from bot.coaching import schedule

GONE, EASING, SAME, WORSE = "gone", "easing", "same", "worse"
CARDS = 6


@dataclass(frozen=True)
class Stages:
    """The first day of each stage, as shares of the plan; before the first of them there is no quota at all."""

    shares: Sequence[tuple[int, float]]  # (2, 0.5), (4, 0.75), …
    back_on: int  # the day from which the plan holds again, unless the patient chose another
    last_ask: int  # "is it easing?" is asked up to this day


def day_of(started_on: date, today: date) -> int:
    return (today - started_on).days + 1


def share(day: int, stages: Stages, *, back_on: int | None = None) -> float | None:
    """How much of the plan's minutes on this day; None: no quota, small moves every hour. 1.0 from the day back on."""
    if day >= (back_on or stages.back_on):
        return 1.0
    return next((share for first, share in reversed(stages.shares) if day >= first), None)


def minutes(plan: int, share: float) -> int:
    """Whole minutes, at least one: never to zero."""
    return max(1, round(plan * share))


def next_ask(started_on: date, today: date, zone: str, at: time, stages: Stages) -> datetime | None:
    """When "is it easing?" is due next, on the day after `today` or the last day; None when the days are over."""
    day = today + schedule.DAY
    return schedule.instant_on(day, zone, at) if day_of(started_on, day) <= stages.last_ask + 1 else None


def over(day: int, said: str | None, stages: Stages) -> bool:
    """The days of asking are over."""
    return day > stages.last_ask or said == GONE


def needs_physio(day: int, said: str | None, stages: Stages) -> bool:
    """Not easing by the last day: that is what they said last, then or since. Silence says nothing."""
    return day >= stages.last_ask and said in (SAME, WORSE)
