"""`coach doctor`: says in plain words what is missing or misconfigured, and what to do about it. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from telegram.error import InvalidToken, TelegramError

from bot.clock import SystemClock
from bot.content import Library
from bot.content_checks import check
from bot.errors import CoachError, ConfigurationError, ContentError
from bot.rasa.client import HttpRasa
from bot.rasa.process import PYTHON
from bot.services.rota import Rotas
from bot.settings import Settings
from bot.telegram.api import CoachBot
from data import inbox, keys, migrations, outbox, physios, rota, watchdog
from data.database import Database
from data.inbox import InboxState
from data.watchdog import SystemAlive

WATCHED = timedelta(minutes=5)  # a watchdog that has not looked for so long is dead itself


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `well` False is something to put right; a remark about a choice is well."""

    well: bool
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.well else 'FIX '} {self.what}" + (f"\n     → {self.advice}" if self.advice else "")


async def examine(settings: Settings) -> list[Finding]:
    """Everything that keeps a coach from working, in the order in which to put it right."""
    return [
        *_content(settings),
        *_measures(settings),
        await _telegram(settings),
        *_database(settings),
        *await _rasa(settings),
    ]


def _content(settings: Settings) -> Iterator[Finding]:
    problems = check(settings.dialogues)
    if problems:
        yield Finding(False, f"dialogues/: {len(problems)} problems", "Run `make content` for the list.")
    else:
        yield Finding(True, "dialogues/ is in order")


def _measures(settings: Settings) -> Iterator[Finding]:
    """Questionnaires are asked when they have their words; some need a licence for them."""
    try:
        library = Library.load(settings.dialogues, settings.texts_of_measures)
    except ContentError:
        return  # `_content` has said so
    except ConfigurationError as error:
        yield Finding(False, "the words of a questionnaire can't be used", str(error))
        return
    asked = [each.measure for each in library.measures.values() if each.on]
    yield Finding(True, f"questionnaires that are asked: {', '.join(asked)}")
    off = [each for each in library.measures.values() if not each.on]
    if off:
        yield Finding(True, f"not asked, as their words need a licence: {', '.join(each.measure for each in off)}",
                      "Have a licence? Put its words into the folder of COACH_MEASURE_TEXTS (docs/measures.md).")  # fmt: skip


async def _telegram(settings: Settings) -> Finding:
    token = settings.telegram_bot_token.get_secret_value()
    if not token:
        return Finding(True, "no Telegram token: `make run` opens a chat in the terminal",
                       "To serve Telegram, set TELEGRAM_BOT_TOKEN (from @BotFather).")  # fmt: skip
    if settings.telegram_webhook_url and not settings.telegram_webhook_secret.get_secret_value():
        return Finding(False, "a webhook address without a secret",
                       "Set COACH_TELEGRAM_WEBHOOK_SECRET to a long random word.")  # fmt: skip
    try:
        bot = CoachBot(token, api=settings.telegram_api)
        await bot.initialize()
        name = bot.username
        await bot.shutdown()
        return Finding(True, f"Telegram knows this bot as @{name}")
    except InvalidToken:
        return Finding(False, "Telegram refuses the token", "Copy TELEGRAM_BOT_TOKEN again from @BotFather.")
    except TelegramError as error:
        return Finding(False, f"Telegram can't be reached ({type(error).__name__})",
                       "Check the network, and COACH_TELEGRAM_API if it is set.")  # fmt: skip


def _database(settings: Settings) -> Iterator[Finding]:
    path = settings.database.removeprefix("sqlite:///")
    if path != settings.database and not (settings.var / path).exists():
        yield Finding(True, "no database yet", "The first `make run` makes it.")
        return
    try:
        configured = settings.encryption_keys.get_secret_value()
        database = Database(settings.database, encryption_keys=keys.read(configured, settings.var, settings.database))
        with database.engine.connect() as connection:
            present = migrations.current(connection)
    except (CoachError, OSError) as error:
        yield Finding(False, "the database can't be opened", str(error))
        return
    except Exception as error:  # a driver's own error: its class says enough, its words may hold the password
        yield Finding(False, f"the database can't be reached ({type(error).__name__})",
                      "Check DATABASE_URL and that the server is up.")  # fmt: skip
        return
    if present != migrations.heads()[0]:
        yield Finding(False, "the database is not up to date", "Run `coach migrate`.")
        return
    yield Finding(True, f"the database is up to date (revision {present})")
    yield from _state(database)
    database.close()


def _state(database: Database) -> Iterator[Finding]:
    now = SystemClock().now()
    with database.transaction() as session:
        staff = [each for service in rota.services(session) for each in physios.staff(session, service.id)]
        on_duty = [each for service in rota.services(session) for each in Rotas().on_duty(session, service.id, now)]
        reachable = [each for each in on_duty if physios.reachable(each, now)]
        dead = inbox.counts(session).get(InboxState.DEAD, 0)
        stuck = outbox.overdue(session, now)
        alive = watchdog.alive(session)
    if not staff:
        yield Finding(False, "no physiotherapist", "Add one: `coach physio add NAME`.")
    elif not on_duty:
        yield Finding(False, "nobody is on duty", "A physio sends the bot /duty on.")
    elif not reachable:
        yield Finding(False, "nobody on duty can be reached", "They send the bot their linking code, or unblock it.")
    else:
        yield Finding(True, f"on duty and reachable: {len(reachable)} of {len(staff)} physiotherapists")
    if alive:
        yield _alive(alive, now)
    if dead:
        yield Finding(False, f"{dead} messages were given up", "Look for `update_given_up` in the log.")
    if stuck:
        yield Finding(False, f"{stuck} messages wait to be sent for over five minutes", "Is `make run` running?")


def _alive(row: SystemAlive, now: datetime) -> Finding:
    """The watchdog's last look."""
    at = f"{row.looked_at:%Y-%m-%d %H:%M} UTC"
    trip = f"the last test alert took {row.round_trip_s:g} s" if row.round_trip_s is not None else "no test alert yet"
    if row.looked_at < now - WATCHED:
        return Finding(False, f"the watchdog last looked at {at}", "Is `make run` running? Start it again.")
    if row.problems:
        return Finding(
            False, f"the system isn't well at {at}: {', '.join(row.problems)}", "See docs/runbook.md, Watchdog."
        )
    outside = f"; told outside at {row.pinged_at:%H:%M} UTC" if row.pinged_at else ""
    return Finding(True, f"the system was alive at {at}; {trip}{outside}")


async def _rasa(settings: Settings) -> list[Finding]:
    found = []
    if not settings.rasa_url and not PYTHON.exists():
        found.append(Finding(False, "Rasa's own Python is missing (nlu/.venv)", "Run `make install`."))
    models = sorted((settings.var / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    newest = max((path.stat().st_mtime for path in settings.dialogues.rglob("*.yml")), default=0)
    if not models:
        found.append(Finding(True, "no model yet", "The first `make run` trains it (or `make train`)."))
    elif models[-1].stat().st_mtime < newest:
        found.append(Finding(True, "dialogues/ changed since the model was trained", "The next start trains it."))
    else:
        found.append(Finding(True, "the model is as new as dialogues/"))
    if settings.rasa_url:
        rasa = HttpRasa(settings.rasa_url, settings.rasa_token.get_secret_value(), settings.rasa_timeout_s)
        is_up = await rasa.ready()
        await rasa.close()
        advice = "" if is_up else f"Is it running at {settings.rasa_url}?"
        found.append(Finding(is_up, "Rasa answers" if is_up else "Rasa does not answer", advice))
    return found
