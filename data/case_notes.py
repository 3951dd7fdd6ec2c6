"""What physiotherapists write down about a patient. Only ever added to: a note is put right by the next one."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

from data.types import Encrypted, UtcDateTime


class CaseNote(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    alert_id: int | None = Field(default=None, foreign_key="alert.id")  # None: about the person, not about one alert
    physio_id: int | None = Field(default=None, foreign_key="physio.id")
    words: str = Field(sa_type=Encrypted)
    at: datetime = Field(sa_type=UtcDateTime)


def add(session: Session, note: CaseNote) -> CaseNote:
    session.add(note)
    session.flush()
    return note


def of_patient(session: Session, patient_id: int) -> list[CaseNote]:
    """The newest first."""
    query = select(CaseNote).where(col(CaseNote.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(CaseNote.id).desc())).all())
