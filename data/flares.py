"""Flare-ups: from the day the patient said so to the day it was over, and what they said of it in between."""

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel, col, select

from data.types import Encrypted, UtcDateTime, coded


class FlareEnd(StrEnum):
    GONE = "gone"  # the patient said so
    EASING = "easing"  # it was easing when we last asked
    UNKNOWN = "unknown"  # never answered: no more than its beginning is known


class Flare(SQLModel, table=True):
    """Days are the patient's local days; the first is day 1. `ended_on` is None while it lasts, or nobody knows."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    started_at: datetime = Field(sa_type=UtcDateTime)
    started_on: date
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_on: date | None = None
    ended_how: FlareEnd | None = Field(default=None, sa_type=coded(FlareEnd))
    ask_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # when "is it easing?" is due next
    asked_on: date | None = None  # the day of the last question
    said: str | None = None  # the last answer: gone, easing, same, worse
    said_on: date | None = None
    alerted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # a physio was told that it isn't easing
    helped: str = Field(default="", sa_type=Encrypted)  # what helped, in the patient's words


def add(session: Session, flare: Flare) -> Flare:
    session.add(flare)
    session.flush()
    return flare


def flares(session: Session, patient_id: int) -> list[Flare]:
    """All of them, oldest first."""
    query = select(Flare).where(col(Flare.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(Flare.id))).all())


def open_flare(session: Session, patient_id: int) -> Flare | None:
    """The one that lasts."""
    rows = flares(session, patient_id)
    return rows[-1] if rows and rows[-1].ended_at is None else None


def flare(session: Session, patient_id: int, flare_id: int) -> Flare | None:
    """None for another patient's."""
    row = session.get(Flare, flare_id)
    return row if row and row.patient_id == patient_id else None


def due(session: Session, now: datetime, *, most: int) -> list[Flare]:
    query = select(Flare).where(col(Flare.ended_at).is_(None), col(Flare.ask_at) <= now)
    return list(session.exec(query.order_by(col(Flare.ask_at)).limit(most)).all())


def note_helped(session: Session, patient_id: int, words: str) -> None:
    """In the patient's words, for the newest flare."""
    rows = flares(session, patient_id)
    if rows:
        rows[-1].helped = words
