"""Conversations about one belief: offered, opened, and what the patient said in them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class ExplorationState(StrEnum):
    OFFERED = "offered"
    DECLINED = "declined"  # not now: 48 hours' rest
    OPEN = "open"
    DONE = "done"
    NOT_HELD = "not_held"  # asked, and it is not the patient's view
    UNRESOLVED = "unresolved"  # the patient disagreed twice, and it was parked
    LEFT = "left"  # stopped half-way, or forgotten


class Exploration(SQLModel, table=True):
    """One class, once. At most one a day."""

    __table_args__ = (CheckConstraint("strength between 0 and 10"), CheckConstraint("confidence between 0 and 10"))

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    belief: str  # B01…B16
    reason: str  # why it was offered: another_day, strong, blocks_plan
    state: ExplorationState = Field(default=ExplorationState.OFFERED, sa_type=coded(ExplorationState))
    offered_on: date  # the patient's local day
    offered_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    view: str = Field(default="", sa_type=Encrypted)  # what they say about it, in their words
    fits: str = Field(default="", sa_type=Encrypted)  # a time it went that way
    unlike: str = Field(default="", sa_type=Encrypted)  # a time it did not
    made_of_it: str = Field(default="", sa_type=Encrypted)  # of what was found in other people
    heard_found: bool = False  # wanted to hear what was found in other people
    strength: int | None = None  # how true it feels now, 0–10; None when skipped
    confidence: int | None = None  # to try the experiment, 0–10
    disagreements: int = 0


def latest(session: Session, patient_id: int) -> Exploration | None:
    return _latest(session, patient_id=patient_id).first()


@prepared
def _latest(patient_id: Any) -> SelectOfScalar[Exploration]:
    query = select(Exploration).where(col(Exploration.patient_id) == patient_id)
    return query.order_by(col(Exploration.id).desc()).limit(1)


def of_patient(session: Session, patient_id: int) -> list[Exploration]:
    """Oldest first."""
    query = select(Exploration).where(col(Exploration.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(Exploration.id))).all())


def unfinished(session: Session, patient_id: int) -> Exploration | None:
    """The one that is offered or open."""
    row = latest(session, patient_id)
    return row if row and row.state in (ExplorationState.OFFERED, ExplorationState.OPEN) else None
