"""Validates the answers of every form by what its slots declare in dialogues/; no form needs code of its own.

A slot's mapping may say (all but `kind` optional):
  kind, min, max, max_chars, options   what counts as an answer (bot/coaching/answers.py); a limit is a number,
                                       {protocol: goal.most_minutes} or {slot: goal_start_minutes}
  allowed: [values]                    other values of the kind are not accepted here
  vague: [words]                       answers that say nothing, refused like unreadable ones
  or_words: {value: [words]}           an answer beside those of the kind
  among: {slot: s, refuses: utter_…}   while s holds words ("chair; pedals"), the answer must name one of them
  gives_way_to: [intents]              an answer in own words that means one of these is none (nlu/hearing.py)
  optional, skip_words: [words]        may be skipped, and these words skip it
  asked_when: {slot: s}                asked only when s was answered; with `is: value` or `below: limit`, only then;
                                       with `is_not: [values]`, unless it is one of them
  unreadable, too_low, too_high        responses that refuse; else utter_cannot_read_<kind>, utter_too_low, …
  says: response, list or {value: …}   said when the answer is accepted
  empties: {value: [slots]}            these are asked again
  also_sets: {slot: {share: limit}}    a share of the answer, in whole numbers, to be shown
  ends_form: [values]                  the form ends with this answer
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.coaching import answers
from bot.coaching.answers import SKIPPED, Number, Spec, Value

Domain = dict[str, Any]
REQUESTED = "requested_slot"


class Form:
    """One form in one turn: what is declared, what is filled, and what changes."""

    def __init__(self, name: str, tracker: Tracker, domain: Domain, number: Number) -> None:
        self.name = name
        self.required: list[str] = list((domain.get("forms") or {}).get(name, {}).get("required_slots") or ())
        self._slots = domain.get("slots") or {}
        self._responses = domain.get("responses") or {}
        self._tracker = tracker
        self._number = number
        self._changed: dict[str, Value | None] = {}
        self._ended = False

    @property
    def asked(self) -> str | None:
        asked: str | None = self._tracker.slots.get(REQUESTED)
        return asked if asked in self.required else None

    def spec(self, slot: str) -> Spec:
        """What the slot declares: the mapping for this form, or one for any."""
        for mapping in self._slots.get(slot, {}).get("mappings") or ():
            loops = {condition.get("active_loop") for condition in mapping.get("conditions") or ()}
            if "kind" in mapping and (not loops or self.name in loops):
                return dict(mapping)
        return {}

    def value(self, slot: str) -> Any:
        return self._changed[slot] if slot in self._changed else self._tracker.slots.get(slot)

    def just_opened(self) -> bool:
        if (self._tracker.active_loop or {}).get("name") != self.name:
            return True
        for event in reversed(self._tracker.events):
            if event["event"] == "user":
                return False
            if event["event"] == "active_loop" and event.get("name") == self.name:
                return True
        return False

    def open(self, say: CollectingDispatcher) -> None:
        """Empties every slot, then takes what the message itself brought as an entity (an invitation link's code).

        Rasa would find last time's answers in the slots and take them without asking.
        """
        for slot in self.required:
            self._set(slot, None)
            for other in self.spec(slot).get("also_sets") or ():
                self._set(other, None)
        for slot in self.required:
            if self.spec(slot).get("asked_when", {}).get("slot") not in (None, *self.required):
                self._ask_or_leave_out(slot)
        for slot, brought in self._brought():
            if self.value(slot) is None:
                self.answer(slot, brought, say)

    def answer(self, slot: str, given: Any, say: CollectingDispatcher) -> None:
        """Takes the answer in its canonical form, or refuses it in words and leaves the slot empty."""
        spec = self.spec(slot)
        if given is None or not spec:
            self._set(slot, given)
            return
        if spec.get("optional") and (given == SKIPPED or answers.is_one_of(spec.get("skip_words"), str(given))):
            self.skip(slot)
            return
        bounds = self._limits(spec)
        found, refusal = self._judged(spec, str(given), bounds)
        if refusal:
            self._set(slot, None)
            say.utter_message(response=refusal, **bounds, value=found)
            if self._refused_before(slot):
                self._say_if_there(say, "utter_stuck")
            return
        self._accept(slot, spec, found, say)

    def skip(self, slot: str) -> bool:
        spec = self.spec(slot)
        if not spec.get("optional"):
            return False
        self._set(slot, SKIPPED)
        self._ended = self._ended or SKIPPED in (spec.get("ends_form") or ())
        return True

    def back(self, slot: str | None) -> bool:
        """Empties the answer before this question; False at the first one."""
        before = self.required[: self.required.index(slot)] if slot in self.required else []
        for earlier in reversed(before):
            if self.value(earlier) is not None and self._applies(earlier):
                self._set(earlier, None)
                return True
        return False

    def events(self) -> list[EventType]:
        """The slots that changed, and the end of the form when an answer ended it."""
        changed = [SlotSet(slot, value) for slot, value in self._changed.items()]
        return [*changed, SlotSet(REQUESTED, None)] if self._ended else changed

    def _judged(self, spec: Spec, given: str, bounds: Mapping[str, int | float]) -> tuple[Value | None, str | None]:
        """The value, and the name of the response that refuses it when it can't be used."""
        kind = spec.get("kind", "text")
        found = None if answers.is_one_of(spec.get("vague"), given) else answers.find(spec, given)
        if found is None or ("allowed" in spec and found not in spec["allowed"]):
            return found, str(spec.get("unreadable") or f"utter_cannot_read_{kind}")
        if refusal := self._not_among(spec.get("among"), str(found)):
            return found, refusal
        if found in (spec.get("or_words") or {}):
            return found, None
        if isinstance(found, str):
            too_long = len(found) > float(bounds.get("max_chars", len(found)))
            return found, str(spec.get("too_long") or "utter_too_long_answer") if too_long else None
        if found < bounds.get("min", found):
            return found, str(spec.get("too_low") or "utter_too_low")
        if found > bounds.get("max", found):
            return found, str(spec.get("too_high") or "utter_too_high")
        return found, None

    def _not_among(self, among: Mapping[str, str] | None, found: str) -> str | None:
        """The response that refuses an answer in which none of the allowed words stands."""
        allowed = self._tracker.slots.get(among["slot"]) if among else None
        if among is None or not allowed:
            return None
        words = (re.escape(word) for word in str(allowed).split("; "))
        return None if re.search(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", found.lower()) else among["refuses"]

    def _accept(self, slot: str, spec: Spec, value: Value | None, say: CollectingDispatcher) -> None:
        self._set(slot, value)
        for other, rule in (spec.get("also_sets") or {}).items():
            share = self._limit(rule["share"])
            if share is not None and isinstance(value, int | float):
                self._set(other, max(1, int(value * share)))
        for response in _responses(spec.get("says"), value):
            say.utter_message(response=response, **{slot: value})  # the tracker still holds the raw words
        for other in (spec.get("empties") or {}).get(value) or ():
            self._set(other, None)
        self._ended = self._ended or value in (spec.get("ends_form") or ())

    def _set(self, slot: str, value: Value | None) -> None:
        self._changed[slot] = value
        for other in self.required:
            if self.spec(other).get("asked_when", {}).get("slot") == slot:
                self._ask_or_leave_out(other)

    def _ask_or_leave_out(self, slot: str) -> None:
        """A question that does not apply counts as skipped, so that Rasa's form passes over it."""
        self._set(slot, None if self._applies(slot) else SKIPPED)

    def _applies(self, slot: str) -> bool:
        """True also while the answer it depends on is still to come."""
        when = self.spec(slot).get("asked_when")
        if not when:
            return True
        value = self.value(when["slot"])
        if "is_not" in when:
            return value not in when["is_not"]
        if value is None:
            return when["slot"] in self.required
        if "is" in when:
            return bool(value == when["is"])
        if "below" in when:
            limit = self._limit(when["below"])
            return isinstance(value, int | float) and limit is not None and value < limit
        return bool(value != SKIPPED)

    def _limits(self, spec: Spec) -> dict[str, int | float]:
        named = {name: self._limit(spec[name]) for name in ("min", "max", "max_chars") if name in spec}
        known = {name: limit for name, limit in named.items() if limit is not None}
        return ({"min": 0, "max": 10} | known) if spec.get("kind") == "scale" else known

    def _limit(self, declared: Any) -> int | float | None:
        if isinstance(declared, Mapping):
            declared = self.value(declared["slot"]) if "slot" in declared else self._number(declared["protocol"])
        if not isinstance(declared, int | float):
            return None
        return int(declared) if float(declared).is_integer() else float(declared)

    def _brought(self) -> Iterator[tuple[str, Any]]:
        entities = {found["entity"]: found.get("value") for found in self._tracker.latest_message.get("entities") or ()}
        for slot in self.required:
            for mapping in self._slots.get(slot, {}).get("mappings") or ():
                if mapping.get("type") == "from_entity" and mapping.get("entity") in entities:
                    yield slot, entities[mapping["entity"]]

    def _refused_before(self, slot: str) -> bool:
        """True when the message before this one was refused as an answer to the same question."""
        messages = 0
        refused = False
        for event in reversed(self._tracker.events):
            if event["event"] == "user":
                messages += 1
                if messages == 2:
                    return refused
            elif messages == 1 and event["event"] == "active_loop":
                return False  # opening the form empties its slots too
            elif messages == 1 and event["event"] == "slot" and event["name"] == slot:
                refused = refused or event["value"] is None
        return False

    def _say_if_there(self, say: CollectingDispatcher, response: str) -> None:
        if response in self._responses:
            say.utter_message(response=response)


def _responses(says: Any, value: Value | None) -> list[str]:
    if isinstance(says, Mapping):
        says = says.get(value)
    return [says] if isinstance(says, str) else list(says or ())
