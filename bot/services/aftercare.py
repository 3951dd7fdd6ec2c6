"""After a P0 was closed: coaching goes on now, in a few days, or stays paused, as the patient says. Without Rasa.

`Escalation.close` made the offer and paused coaching for a few days, so that no answer is an answer too.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from bot.content import Library
from bot.services.enrolment import Enrolment
from bot.services.outgoing import Outgoing
from data import audit
from data.patients import Patient, PatientState

INTENT = "resume_offer"  # what the buttons say: "/resume_offer", with the choice beside it


class Aftercare:
    def __init__(self, library: Library, outgoing: Outgoing, enrolment: Enrolment) -> None:
        self._library = library
        self._outgoing = outgoing
        self._enrolment = enrolment

    def answer(self, session: Session, patient: Patient, choice: str, *, key: str, now: datetime) -> None:
        """The tapped button. One that comes after a new alert, a withdrawal or a choice by other means changes nothing."""
        numbers = self._library.numbers(patient.nation)
        days = int(self._library.number("escalation.resume_later"))
        if patient.held_since or patient.state != PatientState.PAUSED:
            response = "utter_stale_button"
        elif choice == "now":
            self._enrolment.resume(session, patient, now)
            response = "utter_resume_now"
        else:
            patient.paused_until = now + timedelta(days=days) if choice == "later" else None
            response = "utter_resume_later" if choice == "later" else "utter_resume_stay"
        if response != "utter_stale_button":
            audit.record(session, "resume_chosen", by="patient", now=now, patient=patient.code, choice=choice)
        words = [self._library.say(response, **numbers, days=days)]
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now)
