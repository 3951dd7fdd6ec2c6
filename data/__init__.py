"""What the coach remembers: tables and their queries, one module an aggregate."""

import re
from typing import Any

from sqlmodel import SQLModel


def check_name(constraint: Any, _table: Any) -> str:
    """A CHECK is named after what it says, so that a migration can find it again."""
    return re.sub(r"\W+", "_", str(constraint.sqltext)).strip("_")[:48]


# Before the first table: names that are the same on SQLite and PostgreSQL.
SQLModel.metadata.naming_convention = {
    "check_name": check_name,
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(check_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
