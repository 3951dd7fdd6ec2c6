"""Each exercise has its ways, a safety line, and a drawing that renders, in the one style of this library."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import resvg_py

from bot.coaching import exercises
from bot.coaching.exercises import PLACES, USUAL, Exercise
from bot.content import EXERCISES
from bot.content_checks.sources import Problem, Source, Sources

FEWEST = 20
GROUPS = {
    "standard", "unsteady", "cannot_stand", "wheelchair", "water_gym", "home_culture", "life", "older", "pregnancy",
    "other_illness",
}  # fmt: skip  # the rows of clinical.md §8.6
WAYS = {USUAL, "easier", "harder", "chair", "bed"}
VIEW_BOX = "0 0 300 200"
STROKES = {"5", "3"}  # a figure's line, and everything else's


def check(sources: Sources) -> Iterator[Problem]:
    if sources.exercises and len(sources.exercises) < FEWEST:
        yield Problem(sources.shown(EXERCISES), 1, f"{len(sources.exercises)} exercises: at least {FEWEST}")
    for name, source in sources.exercises.items():
        try:
            exercise = exercises.read(name, source.content)
        except (KeyError, ValueError, TypeError) as error:
            yield Problem(source.path, 1, f"can't be read: {type(error).__name__} {error}")
            continue
        yield from _declared(sources, source, exercise)
        yield from _drawing(sources, source, exercise.drawing)


def _declared(sources: Sources, source: Source, exercise: Exercise) -> Iterator[Problem]:
    for part in ("title", "safety", "picture"):
        if exercise.part(part) not in sources.responses:
            yield source.problem(part, f"the exercise has no {part}")
    if USUAL not in exercise.ways:
        yield source.problem("ways", "the exercise has no usual way")
    for way in exercise.ways.values():
        if way.name not in WAYS:
            yield source.problem(way.name, f"{way.name} is none of {', '.join(sorted(WAYS))}")
        if way.place not in PLACES:
            yield source.problem(way.name, f"{way.name}: {way.place} is none of {', '.join(PLACES)}")
        if way.seconds <= 0:
            yield source.problem(way.name, f"{way.name} has no time for its timer")
    for group in exercise.groups - GROUPS:
        yield source.problem("groups", f"{group} is no group of clinical.md §8.6")


def _drawing(sources: Sources, source: Source, name: str) -> Iterator[Problem]:
    path = sources.root / EXERCISES / "drawings" / f"{name}.svg"
    shown = sources.shown(f"{EXERCISES}/drawings/{name}.svg")
    if not path.exists():
        yield source.problem("drawing", f"{shown} is missing")
        return
    svg = path.read_text(encoding="utf-8")
    try:
        picture: Any = ElementTree.fromstring(svg)
        drawn = len(resvg_py.svg_to_bytes(svg_string=svg, width=90, skip_system_fonts=True))
    except (ElementTree.ParseError, ValueError) as error:
        yield Problem(shown, 1, f"can't be drawn: {error}")
        return
    if not drawn:
        yield Problem(shown, 1, "draws nothing")
    if picture.get("viewBox") != VIEW_BOX:
        yield Problem(shown, 1, f"the viewBox must be {VIEW_BOX}, as in all of them")
    if any(element.tag.endswith("}text") for element in picture.iter()):
        yield Problem(shown, 1, "holds text: a drawing says nothing in words")
    if other := set(re.findall(r'stroke-width="([\d.]+)"', svg)) - STROKES:
        yield Problem(shown, 1, f"has lines of width {', '.join(sorted(other))}: only {' and '.join(sorted(STROKES))}")
