"""However it is typed, the same words are read."""

import pytest

from bot.coaching.normalising import tokens
from tests.unit.screened import action, rules


def read(text: str) -> str:
    return " ".join(tokens(text, rules().spelling))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("CAN’T FEEL", "can't feel"),
        ("cant feel", "can't feel"),
        ("cannot feel", "can't feel"),
        ("can not feel", "can't feel"),
        ("cannae feel", "can't feel"),
        ("ca\u200bn't f\u00ade\u202eel", "can't feel"),
        ("númb", "numb"),
        ("ｎｕｍｂ", "numb"),
        ("nummmmmb", "numb"),
        ("n u m b", "numb"),
        ("n.u.m.b", "numb"),
        ("su1c1dal", "suicidal"),
        ("suic!dal", "suicidal"),
        ("suicdal", "suicidal"),
        ("paracetemol", "paracetamol"),
        ("tingilng", "tingling"),
        ("numb😭", "numb 😭"),
        ("i\u0301m numb", "i 'm numb"),
        ("t'right leg", "the right leg"),
        ("me back", "my back"),
        ("kms", "kill myself"),
        ("12paracetamol", "12 paracetamol"),
        ("nuмb", "numb"),
    ],
)
def test_many_ways_of_typing_are_read_as_one(typed: str, expected: str) -> None:
    assert read(typed) == expected


@pytest.mark.parametrize(
    "word",
    [
        "chest",
        "wife",
        "better",
        "feeling",
        "going",
        "letter",
        "button",
        "single",
        "towels",
        "hopes",
        "stairs",
        "private",
        "grain",
        "cancel",
        "number",
        "wiped",
        "table",
        "shopping",
        "tapping",
    ],
)
def test_a_real_word_is_not_taken_for_a_slip_of_another(word: str) -> None:
    assert read(word) == word


def test_letters_that_spell_no_known_word_are_left_alone() -> None:
    assert read("u r a star") == "your a star" or read("u r a star") == "you are a star"


def test_endings_stand_apart() -> None:
    assert read("she's numb, it's gone") == "she 's numb , it 's gone"


@pytest.mark.parametrize(
    "text",
    [
        "I CAN’T FEEL WHEN I WIPE!!!",
        "i cant feel wen i wipe",
        "icant feel it when i wipe",
        "I can\u2019t fe\u200bel it when I wipe",
        "I can't feeeel it when I wipe",
        "i can t feel it when i wipe",
        "I can't f e e l it when I wipe",
        "um so like I can't really feel it when I wipe",
        "cannae feel it when ah wipe",
        "can't feel it when i wiep",
    ],
)
def test_saddle_numbness_is_heard_however_it_is_typed(text: str) -> None:
    assert action(text, "RF01") == "advise"


@pytest.mark.parametrize("text", ["", " ", "\n", "!!!", "😭😭", "\u200b\u200b", "'", "''''", "999", "a", "\ud800"])
def test_next_to_nothing_is_silent(text: str) -> None:
    assert action(text) == "silent"
