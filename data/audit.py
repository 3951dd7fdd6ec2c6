"""The audit: what happened, by whom, in codes. It is only ever added to: the database refuses the rest.

Each event carries a hash of itself and of the one before it, so that whoever gets around the database is seen
(`coach audit verify`). The chain is forged in the last moment of a transaction: its lock is held for an instant, and
no other lock is waited for behind it.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DDL, JSON, Table, event, text
from sqlalchemy.orm import Session as AnySession
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Field, Session, SQLModel, col, select

from data.types import UtcDateTime

CODE = re.compile(r"[\w.,:;+/@-]{0,80}")  # ids, references, codes, instants: nothing that could be a sentence


class AuditEvent(SQLModel, table=True):
    """Without foreign keys, so that the audit never blocks an erasure."""

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    what: str = Field(index=True)  # past tense: alert_raised, alert_acknowledged, consent_given, patient_erased …
    by: str  # system, patient, physio:3, admin
    patient: str | None = Field(default=None, index=True)  # the code
    alert: str | None = Field(default=None, index=True)  # the reference
    detail: dict = Field(default_factory=dict, sa_type=JSON)  # ids and codes, never words
    hash: str = Field(default="", sa_column_kwargs={"server_default": ""})  # of this event and the one before it


def record(
    session: Session,
    what: str,
    *,
    by: str,
    now: datetime,
    patient: str | None = None,
    alert: str | None = None,
    **detail: object,
) -> AuditEvent:
    """`patient` is the code, `alert` the reference. A detail that could hold words is withheld, not refused:
    the audit never stops an alert."""
    row = AuditEvent(
        at=now,
        what=what,
        by=by,
        patient=patient,
        alert=alert,
        detail={name: coded_only(v) for name, v in detail.items()},
    )
    session.info.setdefault(WAITING, []).append((row, _enclosing(session)))
    return row


def waiting(session: Session) -> list[AuditEvent]:
    """Recorded in this transaction, and not written yet."""
    return [row for row, _ in session.info.get(WAITING, [])]


def coded_only(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [coded_only(each) for each in value]
    return str(value) if CODE.fullmatch(str(value)) else "withheld"


def about(session: Session, patient: str) -> list[AuditEvent]:
    """Everything recorded about one patient (by code), oldest first."""
    query = select(AuditEvent).where(col(AuditEvent.patient) == patient).order_by(col(AuditEvent.id))
    return list(session.exec(query).all())


# The chain ------------------------------------------------------------------------------------------------------------

WAITING = "audit events of this transaction"
LOCK = 7_203_212  # PostgreSQL advisory lock: one transaction at a time adds to the chain; SQLite has one writer anyway
AT_ONCE = 1000


def linked(previous: str, row: AuditEvent) -> str:
    """The hash of an event that comes after the one with the hash `previous`."""
    said = [previous, row.at.astimezone(UTC).isoformat(), row.what, row.by, row.patient, row.alert, row.detail]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """`broken`: the number of the first event that is not what was written, or doesn't follow the one before it."""

    events: int
    head: str  # the last hash: note it elsewhere, and a chain that was cut short is seen too
    broken: int | None = None


def verify(session: Session) -> Verdict:
    count, previous = 0, ""
    for row in everything(session):
        if row.hash != linked(previous, row):
            return Verdict(count, previous, broken=row.id)
        count, previous = count + 1, row.hash
    return Verdict(count, previous)


def everything(session: Session) -> Iterator[AuditEvent]:
    """Every event, oldest first, a thousand in memory at a time."""
    last = 0
    query = select(AuditEvent).order_by(col(AuditEvent.id)).limit(AT_ONCE)
    while rows := session.exec(query.where(col(AuditEvent.id) > last)).all():
        yield from rows
        last = rows[-1].id


def _enclosing(session: AnySession) -> list[SessionTransaction]:
    """The savepoints that are open now: when one is rolled back, what was recorded in it never happened."""
    found, savepoint = [], session.get_nested_transaction()
    while savepoint is not None and savepoint.nested:
        found.append(savepoint)
        savepoint = savepoint.parent
    return found


@event.listens_for(AnySession, "before_commit")
def _forge(session: AnySession) -> None:
    if session.in_nested_transaction() or not session.info.get(WAITING):
        return
    rows = [row for row, _ in session.info.pop(WAITING)]
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"select pg_advisory_xact_lock({LOCK})"))
    newest = select(AuditEvent.hash).order_by(col(AuditEvent.id).desc()).limit(1)
    previous = session.scalars(newest).first() or ""
    for row in rows:
        row.hash = previous = linked(previous, row)
        session.add(row)
        session.flush()


@event.listens_for(AnySession, "after_soft_rollback")
def _forget(session: AnySession, undone: SessionTransaction) -> None:
    waiting = session.info.get(WAITING, [])
    session.info[WAITING] = [each for each in waiting if undone.nested and undone not in each[1]]


# The database says no -------------------------------------------------------------------------------------------------

APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"create trigger auditevent_no_{verb} before {verb} on auditevent "
        "begin select raise(abort, 'the audit is append-only'); end"
        for verb in ("update", "delete")
    ),
    "postgresql": (
        "create or replace function refuse_change() returns trigger language plpgsql as "
        "$$ begin raise exception 'the audit is append-only'; end $$",
        "create trigger auditevent_append_only before update or delete or truncate on auditevent "
        "for each statement execute function refuse_change()",
    ),
}

TABLE: Table = SQLModel.metadata.tables["auditevent"]
for dialect, statements in APPEND_ONLY.items():
    for statement in statements:
        event.listen(TABLE, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]
DROP_FUNCTION = DDL("drop function if exists refuse_change()")  # type: ignore[no-untyped-call]
event.listen(TABLE, "after_drop", DROP_FUNCTION.execute_if(dialect="postgresql"))
