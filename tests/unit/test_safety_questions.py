"""Safety questions: what is asked, what answers mean, what they decide (clinical.md §5.2)."""

from typing import Any

import pytest
import yaml

from bot.coaching.safety_questions import (
    Decision,
    Question,
    QuestionSet,
    approval_hash,
    next_step,
    question_sets,
    read_answer,
)
from bot.errors import ContentError
from tests.unit.screened import SAFETY, read

SETS = question_sets(read("questions.yml"))
TEXTS = ("messages.yml", "question_texts.yml", "medicines.yml")
RESPONSES: dict[str, list[dict[str, Any]]] = {
    name: texts for file in TEXTS for name, texts in read(file)["responses"].items()
}
TIER_A_CONFIRMS = [name for name in SETS if name.startswith("confirm_")]
TIER_B = [name for name in SETS if name.startswith("tier_b_")]


def decide(name: str, *given: str) -> Question | Decision:
    """Answers in order, until they decide."""
    questions = SETS[name]
    answers: dict[str, str] = {}
    for answer in given:
        step = next_step(questions, answers)
        assert isinstance(step, Question)
        answers[step.id] = answer
    return next_step(questions, answers)


def outcome(name: str, *given: str) -> tuple[str, str, str]:
    decision = decide(name, *given)
    assert isinstance(decision, Decision), f"{decision.id} is still asked"
    return decision.outcome, decision.risk, decision.severity


def test_the_five_questions_are_asked_in_order_and_cleared_by_five_noes() -> None:
    asked = []
    answers: dict[str, str] = {}
    while isinstance(step := next_step(SETS["cauda_equina"], answers), Question):
        asked.append(step.id)
        answers[step.id] = "no"

    assert asked == ["feeling", "peeing", "pooing", "sex", "legs"]
    assert step.outcome == "clear"


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("answer", ["yes", "not_sure"])
def test_a_yes_or_not_sure_to_any_of_the_five_sends_to_hospital_at_once(place: int, answer: str) -> None:
    decision = decide("cauda_equina", *["no"] * place, answer)

    assert isinstance(decision, Decision)
    assert (decision.outcome, decision.risk, decision.severity, decision.responses) == (
        "advise",
        "RF01",
        "EAE",
        ("utter_mae",),
    )
    assert decision.symptom


@pytest.mark.parametrize("name", TIER_A_CONFIRMS)
@pytest.mark.parametrize("answer", ["yes", "not_sure"])
def test_not_sure_counts_as_yes_for_tier_a(name: str, answer: str) -> None:
    assert outcome(name, answer)[0] == "advise"


@pytest.mark.parametrize("name", TIER_A_CONFIRMS)
def test_a_no_to_every_question_of_a_confirmation_is_noted(name: str) -> None:
    """A set that a rule asked has that rule's alert standing: all clear is no second one."""
    assert outcome(name, *["no"] * len(SETS[name].questions))[0] == ("clear" if name == "tier_b_asked" else "note")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("no", "yes"), ("advise", "RF03", "U48")),  # the message was one feature, this is the second
        (("no", "no", "yes"), ("advise", "RF03", "U111")),  # known cancer: the same day
        (("no", "not_sure"), ("advise", "RF03", "U48")),
        (("no", "no", "no"), ("note", "RF03", "R")),
        (("yes",), ("advise", "RF03", "EAE")),  # nerve signs
    ],
)
def test_night_pain_is_decided_by_features_and_history(
    answers: tuple[str, ...], expected: tuple[str, str, str]
) -> None:
    assert outcome("tier_b_rf03", *answers) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("no", "no", "yes"), ("advise", "RF04", "U111")),  # one feature and one risk factor
        (("no", "yes"), ("advise", "RF04", "U111")),  # two features
        (("no", "no", "no"), ("note", "RF04", "R")),
        (("yes",), ("advise", "RF04", "E999")),
    ],
)
def test_a_fall_is_decided_by_pain_and_bones(answers: tuple[str, ...], expected: tuple[str, str, str]) -> None:
    assert outcome("tier_b_rf04", *answers) == expected


@pytest.mark.parametrize("name", TIER_B)
def test_tier_b_asks_at_most_three_questions(name: str) -> None:
    assert 1 <= len(SETS[name].questions) <= 3


@pytest.mark.parametrize("name", TIER_B)
def test_not_sure_escalates_tier_b(name: str) -> None:
    places = range(len(SETS[name].questions))

    outcomes = {outcome(name, *["no"] * place, "not_sure") for place in places}

    escalated = SETS[name].escalated
    assert escalated is not None
    assert {found for found, _risk, _severity in outcomes} == {escalated.outcome}


@pytest.mark.parametrize("name", TIER_B)
def test_noes_alone_never_escalate_tier_b(name: str) -> None:
    """A set that a rule asked has that rule's alert standing: all clear is no second one."""
    assert outcome(name, *["no"] * len(SETS[name].questions))[0] == ("clear" if name == "tier_b_asked" else "note")


@pytest.mark.parametrize(
    ("answer", "outcome_", "risk", "severity"),
    [
        ("hurt", "advise", "RF13", "E999"),
        ("might_act", "advise", "RF13", "E999"),
        ("not_safe", "advise", "RF17", "E999"),
        ("safe", "note", "RF13", "U111"),
        ("meant_otherwise", "note", "RF13", "R"),
        ("not_sure", "advise", "RF13", "E999"),
    ],
)
def test_each_crisis_button_leads_somewhere(answer: str, outcome_: str, risk: str, severity: str) -> None:
    assert outcome("crisis", answer) == (outcome_, risk, severity)


