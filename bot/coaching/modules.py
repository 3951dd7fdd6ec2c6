"""A module as its file in dialogues/modules/ declares it: its steps, their words, and which step follows which.

Words stand in the file beside their step. `responses` gives each of them a name, utter_module_<module>_<step>, so that
they are said, checked and varied like any other.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Document = Mapping[str, Any]
Responses = dict[str, list[dict[str, Any]]]
END = "end"  # the step after the last
SHOWN = re.compile(r"\{(\w+)\}")


class Kind(StrEnum):
    ASK = "ask"  # own words
    CHOICES = "choices"  # a button, or own words
    SCALE = "scale"  # 0–10
    NUMBER = "number"  # 0–100
    TRY = "try"  # something to do, with a timer
    LADDER = "ladder"  # small steps towards something, each with how scary it is, 0–10
    EXPECT = "expect"  # the pain expected, 0–10: a small test is agreed
    DRAFT = "draft"  # lines the app puts together; the patient leaves out and adds
    KEEP = "keep"  # a card
    SHOW = "show"  # nothing is asked: a button goes on


@dataclass(frozen=True)
class Option:
    """A button of a step. `opens` is an intent that takes over when the module ends there."""

    code: str
    label: str
    words: str  # how it reads where the answer is shown
    next: str | None = None
    opens: str | None = None


@dataclass(frozen=True)
class Step:
    module: str
    name: str
    kind: Kind
    options: Mapping[str, Option] = field(default_factory=dict)
    next: str | None = None  # the step that follows, whatever is answered; None: the one below
    seconds: int = 0  # of a timer
    place: str = ""  # of a card of which there is only one
    when: Mapping[str, Any] = field(default_factory=dict)  # {step: code}: left out unless so answered
    test: str = ""  # the step whose answer is tried in a small test
    source: str = ""  # of a draft's lines
    fixed: str = ""  # a response of dialogues/safety/ in the place of words of its own

    @property
    def response(self) -> str:
        return self.fixed or f"utter_module_{self.module}_{self.name}"

    def part(self, name: str) -> str:
        """Words that belong to the step: `reply`, `why`, `card`, `title`, `during_1`, or the code of an option."""
        return f"utter_module_{self.module}_{self.name}_{name}"


@dataclass(frozen=True)
class Module:
    """`fits`: beliefs, reasons of the weekly review, and the week from which it goes before all others."""

    name: str
    steps: Mapping[str, Step]
    beliefs: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    week: int | None = None
    hidden: bool = False  # opened by the app alone, never from the list

    @property
    def first(self) -> Step:
        return next(iter(self.steps.values()))

    def part(self, name: str) -> str:
        """`title` or `offer`."""
        return f"utter_module_{self.name}_{name}"

    def below(self, name: str) -> str:
        """The step that stands after this one in the file."""
        names = [*self.steps, END]
        return names[names.index(name) + 1]

    def ways_on(self, step: Step) -> set[str]:
        """Every step that can follow, whatever is answered."""
        plain = step.next or self.below(step.name)
        return {option.next or (END if option.opens else plain) for option in step.options.values()} | {plain}

    def follows(self, name: str, answers: Mapping[str, Any]) -> str:
        """The step after this one, given what was answered so far; END when there is none."""
        while True:
            step = self.steps[name]
            option = step.options.get(str(answers.get(name)))
            name = (option and option.next) or step.next or self.below(name)
            if name == END or self._applies(self.steps[name], answers):
                return name

    def _applies(self, step: Step, answers: Mapping[str, Any]) -> bool:
        return all(answers.get(other) == code for other, code in step.when.items())


def read(name: str, document: Document) -> Module:
    """Raises ValueError or KeyError for a file that can't be read."""
    fits = document.get("fits") or {}
    steps = {str(each["step"]): _step(name, each) for each in document["steps"]}
    return Module(
        name=name,
        steps=steps,
        beliefs=frozenset(fits.get("beliefs") or ()),
        reasons=frozenset(fits.get("reasons") or ()),
        week=fits.get("week"),
        hidden=bool(document.get("hidden")),
    )


