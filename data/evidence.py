"""What the at-risk rules look at, of many patients in one go: a query a source, whatever the number of patients.

Rows come as plain tuples by patient; nothing is filled in where nothing was told.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, func, select

from data import activity
from data.activity import ActivityEntry
from data.alerts import Alert, AlertState
from data.at_risk import AtRiskPrompt
from data.checkins import LATE, CheckIn, CheckInState
from data.concerns import standing_flags
from data.explorations import Exploration, ExplorationState
from data.goals import ActivityGoal, GoalState
from data.measures import Sitting, SittingState
from data.messages import Direction, Message
from data.programme import STANDING, ActivityPlan, BodyLimit, WeekReview

Ids = Collection[int]
TALKED_THROUGH = (ExplorationState.DONE, ExplorationState.UNRESOLVED)  # unresolved: disagreed twice, and was parked


class AskedRow(NamedTuple):
    on: date
    sent_at: datetime
    answered: bool


class SittingRow(NamedTuple):
    measure: str
    at: datetime
    score: float
    parts: Mapping[str, float]


def by_patient(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """Rows whose first column is the patient, in their order."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for patient_id, *rest in rows:
        found[patient_id].append(tuple(rest))
    return found


def columns(*of: Any) -> Any:
    """A query for a few columns: whole rows of thousands of days would decrypt words that nobody reads here."""
    return select(*of)


# Day by day -----------------------------------------------------------------------------------------------------------


def pain(session: Session, ids: Ids, first: date) -> dict[int, dict[date, int]]:
    """The pain score (0–10) of each day's first check-in from `first` on; days without one are absent."""
    query = columns(CheckIn.patient_id, CheckIn.on, CheckIn.pain).where(col(CheckIn.patient_id).in_(ids))
    query = query.where(col(CheckIn.pain).is_not(None), col(CheckIn.on) >= first).order_by(col(CheckIn.id).desc())
    return {patient_id: dict(rows) for patient_id, rows in by_patient(session.exec(query)).items()}


def minutes(
    session: Session, ids: Ids, first: date, last: date
) -> dict[int, tuple[dict[date, int], dict[date, int], dict[date, list[str]]]]:
    """All activity by day, the planned one by day, and what the activities of a day were called."""
    query = select(ActivityEntry).where(col(ActivityEntry.patient_id).in_(ids), col(ActivityEntry.undone_at).is_(None))
    query = query.where(col(ActivityEntry.on).between(first, last))
    told: dict[int, list[ActivityEntry]] = defaultdict(list)
    for entry in session.exec(query.order_by(col(ActivityEntry.told_at), col(ActivityEntry.id))):
        told[entry.patient_id].append(entry)
    found = {}
    for patient_id, entries in told.items():
        named: dict[date, list[str]] = defaultdict(list)
        for entry in entries:
            if entry.activity and entry.activity not in named[entry.on]:
                named[entry.on].append(entry.activity)
        found[patient_id] = (activity.by_day(entries), activity.planned_days(entries), dict(named))
    return found


def flagged_days(session: Session, ids: Ids, first: date) -> dict[int, set[date]]:
    """Days that count in no comparison: illness, figures that don't fit together."""
    query = columns(CheckIn.patient_id, CheckIn.on).where(col(CheckIn.patient_id).in_(ids), col(CheckIn.on) >= first)
    rows = by_patient(session.exec(query.where(col(CheckIn.flag).not_in(("", LATE)))))
    return {patient_id: {on for (on,) in of_patient} for patient_id, of_patient in rows.items()}


def check_ins(session: Session, ids: Ids, first: date) -> dict[int, list[AskedRow]]:
    """Scheduled ones that were sent and are over, oldest first. Skipped by the patient is an answer; cut short by us is
    none at all, and left out."""
    query = columns(
        CheckIn.patient_id, CheckIn.on, CheckIn.sent_at, CheckIn.state, CheckIn.reason, CheckIn.pain, CheckIn.minutes,
        CheckIn.confidence, CheckIn.skipped,
    )  # fmt: skip
    query = query.where(col(CheckIn.patient_id).in_(ids), col(CheckIn.on) >= first, col(CheckIn.sent_at).is_not(None))
    found: dict[int, list[AskedRow]] = defaultdict(list)
    for patient_id, on, sent_at, state, reason, *told, skipped in session.exec(query.order_by(col(CheckIn.id))):
        touched = any(each is not None for each in told) or bool(skipped)
        if state == CheckInState.ANSWERED or (state == CheckInState.SKIPPED and reason == "by_patient"):
            found[patient_id].append(AskedRow(on, sent_at, True))
        elif state == CheckInState.LAPSED and reason in ("unanswered", "next_one_due"):
            found[patient_id].append(AskedRow(on, sent_at, touched))
    return found


# Words and taps -------------------------------------------------------------------------------------------------------


def heard_at(session: Session, ids: Ids) -> dict[int, datetime]:
    """Their last word or tap."""
    query = columns(Message.patient_id, func.max(Message.at)).where(col(Message.patient_id).in_(ids))
    query = query.where(col(Message.direction) == Direction.FROM_PATIENT).group_by(col(Message.patient_id))
    return {patient_id: at for patient_id, at in session.exec(query) if at is not None}


