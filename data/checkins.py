"""Check-ins: the row says what is due. planned → sent → answered | snoozed | lapsed | skipped | missed."""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, and_, delete, func, or_, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.concerns import SafetyQuestion
from data.messages import Direction, Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientState
from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded


class CheckInKind(StrEnum):
    DAILY = "daily"  # everything at one hour
    MORNING = "morning"  # of a pair: pain, before the day's activity
    EVENING = "evening"  # of a pair: the activity of the day


class CheckInState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    SNOOZED = "snoozed"  # due again at due_at
    ANSWERED = "answered"
    LAPSED = "lapsed"  # sent, not (fully) answered in time, or cut short by a safety hold
    SKIPPED = "skipped"  # by the patient, or no longer relevant when its time came
    MISSED = "missed"  # we were down for too long


LIVE = (CheckInState.PLANNED, CheckInState.SNOOZED, CheckInState.SENT)  # the tick still has something to do
# As text, the same in index and query, so that both engines see that the small index will do: ended rows pile up.
PLANNED = text("state = 'planned'")
LIVE_STATES = text("state in ('planned', 'snoozed', 'sent')")


class CheckIn(SQLModel, table=True):
    """`due_at` is when the tick must look at a live row again: to ask, to remind, to let it lapse."""

    __table_args__ = (
        UniqueConstraint("patient_id", "on", "kind"),
        CheckConstraint("pain between 0 and 10"),
        CheckConstraint("minutes >= 0"),
        CheckConstraint("confidence between 0 and 10"),
        Index(
            "ix_checkin_one_planned",
            "patient_id",
            "kind",
            unique=True,
            sqlite_where=PLANNED,
            postgresql_where=PLANNED,
        ),
        Index("ix_checkin_live", "due_at", sqlite_where=LIVE_STATES, postgresql_where=LIVE_STATES),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    on: date  # the patient's local day: one check-in a day, or a pair
    kind: CheckInKind = Field(default=CheckInKind.DAILY, sa_type=coded(CheckInKind))
    state: CheckInState = Field(default=CheckInState.PLANNED, sa_type=coded(CheckInState))
    planned_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # the patient's own hour; None: begun by hand
    due_at: datetime = Field(sa_type=UtcDateTime)
    waits: int = 0  # how often it stood back because the patient was in the middle of something else
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # when it was last asked from the start
    sends: int = 0  # a snoozed one is asked again
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asks: str | None = None  # pain, minutes, confidence, noticed; None when nothing is being asked
    pain: int | None = None  # NRS 0–10
    pain_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # an hour late is another hour's pain
    minutes: int | None = None
    confidence: int | None = None  # 0–10
    noticed: str | None = Field(default=None, sa_type=Encrypted)
    skipped: str = ""  # the questions the patient skipped, comma-separated: missing is never zero
    flag: str = ""  # why the day doesn't count when days are compared: illness, data_quality (clinical.md §9.3)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = ""  # why it ended without an answer: by_patient, paused, safety_hold, too_late, blocked, …


# Planning -------------------------------------------------------------------------------------------------------------


def planned(session: Session, patient_id: int, kind: CheckInKind | None = None) -> CheckIn | None:
    """The one row of its kind that is planned and not asked yet; of any kind the one that comes first."""
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.state) == CheckInState.PLANNED)
    if kind:
        query = query.where(col(CheckIn.kind) == kind)
    return _first(session, query.order_by(col(CheckIn.due_at)).limit(1))


def drop_planned(session: Session, patient_id: int, *, but: Collection[CheckInKind] = ()) -> None:
    """What the patient has chosen differently since is not asked."""
    rows = (col(CheckIn.patient_id) == patient_id, col(CheckIn.state) == CheckInState.PLANNED)
    session.exec(delete(CheckIn).where(*rows, col(CheckIn.kind).not_in(list(but))))


def on_day(session: Session, patient_id: int, day: date, kind: CheckInKind) -> CheckIn | None:
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.on) == day)
    return _first(session, query.where(col(CheckIn.kind) == kind))


def of_day(session: Session, patient_id: int, day: date) -> list[CheckIn]:
    """The day's check-in, or both of a pair, the last one asked first."""
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.on) == day)
    return list(session.exec(locked(query.order_by(col(CheckIn.sent_at).desc(), col(CheckIn.id).desc()))).all())


def days_taken(session: Session, patient_id: int, kind: CheckInKind, *, since: date) -> set[date]:
    """Days from `since` on that have had this check-in already: a daily one stands for both of a pair."""
    query = select(col(CheckIn.on)).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.on) >= since)
    if kind != CheckInKind.DAILY:
        query = query.where(col(CheckIn.kind).in_((kind, CheckInKind.DAILY)))
    return set(session.exec(query.where(col(CheckIn.state) != CheckInState.PLANNED)).all())


def add(session: Session, check_in: CheckIn) -> bool:
    """False when another process has written that day's row, or another planned one, in the meantime."""
    try:
        with session.begin_nested():
            session.add(check_in)
    except IntegrityError:
        return False
    return True


def without_plan(session: Session, *, most: int) -> list[Patient]:
    """Patients who chose an hour and have no check-in to come: nobody is dropped in silence."""
    chain = select(CheckIn.id).where(col(CheckIn.patient_id) == col(Patient.id), PLANNED)
    morning = col(CheckIn.kind) == CheckInKind.MORNING
    lacking = or_(
        ~chain.where(~morning).exists(), and_(col(Patient.morning_at).is_not(None), ~chain.where(morning).exists())
    )
    query = select(Patient).where(col(Patient.state).in_((PatientState.ACTIVE, PatientState.PAUSED)))
    return list(session.exec(query.where(col(Patient.check_in_at).is_not(None), lacking).limit(most)).all())


