"""Questionnaires: offered when they are due, asked by buttons that work without Rasa, gone on with days later.

The row is the truth, as with a check-in. Every question and every questionnaire can be skipped; what is missing stays
missing. Only the names of activities are in a patient's own words: the model hears them before they are kept.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, sittings
from bot.coaching.instruments import TICKS
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.rasa.turns import Parse
from bot.services.checkins import CheckIns
from bot.services.measure_moves import MeasureMoves
from bot.services.measure_questions import OFFER, MeasureQuestions, asks_of, sitting_of
from bot.services.measure_results import MeasureResults
from bot.services.measure_rounds import MeasureRounds
from bot.services.outgoing import Outgoing
from bot.services.prompts import Prompts
from data import checkins, measures, outbox
from data.database import Database
from data.measures import UNFINISHED, Sitting, SittingState
from data.outbox import Button
from data.patients import Patient

KIND = "measure"
OUR_QUESTIONS = (
    "utter_measure_question", "utter_measure_naming", "utter_measure_ticks", "utter_measures_offer",
    "utter_measures_waiting",
)  # fmt: skip


class Asked(StrEnum):
    """What a question can be answered with."""

    WORDS = "words"
    A_BUTTON = "a_button"  # or what it says


class Measures:
    """Methods that take `session` run in the caller's transaction, with the patient of that session."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        check_ins: CheckIns,
        prompts: Prompts,
    ) -> None:
        self._library = library
        self._outgoing = outgoing
        self._questions = MeasureQuestions(library)
        self._results = MeasureResults(library)
        self._rounds = MeasureRounds(database, clock, library, check_ins, prompts)
        self._moves = MeasureMoves(library, self._rounds, self._results)

    def send_due(self) -> int:
        """The tick: what is due is offered, what is over lapses. Returns how many patients it looked at."""
        return self._rounds.send_due()

    def told_to_physio(self, session: Session, patient: Patient) -> list[str]:
        """A line for each questionnaire that was answered, and one for what is missing."""
        return self._results.told_to_physio(session, patient)

    def ask_extra(self, session: Session, patient: Patient, measure: str, now: datetime) -> bool:
        """One outside the schedule, because things got worse. False when it has no words, or is open anyway."""
        return self._moves.ask_extra(session, patient, self._library.measures[measure], now)

    # What is being asked

    def still_asked(self, session: Session, patient: Patient, asks: str) -> bool:
        """Does a button bound to `asks` still answer something?"""
        found = self._bound(session, patient, asks)
        return found is not None and found[1] in (OFFER, found[0].asks)

    def asked_last(self, session: Session, patient: Patient, now: datetime) -> Sitting | None:
        """The sitting whose question, or offer, was the last thing said to the patient: a typed answer is for it."""
        said = checkins.last_said(session, patient.id, most=1)
        if not said or not any(name.startswith(OUR_QUESTIONS) for name in said[0][1].split(",")):
            return None
        since = now - timedelta(hours=self._library.number("measures.question_open"))
        row = measures.asking(session, patient.id)
        if row:
            return row if row.asked_at and row.asked_at >= since else None
        offered = next(iter(self._moves.taken_up(session, patient)), None)
        return offered if offered and offered.offered_at and offered.offered_at >= since else None

    def again(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The question once more, to stand behind an answer to something else that was said in between."""
        row = self.asked_last(session, patient, now)
        return self._question(row) if row else []

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What the buttons of `again` are bound to."""
        row = self.asked_last(session, patient, now)
        return asks_of(row) if row else None

    # The patient's side

    def answer(
        self, session: Session, patient: Patient, said: str, *, asks: str | None, key: str, now: datetime
    ) -> bool:
        """A tap on one of our buttons, or a typed answer to our question; False when it is neither."""
        found = self._bound(session, patient, asks)
        if asks is None and (row := self.asked_last(session, patient, now)):
            found = row, row.asks or OFFER
        if found is None or not said:
            return False
        row, item = found
        wish = self._questions.said(self._moves.measure_of(row), item, said)
        if item == OFFER:
            return self._offer_answered(session, patient, wish, key=key, now=now)
        match wish:
            case "later":
                self._moves.put_off(session, patient, now)
                self._reply(session, patient, "utter_measures_kept", row, key=key, now=now)
            case "skip_all":
                self._moves.end(row, SittingState.SKIPPED, now)
                skipped = self._library.say("utter_measures_skipped", variation=row.id)
                self._next(session, patient, [skipped], key=key, now=now)
            case "back":
                self._back(session, patient, row, key=key, now=now)
            case "skip":
                self._moves.skip(row, item)
                self._go_on(session, patient, row, key=key, now=now)
            case "done" | "none":
                if self._moves.finish_ticks(row, none=wish == "none"):
                    self._go_on(session, patient, row, key=key, now=now)
                else:
                    self._ask(session, patient, row, "utter_measure_none_ticked", key=key, now=now)
            case _:
                return self._read(session, patient, row, item, wish, key=key, now=now)
        return True

    def _read(
        self, session: Session, patient: Patient, row: Sitting, item: str, said: str, *, key: str, now: datetime
    ) -> bool:
        try:
            value = self._questions.read(self._moves.measure_of(row), item, said)
        except EffectRefused as refusal:
            self._ask(session, patient, row, refusal.response, key=key, now=now, **refusal.values)
            return True
        if value is None:
            return False
        if item == TICKS:
            self._moves.tick(row, value, now, toggle=False)
            self._ask(session, patient, row, "utter_measure_ticked", key=key, now=now, count=len(row.answers))
        else:
            self._moves.take(row, item, value)
            self._go_on(session, patient, row, key=key, now=now)
        return True

    def _offer_answered(self, session: Session, patient: Patient, wish: str, *, key: str, now: datetime) -> bool:
        batch = self._moves.take_up(session, patient, now)
        match wish:
            case "start":
                self._next(session, patient, [], key=key, now=now)
            case "later":
                self._moves.put_off(session, patient, now)
                self._reply(session, patient, "utter_measures_put_off", batch[0], key=key, now=now)
            case "skip_all":
                for row in batch:
                    self._moves.end(row, SittingState.SKIPPED, now)
                self._moves.look_tomorrow(session, patient, now)
                self._reply(session, patient, "utter_measures_skipped", batch[0], key=key, now=now)
            case _:
                return False
        return True

    def tick(
        self, session: Session, patient: Patient, button: Button, message_id: int | None, *, key: str, now: datetime
    ) -> None:
        """Ticks a statement, or takes the tick back, and shows it in the same message."""
        found = self._bound(session, patient, button.asks)
        if found is None or found[0].asks != TICKS:
            return
        self._moves.tick(found[0], [str(button.effect.get("tick"))], now, toggle=True)
        session.flush()
        original = outbox.by_key(session, button.outbox_key)
        if original and message_id is not None:
            self._outgoing.edit(session, original, message_id, self._question(found[0])[0], key=key, now=now)

    def shown(self, session: Session, patient: Patient, asks: str | None) -> str | None:
        """The text of a list as it is ticked now, for when its buttons are taken away; None for any other message."""
        found = self._bound(session, patient, asks)
        is_list = found is not None and found[1] == TICKS and found[0].asks == TICKS
        return self._question(found[0])[0].text if found and is_list else None

    # What needs the model: it listens, and no dialogue moves, unless the patient means something else

    def asking(self, session: Session, patient: Patient, now: datetime) -> Asked | None:
        """What the question before the patient asks for; None when it isn't one of ours."""
        row = self.asked_last(session, patient, now)
        if row is None or row.asks is None:
            return None
        item = self._moves.measure_of(row).items.get(row.asks)
        return Asked.WORDS if item and item.kind == "words" else Asked.A_BUTTON

    def gives_way(self, asked: Asked, parse: Parse | None) -> bool:
        """A name for an activity may be anything but stop, a person, a flare-up; elsewhere it is other business."""
        if parse is None:
            return False
        if asked == Asked.A_BUTTON:
            return parse.intent.name not in self._library.value("measures.not_understood")
        listed = parse.intent.name in self._library.value("measures.gives_way_to")
        return listed and parse.intent.confidence >= self._library.number("measures.gives_way_from")

    def heard(self, session: Session, patient: Patient, asked: Asked, text: str, *, key: str, now: datetime) -> None:
        """Words that the rules and, when it was there, the model have read: kept as a name, or no answer."""
        row = self.asked_last(session, patient, now)
        if row is None or row.asks is None:
            over = [self._library.say("utter_measure_over")]
            self._outgoing.to_patient(session, patient, over, key=key, kind="reply", now=now)
        elif asked == Asked.A_BUTTON:
            self._ask(session, patient, row, "utter_measure_unreadable", key=key, now=now)
        elif len(text) > self._library.number("measures.longest_words"):
            self._ask(session, patient, row, "utter_measure_words_too_long", key=key, now=now)
        else:
            self._moves.take(row, row.asks, " ".join(text.split()))
            self._go_on(session, patient, row, key=key, now=now)

    # "My questionnaires"

    def is_asked_for(self, text: str, intent: str | None) -> bool:
        return intent == "my_questionnaires" or answers.is_one_of(self._library.value("measures.says.show"), text)

    def show(self, session: Session, patient: Patient, *, key: str, now: datetime) -> None:
        """What was answered, and what is open with a button to begin."""
        self._rounds.lapse(session, patient, now)
        batch = self._moves.take_up(session, patient, now)
        words = self._results.answered(session, patient)
        if batch:
            called = ", ".join(self._moves.measure_of(each).called for each in batch)
            minutes = self._rounds.minutes(batch)
            words.append(self._library.say("utter_measures_waiting", list=called, minutes=minutes))
        else:
            words.append(self._library.say("utter_measures_none_open" if words else "utter_measures_none_yet"))
        asks = asks_of(batch[0], OFFER) if batch else None
        self._outgoing.to_patient(session, patient, words, key=key, kind=KIND, now=now, asks=asks)

    # From one question to the next

    def _go_on(self, session: Session, patient: Patient, row: Sitting, *, key: str, now: datetime) -> None:
        """The next question of this one; at its end what it came to, and the next one."""
        self._moves.go_on(row)
        if row.asks:
            self._ask(session, patient, row, key=key, now=now)
        else:
            self._next(session, patient, self._finish(session, patient, row, now), key=key, now=now)

    def _next(self, session: Session, patient: Patient, before: list[Words], *, key: str, now: datetime) -> None:
        """Begins, or goes on with, the first of today's; when there is none, that was all."""
        while left := self._moves.taken_up(session, patient):
            row = left[0]
            self._moves.open(session, patient, row, now)
            if row.asks:
                called = self._moves.measure_of(row).called
                heading = [self._library.say("utter_measure_next", called=called)] if before else []
                self._say(session, patient, row, [*before, *heading, *self._question(row)], key=key, now=now)
                return
            before = [*before, *self._finish(session, patient, row, now)]
        self._moves.look_tomorrow(session, patient, now)
        words = [*before, self._library.say("utter_measures_all_done", variation=now.toordinal())]
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now)

    def _finish(self, session: Session, patient: Patient, row: Sitting, now: datetime) -> list[Words]:
        self._moves.finish(session, patient, row, now)
        if row.state == SittingState.SKIPPED:
            return [self._library.say("utter_measures_skipped", variation=row.id)]
        return self._results.told(session, self._moves.measure_of(row), row)

    def _back(self, session: Session, patient: Patient, row: Sitting, *, key: str, now: datetime) -> None:
        """The question before; an answer that is there stands until there is another."""
        measure, asked = self._moves.measure_of(row), row.asks or ""
        earlier = None if asked == TICKS else sittings.item_before(measure, asked, row.answers)
        row.asks = earlier or asked
        self._ask(session, patient, row, None if earlier else "utter_measure_no_back", key=key, now=now)

    # Small parts

    def _bound(self, session: Session, patient: Patient, asks: str | None) -> tuple[Sitting, str] | None:
        """The unfinished sitting, of this patient, that a button is bound to, and its item."""
        found = sitting_of(asks)
        row = measures.by_id(session, found[0]) if found else None
        if found is None or row is None or row.patient_id != patient.id or row.state not in UNFINISHED:
            return None
        return row, found[1]

    def _question(self, row: Sitting) -> list[Words]:
        return self._questions.question(self._moves.measure_of(row), row)

    def _ask(
        self,
        session: Session,
        patient: Patient,
        row: Sitting,
        before: str | None = None,
        *,
        key: str,
        now: datetime,
        **values: Any,
    ) -> None:
        words = [self._library.say(before, **values)] if before else []
        self._say(session, patient, row, [*words, *self._question(row)], key=key, now=now)

    def _say(
        self, session: Session, patient: Patient, row: Sitting, words: list[Words], *, key: str, now: datetime
    ) -> None:
        row.asked_at = now
        plain = [replace(each, choices=()) for each in words[:-1]]  # only the question's buttons
        self._outgoing.to_patient(session, patient, [*plain, words[-1]], key=key, kind=KIND, now=now, asks=asks_of(row))

    def _reply(
        self, session: Session, patient: Patient, response: str, row: Sitting, *, key: str, now: datetime
    ) -> None:
        words = [self._library.say(response, variation=row.id)]
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now)
