"""Whose symptom, when, denied, feared, reported or asked about: per symptom (clinical.md §4.1, §5.2)."""

import pytest

from tests.unit.screened import action, found


@pytest.mark.parametrize(
    "text",
    [
        "no numbness, wee is fine",
        "no numbness, tingling or trouble weeing",
        "I haven't got any chest pain",
        "I don't have any numbness down below",
        "any numbness down below? none",
        "not had any chest pain or breathlessness",
        "my face hasn't dropped and my speech is fine",
        "I have never wet myself",
    ],
)
def test_a_denied_symptom_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("no numbness but I wet myself", "RF01"),
        ("no chest pain, but I can't feel when I wipe", "RF01"),
        ("the back is no better and I can't feel my bits", "RF01"),
        ("no idea why but I've gone numb between my legs", "RF01"),
        ("not sure if it matters, I can't feel it when I wipe", "RF01"),
        ("no pain today but my chest is tight", "RF09"),
        ("I'm not being dramatic but I want to kill myself", "RF13"),
        ("never felt it coming, pooed myself", "RF01"),
        ("I've never had this before, my foot won't lift", "RF02"),
    ],
)
def test_a_no_reaches_only_what_it_denies(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "I can't feel when I wipe",
        "not able to wee at all",
        "couldn't lift my toes",
        "I can't feel my bits",
        "unable to pass urine since last night",
    ],
)
def test_a_loss_said_with_not_is_a_symptom_and_no_denial(text: str) -> None:
    assert action(text) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "my husband has chest pain and he's gone grey",
        "my mum's face has dropped on one side",
        "my wife can't feel when she wipes",
        "my dad has just collapsed",
        "he can't lift his foot",
    ],
)
def test_somebody_elses_present_emergency_gets_the_line_for_others_and_no_flag(text: str) -> None:
    heard = found(text)

    assert {finding.action for finding in heard} == {"other"}
    assert {finding.responses for finding in heard} == {("utter_someone_else",)}


@pytest.mark.parametrize(
    "text",
    [
        "mum had cauda equina in 2015",
        "my dad had a heart attack in 2010",
        "nan had a clot",
        "my brother took an overdose years ago",
        "the dog fell downstairs",
    ],
)
def test_somebody_elses_past_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("I told my husband my face has dropped", "RF10"),
        ("my wife says I'm slurring my words", "RF10"),
        ("my daughter noticed my foot drags", "RF02"),
        ("I'm with my mum and I've got chest pain", "RF09"),
    ],
)
def test_a_person_who_is_only_spoken_to_does_not_own_the_symptom(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "my foot was floppy after the disc went in 2003",
        "I couldn't feel my legs years ago, all fine since",
        "in 2015, I had chest pain on the hill",
    ],
)
def test_the_far_past_gets_no_advice(text: str) -> None:
    assert action(text) != "advise"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("took 12 paracetamol last night", "RF15"),
        ("wet myself twice yesterday and never felt it", "RF01"),
        ("I hurt my back 3 years ago and can't feel when I wipe", "RF01"),
        ("had chest pain this morning on my walk", "RF09"),
        ("I had cauda equina in 2015, now my bits are numb again", "RF01"),
    ],
)
def test_the_recent_past_fires(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "what are cauda equina symptoms?",
        "can sciatica make your leg weak?",
        "how would I know if I had cauda equina?",
        "does back pain cause chest pain?",
        "is suicide common with back pain?",
    ],
)
def test_a_question_about_the_condition_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("is it normal that I can't feel when I wipe?", "RF01"),
        ("should my chest be this tight on the hill?", "RF09"),
        ("is it ok that my foot drags when I walk?", "RF02"),
        ("why can't I wee?", "RF01"),
    ],
)
def test_an_own_symptom_put_as_a_question_fires(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


def test_a_symptom_without_an_owner_asked_about_as_normal_is_asked_about() -> None:
    assert action("is it normal to get chest pain on a walk") == "ask"


@pytest.mark.parametrize(
    "text",
    [
        "what if I wet myself on the walk?",
        "if I ever get chest pain I'd stop",
        "in case I lose control of my bladder",
        "how do I stop myself from getting a numb saddle area",
    ],
)
def test_what_might_happen_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    "text", ["if this doesn't stop I'll kill myself", "if the scan is clear I'm going to end my life"]
)
def test_a_condition_does_not_soften_suicide(text: str) -> None:
    assert action(text, "RF13") == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "the leaflet says go to A&E if I can't feel when I wipe",
        "physio told me to look out for numbness down below",
        "the doctor asked if I had any chest pain",
        "so you're saying if I can't pee I go to A&E?",
    ],
)
def test_what_a_clinician_or_leaflet_warned_of_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    "text",
    [
        "leaked when I coughed since the kids, same as ever",
        "I've been numb between my legs for years, no change",
        "always had trouble weeing, the doctors know",
    ],
)
def test_what_is_long_standing_is_asked_about_and_not_advised_on(text: str) -> None:
    assert action(text, "RF01") == "ask"


def test_what_is_long_standing_and_now_worse_fires() -> None:
    assert action("I've had a weak leg for years but since yesterday my foot won't lift", "RF02") == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "this back's killing me",
        "could murder a cuppa",
        "dying for a wee",
        "nearly died laughing",
        "fit as a fiddle",
        "legs like jelly after the gym",
        "get it off my chest",
        "the gas bill nearly gave me a stroke",
        "overdosed on chocolate",
    ],
)
def test_an_idiom_is_silent(text: str) -> None:
    assert action(text) == "silent"


def test_good_news_does_not_hide_a_flag_in_passing() -> None:
    assert action("did my 10 mins 👍 btw still can't feel when I wipe lol", "RF01") == "advise"


def test_two_dangers_are_both_heard_the_gravest_first() -> None:
    heard = found("my chest is tight and my left arm aches. I've also wet myself without feeling it.")

    assert [(finding.risk, finding.action) for finding in heard] == [("RF09", "advise"), ("RF01", "advise")]


def test_what_is_fine_now_does_not_speak_of_the_symptom_beside_it() -> None:
    assert action("I can't feel when I wipe but my back is fine now", "RF01") == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "Suicidal thoughts? No, never had them",
        "You ask about chest pain. No, never",
        "Numbness between the legs. No.",
        "that question about wanting to die, nothing like that with me",
        "Chest pain when walking? none of that",
    ],
)
def test_a_topic_that_is_answered_with_no_is_silent(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("Chest pain. No, I'm not joking", "RF09"),
        ("Chest pain. No relief from anything", "RF09"),
        ("I have chest pain. No, never had it before", "RF09"),
        ("Thinking of ending it. No one knows", "RF13"),
        ("You ask if I'm suicidal? Yes", "RF13"),
    ],
)
def test_a_no_after_a_danger_that_is_no_answer_denies_nothing(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"
