"""Modules have no dead ends: each step is reached and leads on, each answer leads somewhere, and something is kept."""

from collections.abc import Iterator
from typing import Any

from bot.coaching import modules
from bot.coaching.modules import END, SHOWN, Kind, Module, Step
from bot.content_checks.sources import Problem, Source, Sources
from bot.content_checks.wording import WORD

ASKS = {Kind.ASK, Kind.CHOICES, Kind.SCALE, Kind.NUMBER, Kind.LADDER}
TRIES = {Kind.TRY, Kind.EXPECT, Kind.LADDER, Kind.DRAFT}
KEEPS = {Kind.KEEP, Kind.DRAFT}
WITHOUT_WORDS_OF_ITS_OWN = {"skip", "back", "stop", END}  # a button can't stand for these and for an answer
STEP_KEYS = {
    "step", "kind", "text", "why", "reply", "card", "title", "during", "choices", "next", "when", "seconds", "place", "test",
    "source", "fixed",
}  # fmt: skip
KEYS = {"title", "offer", "fits", "hidden", "steps"}


def check(sources: Sources) -> Iterator[Problem]:
    read: dict[str, Module] = {}
    for name, source in sources.modules.items():
        try:
            read[name] = modules.read(name, source.content)
        except (KeyError, ValueError, TypeError) as error:
            yield Problem(source.path, 1, f"can't be read: {type(error).__name__} {error}")
            continue
        yield from _keys(source)
        yield from _module(sources, source, read[name])
    yield from _order(sources, read)


def _keys(source: Source) -> Iterator[Problem]:
    names: set[str] = set()
    for key in set(source.content) - KEYS:
        yield source.problem(str(key), f"{key!r} means nothing in a module: misspelt?")
    for step in source.content["steps"]:
        name = str(step["step"])
        if name in names:
            yield source.problem(name, f"the step {name} stands twice")
        names.add(name)
        for key in set(step) - STEP_KEYS:
            yield source.problem(str(key), f"{name}: {key!r} means nothing in a step: misspelt?")


def _module(sources: Sources, source: Source, module: Module) -> Iterator[Problem]:
    for part in ("title",) if module.hidden else ("title", "offer"):
        if module.part(part) not in sources.responses:
            yield source.problem(part, f"the module has no {part}")
    for step in module.steps.values():
        yield from _step(sources, source, module, step)
    yield from _reached(source, module)
    yield from _kept_on_every_way(source, module)
    kinds = {step.kind for step in module.steps.values()}
    if not module.hidden:
        if not kinds & ASKS:
            yield source.problem("steps", "the module asks nothing: it would be a leaflet")
        if not kinds & TRIES:
            yield source.problem("steps", "the module lets nobody try anything: add a step of the kind `try`")


def _step(sources: Sources, source: Source, module: Module, step: Step) -> Iterator[Problem]:
    if step.response not in sources.responses:
        yield source.problem(step.name, f"{step.name} has no words: give it a `text`")
    if step.kind == Kind.CHOICES and len(step.options) < 2:
        yield source.problem(step.name, f"{step.name} needs at least two choices")
    if step.kind == Kind.TRY and step.seconds <= 0:
        yield source.problem(step.name, f"{step.name} needs `seconds` for its timer")
    if step.kind == Kind.EXPECT and step.test not in module.steps and step.test != "first_rung":
        yield source.problem(step.name, f"{step.name}: `test` must name the step whose answer is tried")
    if step.kind == Kind.DRAFT and step.source != "health_summary":
        yield source.problem(step.name, f"{step.name}: there is no draft {step.source!r}")
    for target in [step.next, *(option.next for option in step.options.values())]:
        if target is not None and target not in module.steps and target != END:
            yield source.problem(str(target), f"{step.name} leads to {target}, which is no step: a dead end")
    for option in step.options.values():
        if option.code.casefold() in WITHOUT_WORDS_OF_ITS_OWN or option.label.casefold() in WITHOUT_WORDS_OF_ITS_OWN:
            yield source.problem(option.code, f"{step.name}: a choice can't be called {option.code!r}")
    for other in step.when:
        if other not in module.steps:
            yield source.problem(step.name, f"{step.name}: `when` names {other}, which is no step")
    yield from _gaps(sources, source, module, step)
    yield from _together(sources, source, module, step)


