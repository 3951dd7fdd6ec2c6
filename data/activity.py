"""What was done, in minutes: each minute is told once, however it was told.

A patient tells it in a diary sentence at any time, or as the day's total in the check-in. The total stands beside the
sentences before it, never on top of them; what is told after it comes on top. A day of which nothing was told is
absent: missing is never zero.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, col, select

from data.checkins import CheckIn
from data.types import Encrypted, UtcDateTime, coded


class ActivitySource(StrEnum):
    CHECK_IN = "check_in"  # the total of the day, of the activity that is planned
    DIARY = "diary"  # told in the patient's own words


class ActivityEntry(SQLModel, table=True):
    """`activity` as the patient calls it, None when it was not named. `planned`: of the goal or the baseline week."""

    __table_args__ = (CheckConstraint("minutes >= 0"),)

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    on: date  # the patient's local day
    minutes: int
    activity: str | None = Field(default=None, sa_type=Encrypted)
    planned: bool = True
    source: ActivitySource = Field(sa_type=coded(ActivitySource))
    words: str | None = Field(default=None, sa_type=Encrypted)
    check_in_id: int | None = Field(default=None, foreign_key="checkin.id", unique=True)
    message_id: int | None = Field(default=None, foreign_key="message.id", index=True)  # a repeat writes nothing
    told_at: datetime = Field(sa_type=UtcDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # taken back by the patient


def add(session: Session, entry: ActivityEntry) -> ActivityEntry:
    session.add(entry)
    session.flush()
    return entry


def follow_check_in(session: Session, row: CheckIn, now: datetime) -> None:
    """The check-in's minutes are an entry; answered again it is changed, left out there is none."""
    if row.minutes is None:
        return
    entry = session.exec(select(ActivityEntry).where(col(ActivityEntry.check_in_id) == row.id)).first()
    if entry is None:
        add(
            session,
            ActivityEntry(
                patient_id=row.patient_id, on=row.on, minutes=row.minutes, source=ActivitySource.CHECK_IN,
                check_in_id=row.id, told_at=now,
            ),
        )  # fmt: skip
    elif entry.minutes != row.minutes:
        entry.minutes, entry.told_at, entry.undone_at = row.minutes, now, None


def entries(session: Session, patient_id: int, first: date, last: date) -> list[ActivityEntry]:
    """Those that stand, from `first` to `last`, in the order they were told."""
    query = select(ActivityEntry).where(col(ActivityEntry.patient_id) == patient_id)
    query = query.where(col(ActivityEntry.undone_at).is_(None), col(ActivityEntry.on).between(first, last))
    return list(session.exec(query.order_by(col(ActivityEntry.told_at), col(ActivityEntry.id))).all())


def of_message(session: Session, patient_id: int, message_id: int) -> list[ActivityEntry]:
    """All that one message told, also what was taken back since."""
    query = select(ActivityEntry).where(col(ActivityEntry.patient_id) == patient_id)
    return list(session.exec(query.where(col(ActivityEntry.message_id) == message_id)).all())


def last_told(session: Session, patient_id: int) -> list[ActivityEntry]:
    """The entries of the last diary sentence that stands; [] when there is none."""
    query = select(ActivityEntry).where(col(ActivityEntry.patient_id) == patient_id)
    query = query.where(col(ActivityEntry.undone_at).is_(None), col(ActivityEntry.source) == ActivitySource.DIARY)
    last = session.exec(query.order_by(col(ActivityEntry.told_at).desc(), col(ActivityEntry.id).desc())).first()
    if last is None or last.message_id is None:
        return [last] if last else []
    return [each for each in of_message(session, patient_id, last.message_id) if each.undone_at is None]


def minutes_by_day(session: Session, patient_id: int, first: date, last: date) -> dict[date, int]:
    """All activity of each day; days without an entry are absent."""
    return by_day(entries(session, patient_id, first, last))


def planned_by_day(session: Session, patient_id: int, first: date, last: date) -> dict[date, int]:
    """As `minutes_by_day`, of the activity of the goal alone."""
    return planned_days(entries(session, patient_id, first, last))


def planned_days(told: Sequence[ActivityEntry]) -> dict[date, int]:
    """As `by_day`, of the activity of the goal alone."""
    return by_day([entry for entry in told if entry.planned])


def by_day(told: Sequence[ActivityEntry]) -> dict[date, int]:
    """Minutes of each day; `told` stand, in the order they were told."""
    days: dict[date, list[ActivityEntry]] = defaultdict(list)
    for entry in told:
        days[entry.on].append(entry)
    return {on: _minutes(days[on]) for on in sorted(days)}


def _minutes(told: Sequence[ActivityEntry]) -> int:
    """Of one day, in the order of telling: a total covers what was told of the planned activity before it."""
    planned = other = 0
    for entry in told:
        if not entry.planned:
            other += entry.minutes
        elif entry.source == ActivitySource.CHECK_IN:
            planned = max(planned, entry.minutes)
        else:
            planned += entry.minutes
    return planned + other
