"""The safety content holds together: every risk has rules, words, questions and sources; nothing is silently wrong."""

import copy
import json
import re
from typing import Any

import pytest

from bot.coaching.normalising import tokens
from bot.coaching.safety_questions import question_sets
from bot.coaching.screening import SEVERITIES, ScreeningRules, gravest, screen
from bot.errors import ContentError
from tests.unit.screened import ROOT, SAFETY, examples, found, lines, read, rules, unseen

RISKS = [f"RF{number:02}" for number in range(1, 20)]
TIER_A_IN_EXAMPLES = (
    "RF01",
    "RF02",
    "RF04",
    "RF07",
    "RF08",
    "RF09",
    "RF10",
    "RF12",
    "RF13",
    "RF14",
    "RF15",
    "RF17",
    "RF18",
)
PLACEHOLDERS = {"emergency", "urgent", "urgent_web", "crisis_line", "abuse_line", "symptom", "physio_when"}
WHY = {
    "negated",
    "past",
    "other_person",
    "question",
    "idiom",
    "clinician",
    "long_standing",
    "hypothetical",
    "caution",
    "everyday",
    "good_news",
    "helpful_action",
    "real_limitation",
    "wish",
}
RESPONSES: dict[str, list[dict[str, Any]]] = read("messages.yml")["responses"] | read("question_texts.yml")["responses"]


def test_every_risk_has_rules_examples_a_question_and_its_messages() -> None:
    known = rules()
    sets = question_sets(read("questions.yml"))

    assert sorted(known.risks) == RISKS
    assert {rule.risk for rule in known.rules} == set(RISKS)
    for risk in known.risks.values():
        assert risk.question_set in sets
        assert risk.asks_after in {"", *sets}
        assert risk.severity in risk.responses
        assert all(name in RESPONSES for names in risk.responses.values() for name in names)
        assert risk.level in ("P0", "P1", "P2", "P3")


def test_every_rule_names_its_source_and_what_it_leads_to() -> None:
    sets = question_sets(read("questions.yml"))
    entries = [
        (content["risk"], entry)
        for path in sorted((SAFETY / "lexicon").glob("RF*.yml"))
        for content in [read(f"lexicon/{path.name}")]
        for entry in content["rules"]
    ]

    assert len({entry["id"] for _risk, entry in entries}) == len(entries)
    assert all(entry["id"].startswith(f"{risk}.") and "clinical.md §5" in entry["source"] for risk, entry in entries)
    assert all(
        rule.question_set in sets and all(name in RESPONSES for name in rule.responses) for rule in rules().rules
    )


@pytest.mark.parametrize("risk", RISKS)
def test_a_risk_has_enough_examples_and_near_misses_in_many_voices(risk: str) -> None:
    positives, near = examples(risk)
    voices = {
        example["metadata"]["voice"] for block in read(f"examples/{risk}.yml")["nlu"] for example in block["examples"]
    }

    most = (60, 30) if risk in TIER_A_IN_EXAMPLES else (40, 20)

    assert (len(positives), len(near)) >= most
    assert len(near) >= most[1]
    assert len(voices) >= 15
    assert {why for _text, why in near} <= WHY


def test_held_out_sentences_are_not_in_the_examples() -> None:
    taught = {
        text.casefold() for risk in RISKS for text in [*examples(risk)[0], *(text for text, _why in examples(risk)[1])]
    }

    shared = [line["text"] for line in unseen() if line["text"].casefold() in taught]

    assert shared == []
    assert all(sum(risk in line["risks"] for line in unseen()) >= 10 for risk in RISKS)
    assert all(sum(risk in line.get("near", []) for line in unseen()) >= 8 for risk in RISKS)


@pytest.mark.parametrize("name", RESPONSES)
def test_a_safety_text_has_one_wording_and_only_known_placeholders(name: str) -> None:
    variations = RESPONSES[name]

    assert len(variations) == 1
    assert set(re.findall(r"\{(\w+)\}", variations[0]["text"])) <= PLACEHOLDERS
    assert len(variations[0]["text"].split()) <= 75


def test_each_nation_has_every_number_and_a_date_to_look_again() -> None:
    numbers = read("numbers.yml")
    needed = {"emergency", "urgent", "urgent_web", "crisis_line", "abuse_line"}

    assert {nation: set(values) for nation, values in numbers["nations"].items()} == dict.fromkeys(
        ("england", "scotland", "wales", "northern_ireland", "unknown"), needed
    )
    assert "111" not in numbers["nations"]["northern_ireland"]["urgent"]
    assert numbers["review_by"]
    assert numbers["source"]


