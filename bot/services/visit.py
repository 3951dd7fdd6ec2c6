"""One update of one physio, as the parts of the desk hand it on."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.services.incoming import Incoming
from data.physios import Physio


@dataclass(frozen=True)
class Visit:
    """`physio` is who the database says it is now."""

    session: Session
    physio: Physio
    incoming: Incoming
    now: datetime

    def key(self, part: str) -> str:
        """Names one message of the answer: a repeated update writes it once."""
        return f"desk:{self.incoming.key}:{part}"
