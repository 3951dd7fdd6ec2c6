"""Chain the audit: what is there already gets its hashes once, with the triggers out of the way."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC

import sqlalchemy as sa
from alembic import op

from data.types import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EVENTS = sa.table(
    "auditevent",
    sa.column("id", sa.Integer),
    sa.column("at", UtcDateTime),
    sa.column("what", sa.String),
    sa.column("by", sa.String),
    sa.column("patient", sa.String),
    sa.column("alert", sa.String),
    sa.column("detail", sa.JSON),
    sa.column("hash", sa.String),
)
LIFT = {
    "sqlite": ("drop trigger auditevent_no_update",),
    "postgresql": ("drop trigger auditevent_append_only on auditevent",),
}
PUT_BACK = {
    "sqlite": (
        "create trigger auditevent_no_update before update on auditevent "
        "begin select raise(abort, 'the audit is append-only'); end",
    ),
    "postgresql": (
        "create trigger auditevent_append_only before update or delete or truncate on auditevent "
        "for each statement execute function refuse_change()",
    ),
}


def upgrade() -> None:
    op.add_column("auditevent", sa.Column("hash", sa.String(), server_default="", nullable=False))
    connection = op.get_bind()
    _run(LIFT)
    previous = ""
    for row in connection.execute(sa.select(EVENTS).order_by(EVENTS.c.id)).all():
        said = [previous, row.at.astimezone(UTC).isoformat(), row.what, row.by, row.patient, row.alert, row.detail]
        previous = hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
        connection.execute(EVENTS.update().where(EVENTS.c.id == row.id).values(hash=previous))
    _run(PUT_BACK)


def downgrade() -> None:
    op.execute("alter table auditevent drop column hash")


def _run(statements: Mapping[str, tuple[str, ...]]) -> None:
    for statement in statements[op.get_bind().dialect.name]:
        op.execute(statement)
