"""Walks through the questions of a form as dialogues/ declares them, so that taps and numbers need no Rasa.

bot/rasa/forms.py holds the same declarations for what is understood in words: `asked_when`, `empties`, `ends_form`.
`values` has the answers by slot, and what the app knows beside them; an unanswered slot is absent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.coaching import answers
from bot.coaching.answers import SKIPPED, Number, Spec, Value

Values = Mapping[str, Any]
Specs = Callable[[str], Spec]  # a slot's declaration


def next_slot(required: Sequence[str], specs: Specs, values: Values, number: Number) -> str | None:
    """The first question that is open and applies; None when there is none left."""
    return next(
        (slot for slot in required if values.get(slot) is None and applies(slot, required, specs, values, number)), None
    )


def applies(slot: str, required: Sequence[str], specs: Specs, values: Values, number: Number) -> bool:
    when = specs(slot).get("asked_when")
    if not when:
        return True
    value = values.get(when["slot"])
    if value is None and when["slot"] in required and not applies(when["slot"], required, specs, values, number):
        value = SKIPPED
    if "is_not" in when:
        return value not in when["is_not"]
    if value is None:
        return when["slot"] in required
    if "is" in when:
        return bool(value == when["is"])
    if "below" in when:
        most = limit(when["below"], values, number)
        return isinstance(value, int | float) and most is not None and value < most
    return bool(value != SKIPPED)


def limit(declared: Any, values: Values, number: Number) -> float | None:
    """A plain number, {protocol: goal.most_minutes}, or {slot: review_planned}."""
    if isinstance(declared, Mapping):
        declared = values.get(declared["slot"]) if "slot" in declared else number(str(declared["protocol"]))
    return float(declared) if isinstance(declared, int | float) else None


def bounds(spec: Spec, values: Values, number: Number) -> dict[str, int]:
    found = {name: limit(spec[name], values, number) for name in ("min", "max", "max_chars") if name in spec}
    return {name: int(most) for name, most in found.items() if most is not None}


def fits(spec: Spec, value: Value, values: Values, number: Number) -> bool:
    held = bounds(spec, values, number)
    if isinstance(value, str):
        return len(value) <= held.get("max_chars", len(value))
    return held.get("min", value) <= value <= held.get("max", value)


def taken(slot: str, value: Value, required: Sequence[str], specs: Specs, values: Values) -> dict[str, Any]:
    """The answers after this one: it may empty others, or end the form, which leaves the rest out."""
    spec = specs(slot)
    kept = {name: said for name, said in values.items() if name in required} | {slot: value}
    for other in (spec.get("empties") or {}).get(value) or ():
        kept.pop(other, None)
    if value in (spec.get("ends_form") or ()):
        kept |= {other: SKIPPED for other in required if other not in kept}
    return kept


def canonical(spec: Spec, given: str) -> Value | None:
    """What Rasa's form has in its slot, as the value it stands for; None when it can't be read."""
    if given == SKIPPED:
        return SKIPPED
    if spec.get("kind") == "choice":
        return given if given in (spec.get("options") or {}) else None
    return given if spec.get("kind", "text") == "text" else answers.read(spec, given)
