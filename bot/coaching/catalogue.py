"""The activities of dialogues/protocol/activities.yml: which one a patient means, and which fit a body."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Activity:
    key: str
    says: str
    words: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    light: bool = False  # gently, sitting or lying
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limit:
    kind: str
    lacks: frozenset[str] = frozenset()
    offers: tuple[str, ...] = ()
    gate: bool = False  # a physio or GP sets the amount first
    no_fixed_steps: bool = False


@dataclass(frozen=True)
class Body:
    """What is known of a patient that decides what fits. `gated`: light ones only, until a physio has looked."""

    limits: tuple[str, ...] = ()
    cannot_do: frozenset[str] = field(default_factory=frozenset)  # keys of activities
    gated: bool = False
    low_function: bool = False


class Catalogue:
    def __init__(self, content: Mapping[str, Any]) -> None:
        groups: Mapping[str, Any] = content["groups"]
        self.activities = {
            key: Activity(
                key=key,
                says=str(each["says"]),
                words=tuple(sorted(map(str, each["words"]), key=len, reverse=True)),
                needs=frozenset(each.get("needs") or ()),
                light=bool(each.get("light")),
                groups=tuple(name for name, group in groups.items() if key in group["activities"]),
            )
            for key, each in content["activities"].items()
        }
        self.limits = {
            kind: Limit(
                kind=kind,
                lacks=frozenset(each.get("lacks") or ()),
                offers=tuple(each.get("offers") or ()),
                gate=bool(each.get("gate")),
                no_fixed_steps=bool(each.get("no_fixed_steps")),
            )
            for kind, each in content["limits"].items()
        }
        self._groups = {name: tuple(group["activities"]) for name, group in groups.items()}
        self._screen: Mapping[str, str] = content["screen"]
        self._first: list[str] = content["first_choice"]["value"]
        self._first_low: list[str] = content["low_function_choice"]["value"]
        self._most = int(content["most_offered"]["value"])

    def find(self, text: str) -> Activity | None:
        """The activity that the words name; of several names the longest counts, then the first in the text."""
        plain = " ".join(re.sub(r"[^\w\s'-]", " ", text.lower()).split())
        best: tuple[int, int, Activity] | None = None
        for activity in self.activities.values():
            for word in (activity.says, *activity.words):
                match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain)
                if match and (best is None or (-len(word), match.start()) < (best[0], best[1])):
                    best = (-len(word), match.start(), activity)
        return best[2] if best else None

    def fits(self, activity: Activity, body: Body) -> bool:
        if body.gated and not activity.light:
            return False
        lacks = {need for kind in body.limits if kind in self.limits for need in self.limits[kind].lacks}
        return activity.key not in body.cannot_do and not activity.needs & lacks

    def offer(self, body: Body) -> list[Activity]:
        """What to offer, best first: made for the limits, then the usual ones; at most a screenful."""
        keys = [*self._made_for(body), *(self._first_low if body.low_function else self._first)]
        if body.gated:
            keys += [key for key, activity in self.activities.items() if activity.light]
        fitting = [self.activities[key] for key in dict.fromkeys(keys)]
        return [activity for activity in fitting if self.fits(activity, body)][: self._most]

    def offer_for(self, kind: str, body: Body) -> list[Activity]:
        """What is made for one limit."""
        fitting = [self.activities[key] for key in self._of_groups(self.limits[kind].offers)]
        return [activity for activity in fitting if self.fits(activity, body)][: self._most]

    def light(self) -> list[Activity]:
        return [activity for activity in self.activities.values() if activity.light]

    def no_fixed_steps(self, body: Body) -> bool:
        return any(self.limits[kind].no_fixed_steps for kind in body.limits if kind in self.limits)

    def limits_of_screen(self, answers: str) -> list[str]:
        """The limits behind the health questions at joining: "heart: yes, pregnancy: no"."""
        said = dict(part.strip().partition(": ")[::2] for part in answers.split(",") if ": " in part)
        return [kind for question, kind in self._screen.items() if said.get(question) in ("yes", "unsure")]

    def _made_for(self, body: Body) -> Iterable[str]:
        for kind in body.limits:
            if kind in self.limits:
                yield from self._of_groups(self.limits[kind].offers)

    def _of_groups(self, groups: Collection[str]) -> list[str]:
        return list(dict.fromkeys(key for group in groups for key in self._groups[group]))
