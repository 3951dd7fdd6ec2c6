"""Reading dialogues/: what is completed, what is refused, and where a mistake is found."""

import pytest
from rasa.shared.exceptions import RasaException

from nlu.topics import TopicImporter

GOAL = """
intents: [set_goal]
slots:
  minutes:
    type: any
    mappings: [{type: from_text, kind: minutes, max: 60, conditions: [{active_loop: goal_form}]}]
forms:
  goal_form: {required_slots: [minutes]}
responses:
  utter_ask_minutes: [{text: "How long?"}]
nlu:
- intent: set_goal
  examples: |
    - a new goal
    - set a goal
rules:
- rule: goal
  steps: [{intent: set_goal}, {action: goal_form}, {active_loop: goal_form}]
"""
LIMITS = "belief_flag: {value: {default: 0.5, B04: 0.7}}\nrisk_ask: {value: 0.3}\n"


def test_a_topic_is_read_with_its_extra_keys(topics):
    importer = TopicImporter(domain_path=topics(goal=GOAL))

    domain = importer.get_domain().as_dict()

    assert domain["slots"]["minutes"]["mappings"][0]["kind"] == "minutes"
    assert len(importer.get_nlu_data().intent_examples) == 2
    assert [step.block_name for step in importer.get_stories().story_steps] == ["goal"]


def test_every_form_is_validated_and_every_standing_action_is_known(topics):
    domain = TopicImporter(domain_path=topics(goal=GOAL)).get_domain()

    assert {"validate_goal_form", "action_back", "action_skip", "action_why"} <= set(domain.action_names_or_texts)
    assert {"belief", "risk", "minutes"} <= set(domain.entities)


def test_rasa_ends_no_session_by_itself(topics):
    config = TopicImporter(domain_path=topics(goal=GOAL)).get_domain().session_config

    assert config.session_expiration_time > 60 * 24 * 365
    assert config.carry_over_slots


def test_yaml_that_is_not_rasas_is_left_out(topics):
    folder = topics(
        goal=GOAL,
        safety__lexicon__RF01="rules:\n- id: x\n  says: numb\n",
        protocol__goal="most_minutes: {value: 60}\n",
        transcripts__t="- patient: hello\n",
        safety__risks="RF01: {name: x}\n",
    )

    assert len(TopicImporter(domain_path=folder).get_stories().story_steps) == 1


def read_all(importer):
    importer.get_domain()
    importer.get_nlu_data()
    importer.get_stories()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("respones:\n  utter_x: [{text: hi}]\nintents: [x]\n", "wrong.yml: Rasa would ignore respones"),
        ("intents: [x]\nslots: {a: 1}\n", "wrong.yml"),
        ("intents: [x\n", "wrong.yml"),
        ("nlu:\n- intent: x\n  examples: [1]\n", "wrong.yml"),
    ],
)
def test_a_mistake_is_told_with_its_file(topics, content, words):
    importer = TopicImporter(domain_path=topics(goal=GOAL, wrong=content))

    with pytest.raises(RasaException, match=words):
        read_all(importer)


def test_thresholds_come_from_the_protocol(topics, tmp_path):
    folder = topics(goal=GOAL, protocol__understanding=LIMITS)
    config = tmp_path / "config.yaml"
    config.write_text("recipe: default.v1\npipeline:\n- {name: x, protocol: [belief_flag, risk_ask]}\n")

    assert TopicImporter(str(config), folder).get_config()["pipeline"][0]["protocol"] == {
        "belief_flag": {"default": 0.5, "B04": 0.7},
        "risk_ask": 0.3,
    }


@pytest.mark.parametrize(
    ("files", "words"), [({}, "There is no protocol"), ({"protocol__understanding": "{}"}, "lacks")]
)
def test_a_missing_threshold_is_told(topics, tmp_path, files, words):
    config = tmp_path / "config.yaml"
    config.write_text("recipe: default.v1\npipeline:\n- {name: x, protocol: [belief_flag]}\n")

    with pytest.raises(RasaException, match=words):
        TopicImporter(str(config), topics(goal=GOAL, **files)).get_config()
