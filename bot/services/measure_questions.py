"""A questionnaire's questions as messages, and what can be read from an answer without Rasa."""

from dataclasses import replace
from typing import Any

from bot.coaching import answers
from bot.coaching.amounts import numbers
from bot.coaching.instruments import TICKS, Item, Measure
from bot.coaching.sittings import item_before, progress
from bot.content import Choice, Library, Words, fill
from bot.errors import EffectRefused
from data.measures import Sitting

TICKED, OPEN_BOX = "☑", "☐"
FEW = 2  # questions: nobody needs to be told how many are left
OFFER = "offer"  # stands for the item in `asks` while the patient is only told of a questionnaire


def asks_of(sitting: Sitting, item: str | None = None) -> str | None:
    """What buttons are bound to: "measure.12.worrying", "measure.12.offer"."""
    asked = item or sitting.asks
    return f"measure.{sitting.id}.{asked}" if asked else None


def sitting_of(asks: str | None) -> tuple[int, str] | None:
    """The number of the sitting and the item that a button is bound to; None for the buttons of others."""
    kind, _, rest = (asks or "").partition(".")
    number, _, item = rest.partition(".")
    return (int(number), item) if kind == "measure" and number.isdecimal() else None


class MeasureQuestions:
    def __init__(self, library: Library) -> None:
        self._library = library

    # What is asked

    def question(self, measure: Measure, sitting: Sitting) -> list[Words]:
        """The question being asked, with its buttons; empty when nothing is."""
        if sitting.asks is None:
            return []
        if sitting.asks == TICKS:
            return [self._ticks(measure, sitting)]
        item = measure.items[sitting.asks]
        number, of = progress(measure, sitting.asks, sitting.answers)
        parts = [measure.stem, fill(item.text, sitting.answers)]
        if of > FEW and item.kind != "words":
            parts.append(self._library.say("utter_measure_progress", number=number, of=of).text)
        words = self._library.say(_response(measure, sitting.asks), question="\n\n".join(filter(None, parts)))
        first = item_before(measure, sitting.asks, sitting.answers) is None
        choices = [each for each in words.choices if not (first and each.says == "back")]
        return [replace(words, choices=(*self._options(measure, sitting.asks, item), *choices))]

    def _options(self, measure: Measure, key: str, item: Item) -> list[Choice]:
        match item.kind:
            case "scale":
                labels = [str(number) for number in range(item.least, item.most + 1)]
            case "minutes":
                labels = [str(number) for number in item.suggests]
            case "choice":
                labels = [option.label for option in measure.options_of(key)]
            case _:
                labels = []
        return [Choice(label, says=label) for label in labels]

    def _ticks(self, measure: Measure, sitting: Sitting) -> Words:
        """All statements on one message; the same buttons stay under it, and their boxes change in place."""
        boxes = {key: TICKED if sitting.answers.get(key) else OPEN_BOX for key in measure.items}
        lines = [f"{boxes[key]} {key}. {item.text}" for key, item in measure.items.items()]
        words = self._library.say("utter_measure_ticks", question="\n".join([measure.stem, "", *lines]))
        ticks = [
            Choice(f"{TICKED}{key}" if sitting.answers.get(key) else key, says=key, effect={"tick": key})
            for key in measure.items
        ]
        return replace(words, choices=(*ticks, *words.choices))

    # What is answered

    def said(self, measure: Measure, key: str, text: str) -> str:
        """What a button or a typed word stands for: start, later, back, skip, skip_all, done, none; else the text."""
        names = ("start", "later", "skip_all") if key == OFFER else ("later", "back", *_own(measure, key))
        buttons = () if key == OFFER else self._library.say(_response(measure, key), question="").choices
        pressed = next((each.says for each in buttons if answers.is_one_of([each.label, each.says], text)), None)
        if pressed:
            return pressed
        for name in names:
            if answers.is_one_of(self._library.value(f"measures.says.{name}"), text):
                return "skip" if name == "no_more" else name
        return text

    def read(self, measure: Measure, key: str, text: str) -> Any:
        """The answer as it is kept; None when the text is none. Raises EffectRefused for one outside the limits."""
        if key == TICKS:
            return self._read_ticks(measure, text)
        item = measure.items[key]
        if item.kind == "choice":
            options = {option.label: option.value for option in measure.options_of(key)}
            return next((value for label, value in options.items() if answers.is_one_of([label], text)), None)
        if item.kind == "words":
            return None  # a danger may be in the patient's own words: the model hears them first
        value = answers.read({"kind": item.kind}, text)
        if value is None and answers.read({"kind": "number"}, text) is None:
            return None
        if not isinstance(value, int) or not item.least <= value <= item.most:
            raise EffectRefused("utter_measure_out_of_range", least=item.least, most=item.most)
        return value

    def _read_ticks(self, measure: Measure, text: str) -> list[str] | None:
        """ "3, 7 and 12": the numbers of statements; None when anything else is said."""
        found = [str(each.value) for each in numbers(text)]
        rest = "".join(char for char in text.casefold().replace("and", "") if char.isalpha())
        return found if found and not rest and set(found) <= set(measure.items) else None


def _own(measure: Measure, key: str) -> tuple[str, ...]:
    if key == TICKS:
        return "done", "none"
    if measure.items[key].kind == "words":
        return "no_more", "skip"
    return ("skip",)


def _response(measure: Measure, key: str) -> str:
    if key == TICKS:
        return "utter_measure_ticks"
    item = measure.items[key]
    if item.kind != "words":
        return "utter_measure_question"
    return "utter_measure_naming_more" if item.when else "utter_measure_naming"
