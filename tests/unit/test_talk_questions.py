"""The app walks through a form as dialogues/ declares it, just as Rasa's form does."""

from typing import Any

import pytest

from bot.coaching import talks
from bot.content import Library

REVIEW = {"review_running": "yes", "review_planned": 3}


def asked(library: Library, form: str, values: dict[str, Any]) -> str | None:
    required = library.forms[form]["required_slots"]
    return talks.next_slot(required, library.slot_spec, values, library.number)


@pytest.mark.parametrize(
    ("form", "values", "slot"),
    [
        ("weekly_review_form", REVIEW, "review_done"),
        ("weekly_review_form", {**REVIEW, "review_running": "no"}, "review_function"),
        ("weekly_review_form", {**REVIEW, "review_done": 3, "review_function": 2}, "review_choice"),
        ("weekly_review_form", {**REVIEW, "review_done": 2, "review_function": 2}, "review_reason"),
        ("weekly_review_form", {**REVIEW, "review_done": 0, "review_function": 2}, "review_reason"),
        ("weekly_review_form", {**REVIEW, "review_done": "skipped", "review_function": 2}, "review_choice"),
        ("weekly_review_form", {**REVIEW, "review_done": 2, "review_function": 2, "review_reason": "pain",
                                "review_choice": "same"}, "review_coping"),
        ("weekly_review_form", {**REVIEW, "review_done": 3, "review_function": 2, "review_choice": "same"}, "review_noticed"),
        ("expectation_form", {"expect_help": 5}, None),
        ("expectation_form", {"expect_help": 4}, "expect_try"),
        ("expectation_form", {"expect_help": 0, "expect_try": "none"}, None),
        ("expectation_form", {"expect_help": 0, "expect_try": "first"}, "expect_sore"),
        ("expectation_form", {"expect_help": "skipped"}, None),
        ("maintenance_form", {"kept_part": "first", "kept_learnt": "x", "kept_signs": "y"}, None),
        ("maintenance_form", {"kept_part": "second"}, "kept_keepers"),
    ],
)  # fmt: skip
def test_the_question_that_comes_next(library: Library, form: str, values: dict[str, Any], slot: str | None) -> None:
    assert asked(library, form, values) == slot


def test_an_answer_has_the_limits_its_slot_declares(library: Library) -> None:
    spec = library.slot_spec("review_done")

    assert talks.bounds(spec, REVIEW, library.number) == {"min": 0, "max": 3}
    assert talks.fits(spec, 3, REVIEW, library.number)
    assert not talks.fits(spec, 4, REVIEW, library.number)


@pytest.mark.parametrize(("given", "value"), [("same", "same"), ("skipped", "skipped"), ("bananas", None)])
def test_what_rasa_has_in_its_slot_is_held_to_the_options(library: Library, given: str, value: str | None) -> None:
    assert talks.canonical(library.slot_spec("review_choice"), given) == value


def test_every_suggestion_and_decision_has_words(library: Library) -> None:
    from bot.coaching.graded_activity import Choice, Hindrance, Reason

    why = ["progress", "hold", "low_once", "low_twice", "two_holds", "pain", "pain_rise", "time", "unknown", "illness",
           "unable", *Hindrance]  # fmt: skip
    names = [
        *(f"utter_review_suggest_{each}" for each in why),
        *(f"utter_review_no_step_{each}" for each in Hindrance),
        *(f"utter_review_decided_{each}" for each in [*Choice, "none"]),
        *(f"utter_review_{each}" for each in Reason),
        *(f"utter_reason_{each}" for each in Reason),
        *(f"utter_praise_{each}" for each in ("all_done", "sorest_day", "more", "grown", "some")),
    ]

    assert [name for name in names if not library.has(name)] == []


def test_the_techniques_name_responses_that_exist(library: Library) -> None:
    named = [name for names in library.protocol["techniques"]["techniques"].values() for name in names]

    assert [
        name
        for name in named
        if not any(each == name or (name.endswith("_") and each.startswith(name)) for each in library.responses)
    ] == []
