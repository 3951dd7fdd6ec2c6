"""Referrals for a physical assessment: why, where, what to bring, and what came of it."""

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel, col, select

from data.patients import Patient
from data.types import Encrypted, UtcDateTime, coded


class ReferralState(StrEnum):
    OPEN = "open"
    ATTENDED = "attended"
    DID_NOT_ATTEND = "did_not_attend"
    DECLINED = "declined"
    CANCELLED = "cancelled"


ENDS = tuple(state for state in ReferralState if state is not ReferralState.OPEN)


class Referral(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id")
    state: ReferralState = Field(default=ReferralState.OPEN, index=True, sa_type=coded(ReferralState))
    reason: str  # coded: dialogues/protocol/referral.yml
    place: str = Field(sa_type=Encrypted)
    bring: str = Field(sa_type=Encrypted)
    visit_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # None: the clinic sends a date
    made_at: datetime = Field(sa_type=UtcDateTime)
    answer: str = ""  # the patient's: yes, no
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: int | None = Field(default=None, foreign_key="physio.id")
    happened_on: date | None = None  # the day of the visit, or on which it was missed or declined
    findings: str = Field(default="", sa_type=Encrypted)


def add(session: Session, referral: Referral) -> Referral:
    session.add(referral)
    session.flush()
    return referral


def get(session: Session, patient_id: int, referral_id: int) -> Referral | None:
    """One of this patient's, held for this transaction."""
    query = select(Referral).where(col(Referral.id) == referral_id, col(Referral.patient_id) == patient_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def of_patient(session: Session, patient_id: int) -> list[Referral]:
    """The newest first."""
    query = select(Referral).where(col(Referral.patient_id) == patient_id).order_by(col(Referral.id).desc())
    return list(session.exec(query).all())


def open_in(session: Session, service_id: int) -> list[tuple[Referral, Patient]]:
    """Of a service: the next visit first, then those without a date, the oldest first."""
    query = select(Referral, Patient).join(Patient, col(Patient.id) == col(Referral.patient_id))
    query = query.where(col(Patient.service_id) == service_id, col(Referral.state) == ReferralState.OPEN)
    order = (col(Referral.visit_at).is_(None), col(Referral.visit_at), col(Referral.id))
    return [(row[0], row[1]) for row in session.exec(query.order_by(*order)).all()]
