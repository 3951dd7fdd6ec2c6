"""The exercise library in the chat: pick a place, pick an exercise, see its drawing, and do it with a timer."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import resvg_py
from sqlmodel import Session

from bot.coaching import countdown
from bot.coaching.exercises import PLACES, USUAL, Exercise, Way
from bot.content import Choice, Library, Picture, Words
from bot.errors import EffectRefused
from bot.services.timers import Timers
from data.patients import Patient
from data.timers import Timer

LIST, ONE, START = "exercises", "exercise", "start_exercise"  # intents of buttons; the app answers them by itself
WIDTH = 900  # pixels: sharp on a phone, and small to send


class Exercises:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, timers: Timers) -> None:
        self._library = library
        self._timers = timers

    def places(self, patient: Patient) -> list[Words]:
        """Where to do them; the hard gate of clinical.md §8.6 leaves only the light ones."""
        words = self._library.say("utter_exercises_light" if patient.needs_activity_review else "utter_exercises")
        choices = tuple(
            self._button(f"utter_exercises_{place}_label", LIST, {"place": place})
            for place in PLACES
            if self._at(patient, place)
        )
        return [Words(words.response, words.text, choices)]

    def at_place(self, patient: Patient, place: str, *, skip: int = 0) -> list[Words]:
        """Those that belong there first, then those that can be done there too. Raises EffectRefused."""
        found = sorted(self._at(patient, place), key=lambda each: each.ways[USUAL].place != place)
        most = int(self._library.number("exercises.shown"))
        if not found[skip:]:
            raise EffectRefused("utter_stale_button")
        words = self._library.say(f"utter_exercises_{place}")
        choices = [
            Choice(self._title(each), says=f"/{ONE}", effect={"exercise": each.name, "way": each.at(place)[0].name})
            for each in found[skip : skip + most]
        ]
        if len(found) > skip + most:
            choices.append(self._button("utter_exercises_more_label", LIST, {"place": place, "skip": str(skip + most)}))
        return [Words(words.response, words.text, tuple(choices))]

    def one(self, patient: Patient, name: str, way_name: str) -> list[Words]:
        """Its drawing, its steps, its safety line, and the other ways to do it. Raises EffectRefused."""
        exercise, way = self._way(patient, name, way_name)
        picture = Picture(
            png=self.png(exercise.drawing), description=self._library.say(exercise.part("picture")).text, name=name
        )
        title = Words(exercise.part("title"), self._title(exercise), picture=picture)
        safety = self._library.say(exercise.part("safety"), **self._library.numbers(patient.nation))
        ways = [each for each in exercise.ways.values() if each.name != way.name]
        choices = (
            self._button("utter_exercise_start_label", START, {"exercise": name, "way": way.name},
                         length=countdown.clock(way.seconds)),
            *(self._button(f"utter_exercise_{each.name}_label", ONE, {"exercise": name, "way": each.name}) for each in ways),
            self._button("utter_exercise_others_label", LIST, {"place": way.place}),
        )  # fmt: skip
        return [title, *self._steps(exercise, way), Words(safety.response, safety.text, choices)]

    def _steps(self, exercise: Exercise, way: Way) -> list[Words]:
        """A level is said with what it changes; another place, with a word that the drawing shows the usual one."""
        usual, words = exercise.ways[USUAL], self._library.say(way.response)
        if way.name == USUAL:
            return [words]
        if way.place != usual.place:
            return [self._library.say("utter_exercise_drawn_otherwise"), words]
        return [self._library.say(usual.response), self._library.say(f"utter_exercise_{way.name}", change=words.text)]

    def start(
        self, session: Session, patient: Patient, name: str, way_name: str, *, key: str, now: datetime
    ) -> list[Words]:
        exercise, way = self._way(patient, name, way_name)
        running = self._timers.start(
            session, patient, seconds=way.seconds, exercise=name, way=way.name, key=key, now=now
        )  # fmt: skip
        return [Words(exercise.part("title"), self._title(exercise)), *running]

    def over(self, timer: Timer, *, stopped: bool) -> list[Words]:
        """After the bell, or the stop button."""
        name = "utter_timer_stopped" if stopped else "utter_exercise_over"
        words = self._library.say(name, variation=timer.id)
        exercise = self._library.exercises.get(timer.exercise)
        way = exercise.ways.get(timer.way) if exercise else None
        if way is None:
            return [words]
        again = self._button("utter_exercise_again_label", START, {"exercise": timer.exercise, "way": way.name})
        others = self._button("utter_exercise_others_label", LIST, {"place": way.place})
        return [Words(words.response, words.text, (again, others))]

    def for_group(self, group: str) -> list[Exercise]:
        """The exercises of a group of clinical.md §8.6: standard, unsteady, cannot_stand, wheelchair, older, …"""
        return [each for each in self._library.exercises.values() if group in each.groups]

    def png(self, drawing: str) -> bytes:
        return rendered(self._library.drawings[drawing])

    def _at(self, patient: Patient, place: str) -> list[Exercise]:
        return [
            each
            for each in self._library.exercises.values()
            if each.at(place) and (each.light or not patient.needs_activity_review)
        ]

    def _way(self, patient: Patient, name: str, way_name: str) -> tuple[Exercise, Way]:
        exercise = self._library.exercises.get(name)
        if exercise is None or (patient.needs_activity_review and not exercise.light):
            raise EffectRefused("utter_stale_button")
        return exercise, exercise.ways.get(way_name) or exercise.ways[USUAL]

    def _title(self, exercise: Exercise) -> str:
        return self._library.say(exercise.part("title")).text

    def _button(self, label: str, intent: str, effect: Mapping[str, str], **values: Any) -> Choice:
        return Choice(self._library.say(label, **values).text, says=f"/{intent}", effect=effect)


@lru_cache(maxsize=64)
def rendered(svg: str) -> bytes:
    """A drawing as PNG."""
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=WIDTH, skip_system_fonts=True))
