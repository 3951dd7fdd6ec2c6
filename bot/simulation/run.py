"""Runs the simulation: patients in groups, each group a world of its own, as many at once as there are processors."""

import asyncio
import gc
import logging
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import event

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.rasa.client import Rasa
from bot.services.safety import screening_rules
from bot.simulation.person import Person
from bot.simulation.personas import Cast, read_cast
from bot.simulation.phones import Notebook, Phones
from bot.simulation.problems import Found, Watch, errors_noted
from bot.simulation.rasa import StandInRasa
from bot.simulation.world import Lived, Told, World, begins
from bot.telegram.api import CoachBot
from data import tallies
from data.database import Database
from data.tables import metadata

GROUP = 50  # patients on one database; the same whatever the number of processors, so that a seed means the same
FIRST_CHAT = 1001
TOKEN = "42:simulation"
A_LOOK_S = 0.5  # between two looks at how far the groups are


@dataclass
class Outcome:
    """`tallies`: name → persona → count. `alerts`: by rule."""

    patients: Counter[str] = field(default_factory=Counter)  # by persona
    tallies: dict[str, Counter[str]] = field(default_factory=dict)
    alerts: Counter[str] = field(default_factory=Counter)
    found: Found = field(default_factory=Found)
    not_understood: Counter[str] = field(default_factory=Counter)

    def merge(self, other: "Outcome") -> None:
        self.patients.update(other.patients)
        for name, counts in other.tallies.items():
            self.tallies.setdefault(name, Counter()).update(counts)
        self.alerts.update(other.alerts)
        self.found.merge(other.found)
        self.not_understood.update(other.not_understood)


@dataclass(frozen=True)
class Content:
    library: Library
    rules: ScreeningRules
    cast: Cast

    @classmethod
    def load(cls, dialogues: Path) -> "Content":
        library = Library.load(dialogues)
        return cls(library, screening_rules(library), read_cast())


def people_of(cast: Cast, numbers: range, *, days: int, seed: int, persona: str | None = None) -> list[Person]:
    """Persona after persona in turn; each patient with a chance of their own."""
    names = [persona] if persona else list(cast.personas)
    return [
        Person(
            name=f"{names[number % len(names)]}-{number + 1}",
            chat_id=FIRST_CHAT + number,
            persona=cast.personas[names[number % len(names)]],
            rng=Random(f"{seed}:{number}"),
            days=days,
            free_words=cast.free_words,
            usual=cast.usual,
        )
        for number in numbers
    ]


Opened = Callable[[Path, SimulatedClock, CoachBot], AbstractAsyncContextManager[App]]


async def live(
    content: Content, people: list[Person], *, weeks: float, told: Told | None = None, opened: Opened | None = None,
    lived: Lived = lambda days: None,
) -> Outcome:  # fmt: skip
    """One group's weeks, on a database that is gone afterwards. `opened`: another coach than the one with the stand-in."""
    clock = SimulatedClock(begins())
    phones = Phones(now=clock.now)
    stand_in = StandInRasa(content.library, content.cast.meanings())
    watch = Watch.by_protocol(content.library)
    coach = opened or _with_stand_in(content, stand_in)
    with tempfile.TemporaryDirectory(prefix="coach-simulation-") as folder, Notebook() as notebook:
        async with CoachBot(TOKEN, request=phones) as bot, coach(Path(folder), clock, bot) as app:
            world = World(app, phones, clock, notebook, watch, content.cast, people, told=told)
            world.furnish()
            with errors_noted(watch.found):
                await world.live(begins() + timedelta(weeks=weeks), lived)
            return _outcome(app.database, people, watch, stand_in)


def _with_stand_in(content: Content, rasa: Rasa) -> Opened:
    @asynccontextmanager
    async def opened(folder: Path, clock: SimulatedClock, bot: CoachBot) -> AsyncIterator[App]:
        database = scratch(folder)
        try:
            yield App(
                database=database, library=content.library, rules=content.rules, clock=clock, rasa=rasa, bot=bot
            )  # fmt: skip
        finally:
            database.close()

    return opened


def scratch(folder: Path) -> Database:
    """Nobody mourns it: it isn't written through to the disk."""
    database = Database(f"sqlite:///{folder / 'coach.db'}", encryption_keys=[Fernet.generate_key().decode()])

    @event.listens_for(database.engine, "connect")
    def hurry(connection: Any, _record: Any) -> None:
        connection.execute("pragma synchronous=off")
        connection.execute("pragma secure_delete=off")

    metadata.create_all(database.engine)
    return database


def _outcome(database: Database, people: list[Person], watch: Watch, rasa: StandInRasa) -> Outcome:
    persona_of = {person.name: person.name.rpartition("-")[0] for person in people}
    with database.transaction() as session:
        counts = tallies.by_patient(session)
        alerts = Counter(tallies.alerts_by_cause(session))
    summed: dict[str, Counter[str]] = {}
    for name, found in counts.items():
        summed[name] = Counter()
        for code, count in found.items():
            summed[name][persona_of[code]] += count
    return Outcome(Counter(persona_of.values()), summed, alerts, watch.found, Counter(rasa.not_understood))


# Many at once ---------------------------------------------------------------------------------------------------------

_content: Content | None = None  # read once, before the processes part
_days: Any = None  # days lived by each group, in memory that the processes share


def simulate(
    content: Content, *, patients: int, weeks: int, seed: int, persona: str | None = None,
    lived: Lived = lambda days: None,
) -> Outcome:  # fmt: skip
    """The same patients, weeks and seed give the same outcome, on any number of processors. `lived`: the slowest group."""
    global _content, _days
    groups = [range(start, min(start + GROUP, patients)) for start in range(0, patients, GROUP)]
    fork = multiprocessing.get_context("fork")
    _content, _days = content, fork.Array("i", len(groups), lock=False)
    total = Outcome()
    gc.freeze()
    with ProcessPoolExecutor(max_workers=min(len(groups), os.cpu_count() or 1), mp_context=fork) as pool:
        waiting = [pool.submit(_one_group, number, group, weeks, seed, persona) for number, group in enumerate(groups)]
        while wait(waiting, timeout=A_LOOK_S).not_done:
            lived(min(_days))
        for done in waiting:
            total.merge(done.result())
    return total


def _one_group(number: int, people_of_it: range, weeks: int, seed: int, persona: str | None) -> Outcome:
    assert _content is not None
    logging.disable(logging.WARNING)
    gc.set_threshold(50_000, 50, 50)
    people = people_of(_content.cast, people_of_it, days=weeks * 7, seed=seed, persona=persona)
    return asyncio.run(live(_content, people, weeks=weeks, lived=partial(_days.__setitem__, number)))
