"""Activity goals, in the patient's own words. A new goal replaces the old one; nothing is overwritten."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class GoalState(StrEnum):
    ACTIVE = "active"
    REPLACED = "replaced"
    DROPPED = "dropped"


class ActivityGoal(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    state: GoalState = Field(default=GoalState.ACTIVE, sa_type=coded(GoalState))
    activity: str = Field(sa_type=Encrypted)
    place: str = Field(sa_type=Encrypted)
    days: str  # canonical: "Monday, Wednesday, Friday"
    at: str = Field(sa_type=Encrypted)  # canonical wall-clock time "09:30", or the patient's anchor ("after breakfast")
    minutes: int  # first week's target a session
    start_minutes: int  # what the patient says they can do now: the baseline
    confidence: int  # 0–10
    importance: int | None = None  # 0–10; None when skipped
    barrier: str = Field(sa_type=Encrypted)
    if_then: str = Field(sa_type=Encrypted)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def active(session: Session, patient_id: int) -> ActivityGoal | None:
    return _active(session, patient_id=patient_id).first()


@prepared
def _active(patient_id: Any) -> SelectOfScalar[ActivityGoal]:
    mine = col(ActivityGoal.patient_id) == patient_id
    return select(ActivityGoal).where(mine, col(ActivityGoal.state) == GoalState.ACTIVE)


def history(session: Session, patient_id: int) -> list[ActivityGoal]:
    """Every goal there was, oldest first."""
    query = select(ActivityGoal).where(col(ActivityGoal.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(ActivityGoal.id))).all())


def replace(session: Session, goal: ActivityGoal) -> ActivityGoal:
    """The new goal stands; the one before is kept as history."""
    end(session, goal.patient_id, GoalState.REPLACED, goal.created_at)
    session.add(goal)
    session.flush()
    return goal


def end(session: Session, patient_id: int, state: GoalState, now: datetime) -> bool:
    """Ends the active goal; False when there is none."""
    goal = active(session, patient_id)
    if goal is None:
        return False
    goal.state, goal.ended_at = state, now
    session.flush()
    return True
