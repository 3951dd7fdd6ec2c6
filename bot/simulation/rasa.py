"""A stand-in for Rasa: it runs the rules and forms of dialogues/ as they stand, so that effects come from the same YAML.

It understands only the sentences that the synthetic patients say (personas.yml tells it what each means); an answer
to a question is read by the same code as in life (bot/rasa/forms.py). Rules that look back over several messages of a
patient are passed over.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.content import PLACEHOLDER, Library
from bot.rasa.forms import REQUESTED, Form
from bot.rasa.turns import Intent, Label, Parse, Reply, ReplyButton, Turn, TurnResult

INFORM, NOT_UNDERSTOOD = "inform", "nlu_fallback"
CONCERNS = ("belief", "risk")
OF_RASA = {"action_back": "back", "action_skip": "skip", "action_why": "why"}


@dataclass(frozen=True)
class Meaning:
    """What a sentence means: its intent, the beliefs and risks heard in it, and how sure that is."""

    intent: str
    beliefs: Mapping[str, float] = field(default_factory=dict)
    risks: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Talk:
    """What the stand-in remembers of one patient."""

    slots: dict[str, Any] = field(default_factory=dict)
    form: str | None = None
    asked: str | None = None  # the slot that the form waits for
    last_said: str = ""
    said: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # by response: so that wordings vary
    turns: dict[str, TurnResult] = field(default_factory=dict)


class StandInRasa:
    """`means`: by sentence, in small letters."""

    def __init__(self, library: Library, means: Mapping[str, Meaning]) -> None:
        self._library = library
        self._means = means
        self._rules = [rule for rule in map(_rule, library.rules) if rule]
        self._intents = {intent for rule in self._rules for intent in rule.intents}
        self._domain = {"forms": library.forms, "slots": library.slots, "responses": library.responses}
        self._talks: dict[str, Talk] = defaultdict(Talk)
        self.not_understood: list[str] = []

    async def ready(self) -> bool:
        return True

    async def swap(self, path: str) -> None:
        """There is no model to put in its place."""

    async def forget(self, sender: str) -> None:
        self._talks.pop(sender, None)

    async def parse(self, texts: Sequence[str]) -> list[Parse]:
        return [self._parse(self._understood(text)) for text in texts]

    async def converse(self, turn: Turn) -> TurnResult:
        talk = self._talks[turn.sender]
        if again := talk.turns.get(turn.message_id):
            return again.model_copy(update={"repeat": True})
        self._prepare(talk, turn)
        meaning = self._meaning(talk, turn)
        replies = list(self._replies(talk, turn, meaning))
        result = TurnResult(
            parse=self._parse(meaning) if turn.text is not None else None,
            replies=replies,
            asks=f"{talk.form}.{talk.asked}" if talk.form and talk.asked else None,
        )
        talk.last_said = replies[-1].response or "" if replies else ""
        talk.turns = {turn.message_id: result}  # the last one is enough: a repeat follows at once
        return result

    def _prepare(self, talk: Talk, turn: Turn) -> None:
        """The app's state is the truth."""
        talk.slots |= turn.slots
        form = turn.form
        if not form.set:
            return
        if form.name is None:
            talk.form = talk.asked = None
            return
        talk.slots |= form.slots
        if talk.form != form.name:
            talk.form, talk.asked = form.name, None
        asked_form, _, asked_slot = (turn.asks or "").partition(".")
        talk.asked = form.asks or talk.asked or (asked_slot if asked_form == form.name else None) or self._next(talk)

    def _meaning(self, talk: Talk, turn: Turn) -> Meaning:
        if turn.intent:
            return Meaning(turn.intent)
        said = self._understood(turn.text or "")
        if talk.form and turn.answer and (turn.answer == "shaped" or said.intent == NOT_UNDERSTOOD):
            return Meaning(INFORM, said.beliefs, said.risks)
        if said.intent == NOT_UNDERSTOOD:
            self.not_understood.append(turn.text or "")
        return said

    def _understood(self, text: str) -> Meaning:
        """Also the words that are named as their intent: skip, back, stop, why."""
        words = text.lower()
        return self._means.get(words) or Meaning(words if words in self._intents else NOT_UNDERSTOOD)

    # What is said

    def _replies(self, talk: Talk, turn: Turn, meaning: Meaning) -> Iterator[Reply]:
        if talk.form and self._is_answer(talk, turn, meaning):
            yield from self._answer(talk, turn)
            return
        rule = self._rule_for(talk, meaning.intent)
        if rule is None:
            yield self._reply(talk, "utter_default")
            return
        asked_again = False
        for action in rule.actions:
            asked_again = asked_again or action in (*self._library.forms, "action_deactivate_loop")
            yield from self._act(talk, turn, action)
        if talk.form and not rule.form and not asked_again:  # a question in between: the form goes on
            yield from self._ask(talk)

    def _is_answer(self, talk: Talk, turn: Turn, meaning: Meaning) -> bool:
        if turn.text is None or not talk.asked:
            return False
        return meaning.intent == INFORM or meaning.intent not in self._ignored(talk.form)

    def _ignored(self, form: str | None) -> Sequence[str]:
        declared: Any = self._library.forms.get(form or "", {}).get("ignored_intents") or ()
        return [declared] if isinstance(declared, str) else list(declared)

    def _rule_for(self, talk: Talk, intent: str) -> "Rule | None":
        fits = [rule for rule in self._rules if intent in rule.intents and rule.fits(talk)]
        return max(fits, key=lambda rule: (bool(rule.after), rule.form is not None), default=None)

    def _act(self, talk: Talk, turn: Turn, action: str) -> Iterator[Reply]:
        if action in self._library.responses:
            yield self._reply(talk, action)
        elif action == "action_deactivate_loop":
            talk.form = talk.asked = None
        elif action in OF_RASA:
            yield from self._of_rasa(talk, turn, OF_RASA[action])
        elif action in self._library.forms:
            if talk.form != action:
                yield from self._open(talk, turn, action)
            else:
                talk.asked = self._next(talk)
                yield from self._ask(talk)

    def _of_rasa(self, talk: Talk, turn: Turn, what: str) -> Iterator[Reply]:
        form = self._form(talk, turn) if talk.form else None
        if form is None:
            yield self._reply(talk, {"back": "utter_nothing_to_go_back_to", "skip": "utter_nothing_to_skip"}.get(
                what, "utter_why_nothing"))  # fmt: skip
            return
        if what == "why":
            known = self._library.has(f"utter_why_{form.asked}")
            yield self._reply(talk, f"utter_why_{form.asked}" if known else "utter_why_default")
        elif what == "back" and not form.back(form.asked):
            yield self._reply(talk, "utter_cannot_go_back")
        elif what == "skip" and not form.skip(form.asked or ""):
            yield self._reply(talk, "utter_cannot_skip")
        self._keep(talk, form)
        talk.asked = self._next(talk)
        if talk.asked is None:
            yield from self._go_on(talk, turn)

    # Forms

    def _open(self, talk: Talk, turn: Turn, name: str) -> Iterator[Reply]:
        say = CollectingDispatcher()
        form = self._form(talk, turn, name, opened=True)
        form.open(say)
        talk.form = name
        self._keep(talk, form)
        yield from self._collected(talk, say)
        yield from self._go_on(talk, turn)

    def _answer(self, talk: Talk, turn: Turn) -> Iterator[Reply]:
        say = CollectingDispatcher()
        form = self._form(talk, turn)
        form.answer(talk.asked or "", turn.text, say)
        ended = self._keep(talk, form)
        yield from self._collected(talk, say)
        yield from self._go_on(talk, turn, ended=ended)

    def _go_on(self, talk: Talk, turn: Turn, *, ended: bool = False) -> Iterator[Reply]:
        talk.asked = None if ended else self._next(talk)
        if talk.asked:
            yield from self._ask(talk)
            return
        name, talk.form = talk.form, None
        for rule in self._rules:
            if rule.form == name and rule.is_end:
                for action in rule.actions:
                    yield from self._act(talk, turn, action)

    def _ask(self, talk: Talk) -> Iterator[Reply]:
        names = (f"utter_ask_{talk.form}_{talk.asked}", f"utter_ask_{talk.asked}")
        yield from (self._reply(talk, name) for name in [each for each in names if self._library.has(each)][:1])

    def _next(self, talk: Talk) -> str | None:
        required = self._library.forms.get(talk.form or "", {}).get("required_slots") or ()
        return next((slot for slot in required if talk.slots.get(slot) is None), None)

    def _form(self, talk: Talk, turn: Turn, name: str | None = None, *, opened: bool = False) -> Form:
        entities = [{"entity": entity, "value": value} for entity, value in turn.entities.items()]
        tracker = Tracker(
            turn.sender, {**talk.slots, REQUESTED: talk.asked}, {"entities": entities}, [{"event": "user"}], False, None,
            {} if opened else {"name": talk.form}, None,
        )  # fmt: skip
        return Form(name or talk.form or "", tracker, self._domain, self._library.number)

    def _keep(self, talk: Talk, form: Form) -> bool:
        """True when an answer ended the form."""
        events = form.events()
        talk.slots |= {each["name"]: each["value"] for each in events if each["name"] != REQUESTED}
        return any(each["name"] == REQUESTED for each in events)

    def _collected(self, talk: Talk, say: CollectingDispatcher) -> Iterator[Reply]:
        for message in say.messages:
            more = {name: value for name, value in message.items() if name not in ("response", "template")}
            yield self._reply(talk, str(message["response"]), **more)

    # Words

    def _reply(self, talk: Talk, response: str, **more: Any) -> Reply:
        values = {**dict.fromkeys(self._library.slots), **talk.slots, **more}
        words = self._library.say(response, variation=talk.said[response], **values)
        talk.said[response] += 1
        custom = {
            key: PLACEHOLDER.sub(lambda match: str(values.get(match[1])), value) if isinstance(value, str) else value
            for key, value in words.custom.items()
        }
        buttons = [ReplyButton(title=choice.label, payload=choice.says) for choice in words.choices]
        return Reply(response=response, text=words.text, buttons=buttons, custom=custom)

    def _parse(self, meaning: Meaning) -> Parse:
        intent = Intent(name=meaning.intent, confidence=0.95)
        return Parse(
            intent=intent,
            ranking=[intent],
            beliefs=[Label(id=name, confidence=score) for name, score in meaning.beliefs.items()],
            risks=[Label(id=name, confidence=score) for name, score in meaning.risks.items()],
            model="stand-in",
        )


