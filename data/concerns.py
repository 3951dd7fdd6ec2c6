"""Beliefs and risks that were heard, the safety questions that are open, and the advice that waits for an answer."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Session, SQLModel, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from data.patients import Patient, PatientState
from data.prepared import prepared
from data.types import Encrypted, UtcDateTime


class BeliefFlag(SQLModel, table=True):
    """One belief in one message. A flag is the coach's guess until the patient or a physio says so."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    message_id: int = Field(foreign_key="message.id")
    belief: str = Field(index=True)  # B01…B16
    confidence: float
    model: str  # version of the model that heard it
    at: datetime = Field(sa_type=UtcDateTime)
    on: date  # the patient's local day
    strong: bool = False  # said with certainty, by the words of dialogues/protocol/exploration.yml
    blocks_plan: bool = False  # said as the reason why today's activity does not happen
    held: bool | None = None  # the patient, asked, says that this is their view; None: not asked yet


NO_BELIEF = "none"  # a correction: the message holds none of the classes


class BeliefCorrection(SQLModel, table=True):
    """A physio says what a flagged message really holds. The newest one counts; the flag itself stays as it was.

    Rows are only added, so that their ids tell a button whether it is the newest that it was made for.
    """

    id: int = Field(default=None, primary_key=True)
    flag_id: int = Field(foreign_key="beliefflag.id", index=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    belief: str  # B01…B16, or "none"
    words: str = Field(default="", sa_type=Encrypted)  # for the writers; empty: the words are not to be passed on
    physio_id: int | None = Field(default=None, foreign_key="physio.id")
    at: datetime = Field(sa_type=UtcDateTime)


class RiskFlag(SQLModel, table=True):
    """One risk in one message, and what was done about it."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    message_id: int | None = Field(default=None, foreign_key="message.id")
    risk: str = Field(index=True)  # RF01…RF19
    severity: str  # E999, EAE, U111, U48, R
    action: str  # advise, ask, cleared (asked, and the answer was no)
    layer: str  # rules, model, question
    at: datetime = Field(sa_type=UtcDateTime)


class SafetyQuestion(SQLModel, table=True):
    """The question set that is open with a patient: at most one; the rest wait in `waiting`."""

    patient_id: int = Field(primary_key=True, foreign_key="patient.id")
    question_set: str  # id in dialogues/safety/questions.yml
    answers: dict = Field(default_factory=dict, sa_type=JSON)  # question id → yes, no, not_sure
    waiting: list = Field(default_factory=list, sa_type=JSON)  # ids of further question sets
    then: str | None = None  # intent that goes on when every answer is clear
    heard: bool = False  # a danger was heard: silence counts as "not sure"
    misses: int = 0  # answers in words that were neither yes nor no nor not sure
    message_id: int | None = Field(default=None, foreign_key="message.id")  # what started it
    asked_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # silence counts as "not sure" then


class SafetyFollowUp(SQLModel, table=True):
    """Tier A advice that nobody has answered yet: repeated once."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    risk: str
    responses: str = ""  # what was said, to be said again
    symptom: str = ""
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # None: never repeated (RF17)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer: str | None = None
    repeated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def flagged(session: Session, message_id: int, belief: str) -> bool:
    query = select(BeliefFlag.id).where(col(BeliefFlag.message_id) == message_id, col(BeliefFlag.belief) == belief)
    return session.exec(query).first() is not None


def count(session: Session, patient_id: int, belief: str) -> int:
    """How often this patient has voiced this belief."""
    query = select(func.count()).select_from(BeliefFlag)
    query = query.where(col(BeliefFlag.patient_id) == patient_id, col(BeliefFlag.belief) == belief)
    return session.exec(query).one()


@dataclass(frozen=True)
class StandingFlag:
    """A flag and what it stands for today."""

    flag: BeliefFlag
    belief: str | None  # as a physio corrected it; None: not a belief, or the patient says that it is not their view


def standing_flags(session: Session, patient_id: int) -> list[StandingFlag]:
    """Every flag of this patient, oldest first. The patient's own word goes before a physio's."""
    query = select(BeliefFlag).where(col(BeliefFlag.patient_id) == patient_id).order_by(col(BeliefFlag.id))
    corrected = _corrected(session, patient_id)
    return [StandingFlag(flag, _stands_for(flag, corrected.get(flag.id, flag.belief))) for flag in session.exec(query)]


def _stands_for(flag: BeliefFlag, belief: str) -> str | None:
    return None if flag.held is False or belief == NO_BELIEF else belief


def _corrected(session: Session, patient_id: int) -> dict[int, str]:
    """Flag → what a physio says that it is."""
    query = select(BeliefCorrection).where(col(BeliefCorrection.patient_id) == patient_id)
    return {each.flag_id: each.belief for each in session.exec(query.order_by(col(BeliefCorrection.id)))}


def belief_flag(session: Session, flag_id: int) -> BeliefFlag | None:
    """Held for this transaction, so that two physios correct it one after the other. None after an erasure."""
    return session.get(BeliefFlag, flag_id, with_for_update=True)


def heard_lately(session: Session, service_id: int, most: int) -> list[BeliefFlag]:
    """The newest flag of each patient of this service, the newest first."""
    newest = select(func.max(BeliefFlag.id)).join(Patient, col(Patient.id) == col(BeliefFlag.patient_id))
    newest = newest.where(col(Patient.service_id) == service_id).group_by(col(BeliefFlag.patient_id))
    query = select(BeliefFlag).where(col(BeliefFlag.id).in_(newest)).order_by(col(BeliefFlag.id).desc())
    return list(session.exec(query.limit(most)).all())


def correction_of(session: Session, flag_id: int) -> BeliefCorrection | None:
    query = select(BeliefCorrection).where(col(BeliefCorrection.flag_id) == flag_id)
    return session.exec(query.order_by(col(BeliefCorrection.id).desc())).first()


def correct(session: Session, flag: BeliefFlag, belief: str, *, physio_id: int, now: datetime) -> BeliefCorrection:
    """Replaces the one before, and takes back the words that were shared with it."""
    before = col(BeliefCorrection.flag_id) == flag.id
    session.exec(update(BeliefCorrection).where(before).values(words=""))
    correction = BeliefCorrection(
        flag_id=flag.id, patient_id=flag.patient_id, belief=belief, physio_id=physio_id, at=now
    )  # fmt: skip
    session.add(correction)
    session.flush()
    return correction


@dataclass(frozen=True)
class ForWriters:
    """What may leave of one corrected flag: nobody's code, no day, and words only when a physio passed them on."""

    heard: str
    right: str  # B01…B16, or NO_BELIEF
    month: str  # 2026-12
    model: str
    words: str


def for_writers(session: Session) -> list[ForWriters]:
    """Every flag that a physio has looked at. Who has withdrawn their consent passes no words on any more."""
    query = select(BeliefFlag, BeliefCorrection, Patient.state).order_by(col(BeliefCorrection.id))
    query = query.join(BeliefCorrection, col(BeliefCorrection.flag_id) == col(BeliefFlag.id))
    query = query.join(Patient, col(Patient.id) == col(BeliefFlag.patient_id))
    newest = {flag.id: (flag, correction, state) for flag, correction, state in session.exec(query)}
    return [
        ForWriters(
            heard=flag.belief,
            right=correction.belief,
            month=f"{flag.on:%Y-%m}",
            model=flag.model,
            words="" if state == PatientState.WITHDRAWN else correction.words,
        )
        for flag, correction, state in newest.values()
    ]


def set_held(session: Session, patient_id: int, belief: str, held: bool) -> None:
    """The patient, asked, says whether this is their view: it settles every flag that stands for the class."""
    for each in standing_flags(session, patient_id):
        if each.belief == belief and each.flag.held is None:
            each.flag.held = held
    session.flush()


def risk_heard(session: Session, patient_id: int, *, since: datetime) -> bool:
    """Any risk in the patient's words, also one that a question has cleared since; a no to a routine question is none."""
    query = select(RiskFlag.id).where(col(RiskFlag.patient_id) == patient_id, col(RiskFlag.at) >= since)
    query = query.where(col(RiskFlag.action) != "cleared")
    return session.exec(query.limit(1)).first() is not None


def risk_flagged(session: Session, message_id: int, risk: str) -> bool:
    query = select(RiskFlag.id).where(col(RiskFlag.message_id) == message_id, col(RiskFlag.risk) == risk)
    return session.exec(query).first() is not None


def open_follow_ups(session: Session, patient_id: int) -> list[SafetyFollowUp]:
    """Advice that has not been answered yet."""
    return list(_open_follow_ups(session, patient_id=patient_id))


@prepared
def _open_follow_ups(patient_id: Any) -> SelectOfScalar[SafetyFollowUp]:
    query = select(SafetyFollowUp).where(col(SafetyFollowUp.patient_id) == patient_id)
    return query.where(col(SafetyFollowUp.answered_at).is_(None))


def follow_ups_due(session: Session, now: datetime) -> list[SafetyFollowUp]:
    query = select(SafetyFollowUp).where(col(SafetyFollowUp.answered_at).is_(None))
    query = query.where(col(SafetyFollowUp.repeated_at).is_(None), col(SafetyFollowUp.due_at) <= now)
    return list(session.exec(query).all())


def questions_due(session: Session, now: datetime) -> list[SafetyQuestion]:
    """Question sets that have met with silence for too long."""
    return list(_questions_due(session, now=now))


@prepared
def _questions_due(now: Any) -> SelectOfScalar[SafetyQuestion]:
    return select(SafetyQuestion).where(col(SafetyQuestion.due_at) <= now)


def question(session: Session, patient_id: int) -> SafetyQuestion | None:
    return session.get(SafetyQuestion, patient_id)


def close_question(session: Session, patient_id: int) -> None:
    """The open question set is over, and with it the ones that wait behind it."""
    row = session.get(SafetyQuestion, patient_id)
    if row is not None:
        session.delete(row)
        session.flush()


def last_follow_up(session: Session, patient_id: int) -> SafetyFollowUp | None:
    query = select(SafetyFollowUp).where(col(SafetyFollowUp.patient_id) == patient_id)
    return session.exec(query.order_by(col(SafetyFollowUp.id).desc())).first()
