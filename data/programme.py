"""Where a patient stands in the programme: the plan, what each week decided, what they expect, what they noticed."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data import checkins
from data.checkins import CheckIn
from data.patients import Patient
from data.prepared import prepared
from data.types import Encrypted, EncryptedJson, UtcDateTime, coded

A_WEEK = 7  # days


def week_of(patient: Patient, now: datetime) -> int:
    """1 in the first seven local days from enrolment on; 0 before it."""
    if patient.enrolled_at is None:
        return 0
    zone = ZoneInfo(patient.time_zone)
    days = (now.astimezone(zone).date() - patient.enrolled_at.astimezone(zone).date()).days
    return days // A_WEEK + 1


def first_day(patient: Patient, week: int) -> date:
    """The first local day of a week of the programme. Raises ValueError before enrolment."""
    if patient.enrolled_at is None:
        raise ValueError("not in the programme")
    return patient.enrolled_at.astimezone(ZoneInfo(patient.time_zone)).date() + timedelta(days=A_WEEK * (week - 1))


# The plan -------------------------------------------------------------------------------------------------------------


class PlanState(StrEnum):
    BASELINE = "baseline"  # tries of the first week, no amount yet
    ACTIVE = "active"
    PAUSED = "paused"  # by the patient, until a weekly review takes it up again
    ENDED = "ended"


STANDING = (PlanState.BASELINE, PlanState.ACTIVE, PlanState.PAUSED)


class ActivityPlan(SQLModel, table=True):
    """One activity with the amount that grows. `key`: of dialogues/protocol/activities.yml, "" for one of their own."""

    __table_args__ = (CheckConstraint("minutes > 0"), CheckConstraint("sessions between 1 and 7"))

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    goal_id: int | None = Field(default=None, foreign_key="activitygoal.id")
    state: PlanState = Field(sa_type=coded(PlanState))
    activity: str = Field(sa_type=Encrypted)
    key: str = ""
    baseline: float | None = None  # minutes: the mean of the tries, or what the patient said they can do
    minutes: int | None = None  # the quota of one session now; None in the baseline week
    sessions: int | None = None  # planned sessions a week
    from_on: date  # the first local day of the tries, or of the plan
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def plan_of(session: Session, patient_id: int) -> ActivityPlan | None:
    """The plan that stands: being tried out, active or paused."""
    return _plan_of(session, patient_id=patient_id).first()


@prepared
def _plan_of(patient_id: Any) -> SelectOfScalar[ActivityPlan]:
    query = select(ActivityPlan).where(col(ActivityPlan.patient_id) == patient_id)
    return query.where(col(ActivityPlan.state).in_(STANDING)).order_by(col(ActivityPlan.id).desc()).limit(1)


def start_plan(session: Session, plan: ActivityPlan) -> ActivityPlan:
    """The new plan stands; the one before is kept as history."""
    end_plan(session, plan.patient_id, plan.created_at)
    session.add(plan)
    session.flush()
    return plan


def end_plan(session: Session, patient_id: int, now: datetime) -> None:
    if plan := plan_of(session, patient_id):
        plan.state, plan.ended_at = PlanState.ENDED, now
        session.flush()


# The week -------------------------------------------------------------------------------------------------------------


class WeekReview(SQLModel, table=True):
    """How a week went and what was decided for the next. `done` is None when the patient didn't say: never zero."""

    __table_args__ = (
        UniqueConstraint("patient_id", "week"),
        CheckConstraint("function between 0 and 10"),
        CheckConstraint("done >= 0"),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    plan_id: int | None = Field(default=None, foreign_key="activityplan.id")
    week: int  # the week that is looked back on
    planned: int | None = None  # sessions
    done: int | None = None  # sessions
    function: int | None = None  # 0–10, how much the back got in the way of everyday things
    pain_rise: bool = False  # more than allowed, for longer than allowed: protocol/programme.yml
    reason: str = ""  # what got in the way: pain, time, mood, forgot, illness, unsure, unable
    suggested: str = ""  # what the rule would do: same, up, down, change
    choice: str = ""  # what the patient decided: same, up, down, change, pause
    minutes_before: int | None = None
    minutes_after: int | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the decision was taken back


def reviews(session: Session, patient_id: int) -> list[WeekReview]:
    """Oldest week first."""
    query = select(WeekReview).where(col(WeekReview.patient_id) == patient_id).order_by(col(WeekReview.week))
    return list(session.exec(query).all())


def review_of(session: Session, patient_id: int, week: int) -> WeekReview | None:
    query = select(WeekReview).where(col(WeekReview.patient_id) == patient_id, col(WeekReview.week) == week)
    return session.exec(query).first()


# What they expect, notice and plan ------------------------------------------------------------------------------------


class ExpectationRating(SQLModel, table=True):
    """How likely it is, 0–10, that doing more will help; None when skipped."""

    __table_args__ = (UniqueConstraint("patient_id", "week"), CheckConstraint("rating between 0 and 10"))

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    week: int
    rating: int | None = None
    at: datetime = Field(sa_type=UtcDateTime)


def expectations(session: Session, patient_id: int) -> list[ExpectationRating]:
    """Oldest first."""
    query = select(ExpectationRating).where(col(ExpectationRating.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(ExpectationRating.week))).all())


class WordsKind(StrEnum):
    NOTICED = "noticed"  # about their own activity and their back
    COPING = "coping"  # what they'll do when `about` gets in the way
    LEARNT = "learnt"
    WARNING_SIGN = "warning_sign"
    KEEPER = "keeper"  # what they want to keep doing
    SETBACK = "setback"  # what they'll do in a setback


