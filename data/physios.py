"""Physiotherapists and when they are on duty."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlmodel import Field, Session, SQLModel, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from data import audit
from data.audit import AuditEvent
from data.prepared import prepared
from data.types import Encrypted, UtcDateTime, coded

PRESENT = timedelta(minutes=5)  # a worklist that was refreshed so lately is still being looked at


class PhysioRole(StrEnum):
    PHYSIO = "physio"
    LEAD = "lead"  # the service lead: the last rung


class Physio(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    name: str  # shown to colleagues and, if settings say so, to patients
    role: PhysioRole = Field(default=PhysioRole.PHYSIO, sa_type=coded(PhysioRole))
    chat_id: int | None = Field(default=None, unique=True, sa_type=BigInteger)
    blocked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # no longer works here
    service_id: int = Field(default=1, foreign_key="service.id", index=True)  # data.rota.FIRST
    is_named_lead: bool = False  # whom a rung "named_lead" of a policy means, whatever their role
    email: str | None = Field(default=None, sa_type=Encrypted)  # alerts go there too
    email_failed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # refused for good
    console_seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # last had the worklist before them


class OnCallShift(SQLModel, table=True):
    """Duty beside the rota, because they said so. `ends_at` None: on duty until they say otherwise."""

    id: int = Field(default=None, primary_key=True)
    physio_id: int = Field(foreign_key="physio.id", index=True)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def get(session: Session, physio_id: int | None) -> Physio | None:
    return session.get(Physio, physio_id) if physio_id is not None else None


def by_chat(session: Session, chat_id: int) -> Physio | None:
    """Whose chat this is; somebody who left is still found, so that the chat is not taken for a patient's."""
    return _by_chat(session, chat_id=chat_id).first()


@prepared
def _by_chat(chat_id: Any) -> SelectOfScalar[Physio]:
    return select(Physio).where(col(Physio.chat_id) == chat_id)


def staff(session: Session, service_id: int | None = None) -> list[Physio]:
    """Everybody who works here (in this service), on duty or not."""
    return [physio for physio in _staff(session) if service_id in (None, physio.service_id)]


@prepared
def _staff() -> SelectOfScalar[Physio]:
    return select(Physio).where(col(Physio.left_at).is_(None)).order_by(col(Physio.id))


def on_call(session: Session, service_id: int, now: datetime) -> list[Physio]:
    """Who of this service has said that they are on duty now, whatever the rota says. The rota: bot.services.rota."""
    return list(_on_call(session, service_id=service_id, now=now))


@prepared
def _on_call(service_id: Any, now: Any) -> SelectOfScalar[Physio]:
    said = select(OnCallShift.physio_id).where(*_open(now))
    query = select(Physio).where(col(Physio.left_at).is_(None), col(Physio.service_id) == service_id)
    return query.where(col(Physio.id).in_(said)).order_by(col(Physio.id))


def reachable(physio: Physio, now: datetime) -> bool:
    """Has a working channel: a linked chat that has not blocked us, an e-mail address that takes ours, or the console
    open before them."""
    return physio.left_at is None and (on_telegram(physio) or by_email(physio) or at_console(physio, now))


def on_telegram(physio: Physio) -> bool:
    return physio.chat_id is not None and physio.blocked_at is None


def by_email(physio: Physio) -> bool:
    return bool(physio.email) and physio.email_failed_at is None


def at_console(physio: Physio, now: datetime) -> bool:
    return physio.console_seen_at is not None and physio.console_seen_at > now - PRESENT


def seen_at_console(session: Session, physio: Physio, now: datetime) -> None:
    """Their worklist was refreshed: alerts reach them there."""
    physio.console_seen_at = now
    session.add(physio)


def lose_email(session: Session, physio_id: int | None, now: datetime) -> None:
    physio = get(session, physio_id)
    if physio:
        physio.email_failed_at = physio.email_failed_at or now


def channel_loss_recorded(session: Session, physio: Physio, what: str, since: datetime) -> bool:
    """Is the present loss of this channel in the audit already? Every message it stops reports it."""
    if any(event.what == what and event.by == f"physio:{physio.id}" for event in audit.waiting(session)):
        return True
    query = select(col(AuditEvent.id)).where(
        col(AuditEvent.what) == what, col(AuditEvent.by) == f"physio:{physio.id}", col(AuditEvent.at) >= since
    )
    return session.exec(query.limit(1)).first() is not None


def start_duty(session: Session, physio: Physio, now: datetime) -> bool:
    """Opens a shift without an end; False when there is one."""
    if _shifts(session, physio, now):
        return False
    session.add(OnCallShift(physio_id=physio.id, starts_at=now))
    session.flush()
    return True


def end_duty(session: Session, physio: Physio, now: datetime) -> bool:
    """Ends every shift that is open; False when there is none."""
    shifts = _shifts(session, physio, now)
    for shift in shifts:
        shift.ends_at = now
    session.flush()
    return bool(shifts)


def link(session: Session, physio: Physio, chat_id: int) -> None:
    """The chat is this physio's from now on, and nobody else's."""
    previous = by_chat(session, chat_id)
    if previous is not None and previous.id != physio.id:
        previous.chat_id = None
        session.flush()
    physio.chat_id = chat_id
    physio.blocked_at = None
    session.add(physio)
    session.flush()


def _shifts(session: Session, physio: Physio, now: datetime) -> list[OnCallShift]:
    query = select(OnCallShift).where(col(OnCallShift.physio_id) == physio.id, *_open(now))
    return list(session.exec(query).all())


def _open(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    ends = col(OnCallShift.ends_at)
    return col(OnCallShift.starts_at) <= now, or_(ends.is_(None), ends > now)
