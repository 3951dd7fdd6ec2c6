"""A person with a row in every table that can be about one, every text of it recognisable."""

from datetime import date, time
from typing import Any

from sqlalchemy import Boolean, Column, Date, DateTime, Float, Integer, Table, Time, insert, select
from sqlmodel import Session

from data.database import Database
from data.patients import Patient
from data.personal import TABLES
from data.tables import metadata
from data.types import Coded, EncryptedBytes, EncryptedJson, UtcDateTime
from tests.conftest import NOW

ABOUT_PEOPLE = [
    table for table in metadata.sorted_tables if TABLES[table.name].owner in ("id", "patient_id", "chat_id")
]
OVERRIDES: dict[tuple[str, str], Any] = {
    ("patient", "time_zone"): "Europe/London",
    ("outboxmessage", "priority"): 2,  # a reply: safety advice that is on its way is not cancelled
    ("outboxmessage", "channel"): "telegram",
    ("inboxupdate", "state"): "done",
    ("alert", "state"): "closed",
}


def person(session: Session, who: str, chat_id: int, **overrides: Any) -> Patient:
    """`who` stands in every text; `alert__closed_at=None` overrides one column."""
    wanted = OVERRIDES | {tuple(name.split("__")): value for name, value in overrides.items()}
    made: dict[str, Any] = {}
    for table in ABOUT_PEOPLE:
        values = {
            column.name: wanted.get((table.name, column.name), _value(table, column, who, chat_id, made))
            for column in table.columns
        }
        for key in table.primary_key:
            if key.autoincrement is True or (key.name == "id" and isinstance(key.type, Integer)):
                values.pop(key.name)
        found = session.connection().execute(insert(table).values(values))
        made[table.name] = (found.inserted_primary_key or [None])[0]
    return session.get_one(Patient, made["patient"])


def _value(table: Table, column: Column, who: str, chat_id: int, made: dict[str, Any]) -> Any:
    said = f"{who}-{table.name}-{column.name}"
    kind = column.type
    for key in column.foreign_keys:
        if key.column.table.name == "service":
            return 1  # the one that is there from the start
        return made.get(key.column.table.name)  # None for a physio
    if column.name in ("chat_id", "update_id"):
        return chat_id
    if isinstance(kind, Coded):
        return next(iter(kind.values))
    if isinstance(kind, EncryptedJson) or type(kind).__name__ == "JSON":
        return [{"said": said}]
    if isinstance(kind, EncryptedBytes):
        return said.encode()
    simple: dict[type, Any] = {
        UtcDateTime: NOW, DateTime: NOW, Date: date(2026, 12, 1), Time: time(8, 30),
        Boolean: False, Float: 0.5, Integer: 3,
    }  # fmt: skip
    return next((value for type_, value in simple.items() if isinstance(kind, type_)), said)


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, decrypted."""
    with database.engine.begin() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def rows_naming(database: Database, who: str) -> dict[str, int]:
    """How many rows of which tables still name this person."""
    found = {name: sum(f"{who}-" in str(row) for row in rows) for name, rows in everything(database).items()}
    return {name: number for name, number in found.items() if number}
