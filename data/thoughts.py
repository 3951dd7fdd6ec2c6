"""Thought records: a thought looked at from both sides, kept as a card for a harder day."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from data.types import Encrypted, UtcDateTime


class ThoughtRecord(SQLModel, table=True):
    """In the patient's own words; what was skipped is empty. Feelings 0–10, None when skipped."""

    __table_args__ = (CheckConstraint("feeling between 0 and 10"), CheckConstraint("feeling_after between 0 and 10"))

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    situation: str = Field(default="", sa_type=Encrypted)
    thought: str = Field(sa_type=Encrypted)
    feeling: int | None = None
    did: str = Field(default="", sa_type=Encrypted)
    facts_for: str = Field(default="", sa_type=Encrypted)
    facts_against: str = Field(default="", sa_type=Encrypted)
    to_a_friend: str = Field(default="", sa_type=Encrypted)
    fairer_thought: str = Field(sa_type=Encrypted)
    to_try: str = Field(default="", sa_type=Encrypted)
    feeling_after: int | None = None
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # can be taken back for a while


def add(session: Session, record: ThoughtRecord) -> ThoughtRecord:
    session.add(record)
    session.flush()
    return record


def of_patient(session: Session, patient_id: int) -> list[ThoughtRecord]:
    """Those that are not deleted, newest first."""
    query = select(ThoughtRecord).where(
        col(ThoughtRecord.patient_id) == patient_id, col(ThoughtRecord.deleted_at).is_(None)
    )
    return list(session.exec(query.order_by(col(ThoughtRecord.id).desc())).all())


def card(session: Session, patient_id: int, record_id: int) -> ThoughtRecord | None:
    """Also a deleted one, while it can be taken back. None for another patient's."""
    row = session.get(ThoughtRecord, record_id)
    return row if row and row.patient_id == patient_id else None


def purge_deleted(session: Session, before: datetime) -> int:
    gone = session.exec(select(ThoughtRecord).where(col(ThoughtRecord.deleted_at) < before)).all()
    for row in gone:
        session.delete(row)
    return len(gone)
