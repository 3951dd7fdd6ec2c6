"""Modules, exercises, timers and flare cards in a conversation: what of it the app does by itself, with Rasa down too."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services import exercises, flares, my_cards, timers
from bot.services.exercises import Exercises
from bot.services.flares import Flares
from bot.services.modules import Modules
from bot.services.my_cards import MyCards
from bot.services.outgoing import Outgoing
from bot.services.timers import Timers
from data import flares as flare_rows
from data import timers as timer_rows
from data.database import Database
from data.patients import Patient, PatientState
from data.timers import Timer

logger = logging.getLogger(__name__)

BATCH = 50  # rows a tick
Entities = Mapping[str, str]


class Skills:
    """Methods that take `session` run in the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        modules: Modules,
        exercises: Exercises,
        timers: Timers,
        flares: Flares,
        cards: MyCards,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self.modules = modules
        self.exercises = exercises
        self._timers = timers
        self.flares = flares
        self._cards = cards

    # A patient's tap or message

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What the buttons of an open step, or of "is it easing?", are bound to."""
        return self.modules.asks_now(session, patient, now) or self.flares.asks_now(session, patient, now)

    def still_asked(self, session: Session, patient: Patient, asks: str, now: datetime) -> bool:
        """A question of the day that stands behind another one is still answered by its buttons."""
        return asks.startswith("flare.") and asks == self.flares.asks_now(session, patient, now)

    def alone(
        self,
        session: Session,
        patient: Patient,
        *,
        text: str,
        intent: str | None,
        entities: Entities,
        asks: str | None,
        message_id: int | None,
        key: str,
        now: datetime,
    ) -> bool:
        """Does it and answers it without Rasa; False when that can't be."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            return False
        if intent:
            return self._button(session, patient, intent, entities, key=key, now=now)
        if self.modules.answer(session, patient, text, key=key, now=now):
            return True
        bound = asks == self.flares.asks_now(session, patient, now) if asks else not patient.asks
        if not text or not bound or self.flares.asks_now(session, patient, now) is None:
            return False
        words = self.flares.answer(session, patient, text, message_id=message_id, now=now)
        self._say(session, patient, words, key=key, now=now)
        return bool(words)

    def _button(
        self, session: Session, patient: Patient, intent: str, entities: Entities, *, key: str, now: datetime
    ) -> bool:
        does = self._does(session, patient, entities, key=key, now=now).get(intent)
        if does is None:
            return False
        try:
            words = does()
        except EffectRefused as refused:
            values: dict[str, Any] = {**self._library.numbers(patient.nation), **refused.values}
            words = [self._library.say(refused.response, **values)]
        self._say(session, patient, words, key=key, now=now)
        return True

    def _does(
        self, session: Session, patient: Patient, given: Entities, *, key: str, now: datetime
    ) -> dict[str, Callable[[], list[Words]]]:
        """What stands behind the buttons that carry which one is meant."""
        name, way = given.get("exercise", ""), given.get("way", "")
        place, skip = given.get("place", ""), int(given.get("skip", "0"))
        return {
            "modules": lambda: self.modules.show_all(session, patient, skip=skip),
            "open_module": lambda: self.modules.open(session, patient, given.get("module", ""), now),
            "module_not_now": lambda: self.modules.decline(session, patient, given.get("module", ""), now),
            "build_flare_plan": lambda: self.modules.open(session, patient, "flare_ups", now),
            "note_what_helped": lambda: self.modules.open(session, patient, "after_flare", now),
            exercises.LIST: lambda: self.show_exercises(patient, place, skip),
            exercises.ONE: lambda: self.exercises.one(patient, name, way),
            exercises.START: lambda: self.exercises.start(session, patient, name, way, key=key, now=now),
            timers.STOP: lambda: self._stop(session, patient, given.get("timer", ""), now),
            flares.CARD: lambda: self.flares.card(session, patient, int(given.get("number", "1")), now),
            my_cards.MORE: lambda: self._cards.show(session, patient, skip=skip),
        }

    def show_exercises(self, patient: Patient, place: str = "", skip: int = 0) -> list[Words]:
        return self.exercises.at_place(patient, place, skip=skip) if place else self.exercises.places(patient)

    def _stop(self, session: Session, patient: Patient, timer_id: str, now: datetime) -> list[Words]:
        timer = self._timers.stop(session, patient, timer_id, now)
        if timer.exercise:
            return self.exercises.over(timer, stopped=True)
        run = self.modules.open_for(session, patient, now)
        again = self.modules.question(session, patient, run) if run else []
        return [self._library.say("utter_timer_stopped"), *again]

    def _say(self, session: Session, patient: Patient, words: list[Words], *, key: str, now: datetime) -> None:
        """Buttons under a module's question are bound to it, and those under a safety question to that."""
        self._outgoing.to_patient(
            session, patient, words, key=key, kind="reply", now=now, asks=self.asked_by(session, patient, words, now)
        )

    def asked_by(self, session: Session, patient: Patient, words: list[Words], now: datetime) -> str | None:
        """What the buttons of these words answer, when it is a step of a module."""
        run = self.modules.open_for(session, patient, now)
        if run is None:
            return None
        asked = {each.response for each in self.modules.question(session, patient, run)}
        return self.modules.asks_now(session, patient, now) if asked & {each.response for each in words} else None

    # The tick

    def look(self) -> int:
        """Count-downs, "is it easing?", and modules nobody has answered. How many rows it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = timer_rows.due(session, now, most=BATCH)
            for timer in due:
                with _on_its_own(session):
                    self._tell_time(session, timer, now)
            eased = flare_rows.due(session, now, most=BATCH)
            for row in eased:
                with _on_its_own(session):
                    self.flares.ask_if_due(session, session.get_one(Patient, row.patient_id), row, now)
            return len(due) + len(eased) + self.modules.tidy(session, now)

    def _tell_time(self, session: Session, timer: Timer, now: datetime) -> None:
        patient = session.get_one(Patient, timer.patient_id)
        phases = self.modules.phases_of(session, timer)
        if not self._timers.look_at(session, patient, timer, now, phases):
            return
        words = (
            self.exercises.over(timer, stopped=False)
            if timer.exercise
            else self.modules.time_is_up(session, patient, timer, now)
        )
        asks = self.asked_by(session, patient, words, now)
        self._outgoing.to_patient(
            session, patient, words, key=f"timer:{timer.id}:up", kind="timer", now=now, asks=asks
        )  # fmt: skip


@contextmanager
def _on_its_own(session: Session) -> Iterator[None]:
    """What goes wrong with one patient is logged, and holds up nobody else."""
    try:
        with session.begin_nested():
            yield
    except Exception:
        logger.exception("skill_failed")
