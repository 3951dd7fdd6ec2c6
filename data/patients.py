"""Patients: who the coach talks with, and what they have agreed to. Names are never stored."""

from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.messages import Message
from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class PatientState(StrEnum):
    STRANGER = "stranger"  # writes to us, no invitation redeemed yet
    INVITED = "invited"  # invitation redeemed, consent not yet given
    ACTIVE = "active"
    PAUSED = "paused"  # by the patient: no check-ins; screening and conversation go on
    WITHDRAWN = "withdrawn"  # consent withdrawn: nothing is sent but safety advice


class Nation(StrEnum):
    ENGLAND = "england"
    SCOTLAND = "scotland"
    WALES = "wales"
    NORTHERN_IRELAND = "northern_ireland"


class Patient(SQLModel, table=True):
    """`code` is what staff see (P-7KQ4M); `sender` is what Rasa sees. Neither says who it is."""

    id: int = Field(default=None, primary_key=True)
    code: str = Field(unique=True, index=True)
    sender: str = Field(unique=True, index=True)
    state: PatientState = Field(default=PatientState.STRANGER, index=True, sa_type=coded(PatientState))
    service_id: int = Field(default=1, foreign_key="service.id", index=True)  # data.rota.FIRST: who may see them
    created_at: datetime = Field(sa_type=UtcDateTime)
    enrolled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # consent was given: week 1 begins
    nation: Nation | None = Field(default=None, sa_type=coded(Nation))
    time_zone: str = "Europe/London"  # IANA name
    check_in_at: time | None = None  # wall-clock time in `time_zone`; of a pair the evening's
    morning_at: time | None = None  # of a pair: when pain is asked, before activity; None: one check-in a day
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    activity_screen: str | None = Field(default=None, sa_type=Encrypted)  # what they said yes to, comma-separated
    needs_activity_review: bool = False  # a yes in the activity screen: light goals only until a physio has looked
    # What the coach is asking in Rasa, as of the last turn: "goal_form.goal_minutes"; None outside forms.
    asks: str | None = None
    then: str | None = None  # the intent that goes on after the safety questions
    # Safety hold: coaching stops from a Tier A risk until a physio closes the alert.
    held_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_for: str | None = None  # the risk id, RF01…
    quiet_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # after RF13: only safety is sent
    next_safety_screen_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # monthly
    tracker_since: datetime | None = Field(default=None, sa_type=UtcDateTime)  # Rasa has forgotten what was before


class PatientChat(SQLModel, table=True):
    """The vault: the only place that ties a Telegram chat to a patient."""

    chat_id: int = Field(primary_key=True, sa_type=BigInteger)
    patient_id: int = Field(foreign_key="patient.id", unique=True)
    blocked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the patient blocked the bot


class ConsentEvent(SQLModel, table=True):
    """Consent given or withdrawn, with the version of the words that were shown."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    version: str
    given: bool
    at: datetime = Field(sa_type=UtcDateTime)


class Invitation(SQLModel, table=True):
    """A one-time code for a patient or a physio. Only its hash is kept."""

    id: int = Field(default=None, primary_key=True)
    code_hash: str = Field(unique=True, index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id")  # set: it links a physio's chat
    service_id: int = Field(default=1, foreign_key="service.id")  # the patient's service from then on
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    redeemed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    patient_id: int | None = Field(default=None, foreign_key="patient.id")


def by_chat(session: Session, chat_id: int) -> Patient | None:
    return _by_chat(session, chat_id=chat_id).first()


@prepared
def _by_chat(chat_id: Any) -> SelectOfScalar[Patient]:
    query = select(Patient).join(PatientChat, col(PatientChat.patient_id) == col(Patient.id))
    return query.where(col(PatientChat.chat_id) == chat_id)


def chat_of(session: Session, patient: Patient) -> PatientChat | None:
    return _chat_of(session, patient_id=patient.id).first()


@prepared
def _chat_of(patient_id: Any) -> SelectOfScalar[PatientChat]:
    return select(PatientChat).where(col(PatientChat.patient_id) == patient_id)


def by_code(session: Session, code: str) -> Patient | None:
    return session.exec(select(Patient).where(col(Patient.code) == code)).first()


def get(session: Session, patient_id: int) -> Patient:
    """The patient, who must exist. Raises LookupError after an erasure."""
    patient = session.get(Patient, patient_id)
    if patient is None:
        raise LookupError("the patient has been erased")
    return patient


def nobody_yet(session: Session) -> bool:
    """Nobody has ever written to this coach, or been erased since."""
    return session.exec(select(Patient.id).limit(1)).first() is None


def mark_blocked(session: Session, chat_id: int, at: datetime | None) -> None:
    """The patient blocked the bot (`at`), or let it in again (None)."""
    chat = session.get(PatientChat, chat_id)
    if chat:
        chat.blocked_at = at


def screens_due(session: Session, now: datetime) -> list[Patient]:
    """Active patients whose monthly safety screen is due."""
    query = select(Patient).where(col(Patient.next_safety_screen_at) <= now)
    return list(session.exec(query.where(col(Patient.state) == PatientState.ACTIVE)).all())


def pauses_over(session: Session, now: datetime) -> list[Patient]:
    return list(_pauses_over(session, now=now))


@prepared
def _pauses_over(now: Any) -> SelectOfScalar[Patient]:
    return select(Patient).where(col(Patient.state) == PatientState.PAUSED, col(Patient.paused_until) <= now)


def forget_stranger(session: Session, patient: Patient) -> None:
    """A stranger who turns out to be a physio leaves no patient behind."""
    for message in session.exec(select(Message).where(col(Message.patient_id) == patient.id)):
        session.delete(message)
    chat = chat_of(session, patient)
    if chat:
        session.delete(chat)
    session.flush()
    session.delete(patient)
    session.flush()
