"""When the next thing is due, over all tables: so that a simulated clock can jump instead of crawl."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, or_, true, union_all
from sqlmodel import Session, col, func, select

from data.alerts import Alert, AlertState
from data.at_risk import LIVE as LIVE_PROMPTS
from data.at_risk import AtRiskLook, AtRiskPrompt
from data.checkins import CheckIn, CheckInState
from data.concerns import SafetyFollowUp, SafetyQuestion
from data.flares import Flare
from data.inbox import OPEN, InboxUpdate
from data.links import LinkLook, LookState
from data.measures import MeasureRound
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientState
from data.programme import LIVE_TALKS, Talk
from data.takeovers import Takeover
from data.timers import Timer, TimerState
from data.types import UtcDateTime


def next_due(session: Session, *, after: datetime) -> datetime | None:
    """The earliest instant later than `after` at which a tick will find work; None when nothing is planned."""
    found: Sequence[datetime | None] = session.connection().execute(_next_due(), {"after": after}).scalars().all()
    return min((instant for instant in found if instant is not None), default=None)


@cache  # a simulated clock asks thousands of times, and to put it together takes longer than to run it
def _next_due() -> Any:
    """One look at every table that holds something to come."""
    after = bindparam("after", type_=UtcDateTime())
    waiting = (CheckInState.PLANNED, CheckInState.SNOOZED, CheckInState.SENT)
    queries = (
        (CheckIn.due_at, col(CheckIn.state).in_(waiting)),
        (Talk.due_at, col(Talk.state).in_(LIVE_TALKS)),
        (LinkLook.due_at, or_(col(LinkLook.state) == LookState.PLANNED, col(LinkLook.quote_at).is_not(None))),
        (Alert.next_step_at, col(Alert.state) != AlertState.CLOSED),
        (SafetyFollowUp.due_at, col(SafetyFollowUp.answered_at).is_(None)),
        (SafetyQuestion.due_at, true()),
        (MeasureRound.due_at, true()),
        (AtRiskLook.due_at, true()),
        (AtRiskPrompt.due_at, col(AtRiskPrompt.state).in_(LIVE_PROMPTS)),
        (Patient.next_safety_screen_at, col(Patient.state) == PatientState.ACTIVE),
        (Patient.paused_until, col(Patient.state) == PatientState.PAUSED),
        (Timer.due_at, col(Timer.state) == TimerState.RUNNING),
        (Takeover.due_at, col(Takeover.ended_at).is_(None)),
        (Flare.ask_at, col(Flare.ended_at).is_(None)),
        (OutboxMessage.not_before, col(OutboxMessage.state) == OutboxState.QUEUED),
        (InboxUpdate.not_before, col(InboxUpdate.state).in_(OPEN)),
    )
    return union_all(*(select(func.min(column)).where(condition, col(column) > after) for column, condition in queries))
