"""Physiotherapists and when they are on duty."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from data.types import UtcDateTime


class PhysioRole(StrEnum):
    PHYSIO = "physio"
    LEAD = "lead"  # the service lead: the last rung


class Physio(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    name: str  # shown to colleagues and, if settings say so, to patients
    role: PhysioRole = PhysioRole.PHYSIO
    chat_id: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    blocked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # no longer works here


class OnCallShift(SQLModel, table=True):
    """`ends_at` None: on duty until they say otherwise."""

    id: int = Field(default=None, primary_key=True)
    physio_id: int = Field(foreign_key="physio.id", index=True)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
