"""Experiments: agreed in a talk about a belief, asked about after a check-in, and quoted back whatever came of them.

As with a check-in the row is the truth: taps and numbers move it here, what Rasa understood comes back through `record`.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import answers, schedule
from bot.coaching.experiments import FORM, Question, Tried, Try, due, follows, question_of_slot, summary
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services.checkin_questions import UNSET
from bot.services.outgoing import Outgoing
from data import experiments
from data.experiments import Experiment, ExperimentState
from data.patients import Patient

logger = logging.getLogger(__name__)


class Experiments:
    """Methods run in the caller's transaction. A check-in that is open goes before any question of these."""

    def __init__(self, library: Library, outgoing: Outgoing) -> None:
        self._library = library
        self._outgoing = outgoing

    def agree(
        self,
        session: Session,
        patient: Patient,
        *,
        what: str,
        expected: int,
        belief: str = "",
        exploration_id: int | None = None,
        now: datetime,
    ) -> list[Words]:
        """Writes it down for tomorrow. Returns the words that say so."""
        row = Experiment(
            patient_id=patient.id, exploration_id=exploration_id, belief=belief, what=what, expected=expected,
            agreed_at=now, try_on=schedule.local_day(now, patient.time_zone) + schedule.DAY,
        )  # fmt: skip
        experiments.add(session, row)
        return [self._say("utter_experiment_agreed", row)]

    def last_time(self, session: Session, patient: Patient, belief: str) -> list[Words]:
        """What came of the last one about this belief: "last time you expected 7 and it was 4"."""
        rows = [row for row in experiments.finished(session, patient.id) if row.belief == belief]
        return [self._say("utter_experiment_last_time", rows[-1])] if rows else []

    # What is being asked

    def open_for(self, session: Session, patient: Patient, now: datetime) -> Experiment | None:
        """The one whose question the patient has before them; None once it is old, or another form is asking."""
        row = experiments.asking(session, patient.id)
        if row is None or row.asked_at is None or (patient.asks and not _in_its_form(patient)):
            return None
        return row if now - row.asked_at < timedelta(hours=self._library.number("experiments.question_open")) else None

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What its buttons are bound to: "experiment.12.actual"."""
        row = self.open_for(session, patient, now)
        return f"experiment.{row.id}.{row.asks}" if row else None

    def question(self, row: Experiment) -> list[Words]:
        return [self._say(_asked(row).response, row)] if row.asks else []

    def let_pass(self, session: Session, patient: Patient, now: datetime) -> None:
        """A question that has grown old is no longer asked, in Rasa's form neither."""
        if _in_its_form(patient) and self.open_for(session, patient, now) is None:
            patient.asks = None

    # After a check-in, and when the patient says that it is done

    def after_check_in(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The question that is due today; one that was asked often enough is asked no more."""
        self.leave(session, patient)
        for row in experiments.running(session, patient.id):
            question = due(row.try_on, row.tried_on, _today(patient, now))
            if question and row.asked >= self._library.number("experiments.most_asks"):
                self._end(row, ExperimentState.DONE if row.tried_on else ExperimentState.LAPSED, now)
            elif question:
                return self._ask(row, question, now)
        return []

    def go_on_after_check_in(self, session: Session, patient: Patient, *, key: str, now: datetime) -> None:
        """As `after_check_in`, in a message of its own."""
        words = self.after_check_in(session, patient, now)
        self._send(session, patient, words, key=key, now=now)

    def tell(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The patient says by themselves that it was done: what is still to be asked. Raises EffectRefused."""
        rows = experiments.running(session, patient.id)
        if not rows:
            raise EffectRefused("utter_refused_no_experiment")
        for row in rows:
            question = due(min(row.try_on, _today(patient, now)), row.tried_on, _today(patient, now))
            if question:
                return self._ask(row, Question.ACTUAL if question == Question.TRIED else question, now)
        return [self._say("utter_experiment_morning_next", rows[0])]

    def leave(self, session: Session, patient: Patient) -> None:
        """Nothing is asked any more until the next check-in."""
        row = experiments.asking(session, patient.id)
        if row:
            row.asks = None

    # The patient's side

    def answer(self, session: Session, patient: Patient, said: str, *, key: str, now: datetime) -> bool:
        """A tap, or a typed answer that can be understood without Rasa; False when it can't."""
        row = self.open_for(session, patient, now)
        if row is None or not said:
            return False
        try:
            value = self._read(row, said)
        except EffectRefused as refusal:
            words = [self._library.say(refusal.response), *self.question(row)]
        else:
            if value is None:
                return False
            closing = self._accept(session, patient, row, value, now)
            words = self.question(row) or [self._say("utter_experiment_noted", row), *closing]
        self._send(session, patient, words, key=key, now=now)
        return True

    def _read(self, row: Experiment, said: str) -> answers.Value | None:
        question = _asked(row)
        spec = self._library.slot_spec(question.slot, FORM)
        for choice in self._library.say(question.response).choices:
            if said.strip().casefold() in (choice.label.casefold(), choice.says.casefold()):
                return answers.SKIPPED if choice.says == "skip" else answers.read(spec, choice.says)
        if spec.get("kind") == "text":
            return answers.SKIPPED if said.strip() == UNSET else None  # a danger may be in the patient's own words
        if spec.get("kind") != "scale":
            return None
        value = answers.read(spec, said)
        if value is None and answers.read({"kind": "number"}, said) is None:
            return None
        if not isinstance(value, int) or not spec["min"] <= value <= spec["max"]:
            raise EffectRefused("utter_experiment_out_of_range")
        return value

    # Rasa's side

    def rasa_form(self, row: Experiment, patient: Patient, now: datetime) -> dict[str, Any]:
        """For Turn.form, as CheckIns.rasa_form: what is asked is empty, and so is what follows it in this talk."""
        asked = _asked(row)
        later = None if _a_night_later(row, patient, now) else answers.SKIPPED
        slots: dict[str, Any] = dict(self._shown(row))
        for question in Question:
            before = list(Question).index(question) < list(Question).index(asked)
            known = Tried.YES.value if question == Question.TRIED else getattr(row, question)
            waits = later if question in (Question.NEXT_MORNING, Question.MADE_OF_IT) else None
            slots[question.slot] = (answers.SKIPPED if known is None else known) if before else waits
        slots[asked.slot] = None
        return {"name": FORM, "slots": slots, "asks": asked.slot}

    def follow(self, session: Session, patient: Patient, asks: str | None) -> None:
        """Rasa asks `asks` now: after "back" an earlier question than the row's."""
        form, _, slot = (asks or "").partition(".")
        row, question = experiments.asking(session, patient.id), question_of_slot(slot)
        if form == FORM and row and question:
            row.asks = question

    def record(self, session: Session, patient: Patient, values: Mapping[str, object], now: datetime) -> list[Words]:
        """Answers that Rasa understood, from the question being asked on. Returns the words that end the talk.

        Raises EffectRefused when nothing is being asked, or a value is outside its limits.
        """
        row = self.open_for(session, patient, now)
        if row is None:
            raise EffectRefused("utter_refused_experiment_closed")
        closing: list[Words] = []
        while row.asks and (given := values.get(row.asks)) not in (None, UNSET, ""):
            closing = self._accept(session, patient, row, self._canonical(_asked(row), str(given)), now)
        return closing

    def _canonical(self, question: Question, given: str) -> answers.Value:
        spec = self._library.slot_spec(question.slot, FORM)
        if given == answers.SKIPPED and spec.get("optional"):
            return given
        value = given[: spec["max_chars"]] if spec["kind"] == "text" else answers.read(spec, given)
        if value is None or (isinstance(value, int) and not spec["min"] <= value <= spec["max"]):
            raise EffectRefused("utter_experiment_out_of_range")
        return value

    # What is told

    def show(self, session: Session, patient: Patient) -> list[Words]:
        """The newest ones that were tried, what all of them came to, and what is still to come."""
        tried = experiments.finished(session, patient.id)
        waiting = [row for row in experiments.running(session, patient.id) if row.tried_on is None]
        if not tried and not waiting:
            raise EffectRefused("utter_refused_no_experiments")
        shown = tried[-int(self._library.number("experiments.shown")) :]
        lines = [self._say(_with_morning("utter_experiment_line", row), row) for row in shown]
        return [*lines, *self._summary(tried), *(self._say("utter_experiment_waits", row) for row in waiting[:1])]

    def _summary(self, tried: list[Experiment]) -> list[Words]:
        found = summary(
            [_try(row) for row in tried],
            least=int(self._library.number("experiments.summary_after")),
            tested_from=int(self._library.number("experiments.tested_from")),
            level=self._library.number("experiments.level"),
        )
        if found is None:
            return []
        shown: dict[str, Any] = {
            "less": found.less, "more": found.more, "all": found.all,
            "mean_expected": f"{found.mean_expected:.1f}".removesuffix(".0"),
            "mean_actual": f"{found.mean_actual:.1f}".removesuffix(".0"),
        }  # fmt: skip
        words = [self._library.say("utter_experiment_summary", **shown)]
        return [*words, self._library.say(f"utter_experiment_leans_{found.leans}", **shown)] if found.leans else words

    def _told(self, session: Session, patient: Patient, row: Experiment) -> list[Words]:
        """What was expected and what came, also when it was worse; once there are several, all of them together."""
        quote = self._say(_with_morning("utter_experiment_quote", row), row)
        verdict = self._say(f"utter_experiment_{_try(row).verdict}", row)
        together = self._summary(experiments.finished(session, patient.id))
        return [quote, verdict, *(together if row.state == ExperimentState.DONE else ())]

    # The row

    def _ask(self, row: Experiment, question: Question, now: datetime) -> list[Words]:
        row.asks, row.asked, row.asked_at = question, row.asked + 1, now
        logger.info("experiment_asked", extra={"experiment": row.id, "asks": row.asks, "times": row.asked})
        return self.question(row)

    def _accept(
        self, session: Session, patient: Patient, row: Experiment, value: answers.Value, now: datetime
    ) -> list[Words]:
        """On to the next question, or the words that end the talk for today."""
        question = _asked(row)
        if question == Question.ACTUAL:
            row.state, row.tried_on, row.asked = ExperimentState.TRIED, row.tried_on or _today(patient, now), 0
        if question != Question.TRIED and value != answers.SKIPPED:
            setattr(row, question, value)
        row.asks = follows(question, value, a_night_later=_a_night_later(row, patient, now))
        row.asked_at = now
        if question == Question.NEXT_MORNING:
            self._end(row, ExperimentState.DONE, now)
        logger.info("experiment_answered", extra={"experiment": row.id, "step": question.value})
        session.flush()
        if row.asks:
            return []
        if question == Question.TRIED:
            return self._not_tried(row, value, now)
        morning = [self._say("utter_experiment_morning_next", row)] if row.state == ExperimentState.TRIED else []
        return [*self._told(session, patient, row), *morning]

    def _not_tried(self, row: Experiment, value: answers.Value, now: datetime) -> list[Words]:
        if value == Tried.NO:
            self._end(row, ExperimentState.NOT_TRIED, now)
            return [self._say("utter_experiment_not_tried", row)]
        if row.asked >= self._library.number("experiments.most_asks"):
            self._end(row, ExperimentState.LAPSED, now)
            return [self._say("utter_experiment_lapsed", row)]
        return [self._say("utter_experiment_not_yet", row)]

    def _end(self, row: Experiment, state: ExperimentState, now: datetime) -> None:
        row.state, row.ended_at = state, now
        logger.info("experiment_ended", extra={"experiment": row.id, "state": state.value})

    # Words

    def _send(self, session: Session, patient: Patient, words: list[Words], *, key: str, now: datetime) -> None:
        asks = self.asks_now(session, patient, now)
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now, asks=asks)

    def _say(self, response: str, row: Experiment) -> Words:
        return self._library.say(response, variation=row.id, **self._shown(row))

    def _shown(self, row: Experiment) -> dict[str, Any]:
        """What any response may show of it, by the names that dialogues/experiments.yml knows."""
        return {
            "experiment_what": row.what,
            "experiment_expected": row.expected,
            "experiment_actual": row.actual,
            "experiment_next_morning": row.next_morning,
        }


def _asked(row: Experiment) -> Question:
    return Question(row.asks or "")


def _today(patient: Patient, now: datetime) -> date:
    return schedule.local_day(now, patient.time_zone)


def _a_night_later(row: Experiment, patient: Patient, now: datetime) -> bool:
    return row.tried_on is not None and _today(patient, now) > row.tried_on


def _in_its_form(patient: Patient) -> bool:
    return (patient.asks or "").startswith(f"{FORM}.")


def _try(row: Experiment) -> Try:
    assert row.actual is not None  # only those that were tried are told
    return Try(row.expected, row.actual, row.next_morning)


def _with_morning(response: str, row: Experiment) -> str:
    return response if row.next_morning is None else f"{response}_morning"