def _gaps(sources: Sources, source: Source, module: Module, step: Step) -> Iterator[Problem]:
    """A question must keep words when nothing is known, and show nothing that nobody asks."""
    known = {*module.steps, "first_rung", *FACTS}
    for name in (step.response, step.part("card"), step.part("reply")):
        for text in _texts(sources, name):
            for shown in set(SHOWN.findall(text)) - known:
                yield source.problem(step.name, f"{step.name} shows {{{shown}}}, which nobody asks")
            silent = all(set(SHOWN.findall(line)) - ALWAYS for line in text.splitlines() if line.strip())
            if name == step.response and silent:
                yield source.problem(step.name, f"{step.name} would be silent when what it shows was skipped")


def _together(sources: Sources, source: Source, module: Module, step: Step) -> Iterator[Problem]:
    """A reply and the question after it arrive as one message."""
    most = int(sources.protocol["wording"].content["most_words"]["value"])
    plain = step.next or module.below(step.name)
    ways = [(step.part("reply"), plain)]
    ways += [(step.part(option.code), option.next or plain) for option in step.options.values()]
    for reply, then in ways:
        after = _texts(sources, module.steps[then].response) if then in module.steps else [""]
        longest = max(
            (_count(first) + _count(second) for first in _texts(sources, reply) for second in after), default=0
        )
        if longest > most:
            yield source.problem(
                step.name, f"{step.name}: its reply and {then} make {longest} words together: at most {most}"
            )


def _reached(source: Source, module: Module) -> Iterator[Problem]:
    reached, ahead = set(), [module.first.name]
    while ahead:
        name = ahead.pop()
        if name in reached or name not in module.steps:
            continue
        reached.add(name)
        ahead += module.ways_on(module.steps[name])
    for name in module.steps:
        if name not in reached:
            yield source.problem(name, f"nothing leads to the step {name}")
    if END not in {way for name in reached for way in module.ways_on(module.steps[name])}:
        yield source.problem("steps", "the module never ends")
    yield from _rings(source, module)


def _rings(source: Source, module: Module) -> Iterator[Problem]:
    """No step may lead to itself again: patients would go round for ever."""
    order = list(module.steps)
    for name, step in module.steps.items():
        for way in module.ways_on(step):
            if way in order and order.index(way) <= order.index(name):
                yield source.problem(name, f'{name} leads back to {way}: the patient says "back" for that')


def _kept_on_every_way(source: Source, module: Module) -> Iterator[Problem]:
    """Whatever is answered, the patient comes past something to keep."""
    ahead, seen = [module.first.name], set()
    while ahead:
        name = ahead.pop()
        if name == END:
            yield source.problem(
                "steps", "one way through the module leaves nothing to keep: add a step of the kind `keep`"
            )
            return
        step = module.steps.get(name)
        if step is None or name in seen or step.kind in KEEPS:
            continue
        seen.add(name)
        ahead += module.ways_on(step)


def _order(sources: Sources, read: dict[str, Module]) -> Iterator[Problem]:
    """The list shows each of them, and none that isn't there."""
    protocol = sources.protocol.get("modules")
    if protocol is None:
        if read:
            yield Problem(sources.shown("protocol"), 1, "modules.yml is missing: it says in which order modules stand")
        return
    order = protocol.content["order"]["value"]
    for name in order:
        if name not in read:
            yield protocol.problem(name, f"{name} is listed, and has no file in modules/")
    for name, module in read.items():
        if name not in order and not module.hidden:
            yield protocol.problem("order", f"{name} is in no list: nobody could open it")


ALWAYS = {"emergency", "urgent", "crisis_line"}  # known of every patient
FACTS = {
    *("plan_minutes", "half_minutes", "most_minutes", "activity", "noticed", "helped_last_time", "fair_thought"),
    *ALWAYS,
}  # bot/services/facts.py


def _texts(sources: Sources, name: str) -> list[str]:
    variations: list[dict[str, Any]] = sources.responses.get(name, ([], None))[0]
    return [str(each.get("text", "")) for each in variations]


def _count(text: str) -> int:
    return len(WORD.findall(text))
