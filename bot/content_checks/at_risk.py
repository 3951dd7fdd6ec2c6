"""Can every at-risk rule fire, and is there a word for it? A rule that nothing feeds watches over nobody."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.coaching.at_risk import Rule, read_rules
from bot.content import PLACEHOLDER
from bot.content_checks.sources import Problem, Source, Sources
from bot.errors import ContentError

RULES = [f"AR{number:02}" for number in range(1, 23)]
WAYS = ("skip",)  # what a button may say beside the declared answers
EVENTS = ("intents", "follow_ups")  # what a rule that is raised where it happens may rest on
NO_NUMBERS = ("trigger", "then", "does")


def check(sources: Sources) -> Iterator[Problem]:
    source = sources.protocol.get("at_risk")
    if source is None:
        if "escalation" in sources.protocol:
            yield Problem(sources.shown("protocol"), 1, "at_risk.yml is missing: it declares AR01 to AR22")
        return
    declared: Mapping[str, Any] = source.content.get("rules") or {}
    for name in sorted(set(RULES) ^ set(declared)):
        yield source.problem(
            name, f"{name} is {'unknown' if name in declared else 'missing'}: the rules are AR01 to AR22"
        )
    try:
        rules = read_rules(declared)
    except (ContentError, KeyError, TypeError, ValueError) as error:
        yield source.problem("rules", f"the rules can't be read: {error}")
        return
    for rule in rules.values():
        yield from _feeds(sources, source, rule, declared[rule.id].get("feeds") or {})
        yield from _numbers(source, rule.id, declared[rule.id]["when"])
        yield from _levels(sources, source, rule)
        yield from _words(sources, source, rule)
        yield from _prompts_named(source, rule)
    yield from _said(sources, source)


# Feeds ----------------------------------------------------------------------------------------------------------------


def _feeds(sources: Sources, source: Source, rule: Rule, feeds: Mapping[str, Any]) -> Iterator[Problem]:
    if not feeds:
        yield _at(source, rule.id, f"{rule.id} has no feeds: nothing would ever fire it")
    for need in sorted(rule.needs - set(feeds)):
        text = f"{rule.id} rests on {need}, and nothing feeds it: say what asks for it, how often"
        yield _at(source, rule.id, text, "feeds")
    told_of = any(when.trigger == "where_it_happens" for when in rule.whens)
    for name, feed in feeds.items():
        if name not in rule.needs and not (told_of and name in EVENTS):
            text = (
                f"{rule.id}: no trigger of it rests on {name}: it rests on {', '.join(sorted(rule.needs)) or 'nothing'}"
            )
            yield _at(source, rule.id, text, "feeds", name)
        if not str((feed or {}).get("every", "")).strip():
            yield _at(source, rule.id, f"{rule.id}: {name} doesn't say how often it is asked", "feeds", name)
        if problem := _not_asked(sources, source, name, str((feed or {}).get("asked_by", ""))):
            yield _at(source, rule.id, f"{rule.id}: nothing feeds {name}: {problem}", "feeds", name)


def _not_asked(sources: Sources, source: Source, feed: str, asked_by: str) -> str:
    """Why nobody ever asks for it; "" when somebody does."""
    kind, _, name = feed.partition("/")
    if kind in ("measures", "rules") and asked_by != name:
        return f"{asked_by or 'what asks for it'} is not {name}"
    if kind == "measures":
        content = sources.measures[name].content if name in sources.measures else {}
        if not content:
            return f"there is no dialogues/measures/{name}.yml"
        return "" if content.get("schedule") else f"{name} has no schedule"
    if kind == "questions":
        question = (source.content.get("questions") or {}).get(name)
        if question is None or question.get("response") != asked_by:
            return f"{asked_by} is not the question {name}"
        return "" if name in source.content["rotation"]["value"] else f"{name} is not in the rotation"
    if kind == "rules":
        return "" if name in (source.content.get("rules") or {}) else f"there is no rule {name}"
    intents = {intent for intent, _, _ in sources.examples}
    slots = {slot for slot, _, _ in sources.defined("slots")}
    if asked_by in sources.responses or asked_by in intents or asked_by in slots:
        return ""
    return f"{asked_by or 'what asks for it'} is neither a question, nor a slot, nor an intent with examples"


def _at(source: Source, rule: str, text: str, *names: str) -> Problem:
    return source.problem_below(("rules", rule, *names), text)


# Numbers, levels and words --------------------------------------------------------------------------------------------


def _numbers(source: Source, rule: str, whens: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Each is declared with its value; that unit, source and approval stand beside it is checked of all of protocol/."""
    for name, numbers in whens.items():
        for key, number in numbers.items():
            if key not in NO_NUMBERS and not (isinstance(number, Mapping) and "value" in number):
                text = f"{rule}.{name}.{key} has no 'value': every number says its value, unit, source and approval"
                yield _at(source, rule, text, "when", name, key)


