"""The support calls of physiotherapists: each try is a row, only ever added to; and for whom the next one is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_
from sqlmodel import Field, Session, SQLModel, col, func, select

from data.patients import Patient, PatientState
from data.types import Encrypted, UtcDateTime


class SupportCall(SQLModel, table=True):
    """One try of one call. `outcome` and `referral` are codes of dialogues/protocol/support_calls.yml."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    number: int  # 1 to 3
    outcome: str
    ended: bool  # this call is over; False: to be tried again
    referral: str = ""
    agreed: str = Field(default="", sa_type=Encrypted)  # with the patient
    notes: str = Field(default="", sa_type=Encrypted)  # for colleagues
    physio_id: int | None = Field(default=None, foreign_key="physio.id")
    content: str = ""  # the version of dialogues/ that the sheet was made from
    at: datetime = Field(sa_type=UtcDateTime)


@dataclass(frozen=True)
class Window:
    """Who joined before `opened` has this call due, who joined before `late` has it late."""

    number: int
    opened: datetime
    late: datetime


@dataclass(frozen=True)
class Due:
    patient: Patient
    number: int
    is_late: bool


def add(session: Session, call: SupportCall) -> SupportCall:
    session.add(call)
    session.flush()
    return call


def of_patient(session: Session, patient_id: int) -> list[SupportCall]:
    """Oldest first."""
    query = select(SupportCall).where(col(SupportCall.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(SupportCall.id))).all())


def due(
    session: Session, service_id: int, windows: Sequence[Window], since: datetime, *, most: int, skip: int = 0
) -> list[Due]:
    """Active patients who joined at `since` or later and whose next call is due: late ones first, then who joined first."""
    ended = _ended()
    late = case((_in(windows, ended.c.number, "late"), 1), else_=0)
    query: Any = select(Patient, func.coalesce(ended.c.number, 0), late)
    query = _of(query, ended, service_id, windows, since).order_by(
        late.desc(), col(Patient.enrolled_at), col(Patient.id)
    )
    return [Due(row[0], row[1] + 1, bool(row[2])) for row in session.exec(query.offset(skip).limit(most)).all()]


def count_due(session: Session, service_id: int, windows: Sequence[Window], since: datetime) -> tuple[int, int]:
    """How many are due, and how many of them are late."""
    ended = _ended()
    late = case((_in(windows, ended.c.number, "late"), 1), else_=0)
    query: Any = select(func.count(), func.coalesce(func.sum(late), 0)).select_from(Patient)
    number, overdue = session.exec(_of(query, ended, service_id, windows, since)).one()
    return int(number), int(overdue)


def _ended() -> Any:
    """Patient → the highest number of a call that is over."""
    query = select(SupportCall.patient_id, func.max(SupportCall.number).label("number"))
    return query.where(col(SupportCall.ended)).group_by(col(SupportCall.patient_id)).subquery()


def _of(query: Any, ended: Any, service_id: int, windows: Sequence[Window], since: datetime) -> Any:
    query = query.join(ended, ended.c.patient_id == col(Patient.id), isouter=True)
    return query.where(
        col(Patient.service_id) == service_id, col(Patient.state) == PatientState.ACTIVE,
        col(Patient.enrolled_at) >= since, _in(windows, ended.c.number, "opened"),
    )  # fmt: skip


def _in(windows: Sequence[Window], ended: Any, edge: str) -> ColumnElement[bool]:
    return or_(
        *(
            and_(func.coalesce(ended, 0) == each.number - 1, col(Patient.enrolled_at) < getattr(each, edge))
            for each in windows
        )
    )
