"""The audit: what happened, by whom, in codes. It is only ever added to: the database refuses the rest."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import DDL, JSON, Table, event
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
    session.add(row)
    return row


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
