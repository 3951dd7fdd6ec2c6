"""What a physio does on a case: take an alert, hand it on, write a note, close it, put a belief right.

Everything goes through the services that Telegram's cards use, so that every copy of an alert says the same.
"""

from datetime import datetime

from sqlmodel import Session

from bot.coaching.identifying import may_identify
from bot.content import Library
from bot.errors import EffectRefused, StaleAction
from bot.services.escalation import Escalation
from data import audit, case_notes, concerns, messages, worklist
from data.alerts import Alert
from data.case_notes import CaseNote
from data.concerns import NO_BELIEF, BeliefCorrection
from data.patients import Patient, PatientState
from data.physios import Physio


class CaseDesk:
    def __init__(self, library: Library, escalation: Escalation) -> None:
        self._library = library
        self._escalation = escalation

    def acknowledge(self, session: Session, physio: Physio, reference: str, now: datetime, *, seen: int) -> Alert:
        """`seen`: how often it had been raised on the page. Raises StaleAction."""
        alert = self._alert(session, physio, reference)
        return self._escalation.acknowledge(session, alert.id, physio, now, seen=seen)

    def assign(
        self, session: Session, physio: Physio, reference: str, to: Physio, now: datetime, *, seen: int
    ) -> Alert:
        """Hands it on to a colleague. Raises StaleAction, and EffectRefused for one who can't be reached."""
        alert = self._alert(session, physio, reference)
        return self._escalation.assign(session, alert.id, to, physio, now, seen=seen)

    def close(
        self, session: Session, physio: Physio, reference: str, outcome: str, now: datetime, *, seen: int, note: str
    ) -> Alert:
        """Raises StaleAction, and EffectRefused for an outcome that is not on the list."""
        alert = self._alert(session, physio, reference)
        closed = self._escalation.close(session, alert.id, physio, outcome, now, seen=seen)
        if note.strip():
            self.note(session, physio, session.get_one(Patient, alert.patient_id), note, now, alert=closed)
        return closed

    def note(
        self,
        session: Session,
        physio: Physio,
        patient: Patient,
        words: str,
        now: datetime,
        *,
        alert: Alert | None = None,
    ) -> CaseNote:
        """Raises EffectRefused for one that says nothing or too much."""
        if not words.strip() or len(words) > self._library.number("console.note_at_most"):
            raise EffectRefused("note_refused")
        row = CaseNote(
            patient_id=patient.id,
            alert_id=alert.id if alert else None,
            physio_id=physio.id,
            words=words.strip(),
            at=now,
        )
        case_notes.add(session, row)
        reference = alert.reference if alert else None
        by = f"physio:{physio.id}"
        audit.record(session, "note_written", by=by, now=now, patient=patient.code, alert=reference, note=row.id)
        return row

    def put_right(
        self, session: Session, physio: Physio, patient: Patient, flag_id: int, belief: str, now: datetime, *, seen: int,
        share: bool = False,
    ) -> BeliefCorrection:  # fmt: skip
        """`seen`: the correction that the page showed, 0 for none. Raises StaleAction when there is a newer one."""
        flag = concerns.belief_flag(session, flag_id)
        if flag is None or flag.patient_id != patient.id:
            raise StaleAction("utter_flag_gone")
        if belief != NO_BELIEF and belief not in self._library.protocol["beliefs"]:
            raise EffectRefused("belief_refused")
        newest = concerns.correction_of(session, flag.id)
        if (newest.id if newest else 0) != seen:
            raise StaleAction("utter_flag_overtaken")
        correction = concerns.correct(session, flag, belief, physio_id=physio.id, now=now)
        by = f"physio:{physio.id}"
        code = patient.code
        audit.record(
            session, "belief_corrected", by=by, now=now, patient=code, flag=flag.id, heard=flag.belief, belief=belief
        )
        message = messages.get(session, flag.message_id)
        if share and message and not may_identify(message.text) and patient.state != PatientState.WITHDRAWN:
            correction.words = message.text[: int(self._library.number("corrections.words_shown"))]
            audit.record(session, "belief_words_shared", by=by, now=now, patient=code, flag=flag.id)
        return correction

    def _alert(self, session: Session, physio: Physio, reference: str) -> Alert:
        """Raises StaleAction for one of another service too: it isn't even there."""
        alert = worklist.alert(session, physio.service_id, reference)
        if alert is None:
            raise StaleAction("utter_alert_gone")
        return alert
