"""Does everything that is named exist, and is everything that exists reached? Rasa itself is silent on most of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

from bot.content_checks.explorations import names as exploration_words
from bot.content_checks.sources import Problem, Source, Sources
from bot.rasa.effects import FOR_WORDS, AnyEffect

TOP_LEVEL = {
    "version", "intents", "entities", "slots", "forms", "responses", "rules", "actions", "nlu", "session_config",
    "someone_else", "risks",
}  # fmt: skip
RASA_ACTIONS = {
    "action_listen", "action_deactivate_loop", "action_default_fallback", "action_restart", "action_session_start",
    "action_back", "action_skip", "action_why",
}  # fmt: skip
RASA_INTENTS = {"nlu_fallback"}
FEWEST_EXAMPLES = 10
EFFECTS = {
    name: effect for effect in get_args(AnyEffect) for name in get_args(effect.model_fields["effect"].annotation)
}


def check(sources: Sources) -> Iterator[Problem]:
    yield from _top_level(sources)
    for key in ("responses", "slots", "forms"):
        yield from _twice(sources, key)
    yield from _rules(sources)
    yield from _contradictions(sources)
    yield from _forms(sources)
    yield from _unreached(sources)
    yield from _effects(sources)
    yield from _examples(sources)
    yield from _classes(sources)
    if "utter_default" not in sources.responses:
        yield Problem(sources.shown(""), 1, "utter_default is missing: without it Rasa may answer with silence")


def _top_level(sources: Sources) -> Iterator[Problem]:
    for source in sources.topics:
        if not isinstance(source.content, dict):
            yield Problem(source.path, 1, "is not a topic: it must hold keys such as intents, responses and rules")
            continue
        for key in source.content:
            if key not in TOP_LEVEL:
                yield source.problem(
                    str(key), f"{key!r} is not a key Rasa knows, so all under it is ignored: misspelt?"
                )


def _twice(sources: Sources, key: str) -> Iterator[Problem]:
    places: dict[str, Source] = {}
    for name, _, source in sources.defined(key):
        if name in places and places[name] is not source:
            yield source.problem(name, f"{name} stands in {places[name].path} too: keep one")
        places[name] = source


def _rules(sources: Sources) -> Iterator[Problem]:
    intents = {name for name, _, _ in sources.defined("intents")} | RASA_INTENTS
    actions = {name for name, _, _ in sources.defined("actions")} | RASA_ACTIONS
    forms = {name for name, _, _ in sources.defined("forms")}
    names: dict[str, Source] = {}
    for source in sources.topics:
        for rule in (source.content.get("rules") or []) if isinstance(source.content, dict) else []:
            name = str(rule.get("rule", ""))
            if name in names:
                yield source.problem(name, f"the rule {name!r} stands in {names[name].path} too: Rasa keeps only one")
            names[name] = source
            steps = [*(rule.get("condition") or []), *(rule.get("steps") or [])]
            if not any("action" in step for step in steps):
                yield source.problem(name, f"the rule {name!r} says nothing: add an action")
            for step in steps:
                yield from _step(source, step, intents, actions | forms | set(sources.responses))
        for entry in (source.content.get("nlu") or []) if isinstance(source.content, dict) else []:
            intent = str(entry.get("intent", "")).partition("/")[0]
            if intent and intent not in intents:
                yield source.problem(str(entry["intent"]), f"the intent {intent} is not listed under intents anywhere")


def _contradictions(sources: Sources) -> Iterator[Problem]:
    """Two rules that begin alike, in the same form: Rasa would not train."""
    first: dict[tuple[str, str], str] = {}
    for source in sources.topics:
        for rule in (source.content.get("rules") or []) if isinstance(source.content, dict) else []:
            name, step = str(rule.get("rule", "")), (rule.get("steps") or [{}])[0]
            for each in step.get("or") or [step]:
                if "intent" not in each:
                    continue
                begins = (str(rule.get("condition")), str(each["intent"]))
                if first.setdefault(begins, name) != name:
                    text = (
                        f"the rules {first[begins]!r} and {name!r} both begin with {each['intent']}: Rasa can't train"
                    )
                    yield source.problem(name, text)


def _step(source: Source, step: dict[str, Any], intents: set[str], actions: set[str]) -> Iterator[Problem]:
    intent, action = step.get("intent"), step.get("action")
    if intent is not None and str(intent).partition("/")[0] not in intents:
        yield source.problem(str(intent), f"the intent {intent} is not listed under intents anywhere")
    if action is not None and str(action) not in actions:
        yield source.problem(str(action), f"{action} is neither a response, nor a form, nor an action")


def _forms(sources: Sources) -> Iterator[Problem]:
    slots = {name: definition for name, definition, _ in sources.defined("slots")}
    for form, definition, source in sources.defined("forms"):
        for slot in (definition or {}).get("required_slots") or []:
            if slot not in slots:
                yield source.problem(slot, f"the slot {slot} of {form} is not defined")
                continue
            if not any("kind" in mapping for mapping in slots[slot].get("mappings") or []):
                yield source.problem(slot, f"the slot {slot} has no kind: any text would be taken")
            if not any(name in sources.responses for name in (f"utter_ask_{form}_{slot}", f"utter_ask_{slot}")):
                yield source.problem(slot, f"utter_ask_{slot} is missing: the form would ask in silence")


def _unreached(sources: Sources) -> Iterator[Problem]:
    """A response that nothing says is text that writers keep up for nobody."""
    said = _named_everywhere(sources) | {"utter_default"} | exploration_words(sources)
    by_app: list[str] = (
        [str(name) for name in sources.protocol["app_responses"].content] if "app_responses" in sources.protocol else []
    )
    for name, (_, source) in sources.responses.items():
        if name in said or any(name == each or (each.endswith("_") and name.startswith(each)) for each in by_app):
            continue
        yield source.problem(name, f"nothing says {name}: use it in a rule, or remove it")
    for name in by_app:
        if not name.endswith("_") and name not in sources.responses:
            yield sources.protocol["app_responses"].problem(name, f"the app says {name}, and it has no words anywhere")


def _named_everywhere(sources: Sources) -> set[str]:
    """Names in rules, in slot mappings, in the safety files; questions and their reasons by the slots of forms."""
    said: set[str] = set()
    everything: list[Any] = [source.content for source in sources.safety.values()]
    for source in sources.topics:
        content = source.content if isinstance(source.content, dict) else {}
        everything += [content.get("rules"), content.get("slots")]
    said.update(_strings(everything))
    for form, definition, _ in sources.defined("forms"):
        for slot in (definition or {}).get("required_slots") or []:
            said |= {f"utter_ask_{slot}", f"utter_ask_{form}_{slot}", f"utter_why_{slot}", f"utter_invalid_{slot}"}
    return said


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)


def _effects(sources: Sources) -> Iterator[Problem]:
    for name, (variations, source) in sources.responses.items():
        for variation in variations:
            custom = variation.get("custom") or {}
            if "effect" not in custom:
                continue
            effect = EFFECTS.get(custom["effect"])
            if effect is None:
                yield source.problem(name, f"{name}: there is no effect {custom['effect']!r}")
                continue
            for key in set(custom) - set(effect.model_fields) - set(FOR_WORDS):
                yield source.problem(name, f"{name}: the effect {custom['effect']} takes no {key!r}")
            for key, needed in effect.model_fields.items():
                if needed.is_required() and key not in custom:
                    yield source.problem(name, f"{name}: the effect {custom['effect']} needs {key!r}")


def _examples(sources: Sources) -> Iterator[Problem]:
    counts = Counter(intent.partition("/")[0] for intent, _, _ in sources.examples)
    for intent, count in counts.items():
        if count < FEWEST_EXAMPLES:
            source = next(source for name, _, source in sources.examples if name.partition("/")[0] == intent)
            yield source.problem(intent, f"the intent {intent} has {count} examples: it needs {FEWEST_EXAMPLES}")
    seen: dict[tuple[str, str], Source] = {}
    for intent, entry, source in sources.examples:
        text = " ".join(str(entry.get("text", "")).split())
        if not text.strip("- "):
            yield source.problem(intent, f"an example of {intent} is empty")
        if (intent, text) in seen:
            yield source.problem(text[:40], f"the example {text[:60]!r} stands twice")
        seen[intent, text] = source


def _classes(sources: Sources) -> Iterator[Problem]:
    """Every belief and risk keeps its examples, its reply and, for risks, its entry: none may vanish unnoticed."""
    labels = Counter(
        label for _, entry, _ in sources.examples for label in (entry.get("metadata") or {}).get("labels") or []
    )
    for number in range(1, 17):
        belief = f"B{number:02}"
        if not labels[belief]:
            yield Problem(sources.shown("beliefs"), 1, f"{belief} has no examples: nobody would hear it")
        for name in (f"utter_belief_b{number:02}", f"utter_belief_b{number:02}_in_form"):
            if name not in sources.responses:
                yield Problem(sources.shown("beliefs"), 1, f"{name} is missing: {belief} would have no reply")
        name = f"utter_flag_class_b{number:02}"
        if name not in sources.responses:
            yield Problem(sources.shown("physio.yml"), 1, f"{name} is missing: physios would have no name for {belief}")
    risks = (sources.safety["risks"].content or {}).get("risks", {}) if "risks" in sources.safety else {}
    for number in range(1, 20):
        risk = f"RF{number:02}"
        if risk not in risks:
            yield Problem(sources.shown("safety/risks.yml"), 1, f"{risk} is missing")
        if not labels[risk]:
            yield Problem(sources.shown("safety/examples"), 1, f"{risk} has no examples: the model can't hear it")
        if not (sources.root / "safety" / "lexicon" / f"{risk}.yml").exists():
            yield Problem(sources.shown("safety/lexicon"), 1, f"{risk} has no lexicon: the rules can't hear it")
        for name in _strings((risks.get(risk) or {}).get("responses")):
            if name not in sources.responses:
                yield sources.safety["risks"].problem(name, f"{risk} says {name}, and it has no words")
