"""From a stranger's first word to an enrolled patient: invitation, consent, and the way out."""

import secrets
from datetime import datetime, time, timedelta

from sqlmodel import Session

from bot.content import Library
from bot.errors import EffectRefused
from bot.services.checkins import CheckIns
from data import audit, invitations, patients, physios
from data.database import Database
from data.patients import ConsentEvent, Invitation, Nation, Patient, PatientChat, PatientState
from data.physios import Physio
from data.rota import FIRST


class Enrolment:
    def __init__(self, database: Database, library: Library, check_ins: CheckIns) -> None:
        self._database = database
        self._library = library
        self._check_ins = check_ins

    def invite(
        self,
        session: Session,
        *,
        by: str,
        now: datetime,
        physio: Physio | None = None,
        code: str | None = None,
        service_id: int = FIRST,
    ) -> str:
        """A one-time code for a patient of this service, or for linking the chat of `physio`. It is shown once, never
        stored.

        `code` is given only for a demo, where everybody may know it.
        """
        code = code or invitations.new_code()
        days = self._library.number("enrolment.invitation_lives")
        session.add(
            Invitation(
                code_hash=invitations.hashed(code),
                physio_id=physio.id if physio else None,
                service_id=physio.service_id if physio else service_id,
                created_at=now,
                expires_at=now + timedelta(days=days),
            )
        )
        audit.record(session, "invitation_made", by=by, now=now, physio=physio.id if physio else None)
        return code

    def stranger(self, session: Session, chat_id: int, now: datetime) -> Patient:
        """Whoever writes in this chat: met before, or a new stranger with a code name."""
        known = patients.by_chat(session, chat_id)
        if known:
            return known
        patient = Patient(code=_code_name(session), sender=secrets.token_hex(16), created_at=now)
        session.add(patient)
        session.flush()
        session.add(PatientChat(chat_id=chat_id, patient_id=patient.id))
        session.flush()
        return patient

    def redeem(self, session: Session, patient: Patient, code: str, now: datetime) -> None:
        """A stranger becomes invited. Refused with utter_refused_invitation_… when the code is wrong, used or too old."""
        if patient.state != PatientState.STRANGER:
            return
        invitation = invitations.find(session, code)
        if problem := invitations.problem(invitation, now):
            raise EffectRefused(f"utter_refused_invitation_{problem}")
        assert invitation is not None  # `problem` says "unknown" otherwise
        if not invitations.redeem(session, invitation, patient_id=patient.id, now=now):
            raise EffectRefused("utter_refused_invitation_used")
        patient.state = PatientState.INVITED
        patient.service_id = invitation.service_id
        audit.record(session, "invitation_redeemed", by="patient", now=now, patient=patient.code)

    def redeem_as_physio(self, session: Session, code: str, chat_id: int, now: datetime) -> Physio | None:
        """Links a physio's chat when the code was made for one; None when it wasn't."""
        invitation = invitations.find(session, code)
        if invitation is None or invitation.physio_id is None or invitation.expires_at <= now:
            return None
        physio = session.get(Physio, invitation.physio_id)
        if physio is None or not invitations.redeem(session, invitation, patient_id=None, now=now):
            return None
        physios.link(session, physio, chat_id)
        audit.record(session, "physio_linked", by=f"physio:{physio.id}", now=now)
        return physio

    def enrol(
        self,
        session: Session,
        patient: Patient,
        *,
        nation: Nation,
        time_zone: str,
        check_in_at: time,
        activity_screen: str,
        now: datetime,
    ) -> None:
        """Consent is given: the patient is active, and the first check-in is planned."""
        if patient.state == PatientState.STRANGER:
            raise EffectRefused("utter_refused_invitation_unknown")
        patient.state = PatientState.ACTIVE
        patient.enrolled_at = patient.enrolled_at or now
        patient.nation = nation
        patient.time_zone = time_zone
        patient.check_in_at = check_in_at
        patient.activity_screen = activity_screen
        patient.needs_activity_review = any(said in activity_screen for said in ("yes", "unsure"))
        version = str(self._library.value("enrolment.consent_version"))
        session.add(ConsentEvent(patient_id=patient.id, version=version, given=True, at=now))
        audit.record(session, "consent_given", by="patient", now=now, patient=patient.code, version=version)
        self._check_ins.plan_next(session, patient, now)

    def end_pauses(self, now: datetime) -> int:
        """Patients whose pause is over are active again; the next check-in is planned. Returns how many."""
        with self._database.transaction() as session:
            back = patients.pauses_over(session, now)
            for patient in back:
                self.resume(session, patient, now)
        return len(back)

    def resume(self, session: Session, patient: Patient, now: datetime) -> None:
        if patient.state not in (PatientState.PAUSED, PatientState.ACTIVE):
            raise EffectRefused("utter_refused_not_enrolled")
        patient.state, patient.paused_until = PatientState.ACTIVE, None
        self._check_ins.plan_next(session, patient, now)

    def decline(self, session: Session, patient: Patient, now: datetime) -> None:
        """No consent, or consent withdrawn: nothing is sent any more but safety advice."""
        version = str(self._library.value("enrolment.consent_version"))
        session.add(ConsentEvent(patient_id=patient.id, version=version, given=False, at=now))
        audit.record(session, "consent_withdrawn", by="patient", now=now, patient=patient.code, version=version)
        self._check_ins.cancel_open(session, patient, now)
        patient.state = PatientState.WITHDRAWN


def _code_name(session: Session) -> str:
    """P-7KQ4M: a name that says nothing about the person."""
    while True:
        code = "P-" + "".join(secrets.choice(invitations.ALPHABET) for _ in range(5))
        if patients.by_code(session, code) is None:
            return code
