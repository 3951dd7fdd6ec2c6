"""CheckList-style: a variation without meaning changes no finding (invariance); one with meaning does (direction).

The bases are the phrasings of the catalogue. Each suite bounds its failure rate.
"""

import random
from collections.abc import Callable

import pytest

from tests.unit.screened import action
from tests.unit.test_screening_catalogue import MUST_FIRE

MOST_INVARIANCE_FAILURES = 0.02
MOST_DIRECTION_FAILURES = 0.05
BASES = [(risk, text) for risk, text, _action, _severity in MUST_FIRE]


def swapped(text: str) -> str:
    """One slip: two letters in the middle of the longest word change places."""
    words = text.split(" ")
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    word = words[longest]
    middle = len(word) // 2
    words[longest] = (
        word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :] if len(word) > 6 else word
    )
    return " ".join(words)


def doubled(text: str) -> str:
    """A letter of the longest word is typed three times."""
    words = text.split(" ")
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    middle = len(words[longest]) // 2
    words[longest] = words[longest][:middle] + words[longest][middle] * 2 + words[longest][middle:]
    return " ".join(words)


def dictated(text: str) -> str:
    """No punctuation, no capitals, and the filling of spoken words."""
    return "um " + text.lower().replace(",", "").replace(".", "").replace("?", "").replace("!", "")


INVARIANT: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "curly quotes": lambda text: text.replace("'", "’"),
    "no apostrophes": lambda text: text.replace("'", ""),
    "emoji at the end": lambda text: text + " 😩😩",
    "emoji before": lambda text: "😭 " + text,
    "a full stop": lambda text: text + ".",
    "exclamations": lambda text: text + "!!!",
    "zero-width spaces": lambda text: text.replace("e", "e\u200b"),
    "more spaces": lambda text: text.replace(" ", "  "),
    "new lines": lambda text: "hi\n" + text,
    "a greeting": lambda text: "hi there, " + text,
    "thanks": lambda text: text + ", thanks",
    "good news first": lambda text: "did my walk today, really pleased. " + text,
    "another matter after": lambda text: text + ". can we move tomorrow's check-in to the evening",
    "dictation": dictated,
    "three letters for one": doubled,
    "two letters changed round": swapped,
}

OTHER_MEANING: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "denied": (
        lambda words: f"I have no {words}",
        [
            "numbness down below",
            "chest pain",
            "weakness in my legs",
            "trouble weeing",
            "saddle numbness",
            "thoughts of suicide",
            "numbness between my legs",
            "tingling in my privates",
            "chest tightness",
        ],
    ),
    "asked about": (
        lambda words: f"what causes {words}?",
        [
            "numbness down below",
            "chest pain",
            "leg weakness",
            "foot drop",
            "cauda equina",
            "saddle numbness",
            "suicidal thoughts",
            "a swollen calf",
            "face drooping",
        ],
    ),
    "feared for one day": (
        lambda words: f"if I ever get {words} what do I do",
        [
            "numbness down below",
            "chest pain",
            "leg weakness",
            "foot drop",
            "trouble weeing",
            "a hot swollen calf",
            "a drooping face",
        ],
    ),
    "somebody's past": (
        lambda words: f"my nan had {words} years ago",
        [
            "numbness down below",
            "chest pain",
            "a weak leg",
            "foot drop",
            "trouble weeing",
            "a fit",
            "an aneurysm",
            "a stroke",
        ],
    ),
    "warned of": (
        lambda words: f"the leaflet says to look out for {words}",
        ["numbness down below", "chest pain", "a weak leg", "foot drop", "trouble weeing", "a drooping face"],
    ),
}


@pytest.mark.parametrize("variation", INVARIANT)
def test_a_variation_without_meaning_changes_nothing(variation: str) -> None:
    vary = INVARIANT[variation]
    rank = {"silent": 0, "other": 0, "ask": 1, "advise": 2}

    lost = [(risk, vary(text)) for risk, text in BASES if rank[action(vary(text), risk)] < rank[action(text, risk)]]

    assert len(lost) / len(BASES) <= MOST_INVARIANCE_FAILURES, lost


@pytest.mark.parametrize("meaning", OTHER_MEANING)
def test_a_variation_with_another_meaning_gets_no_advice(meaning: str) -> None:
    frame, symptoms = OTHER_MEANING[meaning]

    alarmed = [frame(symptom) for symptom in symptoms if action(frame(symptom)) == "advise"]

    assert len(alarmed) / len(symptoms) <= MOST_DIRECTION_FAILURES, alarmed


def test_a_flag_is_found_in_a_long_story() -> None:
    story = "So I went to my sister's on Sunday and we had a lovely lunch and I did the washing up which was fine. " * 4
    chooser = random.Random(7)
    bases = chooser.sample(BASES, 60)

    lost = [
        (risk, text)
        for risk, text in bases
        if action(story + text + ". " + story, risk) == "silent" != action(text, risk)
    ]

    assert lost == []
