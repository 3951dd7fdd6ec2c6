"""Graded activity: from a few tries to a first amount, and from week to week. Source: clinical.md §8.3, §8.4.

Time-contingent: the amount of a day never depends on that day's pain. What changes it is a week's review, and the
patient decides: these rules suggest, and say how far a step may go. Minutes are of one session.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import mean, median

DAY = timedelta(days=1)
SHORTEST = 1  # minutes: there is no smaller session


@dataclass(frozen=True)
class Numbers:
    """dialogues/protocol/programme.yml, name for name: what each means stands there."""

    fewest_tries: int
    most_tries: int
    tries_vary: float
    first_share: float
    step: float
    least_step: int
    progress_from: float
    hold_from: float
    low_weeks: int
    holds: int
    steps_down: int
    steps_down_after_pain: int
    pain_rise: float
    pain_rise_days: int
    usual_pain_ratings: int
    most_minutes_a_week: int


class Choice(StrEnum):
    SAME = "same"
    UP = "up"
    DOWN = "down"
    CHANGE = "change"  # another activity
    PAUSE = "pause"


class Reason(StrEnum):
    """What got in the way, in the patient's words of a button."""

    PAIN = "pain"
    TIME = "time"
    MOOD = "mood"
    FORGOT = "forgot"
    ILLNESS = "illness"
    UNSURE = "unsure"
    UNABLE = "unable"


class Hindrance(StrEnum):
    """Why the amount may not go up now, whatever the week was like."""

    PHYSIO_FIRST = "physio_first"  # an alert is open: it holds progression and nothing else
    REVIEW_FIRST = "review_first"  # the activity questions at joining: a physio looks first
    LOW_FUNCTION = "low_function"  # or a body's limit, within the last two weeks
    NO_FIXED_STEPS = "no_fixed_steps"  # ME/CFS: NICE NG206
    CEILING = "ceiling"


@dataclass(frozen=True)
class Week:
    """A week that was looked back on. `done` None: not told, and never zero."""

    planned: int | None
    done: int | None
    reason: str = ""
    pain_rise: bool = False
    choice: str = ""

    @property
    def share(self) -> float | None:
        return self.done / self.planned if self.planned and self.done is not None else None


@dataclass(frozen=True)
class Suggestion:
    """`why` names the rule: protocol/programme.yml and the texts utter_review_suggest_<why> go by it."""

    choice: Choice
    why: str


# From tries to the first amount


def baseline(tries: Sequence[int], numbers: Numbers) -> float | None:
    """Minutes: the mean of the first few tries, or the smallest when they vary a lot; None while there are too few."""
    counted = [minutes for minutes in tries if minutes > 0][: numbers.most_tries]
    if len(counted) < numbers.fewest_tries:
        return None
    return float(min(counted)) if max(counted) > numbers.tries_vary * min(counted) else mean(counted)


def first_quota(minutes: float, share: float) -> int:
    """A little below the baseline, so that it works on a sore day too; at least a minute."""
    return max(SHORTEST, math.floor(round(minutes * share, 6)))


# Steps


def step_up(minutes: int, numbers: Numbers) -> int:
    return minutes + max(numbers.least_step, math.floor(round(minutes * numbers.step, 6)))


def step_down(minutes: int, steps: int, numbers: Numbers) -> int:
    """The amount from which so many steps lead up again; at least a minute."""
    for _ in range(steps):
        minutes = min(minutes - numbers.least_step, math.ceil(round(minutes / (1 + numbers.step), 6)))
    return max(SHORTEST, minutes)


def ceiling(sessions: int, numbers: Numbers, *, most_minutes: int) -> int:
    """The longest session that steps lead to: a week's activity shared out, and never over `most_minutes`."""
    return min(most_minutes, numbers.most_minutes_a_week // max(1, sessions))


def after(choice: Choice, minutes: int, numbers: Numbers, *, most: int, pain_rise: bool = False) -> int:
    """The amount of the next week. Up is one step and never beyond `most`; it takes nothing away either."""
    match choice:
        case Choice.UP:
            return max(minutes, min(step_up(minutes, numbers), most))
        case Choice.DOWN:
            return step_down(minutes, numbers.steps_down_after_pain if pain_rise else numbers.steps_down, numbers)
    return minutes


# What the rule would do


def suggest(
    weeks: Sequence[Week], numbers: Numbers, *, hindrance: Hindrance | None = None, shortest: bool = False
) -> Suggestion:
    """For the week after the last of `weeks` (oldest first, never empty). `shortest`: there is no smaller amount."""
    suggestion = _suggest(weeks, numbers, hindrance)
    return Suggestion(Choice.SAME, "least") if shortest and suggestion.choice is Choice.DOWN else suggestion


def _suggest(weeks: Sequence[Week], numbers: Numbers, hindrance: Hindrance | None) -> Suggestion:
    week, share = weeks[-1], weeks[-1].share
    if week.reason == Reason.ILLNESS:
        return Suggestion(Choice.SAME, "illness")
    if week.reason == Reason.UNABLE:
        return Suggestion(Choice.CHANGE, "unable")
    if week.pain_rise:
        return Suggestion(Choice.DOWN, "pain_rise")
    if share is None:
        return Suggestion(Choice.SAME, "unknown")
    if share >= numbers.progress_from:
        return Suggestion(Choice.SAME, hindrance) if hindrance else Suggestion(Choice.UP, "progress")
    if week.reason == Reason.PAIN:
        return Suggestion(Choice.DOWN, "pain")
    if share >= numbers.hold_from:
        held = _in_a_row(weeks, lambda each: numbers.hold_from <= each < numbers.progress_from)
        return Suggestion(Choice.CHANGE, "two_holds") if held >= numbers.holds else Suggestion(Choice.SAME, "hold")
    low = _in_a_row(weeks, lambda each: each < numbers.hold_from)
    if low >= numbers.low_weeks:
        return Suggestion(Choice.DOWN, "low_twice")
    return Suggestion(Choice.DOWN, "time") if week.reason == Reason.TIME else Suggestion(Choice.SAME, "low_once")


def _in_a_row(weeks: Sequence[Week], holds: Callable[[float], bool]) -> int:
    """How many of the last weeks; an illness is passed over, a new activity or a smaller step begins anew."""
    count = 0
    for place, week in enumerate(reversed(weeks)):
        if place and week.choice in (Choice.CHANGE, Choice.DOWN, Choice.PAUSE):
            break
        if week.reason == Reason.ILLNESS:
            continue
        if week.share is None or not holds(week.share):
            break
        count += 1
    return count


# A rise of pain that lasts


def lasting_pain_rise(pain: Mapping[date, int], first: date, last: date, numbers: Numbers, *, usual_days: int) -> bool:
    """Between `first` and `last`, days in a row with more than the allowed rise over usual pain (0–10).

    Usual is the median of the days before; with too few ratings of them nothing is said. A day without a rating
    breaks the row: missing is neither high nor low.
    """
    before = [score for on, score in pain.items() if first - usual_days * DAY <= on < first]
    if len(before) < numbers.usual_pain_ratings:
        return False
    usual, in_a_row, on = median(before), 0, first
    while on <= last:
        in_a_row = in_a_row + 1 if on in pain and pain[on] - usual > numbers.pain_rise else 0
        if in_a_row >= numbers.pain_rise_days:
            return True
        on += DAY
    return False
