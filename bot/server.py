"""`coach run` and everything that needs the whole coach: database, HTTP, Rasa, app, started in that order."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import logs
from bot.app import App
from bot.clock import Clock, SystemClock
from bot.console.app import console_app
from bot.console.parts import Parts
from bot.console.rendering import Pages
from bot.content import Library
from bot.errors import ConfigurationError
from bot.http import Http
from bot.mail import EmailSender
from bot.office import open_database
from bot.rasa.actions import action_routes
from bot.rasa.client import HttpRasa, Rasa
from bot.rasa.process import RasaProcess
from bot.services.safety import screening_rules
from bot.services.watchdog import Answers, Watchdog
from bot.settings import Settings
from bot.telegram.api import CoachBot
from bot.telegram.commands import STAFF_WEBHOOK, introduce, introduce_to_staff
from bot.telegram.intake import SECOND_BOT, Intake, webhook_route
from data import rota

Progress = Callable[[str], None]
PING_S = 10.0  # longest wait for the address outside


@dataclass(frozen=True)
class Running:
    """A coach that is up. `process` is None when somebody else runs Rasa."""

    app: App
    intake: Intake
    process: RasaProcess | None
    address: str
    console: str = ""  # where the console is; "" when it isn't served
    staff_intake: Intake | None = None  # of the alerts' own bot

    @property
    def intakes(self) -> list[Intake]:
        return [each for each in (self.intake, self.staff_intake) if each]


async def serve(settings: Settings, progress: Progress) -> None:
    """Serves Telegram until SIGINT or SIGTERM. Raises ConfigurationError when something is missing or wrong."""
    logs.configure(settings.log_level)
    bot = CoachBot(settings.telegram_bot_token.get_secret_value(), api=settings.telegram_api)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(bot)
        if alert_bot := _alert_bot(settings):
            await stack.enter_async_context(alert_bot)
        coach = await stack.enter_async_context(
            running(settings, progress, clock=SystemClock(), bot=bot, console=True, alert_bot=alert_bot)
        )
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with coach.app.database.transaction() as session:
            chats = [physio.chat_id for physio in rota.everybody(session) if physio.chat_id]
        name = await introduce(bot, coach.app.library, settings, [] if alert_bot else chats)
        if alert_bot:
            staff_name = await introduce_to_staff(alert_bot, coach.app.library, settings, chats)
            progress(f"alerts: @{staff_name}; physios link their chat there")
        progress(f"console: {settings.console_url or coach.console}")
        progress(f"telegram: serving @{name}; Ctrl-C stops")
        await work(coach, settings, stop)
    progress("stopped")


@asynccontextmanager
async def running(
    settings: Settings,
    progress: Progress,
    *,
    clock: Clock,
    bot: CoachBot,
    tracker_url: str | None = None,
    console: bool = False,
    demo: bool = False,
    alert_bot: CoachBot | None = None,
) -> AsyncIterator[Running]:
    """Everything up and answering; at the end everything is stopped, also after an error half-way.

    `console`: serve it too; `demo`: as one whose sign-ins everybody may see.
    """
    library = Library.load(settings.dialogues, settings.texts_of_measures)
    database = open_database(settings)
    http = Http(settings.host, settings.port)
    desk = Http(settings.console_host, settings.console_port) if console else None
    process = None
    if not settings.rasa_url:
        actions = f"{http.address}/actions"
        process = RasaProcess(settings, progress=progress, action_url=actions, tracker_url=tracker_url)
    try:
        rasa, action_token = _rasa(settings, process)
        rules = screening_rules(library)
        app = App(
            database=database, library=library, rules=rules, clock=clock, rasa=rasa, bot=bot, alert_bot=alert_bot,
            mail=partial(EmailSender, settings, clock) if settings.smtp_host else None, console=settings.console_url,
        )  # fmt: skip
        intake = Intake(bot, app.inbox)
        staff = Intake(alert_bot, app.inbox, first=SECOND_BOT) if alert_bot else None
        routes = action_routes(action_token, number=library.number)
        if settings.telegram_webhook_url:
            secret = settings.telegram_webhook_secret.get_secret_value()
            routes.append(webhook_route(intake, secret))
            if staff:
                routes.append(webhook_route(staff, secret, STAFF_WEBHOOK))
        await http.start(routes)
        if desk:
            await desk.serve(console_app(_console_parts(app, settings, demo=demo)))
        if process:
            await process.start()
        yield Running(app, intake, process, http.address, desk.address if desk else "", staff)
    finally:
        if process:
            await process.stop()
        if desk:
            await desk.stop()
        await http.stop()
        database.close()


def _watchdog(app: App, settings: Settings) -> Watchdog:
    """Asks every part that this deployment has; without an address outside nobody is pinged."""
    bots = {"telegram": app.bot, "alert_bot": app.alert_bot}
    answers: dict[str, Answers] = {name: partial(_bot_answers, bot) for name, bot in bots.items() if bot}
    if settings.smtp_host:
        answers["mail"] = EmailSender(settings, app.clock, lambda _: None).answers
    url = settings.heartbeat_url.get_secret_value()
    return app.watchdog(answers, partial(_ping, url) if url else None)


async def _bot_answers(bot: CoachBot) -> bool:
    await bot.get_me()
    return True


async def _ping(url: str) -> bool:
    async with httpx.AsyncClient(timeout=PING_S, follow_redirects=True) as client:
        return (await client.get(url)).is_success


def _alert_bot(settings: Settings) -> CoachBot | None:
    """Raises ConfigurationError when it is the coach's own bot: two ways in would take each other's updates."""
    token = settings.alert_bot_token.get_secret_value()
    if not token:
        return None
    if token == settings.telegram_bot_token.get_secret_value():
        raise ConfigurationError("COACH_ALERT_BOT_TOKEN has to be another bot's than TELEGRAM_BOT_TOKEN, or empty.")
    return CoachBot(token, api=settings.telegram_api)


def _console_parts(app: App, settings: Settings, *, demo: bool) -> Parts:
    return Parts(
        database=app.database, library=app.library, clock=app.clock, sign_in=app.sign_in, pages=Pages(),
        worklist=app.worklist, cases=app.cases, case_desk=app.case_desk, why=app.why,
        takeovers=app.takeovers, contacts=app.contacts, calls=app.calls, referrals=app.referrals,
        support_calls=app.support_calls, sheets=app.sheets, fhir=app.fhir,
        overviews=app.overviews, people=app.people, rota=app.rota_desk, rotas=app.escalation.rotas,
        bot_name=lambda: _name(app.bot),
        wake=app.wake, public_url=settings.console_url, demo=demo,
    )  # fmt: skip


def _name(bot: CoachBot) -> str:
    """The bot's user name on Telegram; "" until Telegram has told us."""
    try:
        return str(bot.username)
    except RuntimeError:
        return ""


def _rasa(settings: Settings, process: RasaProcess | None) -> tuple[Rasa, str]:
    if process:
        return process.client, process.action_token
    action_token = settings.action_token.get_secret_value()
    rasa_token = settings.rasa_token.get_secret_value()
    if not action_token or not rasa_token:
        raise ConfigurationError(
            "COACH_RASA_URL is set: set COACH_RASA_TOKEN and COACH_ACTION_TOKEN too, as for that Rasa."
        )
    return HttpRasa(settings.rasa_url, rasa_token, settings.rasa_timeout_s), action_token


async def work(coach: Running, settings: Settings, stop: asyncio.Event) -> None:
    """The loops of a serving coach, until `stop`. One that fails takes the others down: a supervisor starts us again."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        coach.app.tick.run,
        "interval",
        seconds=settings.tick_s,
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(coach.app.turns.run(stop))
            loops.create_task(_watchdog(coach.app, settings).run(stop))
            for delivery in coach.app.deliveries:
                loops.create_task(delivery.run(stop))
            if not settings.telegram_webhook_url:
                for intake in coach.intakes:
                    loops.create_task(intake.poll(stop))
    finally:
        scheduler.shutdown(wait=False)
        for intake in coach.intakes:
            await intake.close()