def flags_waiting(session: Session, ids: Ids) -> dict[int, list[tuple[datetime, str]]]:
    """Red-flag alerts that nobody has acknowledged: when the words came that raised them, and their level."""
    query = columns(Alert.patient_id, Message.at, Alert.level).join(Message, col(Message.id) == col(Alert.message_id))
    query = query.where(col(Alert.patient_id).in_(ids), col(Alert.state) == AlertState.OPEN)
    query = query.where(col(Alert.cause).startswith("RF"), col(Alert.acknowledged_at).is_(None))
    return by_patient(session.exec(query))


def words_since(session: Session, ids: Ids, since: datetime) -> dict[int, list[tuple[datetime, str, str]]]:
    """When, of which kind, and what they wrote or tapped, oldest first."""
    query = columns(Message.patient_id, Message.at, Message.kind, Message.text).where(col(Message.patient_id).in_(ids))
    query = query.where(col(Message.direction) == Direction.FROM_PATIENT, col(Message.at) >= since)
    return by_patient(session.exec(query.order_by(col(Message.id))))


# Beliefs --------------------------------------------------------------------------------------------------------------


def talked(session: Session, ids: Ids) -> dict[int, list[tuple[str, datetime, int | None]]]:
    """Talks about a belief that came to their end, oldest first: the class, when, how true it still felt (0–10)."""
    query = columns(Exploration.patient_id, Exploration.belief, Exploration.ended_at, Exploration.strength)
    query = query.where(col(Exploration.patient_id).in_(ids), col(Exploration.state).in_(TALKED_THROUGH))
    query = query.where(col(Exploration.ended_at).is_not(None)).order_by(col(Exploration.id))
    return by_patient(session.exec(query))


def belief_days(session: Session, patient_id: int) -> list[tuple[str, date]]:
    """Each belief as it stands today, and the patient's day it was said on."""
    return [(each.belief, each.flag.on) for each in standing_flags(session, patient_id) if each.belief]


# Measures, weeks, goals, limits, answers ------------------------------------------------------------------------------


def sittings(session: Session, ids: Ids) -> dict[int, list[SittingRow]]:
    """Every questionnaire that has a score, oldest first."""
    query = columns(Sitting.patient_id, Sitting.measure, Sitting.ended_at, Sitting.score, Sitting.subscales)
    query = query.where(col(Sitting.patient_id).in_(ids), col(Sitting.state) == SittingState.DONE)
    query = query.where(col(Sitting.score).is_not(None), col(Sitting.ended_at).is_not(None))
    rows = by_patient(session.exec(query.order_by(col(Sitting.ended_at), col(Sitting.id))))
    return {patient_id: [SittingRow(*row) for row in of_patient] for patient_id, of_patient in rows.items()}


def weeks(session: Session, ids: Ids) -> dict[int, list[WeekReview]]:
    """Weeks that were looked back on, oldest first."""
    query = select(WeekReview).where(col(WeekReview.patient_id).in_(ids)).order_by(col(WeekReview.week))
    found: dict[int, list[WeekReview]] = defaultdict(list)
    for row in session.exec(query):
        found[row.patient_id].append(row)
    return found


def goals_dropped(session: Session, ids: Ids) -> dict[int, list[datetime]]:
    query = columns(ActivityGoal.patient_id, ActivityGoal.ended_at).where(col(ActivityGoal.patient_id).in_(ids))
    query = query.where(col(ActivityGoal.state) == GoalState.DROPPED, col(ActivityGoal.ended_at).is_not(None))
    rows = by_patient(session.exec(query.order_by(col(ActivityGoal.ended_at))))
    return {patient_id: [at for (at,) in of_patient] for patient_id, of_patient in rows.items()}


def plans(session: Session, ids: Ids) -> dict[int, ActivityPlan]:
    """The plan that stands."""
    query = select(ActivityPlan).where(col(ActivityPlan.patient_id).in_(ids), col(ActivityPlan.state).in_(STANDING))
    return {row.patient_id: row for row in session.exec(query.order_by(col(ActivityPlan.id)))}


def limits(session: Session, ids: Ids) -> dict[int, list[BodyLimit]]:
    """What their bodies can't do, as it stands, oldest first."""
    query = select(BodyLimit).where(col(BodyLimit.patient_id).in_(ids), col(BodyLimit.ended_at).is_(None))
    found: dict[int, list[BodyLimit]] = defaultdict(list)
    for row in session.exec(query.order_by(col(BodyLimit.id))):
        found[row.patient_id].append(row)
    return found


def answers(session: Session, ids: Ids) -> dict[int, list[tuple[str, date, datetime, str, str | None]]]:
    """Answers to the weekly questions: the question, the day it was planned, when it was told, the answer, what
    followed. An answer whose second question is still open is not told yet."""
    query = columns(
        AtRiskPrompt.patient_id, AtRiskPrompt.name, AtRiskPrompt.on, AtRiskPrompt.ended_at, AtRiskPrompt.answer,
        AtRiskPrompt.detail,
    )  # fmt: skip
    query = query.where(col(AtRiskPrompt.patient_id).in_(ids), col(AtRiskPrompt.answer).is_not(None))
    query = query.where(col(AtRiskPrompt.ended_at).is_not(None)).order_by(col(AtRiskPrompt.id))
    return by_patient(session.exec(query))


def last_closed(session: Session, ids: Ids, cause: str) -> dict[int, datetime]:
    """When an alert of this cause was last closed by a physio."""
    query = columns(Alert.patient_id, func.max(Alert.closed_at)).where(col(Alert.patient_id).in_(ids))
    query = query.where(col(Alert.cause) == cause, col(Alert.closed_at).is_not(None)).group_by(col(Alert.patient_id))
    return {patient_id: at for patient_id, at in session.exec(query) if at is not None}
