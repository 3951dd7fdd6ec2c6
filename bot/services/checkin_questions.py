"""The words of a check-in, and what can be read from an answer without Rasa."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import answers, schedule
from bot.coaching.check_in import FORM, STEPS, Step, Wish, in_time
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services.checkin_moves import log
from bot.services.outgoing import Outgoing
from data.checkins import LATE, CheckIn, CheckInKind, CheckInState
from data.outbox import Priority
from data.patients import Patient

UNSET = "None"  # what Rasa puts in the place of an empty slot: as a patient's word it would come back as no answer


class Questions:
    def __init__(self, library: Library, outgoing: Outgoing) -> None:
        self._library = library
        self._outgoing = outgoing

    # What is said

    def asks_of(self, row: CheckIn) -> str | None:
        """What the buttons are bound to: "check_in.12.pain"."""
        return f"check_in.{row.id}.{row.asks}" if row.asks else None

    def question(self, row: CheckIn) -> list[Words]:
        """The question being asked; of several wordings another one each day."""
        if row.asks is None:
            return []
        return [self._library.say(STEPS[row.asks].question, variation=row.on.toordinal())]

    def reminder(self, row: CheckIn) -> list[Words]:
        return [self._library.say("utter_check_in_reminder"), *self.question(row)]

    def what_follows(self, row: CheckIn) -> list[Words]:
        """The next question; when there is none, the last word, with the minutes when there are any to thank for."""
        if row.asks:
            return self.question(row)
        if row.state == CheckInState.SKIPPED:
            return [self._library.say("utter_check_in_skipped")]
        if row.kind == CheckInKind.MORNING:
            return [self._library.say("utter_morning_done", variation=row.on.toordinal())]
        done = "utter_check_in_done"
        if row.minutes and self._library.has(f"{done}_minutes"):
            return [self._library.say(f"{done}_minutes", variation=row.on.toordinal(), minutes_done=row.minutes)]
        return [self._library.say(done, variation=row.on.toordinal())]

    def say(
        self,
        session: Session,
        patient: Patient,
        row: CheckIn,
        words: list[Words],
        *,
        key: str,
        now: datetime,
        kind: str = "check_in",
        priority: Priority = Priority.REPLY,
    ) -> None:
        self._outgoing.to_patient(
            session,
            patient,
            words,
            key=key,
            kind=kind,
            now=now,
            priority=priority,
            asks=self.asks_of(row),
            check_in_id=row.id,
        )

    # What is understood

    def tapped(self, row: CheckIn, text: str) -> str:
        """What the text stands for when it is a button of this question, tapped or typed; else the text."""
        said = text.strip()
        for words in self.question(row):
            for choice in words.choices:
                if said.casefold() in (choice.label.casefold(), choice.says.casefold()):
                    return choice.says.removeprefix("/")
        return str(Wish.SKIP_QUESTION) if said == UNSET and self._is_open(row) else said

    def read(self, row: CheckIn, text: str) -> answers.Value | None:
        """The answer to the question being asked; None when it takes Rasa to understand it.

        Raises EffectRefused when it is a number that this question can't take: "11", "-1", "6.5".
        """
        step = STEPS[row.asks or ""]
        spec = self._spec(step)
        if self._is_open(row):
            return None  # a belief or a danger may be in the patient's own words
        value = answers.read(spec, text)
        if value is None and answers.read({"kind": "number"}, text) is None:
            return None
        if value is None or not self._fits(step, value):
            raise EffectRefused("utter_check_in_out_of_range", **self._bounds(step))
        return value

    def refused(self, row: CheckIn, refusal: EffectRefused) -> list[Words]:
        """Why, and the same question again."""
        limits: dict[str, Any] = refusal.values
        return [self._library.say(refusal.response, **limits), *self.question(row)]

    def canonical(self, step: Step, value: object) -> answers.Value:
        """A value that Rasa has read, held to the same limits. Raises EffectRefused."""
        spec, bounds = self._spec(step), self._bounds(step)
        if spec.get("kind") == "text":
            return str(value)[: bounds.get("max_chars")]
        read = answers.read(spec, str(value))
        if read is None or not self._fits(step, read):
            raise EffectRefused("utter_refused_check_in_answer", **bounds)
        return read

    def accept(
        self, row: CheckIn, step: Step, value: answers.Value, patient: Patient, now: datetime, **detail: object
    ) -> None:
        setattr(row, step.name, value)
        if step.name == "pain":
            row.pain_at = now
            if row.kind == CheckInKind.MORNING and patient.morning_at:
                asked_for = schedule.instant_on(row.on, patient.time_zone, patient.morning_at)
                within = timedelta(minutes=self._library.number("check_in.morning_counts_within"))
                row.flag = "" if in_time(asked_for, now, within=within) else LATE
        log("check_in_answered", row, step=step.name, **detail)

    def _is_open(self, row: CheckIn) -> bool:
        """The question wants the patient's own words."""
        return self._spec(STEPS[row.asks or ""]).get("kind") == "text"

    def _spec(self, step: Step) -> dict[str, Any]:
        return self._library.slot_spec(step.slot, FORM)

    def _fits(self, step: Step, value: answers.Value) -> bool:
        bounds = self._bounds(step)
        return isinstance(value, int) and bounds.get("min", value) <= value <= bounds.get("max", value)

    def _bounds(self, step: Step) -> dict[str, int]:
        """The limits that the slot declares; `max: {protocol: goal.most_minutes_a_day}` is looked up."""
        spec = self._spec(step)
        limits = {name: spec[name] for name in ("min", "max", "max_chars") if name in spec}
        return {
            name: int(self._library.number(limit["protocol"]) if isinstance(limit, Mapping) else limit)
            for name, limit in limits.items()
        }