def test_the_five_crisis_buttons_are_the_five_answers() -> None:
    buttons = [button["title"] for button in RESPONSES["utter_q_crisis"][0]["buttons"]]

    read_as = [read_answer(SETS["crisis"], title) for title in buttons]

    assert read_as == ["hurt", "might_act", "not_safe", "safe", "meant_otherwise"]


def test_distress_is_asked_about_suicide_once_and_a_yes_is_met_as_a_crisis() -> None:
    decision = decide("ask_rf14", "yes")

    assert isinstance(decision, Decision)
    assert (decision.risk, decision.responses, decision.asks_next) == ("RF13", ("utter_mcrisis",), ("crisis",))
    assert len(SETS["ask_rf14"].questions) == 1


def test_an_aneurysm_is_advised_on_before_it_is_asked_about() -> None:
    assert SETS["confirm_rf07"].intro == ("utter_m999_lie_down",)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Yes", "yes"),
        ("yeah", "yes"),
        ("aye", "yes"),
        ("YES!!", "yes"),
        ("yes I have", "yes"),
        ("yep, since Tuesday, both of them", "yes"),
        ("No", "no"),
        ("nope", "no"),
        ("naw", "no"),
        ("not at all", "no"),
        ("no, never", "no"),
        ("no thanks", "no"),
        ("Not sure", "not_sure"),
        ("I don’t know", "not_sure"),
        ("dunno", "not_sure"),
        ("maybe", "not_sure"),
        ("no idea", "not_sure"),
        ("not sure really", "not_sure"),
        ("no I can't feel a thing down there at all", None),  # asked again, and screened
        ("purple", None),
        ("", None),
        ("what do you mean?", None),
    ],
)
def test_answers_in_words_are_read(typed: str, expected: str | None) -> None:
    assert read_answer(SETS["confirm_rf01"], typed) == expected


@pytest.mark.parametrize("name", SETS)
def test_the_buttons_of_every_question_are_answers_of_its_set(name: str) -> None:
    questions: QuestionSet = SETS[name]

    unread = [
        (question.id, button["payload"])
        for question in questions.questions
        for button in RESPONSES[question.response][0]["buttons"]
        if read_answer(questions, button["payload"]) is None
    ]

    assert unread == []


@pytest.mark.parametrize("name", SETS)
def test_everything_a_set_says_exists_and_it_ends(name: str) -> None:
    questions = SETS[name]
    decisions = [questions.otherwise, *([questions.escalated] if questions.escalated else [])]
    decisions += [decision for question in questions.questions for decision in question.decides.values()]

    said = {
        *questions.intro,
        *(question.response for question in questions.questions),
        *(each for decision in decisions for each in decision.responses),
    }

    assert said <= set(RESPONSES)
    assert all(following in SETS for decision in decisions for following in decision.asks_next)
    assert isinstance(next_step(questions, {question.id: "no" for question in questions.questions}), Decision)


def test_whatever_is_advised_and_could_be_a_medicine_taken_on_purpose_is_asked_about() -> None:
    decision = decide("confirm_rf15", "yes")

    assert isinstance(decision, Decision)
    assert decision.asks_next == ("ask_on_purpose",)


def test_a_hash_sees_words_and_buttons_and_no_line_breaks() -> None:
    response = {"text": "Go to A&E now.", "buttons": [{"title": "Yes", "payload": "Yes"}]}

    same = approval_hash({**response, "text": "Go to\n  A&E now."})
    other_words = approval_hash({**response, "text": "Go to A&E later."})
    other_button = approval_hash({**response, "buttons": [{"title": "No", "payload": "Yes"}]})

    assert same == approval_hash(response)
    assert len({other_words, other_button, approval_hash(response)}) == 3


def test_every_safety_text_is_the_one_on_record() -> None:
    recorded = yaml.safe_load((SAFETY.parent / "protocol" / "safety_approvals.yml").read_text(encoding="utf-8"))[
        "approved"
    ]

    current = {name: [approval_hash(variation) for variation in variations] for name, variations in RESPONSES.items()}

    assert current == recorded


@pytest.mark.parametrize(
    "broken",
    [
        {"answers": {}},
        {"answers": {"yes_no": {"yes": {"words": ["yes"]}}}, "sets": {"x": {"risk": "RF01", "questions": []}}},
        {
            "answers": {"yes_no": {"yes": {"words": ["yes"]}}},
            "sets": {"x": {"risk": "RF01", "questions": [], "otherwise": {"outcome": "shrug", "responses": []}}},
        },
        {
            "answers": {"yes_no": {"yes": {"words": ["yes"]}}},
            "sets": {
                "x": {
                    "risk": "RF01",
                    "questions": [
                        {"id": "a", "response": "utter_a", "decides": {"perhaps": {"outcome": "note", "responses": []}}}
                    ],
                    "otherwise": {"outcome": "note", "responses": []},
                }
            },
        },
    ],
)
def test_a_broken_question_set_does_not_load(broken: dict[str, Any]) -> None:
    with pytest.raises(ContentError):
        question_sets(broken)
