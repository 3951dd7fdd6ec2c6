"""At-risk rules: when a patient is to be looked at, what was found, and what is to be said or asked because of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, delete, select

from data.alerts import Alert
from data.patients import Patient, PatientState
from data.types import EncryptedJson, UtcDateTime, coded

DAILY = "daily"  # the look of every day: all rules


class AtRiskLook(SQLModel, table=True):
    """A look that is due: the daily one of each patient, which moves on, and one for each answer, which is done once.

    An answer only adds a row, so that no turn of a patient ever waits for the tick.
    """

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    source: str = DAILY  # what there is news of: pain, activity, measures, … (bot/coaching/at_risk_triggers.py)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)


class AtRiskFinding(SQLModel, table=True):
    """A rule has fired. `evidence` is how it stood then: the numbers, the last 14 days, goals, limits; no words of theirs."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    rule: str  # AR01…AR22
    version: int
    level: str = ""  # P0–P3; "" when no human is told
    evidence: dict = Field(default_factory=dict, sa_type=EncryptedJson)
    on: date  # the patient's local day
    newest_on: date  # the day of the newest figure in it
    at: datetime = Field(sa_type=UtcDateTime)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", index=True)


class PromptState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"  # its question waits for an answer
    DONE = "done"  # said, or answered
    SKIPPED = "skipped"  # by the patient
    LAPSED = "lapsed"  # never answered: missing, and never "no"
    DROPPED = "dropped"  # no longer fitting when its time came


LIVE = (PromptState.PLANNED, PromptState.SENT)
LIVE_PROMPT = text("state in ('planned', 'sent')")


class AtRiskPrompt(SQLModel, table=True):
    """Something to be said or asked. `due_at` is when the tick must look at it; `cause` makes it happen once."""

    __table_args__ = (
        UniqueConstraint("patient_id", "name", "cause"),
        Index("ix_atriskprompt_live", "due_at", sqlite_where=LIVE_PROMPT, postgresql_where=LIVE_PROMPT),
    )

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    name: str  # under `prompts` or `questions` of dialogues/protocol/at_risk.yml
    cause: str  # "week 5", "since 2026-12-01"
    rule: str = ""
    state: PromptState = Field(default=PromptState.PLANNED, sa_type=coded(PromptState))
    due_at: datetime = Field(sa_type=UtcDateTime)
    values: dict = Field(default_factory=dict, sa_type=EncryptedJson)  # what its words are filled with
    on: date  # the patient's local day on which it was planned
    asks: str | None = None  # the question that is open: its own, or one that followed from the answer
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer: str | None = None  # the code of the button
    detail: str | None = None  # the answer to the question that followed
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


# Looks ----------------------------------------------------------------------------------------------------------------


def look_now(session: Session, patient_id: int, source: str, now: datetime) -> None:
    """There is news of `source`: the rules that it feeds are looked at on the next tick. For every service to call."""
    session.add(AtRiskLook(patient_id=patient_id, source=source, due_at=now))


def claim_looks(session: Session, now: datetime, *, most: int) -> list[AtRiskLook]:
    """Looks that are due, longest first; no other process gets them while this transaction lasts."""
    query = select(AtRiskLook).where(col(AtRiskLook.due_at) <= now).order_by(col(AtRiskLook.due_at), col(AtRiskLook.id))
    return list(session.exec(query.limit(most).with_for_update(skip_locked=True)).all())


def done_with(session: Session, looks: Collection[AtRiskLook]) -> None:
    ids = [look.id for look in looks]
    session.exec(delete(AtRiskLook).where(col(AtRiskLook.id).in_(ids)))


def without_daily_look(session: Session, *, most: int) -> list[Patient]:
    """Patients of the programme who have no look to come: nobody is left out."""
    theirs = select(AtRiskLook.id).where(col(AtRiskLook.patient_id) == col(Patient.id), col(AtRiskLook.source) == DAILY)
    query = select(Patient).where(col(Patient.state).in_((PatientState.ACTIVE, PatientState.PAUSED)), ~theirs.exists())
    return list(session.exec(query.order_by(col(Patient.id)).limit(most)).all())


