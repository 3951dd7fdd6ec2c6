"""What the coach says without being asked, beside the check-ins: rarely, never at night, never into another talk.

Every such message goes through here, whatever its topic: the limits are of the patient, not of the topic.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from bot.coaching import schedule
from bot.content import Library, Words
from bot.services.checkins import CheckIns
from bot.services.outgoing import Outgoing
from data import checkins, messages, patients, programme, takeovers
from data.outbox import Priority
from data.patients import Patient, PatientState

KIND = "prompt"  # counts against the limits
ASKED_AGAIN = "prompt_again"  # the patient said "later": it does not


class Prompts:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, outgoing: Outgoing, check_ins: CheckIns) -> None:
        self._library = library
        self._outgoing = outgoing
        self._check_ins = check_ins

    def look_again(self, session: Session, patient: Patient, now: datetime, *, wished: bool = False) -> datetime | None:
        """None when a prompt may leave now; else the instant at which to ask here again.

        `wished`: the patient has asked for this one, so the limits of a day and a week don't hold.
        """
        wait = now + timedelta(minutes=self._number("wait"))
        if not self._may_be_written_to(session, patient, now) or self._is_in_a_talk(session, patient, now):
            return wait
        if self._check_ins.is_quiet(patient, now):
            return self._morning(patient, now)
        if not wished and self._has_had_enough(session, patient, now):
            return self._morning(patient, now)
        return None

    def send(
        self,
        session: Session,
        patient: Patient,
        words: Sequence[Words],
        *,
        key: str,
        now: datetime,
        asks: str | None = None,
        wished: bool = False,
    ) -> None:
        """One message; the same `key` is never sent twice. To be called when `look_again` has said None."""
        self._outgoing.to_patient(
            session, patient, words, key=key, kind=ASKED_AGAIN if wished else KIND, now=now, asks=asks,
            priority=Priority.CHECK_IN,
        )  # fmt: skip

    def _may_be_written_to(self, session: Session, patient: Patient, now: datetime) -> bool:
        if patient.state != PatientState.ACTIVE or patient.held_since:
            return False
        if patient.quiet_until and patient.quiet_until > now:
            return False
        chat = patients.chat_of(session, patient)
        return chat is not None and chat.blocked_at is None

    def _is_in_a_talk(self, session: Session, patient: Patient, now: datetime) -> bool:
        if checkins.safety_questions_open(session, patient.id) or takeovers.open_of(session, patient.id):
            return True
        span = timedelta(hours=self._number("form_open_for"))
        if not patient.asks:
            span = timedelta(minutes=self._library.number("check_in.busy_within"))
            if self._check_ins.open_for(session, patient) is None:
                return False
        return bool(messages.recent_from(session, patient.id, since=now - span, most=1))

    def _has_had_enough(self, session: Session, patient: Patient, now: datetime) -> bool:
        today = schedule.local_day(now, patient.time_zone)
        if self._sent_since(session, patient, today) >= self._number("most_a_day"):
            return True
        if programme.week_of(patient, now) <= self._number("weeks_without_weekly_limit"):
            return False
        return self._sent_since(session, patient, today - 6 * schedule.DAY) >= self._number("most_a_week")

    def _sent_since(self, session: Session, patient: Patient, day: date) -> int:
        since = schedule.instant_on(day, patient.time_zone, time.min)
        return messages.count_of_kind(session, patient.id, KIND, since=since)

    def _morning(self, patient: Patient, now: datetime) -> datetime:
        """The end of the next quiet hours."""
        opens = time.fromisoformat(str(self._library.value("check_in.quiet_until")))
        return schedule.next_local(now, patient.time_zone, opens)

    def _number(self, name: str) -> float:
        return self._library.number(f"prompts.{name}")
