"""Count-downs in the chat: rows say what is due, so that one survives a restart."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import UtcDateTime, coded


class TimerState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"  # by the patient, or by a danger
    DONE = "done"
    LATE = "late"  # the coach was away when it ended: nobody waits for the bell any more


class Timer(SQLModel, table=True):
    """`message_key` is the outbox row whose message shows the time that is left."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    run_id: int | None = Field(default=None, foreign_key="modulerun.id")  # a step of a module
    step: str = ""
    exercise: str = ""  # or an exercise, with the way it is done
    way: str = ""
    seconds: int
    state: TimerState = Field(default=TimerState.RUNNING, sa_type=coded(TimerState), index=True)
    started_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)  # when the shown time changes next
    message_key: str
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def add(session: Session, timer: Timer) -> Timer:
    session.add(timer)
    session.flush()
    return timer


def of_patient(session: Session, patient_id: int, timer_id: int) -> Timer | None:
    """None for another patient's."""
    row = session.get(Timer, timer_id)
    return row if row and row.patient_id == patient_id else None


def running(session: Session, patient_id: int) -> list[Timer]:
    query = select(Timer).where(col(Timer.patient_id) == patient_id, col(Timer.state) == TimerState.RUNNING)
    return list(session.exec(query.order_by(col(Timer.id))).all())


def due(session: Session, now: datetime, *, most: int) -> list[Timer]:
    return list(_due(session, now=now, most=most))


@prepared
def _due(now: Any, most: Any = Integer) -> SelectOfScalar[Timer]:
    query = select(Timer).where(col(Timer.state) == TimerState.RUNNING, col(Timer.due_at) <= now)
    return query.order_by(col(Timer.due_at)).limit(most)
