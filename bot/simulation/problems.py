"""What must never happen in a chat, however long it lasts: looked for in every message that reaches a phone."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.coaching import schedule
from bot.content import Library
from bot.simulation.person import Seen

HOLE = re.compile(r"\{\w+\}|\bNone\b")  # a placeholder that nobody filled
OF_THE_PATIENT = timedelta(minutes=5)  # what follows a message of theirs this closely was asked for
AT_THEIR_HOUR = timedelta(minutes=20)
PROMPT = "prompt"
UNASKED = ("check_in", "reminder", PROMPT)


class Problem(StrEnum):
    EMPTY = "empty replies"
    HOLE = "replies with a hole"
    SILENCE = "messages met with silence"
    REPEATED = "repeated replies"
    QUIET = "messages in quiet hours"
    TOO_MANY = "prompts over the limit"
    ERROR = "errors in the log"


@dataclass
class Found:
    """How often, and the first example: who, when (the patient's clock), what."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, problem: Problem, example: str) -> None:
        self.counts[problem] = self.counts.get(problem, 0) + 1
        self.examples.setdefault(problem, example)

    def merge(self, other: "Found") -> None:
        for problem, count in other.counts.items():
            self.counts[problem] = self.counts.get(problem, 0) + count
            self.examples.setdefault(problem, other.examples[problem])


@dataclass
class Life:
    """What the watch remembers of one chat."""

    who: str
    zone: str
    check_in_at: str
    last: str = ""  # the text before
    spoke_at: datetime | None = None  # the patient
    waits_since: datetime | None = None  # for any answer at all
    said: str = ""


class Watch:
    """`limits`: prompts a day and a week; `first_weeks`: without the weekly limit."""

    def __init__(self, *, quiet_from: str, quiet_until: str, a_day: int, a_week: int, first_weeks: int) -> None:
        self.found = Found()
        self._quiet = (quiet_from, quiet_until)
        self._a_day = a_day
        self._a_week = a_week
        self._first_weeks = first_weeks
        self._lives: dict[int, Life] = {}
        self._prompts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    @classmethod
    def by_protocol(cls, library: Library) -> "Watch":
        return cls(
            quiet_from=str(library.value("check_in.quiet_from")), quiet_until=str(library.value("check_in.quiet_until")),
            a_day=int(library.number("prompts.most_a_day")), a_week=int(library.number("prompts.most_a_week")),
            first_weeks=int(library.number("prompts.weeks_without_weekly_limit")),
        )  # fmt: skip

    def joins(self, chat_id: int, who: str, *, zone: str, check_in_at: str) -> None:
        self._lives[chat_id] = Life(who, zone, check_in_at)

    def patient_did(self, chat_id: int, words: str, now: datetime, *, ticks: bool) -> None:
        """`ticks`: it is answered by a change in the same message, and not by a new one."""
        life = self._lives[chat_id]
        life.spoke_at, life.said = now, words
        life.waits_since = None if ticks else now

    def shown(self, chat_id: int, seen: Seen, now: datetime, *, week: int) -> None:
        life = self._lives[chat_id]
        life.waits_since = None
        text = seen.text.strip()
        if not text or "utter_empty_reply" in seen.responses:
            self._add(Problem.EMPTY, life, now, text)
        if HOLE.search(text):
            self._add(Problem.HOLE, life, now, text)
        if seen.kind == "reply" and text and text == life.last:
            self._add(Problem.REPEATED, life, now, f"{text} (to: {life.said})")
        life.last = text
        if seen.kind in UNASKED and not self._asked_for(life, now) and self._is_quiet(life, seen, now):
            self._add(Problem.QUIET, life, now, text)
        if seen.kind == PROMPT:
            self._count_prompt(chat_id, life, now, week, text)

    def look_round(self, now: datetime) -> None:
        """At the end of a step everybody who wrote has been answered."""
        for life in self._lives.values():
            if life.waits_since is not None:
                life.waits_since = None
                self._add(Problem.SILENCE, life, now, life.said)

    def _asked_for(self, life: Life, now: datetime) -> bool:
        return life.spoke_at is not None and now - life.spoke_at < OF_THE_PATIENT

    def _is_quiet(self, life: Life, seen: Seen, now: datetime) -> bool:
        local = self._local(life, now)
        quiet_from, quiet_until = self._quiet
        clock = f"{local:%H:%M}"
        if quiet_until <= clock < quiet_from:
            return False
        hour, minute = map(int, life.check_in_at.split(":"))
        own = local.replace(hour=hour, minute=minute, second=0)
        return not (seen.kind == "check_in" and timedelta(0) <= local - own <= AT_THEIR_HOUR)

    def _count_prompt(self, chat_id: int, life: Life, now: datetime, week: int, text: str) -> None:
        today = schedule.local_day(now, life.zone)
        days = self._prompts[chat_id]
        days[today.isoformat()] += 1
        last_week = sum(days[(today - schedule.DAY * back).isoformat()] for back in range(7))
        if days[today.isoformat()] > self._a_day or (week > self._first_weeks and last_week > self._a_week):
            self._add(Problem.TOO_MANY, life, now, text)

    def _add(self, problem: Problem, life: Life, now: datetime, text: str) -> None:
        short = " ".join(text.split())[:160]
        self.found.add(problem, f"{life.who}, {self._local(life, now):%a %d %b %H:%M}: {short}")

    def _local(self, life: Life, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(life.zone))


@contextmanager
def errors_noted(found: Found) -> Iterator[None]:
    """Whatever a service logs as an error while patients live with it is a problem too."""
    handler = _Noting(found)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Noting(logging.Handler):
    def __init__(self, found: Found) -> None:
        super().__init__(level=logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        where = getattr(record, "place", "") or getattr(record, "step", "")
        kind = getattr(record, "error", "") or (
            record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        )
        self._found.add(Problem.ERROR, f"{record.name}: {record.getMessage()} {kind} {where}".strip())
