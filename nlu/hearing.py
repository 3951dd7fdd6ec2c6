"""Decides what a message means where the words alone don't say: an answer in a form, or a way out of it.

The classifier takes "mon and Thursday please" for a command and "I'd like to walk with my dog" for
goodbye. So what the app knows about the asked slot goes first: see `heard`.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set

from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

INFORM = "inform"
CONCERNS = ("belief", "risk")
NEVER_OUT = {*CONCERNS, "nlu_fallback", INFORM}
ONLY_WORD_FOR_WORD = {"set_goal", "my_goals"}  # "walk more" answers the question, and is close to wanting a goal


def asked(tracker: DialogueStateTracker) -> Optional[str]:
    """ "goal_form.goal_minutes": what the open form waits for; None when no form is open.

    The form is asked first: the slot `requested_slot` outlives the session that it belonged to.
    """
    if not tracker.active_loop_name:
        return None
    return f"{tracker.active_loop_name}.{tracker.get_slot('requested_slot') or ''}".rstrip(".")


def heard(parse: Dict[str, Any], answer: Optional[str], asks: Optional[str], domain: Domain) -> Dict[str, Any]:
    """The intent that counts, given what is asked (`asks`) and what the app knows of the text (`answer`).

    shaped  the text is the answer and nothing else ("6", "mon and Thursday please")
    open    the text may be the answer: it is, unless it voices a belief or a risk, or is a way out
            of this form, word for word or very nearly so, or means what the slot `gives_way_to`
    """
    natural: Dict[str, Any] = parse["intent"]
    inform = {"name": INFORM, "confidence": 1.0}
    if asks is None or answer is None:
        return natural
    if answer == "shaped":
        return inform
    if natural["name"] in {*CONCERNS, *_named(domain, asks, "gives_way_to")}:
        return natural
    return _way_out(parse, ways_out(domain, asks)) or inform


def ways_out(domain: Domain, asks: str) -> Set[str]:
    """The intents that may interrupt this question: the form's `ignored_intents`, the slot's `not_intent`."""
    form = asks.partition(".")[0]
    names = set(_listed(domain.forms.get(form, {}).get("ignored_intents")))
    return (names | _named(domain, asks, "not_intent")) - NEVER_OUT


def _named(domain: Domain, asks: str, key: str) -> Set[str]:
    """The intents that the asked slot lists under this key."""
    slot = asks.partition(".")[2]
    mappings = [mapping for declared in domain.slots if declared.name == slot for mapping in declared.mappings]
    return {name for mapping in mappings for name in _listed(mapping.get(key))}


def _way_out(parse: Dict[str, Any], allowed: Set[str]) -> Optional[Dict[str, Any]]:
    exact = [intent for intent in parse.get("exact", []) if intent in allowed]
    if exact:
        return {"name": exact[0], "confidence": 1.0}
    near_enough = allowed - ONLY_WORD_FOR_WORD
    close = {intent: cosine for intent, cosine in parse.get("close", {}).items() if intent in near_enough}
    if not close:
        return None
    name = max(close, key=lambda intent: close[intent])
    return {"name": name, "confidence": close[name]}


def _listed(names: Any) -> List[str]:
    return [names] if isinstance(names, str) else list(names or [])