def patients_of(session: Session, patient_ids: Collection[int]) -> list[Patient]:
    query = select(Patient).where(col(Patient.id).in_(patient_ids)).order_by(col(Patient.id))
    return list(session.exec(query).all())


# Findings -------------------------------------------------------------------------------------------------------------


def add_finding(session: Session, finding: AtRiskFinding) -> AtRiskFinding:
    session.add(finding)
    session.flush()
    return finding


def finding_of(session: Session, alert_id: int) -> AtRiskFinding | None:
    """What the newest card of an alert says; None for an alert that no rule has raised."""
    query = select(AtRiskFinding).where(col(AtRiskFinding.alert_id) == alert_id)
    return session.exec(query.order_by(col(AtRiskFinding.id).desc()).limit(1)).first()


def findings_since(session: Session, patient_ids: Collection[int], first: date) -> dict[int, list[AtRiskFinding]]:
    """By patient, oldest first."""
    query = select(AtRiskFinding).where(col(AtRiskFinding.patient_id).in_(patient_ids))
    return _by_patient(session.exec(query.where(col(AtRiskFinding.on) >= first).order_by(col(AtRiskFinding.id))).all())


def found_on(session: Session, patient_id: int, rule: str, newest_on: date) -> bool:
    """This rule has been found on figures of this day before."""
    query = select(AtRiskFinding.id).where(col(AtRiskFinding.patient_id) == patient_id)
    query = query.where(col(AtRiskFinding.rule) == rule, col(AtRiskFinding.newest_on) == newest_on)
    return session.exec(query.limit(1)).first() is not None


def last_alert(session: Session, patient_id: int, cause: str) -> Alert | None:
    """The newest alert of a cause, open or closed."""
    query = select(Alert).where(col(Alert.patient_id) == patient_id, col(Alert.cause) == cause)
    return session.exec(query.order_by(col(Alert.id).desc()).limit(1)).first()


# Prompts --------------------------------------------------------------------------------------------------------------


def plan_prompt(session: Session, prompt: AtRiskPrompt) -> bool:
    """False when its cause has had this prompt already."""
    query = select(AtRiskPrompt.id).where(
        col(AtRiskPrompt.patient_id) == prompt.patient_id,
        col(AtRiskPrompt.name) == prompt.name,
        col(AtRiskPrompt.cause) == prompt.cause,
    )
    if session.exec(query).first() is not None:
        return False
    try:
        with session.begin_nested():
            session.add(prompt)
    except IntegrityError:
        return False
    return True


def claim_prompts(session: Session, now: datetime, *, most: int) -> list[AtRiskPrompt]:
    """Live prompts whose time has come; no other process gets them while this transaction lasts."""
    query = select(AtRiskPrompt).where(LIVE_PROMPT, col(AtRiskPrompt.due_at) <= now)
    query = query.order_by(col(AtRiskPrompt.due_at), col(AtRiskPrompt.id)).limit(most)
    return list(session.exec(query.with_for_update(skip_locked=True)).all())


def prompt(session: Session, patient_id: int, prompt_id: int) -> AtRiskPrompt | None:
    """None for another patient's."""
    query = select(AtRiskPrompt).where(col(AtRiskPrompt.id) == prompt_id, col(AtRiskPrompt.patient_id) == patient_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def asking(session: Session, patient_id: int) -> AtRiskPrompt | None:
    """The question that was put last and still waits."""
    query = select(AtRiskPrompt).where(
        col(AtRiskPrompt.patient_id) == patient_id, col(AtRiskPrompt.state) == PromptState.SENT
    )
    query = query.where(col(AtRiskPrompt.asks).is_not(None)).order_by(col(AtRiskPrompt.id).desc())
    return session.exec(query.limit(1)).first()


def prompts_of(session: Session, patient_ids: Collection[int]) -> dict[int, list[AtRiskPrompt]]:
    """By patient, oldest first."""
    query = select(AtRiskPrompt).where(col(AtRiskPrompt.patient_id).in_(patient_ids))
    return _by_patient(session.exec(query.order_by(col(AtRiskPrompt.id))).all())


Row = TypeVar("Row", AtRiskFinding, AtRiskPrompt)


def _by_patient(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.patient_id].append(row)
    return found
