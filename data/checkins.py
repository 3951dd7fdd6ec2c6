"""Check-ins: the row says what is due. planned → sent → answered | snoozed | lapsed | skipped | missed."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from data.types import Encrypted, UtcDateTime


class CheckInState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    SNOOZED = "snoozed"  # due again at due_at
    ANSWERED = "answered"
    LAPSED = "lapsed"  # sent, not (fully) answered in time, or cut short by a safety hold
    SKIPPED = "skipped"  # by the patient, or no longer relevant when its time came
    MISSED = "missed"  # we were down for too long


class CheckIn(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("patient_id", "on"),
        CheckConstraint("pain between 0 and 10"),
        CheckConstraint("minutes >= 0"),
        CheckConstraint("confidence between 0 and 10"),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    on: date  # the patient's local day: one check-in a day
    state: CheckInState = Field(default=CheckInState.PLANNED, index=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asks: str | None = None  # pain, minutes, confidence, noticed; None when nothing is being asked
    pain: int | None = None  # NRS 0–10
    minutes: int | None = None
    confidence: int | None = None  # 0–10
    noticed: str | None = Field(default=None, sa_type=Encrypted)
    skipped: str = ""  # the questions the patient skipped, comma-separated: missing is never zero
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_rasa: bool = False
