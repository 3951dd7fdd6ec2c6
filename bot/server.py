"""`coach run` and everything that needs the whole coach: database, HTTP, Rasa, app, started in that order."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
from bot.office import open_database
from bot.rasa.actions import action_routes
from bot.rasa.client import HttpRasa, Rasa
from bot.rasa.process import RasaProcess
from bot.services.safety import screening_rules
from bot.settings import Settings
from bot.telegram.api import CoachBot
from bot.telegram.commands import introduce
from bot.telegram.intake import Intake, webhook_route
from data import physios

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """A coach that is up. `process` is None when somebody else runs Rasa."""

    app: App
    intake: Intake
    process: RasaProcess | None
    address: str
    console: str = ""  # where the console is; "" when it isn't served


async def serve(settings: Settings, progress: Progress) -> None:
    """Serves Telegram until SIGINT or SIGTERM. Raises ConfigurationError when something is missing or wrong."""
    logs.configure(settings.log_level)
    bot = CoachBot(settings.telegram_bot_token.get_secret_value(), api=settings.telegram_api)
    async with bot, running(settings, progress, clock=SystemClock(), bot=bot, console=True) as coach:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with coach.app.database.transaction() as session:
            chats = [physio.chat_id for physio in physios.staff(session) if physio.chat_id]
        name = await introduce(bot, coach.app.library, settings, chats)
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
        app = App(database=database, library=library, rules=rules, clock=clock, rasa=rasa, bot=bot)
        intake = Intake(bot, app.inbox)
        routes = action_routes(action_token, number=library.number)
        if settings.telegram_webhook_url:
            routes.append(webhook_route(intake, settings.telegram_webhook_secret.get_secret_value()))
        await http.start(routes)
        if desk:
            await desk.serve(console_app(_console_parts(app, settings, demo=demo)))
        if process:
            await process.start()
        yield Running(app, intake, process, http.address, desk.address if desk else "")
    finally:
        if process:
            await process.stop()
        if desk:
            await desk.stop()
        await http.stop()
        database.close()


def _console_parts(app: App, settings: Settings, *, demo: bool) -> Parts:
    return Parts(
        database=app.database, library=app.library, clock=app.clock, sign_in=app.sign_in, pages=Pages(),
        worklist=app.worklist, cases=app.cases, case_desk=app.case_desk, why=app.why,
        wake=app.delivery.wake, public_url=settings.console_url, demo=demo,
    )  # fmt: skip


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
            loops.create_task(coach.app.delivery.run(stop))
            if not settings.telegram_webhook_url:
                loops.create_task(coach.intake.poll(stop))
    finally:
        scheduler.shutdown(wait=False)
        await coach.intake.close()
