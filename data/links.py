"""Looks at a patient's own activity–pain link: the guess before, the verdict of each look, what they make of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Integer, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from data.checkins import CheckIn, CheckInKind
from data.patients import Patient, PatientState
from data.prepared import prepared
from data.types import Encrypted, EncryptedJson, UtcDateTime, coded


class LinkQuestion(SQLModel, table=True):
    """The one question of this patient, declared before anything was counted: does a more active day go with an easier
    next morning? `guess`: easier, same, sorer; "" when they had none."""

    patient_id: int = Field(foreign_key="patient.id", primary_key=True)
    guess: str = ""
    declared_at: datetime = Field(sa_type=UtcDateTime)


class LookState(StrEnum):
    PLANNED = "planned"
    ASKED = "asked"  # the verdict stands; the patient's own impression is asked first
    TOLD = "told"
    CLOSED = "closed"  # the patient has said, or left out, what they make of it
    DROPPED = "dropped"  # it could not be opened in its time


WAITING = text("state = 'planned' or quote_at is not null")


class LinkLook(SQLModel, table=True):
    """One look, on one of the declared days. `figures` are those of bot/coaching/association.py, frozen when it opened."""

    __table_args__ = (
        UniqueConstraint("patient_id", "day"),
        Index("ix_linklook_due", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    day: int  # 28, 42, 56, 84: days since pain was first asked in the morning
    state: LookState = Field(default=LookState.PLANNED, sa_type=coded(LookState))
    due_at: datetime = Field(sa_type=UtcDateTime)
    verdict: str = ""
    figures: dict = Field(default_factory=dict, sa_type=EncryptedJson)
    asks: str | None = None  # impression, meaning
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    impression: str | None = Field(default=None, sa_type=Encrypted)  # before the figures
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    meaning: str | None = Field(default=None, sa_type=Encrypted)  # what it says to them, in their words
    quote_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # when their words come back to them
    quoted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def question_of(session: Session, patient_id: int) -> LinkQuestion | None:
    return session.get(LinkQuestion, patient_id)


def declare(session: Session, question: LinkQuestion) -> LinkQuestion:
    """The first one stands: a question changed later would be another question."""
    known = question_of(session, question.patient_id)
    if known is None:
        session.add(question)
        session.flush()
    return known or question


def looks_of(session: Session, patient_id: int) -> list[LinkLook]:
    """In the order of their days."""
    query = select(LinkLook).where(col(LinkLook.patient_id) == patient_id).order_by(col(LinkLook.day))
    return list(session.exec(query).all())


def look(session: Session, look_id: int) -> LinkLook | None:
    return session.exec(select(LinkLook).where(col(LinkLook.id) == look_id).with_for_update()).first()


def asking(session: Session, patient_id: int) -> LinkLook | None:
    """The one whose question is open, the newest."""
    return _asking(session, patient_id=patient_id).first()


@prepared
def _asking(patient_id: Any) -> SelectOfScalar[LinkLook]:
    query = select(LinkLook).where(col(LinkLook.patient_id) == patient_id, col(LinkLook.asks).is_not(None))
    return query.order_by(col(LinkLook.day).desc()).limit(1)


def told(session: Session, patient_id: int) -> list[LinkLook]:
    """Those whose verdict the patient has heard, oldest first: for at-risk rules too (verdict `more_pain` twice)."""
    return [each for each in looks_of(session, patient_id) if each.told_at is not None]


def unplanned(session: Session, *, most: int) -> list[Patient]:
    """Patients whose mornings are being asked and whose looks have not been planned."""
    return list(_unplanned(session, most=most))


@prepared
def _unplanned(most: Any = Integer) -> SelectOfScalar[Patient]:
    mornings = select(CheckIn.id).where(
        col(CheckIn.patient_id) == col(Patient.id),
        col(CheckIn.kind) == CheckInKind.MORNING,
        col(CheckIn.sent_at).is_not(None),
    )
    looks = select(LinkLook.id).where(col(LinkLook.patient_id) == col(Patient.id))
    query = select(Patient).where(col(Patient.state).in_((PatientState.ACTIVE, PatientState.PAUSED)))
    query = query.where(col(Patient.morning_at).is_not(None), mornings.exists(), ~looks.exists())
    return query.order_by(col(Patient.id)).limit(most)


def is_due(session: Session, now: datetime) -> bool:
    return session.exec(select(LinkLook.id).where(*_due(now)).limit(1)).first() is not None


def claim_due(session: Session, now: datetime, *, most: int) -> list[LinkLook]:
    """Looks to open and words to bring back; no other process gets them while this transaction lasts."""
    query = select(LinkLook).where(*_due(now)).order_by(col(LinkLook.due_at), col(LinkLook.id))
    return list(session.exec(query.limit(most).with_for_update(skip_locked=True)).all())


def _due(now: datetime) -> tuple[Any, ...]:
    return (
        or_(col(LinkLook.state) == LookState.PLANNED, col(LinkLook.quote_at).is_not(None)),
        col(LinkLook.due_at) <= now,
    )
