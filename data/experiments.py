"""Small tests of a prediction: what the patient expected, what came, and how the next morning was."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class ExperimentState(StrEnum):
    AGREED = "agreed"
    TRIED = "tried"  # the score after it is known, the next morning's is not
    DONE = "done"
    NOT_TRIED = "not_tried"
    LAPSED = "lapsed"  # never answered


class Experiment(SQLModel, table=True):
    """Pain scores 0–10. `asks` is the question that is open: tried, actual, next_morning, made_of_it."""

    __table_args__ = (
        CheckConstraint("expected between 0 and 10"),
        CheckConstraint("actual between 0 and 10"),
        CheckConstraint("next_morning between 0 and 10"),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    exploration_id: int | None = Field(default=None, foreign_key="exploration.id")
    belief: str = ""
    what: str = Field(sa_type=Encrypted)  # "walk to the corner and back"
    expected: int
    agreed_at: datetime = Field(sa_type=UtcDateTime)
    try_on: date  # the patient's local day
    state: ExperimentState = Field(default=ExperimentState.AGREED, sa_type=coded(ExperimentState))
    asks: str | None = None
    asked: int = 0  # how often the patient was asked this question
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the last time
    actual: int | None = None
    tried_on: date | None = None
    next_morning: int | None = None
    made_of_it: str = Field(default="", sa_type=Encrypted)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


RUNNING = (ExperimentState.AGREED, ExperimentState.TRIED)


def add(session: Session, experiment: Experiment) -> Experiment:
    session.add(experiment)
    session.flush()
    return experiment


def running(session: Session, patient_id: int) -> list[Experiment]:
    """Those that still wait for an answer, oldest first."""
    query = select(Experiment).where(col(Experiment.patient_id) == patient_id, col(Experiment.state).in_(RUNNING))
    return list(session.exec(query.order_by(col(Experiment.id))).all())


def asking(session: Session, patient_id: int) -> Experiment | None:
    """The one whose question was put last."""
    return _asking(session, patient_id=patient_id).first()


@prepared
def _asking(patient_id: Any) -> SelectOfScalar[Experiment]:
    query = select(Experiment).where(col(Experiment.patient_id) == patient_id, col(Experiment.asks).is_not(None))
    return query.order_by(col(Experiment.asked_at).desc(), col(Experiment.id).desc()).limit(1)


def finished(session: Session, patient_id: int) -> list[Experiment]:
    """Those with a score after the try, oldest first: good ones and bad ones."""
    query = select(Experiment).where(col(Experiment.patient_id) == patient_id, col(Experiment.actual).is_not(None))
    return list(session.exec(query.order_by(col(Experiment.id))).all())


def of_patient(session: Session, patient_id: int) -> list[Experiment]:
    """Every one, oldest first."""
    query = select(Experiment).where(col(Experiment.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(Experiment.id))).all())