def test_every_advice_with_an_action_says_that_nobody_is_watching_or_names_the_emergency_number() -> None:
    for name in (
        "utter_m999",
        "utter_mae",
        "utter_m111",
        "utter_mcrisis",
        "utter_moverdose",
        "utter_mabuse",
        "utter_mchild",
        "utter_mmaternity",
    ):
        assert "{emergency}" in RESPONSES[name][0]["text"], name
    for name in ("utter_m999", "utter_mae", "utter_mcrisis"):
        assert "isn't watched all the time" in RESPONSES[name][0]["text"], name


def test_abuse_is_never_repeated_and_suicide_is_followed_by_seven_quiet_days() -> None:
    known = rules().risks

    assert known["RF17"].follow_up_minutes is None
    assert known["RF13"].quiet_days == 7
    assert known["RF13"].asks_after == "crisis"
    assert "safe to chat" in RESPONSES["utter_mabuse"][0]["text"]


def test_what_only_the_model_heard_is_asked_about_when_it_is_tier_b() -> None:
    known = rules()

    tier_a, tier_b = known.heard_by_model("RF01", "advise"), known.heard_by_model("RF06", "advise")

    assert (tier_a.action, tier_a.layer, tier_a.question_set) == ("advise", "model", None)
    assert (tier_b.action, tier_b.question_set) == ("ask", "tier_b_rf06")


def test_the_gravest_finding_is_advice_before_a_question_and_then_by_severity() -> None:
    heard = found("I've wet myself and never felt it, my chest is tight, and it's a different pain")

    assert gravest(heard) == heard[0]
    assert [SEVERITIES.index(finding.severity) for finding in heard if finding.action == "advise"] == sorted(
        SEVERITIES.index(finding.severity) for finding in heard if finding.action == "advise"
    )
    assert gravest([]) is None


def changed(risk: str, change: dict[str, Any]) -> ScreeningRules:
    """The rules with the first rule of a risk changed."""
    lexicons = [copy.deepcopy(read(f"lexicon/{path.name}")) for path in sorted((SAFETY / "lexicon").glob("*.yml"))]
    entry = next(content for content in lexicons if content.get("risk") == risk)["rules"][0]
    entry.update(change)
    return ScreeningRules.from_content(lexicons, read("risks.yml"))


@pytest.mark.parametrize(
    "change",
    [
        {"action": "shrug"},
        {"severity": "E1000"},
        {"source": ""},
        {"all": ["no_such_list"]},
        {"all": [["(never closed"]]},
        {"all": [["closed) too often"]]},
        {"all": [["maybe?"]]},
        {"all": [["<nowhere>"]]},
        {"all": [[False]]},
        {"when": {"negated": "perhaps"}},
    ],
)
def test_a_broken_rule_does_not_load(change: dict[str, Any]) -> None:
    with pytest.raises(ContentError):
        changed("RF01", change)


def test_an_unknown_risk_does_not_load() -> None:
    with pytest.raises(ContentError):
        ScreeningRules.from_content(
            [
                read("lexicon/_scope.yml"),
                {"risk": "RF99", "rules": [{"id": "RF99.a", "source": "x", "action": "ask", "says": ["numb"]}]},
            ],
            read("risks.yml"),
        )


def test_a_rule_that_is_taken_out_is_missed() -> None:
    lexicons = [
        read(f"lexicon/{path.name}") for path in sorted((SAFETY / "lexicon").glob("*.yml")) if path.name != "RF09.yml"
    ]

    heard = screen("tight chest on the hill, had to stop", ScreeningRules.from_content(lexicons, read("risks.yml")))

    assert [finding.risk for finding in heard] == []


def test_well_spelt_words_are_left_alone() -> None:
    """When a new lexicon word pulls real words towards it, add those to _real_words.yml or to `not_typos`."""
    spelling = rules().spelling
    texts = [line["text"] for line in lines(ROOT / "nlu" / "evaluation" / "real" / "out_of_scope.jsonl")]
    words = {word for text in texts for word in re.findall(r"[a-z]{6,}", text)}

    altered = {
        word: tokens(word, spelling)
        for word in words
        if word not in spelling.words and tokens(word, spelling) != [word]
    }

    assert len(altered) <= 25, altered


def test_the_held_out_file_is_json_lines_with_voices() -> None:
    text = (ROOT / "nlu" / "evaluation" / "risks_unseen.jsonl").read_text(encoding="utf-8")

    assert all(set(json.loads(line)) >= {"text", "risks", "voice", "why"} for line in text.splitlines())
    assert {line["voice"] for line in unseen()} == {f"u0{number}" for number in range(1, 7)}
