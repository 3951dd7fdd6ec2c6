"""Colleagues and their sign-ins, and invitations for patients: as an administrator or a physio hands them out."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.content import Library
from bot.errors import CoachError, EffectRefused
from bot.services.enrolment import Enrolment
from bot.services.sign_in import SignIn
from data import accounts, audit, physios
from data.accounts import Account, ConsoleRole
from data.physios import Physio, PhysioRole

LONGEST_NAME = 60


@dataclass(frozen=True)
class Colleague:
    account: Account | None
    physio: Physio | None
    sessions: int

    @property
    def name(self) -> str:
        return self.physio.name if self.physio else self.account.name if self.account else ""


class People:
    def __init__(self, library: Library, sign_in: SignIn, enrolment: Enrolment) -> None:
        self._library = library
        self._sign_in = sign_in
        self._enrolment = enrolment

    def everybody(self, session: Session, service_id: int) -> list[Colleague]:
        """Of this service: with a sign-in, or a physio without one."""
        known = {each.physio_id: each for each in accounts.everybody(session) if each.service_id == service_id}
        alone = [
            each for each in accounts.everybody(session) if each.service_id == service_id and each.physio_id is None
        ]
        staff = [each for each in physios.staff(session) if each.service_id == service_id]
        found = [(known.get(each.id), each) for each in staff] + [(each, None) for each in alone]
        return [
            Colleague(account, physio, len(self._sign_in.elsewhere(session, account)) if account else 0)
            for account, physio in found
        ]

    def account(self, session: Session, service_id: int, number: int) -> Account | None:
        """None for one of another service too."""
        account = accounts.get(session, number)
        return account if account and account.service_id == service_id else None

    def add(
        self, session: Session, service_id: int, name: str, roles: set[ConsoleRole], *, by: str, now: datetime
    ) -> str:
        """The one-time link's token. Who is no physio gets no alerts. Raises EffectRefused."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not roles:
            raise EffectRefused("staff_refused")
        physio = None
        if ConsoleRole.PHYSIO in roles:
            physio = Physio(name=name, role=PhysioRole.PHYSIO, service_id=service_id)
            session.add(physio)
            session.flush()
            audit.record(session, "physio_added", by=by, now=now, physio=physio.id)
        try:
            return self._sign_in.open_account(
                session, name, roles, by=by, now=self._sign_in.clock.now(), service_id=service_id, physio=physio
            )[1]
        except CoachError as error:
            raise EffectRefused("name_taken") from error

    def renew(self, session: Session, account: Account, *, by: str) -> str:
        """Lost phone or password: everything is set up again."""
        return self._sign_in.renew_link(session, account, by=by, now=self._sign_in.clock.now())

    def end(self, session: Session, account: Account, *, by: str, now: datetime) -> None:
        """They can no longer sign in. A physio's alerts and chat are ended with `left_at`."""
        self._sign_in.end_account(session, account, by=by, now=self._sign_in.clock.now())
        physio = physios.get(session, account.physio_id)
        if physio and physio.left_at is None:
            physios.end_duty(session, physio, now)
            physio.left_at = now
            session.add(physio)
            audit.record(session, "physio_left", by=by, now=now, physio=physio.id)

    def invite(self, session: Session, service_id: int, *, by: str, now: datetime) -> str:
        """A one-time code for a patient of this service."""
        return self._enrolment.invite(session, by=by, now=now, service_id=service_id)

    def chat_code(self, session: Session, physio: Physio, *, by: str, now: datetime) -> str:
        """A one-time code that links a physio's own Telegram chat."""
        return self._enrolment.invite(session, by=by, now=now, physio=physio)
