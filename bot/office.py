"""Administration from the command line: invitations, physiotherapists, keys."""

from datetime import datetime
from types import TracebackType

from sqlmodel import Session

from bot.clock import SystemClock
from bot.content import Library
from bot.corrections import as_yaml
from bot.errors import ConfigurationError
from bot.services.audit_check import check
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.fhir_case import FhirCase
from bot.services.outgoing import Outgoing
from bot.services.rota import Rotas
from bot.services.rota_desk import RotaDesk
from bot.services.sign_in import SignIn
from bot.settings import Settings
from data import accounts, audit, concerns, keys, patients, physios, rota
from data.accounts import ConsoleRole
from data.database import Database
from data.migrations import upgrade
from data.physios import Physio, PhysioRole
from data.rota import Service


class Office:
    """Opens the database of `settings`, brings it up to date, and closes it at the end of a `with` block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self.library = Library.load(settings.dialogues, settings.texts_of_measures)
        self.database = open_database(settings)
        self._sign_in = SignIn(self.database, self.library, self._clock)
        outgoing = Outgoing(self.library)
        self._enrolment = Enrolment(
            self.database, self.library, CheckIns(self.database, self._clock, self.library, outgoing)
        )

    def __enter__(self) -> "Office":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.database.close()

    def invite_patient(self, service: str | None = None) -> str:
        """The invitation as it is handed over: the code, and the link when the bot's name is known."""
        now = self._clock.now()
        with self.database.transaction() as session:
            code = self._enrolment.invite(session, by="admin", now=now, service_id=self.service(session, service).id)
        days = int(self.library.number("enrolment.invitation_lives"))
        return f"Invitation code: {code}\nIt works once, for {days} days. The patient sends it to the bot as: /start {code}"

    def add_colleague(
        self,
        name: str,
        roles: set[ConsoleRole],
        *,
        lead: bool,
        on_duty: bool,
        chat_id: int | None,
        service: str | None = None,
    ) -> str:
        """With a sign-in to the console; who is no physio there gets no alerts and treats nobody."""
        said = (
            [self.add_physio(name, lead=lead, on_duty=on_duty, chat_id=chat_id, service=service)]
            if ConsoleRole.PHYSIO in roles
            else []
        )
        with self.database.transaction() as session:
            physio = rota.everybody(session)[-1] if said else None
            _, token = self._sign_in.open_account(
                session, name, roles, by="admin", now=self._clock.now(), physio=physio
            )  # fmt: skip
        return "\n".join([*said, self._link(token)])

    def console_link(self, number: int, roles: set[ConsoleRole]) -> str:
        """For a physio who is here already, or who has lost their phone: everything is set up again."""
        now = self._clock.now()
        with self.database.transaction() as session:
            physio = physios.get(session, number)
            if physio is None or physio.left_at is not None:
                raise ConfigurationError(f"There is no physio number {number}. Run `coach physio list`.")
            account = accounts.of_physio(session, number)
            if account:
                token = self._sign_in.renew_link(session, account, by="admin", now=now)
            else:
                _, token = self._sign_in.open_account(session, physio.name, roles, by="admin", now=now, physio=physio)
        return self._link(token)

    def _link(self, token: str) -> str:
        hours = int(self.library.number("console.link_lives"))
        where = self._settings.console_address
        return f"Their sign-in to the console is set up with this link, once, within {hours} hours:\n{where}/set-up/{token}"

    def add_physio(
        self, name: str, *, lead: bool, on_duty: bool, chat_id: int | None, service: str | None = None
    ) -> str:
        now = self._clock.now()
        with self.database.transaction() as session:
            if chat_id is not None and physios.by_chat(session, chat_id):
                raise ConfigurationError("That chat already belongs to a physio. Run `coach physio list`.")
            role, here = PhysioRole.LEAD if lead else PhysioRole.PHYSIO, self.service(session, service)
            physio = Physio(name=name, role=role, service_id=here.id)
            session.add(physio)
            session.flush()
            if chat_id is not None:
                physios.link(session, physio, chat_id)
            if on_duty:
                physios.start_duty(session, physio, now)
            audit.record(session, "physio_added", by="admin", now=now, physio=physio.id)
            if chat_id is not None:
                return f"{name} is added (number {physio.id}) and linked to chat {chat_id}."
            code = self._enrolment.invite(session, by="admin", now=now, physio=physio)
        return f"{name} is added (number {physio.id}). To link their Telegram, they send the bot: /start {code}"

    def change_physio(
        self, who: str, *, email: str | None, named_lead: bool | None, service: str | None, left: bool
    ) -> str:
        now = self._clock.now()
        with self.database.transaction() as session:
            physio = self.physio(session, who)
            if email is not None:
                physio.email, physio.email_failed_at = email.strip() or None, None
            if named_lead is not None:
                physio.is_named_lead = named_lead
            if service is not None:
                physio.service_id = self.service(session, service).id
            if left:
                physio.left_at = now
                physios.end_duty(session, physio, now)
                RotaDesk(Rotas()).end_shifts(session, physio, last_on=now.date(), by="admin", now=now)
            session.add(physio)
            audit.record(session, "physio_changed", by="admin", now=now, physio=physio.id, left=left)
            return f"{physio.name} is changed."

    def physio(self, session: Session, who: str) -> Physio:
        """By number, or by name when it is one person's. Raises ConfigurationError."""
        found = [each for each in rota.everybody(session) if who in (str(each.id), each.name)]
        if len(found) != 1:
            raise ConfigurationError(f"There is no one physio {who!r}. `coach physio list` shows names and numbers.")
        return found[0]

    def service(self, session: Session, name: str | None) -> Service:
        """By name; the only one when there is no other. Raises ConfigurationError."""
        all_of_them = rota.services(session)
        found = [each for each in all_of_them if name in (each.name, str(each.id))] if name else all_of_them
        if len(found) != 1:
            names = ", ".join(each.name for each in all_of_them)
            raise ConfigurationError(f"Which service? There are: {names}.")
        return found[0]

    def now(self) -> datetime:
        return self._clock.now()

    def physios(self) -> list[str]:
        now = self._clock.now()
        with self.database.transaction() as session:
            on_duty = {
                physio.id for service in rota.services(session) for physio in Rotas().on_duty(session, service.id, now)
            }
            return [
                f"{each.id}  {each.name}  {each.role}  {'on duty' if each.id in on_duty else 'off duty'}  "
                f"{'linked' if each.chat_id and not each.blocked_at else 'NOT REACHABLE'}"
                for each in rota.everybody(session)
            ] or ["nobody yet: add one with `coach physio add NAME`"]

    def corrections(self) -> str:
        """What physios put right, as YAML for writers."""
        with self.database.transaction() as session:
            found = concerns.for_writers(session)
            shared = sum(bool(each.words) for each in found)
            now = self._clock.now()
            audit.record(session, "corrections_exported", by="admin", now=now, flags=len(found), with_words=shared)
        return as_yaml(found)

    def case_as_fhir(self, code: str) -> str:
        """One patient's case for another system. Raises ConfigurationError for a code that nobody has."""
        with self.database.transaction() as session:
            patient = patients.by_code(session, code.upper())
            if patient is None:
                raise ConfigurationError(f"There is no patient {code}.")
            return FhirCase(self.library).bundle(session, patient, self._clock.now(), by="admin")

    def verify_audit(self) -> tuple[bool, list[str]]:
        """Whether all is well, and what to say."""
        with self.database.transaction() as session:
            found = check(session)
        chain = found.chain
        if chain.broken is not None:
            return False, [
                f"broken at event {chain.broken}: it is not what was written, or what came before it is gone",
                f"whole before it: {chain.events} events; the last good hash is {chain.head or 'none'}",
            ]
        lines = [f"{chain.events} events, all whole; the last hash is {chain.head or 'none'} (note it elsewhere)"]
        differing = [f"alert {name} is not what the audit says" for name in found.differences]
        return found.well, lines + (differing or ["replayed, the audit gives the alerts as they stand"])

    def rotate_key(self) -> int:
        return keys.rotate(self.database, self._settings.encryption_keys.get_secret_value(), self._settings.var)


def open_database(settings: Settings) -> Database:
    """The database of these settings, with its keys, brought up to date."""
    settings.var.mkdir(parents=True, exist_ok=True)
    database = Database(
        settings.database,
        encryption_keys=keys.read(settings.encryption_keys.get_secret_value(), settings.var, settings.database),
    )
    upgrade(database)
    return database
