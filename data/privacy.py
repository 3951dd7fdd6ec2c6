"""Erasures under way: what is erased here at once, and elsewhere as soon as it can be."""

from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from data.prepared import prepared
from data.types import UtcDateTime


class Erasure(SQLModel, table=True):
    """Outlives its patient. Done when Rasa has forgotten the sender and the code no longer leads to anybody."""

    id: int = Field(default=None, primary_key=True)
    sender: str = Field(index=True)  # what Rasa knew the patient by; empty once done
    stand_in_id: int | None = None  # the patient row without a person that kept alerts point to
    requested_at: datetime = Field(sa_type=UtcDateTime)
    forgotten_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # by Rasa
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


def open_erasures(session: Session) -> list[Erasure]:
    return list(_open_erasures(session))


@prepared
def _open_erasures() -> SelectOfScalar[Erasure]:
    return select(Erasure).where(col(Erasure.done_at).is_(None)).order_by(col(Erasure.id))
