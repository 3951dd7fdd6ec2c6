"""What the tagger hears and leaves alone, and the floors under the safety classes. Figures in full: `make eval`."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components.adapter import SERVED, share_unseen
from nlu.components.concern_head import ConcernHead, parts, says_something
from nlu.components.concern_tagger import both_vectors, limit_of, read_labels
from nlu.components.frame import framed
from nlu.evaluation import suites
from nlu.evaluation.figures import EMERGENCIES
from nlu.evaluation.heads import heard
from nlu.evaluation.lines import Vectors, taught, unseen
from nlu.evaluation.measures import by_class, macro_f1
from nlu.evaluation.rules import rule_findings
from nlu.evaluation.run import hearing, limits

LEAST_EXAMPLES = 55  # of each emergency class; the smallest had 60
LEAST_NEAR_MISSES = 25  # the smallest had 30


@pytest.fixture(scope="module")
def lines():
    return taught()


@pytest.fixture(scope="module")
def fresh():
    return {"belief": unseen("beliefs"), "risk": unseen("risks")}


@pytest.fixture(scope="module")
def vectors(lines, fresh):
    return Vectors([*lines, *fresh["belief"], *fresh["risk"]])


@pytest.fixture(scope="module")
def head(lines, vectors):
    return ConcernHead.learned(vectors.lessons(lines))


@pytest.fixture(scope="module")
def danger(head, fresh, vectors):
    """Each unseen line with what the rules or the model would do: {"RF01": "advise"}."""
    written = limits()
    found = []
    rows = heard(head, fresh["risk"], vectors, head.labels)
    for line, row, by_rules in zip(fresh["risk"], rows, rule_findings(fresh["risk"]), strict=True):
        scores = {risk: score for risk, score in zip(head.labels, row, strict=True) if risk.startswith("RF")}
        by_model = {
            risk: "advise" if score >= limit_of(written, "risk_advise", risk) else "ask"
            for risk, score in scores.items()
            if score >= limit_of(written, "risk_ask", risk)
        }
        found.append(
            (line, {**by_model, **{risk: by_rules[risk] for risk in by_rules if by_model.get(risk) != "advise"}})
        )
    return found


def needed(labels):
    written = limits()
    return np.array([limit_of(written, "belief_flag", label) for label in labels])


@pytest.mark.parametrize(
    "answer",
    ["whenever", "15 minutes", "no", "after breakfast", "mon and Thursday please", "half past six", "7", "ten", "yes",
     "yeah go on then", "not sure", "hello there", "thanks", "every day", "👍", "...", ""],
)  # fmt: skip
def test_a_short_answer_is_never_scored(answer):
    assert parts(answer) == []


@pytest.mark.parametrize("words", ["can't wee", "chest pain", "numb bum", "I want to die", "my legs won't move"])
def test_a_short_cry_for_help_is_scored(words):
    assert says_something(words)


def test_each_sentence_of_a_long_story_is_scored_besides_the_whole():
    story = "We had a lovely week in Wales. I can't feel it when I wipe. The dog is fine though!"

    assert parts(story) == [
        story,
        *("We had a lovely week in Wales.", "I can't feel it when I wipe.", "The dog is fine though!"),
    ]


def test_a_saved_head_hears_the_same(head, tmp_path):
    texts, vectors = ["I can't feel it when I wipe"], np.ones((1, 2, 384), dtype=np.float32) / 384**0.5

    head.save(tmp_path)

    assert ConcernHead.load(tmp_path).chances(texts, vectors) == pytest.approx(head.chances(texts, vectors), abs=0.01)


def test_a_label_that_is_none_is_told_with_its_sentence():
    message = Message({TEXT: "it will snap", INTENT: "belief", METADATA: {METADATA_EXAMPLE: {"labels": ["B3"]}}})

    with pytest.raises(RasaException, match='"it will snap" carries B3'):
        read_labels([message])


@pytest.mark.parametrize("risk", EMERGENCIES)
def test_an_emergency_class_keeps_its_examples(risk, lines):
    assert sum(risk in line.labels for line in lines) >= LEAST_EXAMPLES


@pytest.mark.parametrize("risk", EMERGENCIES)
def test_an_emergency_class_keeps_its_near_misses(risk, lines):
    assert sum(risk in line.near for line in lines) >= LEAST_NEAR_MISSES


def test_every_belief_has_examples_in_many_voices(lines):
    voices = Counter(
        label for label, voice in {(label, line.voice) for line in lines for label in line.labels} if voice
    )

    assert {label: count for label, count in voices.items() if label.startswith("B") and count < 10} == {}


def test_rules_or_model_hear_the_emergencies_of_unseen_voices(danger):
    """70 of 72 when this floor was set."""
    own = [(line, found) for line, found in danger for risk in EMERGENCIES if risk in line.labels]

    heard_in = sum(bool(found.keys() & line.labels) for line, found in own)

    assert heard_in / len(own) >= 0.92


@pytest.mark.parametrize("risk", EMERGENCIES)
def test_no_emergency_class_is_lost_on_unseen_voices(risk, danger):
    """9 of 10 or more in each when this floor was set; ten lines prove no more than that a class is not gone."""
    own = [found for line, found in danger if risk in line.labels]

    assert sum(risk in found for found in own) / len(own) >= 0.8


def test_near_misses_of_unseen_voices_rarely_get_emergency_advice(danger):
    """6 of 100 when this ceiling was set."""
    quiet = [found for line, found in danger if not line.labels]

    assert sum("advise" in found.values() for found in quiet) / len(quiet) <= 0.11


def test_beliefs_of_unseen_voices_are_heard(head, fresh, vectors):
    """Macro-F1 0.78 when this floor was set."""
    labels = sorted(set().union(*(line.labels for line in fresh["belief"])))
    carried = np.array([[label in line.labels for label in labels] for line in fresh["belief"]])
    places = [head.labels.index(label) for label in labels]

    chances = heard(head, fresh["belief"], vectors, head.labels, limits()["frame_sure"])[:, places]

    assert macro_f1(by_class(chances >= needed(labels), carried, labels)) >= 0.75


def test_near_misses_of_beliefs_in_unseen_voices_stay_quiet(head, fresh, vectors):
    """6 of 100 when this ceiling was set."""
    quiet = [line for line in fresh["belief"] if not line.labels]
    beliefs = [place for place, label in enumerate(head.labels) if label.startswith("B")]

    chances = heard(head, quiet, vectors, head.labels, limits()["frame_sure"])[:, beliefs]
    fired = (chances >= needed([head.labels[place] for place in beliefs])).any(axis=1)

    assert fired.mean() <= 0.12


def test_the_encoder_is_not_much_older_than_the_examples(lines):
    """Beyond this, run `make encoder`: classes that were widened since are heard by yesterday's ear."""
    assert share_unseen(SERVED, [line.told() for line in lines]) <= 0.15


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("I used to think that every ache meant I had torn something", ("self", "past", "affirmed", "statement")),
        ("I don't believe that a bit of pain means any damage", ("self", "now", "negated", "statement")),
        ("does a sore back mean that I have damaged it?", ("self", "now", "affirmed", "question")),
        ("every ache means that I have torn something again", ("self", "now", "affirmed", "statement")),
    ],
)
def test_the_frame_of_a_message_is_read(head, text, frame):
    _, turns = head.read([text], both_vectors([text]))

    assert framed(turns[0], 0.5)[:4] == frame


def test_a_change_of_words_rarely_changes_what_is_heard(head):
    """1.9 % invariance and 16.7 % direction failures when these floors were set; 2 and 5 % are wanted."""
    result = suites.measure(hearing(head, head.labels, limits()))

    assert result["emergencies"]["plain"]["heard"]["share"] == 1
    assert result["totals"][suites.INVARIANCE]["share"] <= 0.03
    assert result["totals"][suites.DIRECTION]["share"] <= 0.20
    assert result["emergencies"]["totals"][suites.INVARIANCE]["share"] <= 0.02
