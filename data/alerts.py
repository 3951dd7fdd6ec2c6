"""Alerts: somebody must look. They move forward by one conditional update, and every move is an AuditEvent."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from data.types import UtcDateTime


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # owned, with its own deadline: then it re-opens
    CLOSED = "closed"


class Alert(SQLModel, table=True):
    """`reference` (A-0042) stands on every copy of the card."""

    id: int = Field(default=None, primary_key=True)
    reference: str = Field(unique=True, index=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    cause: str = Field(index=True)  # RF01…RF19, AR01…AR22
    severity: str  # E999, EAE, U111, U48, R: what the patient was told
    level: str  # P0–P3: when a human acts
    told: str  # code of the message the patient got: M999, MAE, … or "" when none
    message_id: int | None = Field(default=None, foreign_key="message.id")  # the words stay in the case
    state: AlertState = Field(default=AlertState.OPEN, index=True)
    raised_at: datetime = Field(sa_type=UtcDateTime)
    times_raised: int = 1  # a new red-flag message joins the open alert and counts here
    last_raised_at: datetime = Field(sa_type=UtcDateTime)
    policy: dict = Field(default_factory=dict, sa_type=JSON)  # the escalation policy as it was then
    rung: int = 0  # the next rung to climb
    next_step_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    acknowledged_by: int | None = Field(default=None, foreign_key="physio.id")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: int | None = Field(default=None, foreign_key="physio.id")
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None  # coded: dialogues/protocol/escalation.yml


class AuditEvent(SQLModel, table=True):
    """Append-only, without foreign keys, so that the audit never blocks an erasure."""

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    what: str = Field(index=True)  # past tense: alert_raised, alert_acknowledged, consent_given, patient_erased …
    by: str  # system, patient, physio:3, admin
    patient: str | None = Field(default=None, index=True)  # the code
    alert: str | None = Field(default=None, index=True)  # the reference
    detail: dict = Field(default_factory=dict, sa_type=JSON)  # ids and codes, never words
