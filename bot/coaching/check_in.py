"""The questions of a check-in, in order, and what is still missing."""

from collections.abc import Collection
from dataclasses import dataclass
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


def next_step(answered: Collection[str], skipped: Collection[str]) -> Step | None:
    """The first question that was neither answered nor skipped: missing is never zero."""
    return next((step for name, step in STEPS.items() if name not in answered and name not in skipped), None)


def step_of_slot(slot: str) -> Step | None:
    return next((step for step in STEPS.values() if step.slot == slot), None)


class Wish(StrEnum):
    """What a button under a question can say instead of an answer; the intents of the same names say it in words."""

    SKIP_QUESTION = "skip"
    SKIP = "skip_check_in"
    SNOOZE = "snooze_check_in"
