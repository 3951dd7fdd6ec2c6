"""Every fault a writer can make is found, with the file, the line and what to do."""

from pathlib import Path

import pytest

from bot.content_checks import check
from bot.settings import ROOT

TOPIC = """\
intents:
- greet
slots:
  pain_now:
    type: any
    mappings: [{type: from_text, kind: scale}]
forms:
  pain_form:
    required_slots: [pain_now]
responses:
  utter_greet:
  - text: Hello, good to see you.
    buttons: [{title: Menu, payload: /menu}]
  utter_ask_pain_now:
  - text: How sore is it now?
  utter_default:
  - text: I didn't get that.
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
"""


def problems(tmp_path: Path, topic: str, **protocol: str) -> list[str]:
    """What `make content` says about one topic file, without what it says about the classes that are not there."""
    root = tmp_path / "dialogues"
    (root / "protocol").mkdir(parents=True)
    (root / "topic.yml").write_text(topic, encoding="utf-8")
    wording = (ROOT / "dialogues" / "protocol" / "wording.yml").read_text(encoding="utf-8")
    protocol = {"wording": wording, "safety_approvals": "approved: {}", **protocol}
    for name, text in protocol.items():
        (root / "protocol" / f"{name}.yml").write_text(text, encoding="utf-8")
    return [str(each) for each in check(root) if each.path.name in ("topic.yml", "goal.yml")]


def test_content_that_is_in_order_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, TOPIC) == []


FAULTS = [
    ("respones:\n  utter_x: []\n", "", "'respones' is not a key Rasa knows"),  # a misspelt top-level key
    ("", "  - action: utter_nope\n", "utter_nope is neither a response"),  # a rule that says what isn't there
    ("", "- rule: greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n", "the rule 'greet' stands in"),
    ("", "- rule: again\n  steps:\n  - intent: greet\n  - action: utter_default\n", "both begin with greet"),
    ("", "- rule: mute\n  steps:\n  - intent: greet\n", "the rule 'mute' says nothing"),
    ("", "- rule: other\n  steps:\n  - intent: nobody\n  - action: utter_greet\n", "the intent nobody is not listed"),
    ("nlu:\n- intent: greet\n  examples:\n  - text: hello\n", "", "the intent greet has 1 examples"),
]


@pytest.mark.parametrize(("before", "after", "says"), FAULTS)
def test_a_fault_in_a_topic_is_found(tmp_path: Path, before: str, after: str, says: str) -> None:
    found = problems(tmp_path, before + TOPIC + after)

    assert [text for text in found if says in text], found


WORDS = [
    ("It's just wear and tear.", "'wear and tear'"),
    ("Don’t worry about it.", "don't worry"),  # a curly apostrophe hides nothing
    (" ".join(["word"] * 80), "has 80 words"),
    (
        "This one sentence goes on and on " + "and on " * 16 + "until nobody can follow it any more.",
        "has a sentence of",
    ),
]


@pytest.mark.parametrize(("text", "says"), WORDS)
def test_words_that_do_harm_or_are_too_hard_are_found(tmp_path: Path, text: str, says: str) -> None:
    found = problems(tmp_path, TOPIC.replace("Hello, good to see you.", f'"{text}"'))

    assert [each for each in found if says in each], found


def test_the_line_is_the_one_the_writer_must_go_to(tmp_path: Path) -> None:
    found = problems(tmp_path, TOPIC.replace("utter_greet:\n", "utter_unused:\n  - text: Hi.\n  utter_greet:\n"))

    assert found == ["dialogues/topic.yml:11 nothing says utter_unused: use it in a rule, or remove it"]


def test_an_effect_that_does_not_exist_or_lacks_a_part_is_found(tmp_path: Path) -> None:
    found = problems(
        tmp_path, TOPIC.replace("How sore is it now?", "How sore is it now?\n    custom: {effect: set_goal}")
    )

    assert any("the effect set_goal needs 'minutes'" in each for each in found)


def test_a_number_without_source_or_approval_is_found(tmp_path: Path) -> None:
    found = problems(tmp_path, TOPIC, goal="most_minutes: {value: 60, unit: minutes}")

    assert [each.partition(",")[0].partition(":")[2].partition(" ")[2] for each in found] == [
        "most_minutes has no 'approved': every number says its unit",
        "most_minutes has no 'source': every number says its unit",
    ]


def test_yaml_that_can_not_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    found = problems(tmp_path, TOPIC + "  broken: [\n")

    assert len(found) == 1
    assert found[0].startswith("dialogues/topic.yml:")
    assert "is not YAML" in found[0]


def test_a_changed_safety_text_needs_a_new_approval(tmp_path: Path) -> None:
    root = tmp_path / "dialogues"
    (root / "safety").mkdir(parents=True)
    (root / "protocol").mkdir()
    (root / "safety" / "messages.yml").write_text(
        "responses:\n  utter_mae:\n  - text: Take it easy.\n", encoding="utf-8"
    )
    (root / "protocol" / "safety_approvals.yml").write_text("approved: {utter_mae: [abc]}", encoding="utf-8")

    found = [str(each) for each in check(root)]

    assert any("utter_mae is not what was approved" in each for each in found)


def test_the_content_of_this_repository_is_in_order() -> None:
    assert [str(each) for each in check(ROOT / "dialogues")] == []


EXPLORES = """\
slots:
  explore_view: {type: any, mappings: [{type: from_text, kind: text}]}
  explore_offer: {type: any, mappings: [{type: from_text, kind: text, asked_when: {slot: exploring, is_not: [B16]}}]}
  explore_found: {type: any, mappings: [{type: from_text, kind: text, asked_when: {slot: explore_offer, is: "yes"}}]}
  explore_strength: {type: any, mappings: [{type: from_text, kind: scale}]}
forms:
  exploration_form:
    required_slots: [explore_view, explore_offer, explore_found, explore_strength]
responses:
  utter_ask_explore_view: [{text: What do you think?, custom: {slot_in: exploration}}]
  utter_ask_explore_strength: [{text: How strong?, custom: {slot_in: exploration, these_words_will_do: true}}]
"""


def test_each_class_has_words_for_just_the_questions_it_is_asked(tmp_path: Path) -> None:
    root = tmp_path / "dialogues"
    root.mkdir()
    (root / "topic.yml").write_text(EXPLORES, encoding="utf-8")

    missing = {str(each).split()[1] for each in check(root) if "utter_explore_b" in str(each)}

    b15 = {f"utter_explore_b15_{step}" for step in ("view", "offer", "found")}
    assert {name for name in missing if "_b15_" in name} == b15
    assert {name for name in missing if "_b16_" in name} == {"utter_explore_b16_view"}
