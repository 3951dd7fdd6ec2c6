"""Check-ins: asked at the patient's own hour, one question at a time, answered with or without Rasa.

The row is the truth. Taps, numbers and skips move it here; what Rasa understood comes back through `record`.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, schedule
from bot.coaching.check_in import FORM, STEPS, Wish, step_of_slot
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services import checkin_moves as moves
from bot.services.checkin_moves import OPEN, Moves
from bot.services.checkin_questions import UNSET, Questions
from bot.services.checkin_rounds import Rounds
from bot.services.outgoing import Outgoing
from data import checkins
from data.checkins import ILLNESS, CheckIn, CheckInKind, CheckInState
from data.database import Database
from data.patients import Patient, PatientState


class CheckIns:
    """Methods that take `session` run in the caller's transaction, with the patient of that session."""

    def __init__(self, database: Database, clock: Clock, library: Library, outgoing: Outgoing) -> None:
        self._library = library
        self._moves = Moves(library)
        self._questions = Questions(library, outgoing)
        self._rounds = Rounds(database, clock, self._moves, self._questions)

    def plan_next(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        """To be called whenever the patient's hour, zone or state has changed. None when no check-in is to come."""
        return self._rounds.plan_next(session, patient, now)

    def choose_pair(
        self, session: Session, patient: Patient, morning: time | None, evening: time | None, now: datetime
    ) -> None:
        """Pain in the morning and activity in the evening; without a morning one check-in a day.

        Raises EffectRefused when too little of a day lies between the two.
        """
        evening = evening or patient.check_in_at
        hours = self._library.number("check_in.pair_apart")
        if morning and (evening is None or _hours_between(morning, evening) < hours):
            raise EffectRefused("utter_refused_mornings_too_close", hours=int(hours))
        patient.morning_at, patient.check_in_at = morning, evening
        self.plan_next(session, patient, now)

    def send_due(self) -> int:
        """The tick: asks, reminds and lets lapse what is due. Returns how many rows it looked at."""
        return self._rounds.send_due()

    def is_quiet(self, patient: Patient, now: datetime) -> bool:
        """The hours in which nothing is sent that the patient has not asked for."""
        return schedule.is_quiet(now, patient.time_zone, self._moves.limits)

    # What is being asked

    def open_for(self, session: Session, patient: Patient) -> CheckIn | None:
        """The check-in whose question the patient has before them; None while a later form is asking."""
        row = self._sent(session, patient)
        return None if row and self._asked_elsewhere_since(session, patient) else row

    def asks_of(self, check_in: CheckIn) -> str | None:
        """What its buttons are bound to: "check_in.12.pain"."""
        return self._questions.asks_of(check_in)

    def question(self, check_in: CheckIn) -> list[Words]:
        """The words of the question being asked."""
        return self._questions.question(check_in)

    def for_tap(self, session: Session, patient: Patient, asks: str) -> CheckIn | None:
        """The check-in that a button bound to `asks` still answers; None when it is stale, or another patient's."""
        row = self._bound(session, patient, asks)
        return row if row and self.asks_of(row) == asks else None

    def why_stale(self, session: Session, patient: Patient, asks: str) -> str:
        """The response to a tap that answers nothing any more."""
        row = self._bound(session, patient, asks)
        over = row is not None and row.state in (CheckInState.LAPSED, CheckInState.MISSED, CheckInState.SKIPPED)
        return "utter_check_in_lapsed" if over else "utter_question_passed"

    def closing(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The last words of the check-in that has just ended; [] when none has."""
        row = next(iter(checkins.of_day(session, patient.id, moves.local_day(patient, now))), None)
        return self._questions.what_follows(row) if row and row.ended_at == now else []

    # Rasa's side

    def rasa_form(self, check_in: CheckIn) -> dict[str, Any]:
        """For Turn.form: every slot as the row has it, so that Rasa never goes on from an older answer."""
        slots = {step.slot: self._moves.slot_value(check_in, step) for step in STEPS.values()}
        step = STEPS.get(check_in.asks or "")
        return {"name": FORM if step else None, "slots": slots, "asks": step.slot if step else None}

    def follow(self, session: Session, patient: Patient, asks: str | None, now: datetime) -> None:
        """Rasa asks `asks` now ("check_in_form.pain_now"): after "back" that is an earlier question than the row's.

        To be called with TurnResult.asks after the turn's effects, or its buttons would stand under another question.
        """
        form, _, slot = (asks or "").partition(".")
        row, step = self._sent(session, patient), step_of_slot(slot)
        if form != FORM or row is None or step is None or row.asks == step.name:
            return
        for earlier in self._moves.steps(row):
            if earlier == step:
                break
            if earlier.name not in (*moves.answered(row), *moves.skipped(row)):
                moves.skip_question(row, earlier)  # passed over: missing, and never zero
        moves.ask_again(row, step)

    def record(self, session: Session, patient: Patient, values: Mapping[str, object], now: datetime) -> bool:
        """Answers that Rasa understood: fills what is empty or being asked, and says nothing. "None" is not answered.

        True when that was the last answer. Raises EffectRefused when no check-in of today is open, or a value is
        outside its limits.
        """
        given = {name: value for name, value in values.items() if value not in (None, UNSET, "")}
        row = self._to_record(session, patient, now)
        if row is None:
            raise EffectRefused("utter_refused_check_in_closed")
        asked = self._moves.steps(row)
        for step in STEPS.values():
            taken = step.name in (*moves.answered(row), *moves.skipped(row)) and step.name != row.asks
            if taken or step.name not in given:
                continue
            if given[step.name] == answers.SKIPPED:
                if step not in asked:  # left out by the plan of the day, not by the patient
                    continue
                moves.skip_question(row, step)
            else:
                self._questions.accept(row, step, self._questions.canonical(step, given[step.name]), patient, now)
        if not given or row.state == CheckInState.ANSWERED:
            return False
        self._moves.advance(session, patient, row, now)
        return row.asks is None and bool(moves.answered(row))

    # The patient's side

    def answer(
        self,
        session: Session,
        patient: Patient,
        check_in: CheckIn,
        text: str,
        *,
        key: str,
        now: datetime,
        message_id: int | None = None,
    ) -> bool:
        """A tap or a typed answer that can be understood without Rasa; False when it can't.

        `text` is what the button says ("6", "skip", "/snooze_check_in") or what was typed; `key`: of the reply.
        """
        row = checkins.by_id(session, check_in.id)
        if row is None or row.patient_id != patient.id or row.state != CheckInState.SENT or row.asks is None:
            return False
        said_first: list[Words] = []
        match self._questions.tapped(row, text):
            case Wish.SNOOZE:
                self.snooze(session, patient, None, now, key=key)
                return True
            case Wish.SKIP:
                self.skip(session, patient, now, key=key)
                return True
            case Wish.SKIP_QUESTION:
                moves.skip_question(row, STEPS[row.asks])
            case Wish.ILL:
                row.flag = ILLNESS
                said_first = [self._library.say("utter_ill_noted")]
                moves.skip_question(row, STEPS[row.asks])
            case said:
                try:
                    value = self._questions.read(row, said)
                except EffectRefused as refusal:
                    words = self._questions.refused(row, refusal)
                    self._questions.say(session, patient, row, words, key=key, now=now)
                    return True
                if value is None:
                    return False
                self._questions.accept(row, STEPS[row.asks], value, patient, now, message_row=message_id)
        self._moves.advance(session, patient, row, now)
        words = [*said_first, *self._questions.what_follows(row)]
        self._questions.say(session, patient, row, words, key=key, now=now)
        return True

    def start_now(self, session: Session, patient: Patient, now: datetime) -> CheckIn:
        """Opens today's check-in because the patient asks for it; `question` has the words.

        Raises EffectRefused, with what was recorded as its values, when today's is complete.
        """
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        today, kind = moves.local_day(patient, now), moves.kind_now(patient, now)
        if (row := self._sent(session, patient)) and (row.kind, kind) != (CheckInKind.MORNING, CheckInKind.EVENING):
            return row
        row = checkins.on_day(session, patient.id, today, kind)
        if kind == CheckInKind.MORNING and row and row.state == CheckInState.ANSWERED:
            kind = CheckInKind.EVENING
            row = checkins.on_day(session, patient.id, today, kind)
        if row is None:
            fresh = CheckIn(patient_id=patient.id, kind=kind, on=today, due_at=now, state=CheckInState.SENT)
            checkins.add(session, fresh)
            row = checkins.on_day(session, patient.id, today, kind)
        assert row is not None  # ours, or the one that kept ours out
        if row.state == CheckInState.ANSWERED:
            raise EffectRefused("utter_refused_check_in_done", **{name: getattr(row, name) for name in STEPS})
        self._moves.begin(session, patient, row, now)
        self.plan_next(session, patient, now)
        return row

    def skip(self, session: Session, patient: Patient, now: datetime, *, key: str | None = None) -> None:
        """No check-in today. With `key` the coach says so itself; without, the turn that asked for it does."""
        row = self._open(session, patient) or self._planned_today(session, patient, now)
        if row is None:
            raise EffectRefused("utter_refused_no_check_in")
        self._moves.end(session, patient, row, CheckInState.SKIPPED, "by_patient", now)
        if evening := self._planned_today(session, patient, now):  # "not today" is for both of a pair
            self._moves.end(session, patient, evening, CheckInState.SKIPPED, "by_patient", now)
        self.plan_next(session, patient, now)
        if key:
            self._questions.say(session, patient, row, self._questions.what_follows(row), key=key, now=now)

    def snooze(
        self, session: Session, patient: Patient, minutes: int | None, now: datetime, *, key: str | None = None
    ) -> None:
        """Asked again later, the same row. `minutes` None: the protocol's. `key` as in `skip`."""
        row, limits = self._open(session, patient), self._moves.limits
        if row is None:
            raise EffectRefused("utter_refused_no_check_in")
        span = limits.snooze if minutes is None else timedelta(minutes=minutes)
        until = now + span
        tomorrow = moves.local_day(patient, until) > max(row.on, moves.local_day(patient, now))
        if tomorrow or not timedelta(0) < span <= limits.longest_snooze:
            raise EffectRefused("utter_refused_snooze_too_late")
        self._moves.put_off(session, patient, row, until)
        if key:
            at = until.astimezone(ZoneInfo(patient.time_zone))
            words = self._library.say("utter_check_in_snoozed", minutes=span // timedelta(minutes=1), at=f"{at:%H:%M}")
            self._questions.say(session, patient, row, [words], key=key, now=now)

    def cancel_open(self, session: Session, patient: Patient, now: datetime, *, reason: str = "") -> bool:
        """A safety hold, a pause or a withdrawal cuts it short; what was answered stays. True when one was open."""
        if patient.held_since:
            reason = "safety_hold"
        elif not reason:
            reason = "paused" if patient.state == PatientState.PAUSED else "cancelled"
        rows = checkins.in_state(session, patient.id, *OPEN)
        for row in rows:
            self._moves.end(session, patient, row, CheckInState.LAPSED, reason, now)
        return bool(rows)

    # Rows

    def _sent(self, session: Session, patient: Patient) -> CheckIn | None:
        return next(iter(checkins.in_state(session, patient.id, CheckInState.SENT)), None)

    def _open(self, session: Session, patient: Patient) -> CheckIn | None:
        return next(iter(checkins.in_state(session, patient.id, *OPEN)), None)

    def _bound(self, session: Session, patient: Patient, asks: str) -> CheckIn | None:
        kind, _, rest = asks.partition(".")
        number = rest.partition(".")[0]
        row = checkins.by_id(session, int(number)) if kind == "check_in" and number.isdecimal() else None
        return row if row and row.patient_id == patient.id else None

    def _planned_today(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        row = checkins.planned(session, patient.id)
        return row if row and row.on == moves.local_day(patient, now) else None

    def _to_record(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        """The open one, or today's when it has ended; never another day's."""
        if row := self._open(session, patient):
            return row
        ended = (CheckInState.ANSWERED, CheckInState.LAPSED)
        today = checkins.of_day(session, patient.id, moves.local_day(patient, now))
        return next((row for row in today if row.state in ended), None) if not patient.held_since else None

    def _asked_elsewhere_since(self, session: Session, patient: Patient) -> bool:
        """A form of another topic has asked its question after the check-in's last message."""
        if not moves.in_another_form(patient):
            return False
        slot = (patient.asks or "").partition(".")[2]
        for kind, responses in checkins.last_said(session, patient.id):
            if kind in ("check_in", "reminder"):
                return False
            if any(_puts(name, slot) for name in responses.split(",")):
                return True
        return False


def _puts(response: str, slot: str) -> bool:
    """Does this text ask for that slot? A module has one slot, and texts of its own."""
    if slot == "module_answer":
        return response.startswith("utter_module_")
    return response.startswith("utter_ask_") and response.endswith(slot)


def _hours_between(first: time, second: time) -> float:
    """On one day; negative when the second is earlier."""
    return (second.hour - first.hour) + (second.minute - first.minute) / 60