class OwnWords(SQLModel, table=True):
    """What a patient once said, kept to be quoted back to them."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    kind: WordsKind = Field(sa_type=coded(WordsKind))
    words: str = Field(sa_type=Encrypted)
    about: str = Field(default="", sa_type=Encrypted)
    week: int
    at: datetime = Field(sa_type=UtcDateTime)


def keep_words(session: Session, words: OwnWords) -> OwnWords:
    session.add(words)
    session.flush()
    return words


def own_words(session: Session, patient_id: int, *kinds: WordsKind) -> list[OwnWords]:
    """Oldest first; of every kind when none is named."""
    query = select(OwnWords).where(col(OwnWords.patient_id) == patient_id)
    if kinds:
        query = query.where(col(OwnWords.kind).in_(kinds))
    return list(session.exec(query.order_by(col(OwnWords.id))).all())


class BodyLimit(SQLModel, table=True):
    """What the body can't do: a kind of dialogues/protocol/activities.yml, or one activity (`kind` "activity")."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    kind: str
    activity: str = Field(default="", sa_type=Encrypted)
    at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def limits_of(session: Session, patient_id: int) -> list[BodyLimit]:
    """Those that stand, oldest first."""
    query = select(BodyLimit).where(col(BodyLimit.patient_id) == patient_id, col(BodyLimit.ended_at).is_(None))
    return list(session.exec(query.order_by(col(BodyLimit.id))).all())


def note_limit(session: Session, patient_id: int, kind: str, now: datetime, *, activity: str = "") -> BodyLimit:
    """The same one is noted once."""
    for known in limits_of(session, patient_id):
        if (known.kind, known.activity) == (kind, activity):
            return known
    limit = BodyLimit(patient_id=patient_id, kind=kind, activity=activity, at=now)
    session.add(limit)
    session.flush()
    return limit


# The talks that the app opens -----------------------------------------------------------------------------------------


class TalkState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"  # offered, or its question is open
    DONE = "done"
    DECLINED = "declined"
    LAPSED = "lapsed"  # not answered to the end; what was answered counts
    DROPPED = "dropped"  # no longer fitting when its time came


LIVE_TALKS = (TalkState.PLANNED, TalkState.SENT)
LIVE_TALK = text("state in ('planned', 'sent')")


class Talk(SQLModel, table=True):
    """A talk of the programme: a weekly review, a rating, a look back. `due_at`: when the tick must look at it."""

    __table_args__ = (
        UniqueConstraint("patient_id", "kind", "week"),
        Index("ix_talk_live", "due_at", sqlite_where=LIVE_TALK, postgresql_where=LIVE_TALK),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    kind: str  # its topic in dialogues/: weekly_review, expectation, maintenance, monthly, booster
    week: int  # of the programme, when it is due
    state: TalkState = Field(default=TalkState.PLANNED, sa_type=coded(TalkState))
    due_at: datetime = Field(sa_type=UtcDateTime)
    asks: str | None = None  # "offer", or the slot that is being asked
    answers: dict = Field(default_factory=dict, sa_type=EncryptedJson)  # by slot; "skipped" is the patient's choice
    sends: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # when the open question was put
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def add_talk(session: Session, talk: Talk) -> bool:
    """False when there is one of this kind and week already."""
    try:
        with session.begin_nested():
            session.add(talk)
    except IntegrityError:
        return False
    return True


def talks_of(session: Session, patient_id: int) -> list[Talk]:
    query = select(Talk).where(col(Talk.patient_id) == patient_id).order_by(col(Talk.week), col(Talk.id))
    return list(session.exec(query).all())


def talk(session: Session, talk_id: int) -> Talk | None:
    return session.exec(select(Talk).where(col(Talk.id) == talk_id).with_for_update()).first()


def asking(session: Session, patient_id: int) -> Talk | None:
    """The talk whose question was put last."""
    return _asking(session, patient_id=patient_id).first()


@prepared
def _asking(patient_id: Any) -> SelectOfScalar[Talk]:
    query = select(Talk).where(col(Talk.patient_id) == patient_id, col(Talk.state) == TalkState.SENT)
    query = query.where(col(Talk.asks).is_not(None)).order_by(col(Talk.asked_at).desc(), col(Talk.id).desc())
    return query.limit(1)


def claim_due(session: Session, now: datetime, *, most: int) -> list[Talk]:
    """Live talks whose time has come; no other process gets them while this transaction lasts."""
    return list(_due(session, now=now, most=most))


@prepared
def _due(now: Any, most: Any = Integer) -> SelectOfScalar[Talk]:
    query = select(Talk).where(LIVE_TALK, col(Talk.due_at) <= now).order_by(col(Talk.due_at), col(Talk.id))
    return query.limit(most).with_for_update(skip_locked=True)


def enrolled(session: Session, *, states: Collection[str]) -> list[Patient]:
    """Everybody in the programme, in these states."""
    query = select(Patient).where(col(Patient.enrolled_at).is_not(None), col(Patient.state).in_(states))
    return list(session.exec(query.order_by(col(Patient.id))).all())


def pain_by_day(session: Session, patient_id: int, first: date, last: date) -> dict[date, int]:
    """The pain score (0–10) of each day: the morning's where it was told, else the check-in's; other days are absent."""
    query = select(CheckIn).where(col(CheckIn.patient_id) == patient_id, col(CheckIn.pain).is_not(None))
    rows = session.exec(query.where(col(CheckIn.on).between(first, last)).order_by(col(CheckIn.id))).all()
    told = {row.on: row.pain for row in rows if row.pain is not None}
    return told | checkins.morning_pain(session, patient_id, first, last)
