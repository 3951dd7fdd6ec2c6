"""Phone calls between physio and patient: asked for, offered with times, agreed, made."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, select

from data.patients import Patient
from data.types import UtcDateTime, coded


class CallState(StrEnum):
    ASKED = "asked"  # by the patient, who has said when it suits
    OFFERED = "offered"  # by a physio, with times
    AGREED = "agreed"
    NONE_SUIT = "none_suit"
    ENDED = "ended"  # with an outcome


LIVE = (CallState.ASKED, CallState.OFFERED, CallState.AGREED, CallState.NONE_SUIT)


class Call(SQLModel, table=True):
    """A patient has one that is live: a new offer takes the place of the one before."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    physio_id: int | None = Field(default=None, foreign_key="physio.id")  # who offers; None: asked for, and nobody yet
    state: CallState = Field(index=True, sa_type=coded(CallState))
    times: list = Field(default_factory=list, sa_type=JSON)  # UTC instants as ISO text, in order
    preferred: str = ""  # when it suits the patient: a code of dialogues/talking.yml
    made_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    call_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the time that the patient chose
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str = ""  # coded: dialogues/protocol/talking.yml; replaced: by a newer offer

    @property
    def offered(self) -> list[datetime]:
        return [datetime.fromisoformat(each) for each in self.times]


def add(session: Session, call: Call) -> Call:
    session.add(call)
    session.flush()
    return call


def get(session: Session, patient_id: int, call_id: int) -> Call | None:
    """One of this patient's, held for this transaction."""
    query = select(Call).where(col(Call.id) == call_id, col(Call.patient_id) == patient_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def live_of(session: Session, patient_id: int) -> Call | None:
    query = select(Call).where(col(Call.patient_id) == patient_id, col(Call.state).in_(LIVE))
    return session.exec(query.order_by(col(Call.id).desc()).limit(1)).first()


def of_patient(session: Session, patient_id: int, *, most: int) -> list[Call]:
    """The newest first."""
    query = select(Call).where(col(Call.patient_id) == patient_id).order_by(col(Call.id).desc())
    return list(session.exec(query.limit(most)).all())


def live_in(session: Session, service_id: int) -> list[tuple[Call, Patient]]:
    """Of a service: the next agreed call first, then the oldest wish."""
    query = select(Call, Patient).join(Patient, col(Patient.id) == col(Call.patient_id))
    query = query.where(col(Patient.service_id) == service_id, col(Call.state).in_(LIVE))
    order = (col(Call.call_at).is_(None), col(Call.call_at), col(Call.made_at), col(Call.id))
    return [(row[0], row[1]) for row in session.exec(query.order_by(*order)).all()]
