"""Do patients read what they can understand, in words that do no harm?"""

import re
import warnings
from collections.abc import Iterator
from typing import Any

from bot.content_checks.sources import Problem, Source, Sources

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it still asks setuptools for its data file
    import textstat

SENTENCE = re.compile(r"[.!?:]+(?:\s|$)|\n+")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
FOR_STAFF = ("physio.yml", "physio_at_risk.yml", "physio_talking.yml")
FIXED = (
    "messages.yml",
    "question_texts.yml",
    "medicines.yml",
)  # safety texts: their lists of signs and numbers are approved as they are
FEWEST_WORDS_TO_GRADE = 60  # the formula means nothing on a few words


def check(sources: Sources) -> Iterator[Problem]:
    rules = sources.protocol.get("wording")
    if rules is None:
        yield Problem(sources.shown("protocol"), 1, "wording.yml is missing: it says how the coach may talk")
        return
    by_file: dict[Source, list[str]] = {}
    for name, (variations, source) in sources.responses.items():
        if source.path.name in FOR_STAFF:
            continue
        for variation in variations:
            text = str(variation.get("text", ""))
            by_file.setdefault(source, []).append(text)
            yield from _terms(source, name, text, rules.content)
            yield from _lengths(source, name, text, rules.content)
            yield from _buttons(source, name, variation, rules.content)
    for source, texts in by_file.items():
        yield from _grade(source, texts, rules.content)


def _terms(source: Source, name: str, text: str, rules: dict[str, Any]) -> Iterator[Problem]:
    avoid = list(rules["avoid"])
    if name.startswith("utter_belief_b"):
        avoid += rules["avoid_in_belief_replies"]
    for entry in avoid:
        if re.search(rf"\b{re.escape(entry['term'])}\b", text.replace("’", "'"), re.IGNORECASE):
            yield source.problem(name, f"{name} says {entry['term']!r} ({entry['why']}): {entry['instead']}")


def _lengths(source: Source, name: str, text: str, rules: dict[str, Any]) -> Iterator[Problem]:
    if source.path.name in FIXED:
        return
    words = len(WORD.findall(text))
    limit = "most_words_in_belief_replies" if name.startswith("utter_belief_b") else "most_words"
    most = rules[limit]["value"]
    if words > most:
        yield source.problem(name, f"{name} has {words} words: at most {most}")
    sentences = [len(WORD.findall(each)) for each in SENTENCE.split(text) if WORD.search(each)]
    longest = rules["longest_sentence"]["value"]
    if sentences and max(sentences) > longest:
        yield source.problem(name, f"{name} has a sentence of {max(sentences)} words: at most {longest}")
    mean = rules["most_words_a_sentence"]["value"]
    if sentences and sum(sentences) / len(sentences) > mean:
        average = sum(sentences) / len(sentences)
        yield source.problem(name, f"{name} has sentences of {average:.0f} words on average: at most {mean}")


def _buttons(source: Source, name: str, variation: dict[str, Any], rules: dict[str, Any]) -> Iterator[Problem]:
    for button in variation.get("buttons") or []:
        label = str(button.get("title", ""))
        if not label.strip():
            yield source.problem(name, f"{name} has a button without a label")
        if len(label) > rules["longest_label"]["value"]:
            yield source.problem(
                name,
                f"{name}: the button {label!r} has {len(label)} characters: at most {rules['longest_label']['value']}",
            )
        if "payload" not in button:
            yield source.problem(name, f"{name}: the button {label!r} has no payload: what does the tap say?")


def _grade(source: Source, texts: list[str], rules: dict[str, Any]) -> Iterator[Problem]:
    together = " ".join(re.sub(r"\{\w+\}", "it", " ".join(text.split())).rstrip(".!? ") + "." for text in texts if text)
    if len(WORD.findall(together)) < FEWEST_WORDS_TO_GRADE:
        return
    grade = textstat.flesch_kincaid_grade(together)
    highest = rules["highest_grade"]["value"]
    if grade > highest:
        yield Problem(source.path, 1, f"reads at grade {grade:.1f}: at most {highest}; use shorter words and sentences")
