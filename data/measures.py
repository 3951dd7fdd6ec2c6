"""Questionnaires: a sitting is one of them, asked at one point of the programme. A round says when to look again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer, UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.patients import Patient, PatientState
from data.prepared import prepared
from data.types import EncryptedJson, UtcDateTime, coded


class SittingState(StrEnum):
    DUE = "due"
    OPEN = "open"  # begun; it can be gone on with for days
    DONE = "done"  # to the end; `score` is None when answers that the score needs are missing
    SKIPPED = "skipped"  # by the patient
    LAPSED = "lapsed"  # never begun, or not gone on with: missing, and never zero


UNFINISHED = (SittingState.DUE, SittingState.OPEN)


class Sitting(SQLModel, table=True):
    """`answers` by item of dialogues/measures/<measure>.yml: numbers, and the patient's own words where it asks for them."""

    __table_args__ = (UniqueConstraint("patient_id", "measure", "occasion"),)

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    measure: str
    occasion: str  # week_0, week_6, month_12, …; worse_2026-12-01 for one that a deterioration called for
    due_on: date  # the patient's local day
    until_on: date  # the last day on which it may be begun
    state: SittingState = Field(default=SittingState.DUE, sa_type=coded(SittingState))
    offers: int = 0  # how often the patient was told of it
    offered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the last time
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asks: str | None = None  # the item that is being asked, "ticks" for all of them on one message; None: nothing is
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answers: dict = Field(default_factory=dict, sa_type=EncryptedJson)
    skipped: str = ""  # items the patient skipped, comma-separated
    score: float | None = None  # the main score
    subscales: dict = Field(default_factory=dict, sa_type=EncryptedJson)  # the other scores by name
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MeasureRound(SQLModel, table=True):
    """One a patient: `due_at` is when the tick must look again. The schedule counts from Patient.enrolled_at."""

    patient_id: int = Field(foreign_key="patient.id", primary_key=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    wished: bool = False  # the patient said "later": the next offer is theirs, and no prompt nobody asked for


@dataclass(frozen=True)
class Score:
    """One sitting that has a score. `subscales` hold the other scores of it by name (phq2, distress, worst, …)."""

    measure: str
    occasion: str
    on: date  # the patient's local day it was due
    at: datetime  # when it was finished
    value: float
    subscales: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)


# For everybody --------------------------------------------------------------------------------------------------------


def latest(session: Session, patient_id: int, measure: str) -> Score | None:
    """The newest sitting with a score; one that was skipped or left incomplete doesn't count."""
    found = series(session, patient_id, measure)
    return found[-1] if found else None


def series(session: Session, patient_id: int, measure: str) -> list[Score]:
    """Every sitting with a score, oldest first."""
    query = select(Sitting).where(col(Sitting.patient_id) == patient_id, col(Sitting.measure) == measure)
    query = query.where(col(Sitting.state) == SittingState.DONE, col(Sitting.score).is_not(None))
    rows = session.exec(query.order_by(col(Sitting.ended_at), col(Sitting.id))).all()
    return [
        Score(row.measure, row.occasion, row.due_on, row.ended_at, row.score, row.subscales, row.answers)
        for row in rows
        if row.score is not None and row.ended_at is not None
    ]


# Sittings -------------------------------------------------------------------------------------------------------------


def add(session: Session, sitting: Sitting) -> Sitting:
    session.add(sitting)
    session.flush()
    return sitting


def by_id(session: Session, sitting_id: int) -> Sitting | None:
    return _by_id(session, sitting_id=sitting_id).first()


@prepared
def _by_id(sitting_id: Any) -> SelectOfScalar[Sitting]:
    query = select(Sitting).where(col(Sitting.id) == sitting_id)
    return query.with_for_update().execution_options(populate_existing=True)


def of_patient(
    session: Session, patient_id: int, states: Collection[SittingState] = tuple(SittingState)
) -> list[Sitting]:
    """Oldest occasion first."""
    return list(_of_patient(session, patient_id=patient_id, states=list(states)))


@prepared
def _of_patient(patient_id: Any, states: Any = coded(SittingState)) -> SelectOfScalar[Sitting]:
    query = select(Sitting).where(col(Sitting.patient_id) == patient_id, col(Sitting.state).in_(states))
    return query.order_by(col(Sitting.due_on), col(Sitting.id))


def of_occasion(session: Session, patient_id: int, measure: str, occasion: str) -> Sitting | None:
    return _of_occasion(session, patient_id=patient_id, measure=measure, occasion=occasion).first()


@prepared
def _of_occasion(patient_id: Any, measure: Any, occasion: Any) -> SelectOfScalar[Sitting]:
    query = select(Sitting).where(col(Sitting.patient_id) == patient_id, col(Sitting.measure) == measure)
    return query.where(col(Sitting.occasion) == occasion)


def last_begun(session: Session, patient_id: int, measure: str, *, but: int) -> Sitting | None:
    """The newest other sitting of this measure that holds answers."""
    query = select(Sitting).where(col(Sitting.patient_id) == patient_id, col(Sitting.measure) == measure)
    query = query.where(col(Sitting.id) != but, col(Sitting.opened_at).is_not(None))
    rows = session.exec(query.order_by(col(Sitting.opened_at).desc(), col(Sitting.id).desc())).all()
    return next((row for row in rows if row.answers), None)


def asking(session: Session, patient_id: int) -> Sitting | None:
    """The one whose question was put last."""
    return _asking(session, patient_id=patient_id).first()


@prepared
def _asking(patient_id: Any) -> SelectOfScalar[Sitting]:
    query = select(Sitting).where(col(Sitting.patient_id) == patient_id, col(Sitting.asks).is_not(None))
    return query.order_by(col(Sitting.asked_at).desc(), col(Sitting.id).desc()).limit(1)


# Rounds ---------------------------------------------------------------------------------------------------------------


def round_of(session: Session, patient_id: int) -> MeasureRound | None:
    return session.get(MeasureRound, patient_id)


def claim_rounds(session: Session, now: datetime, *, most: int) -> list[MeasureRound]:
    """Rounds to look at, longest due first; no other process gets them while this transaction lasts."""
    return list(_rounds_due(session, now=now, most=most))


@prepared
def _rounds_due(now: Any, most: Any = Integer) -> SelectOfScalar[MeasureRound]:
    query = select(MeasureRound).where(col(MeasureRound.due_at) <= now).order_by(col(MeasureRound.due_at)).limit(most)
    return query.with_for_update(skip_locked=True)


def without_round(session: Session, *, most: int) -> list[Patient]:
    """Active patients who have no round yet: they joined before there were questionnaires."""
    theirs = select(MeasureRound.patient_id).where(col(MeasureRound.patient_id) == col(Patient.id))
    query = select(Patient).where(col(Patient.state) == PatientState.ACTIVE, ~theirs.exists())
    query = query.where(col(Patient.enrolled_at).is_not(None))
    return list(session.exec(query.order_by(col(Patient.id)).limit(most)).all())