# Claiming and finding -------------------------------------------------------------------------------------------------


def claim_due(session: Session, now: datetime, *, most: int) -> list[CheckIn]:
    """Live rows whose time has come, longest due first; no other process gets them while this transaction lasts."""
    return list(_due(session, now=now, most=most))


@prepared
def _due(now: Any, most: Any = Integer) -> SelectOfScalar[CheckIn]:
    query = select(CheckIn).where(LIVE_STATES, col(CheckIn.due_at) <= now)
    return query.order_by(col(CheckIn.due_at), col(CheckIn.id)).limit(most).with_for_update(skip_locked=True)


def by_id(session: Session, check_in_id: int) -> CheckIn | None:
    return _by_id(session, check_in_id=check_in_id).first()


@prepared
def _by_id(check_in_id: Any) -> SelectOfScalar[CheckIn]:
    return locked(select(CheckIn).where(col(CheckIn.id) == check_in_id))


def in_state(session: Session, patient_id: int, *states: CheckInState) -> list[CheckIn]:
    """Newest day first."""
    return list(_in_state(session, patient_id=patient_id, states=states))


@prepared
def _in_state(patient_id: Any, states: Any = coded(CheckInState)) -> SelectOfScalar[CheckIn]:
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.state).in_(states))
    return locked(query.order_by(col(CheckIn.on).desc()))


def locked(query: SelectOfScalar[CheckIn]) -> SelectOfScalar[CheckIn]:
    """What a tick of another process has just changed is read as it is now."""
    return query.with_for_update().execution_options(populate_existing=True)


def _first(session: Session, query: SelectOfScalar[CheckIn]) -> CheckIn | None:
    return session.exec(locked(query)).first()


# Days, compared -------------------------------------------------------------------------------------------------------

LATE = "late"  # pain that was told hours after the morning: missing, and the day counts otherwise
ILLNESS, DATA_QUALITY = "illness", "data_quality"  # the whole day doesn't count


def morning_pain(session: Session, patient_id: int, first: date, last: date) -> dict[date, int]:
    """Pain (0–10) of each morning, told in time, before the day's activity; other days are absent."""
    query = _between(patient_id, first, last).where(col(CheckIn.kind) == CheckInKind.MORNING)
    rows = session.exec(query.where(col(CheckIn.flag) != LATE)).all()
    return {row.on: row.pain for row in rows if row.pain is not None}


def first_morning(session: Session, patient_id: int) -> date | None:
    """The first day on which pain was asked in the morning: from here on days are counted (clinical.md §9.3)."""
    query = select(func.min(col(CheckIn.on))).where(col(CheckIn.patient_id) == patient_id)
    query = query.where(col(CheckIn.kind) == CheckInKind.MORNING, col(CheckIn.sent_at).is_not(None))
    return session.exec(query).one()


def confidence_by_day(session: Session, patient_id: int, first: date, last: date) -> dict[date, int]:
    """How sure (0–10) the patient was, each day, of doing the next one."""
    rows = session.exec(_between(patient_id, first, last)).all()
    return {row.on: row.confidence for row in rows if row.confidence is not None}


def flag_day(session: Session, patient_id: int, day: date, flag: str) -> None:
    """The day's check-ins stand as they were told, and count in no comparison of days."""
    for row in of_day(session, patient_id, day):
        row.flag = flag
    session.flush()


def flagged_days(session: Session, patient_id: int, first: date, last: date) -> dict[date, str]:
    """Days that don't count when days are compared, and why: illness, data_quality."""
    rows = session.exec(_between(patient_id, first, last).where(col(CheckIn.flag).not_in(("", LATE)))).all()
    return {row.on: row.flag for row in rows}


def _between(patient_id: int, first: date, last: date) -> SelectOfScalar[CheckIn]:
    return select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.on).between(first, last))


# What stands round a check-in -----------------------------------------------------------------------------------------


def safety_questions_open(session: Session, patient_id: int) -> bool:
    return session.get(SafetyQuestion, patient_id) is not None


def last_message_state(session: Session, check_in_id: int) -> OutboxState | None:
    """How the last message of this check-in fared."""
    query = select(OutboxMessage.state).where(col(OutboxMessage.check_in_id) == check_in_id)
    state = session.exec(query.order_by(col(OutboxMessage.id).desc()).limit(1)).first()
    return OutboxState(state) if state else None


def last_said(session: Session, patient_id: int, *, most: int = 20) -> list[tuple[str, str]]:
    """Kind and response names of the last messages to the patient, newest first."""
    query = select(Message.kind, Message.responses).where(col(Message.patient_id) == patient_id)
    query = query.where(col(Message.direction) == Direction.TO_PATIENT).order_by(col(Message.id).desc()).limit(most)
    return list(session.exec(query).all())


def withdraw_messages(session: Session, check_in_id: int) -> None:
    """What has not left yet is no longer wanted."""
    waiting = (col(OutboxMessage.check_in_id) == check_in_id, col(OutboxMessage.state) == OutboxState.QUEUED)
    session.exec(update(OutboxMessage).where(*waiting).values(state=OutboxState.DROPPED))
