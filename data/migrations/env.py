"""What Alembic runs: always online, on the connection it is given, in that connection's transaction."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator
from sqlalchemy.engine.default import DefaultDialect

from data.tables import metadata


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Migrations name plain database types, so that an old one never needs the code of its day."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.load_dialect_impl(DefaultDialect())!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,  # SQLite's too: we begin our own transactions
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
