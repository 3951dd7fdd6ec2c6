"""Activity goals, in the patient's own words. A new goal replaces the old one; nothing is overwritten."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from data.types import Encrypted, UtcDateTime


class GoalState(StrEnum):
    ACTIVE = "active"
    REPLACED = "replaced"
    DROPPED = "dropped"


class ActivityGoal(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    state: GoalState = GoalState.ACTIVE
    activity: str = Field(sa_type=Encrypted)
    place: str = Field(sa_type=Encrypted)
    days: str  # canonical: "Monday, Wednesday, Friday"
    at: str  # canonical wall-clock time "09:30", or the patient's anchor ("after breakfast")
    minutes: int  # first week's target a session
    start_minutes: int  # what the patient says they can do now: the baseline
    confidence: int  # 0–10
    importance: int  # 0–10
    barrier: str = Field(sa_type=Encrypted)
    if_then: str = Field(sa_type=Encrypted)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
