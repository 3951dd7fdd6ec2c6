"""Administration from the command line: invitations, physiotherapists, keys."""

from types import TracebackType

from bot.clock import SystemClock
from bot.content import Library
from bot.corrections import as_yaml
from bot.errors import ConfigurationError
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.outgoing import Outgoing
from bot.settings import Settings
from data import audit, concerns, keys, physios
from data.database import Database
from data.migrations import upgrade
from data.physios import Physio, PhysioRole


class Office:
    """Opens the database of `settings`, brings it up to date, and closes it at the end of a `with` block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self.library = Library.load(settings.dialogues, settings.texts_of_measures)
        self.database = open_database(settings)
        outgoing = Outgoing(self.library)
        self._enrolment = Enrolment(
            self.database, self.library, CheckIns(self.database, self._clock, self.library, outgoing)
        )

    def __enter__(self) -> "Office":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.database.close()

    def invite_patient(self) -> str:
        """The invitation as it is handed over: the code, and the link when the bot's name is known."""
        now = self._clock.now()
        with self.database.transaction() as session:
            code = self._enrolment.invite(session, by="admin", now=now)
        days = int(self.library.number("enrolment.invitation_lives"))
        return f"Invitation code: {code}\nIt works once, for {days} days. The patient sends it to the bot as: /start {code}"

    def add_physio(self, name: str, *, lead: bool, on_duty: bool, chat_id: int | None) -> str:
        now = self._clock.now()
        with self.database.transaction() as session:
            if chat_id is not None and physios.by_chat(session, chat_id):
                raise ConfigurationError("That chat already belongs to a physio. Run `coach physio list`.")
            physio = Physio(name=name, role=PhysioRole.LEAD if lead else PhysioRole.PHYSIO)
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

    def physios(self) -> list[str]:
        now = self._clock.now()
        with self.database.transaction() as session:
            on_duty = {physio.id for physio in physios.on_duty(session, now)}
            return [
                f"{each.id}  {each.name}  {each.role}  {'on duty' if each.id in on_duty else 'off duty'}  "
                f"{'linked' if each.chat_id and not each.blocked_at else 'NOT REACHABLE'}"
                for each in physios.staff(session)
            ] or ["nobody yet: add one with `coach physio add NAME`"]

    def corrections(self) -> str:
        """What physios put right, as YAML for writers."""
        with self.database.transaction() as session:
            found = concerns.for_writers(session)
            shared = sum(bool(each.words) for each in found)
            now = self._clock.now()
            audit.record(session, "corrections_exported", by="admin", now=now, flags=len(found), with_words=shared)
        return as_yaml(found)

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
