"""Has every belief class the words of its exploration, for just the questions that it asks?"""

from collections.abc import Iterator
from typing import Any

from bot.content_checks.sources import Problem, Sources

FORM = "exploration_form"
TRY = "explore_try"
BELIEFS = [f"B{number:02}" for number in range(1, 17)]


def check(sources: Sources) -> Iterator[Problem]:
    for belief in BELIEFS:
        for step in _needed(sources, belief):
            name = f"utter_explore_{belief.lower()}_{step}"
            if name not in sources.responses:
                yield Problem(
                    sources.shown("beliefs"),
                    1,
                    f"{name} is missing: write it, or leave explore_{step} out for {belief} in exploration.yml",
                )


def names(sources: Sources) -> set[str]:
    """Every response of a class that an exploration can say."""
    return {
        f"utter_explore_{belief.lower()}_{step}"
        for belief in BELIEFS
        for step in [*_asked(sources, belief), *_tests(sources, belief), "done"]
    }


def _needed(sources: Sources, belief: str) -> list[str]:
    """The steps that only the class has words for."""
    return [step for step in _asked(sources, belief) if not _general(sources, step)] + _tests(sources, belief)


def _asked(sources: Sources, belief: str) -> list[str]:
    """The questions of the form, without those that it leaves out for this class, and those that rest on them."""
    slots = {name: definition for name, definition, _ in sources.defined("slots")}
    forms = {name: definition for name, definition, _ in sources.defined("forms")}
    asked: list[str] = []
    required = (forms.get(FORM) or {}).get("required_slots") or []
    for slot in required:
        when = _when(slots.get(slot) or {})
        rests_on = when.get("slot")
        if belief in when.get("is_not", ()) or (rests_on in required and rests_on not in asked):
            continue
        asked.append(slot)
    return [slot.removeprefix("explore_") for slot in asked]


def _tests(sources: Sources, belief: str) -> list[str]:
    return ["first", "second"] if TRY.removeprefix("explore_") in _asked(sources, belief) else []


def _when(slot: dict[str, Any]) -> dict[str, Any]:
    return next((each["asked_when"] for each in slot.get("mappings") or [] if "asked_when" in each), {})


def _general(sources: Sources, step: str) -> bool:
    """True when the general words will do for every class."""
    variations, _ = sources.responses.get(f"utter_ask_explore_{step}", ([], None))
    return bool(variations) and all((each.get("custom") or {}).get("these_words_will_do") for each in variations)
