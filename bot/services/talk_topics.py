"""What a topic brings to the talks of the programme; bot/services/talks.py leads through all of them alike."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.content import Words
from data.patients import Patient
from data.programme import Talk

OFFER = "offer"  # what a talk asks before its first question


class Topic(ABC):
    """`kind` is the talk's, `form` its form in dialogues/ ("" for a topic that is only an offer)."""

    kind: str
    form: str = ""
    at_its_hour = True  # due on its day of the week, at the patient's hour; else when the row says

    def fits(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> bool:
        """False when it is no longer wanted as its time comes."""
        return True

    def offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        """What opens it; [] when the first question opens it by itself."""
        return []

    def ends_with_offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> bool:
        """True when the offer leads elsewhere by its own buttons, so that nothing is waited for."""
        return False

    def shown(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        """What its texts and rules show and use beside the answers, by slot."""
        return {}

    def put(
        self, session: Session, patient: Patient, talk: Talk, slot: str, question: Words, now: datetime
    ) -> Sequence[Words]:
        """The question with what goes before it, and with the buttons that fit."""
        return [question]

    def check(self, session: Session, patient: Patient, talk: Talk, slot: str, value: object, now: datetime) -> None:
        """Raises EffectRefused for an answer that can't be taken now."""
        return None

    @abstractmethod
    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        """Writes down what was answered, all of it or what there is, and returns the words that end the talk."""
