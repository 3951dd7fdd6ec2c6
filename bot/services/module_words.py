"""What a module says: its file's words, with what the patient has answered so far in their places."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.coaching import answers
from bot.coaching.modules import Kind, Module, Step, next_rung, without_gaps
from bot.content import Choice, Library, Words, fill
from data.modules import Keepsake, ModuleRun

SKIP, GO_ON, START, KEEP, ALL, LEAVE_OUT = "skip", "go on", "start", "keep it", "that's all", "leave out "


class ModuleWords:
    """`facts`: what may be shown of the patient beside their answers ({plan_minutes}, {emergency})."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def question(self, run: ModuleRun, step: Step, facts: Mapping[str, Any]) -> Words:
        """The step's words with its buttons. Its response name marks the question as the one being asked."""
        match step.kind:
            case Kind.LADDER if self.unrated(run, step):
                rung = run.answers[step.name][-1]["words"]
                return self._named(
                    step, self._library.say("utter_module_rate_rung", rung=rung).text, self._zero_to_ten()
                )
            case Kind.LADDER if run.answers.get(step.name):
                return self._named(step, self._library.say("utter_module_next_rung").text, self._labelled(ALL, SKIP))
            case Kind.DRAFT:
                return self._draft(run, step, facts)
            case Kind.KEEP if card := self.card(run, step, facts):
                asks = self.said(run, step.response, facts).text
                return self._named(step, f"{asks}\n\n{card}", self._labelled(KEEP, SKIP))
        words = self.said(run, step.response, facts)
        skip = () if step.kind == Kind.SHOW else self._labelled(SKIP)
        return Words(words.response, words.text, (*self._buttons(step, words), *skip))

    def _buttons(self, step: Step, words: Words) -> Sequence[Choice]:
        match step.kind:
            case Kind.SCALE | Kind.EXPECT:
                return self._zero_to_ten()
            case Kind.TRY:
                return self._labelled(START)
            case Kind.SHOW:
                return self._labelled(GO_ON)
        return words.choices

    def _draft(self, run: ModuleRun, step: Step, facts: Mapping[str, Any]) -> Words:
        lines: list[str] = run.answers.get(step.name) or []
        asks = self.said(run, step.response, facts).text
        numbered = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
        out = tuple(
            Choice(self._library.say("utter_module_leave_out_label", number=number).text, says=f"{LEAVE_OUT}{number}")
            for number in range(1, len(lines) + 1)
        )
        return self._named(step, f"{asks}\n\n{numbered}".strip(), (*self._labelled(KEEP), *out, *self._labelled(SKIP)))

    def reply(self, run: ModuleRun, step: Step, answer: object, facts: Mapping[str, Any]) -> list[Words]:
        """What is said to an answer before the next question; [] when the file says nothing."""
        for name in (step.part(str(answer)) if str(answer) in step.options else "", step.part("reply")):
            if self._library.has(name) and answer != answers.SKIPPED:
                return [self.said(run, name, facts)]
        return []

    def why(self, step: Step) -> list[Words]:
        name = step.part("why")
        return [self._library.say(name)] if self._library.has(name) else []

    def card(self, run: ModuleRun, step: Step, facts: Mapping[str, Any]) -> str:
        """What would be kept, put together from the answers; "" when there is nothing to put together."""
        name = step.part("card")
        return self.said(run, name, facts).text if self._library.has(name) else ""

    def title(self, module: Module, step: Step) -> str:
        own = step.part("title")
        return self._library.say(own if self._library.has(own) else module.part("title")).text

    def kept(self, card: Keepsake) -> list[Words]:
        shown = self._library.say("utter_my_card_kept", title=card.title, words=card.words)
        return [self._library.say("utter_module_kept"), shown]

    def during(self, step: Step) -> list[str]:
        """The names of the words shown while its timer runs, in order."""
        names = (step.part(f"during_{number}") for number in range(1, 10))
        return [name for name in names if self._library.has(name)]

    def said(self, run: ModuleRun, response: str, facts: Mapping[str, Any]) -> Words:
        """A response with its gaps filled; a line that shows what nobody answered is left out."""
        words = self._library.say(response, variation=run.id or 0)
        known = {**facts, **self.answers(run)}
        return Words(response, fill(without_gaps(words.text, known), known), words.choices)

    def answers(self, run: ModuleRun) -> dict[str, str]:
        """Each answer as it reads, by the name of its step; without what was skipped."""
        module = self._library.modules[run.module]
        said = {}
        for name, answer in run.answers.items():
            if answer in (answers.SKIPPED, "", None, []):
                continue
            step = module.steps.get(name)
            said[name] = self._readable(step, answer)
            if step and step.kind == Kind.LADDER:
                first = next_rung(answer, self._library.number("modules.most_fear"))
                said["first_rung"] = str(first["words"]) if first else ""
        return said

    def _readable(self, step: Step | None, answer: Any) -> str:
        if step and step.kind == Kind.LADDER:
            rated = sorted(answer, key=lambda rung: float(10 if rung["fear"] is None else rung["fear"]))
            return "\n".join(
                f"{number}. {rung['words']}" + ("" if rung["fear"] is None else f" ({rung['fear']})")
                for number, rung in enumerate(rated, start=1)
            )
        if isinstance(answer, list):
            return "\n".join(str(line) for line in answer)
        option = step.options.get(str(answer)) if step else None
        return option.words if option else str(answer).rstrip(". ")

    def unrated(self, run: ModuleRun, step: Step) -> bool:
        rungs = run.answers.get(step.name)
        return step.kind == Kind.LADDER and isinstance(rungs, list) and bool(rungs) and rungs[-1]["fear"] is None

    def _zero_to_ten(self) -> tuple[Choice, ...]:
        return tuple(Choice(str(number), says=str(number)) for number in range(11))

    def _labelled(self, *says: str) -> tuple[Choice, ...]:
        labels = {
            SKIP: "utter_module_skip_label", GO_ON: "utter_module_go_on_label", START: "utter_timer_start_label",
            KEEP: "utter_module_keep_label", ALL: "utter_module_all_label",
        }  # fmt: skip
        return tuple(Choice(self._library.say(labels[each]).text, says=each) for each in says)

    def _named(self, step: Step, text: str, choices: Sequence[Choice]) -> Words:
        return Words(step.response, text, tuple(choices))
