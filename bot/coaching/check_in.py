"""The questions of a check-in, in order, and what is still missing: three taps a day, in one check-in or in a pair."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

FORM = "check_in_form"


@dataclass(frozen=True)
class Step:
    """`name` is the column and the key in an effect, `slot` the slot of the form in dialogues/check_in.yml."""

    name: str
    slot: str

    @property
    def question(self) -> str:
        return f"utter_ask_{self.slot}"


STEPS = {
    step.name: step
    for step in (
        Step("pain", "pain_now"),  # first, at the hour the patient chose, before anything is shown: clinical.md §9.3
        Step("minutes", "minutes_done"),
        Step("confidence", "confidence"),
        Step("noticed", "noticed"),
    )
}


def steps_of(kind: str, on: date, *, noticing_on: int) -> tuple[Step, ...]:
    """The questions of that day's check-in: with a pair pain in the morning, the others in the evening.

    One day a week (`noticing_on`: 0 is Monday) the patient is asked what they noticed, and not how sure they are.
    """
    last = "noticed" if on.weekday() == noticing_on else "confidence"
    names = {"morning": ("pain",), "evening": ("minutes", last)}.get(kind, ("pain", "minutes", last))
    return tuple(STEPS[name] for name in names)


def next_step(steps: Collection[Step], answered: Collection[str], skipped: Collection[str]) -> Step | None:
    """The first question that was neither answered nor skipped: missing is never zero."""
    return next((step for step in steps if step.name not in answered and step.name not in skipped), None)


def in_time(asked_for: datetime, answered: datetime, *, within: timedelta) -> bool:
    """Pain of that morning, before the day's activity: an answer hours later is another hour's pain."""
    return abs(answered - asked_for) <= within


def step_of_slot(slot: str) -> Step | None:
    return next((step for step in STEPS.values() if step.slot == slot), None)


class Wish(StrEnum):
    """What a button under a question can say instead of an answer; the intents of the same names say it in words."""

    SKIP_QUESTION = "skip"
    SKIP = "skip_check_in"
    SNOOZE = "snooze_check_in"
    ILL = "ill today"  # the day doesn't count when days are compared
