"""How a check-in's row moves: begun, on to the next question, put off, ended. The only code that changes its state."""

import logging
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from bot.coaching import answers, schedule
from bot.coaching.check_in import FORM, STEPS, Step, next_step, steps_of
from bot.coaching.schedule import Limits
from bot.content import Library
from data import activity, checkins
from data.checkins import CheckIn, CheckInKind, CheckInState
from data.patients import Patient

logger = logging.getLogger(__name__)

OPEN = (CheckInState.SENT, CheckInState.SNOOZED)


class Moves:
    """In the caller's transaction. Says nothing to anybody."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @property
    def limits(self) -> Limits:
        """dialogues/protocol/check_in.yml, as it stands now."""

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

    def steps(self, row: CheckIn) -> tuple[Step, ...]:
        """The questions of this check-in, in order."""
        return steps_of(row.kind, row.on, noticing_on=int(self._library.number("check_in.noticing_on")))

    def slot_value(self, row: CheckIn, step: Step) -> answers.Value | None:
        """For Rasa's form: what is being asked is empty there, or it would not be asked; what isn't asked is skipped."""
        if row.asks == step.name:
            return None
        value: answers.Value | None = getattr(row, step.name)
        left_out = step.name in skipped(row) or step not in self.steps(row)
        return answers.SKIPPED if value is None and left_out else value

    def begin(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        """Asks from the first question that is still missing; an older check-in that is open is over."""
        for other in checkins.in_state(session, patient.id, *OPEN):
            if other.id != row.id:
                self.end(session, patient, other, CheckInState.LAPSED, "next_one_due", now)
        if row.state == CheckInState.SKIPPED:
            row.skipped = ""  # the patient has come back to it
        step = next_step(self.steps(row), answered(row), skipped(row))
        row.state, row.asks, row.reason, row.ended_at = CheckInState.SENT, step.name if step else None, "", None
        row.sent_at, row.sends = now, row.sends + 1
        row.due_at = now + self.limits.remind_after
        session.flush()
        log("check_in_sent", row)

    def advance(self, session: Session, patient: Patient, row: CheckIn, now: datetime) -> None:
        """On to the next question that is missing, or the end; all of it skipped is a check-in skipped."""
        activity.follow_check_in(session, row, now)
        step = next_step(self.steps(row), answered(row), skipped(row))
        if step:
            row.state, row.asks = CheckInState.SENT, step.name
            row.due_at = min(now + self.limits.remind_after, self.lapses_at(row))
        elif answered(row):
            self.end(session, patient, row, CheckInState.ANSWERED, "", now)
        else:
            self.end(session, patient, row, CheckInState.SKIPPED, "by_patient", now)

    def put_off(self, session: Session, patient: Patient, row: CheckIn, until: datetime) -> None:
        checkins.withdraw_messages(session, row.id)
        row.state, row.due_at, row.asks, row.waits = CheckInState.SNOOZED, until, None, 0
        _leave_form(patient)
        session.flush()
        log("check_in_snoozed", row)

    def end(
        self, session: Session, patient: Patient, row: CheckIn, state: CheckInState, reason: str, now: datetime
    ) -> None:
        row.state, row.reason, row.ended_at, row.asks = state, reason, now, None
        checkins.withdraw_messages(session, row.id)
        _leave_form(patient)
        session.flush()
        log(f"check_in_{state.value}", row, reason=reason)

    def lapses_at(self, row: CheckIn) -> datetime:
        return (row.sent_at or row.due_at) + self.limits.lapse_after


def answered(row: CheckIn) -> list[str]:
    return [name for name in STEPS if getattr(row, name) is not None]


def skipped(row: CheckIn) -> list[str]:
    return [name for name in row.skipped.split(",") if name]


def skip_question(row: CheckIn, step: Step) -> None:
    if getattr(row, step.name) is None:  # one that was asked again keeps its answer
        row.skipped = ",".join([*skipped(row), step.name])


def ask_again(row: CheckIn, step: Step) -> None:
    """Its question is the one being asked; an answer that is there stands until there is another."""
    row.skipped = ",".join(name for name in skipped(row) if name != step.name)
    row.asks = step.name


def in_another_form(patient: Patient) -> bool:
    return bool(patient.asks) and not str(patient.asks).startswith(f"{FORM}.")


def _leave_form(patient: Patient) -> None:
    """Rasa hears at the next turn that its check-in form is over."""
    if not in_another_form(patient):
        patient.asks = None


def kind_now(patient: Patient, now: datetime) -> CheckInKind:
    """Which check-in "now" means: of a pair the morning's until the middle of its two hours."""
    if patient.morning_at is None or patient.check_in_at is None:
        return CheckInKind.DAILY
    day = local_day(patient, now)
    morning, evening = (
        schedule.instant_on(day, patient.time_zone, at) for at in (patient.morning_at, patient.check_in_at)
    )
    return CheckInKind.MORNING if now < morning + (evening - morning) / 2 else CheckInKind.EVENING


def local_day(patient: Patient, now: datetime) -> date:
    return schedule.local_day(now, patient.time_zone)


def log(event: str, row: CheckIn, **detail: object) -> None:
    logger.info(event, extra={"check_in": row.id, "asks": row.asks, **detail})
