"""What is known of a patient when the at-risk rules are held against it, and what a rule that holds says.

Days are the patient's local days. What is missing is not known: it never counts as no pain, no activity or no answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.coaching.alerts import LEVELS
from bot.coaching.boom_bust import Diary

Numbers = Mapping[str, Any]  # of one way in which a rule fires, as declared


@dataclass(frozen=True)
class Asked:
    """A scheduled check-in that is over: sent, and answered in any part or not."""

    on: date
    at: datetime
    answered: bool


@dataclass(frozen=True)
class Said:
    """A belief in the patient's words, as it stands today."""

    belief: str
    on: date


@dataclass(frozen=True)
class Talked:
    """A talk about a belief that came to its end; `strength`: how true it still felt, 0–10, None when skipped."""

    belief: str
    on: date
    strength: int | None = None


@dataclass(frozen=True)
class Scored:
    """A questionnaire that has a score; its other scores by name."""

    on: date
    value: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Week:
    """A week that was looked back on; `done` None when the patient didn't say."""

    week: int
    on: date
    planned: int | None
    done: int | None


@dataclass(frozen=True)
class CannotDo:
    """An activity that the patient's body can't do, as they said."""

    activity: str
    on: date


@dataclass(frozen=True)
class Answered:
    """The answer to one of the weekly questions, and to the question that followed from it."""

    on: date
    answer: str
    detail: str | None = None


@dataclass(frozen=True)
class Found:
    """A rule that has fired or holds, with the day of the newest figure in it."""

    rule: str
    newest: date


@dataclass(frozen=True)
class Evidence:
    """What is known of one patient. Days are the patient's local days; only what the rules ask for is filled in."""

    now: datetime
    today: date
    pain: Mapping[date, int] = field(default_factory=dict)
    diary: Diary = field(default_factory=lambda: Diary({}, {}, {}))
    denied: Collection[date] = ()  # days on which they said that big and quiet days don't ring true
    settled_on: date | None = None  # a physio last closed an alert about the pain: the level it had then is known
    check_ins: Sequence[Asked] = ()  # oldest first
    heard_at: datetime | None = None  # their last word or tap, or when they joined
    heard_on: date | None = None  # the same, as their local day
    flag_level: str = ""  # of an alert that their last words raised and nobody has acknowledged
    said: Sequence[Said] = ()
    talked: Sequence[Talked] = ()
    scores: Mapping[str, Sequence[Scored]] = field(default_factory=dict)  # by measure, oldest first
    weeks: Sequence[Week] = ()  # oldest first
    dropped: Sequence[date] = ()  # goals
    cannot: Sequence[CannotDo] = ()
    something_fits: bool = True  # an activity that they can do is left
    answers: Mapping[str, Sequence[Answered]] = field(default_factory=dict)  # by question, oldest first
    agony_on: Collection[date] = ()  # days on which their words speak of the worst pain
    taps: Sequence[tuple[datetime, str]] = ()  # of a check-in, oldest first
    found: Sequence[Found] = ()  # other rules, for those that count rules


@dataclass(frozen=True)
class Fired:
    """`values` fill the words of why; `newest`: the day of the newest figure in it, so that old news fires nothing."""

    level: str
    values: Mapping[str, Any]
    newest: date
    cause: str = ""  # names what it is about, so that the same thing is said once


def most_urgent(levels: Collection[str]) -> str:
    """The most urgent of them; "" is none."""
    told = [level for level in levels if level in LEVELS]
    return min(told) if told else ""


def short(number: float) -> str:
    """5 and 4.3, not 5.0 and 4.28."""
    return f"{number:.1f}".removesuffix(".0")
