"""Skills practised in the chat: how far each module has come, and what the patient keeps of them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import Encrypted, EncryptedJson, UtcDateTime, coded


class ModuleState(StrEnum):
    OFFERED = "offered"
    DECLINED = "declined"
    OPEN = "open"  # being asked, or left half-way: it can be taken up again on any day
    DONE = "done"


class ModuleRun(SQLModel, table=True):
    """One module, once gone through. `step` is the one whose words stand before the patient, or will when they return."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    module: str  # the name of its file in dialogues/modules/
    state: ModuleState = Field(default=ModuleState.OPEN, sa_type=coded(ModuleState))
    reason: str = ""  # why it was offered: a belief (B05), a reason of the weekly review, a week of the programme
    step: str = ""
    # Answers by step, in the patient's words or the code of a button; a list for the rungs of a ladder, lines of a draft.
    answers: dict = Field(default_factory=dict, sa_type=EncryptedJson)
    path: list = Field(default_factory=list, sa_type=EncryptedJson)  # the steps behind it, for "back"
    offered_on: date | None = None  # the patient's local day
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime, index=True
    )  # None: nothing of it is being asked
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Keepsake(SQLModel, table=True):
    """A card in the patient's own words. `place` is set where there is only one: flare_1 … flare_6."""

    id: int = Field(default=None, primary_key=True)
    patient_id: int = Field(foreign_key="patient.id", index=True)
    module: str = ""
    place: str = ""
    title: str = ""  # from dialogues/
    words: str = Field(sa_type=Encrypted)
    at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)  # can be taken back for a while


# Runs


def add(session: Session, run: ModuleRun) -> ModuleRun:
    session.add(run)
    session.flush()
    return run


def runs(session: Session, patient_id: int) -> list[ModuleRun]:
    """Oldest first."""
    query = select(ModuleRun).where(col(ModuleRun.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(ModuleRun.id))).all())


def run(session: Session, patient_id: int, run_id: int) -> ModuleRun | None:
    """None for another patient's."""
    row = session.get(ModuleRun, run_id)
    return row if row and row.patient_id == patient_id else None


def asking(session: Session, patient_id: int) -> ModuleRun | None:
    """The one whose step was put last and still waits."""
    return _asking(session, patient_id=patient_id).first()


@prepared
def _asking(patient_id: Any) -> SelectOfScalar[ModuleRun]:
    query = select(ModuleRun).where(col(ModuleRun.patient_id) == patient_id, col(ModuleRun.state) == ModuleState.OPEN)
    query = query.where(col(ModuleRun.asked_at).is_not(None))
    return query.order_by(col(ModuleRun.asked_at).desc(), col(ModuleRun.id).desc()).limit(1)


def forgotten(session: Session, *, before: datetime, most: int) -> list[ModuleRun]:
    """Those that nobody has answered since."""
    query = select(ModuleRun).where(col(ModuleRun.asked_at) <= before)
    return list(session.exec(query.order_by(col(ModuleRun.id)).limit(most)).all())


# Keepsakes


def keep(session: Session, keepsake: Keepsake) -> Keepsake:
    """Takes the place of an earlier one in the same place."""
    if keepsake.place:
        for earlier in keepsakes(session, keepsake.patient_id):
            if earlier.place == keepsake.place:
                session.delete(earlier)
    session.add(keepsake)
    session.flush()
    return keepsake


def keepsakes(session: Session, patient_id: int) -> list[Keepsake]:
    """Those that are not deleted, oldest first."""
    query = select(Keepsake).where(col(Keepsake.patient_id) == patient_id, col(Keepsake.deleted_at).is_(None))
    return list(session.exec(query.order_by(col(Keepsake.id))).all())


def keepsake(session: Session, patient_id: int, keepsake_id: int) -> Keepsake | None:
    """Also a deleted one, while it can be taken back. None for another patient's."""
    row = session.get(Keepsake, keepsake_id)
    return row if row and row.patient_id == patient_id else None


def purge_deleted(session: Session, before: datetime) -> int:
    query = select(Keepsake).where(col(Keepsake.deleted_at) < before)
    gone = session.exec(query).all()
    for row in gone:
        session.delete(row)
    return len(gone)
