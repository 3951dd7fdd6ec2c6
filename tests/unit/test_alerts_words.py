"""Everything the code says to physios has words, and the words fit where they go."""

import re
from pathlib import Path

import pytest

from bot.coaching.alerts import LEVELS, SEVERITIES
from bot.content import Library
from bot.content_checks import check
from bot.settings import ROOT

SPEAKERS = ("cards", "ladder", "escalation", "physio_desk", "belief_desk")
NAMED = sorted(
    {
        name
        for module in SPEAKERS
        for name in re.findall(r'"(utter_\w+)"', (ROOT / "bot" / "services" / f"{module}.py").read_text("utf-8"))
    }
)
BUILT = [f"utter_age_{unit}" for unit in ("now", "minutes", "hours", "days")]
BUILT += [f"utter_within_{unit}" for unit in ("minutes", "hours", "days")]
BUILT += [f"utter_what_{state}" for state in ("acknowledged", "closed")]
BUILT += [f"utter_severity_{severity.lower()}" for severity in SEVERITIES]
BUILT += [f"utter_when_{level.lower()}" for level in LEVELS]
BUILT += [f"utter_flag_{said}_{kind}" for said in ("noted", "stands") for kind in ("right", "none", "other")]


@pytest.mark.parametrize("response", [*NAMED, *BUILT])
def test_what_the_code_says_stands_in_dialogues(library: Library, response: str):
    assert library.has(response)


def test_every_effect_a_card_offers_is_one_the_desk_knows(library: Library):
    offered = {
        button["payload"]
        for name in ("utter_card_body", "utter_card_body_discreet", "utter_card_yours", "utter_choose_outcome")
        for button in library.responses[name][0]["buttons"]
    }

    assert offered == {"acknowledge_alert", "close_alert", "show_alert"}


def test_outcomes_are_codes_with_labels_that_fit_a_button(library: Library):
    outcomes = library.value("escalation.outcomes")

    assert outcomes
    assert all(re.fullmatch(r"[a-z_]+", code) for code in outcomes)
    assert all(0 < len(label) <= 40 for label in outcomes.values())
    assert len(set(outcomes.values())) == len(outcomes)


def test_the_words_on_a_safeguarding_card_name_no_fact_of_the_case(library: Library):
    (body,) = library.responses["utter_card_body_discreet"]

    assert set(re.findall(r"\{(\w+)\}", body["text"])) == {"reference", "level", "patient", "age", "times", "owner"}


def test_every_cause_of_an_alert_has_a_name_for_staff(library: Library):
    request = library.protocol["escalation"]["human_request"]["cause"]

    assert library.has(f"utter_cause_{request.lower()}")
    assert all(risk["name"] for risk in library.safety["risks"]["risks"].values())


def test_every_belief_has_a_short_name_of_its_own_for_staff(library: Library):
    names = {belief: library.say(f"utter_flag_class_{belief.lower()}").text for belief in library.protocol["beliefs"]}

    assert len(set(names.values())) == 16
    assert all(name.startswith(f"{belief} ") and len(name) <= 40 for belief, name in names.items())


def test_only_the_message_of_one_flag_shows_what_a_patient_wrote(library: Library):
    shows = [name for name in library.responses if name.startswith(("utter_flag_", "utter_card_", "utter_alerts_"))]

    assert [name for name in shows if "{words}" in str(library.responses[name])] == ["utter_flag_body"]


def test_every_answer_to_a_flag_is_one_the_desk_knows(library: Library):
    payloads = [button["payload"] for button in library.responses["utter_flag_body"][0]["buttons"]]

    assert payloads == ["right", "none", "other"]
    assert [button["payload"] for button in library.responses["utter_flag_share"][0]["buttons"]] == ["yes", "no"]
    assert [button["payload"] for button in library.responses["utter_flag_choose"][0]["buttons"]] == ["show_flag"]


def test_a_belief_without_a_name_for_staff_is_a_fault_of_the_content(tmp_path: Path):
    (tmp_path / "topic.yml").write_text("responses: {utter_flag_class_b07: [{text: B07 First a scan}]}")

    faults = [fault.text for fault in check(tmp_path) if fault.path.name == "physio.yml"]

    assert len(faults) == 15
    assert not any("b07" in fault for fault in faults)
