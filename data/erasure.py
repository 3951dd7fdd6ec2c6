"""Erases one patient, everywhere in this database, in the caller's transaction.

What stays is in codes: the audit, and the alerts, which point to a stand-in, a row without a person. While one of
them is open a physio must still be able to find the person, so the stand-in keeps the code until it is closed.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel, col, delete, select, update

from data.alerts import Alert
from data.inbox import OPEN, InboxUpdate
from data.outbox import Button, OutboxMessage, OutboxState, Priority
from data.patients import Invitation, Patient, PatientState, chat_of
from data.personal import TABLES, Erased
from data.privacy import Erasure
from data.tables import metadata

ON_ITS_WAY = (OutboxState.QUEUED, OutboxState.SENDING)


def erase(session: Session, patient: Patient, now: datetime) -> Erasure:
    """The patient's row is gone afterwards; `Erasure` says what is still to be done elsewhere."""
    session.flush()
    chat = chat_of(session, patient)
    code, sender, patient_id = patient.code, patient.sender, patient.id
    stand_in = _stand_in(session, patient, now)
    if chat is not None:
        _forget_chat(session, chat.chat_id)
    _empty_drafts(session, patient_id)
    _delete_rows(session, patient_id)
    _run(session, update(Invitation).where(col(Invitation.patient_id) == patient_id).values(patient_id=None))
    session.delete(patient)
    session.flush()
    if stand_in is not None:
        _delete_cards(session, stand_in.id)
        if _unclosed(session, stand_in.id):
            stand_in.code = code
    erasure = Erasure(sender=sender, requested_at=now, stand_in_id=stand_in.id if stand_in else None)
    session.add(erasure)
    session.flush()
    return erasure


def finish(session: Session, erasure: Erasure, now: datetime) -> bool:
    """Takes the next steps of an erasure; True when there is none left."""
    if erasure.stand_in_id is not None and not _unclosed(session, erasure.stand_in_id):
        stand_in = session.get_one(Patient, erasure.stand_in_id)
        _delete_rows(session, stand_in.id)
        _delete_cards(session, stand_in.id)
        stand_in.code = _nobody()
        erasure.stand_in_id = None
    if erasure.stand_in_id is None and erasure.forgotten_at is not None:
        erasure.done_at, erasure.sender = now, ""
    session.flush()
    return erasure.done_at is not None


def _stand_in(session: Session, patient: Patient, now: datetime) -> Patient | None:
    """Takes over the patient's alerts, without the words that raised them; None when there are none."""
    if session.exec(select(Alert.id).where(col(Alert.patient_id) == patient.id)).first() is None:
        return None
    stand_in = Patient(
        code=_nobody(), sender=secrets.token_hex(16), state=PatientState.WITHDRAWN, created_at=now,
        service_id=patient.service_id,
    )  # fmt: skip
    session.add(stand_in)
    session.flush()
    theirs = update(Alert).where(col(Alert.patient_id) == patient.id)
    _run(session, theirs.values(patient_id=stand_in.id, message_id=None))
    return stand_in


def _forget_chat(session: Session, chat_id: int) -> None:
    """Safety advice that is on its way still arrives; updates that nobody has read yet are read as a stranger's."""
    here = col(OutboxMessage.chat_id) == chat_id
    leaving = here & (col(OutboxMessage.priority) == Priority.SAFETY) & col(OutboxMessage.state).in_(ON_ITS_WAY)
    loose: dict[str, Any] = {"patient_id": None, "check_in_id": None, "alert_id": None, "buttons": []}
    _run(session, update(OutboxMessage).where(leaving).values(**loose))
    _run(session, delete(OutboxMessage).where(here, ~leaving))
    _run(session, delete(Button).where(col(Button.chat_id) == chat_id))
    read = (col(InboxUpdate.chat_id) == chat_id, col(InboxUpdate.state).not_in(OPEN))
    _run(session, update(InboxUpdate).where(*read).values(chat_id=0, raw=""))


def _empty_drafts(session: Session, patient_id: int) -> None:
    """In the chats of physios: a button may hold what was about to be written to the patient."""
    about = select(OutboxMessage.key).where(
        col(OutboxMessage.patient_id) == patient_id, col(OutboxMessage.physio_id).is_not(None)
    )
    for button in session.exec(select(Button).where(col(Button.outbox_key).in_(about))):
        button.effect = {name: value for name, value in button.effect.items() if name != "words"}
    session.flush()


def _delete_rows(session: Session, patient_id: int) -> None:
    """Children first: every table that personal.py declares as deleted with its patient."""
    entities = {str(mapper.local_table): mapper.class_ for mapper in SQLModel._sa_registry.mappers}
    for table in reversed(metadata.sorted_tables):
        declared = TABLES[table.name]
        if declared.erased is Erased.DELETED and declared.owner == "patient_id":
            _run(session, delete(entities[table.name]).where(table.c.patient_id == patient_id))


def _delete_cards(session: Session, patient_id: int) -> None:
    """Of alerts that are closed; the patient's own messages have no alert any more."""
    closed = select(Alert.id).where(col(Alert.patient_id) == patient_id, col(Alert.closed_at).is_not(None))
    _run(session, delete(OutboxMessage).where(col(OutboxMessage.alert_id).in_(closed)))


def _unclosed(session: Session, patient_id: int) -> bool:
    query = select(Alert.id).where(col(Alert.patient_id) == patient_id, col(Alert.closed_at).is_(None))
    return session.exec(query).first() is not None


def _nobody() -> str:
    return f"erased-{secrets.token_hex(5)}"


def _run(session: Session, statement: Any) -> None:
    session.exec(statement, execution_options={"synchronize_session": "fetch"})
