"""Everything that happened with one patient, newest first, out of the tables in which it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from data.audit import AuditEvent
from data.case_notes import CaseNote
from data.checkins import CheckIn
from data.concerns import BeliefFlag, RiskFlag
from data.experiments import Experiment
from data.explorations import Exploration
from data.flares import Flare
from data.goals import ActivityGoal
from data.measures import Sitting
from data.messages import Message
from data.modules import ModuleRun
from data.patients import Patient
from data.programme import BodyLimit, WeekReview
from data.support_calls import SupportCall

KINDS = ("message", "check_in", "belief", "risk", "goal", "programme", "note", "call", "event")
LOOKED = ("case_viewed", "beliefs_listed", "belief_words_read", "page_refused")  # who read it stands in the audit alone


@dataclass(frozen=True)
class Entry:
    at: datetime
    kind: str  # of KINDS
    row: Any


def entries(
    session: Session, patient: Patient, *, before: datetime | None = None, kind: str = "", most: int
) -> list[Entry]:
    """At most `most` of them, older than `before`; what happened in the same instant stands in the order of writing."""
    found: list[Entry] = []
    for name, reads in READ.items():
        if not kind or name == kind:
            for read in reads:
                found += read(session, patient, before, most)
    return sorted(found, key=lambda each: each.at, reverse=True)[:most]


def _rows(
    name: str, table: type[SQLModel], instant: Any, *where: Any, owner: Callable[[Patient], Any] | None = None
) -> Callable[[Session, Patient, datetime | None, int], list[Entry]]:
    def read(session: Session, patient: Patient, before: datetime | None, most: int) -> list[Entry]:
        theirs = owner(patient) if owner else table.patient_id == patient.id  # type: ignore[attr-defined]
        query = select(table).where(theirs, col(instant).is_not(None), *where)
        if before is not None:
            query = query.where(col(instant) < before)
        order = (col(instant).desc(), col(table.id).desc())  # type: ignore[attr-defined]
        rows = session.exec(query.order_by(*order).limit(most)).all()
        return [Entry(getattr(row, instant.key), name, row) for row in rows]

    return read


READ: dict[str, list[Callable[[Session, Patient, datetime | None, int], list[Entry]]]] = {
    "message": [_rows("message", Message, Message.at)],
    "check_in": [_rows("check_in", CheckIn, CheckIn.ended_at)],
    "belief": [_rows("belief", BeliefFlag, BeliefFlag.at)],
    "risk": [_rows("risk", RiskFlag, RiskFlag.at)],
    "goal": [_rows("goal", ActivityGoal, ActivityGoal.created_at)],
    "programme": [
        _rows("programme", WeekReview, WeekReview.at),
        _rows("programme", Sitting, Sitting.ended_at),
        _rows("programme", Exploration, Exploration.offered_at),
        _rows("programme", Experiment, Experiment.agreed_at),
        _rows("programme", Flare, Flare.started_at),
        _rows("programme", BodyLimit, BodyLimit.at),
        _rows("programme", ModuleRun, ModuleRun.started_at),
    ],
    "note": [_rows("note", CaseNote, CaseNote.at)],
    "call": [_rows("call", SupportCall, SupportCall.at)],
    "event": [_rows(
        "event", AuditEvent, AuditEvent.at, col(AuditEvent.what).not_in(LOOKED),
        owner=lambda patient: col(AuditEvent.patient) == patient.code,
    )],
}  # fmt: skip
