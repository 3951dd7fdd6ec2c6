"""Is the whole alive? Probes by a patient who is nobody, what was found at the last look, and how old things are."""

from datetime import datetime, timedelta

from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, delete, func, or_, select, update

from data.alerts import Alert
from data.concerns import RiskFlag, SafetyFollowUp, SafetyQuestion
from data.inbox import InboxState, InboxUpdate
from data.messages import Message
from data.outbox import OutboxMessage, OutboxState, Priority
from data.patients import Patient, PatientChat, PatientState
from data.physios import OnCallShift, Physio
from data.rota import Service
from data.types import UtcDateTime

NAME = "Watchdog"  # of the service, and of its one physio
CODE = "P-WATCH"
PATIENT_CHAT, PHYSIO_CHAT = -1, -2  # no private chat of Telegram has a number below zero
THE_ROW = 1


class Probe(SQLModel, table=True):
    """One round trip: the synthetic patient's red flag, its card, an acknowledgement, a closing."""

    id: int = Field(default=None, primary_key=True)
    slot: int = Field(unique=True)  # which of the planned times: one process takes it
    started_at: datetime = Field(sa_type=UtcDateTime)
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class SystemAlive(SQLModel, table=True):
    """The last look, in one row: what the console and `coach doctor` show."""

    id: int = Field(default=THE_ROW, primary_key=True)
    looked_at: datetime = Field(sa_type=UtcDateTime)
    problems: list = Field(default_factory=list, sa_type=JSON)  # codes: "overdue_step", "inbox", "rasa" …; empty: alive
    round_trip_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the last one that was whole
    round_trip_s: float | None = None
    pinged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the outside heartbeat took it


def alive(session: Session) -> SystemAlive | None:
    return session.get(SystemAlive, THE_ROW)


# The patient who is nobody --------------------------------------------------------------------------------------------


def furnish(session: Session, now: datetime) -> Patient:
    """The watchdog's service with its patient and its physio, made once. They are no people, and no figure counts them."""
    found = session.exec(select(Patient).where(col(Patient.code) == CODE)).first()
    if found:
        return found
    service = Service(name=NAME, is_synthetic=True)
    session.add(service)
    session.flush()
    patient = Patient(code=CODE, sender="watchdog", state=PatientState.INVITED, service_id=service.id, created_at=now)
    physio = Physio(name=NAME, chat_id=PHYSIO_CHAT, service_id=service.id)
    session.add_all([patient, physio])
    session.flush()
    session.add(PatientChat(chat_id=PATIENT_CHAT, patient_id=patient.id))
    session.add(OnCallShift(physio_id=physio.id, starts_at=now))
    session.flush()
    return patient


def physio(session: Session) -> Physio:
    return session.exec(select(Physio).where(col(Physio.chat_id) == PHYSIO_CHAT)).one()


def open_alert(session: Session, patient: Patient) -> Alert | None:
    query = select(Alert).where(col(Alert.patient_id) == patient.id, col(Alert.closed_at).is_(None))
    return session.exec(query.order_by(col(Alert.id).desc()).execution_options(populate_existing=True)).first()


def card(session: Session, alert: Alert) -> OutboxMessage | None:
    """The newest card of its latest raising that has arrived."""
    query = select(OutboxMessage).where(
        col(OutboxMessage.alert_id) == alert.id, col(OutboxMessage.kind) == "card",
        col(OutboxMessage.state) == OutboxState.SENT, col(OutboxMessage.created_at) >= alert.last_raised_at,
    )  # fmt: skip
    return session.exec(query.order_by(col(OutboxMessage.id).desc())).first()


def advised(session: Session, patient: Patient, since: datetime) -> bool:
    """The patient's own safety advice has arrived."""
    query = select(OutboxMessage.id).where(
        col(OutboxMessage.patient_id) == patient.id, col(OutboxMessage.priority) == Priority.SAFETY,
        col(OutboxMessage.state) == OutboxState.SENT, col(OutboxMessage.created_at) >= since,
    )  # fmt: skip
    return session.exec(query.limit(1)).first() is not None


def last_finished(session: Session) -> Probe | None:
    query = select(Probe).where(col(Probe.finished_at).is_not(None)).order_by(col(Probe.finished_at).desc())
    return session.exec(query.limit(1)).first()


def unfinished(session: Session) -> Probe | None:
    query = select(Probe).where(col(Probe.finished_at).is_(None)).order_by(col(Probe.id).desc())
    return session.exec(query.limit(1)).first()


def forget(session: Session, patient: Patient, before: datetime) -> int:
    """What the patient who is nobody has said; the alerts stay, without words, as long as the audit speaks of them."""
    old = (col(Message.patient_id) == patient.id, col(Message.at) < before)
    mine = update(Alert).where(col(Alert.patient_id) == patient.id, col(Alert.closed_at).is_not(None))
    statements = (
        mine.values(message_id=None),
        delete(SafetyFollowUp).where(
            col(SafetyFollowUp.patient_id) == patient.id, col(SafetyFollowUp.answered_at) < before
        ),
        delete(SafetyQuestion).where(
            col(SafetyQuestion.patient_id) == patient.id, col(SafetyQuestion.asked_at) < before
        ),
        delete(RiskFlag).where(col(RiskFlag.patient_id) == patient.id, col(RiskFlag.at) < before),
        delete(Probe).where(col(Probe.started_at) < before, col(Probe.finished_at).is_not(None)),
    )
    for statement in statements:
        session.exec(statement, execution_options={"synchronize_session": False})
    used = select(Alert.message_id).where(col(Alert.message_id).is_not(None))
    gone = session.exec(
        delete(Message).where(*old, col(Message.id).not_in(used)), execution_options={"synchronize_session": False}
    )
    return int(gone.rowcount)


# How old things are ---------------------------------------------------------------------------------------------------


def overdue_step(session: Session, before: datetime) -> bool:
    """Has an alert waited for its next step since before then?"""
    query = select(Alert.id).where(col(Alert.next_step_at) < before, col(Alert.closed_at).is_(None))
    return session.exec(query.limit(1)).first() is not None


def old_update(session: Session, before: datetime) -> bool:
    """An update that arrived before then and that nobody has taken up. One that waits for Rasa is another matter."""
    query = select(InboxUpdate.update_id).where(
        col(InboxUpdate.state) == InboxState.NEW, col(InboxUpdate.received_at) < before
    )
    return session.exec(query.limit(1)).first() is not None


def old_message(session: Session, now: datetime, age: timedelta) -> bool:
    """Advice, a card or a reply that was written so long ago and has not left. Check-ins may be many: they may wait."""
    waiting = (OutboxState.QUEUED, OutboxState.SENDING)
    tried = or_(col(OutboxMessage.tries) > 0, col(OutboxMessage.not_before) <= now)
    query = select(func.count()).select_from(OutboxMessage).where(
        col(OutboxMessage.state).in_(waiting), col(OutboxMessage.priority) <= Priority.REPLY,
        col(OutboxMessage.created_at) < now - age, tried,
    )  # fmt: skip
    return session.exec(query).one() > 0
