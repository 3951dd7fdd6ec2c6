"""Who may open the console: sign-ins, what they may do, and the sessions that are open."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Field, Session, SQLModel, col, select

from data.types import Encrypted, UtcDateTime


class ConsoleRole(StrEnum):
    """One person may hold several: in a small clinic the lead is also the administrator."""

    PHYSIO = "physio"  # cases of their own service
    MANAGER = "manager"  # figures, rota, invitations; no patient's words
    ADMIN = "admin"  # staff and their sign-ins; no patients


class Account(SQLModel, table=True):
    """A sign-in. Without `password_hash` it waits for its one-time link to be used."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)  # what is typed at the sign-in, in small letters
    roles: str  # of ConsoleRole, comma-separated
    physio_id: int | None = Field(default=None, foreign_key="physio.id", unique=True)  # None: treats nobody
    service_id: int = Field(default=1, foreign_key="service.id", index=True)  # data.rota.FIRST: all they may see
    created_at: datetime = Field(sa_type=UtcDateTime)
    password_hash: str = ""  # argon2id
    code_secret: str = Field(default="", sa_type=Encrypted)  # of the second factor (TOTP)
    last_code_step: int = 0  # a code counts once: the step of the last one that was used
    link_hash: str | None = Field(default=None, unique=True)  # of the one-time link; None: used up
    link_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failures: int = 0  # in a row
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # may no longer sign in
    demo: bool = False  # made for the demo service: counts nowhere else

    @property
    def is_ready(self) -> bool:
        return bool(self.password_hash) and self.ended_at is None

    def may_be(self) -> frozenset[ConsoleRole]:
        return frozenset(ConsoleRole(each) for each in self.roles.split(",") if each)


class ConsoleSession(SQLModel, table=True):
    """A browser that is signed in. The token itself is only in its cookie."""

    token_hash: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(
        sa_type=UtcDateTime
    )  # when its person last did something; a page that refreshes is nobody
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def hashed(token: str) -> str:
    """Tokens are random and long: a plain hash can't be searched backwards."""
    return hashlib.sha256(token.encode()).hexdigest()


# Accounts -------------------------------------------------------------------------------------------------------------


def add(session: Session, account: Account) -> Account:
    session.add(account)
    session.flush()
    return account


def by_name(session: Session, name: str) -> Account | None:
    """Held for this transaction: two tries at once count as two."""
    return session.exec(select(Account).where(col(Account.name) == name.strip().lower()).with_for_update()).first()


def by_link(session: Session, token: str, now: datetime) -> Account | None:
    """Whose one-time link this is, while it works."""
    query = select(Account).where(col(Account.link_hash) == hashed(token), col(Account.link_until) > now)
    return session.exec(query.where(col(Account.ended_at).is_(None)).with_for_update()).first()


def get(session: Session, account_id: int) -> Account | None:
    return session.get(Account, account_id)


def of_physio(session: Session, physio_id: int) -> Account | None:
    return session.exec(select(Account).where(col(Account.physio_id) == physio_id)).first()


def everybody(session: Session) -> list[Account]:
    return list(session.exec(select(Account).order_by(col(Account.name))).all())


# Sessions -------------------------------------------------------------------------------------------------------------


def begin(session: Session, account: Account, token: str, now: datetime) -> ConsoleSession:
    row = ConsoleSession(token_hash=hashed(token), account_id=account.id, began_at=now, seen_at=now)
    session.add(row)
    session.flush()
    return row


def open_session(
    session: Session, token: str, now: datetime, *, idle: timedelta, absolute: timedelta
) -> tuple[ConsoleSession, Account] | None:
    """Whose session this is; None when it was ended, has been left alone for too long, or is too old."""
    query = select(ConsoleSession, Account).join(Account, col(Account.id) == col(ConsoleSession.account_id))
    query = query.where(col(ConsoleSession.token_hash) == hashed(token), col(ConsoleSession.ended_at).is_(None))
    query = query.where(col(ConsoleSession.seen_at) > now - idle, col(ConsoleSession.began_at) > now - absolute)
    return session.exec(query.where(col(Account.ended_at).is_(None))).first()


def end(session: Session, token: str, now: datetime) -> None:
    mine = (col(ConsoleSession.token_hash) == hashed(token), col(ConsoleSession.ended_at).is_(None))
    session.exec(update(ConsoleSession).where(*mine).values(ended_at=now))


def end_all(session: Session, account: Account, now: datetime) -> int:
    """Signed out everywhere; how many sessions that ended."""
    mine = (col(ConsoleSession.account_id) == account.id, col(ConsoleSession.ended_at).is_(None))
    session.flush()
    done = session.exec(update(ConsoleSession).where(*mine).values(ended_at=now))
    return int(done.rowcount)


def live(session: Session, account: Account, now: datetime, *, idle: timedelta) -> list[ConsoleSession]:
    """The newest first."""
    query = select(ConsoleSession).where(col(ConsoleSession.account_id) == account.id)
    query = query.where(col(ConsoleSession.ended_at).is_(None), col(ConsoleSession.seen_at) > now - idle)
    return list(session.exec(query.order_by(col(ConsoleSession.began_at).desc())).all())


def purge_sessions(session: Session, before: datetime) -> int:
    old = session.exec(select(ConsoleSession).where(col(ConsoleSession.began_at) < before)).all()
    for row in old:
        session.delete(row)
    return len(old)
