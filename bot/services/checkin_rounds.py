"""Plans each patient's next check-in, and on every tick asks, reminds and lets lapse what is due."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import schedule
from bot.coaching.schedule import Action, Circumstances
from bot.services.checkin_moves import Moves, in_another_form, local_day
from bot.services.checkin_questions import Questions
from data import checkins, messages, patients, takeovers
from data.checkins import LIVE, CheckIn, CheckInKind, CheckInState
from data.database import Database
from data.outbox import OutboxState, Priority
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

BATCH = 50  # rows a tick: Telegram takes 25 messages a second, and the loop must not stand still
BETWEEN_GAPS = timedelta(minutes=1)


class Rounds:
    def __init__(self, database: Database, clock: Clock, moves: Moves, questions: Questions) -> None:
        self._database = database
        self._clock = clock
        self._moves = moves
        self._questions = questions
        self._gaps_filled_at: datetime | None = None

    def plan_next(self, session: Session, patient: Patient, now: datetime) -> CheckIn | None:
        """Writes the next check-in, or moves it when the patient's hours, zone or state have changed.

        A day that has had its check-in gets no second one. Of a pair both are planned; the next one is returned, None
        when none is to come.
        """
        hours = _hours(patient)
        checkins.drop_planned(session, patient.id, but=list(hours))
        rows = [self._plan(session, patient, kind, at, now) for kind, at in hours.items()]
        return min((row for row in rows if row), key=lambda row: row.due_at, default=None)

    def _plan(self, session: Session, patient: Patient, kind: CheckInKind, at: time, now: datetime) -> CheckIn | None:
        row = checkins.planned(session, patient.id, kind)
        spread = schedule.spread_of(patient.code, self._moves.limits.spread)
        taken = checkins.days_taken(session, patient.id, kind, since=local_day(patient, now) - 2 * schedule.DAY)
        plan = schedule.plan(now, patient.time_zone, at, spread=spread, taken=taken)
        if row:
            if row.on != plan.on or row.planned_at != plan.at:
                row.on, row.planned_at, row.due_at, row.waits = plan.on, plan.at, plan.at, 0
            return row
        row = CheckIn(patient_id=patient.id, kind=kind, on=plan.on, planned_at=plan.at, due_at=plan.at)
        return row if checkins.add(session, row) else checkins.planned(session, patient.id, kind)

    def send_due(self) -> int:
        """At most `BATCH` rows. Returns how many it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = checkins.claim_due(session, now, most=BATCH)
            for row in due:
                with _on_its_own(session, row.patient_id):
                    self._look_at(session, row, now)
                if row.state in LIVE and row.due_at <= now:  # that went wrong
                    row.due_at = now + self._moves.limits.wait
            return len(due) + self._fill_gaps(session, now)

    def _fill_gaps(self, session: Session, now: datetime) -> int:
        """A patient whose plan was lost gets one again; looked for once a minute, as it goes through all patients."""
        if self._gaps_filled_at and now - self._gaps_filled_at < BETWEEN_GAPS:
            return 0
        self._gaps_filled_at = now
        unplanned = checkins.without_plan(session, most=BATCH)
        for patient in unplanned:
            with _on_its_own(session, patient.id):
                self.plan_next(session, patient, now)
        return len(unplanned)

    def _look_at(self, session: Session, row: CheckIn, now: datetime) -> None:
        patient = session.get_one(Patient, row.patient_id)
        if row.state == CheckInState.SENT:
            self._remind_or_lapse(session, patient, row, now)
        else:
            self._send(session, patient, row, now)

    def _send(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        verdict = schedule.verdict(self._circumstances(session, patient, row, now), self._moves.limits, now)
        match verdict.action:
            case Action.WAIT:
                row.due_at = verdict.until or now
                row.waits += verdict.reason == "busy"
                return
            case Action.SKIP:
                self._moves.end(session, patient, row, CheckInState.SKIPPED, verdict.reason, now)
            case Action.MISS:
                self._moves.end(session, patient, row, CheckInState.MISSED, verdict.reason, now)
            case Action.SEND:
                self._moves.begin(session, patient, row, now)
                key = f"checkin:{row.id}:{row.asks}" + (f":{row.sends}" if row.sends > 1 else "")
                words = self._questions.question(row)
                self._questions.say(session, patient, row, words, key=key, now=now, priority=Priority.CHECK_IN)
        self.plan_next(session, patient, now)

    def _remind_or_lapse(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        """A reminder is sent once, never at night, and never to somebody who is writing or no longer wants it."""
        limits, lapse = self._moves.limits, self._moves.lapses_at(row)
        case = self._circumstances(session, patient, row, now)
        if checkins.last_message_state(session, row.id) == OutboxState.QUEUED:  # Telegram has been away all this time
            self._moves.end(session, patient, row, CheckInState.MISSED, "undelivered", now)
        elif now >= lapse:
            self._moves.end(session, patient, row, CheckInState.LAPSED, "unanswered", now)
        elif row.reminded_at or schedule.unwanted(case) or schedule.is_quiet(now, patient.time_zone, limits):
            row.due_at = lapse
        elif case.busy or self._wrote_within(session, patient, limits.busy_within, now):
            row.due_at = min(now + limits.wait, lapse)
        else:
            row.reminded_at, row.due_at = now, lapse
            key, words = f"checkin:{row.id}:reminder", self._questions.reminder(row)
            self._questions.say(
                session, patient, row, words, key=key, now=now, kind="reminder", priority=Priority.CHECK_IN
            )

    def _circumstances(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> Circumstances:
        chat = patients.chat_of(session, patient)
        in_form = in_another_form(patient) and self._wrote_within(session, patient, self._moves.limits.busy_within, now)
        return Circumstances(
            wanted_at=row.planned_at if row.state == CheckInState.PLANNED and row.planned_at else row.due_at,
            zone=patient.time_zone,
            active=patient.state in (PatientState.ACTIVE, PatientState.PAUSED),
            paused=patient.state == PatientState.PAUSED
            and (patient.paused_until is None or patient.paused_until > now),
            held=patient.held_since is not None,
            quiet_period=patient.quiet_until is not None and patient.quiet_until > now,
            reachable=chat is not None and chat.blocked_at is None,
            with_physio=takeovers.open_of(session, patient.id) is not None,
            busy=in_form or checkins.safety_questions_open(session, patient.id),
            waits=row.waits,
        )

    def _wrote_within(self, session: Session, patient: Patient, span: timedelta, now: datetime) -> bool:
        return bool(messages.recent_from(session, patient.id, since=now - span, most=1))


def _hours(patient: Patient) -> dict[CheckInKind, time]:
    """What is asked of this patient, and when."""
    if patient.check_in_at is None or patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
        return {}
    if patient.morning_at is None:
        return {CheckInKind.DAILY: patient.check_in_at}
    return {CheckInKind.MORNING: patient.morning_at, CheckInKind.EVENING: patient.check_in_at}


@contextmanager
def _on_its_own(session: Session, patient_id: int) -> Iterator[None]:
    """What goes wrong with one patient is logged, tried again later, and holds up nobody else."""
    try:
        with session.begin_nested():
            yield
    except Exception:
        logger.exception("check_in_failed", extra={"patient_row": patient_id})
