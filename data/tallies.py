"""How much of what there is, by patient: what `coach simulate` prints."""

from collections import defaultdict
from typing import Any

from sqlmodel import Session, SQLModel, col, func, select

from data.alerts import Alert
from data.checkins import CheckIn, CheckInState
from data.concerns import BeliefFlag
from data.explorations import Exploration, ExplorationState
from data.goals import ActivityGoal
from data.measures import Sitting, SittingState
from data.messages import Direction, Message
from data.patients import Patient
from data.programme import WeekReview

EXPLORED = (ExplorationState.DONE, ExplorationState.NOT_HELD, ExplorationState.UNRESOLVED)


def by_patient(session: Session) -> dict[str, dict[str, int]]:
    """Name of the count → patient's code → count. A patient without any is absent."""
    told = (col(WeekReview.planned) > 0, col(WeekReview.undone_at).is_(None))
    return {
        "check-ins sent": _count(session, CheckIn, col(CheckIn.sent_at).is_not(None)),
        "check-ins answered": _count(session, CheckIn, col(CheckIn.state) == CheckInState.ANSWERED),
        "goals set": _count(session, ActivityGoal),
        "weeks looked back on": _count(session, WeekReview, *told),
        "weeks in which the plan was met": _count(
            session, WeekReview, *told, col(WeekReview.done) >= WeekReview.planned
        ),
        "beliefs flagged": _count(session, BeliefFlag),
        "beliefs explored": _count(session, Exploration, col(Exploration.state).in_(EXPLORED)),
        "questionnaires answered": _count(session, Sitting, col(Sitting.state) == SittingState.DONE),
        "alerts": _count(session, Alert),
        "messages": _count(session, Message, col(Message.direction) == Direction.TO_PATIENT),
        "messages from the patient": _count(session, Message, col(Message.direction) == Direction.FROM_PATIENT),
    }


def alerts_by_cause(session: Session) -> dict[str, int]:
    query = select(Alert.cause, func.sum(Alert.times_raised)).group_by(col(Alert.cause))
    return {cause: int(count) for cause, count in session.exec(query).all()}


def _count(session: Session, table: type[SQLModel], *conditions: Any) -> dict[str, int]:
    owner = table.__table__.c.patient_id  # type: ignore[attr-defined]
    query = select(Patient.code, func.count()).join(Patient, col(Patient.id) == owner).where(*conditions)
    found: dict[str, int] = defaultdict(int)
    for code, count in session.exec(query.select_from(table).group_by(col(Patient.code))).all():
        found[code] = count
    return dict(found)
