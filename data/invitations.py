"""Invitations: making, finding and using the one-time codes of patients and physios."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from data.patients import Invitation

ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # no 0/O, 1/I/L/U: read aloud, typed on a phone
LENGTH = 12  # 30^12, about 59 bits: one guess a second for a year finds 1 in 10^10


def new_code() -> str:
    """A fresh code in groups of four: ABCD-EFGH-JKMN."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(letters[i : i + 4] for i in range(0, LENGTH, 4))


def hashed(code: str) -> str:
    """Only this is stored. Case, spaces and dashes don't matter when a code is typed."""
    return hashlib.sha256("".join(c for c in code.upper() if c in ALPHABET).encode()).hexdigest()


def find(session: Session, code: str) -> Invitation | None:
    return session.exec(select(Invitation).where(col(Invitation.code_hash) == hashed(code))).first()


def problem(invitation: Invitation | None, now: datetime) -> str | None:
    """Why a patient can't use this invitation: unknown, used, expired; None when they can."""
    if invitation is None or invitation.physio_id is not None:
        return "unknown"
    if invitation.redeemed_at is not None:
        return "used"
    return "expired" if invitation.expires_at <= now else None


def redeem(session: Session, invitation: Invitation, *, patient_id: int | None, now: datetime) -> bool:
    """Uses the code up; False when somebody else was first."""
    query = (
        update(Invitation)
        .where(col(Invitation.id) == invitation.id, col(Invitation.redeemed_at).is_(None))
        .values(redeemed_at=now, patient_id=patient_id)
    )
    return bool(session.connection().execute(query).rowcount)
