"""The console's door: a password and a code, one-time links for new colleagues, sessions that end.

Whatever is wrong with a try, the answer is the same: which names exist is nobody's business. Times here are the
machine's own: a demo's clock may run ahead, an authenticator's doesn't.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session

from bot.clock import Clock
from bot.content import Library
from bot.errors import CoachError
from data import accounts, audit
from data.accounts import Account, ConsoleRole, ConsoleSession
from data.database import Database
from data.physios import Physio

ISSUER = "Back coach"
STEP_S = 30  # a code of an authenticator lives so long (RFC 6238)
DRIFT = (0, -1, 1)  # steps that a phone's clock may be off
LONGEST = 256  # characters of a password that are read


class SignInRefused(CoachError):
    """The name, the password or the code is not right, or there were too many tries."""


class SetUpRefused(CoachError):
    """The set-up was not finished. `reason`: short, known, code, link."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


DEMO_PASSWORD = "walk to the shop"  # of the demo's accounts, which count nowhere else


@dataclass(frozen=True)
class DemoSignIn:
    name: str
    code: str  # the present one
    sees: str
    password: str = DEMO_PASSWORD


@dataclass(frozen=True)
class SignedIn:
    """Whose browser it is."""

    account: Account
    session: ConsoleSession
    token: str


HASHER = PasswordHasher()


@cache  # it takes a third of a second, on purpose
def of_nobody(hasher: PasswordHasher) -> str:
    """What an unknown name's password is compared with, so that it takes as long as a known one's."""
    return hasher.hash(secrets.token_hex(16))


