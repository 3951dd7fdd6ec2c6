"""The behavioural suites: their statements are whole, a change of words is what its name says, failures are counted."""

from __future__ import annotations

import re
from collections import Counter
from typing import Dict, FrozenSet, List

import pytest

from nlu.evaluation import suites, wording
from nlu.evaluation.figures import EMERGENCIES
from nlu.evaluation.lines import ROOT

LABELS = [f"B{number:02}" for number in range(1, 17)] + [f"RF{number:02}" for number in range(1, 20)]
VARIANTS = {"negated", "past", "other_person", "question", "idiom", "dialect", "voice_typing", "mixed_good_news"}
ONLY = {"RF13": {"conditional"}, "RF15": {"recent"}}
WRITTEN = suites.statements()
CASES = suites.cases(WRITTEN)
PLAIN = [each["plain"] for each in WRITTEN]


def ideal() -> Dict[str, FrozenSet[str]]:
    """What a coach that makes no mistake hears in each text."""
    heard = {each["plain"]: frozenset({each["label"]}) for each in WRITTEN}
    heard.update({case.text: frozenset({case.label} if case.is_wanted else ()) for case in CASES})
    return heard


def perfect(texts: List[str]) -> List[FrozenSet[str]]:
    meant = ideal()
    return [meant[text] for text in texts]


def broken(texts: List[str]) -> List[FrozenSet[str]]:
    """Hears plain statements, loses them however they are changed, and hears what isn't meant."""
    every = frozenset(LABELS)
    return [heard if text in PLAIN else every - heard for text, heard in zip(texts, perfect(texts), strict=True)]


def silent(texts: List[str]) -> List[FrozenSet[str]]:
    return [frozenset() for _ in texts]


def words(text: str) -> List[str]:
    return re.findall(r"[^\W_]+", text.lower())


def normalised(text: str) -> str:
    return " ".join(words(re.sub(r"['’]", "", text)))


def test_every_label_has_two_statements_with_every_variant():
    assert Counter(each["label"] for each in WRITTEN) == dict.fromkeys(LABELS, 2)
    for each in WRITTEN:
        assert set(each) == {"label", "plain"} | VARIANTS | ONLY.get(each["label"], set())
        assert all(text.strip() == text and text for text in each.values())


def test_no_text_is_written_twice():
    texts = Counter(normalised(text) for each in WRITTEN for name, text in each.items() if name != "label")

    assert [text for text, times in texts.items() if times > 1] == []


def test_what_was_dictated_has_no_capitals_and_no_marks():
    dictated = [each["voice_typing"] for each in WRITTEN]

    assert [text for text in dictated if text != text.lower() or re.search(r"[.,!?;]", text)] == []


def test_no_statement_is_taught():
    taught = {
        normalised(re.sub(r"^\s*(-\s+)?(text:)?\s*", "", row))
        for file in (ROOT / "dialogues").rglob("*.yml")
        for row in file.read_text(encoding="utf-8").splitlines()
    }

    copied = [text for each in WRITTEN for name, text in each.items() if name != "label" and normalised(text) in taught]

    assert len(taught) > 1000
    assert copied == []


@pytest.mark.parametrize("name", wording.PERTURBATIONS)
def test_a_perturbation_changes_every_statement_and_each_time_alike(name):
    change = wording.PERTURBATIONS[name]

    once, again = [change(text) for text in PLAIN], [change(text) for text in reversed(PLAIN)]

    assert once == again[::-1]
    assert [text for text, changed in zip(PLAIN, once, strict=True) if text == changed] == []


@pytest.mark.parametrize("name", ["lower_case", "upper_case"])
def test_case_changes_no_letter(name):
    for text in PLAIN:
        assert wording.PERTURBATIONS[name](text).casefold() == text.casefold()


def test_without_punctuation_every_letter_stays():
    for text in PLAIN:
        bare = wording.without_punctuation(text)

        assert re.sub(r"[^\w]", "", bare) == re.sub(r"[^\w]", "", text)
        assert re.search(r"[^\w ]", bare) is None


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("I can't, I won't - so there!", "I cant I wont so there"),
        ("a drip-drip feeling and/or pain", "a drip drip feeling and or pain"),
        ("It's 38.5, since 18:30.", "Its 38.5 since 18:30"),
    ],
)
def test_marks_go_and_numbers_stay(text, bare):
    assert wording.without_punctuation(text) == bare