@dataclass(frozen=True)
class Rule:
    """One rule of dialogues/. `form`: it holds only in this one; `after`: only after this response."""

    intents: tuple[str, ...]
    actions: tuple[str, ...]
    form: str | None
    outside_forms: bool
    after: str
    is_end: bool  # of the form: no message is needed

    def fits(self, talk: Talk) -> bool:
        if self.after and talk.last_said != self.after:
            return False
        if self.outside_forms and talk.form:
            return False
        return self.form is None or self.form == talk.form


def _rule(declared: Mapping[str, Any]) -> Rule | None:
    """None for a rule that looks back over several messages."""
    loops = [each["active_loop"] for each in declared.get("condition") or () if "active_loop" in each]
    steps: list[Mapping[str, Any]] = list(declared["steps"])
    after = ""
    if len(steps) > 1 and "action" in steps[0] and ("intent" in steps[1] or "or" in steps[1]):
        after, steps = steps[0]["action"], steps[1:]
    named = _intents(steps[0])
    if sum(bool(_intents(step)) for step in steps) > 1:
        return None
    form = next((str(loop) for loop in loops if loop), None)
    is_end = not named and form is not None and steps[0].get("action") == form
    actions = tuple(str(step["action"]) for step in (steps[1:] if named or is_end else steps) if "action" in step)
    return Rule(named, actions, form, None in loops, after, is_end)


def _intents(step: Mapping[str, Any]) -> tuple[str, ...]:
    steps = step.get("or") or [step]
    return tuple(str(each["intent"]) for each in steps if "intent" in each)
