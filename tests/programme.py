"""What the tests of the programme share: a plan that stands, days that were told, and the week's talk."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlmodel import col, select

from data import activity, programme
from data.activity import ActivityEntry, ActivitySource
from data.checkins import CheckIn, CheckInState
from data.goals import ActivityGoal
from data.programme import ActivityPlan, Talk, TalkState
from tests.chat import Chat

WEEK = timedelta(days=7)


def has_goal(chat: Chat, named: str = "walking", *, minutes: int = 8, **more: Any) -> None:
    """As a goal that was set in the dialogue: on Tuesday and Thursday."""
    patient = chat.patient
    goal = {
        "patient_id": patient.id, "activity": named, "place": "", "days": "Tuesday, Thursday", "at": "09:00",
        "minutes": minutes, "start_minutes": 10, "confidence": 8, "barrier": "", "if_then": "",
        "created_at": chat.clock.now(), **more,
    }  # fmt: skip

    def write(session: Any) -> None:
        row = ActivityGoal(**goal)
        session.add(row)
        session.flush()
        chat.app.programme.plans.start(session, patient, row, chat.clock.now())

    chat.rows(write)


def only_talk(chat: Chat, kind: str, week: int) -> None:
    """The talks of the year are planned, and only this one is left of them."""
    patient, now = chat.patient, chat.clock.now()

    def write(session: Any) -> None:
        chat.app.programme.talks.plan(session, patient, kind, week, now)

    chat.rows(write)


def told(chat: Chat, days: Iterable[tuple[date, int]], *, source: ActivitySource = ActivitySource.DIARY) -> None:
    patient = chat.patient

    def write(session: Any) -> None:
        for on, minutes in days:
            activity.add(
                session,
                ActivityEntry(
                    patient_id=patient.id, on=on, minutes=minutes, source=source, told_at=chat.clock.now()
                ),
            )  # fmt: skip

    chat.rows(write)


def was_sore(chat: Chat, days: Iterable[tuple[date, int]]) -> None:
    """Check-ins of days gone by, with their pain and nothing else."""

    patient = chat.patient

    def write(session: Any) -> None:
        for on, pain in days:
            row = session.exec(select(CheckIn).where(col(CheckIn.on) == on)).first()
            if row is None:
                row = CheckIn(patient_id=patient.id, on=on, due_at=chat.clock.now(), state=CheckInState.ANSWERED)
                session.add(row)
            row.pain = pain

    chat.rows(write)


async def comes(chat: Chat, kind: str, week: int) -> None:
    """The talk's day and hour have come; check-ins are left aside."""
    only_talk(chat, kind, week)
    due = the_talk(chat, kind).due_at
    chat.clock.move_to(due + timedelta(seconds=1))
    chat.patient_sees(*said(chat))
    chat.app.programme.talks.send_due()
    await chat.app.delivery.drain(chat.clock.move)


def said(chat: Chat) -> list[str]:
    """What was delivered and not looked at yet."""
    from data.messages import Message
    from data.outbox import OutboxMessage, OutboxState
    from tests.chat import PATIENT

    query = (
        select(Message.responses, OutboxMessage.id)
        .join(OutboxMessage, col(OutboxMessage.key) == col(Message.key))
        .where(col(OutboxMessage.chat_id) == PATIENT, col(OutboxMessage.state) == OutboxState.SENT)
        .where(col(OutboxMessage.id) > chat._read.get(PATIENT, 0))
        .order_by(col(OutboxMessage.sent_at), col(OutboxMessage.id))
    )
    return [name for names, _ in chat.rows(lambda session: session.exec(query).all()) for name in names.split(",")]


def the_talk(chat: Chat, kind: str) -> Talk:
    query = select(Talk).where(col(Talk.kind) == kind).order_by(col(Talk.id).desc()).limit(1)
    row: Talk = chat.rows(lambda session: session.exec(query).one())
    return row


def the_plan(chat: Chat) -> ActivityPlan:
    patient_id = chat.patient.id
    row: ActivityPlan | None = chat.rows(lambda session: programme.plan_of(session, patient_id))
    assert row is not None
    return row


def weeks(chat: Chat) -> list[programme.WeekReview]:
    patient_id = chat.patient.id
    found: list[programme.WeekReview] = chat.rows(lambda session: programme.reviews(session, patient_id))
    return found


__all__ = ["TalkState", "comes", "has_goal", "only_talk", "said", "the_plan", "the_talk", "told", "was_sore", "weeks"]
