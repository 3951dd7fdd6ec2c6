"""`coach simulate`: who takes part, what is printed, and whether anything went wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from bot.app import App
from bot.clock import SimulatedClock
from bot.errors import ConfigurationError
from bot.server import running
from bot.settings import Settings
from bot.simulation import report
from bot.simulation.run import TOKEN, Content, Opened, Outcome, live, people_of, simulate
from bot.simulation.world import ZONE, Lived
from bot.telegram.api import CoachBot

Progress = Callable[[str], None]
MARGIN = 18  # characters of a name


def run_simulation(
    settings: Settings, *, patients: int, weeks: int, seed: int, persona: str, transcript: bool, rasa: bool,
    progress: Progress,
) -> bool:  # fmt: skip
    """True when no problem was found. Raises ConfigurationError for a persona that is not declared."""
    content = Content.load(settings.dialogues)
    if persona and persona not in content.cast.personas:
        raise ConfigurationError(f"There is no persona {persona}: choose one of {', '.join(content.cast.personas)}.")
    if transcript and not persona:
        raise ConfigurationError("--transcript prints one patient's weeks: say whose with --persona.")
    started, lived = time.monotonic(), _weeks_told(weeks, progress)
    if transcript or rasa:
        patients = 1 if transcript else patients
        people = people_of(content.cast, range(patients), days=weeks * 7, seed=seed, persona=persona or None)
        told = _print if transcript else None
        opened = _with_rasa(settings, progress) if rasa else None
        outcome = asyncio.run(live(content, people, weeks=weeks, told=told, opened=opened, lived=lived))
    else:
        outcome = simulate(content, patients=patients, weeks=weeks, seed=seed, persona=persona or None, lived=lived)
    _tell(outcome, settings, weeks=weeks, took_s=time.monotonic() - started)
    return not outcome.found.counts


def _weeks_told(weeks: int, progress: Progress) -> Lived:
    """One line when everybody has lived another week."""
    told = 0

    def lived(days: int) -> None:
        nonlocal told
        if days // 7 > told:
            told = days // 7
            progress(f"week {told} of {weeks} is over")

    return lived


def _with_rasa(settings: Settings, progress: Progress) -> Opened:
    """The whole coach, with a Rasa of its own."""

    @asynccontextmanager
    async def opened(folder: Path, clock: SimulatedClock, bot: CoachBot) -> AsyncIterator[App]:
        own = {"telegram_bot_token": SecretStr(TOKEN), "telegram_webhook_url": "", "port": 0,
               "database_url": f"sqlite:///{folder / 'coach.db'}"}  # fmt: skip
        settings_here, tracker = settings.model_copy(update=own), f"sqlite:///{folder / 'rasa.db'}"
        async with running(settings_here, progress, clock=clock, bot=bot, tracker_url=tracker) as coach:
            yield coach.app

    return opened


def _tell(outcome: Outcome, settings: Settings, *, weeks: int, took_s: float) -> None:
    for line in report.lines(outcome, weeks=weeks, took_s=took_s):
        print(line)
    chart = settings.var / "pictures" / "simulation.png"
    report.draw(outcome, chart, weeks=weeks)
    print(f"chart: {chart}")


def _print(at: datetime, who: str, words: str, buttons: list[str]) -> None:
    print(transcript_line(at, who, words, buttons), flush=True)


def transcript_line(at: datetime, who: str, words: str, buttons: list[str]) -> str:
    """One message on the patient's clock: who said it, the words, the buttons under them."""
    moment = f"{at.astimezone(ZoneInfo(ZONE)):%a %d %b %H:%M}"
    first, *more = words.splitlines() or [""]
    margin = " " * (len(moment) + 2 + MARGIN)
    keys = [" ".join(f"[ {label} ]" for label in buttons)] if buttons else []
    return "\n".join([f"{moment}  {who:{MARGIN}}{first}", *(f"{margin}{line}".rstrip() for line in [*more, *keys])])
