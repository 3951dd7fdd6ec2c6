"""One patient's data as they may read it: their own words, numbers and instants; never anybody else's."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col
from sqlmodel import select as pick

from data.concerns import RiskFlag
from data.messages import Message
from data.patients import Patient
from data.personal import TABLES
from data.tables import metadata


def export(session: Session, patient: Patient, now: datetime, *, withheld: Collection[str] = ()) -> dict[str, Any]:
    """Ready for JSON; instants carry the offset of the patient's own time zone.

    `withheld`: risk ids that don't go into the chat with what was said about them, because somebody else may be
    reading it (dialogues/protocol/retention.yml); the clinic gives them in person.
    """
    session.flush()
    zone = ZoneInfo(patient.time_zone)
    hidden = _hidden_messages(session, patient, withheld)
    found: dict[str, Any] = {"exported_at": readable(now, zone)}
    for name, declared in TABLES.items():
        if declared.section is None:
            continue
        table = metadata.tables[name]
        query = select(table).where(table.c[declared.owner] == patient.id).order_by(*table.primary_key)
        rows = [dict(row._mapping) for row in session.connection().execute(query)]
        shown = [_entry(name, row, zone) for row in rows if not _is_hidden(row, name, withheld, hidden)]
        found[declared.section] = shown[0] if declared.owner == "id" else shown
    return found


def _entry(table: str, row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    columns = TABLES[table].columns
    return {column.exported: readable(row[name], zone) for name, column in columns.items() if column.exported}


def readable(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    return value.isoformat() if isinstance(value, date) else value


def _hidden_messages(session: Session, patient: Patient, withheld: Collection[str]) -> set[int]:
    """The messages in which a withheld risk was heard, and what was answered."""
    theirs = col(Message.patient_id) == patient.id
    flags = pick(RiskFlag.message_id).where(col(RiskFlag.patient_id) == patient.id, col(RiskFlag.risk).in_(withheld))
    hidden: set[int] = set()
    for heard in session.exec(pick(Message).where(theirs, col(Message.id).in_(flags))).all():
        answers = col(Message.key).startswith(f"{heard.key}:", autoescape=True)
        hidden |= {heard.id, *session.exec(pick(Message.id).where(theirs, answers))}
    return hidden


def _is_hidden(row: Mapping[str, Any], table: str, withheld: Collection[str], hidden: Collection[int]) -> bool:
    if table == "message":
        return row["id"] in hidden
    return row.get("risk", row.get("cause")) in withheld or row.get("message_id") in hidden
