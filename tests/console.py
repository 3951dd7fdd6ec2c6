"""A console without a browser: real app, real database, somebody signed in."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pyotp
from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient, Response

from bot.clock import SimulatedClock
from bot.console.app import console_app
from bot.console.parts import Parts
from bot.console.rendering import Pages
from bot.content import Library
from bot.services.call_sheet import CallSheets
from bot.services.calls import Calls
from bot.services.case_desk import CaseDesk
from bot.services.case_file import CaseFiles
from bot.services.checkins import CheckIns
from bot.services.contacts import Contacts
from bot.services.enrolment import Enrolment
from bot.services.escalation import Escalation
from bot.services.fhir_case import FhirCase
from bot.services.outgoing import Outgoing
from bot.services.overview import Overviews
from bot.services.people import People
from bot.services.referrals import Referrals
from bot.services.rota_desk import RotaDesk
from bot.services.sign_in import SignIn
from bot.services.support_calls import SupportCalls
from bot.services.takeovers import Takeovers
from bot.services.why import WhyMessages
from bot.services.worklist import Worklist
from data import accounts
from data.accounts import ConsoleRole
from data.database import Database
from data.physios import Physio

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four plain words here"
CSRF = re.compile(r'name="csrf" value="(\w+)"')


class Browser:
    """One browser of one person."""

    def __init__(self, app: Any) -> None:
        transport = ASGITransport(app, raise_app_exceptions=False)
        self.client = AsyncClient(transport=transport, base_url="http://console.test")

    def opens(self, path: str, **headers: str) -> Response:
        return asyncio.run(self.client.get(path, headers=headers))

    def posts(self, path: str, **options: Any) -> Response:
        """As it is, without a form's token."""
        return asyncio.run(self.client.post(path, **options))

    def sends(
        self, path: str, page: str | None = None, *, headers: dict[str, str] | None = None, **form: str
    ) -> Response:
        """Fills in a form of `page` (else of where they are signed in)."""
        found = CSRF.search(self.opens(page or "/me").text)
        return self.posts(path, data={"csrf": found[1] if found else "", **form}, headers=headers)


class Desk:
    """The console of one database. `real` is the clock of sign-ins, `clock` the coach's."""

    def __init__(self, database: Database, library: Library, clock: SimulatedClock, **parts: Any) -> None:
        self.database = database
        self.clock = clock
        self.real = SimulatedClock(clock.now())
        self.sign_in = SignIn(database, library, self.real, QUICK)
        self.woken = 0
        self.worklist = Worklist(library)
        cases, calls = CaseFiles(library, self.worklist), SupportCalls(library)
        outgoing = Outgoing(library)
        escalation = Escalation(database, clock, library, outgoing)
        check_ins = CheckIns(database, clock, library, outgoing)
        enrolment = Enrolment(database, library, check_ins)
        takeovers = Takeovers(database, clock, library, outgoing, escalation, check_ins)
        self.app = console_app(
            Parts(
                database=database, library=library, clock=clock, sign_in=self.sign_in, pages=Pages(), wake=self._wake,
                worklist=self.worklist, cases=cases, support_calls=calls, sheets=CallSheets(library, cases, calls),
                case_desk=CaseDesk(library, escalation), takeovers=takeovers,
                contacts=Contacts(library, takeovers), calls=Calls(library, outgoing, takeovers),
                referrals=Referrals(library, outgoing, takeovers), why=WhyMessages(library),
                fhir=FhirCase(library),
                overviews=Overviews(library), people=People(library, self.sign_in, enrolment),
                rota=RotaDesk(escalation.rotas), rotas=escalation.rotas, bot_name=lambda: "coach_bot", **parts,
            )
        )  # fmt: skip

    def _wake(self) -> None:
        self.woken += 1

    def colleague(self, name: str, *roles: ConsoleRole, physio: int | None = None, service: int = 1) -> str:
        """A sign-in that is set up; the name is given back."""
        now = self.real.now()
        with self.database.transaction() as session:
            who = session.get(Physio, physio) if physio else None
            account, token = self.sign_in.open_account(
                session, name, set(roles), by="admin", now=now, physio=who, service_id=service
            )
            code = pyotp.TOTP(account.code_secret).at(now)
        self.sign_in.set_up(token, PASSWORD, code)
        return name

    def code(self, name: str) -> str:
        """The next one: a code counts once."""
        self.real.move(timedelta(seconds=30))
        with self.database.transaction() as session:
            account = accounts.by_name(session, name)
            assert account is not None
            return pyotp.TOTP(account.code_secret).at(self.real.now())

    def browser(self, name: str = "") -> Browser:
        """A new browser; with a name, one where they have signed in."""
        browser = Browser(self.app)
        if name:
            done = browser.sends("/sign-in", "/sign-in", name=name, password=PASSWORD, code=self.code(name))
            assert (done.status_code, done.headers["location"]) == (303, "/")
        return browser