def test_a_typo_swaps_or_drops_a_letter_in_at_most_two_long_words():
    for text in PLAIN:
        old, new = text.split(), wording.with_typos(text).split()
        changed = [(one, other) for one, other in zip(old, new, strict=True) if one != other]

        assert 1 <= len(changed) <= 2
        for one, other in changed:
            assert len(re.sub(r"\W", "", one)) >= 5
            assert one[0] == other[0]
            assert is_swap(one, other) or is_drop(one, other)


def is_swap(one: str, other: str) -> bool:
    places = [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    return len(one) == len(other) and len(places) == 2 and places[1] == places[0] + 1 and sorted(one) == sorted(other)


def is_drop(one: str, other: str) -> bool:
    return any(one[:place] + one[place + 1 :] == other for place in range(len(one)))


def test_emoji_and_openings_leave_the_statement_as_it_was():
    for text in PLAIN:
        after, before = wording.with_emoji_after(text), wording.with_emoji_before(text)
        opened = wording.with_opening(text)

        assert after.startswith(f"{text} ")
        assert after[len(text) + 1 :] in wording.EMOJI
        assert before.endswith(f" {text}")
        assert before[: -len(text) - 1] in wording.EMOJI
        assert opened.endswith(text)
        assert opened[: -len(text)] in wording.OPENINGS


def test_a_question_silences_a_belief_and_no_risk():
    asked = [case for case in CASES if case.suite in ("question", "own_question")]

    assert {case.suite for case in asked if case.label.startswith("B")} == {"question"}
    assert {case.suite for case in asked if case.label.startswith("RF")} == {"own_question"}
    assert all(case.is_wanted is case.label.startswith("RF") for case in asked)


def test_a_coach_without_a_mistake_fails_nothing():
    result = suites.measure(perfect)

    assert result["plain"]["heard"]["share"] == 1
    assert [name for name, each in result["suites"].items() if each["failures"]["share"] or each["left_out"]] == []
    assert [each["share"] for each in result["totals"].values()] == [0, 0]
    assert [each["share"] for each in result["emergencies"]["totals"].values()] == [0, 0]


def test_a_coach_that_hears_plain_statements_only_fails_everything():
    result = suites.measure(broken)

    assert [each["failures"]["share"] for each in result["suites"].values()] == [1] * len(result["suites"])
    assert [each["share"] for each in result["totals"].values()] == [1, 1]
    assert [each["share"] for each in result["emergencies"]["totals"].values()] == [1, 1]
    assert max(len(each["failed"]) for each in result["suites"].values()) == 20


def test_a_statement_that_is_not_heard_is_left_out_of_invariance_and_stays_in_direction():
    result = suites.measure(silent)

    kinds = {kind: [each for each in result["suites"].values() if each["kind"] == kind] for kind in result["totals"]}
    assert result["plain"]["heard"]["hits"] == 0
    assert {(each["cases"], each["left_out"]) for each in kinds["invariance"]} == {(0, len(WRITTEN))}
    assert result["totals"]["invariance"]["share"] is None
    assert {each["left_out"] for each in kinds["direction"]} == {0}
    assert result["suites"]["negated"]["failures"]["share"] == 0
    assert result["suites"]["own_question"]["failures"]["share"] == 1


def test_every_case_is_in_one_suite_and_emergencies_are_counted_apart():
    result = suites.measure(perfect)

    assert sum(each["cases"] for each in result["suites"].values()) == len(CASES)
    assert sum(each["of"] for each in result["totals"].values()) == len(CASES)
    assert sum(each["of"] for each in result["emergencies"]["totals"].values()) == sum(
        case.label in EMERGENCIES for case in CASES
    )
    assert result["emergencies"]["plain"]["heard"]["of"] == 2 * len(EMERGENCIES)


def test_another_label_in_a_line_that_is_to_be_silent_is_counted():
    def mixed_up(texts):
        return [heard or frozenset({"RF99"}) for heard in perfect(texts)]

    result = suites.measure(mixed_up)

    assert result["suites"]["past"]["failures"]["share"] == 0
    assert result["suites"]["past"]["something_else"]["share"] == 1
    assert result["suites"]["typos"]["something_else"]["share"] is None


def test_the_text_says_each_suite_and_what_failed():
    text = suites.as_text(suites.measure(broken))

    assert all(name in text for name in {case.suite for case in CASES})
    assert "plain statements heard 100.0 % (94.8-100.0; 70/70)" in text
    assert "Failed in past:\n  [not B01; heard B01" in text


def test_the_text_says_which_plain_statements_are_not_heard():
    text = suites.as_text(suites.measure(silent))

    assert "Plain statements that are not heard:\n  [B01; heard nothing] Whenever my back hurts more" in text