class SignIn:
    def __init__(
        self, database: Database, library: Library, clock: Clock, hasher: PasswordHasher | None = None
    ) -> None:
        self._database = database
        self._library = library
        self.clock = clock
        self._hasher = hasher or HASHER
        self._nobody = of_nobody(self._hasher)

    # --- colleagues ---

    def open_account(
        self,
        session: Session,
        name: str,
        roles: set[ConsoleRole],
        *,
        by: str,
        now: datetime,
        service_id: int = 1,
        physio: Physio | None = None,
        demo: bool = False,
    ) -> tuple[Account, str]:
        """A new sign-in and its one-time link's token, which is shown once. Raises CoachError for a name that is taken."""
        typed = " ".join(name.lower().split())
        if accounts.by_name(session, typed):
            raise CoachError(f"There is a sign-in called {typed} already.")
        account = accounts.add(
            session,
            Account(
                name=typed, roles=",".join(sorted(roles)), physio_id=physio.id if physio else None,
                service_id=physio.service_id if physio else service_id, created_at=now, demo=demo,
            ),
        )  # fmt: skip
        audit.record(session, "account_opened", by=by, now=now, account=account.id, roles=sorted(roles))
        return account, self.renew_link(session, account, by=by, now=now)

    def renew_link(self, session: Session, account: Account, *, by: str, now: datetime) -> str:
        """A fresh one-time link: the password and the authenticator are set again, every session ends."""
        token = secrets.token_urlsafe(32)
        account.link_hash = accounts.hashed(token)
        account.link_until = now + timedelta(hours=self._library.number("console.link_lives"))
        account.code_secret, account.password_hash, account.last_code_step = pyotp.random_base32(), "", 0
        account.failures, account.locked_until = 0, None
        session.add(account)
        accounts.end_all(session, account, now)
        audit.record(session, "account_link_made", by=by, now=now, account=account.id)
        return token

    def end_account(self, session: Session, account: Account, *, by: str, now: datetime) -> None:
        """Signed out everywhere, for good."""
        account.ended_at, account.link_hash = now, None
        session.add(account)
        accounts.end_all(session, account, now)
        audit.record(session, "account_ended", by=by, now=now, account=account.id)

    # --- the first time ---

    def waiting(self, session: Session, token: str) -> Account | None:
        return accounts.by_link(session, token, self.clock.now())

    def authenticator(self, account: Account) -> str:
        """What the QR code says to an authenticator."""
        return pyotp.TOTP(account.code_secret).provisioning_uri(name=account.name, issuer_name=ISSUER)

    def set_up(self, token: str, password: str, code: str) -> SignedIn:
        """The link is used up, and its person is signed in. Raises SetUpRefused."""
        with self._database.transaction() as session:
            account = self.waiting(session, token)
        if account is None:
            raise SetUpRefused("link")
        if len(password) < self._library.number("console.password_at_least") or len(password) > LONGEST:
            raise SetUpRefused("short")
        if _easily_guessed(password, account.name):
            raise SetUpRefused("known")
        now = self.clock.now()
        step = _step_of(account, code, now)
        if step is None:
            raise SetUpRefused("code")
        hashed = self._hasher.hash(password)
        with self._database.transaction() as session:
            account = self.waiting(session, token)  # held now: a link works once
            if account is None:
                raise SetUpRefused("link")
            account.password_hash, account.last_code_step = hashed, step
            account.link_hash = account.link_until = None
            session.add(account)
            audit.record(session, "account_set_up", by=by(account), now=now, account=account.id)
            return self._begin(session, account, now)

    # --- every time ---

    def sign_in(self, name: str, password: str, code: str, *, demo: bool = False) -> SignedIn:
        """Raises SignInRefused, for every reason alike. `demo`: this process is a demo, so its accounts count."""
        with self._database.transaction() as session:
            known = accounts.by_name(session, name)
        right = self._is_right(known, password[:LONGEST])
        now = self.clock.now()
        with self._database.transaction() as session:
            account = accounts.by_name(session, name)
            if account is None or not account.is_ready or (account.demo and not demo):
                raise SignInRefused
            if account.locked_until and account.locked_until > now:
                raise SignInRefused
            step = _step_of(account, code, now)
            same = known is not None and known.password_hash == account.password_hash
            if right and same and step is not None:
                account.failures, account.locked_until, account.last_code_step = 0, None, step
                session.add(account)
                return self._begin(session, account, now)
            self._count_failure(session, account, now)
        raise SignInRefused

    def _is_right(self, account: Account | None, password: str) -> bool:
        try:
            return self._hasher.verify(
                account.password_hash if account and account.is_ready else self._nobody, password
            )
        except (VerificationError, InvalidHashError):
            return False

    def _count_failure(self, session: Session, account: Account, now: datetime) -> None:
        account.failures += 1
        audit.record(session, "sign_in_failed", by=by(account), now=now, account=account.id, failures=account.failures)
        if account.failures >= self._library.number("console.wrong_in_a_row"):
            account.failures = 0
            account.locked_until = now + timedelta(minutes=self._library.number("console.locked_for"))
            audit.record(session, "account_locked", by=by(account), now=now, account=account.id)
        session.add(account)

    def _begin(self, session: Session, account: Account, now: datetime) -> SignedIn:
        token = secrets.token_urlsafe(32)
        row = accounts.begin(session, account, token, now)
        audit.record(session, "signed_in", by=by(account), now=now, account=account.id)
        return SignedIn(account, row, token)

    # --- the demo service ---

    def set_up_demo(self, session: Session, account: Account) -> None:
        """What its person would do with the link. Raises ValueError for an account that is not a demo's."""
        if not account.demo:
            raise ValueError("only a demo's sign-in may have a password that is shown")
        account.password_hash, account.link_hash = self._hasher.hash(DEMO_PASSWORD), None
        session.add(account)

    def demo(self, session: Session) -> list[DemoSignIn]:
        """How to get in, for everybody to see; only a demo process asks."""
        now = self.clock.now()
        return [
            DemoSignIn(each.name, pyotp.TOTP(each.code_secret).at(now), each.roles.replace(",", ", "))
            for each in accounts.everybody(session)
            if each.demo and each.is_ready
        ]

    # --- sessions ---

    def whose(self, session: Session, token: str, *, touched: bool, demo: bool = False) -> SignedIn | None:
        """`touched` False: the page refreshed itself, nobody did anything."""
        now = self.clock.now()
        found = accounts.open_session(session, token, now, idle=self.idle, absolute=self.absolute) if token else None
        if found is None or (found[1].demo and not demo):
            return None
        row, account = found
        if touched:
            row.seen_at = now
            session.add(row)
        return SignedIn(account, row, token)

    def sign_out(self, session: Session, signed_in: SignedIn) -> None:
        now = self.clock.now()
        accounts.end(session, signed_in.token, now)
        audit.record(session, "signed_out", by=by(signed_in.account), now=now, account=signed_in.account.id)

    def sign_out_everywhere(self, session: Session, account: Account, *, by: str) -> int:
        now = self.clock.now()
        ended = accounts.end_all(session, account, now)
        audit.record(session, "signed_out_everywhere", by=by, now=now, account=account.id, sessions=ended)
        return ended

    def elsewhere(self, session: Session, account: Account) -> list[ConsoleSession]:
        return accounts.live(session, account, self.clock.now(), idle=self.idle)

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self._library.number("console.idle"))

    @property
    def absolute(self) -> timedelta:
        return timedelta(hours=self._library.number("console.absolute"))


def by(account: Account) -> str:
    """As the audit names who did something."""
    return f"physio:{account.physio_id}" if account.physio_id else f"account:{account.id}"


def _step_of(account: Account, code: str, now: datetime) -> int | None:
    """The time step that this code belongs to; None for a wrong one, and for one that was used before."""
    typed = "".join(code.split())
    present = int(now.timestamp()) // STEP_S
    totp = pyotp.TOTP(account.code_secret)
    steps = (
        [present + off for off in DRIFT if secrets.compare_digest(totp.generate_otp(present + off), typed)]
        if (typed.isascii() and typed.isdigit())
        else []
    )
    return next((step for step in steps if step > account.last_code_step), None)


def _easily_guessed(password: str, name: str) -> bool:
    """One word over and over, a row of the keyboard, or the name itself."""
    plain = password.lower()
    rows = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")
    return len(set(plain)) < 5 or name.replace(" ", "") in plain.replace(" ", "") or any(plain in row for row in rows)