def _levels(sources: Sources, source: Source, rule: Rule) -> Iterator[Problem]:
    policy = sources.protocol.get("escalation")
    known = set((policy.content.get("levels") if policy else None) or {})
    for when in rule.whens:
        for level in _levels_in(when.numbers):
            if level not in known:
                text = f"{rule.id}.{when.name}: there is no level {level!r} in escalation.yml"
                yield _at(source, rule.id, text, "when", when.name)


def _levels_in(node: Any, key: str = "") -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _levels_in(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _levels_in(value, key)
    elif key == "level" or key.endswith("_level"):
        yield str(node)


def _words(sources: Sources, source: Source, rule: Rule) -> Iterator[Problem]:
    low = rule.id.lower()
    needed = [f"utter_cause_{low}", f"utter_at_risk_did_{low}", f"utter_at_risk_do_{low}"]
    needed += [f"utter_at_risk_why_{low}_{when.name}" for when in rule.whens]
    for name in needed:
        if name not in sources.responses:
            text = f"{name} is missing: physios would read no {name.split('_')[-1]} of {rule.id}"
            yield _at(source, rule.id, text)
    for name in needed[:3]:
        for variation in sources.responses.get(name, ([], None))[0]:
            if PLACEHOLDER.search(str(variation.get("text", ""))):
                yield _at(source, rule.id, f"{name} has a placeholder, and nothing fills it")


# What is said and asked -----------------------------------------------------------------------------------------------


def _prompts_named(source: Source, rule: Rule) -> Iterator[Problem]:
    prompts = source.content.get("prompts") or {}
    for when in rule.whens:
        for name in when.then:
            if name not in prompts:
                yield _at(
                    source, rule.id, f"{rule.id}.{when.name}: there is no prompt {name}", "when", when.name, "then"
                )


def _said(sources: Sources, source: Source) -> Iterator[Problem]:
    questions: Mapping[str, Any] = source.content.get("questions") or {}
    prompts: Mapping[str, Any] = source.content.get("prompts") or {}
    for name in source.content["rotation"]["value"]:
        if name not in questions:
            yield source.problem("rotation", f"the rotation names {name}, which is no question")
    for name, entry in {**prompts, **questions}.items():
        says = [entry.get("response"), *(entry.get("says") or {}).values(), *(entry.get("follow") or {}).values()]
        for response in says:
            if response not in sources.responses:
                yield source.problem(name, f"{name} says {response}, and it has no words anywhere")
        yield from _opens(sources, source, name, entry)
        yield from _buttons(sources, source, name, entry)


def _opens(sources: Sources, source: Source, name: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    sets = (sources.safety["questions"].content.get("sets") or {}) if "questions" in sources.safety else {}
    opens = entry.get("opens") or []
    for each in [one for many in opens.values() for one in many] if isinstance(opens, Mapping) else opens:
        if each not in sets:
            yield source.problem(name, f"{name} opens {each}, which is no set of safety/questions.yml")


def _buttons(sources: Sources, source: Source, name: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """The answers that are declared are those of the buttons, and a button's intent exists."""
    intents = {intent for intent, _, _ in sources.defined("intents")}
    for variation in sources.responses.get(str(entry.get("response")), ([], None))[0]:
        payloads = [str(button.get("payload", "")) for button in variation.get("buttons") or []]
        for payload in payloads:
            if payload.startswith("/") and payload[1:] not in intents:
                yield source.problem(name, f"{name}: the intent {payload[1:]} of a button exists nowhere")
        answers = [str(each) for each in entry.get("answers") or []]
        said = [payload for payload in payloads if not payload.startswith("/") and payload not in WAYS]
        if sorted(answers) != sorted(said):
            yield source.problem(name, f"{name} declares the answers {answers}, and its buttons say {said}")
