"""The exercise library as dialogues/exercises/ declares it: ways to do each exercise, where, and for whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
PLACES = ("standing", "floor", "chair", "bed")
USUAL = "usual"


@dataclass(frozen=True)
class Way:
    """One way to do it: the usual one, an easier or harder level, on a chair or in bed. Has words of its own."""

    exercise: str
    name: str
    place: str
    seconds: int  # of its timer

    @property
    def response(self) -> str:
        return f"utter_exercise_{self.exercise}_{self.name}"


@dataclass(frozen=True)
class Exercise:
    """`groups` are those of clinical.md §8.6; `light`: may be offered before a physio has looked."""

    name: str
    ways: Mapping[str, Way]
    groups: frozenset[str]
    drawing: str
    light: bool

    def part(self, name: str) -> str:
        """`title`, `safety` or `picture` (what the drawing shows)."""
        return f"utter_exercise_{self.name}_{name}"

    def at(self, place: str) -> list[Way]:
        return [way for way in self.ways.values() if way.place == place]


def read(name: str, document: Document) -> Exercise:
    ways = {
        str(way): Way(
            exercise=name,
            name=str(way),
            place=str(declared.get("place", document["place"])),
            seconds=int(declared.get("seconds", document["seconds"])),
        )
        for way, declared in document["ways"].items()
    }
    return Exercise(
        name=name,
        ways=ways,
        groups=frozenset(document["groups"]),
        drawing=str(document.get("drawing", name)),
        light=bool(document.get("light")),
    )


def responses(name: str, document: Document) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for part in ("title", "safety", "picture"):
        if part in document:
            yield f"utter_exercise_{name}_{part}", [{"text": str(document[part])}]
    for way, declared in (document.get("ways") or {}).items():
        yield f"utter_exercise_{name}_{way}", [{"text": str(declared["text"])}]
