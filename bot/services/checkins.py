"""Check-ins: planned at the patient's own hour, asked one question at a time, answered with or without Rasa.

The row is the truth. Taps, numbers and skips move it here; what Rasa understood comes back through `record`.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, schedule
from bot.coaching.check_in import FORM, STEPS, Step, Wish, next_step
from bot.coaching.schedule import Action, Circumstances, Limits
from bot.content import PLACEHOLDER, Library, Words
from bot.errors import EffectRefused
from bot.services.outgoing import Outgoing
from data import checkins, messages, patients
from data.checkins import CheckIn, CheckInState
from data.database import Database
from data.outbox import OutboxState, Priority
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

BATCH = 50  # rows a tick: Telegram takes 25 messages a second, and the loop must not stand still
OPEN = (CheckInState.SENT, CheckInState.SNOOZED)
NOT_GIVEN = "–"


class CheckIns:
    """Methods that take `session` run in the caller's transaction, with the patient of that session."""

    def __init__(self, database: Database, clock: Clock, library: Library, outgoing: Outgoing) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing

    # Planning

    def plan_next(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        """Writes the next check-in, or moves it when the patient's hour, zone or state has changed.

        A day that has had its check-in gets no second one. None when none is to come.
        """
        row = checkins.planned(session, patient.id)
        if patient.check_in_at is None or patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            if row:
                session.delete(row)
            return None
        since = schedule.local_day(now, patient.time_zone) - 2 * schedule.DAY
        spread = schedule.spread_of(patient.code, self._limits.spread)
        taken = checkins.days_taken(session, patient.id, since=since)
        plan = schedule.plan(now, patient.time_zone, patient.check_in_at, spread=spread, taken=taken)
        if row:
            row.on, row.planned_at, row.due_at, row.waits = plan.on, plan.at, plan.at, 0
            return row
        row = CheckIn(patient_id=patient.id, on=plan.on, planned_at=plan.at, due_at=plan.at)
        return row if checkins.add(session, row) else checkins.planned(session, patient.id)

    # The tick

    def send_due(self) -> int:
        """Asks, reminds and lets lapse whatever is due, at most `BATCH` rows. Returns how many rows it moved."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = checkins.claim_due(session, now, most=BATCH)
            for row in due:
                self._move(session, row, now)
            unplanned = checkins.without_plan(session, most=BATCH)
            for patient in unplanned:
                self.plan_next(session, patient, now)
        return len(due) + len(unplanned)

    def _move(self, session: Session, row: CheckIn, now: datetime) -> None:
        """One row; what goes wrong with it is logged, tried again later, and holds up nobody else."""
        try:
            with session.begin_nested():
                patient = session.get_one(Patient, row.patient_id)
                if row.state == CheckInState.SENT:
                    self._remind_or_lapse(session, patient, row, now)
                else:
                    self._send(session, patient, row, now)
        except Exception:
            logger.exception("check_in_failed", extra={"check_in": row.id})
            row.due_at = now + self._limits.wait

    def _send(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        verdict = schedule.verdict(self._circumstances(session, patient, row, now), self._limits, now)
        match verdict.action:
            case Action.WAIT:
                row.due_at = verdict.until or now
                row.waits += verdict.reason == "busy"
                return
            case Action.SKIP:
                self._end(session, patient, row, CheckInState.SKIPPED, verdict.reason, now)
            case Action.MISS:
                self._end(session, patient, row, CheckInState.MISSED, verdict.reason, now)
            case Action.SEND:
                self._begin(session, patient, row, now)
                key = f"checkin:{row.id}:{row.asks}" + (f":{row.sends}" if row.sends > 1 else "")
                self._say(session, patient, row, self.question(row), key=key, now=now, priority=Priority.CHECK_IN)
        self.plan_next(session, patient, now)

    def _remind_or_lapse(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        limits = self._limits
        lapses_at = _lapses_at(row, limits)
        case = self._circumstances(session, patient, row, now)
        if checkins.last_prompt_state(session, row.id) == OutboxState.QUEUED:
            self._end(session, patient, row, CheckInState.MISSED, "undelivered", now)
        elif now >= lapses_at:
            self._end(session, patient, row, CheckInState.LAPSED, "unanswered", now)
        elif row.reminded_at or schedule.unwanted(case) or schedule.is_quiet(now, patient.time_zone, limits):
            row.due_at = lapses_at
        elif case.busy or self._wrote_within(session, patient, limits.busy_within, now):
            row.due_at = min(now + limits.wait, lapses_at)
        else:
            row.reminded_at, row.due_at = now, lapses_at
            words = [self._library.say("utter_check_in_reminder"), *self.question(row)]
            self._say(
                session, patient, row, words, key=f"checkin:{row.id}:reminder", now=now, priority=Priority.CHECK_IN,
                kind="reminder",
            )  # fmt: skip

    def _circumstances(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> Circumstances:
        chat = patients.chat_of(session, patient)
        paused = patient.state == PatientState.PAUSED and (patient.paused_until is None or patient.paused_until > now)
        in_form = _in_another_form(patient) and self._wrote_within(session, patient, self._limits.busy_within, now)
        return Circumstances(
            wanted_at=row.planned_at if row.state == CheckInState.PLANNED and row.planned_at else row.due_at,
            zone=patient.time_zone,
            active=patient.state in (PatientState.ACTIVE, PatientState.PAUSED),
            paused=paused,
            held=patient.held_since is not None,
            quiet_period=patient.quiet_until is not None and patient.quiet_until > now,
            reachable=chat is not None and chat.blocked_at is None,
            busy=in_form or checkins.safety_questions_open(session, patient.id),
            waits=row.waits,
        )

    def _wrote_within(self, session: Session, patient: Patient, span: timedelta, now: datetime) -> bool:
        return bool(messages.recent_from(session, patient.id, since=now - span, most=1))

    # What is being asked

    def open_for(self, session: Session, patient: Patient) -> CheckIn | None:
        """The check-in whose question the patient has before them; None while a later form is asking."""
        row = self._sent(session, patient)
        return None if row and self._asked_elsewhere_since(session, patient) else row

    def asks_of(self, check_in: CheckIn) -> str | None:
        """What its buttons are bound to: "check_in.12.pain"."""
        return f"check_in.{check_in.id}.{check_in.asks}" if check_in.asks else None

    def for_tap(self, session: Session, patient: Patient, asks: str) -> CheckIn | None:
        """The check-in that a button bound to `asks` still answers; None when it is stale, or another patient's."""
        _, number, step = asks.split(".") if asks.count(".") == 2 else ("", "", "")
        row = checkins.by_id(session, int(number)) if number.isdecimal() else None
        return row if row and row.patient_id == patient.id and self.asks_of(row) == asks and step in STEPS else None

    def question(self, check_in: CheckIn) -> list[Words]:
        """The question being asked; of several wordings another one each day."""
        if check_in.asks is None:
            return []
        return [self._library.say(STEPS[check_in.asks].question, variation=check_in.on.toordinal())]

    def rasa_form(self, check_in: CheckIn) -> dict[str, Any]:
        """For Turn.form: every slot as the row has it, so that Rasa never goes on from an older answer."""
        slots = {step.slot: _slot_value(check_in, step) for step in STEPS.values()}
        return {"name": FORM if check_in.asks else None, "slots": slots}

    # Answers

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
        """A tap or a typed answer that can be understood without Rasa; False when it can't. `key`: of the reply."""
        row = checkins.by_id(session, check_in.id)
        if row is None or row.patient_id != patient.id or row.state != CheckInState.SENT or row.asks is None:
            return False
        step = STEPS[row.asks]
        match self._tapped(row, text):
            case Wish.SNOOZE:
                self.snooze(session, patient, None, now, key=key)
            case Wish.SKIP:
                self.skip(session, patient, now, key=key)
            case Wish.SKIP_QUESTION:
                _skip_question(row, step)
                self._go_on(session, patient, row, key=key, now=now)
            case said:
                return self._read(session, patient, row, said, key=key, now=now, message_id=message_id)
        return True

    def record(self, session: Session, patient: Patient, values: Mapping[str, object], now: datetime) -> None:
        """Answers that Rasa understood: fills what is still empty, says nothing. "None" is not answered.

        Raises EffectRefused when no check-in of today is open, or a value is outside its limits.
        """
        row = self._to_record(session, patient, now)
        if row is None:
            raise EffectRefused("utter_check_in_lapsed")
        for step in STEPS.values():
            raw = str(values.get(step.name))
            if raw in ("None", "") or step.name in _answered(row) or step.name in _skipped(row):
                continue
            if raw == answers.SKIPPED:
                _skip_question(row, step)
                continue
            value = answers.read(self._spec(step), raw)
            if value is None:
                raise EffectRefused("utter_check_in_out_of_range", **self._bounds(step))
            self._fill(row, step, value, now)
        self._advance(session, patient, row, now)

    def start_now(self, session: Session, patient: Patient, now: datetime) -> CheckIn:
        """Opens today's check-in because the patient asks for it; `question` has the words.

        Raises EffectRefused with what was recorded when today's is complete.
        """
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        if row := self._sent(session, patient):
            return row
        today = schedule.local_day(now, patient.time_zone)
        row = checkins.on_day(session, patient.id, today)
        if row is None:
            checkins.add(session, CheckIn(patient_id=patient.id, on=today, due_at=now))
            row = checkins.on_day(session, patient.id, today)
        assert row is not None  # ours, or the one that kept ours out
        if row.state == CheckInState.ANSWERED:
            raise EffectRefused("utter_refused_checked_in_already", **_shown(row))
        self._begin(session, patient, row, now)
        self.plan_next(session, patient, now)
        return row

    def skip(self, session: Session, patient: Patient, now: datetime, *, key: str | None = None) -> None:
        """No check-in today. With `key` the coach says so itself; without, the turn that asked for it does."""
        row = self._open(session, patient) or self._planned_today(session, patient, now)
        if row is None:
            raise EffectRefused("utter_refused_no_check_in")
        self._end(session, patient, row, CheckInState.SKIPPED, "by_patient", now)
        self.plan_next(session, patient, now)
        if key:
            self._say(session, patient, row, [self._library.say("utter_check_in_skipped")], key=key, now=now)

    def snooze(
        self, session: Session, patient: Patient, minutes: int | None, now: datetime, *, key: str | None = None
    ) -> None:
        """Asked again later, the same row. `minutes` None: the protocol's. `key` as in `skip`."""
        row, limits = self._open(session, patient), self._limits
        if row is None:
            raise EffectRefused("utter_refused_no_check_in")
        span = limits.snooze if minutes is None else timedelta(minutes=minutes)
        if not timedelta(0) < span <= limits.longest_snooze:
            raise EffectRefused("utter_refused_snooze", minutes=int(limits.longest_snooze.total_seconds() // 60))
        checkins.withdraw_messages(session, row.id)
        row.state, row.due_at, row.asks, row.waits = CheckInState.SNOOZED, now + span, None, 0
        _leave_form(patient)
        _log("check_in_snoozed", row)
        if key:
            at = (now + span).astimezone(ZoneInfo(patient.time_zone))
            words = self._library.say(
                "utter_check_in_snoozed", minutes=int(span.total_seconds() // 60), at=f"{at:%H:%M}"
            )
            self._say(session, patient, row, [words], key=key, now=now)

    def cancel_open(self, session: Session, patient: Patient, now: datetime) -> bool:
        """A safety hold, a pause or a withdrawal cuts it short; what was answered stays. True when one was open."""
        if patient.held_since:
            reason = "safety_hold"
        else:
            reason = "paused" if patient.state == PatientState.PAUSED else "cancelled"
        rows = checkins.in_state(session, patient.id, *OPEN)
        for row in rows:
            self._end(session, patient, row, CheckInState.LAPSED, reason, now)
        return bool(rows)

    # Steps

    def _read(
        self,
        session: Session,
        patient: Patient,
        row: CheckIn,
        text: str,
        *,
        key: str,
        now: datetime,
        message_id: int | None,
    ) -> bool:
        step = STEPS[row.asks or ""]
        spec = self._spec(step)
        if spec.get("kind") == "text":
            return False  # the patient's own words are for Rasa: a belief may be in them
        value = answers.read(spec, text)
        if value is None and answers.read({"kind": "number"}, text) is None:
            return False
        try:
            if value is None:  # "6.5": a whole number is asked for again, never rounded
                raise EffectRefused("utter_check_in_out_of_range", **self._bounds(step))
            self._fill(row, step, value, now)
        except EffectRefused as refused:
            limits: dict[str, Any] = refused.values
            words = [self._library.say(refused.response, **limits), *self.question(row)]
            self._say(session, patient, row, words, key=key, now=now)
            return True
        _log("check_in_answered", row, step=step.name, message_row=message_id)
        self._go_on(session, patient, row, key=key, now=now)
        return True

    def _fill(self, row: CheckIn, step: Step, value: answers.Value, now: datetime) -> None:
        """Raises EffectRefused when the value is outside the limits of its slot."""
        try:
            kept = answers.within(self._spec(step), value, self._library.number)
        except answers.Refusal as refusal:
            raise EffectRefused("utter_check_in_out_of_range", **refusal.values) from refusal
        setattr(row, step.name, kept)
        if step.name == "pain":
            row.pain_at = now

    def _go_on(self, session: Session, patient: Patient, row: CheckIn, *, key: str, now: datetime) -> None:
        """The next question, or thanks with one fact; all of it skipped is a check-in skipped."""
        self._advance(session, patient, row, now)
        if row.asks:
            words = self.question(row)
        elif row.state == CheckInState.SKIPPED:
            words = [self._library.say("utter_check_in_skipped")]
        else:
            words = [self._fitting("utter_check_in_done", _facts(row), row)]
        self._say(session, patient, row, words, key=key, now=now)

    def _advance(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        limits = self._limits
        step = next_step(_answered(row), _skipped(row))
        if step:
            row.asks = step.name
            lapses_at = _lapses_at(row, limits)
            row.due_at = lapses_at if row.reminded_at else min(now + limits.remind_after, lapses_at)
        elif _answered(row):
            self._end(session, patient, row, CheckInState.ANSWERED, "", now)
        else:
            self._end(session, patient, row, CheckInState.SKIPPED, "by_patient", now)

    def _begin(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        """Asks from the first question that is still missing; an older one that is open is over."""
        for other in checkins.in_state(session, patient.id, *OPEN):
            if other.id != row.id:
                self._end(session, patient, other, CheckInState.LAPSED, "next_one_due", now)
        if row.state == CheckInState.SKIPPED:
            row.skipped = ""  # the patient has come back to it
        step = next_step(_answered(row), _skipped(row))
        row.state, row.asks, row.reason, row.ended_at = CheckInState.SENT, step.name if step else None, "", None
        row.sent_at, row.sends = now, row.sends + 1
        row.due_at = now + self._limits.remind_after
        session.flush()
        _log("check_in_sent", row)

    def _end(
        self, session: Session, patient: Patient, row: CheckIn, state: CheckInState, reason: str, now: datetime
    ) -> None:
        row.state, row.reason, row.ended_at, row.asks = state, reason, now, None
        checkins.withdraw_messages(session, row.id)
        _leave_form(patient)
        session.flush()
        _log(f"check_in_{state.value}", row, reason=reason)

    # Words

    def _say(
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
            session, patient, words, key=key, kind=kind, now=now, priority=priority, asks=self.asks_of(row),
            check_in_id=row.id,
        )  # fmt: skip

    def _fitting(self, response: str, facts: Mapping[str, object], row: CheckIn) -> Words:
        """Of the wordings that need no fact we lack, those with most facts in them; another one each day."""
        needs = [
            set(PLACEHOLDER.findall(str(each.get("text", "")))) for each in self._library.responses.get(response, ())
        ]
        fitting = [number for number, names in enumerate(needs) if names <= facts.keys()]
        most = max((len(needs[number]) for number in fitting), default=0)
        best = [number for number in fitting if len(needs[number]) == most] or [0]
        return self._library.say(response, variation=best[row.on.toordinal() % len(best)], **facts)

    def _tapped(self, row: CheckIn, text: str) -> str:
        """What the text stands for when it is the label of a button of this question; else the text."""
        said = text.strip()
        for words in self.question(row):
            for choice in words.choices:
                if said.casefold() in (choice.label.casefold(), choice.says.casefold()):
                    return choice.says.removeprefix("/")
        return said

    # Rows

    def _sent(self, session: Session, patient: Patient) -> CheckIn | None:
        return next(iter(checkins.in_state(session, patient.id, CheckInState.SENT)), None)

    def _open(self, session: Session, patient: Patient) -> CheckIn | None:
        return next(iter(checkins.in_state(session, patient.id, *OPEN)), None)

    def _planned_today(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        row = checkins.planned(session, patient.id)
        return row if row and row.on == schedule.local_day(now, patient.time_zone) else None

    def _to_record(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        """The open one, or today's when it has only just ended; never another day's."""
        if row := self._open(session, patient):
            return row
        today = checkins.on_day(session, patient.id, schedule.local_day(now, patient.time_zone))
        ended = (CheckInState.ANSWERED, CheckInState.LAPSED)
        return today if today and today.state in ended and not patient.held_since else None

    def _asked_elsewhere_since(self, session: Session, patient: Patient) -> bool:
        """A form of another topic has asked its question after the check-in's last message."""
        if not _in_another_form(patient):
            return False
        slot = (patient.asks or "").partition(".")[2]
        for kind, responses in checkins.last_said(session, patient.id):
            if kind in ("check_in", "reminder"):
                return False
            if any(name.startswith("utter_ask_") and name.endswith(slot) for name in responses.split(",")):
                return True
        return False

    def _spec(self, step: Step) -> dict[str, Any]:
        return self._library.slot_spec(step.slot, FORM)

    def _bounds(self, step: Step) -> dict[str, answers.Value]:
        return answers.limits(self._spec(step), self._library.number)

    @property
    def _limits(self) -> Limits:
        def span(name: str, unit: str) -> timedelta:
            return timedelta(**{unit: self._library.number(f"check_in.{name}")})

        return Limits(
            quiet_from=time.fromisoformat(self._library.value("check_in.quiet_from")),
            quiet_until=time.fromisoformat(self._library.value("check_in.quiet_until")),
            spread=span("spread", "seconds"),
            on_time_within=span("on_time_within", "minutes"),
            missed_after=span("missed_after", "minutes"),
            busy_within=span("busy_within", "minutes"),
            wait=span("wait", "minutes"),
            most_waits=int(self._library.number("check_in.most_waits")),
            remind_after=span("remind_after", "minutes"),
            lapse_after=span("lapse_after", "hours"),
            snooze=span("snooze", "minutes"),
            longest_snooze=span("longest_snooze", "minutes"),
        )


def _answered(row: CheckIn) -> list[str]:
    return [name for name in STEPS if getattr(row, name) is not None]


def _skipped(row: CheckIn) -> list[str]:
    return [name for name in row.skipped.split(",") if name]


def _skip_question(row: CheckIn, step: Step) -> None:
    row.skipped = ",".join([*_skipped(row), step.name])


def _slot_value(row: CheckIn, step: Step) -> answers.Value | None:
    value: answers.Value | None = getattr(row, step.name)
    return answers.SKIPPED if value is None and step.name in _skipped(row) else value


def _facts(row: CheckIn) -> dict[str, object]:
    """What the thanks can name: zero minutes are no fact to thank for."""
    facts = {step.slot: getattr(row, step.name) for step in STEPS.values()}
    return {slot: value for slot, value in facts.items() if value is not None and (slot, value) != ("minutes_done", 0)}


def _shown(row: CheckIn) -> dict[str, object]:
    values = {step.slot: getattr(row, step.name) for step in STEPS.values()}
    return {slot: NOT_GIVEN if value is None else value for slot, value in values.items()}


def _lapses_at(row: CheckIn, limits: Limits) -> datetime:
    return (row.sent_at or row.due_at) + limits.lapse_after


def _in_another_form(patient: Patient) -> bool:
    return bool(patient.asks) and not str(patient.asks).startswith(f"{FORM}.")


def _leave_form(patient: Patient) -> None:
    """Rasa is told at the next turn that its check-in form is over."""
    if (patient.asks or "").startswith(f"{FORM}."):
        patient.asks = None


def _log(event: str, row: CheckIn, **detail: object) -> None:
    logger.info(event, extra={"check_in": row.id, "asks": row.asks, **detail})