def _step(module: str, declared: Document) -> Step:
    options = {
        str(each["is"]): Option(
            code=str(each["is"]),
            label=str(each["label"]),
            words=str(each.get("words", each["label"])),
            next=each.get("next"),
            opens=each.get("opens"),
        )
        for each in declared.get("choices") or ()
    }
    return Step(
        module=module,
        name=str(declared["step"]),
        kind=Kind(declared["kind"]),
        options=options,
        next=declared.get("next"),
        seconds=int(declared.get("seconds", 0)),
        place=str(declared.get("place", "")),
        when=declared.get("when") or {},
        test=str(declared.get("test", "")),
        source=str(declared.get("source", "")),
        fixed=str(declared.get("fixed", "")),
    )


# Words


def responses(name: str, document: Document) -> Responses:
    """Every text of a file by the name under which it is said."""
    said = {f"utter_module_{name}_{part}": _wordings(document[part]) for part in ("title", "offer") if part in document}
    for declared in document.get("steps") or ():
        said.update(_of_step(f"utter_module_{name}_{declared['step']}", declared))
    return said


def _of_step(response: str, declared: Document) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    choices = declared.get("choices") or ()
    buttons = [{"title": str(each["label"]), "payload": str(each["is"])} for each in choices]
    if "text" in declared:
        yield response, [{**each, **({"buttons": buttons} if buttons else {})} for each in _wordings(declared["text"])]
    for part in ("reply", "why", "card", "title"):
        if part in declared:
            yield f"{response}_{part}", _wordings(declared[part])
    for number, text in enumerate(declared.get("during") or (), start=1):
        yield f"{response}_during_{number}", _wordings(text)
    for each in choices:
        if "reply" in each:
            yield f"{response}_{each['is']}", _wordings(each["reply"])


def _wordings(text: Any) -> list[dict[str, Any]]:
    return [{"text": str(each)} for each in (text if isinstance(text, list) else [text])]


def without_gaps(text: str, known: Mapping[str, Any]) -> str:
    """Lines that show an answer nobody gave are left out."""
    lines = [line for line in text.splitlines() if all(known.get(name) for name in SHOWN.findall(line))]
    return "\n".join(lines).strip()


# The ladder


def next_rung(rungs: list[dict[str, Any]], most_fear: float) -> dict[str, Any] | None:
    """The step to begin with: the least scary one, when it is small enough (clinical.md §4.4 B02)."""
    rated = [rung for rung in rungs if rung.get("fear") is not None and rung["fear"] <= most_fear]
    return min(rated, key=lambda rung: float(rung["fear"]), default=None)


# The weekly offer


@dataclass(frozen=True)
class Past:
    """A module that was offered or gone through. `days_ago`: since it was last offered."""

    module: str
    done: bool
    days_ago: int | None


def what_to_offer(
    modules: Mapping[str, Module],
    order: list[str],
    past: list[Past],
    *,
    week: int,
    reasons: list[str],
    beliefs: list[str],
    rest_days: float,
) -> tuple[str, str] | None:
    """The module and why: its week has come, a reason the patient gave, a belief heard, else the next in `order`.

    Never one that was done; one that was offered rests for `rest_days`. `beliefs` and `reasons`: most pressing first.
    """
    done = {each.module for each in past if each.done}
    resting = {each.module for each in past if each.days_ago is not None and each.days_ago < rest_days}
    free = [modules[name] for name in order if name in modules and name not in done and not modules[name].hidden]
    for module in free:  # the one whose week has come is offered again each week until it is done
        if module.week is not None and week >= module.week:
            return module.name, f"week {module.week}"
    rested = [module for module in free if module.name not in resting and module.week is None]
    for heard, names in ((reasons, "reasons"), (beliefs, "beliefs")):
        for each in heard:
            for module in rested:
                if each in getattr(module, names):
                    return module.name, each
    return (rested[0].name, "") if rested else None
