"""The components of the pipeline: vectors, intents, amounts. (Concerns: test_concern_tagger.py.)"""

import numpy as np
import pytest
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.components import adapter, minilm
from nlu.components.amounts import AmountExtractor
from nlu.components.intent_classifier import IntentClassifier, normalised

from .conftest import example, heard

HELLOS = ["hello", "hi there", "good morning", "hiya", "hey"]
STOPS = ["stop", "stop this", "cancel that", "i want to stop", "forget it"]


def everyday():
    return [example(text, "greet") for text in HELLOS] + [example(text, "stop") for text in STOPS]


# Vectors


def test_a_vector_has_length_one_and_is_the_same_each_time():
    first = minilm.encoder()._run("my back aches")

    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(first, minilm.encoder()._run("my back aches"))


def test_a_text_has_the_same_vector_alone_and_among_others():
    texts = ["my back aches", "my legs ache", "I walked to the shop and back again", "no", "my head hurts"]

    together = minilm.encoder().encode_all(texts)

    for text, vector in zip(texts, together, strict=True):
        assert vector == pytest.approx(minilm.encoder()._run(text), abs=1e-5)


def test_vectors_of_training_texts_come_from_disk_the_second_time(tmp_path, monkeypatch):
    first = minilm.encode_training_texts(["one text", "another"], cache=tmp_path)
    monkeypatch.setattr(minilm, "encoder", lambda adapter: pytest.fail("it was encoded again"))

    second = minilm.encode_training_texts(["another", "one text"], cache=tmp_path)

    assert all(np.array_equal(first[text], second[text]) for text in first)


def test_a_cache_that_was_cut_short_is_written_anew(tmp_path):
    minilm.encode_training_texts(["one text"], cache=tmp_path)
    (file,) = tmp_path.glob("minilm-*.npz")
    file.write_bytes(file.read_bytes()[:100])

    assert "one text" in minilm.encode_training_texts(["one text"], cache=tmp_path)


def test_recent_vectors_are_remembered_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(minilm, "REMEMBERED", 2)
    encoder = minilm.Encoder()

    for text in ("a", "b", "a", "c"):
        encoder.encode(text)

    assert list(encoder._recent) == ["a", "c"]


# The tuned encoder


def test_an_adapter_that_adds_nothing_changes_nothing(tmp_path):
    """Holds the names of the graph's layers to the packaged weights: one in the wrong place would garble every vector."""
    nothing = tmp_path / "nothing.npz"
    with np.load(adapter.SERVED) as learned:
        weights = {name: learned[name] for name in learned.files if not name.endswith((".bias", ".weight"))}
    np.savez(nothing, **{name: np.zeros_like(values) for name, values in weights.items()})
    plain, same = minilm.encoder(), minilm.Encoder(nothing)

    for text in ("my back aches", "I daren't bend in case it goes", "see you on Monday"):
        assert float(plain._run(text) @ same._run(text)) == pytest.approx(1, abs=0.002)


def test_the_served_adapter_brings_the_same_idea_closer():
    """Two ways to say that pain is injury, and a remark that shares the words of one of them."""
    texts = ["it hurts so I must have torn it", "soreness tells me I've wrecked something", "the trousers were torn"]
    plain, tuned = (
        np.stack([each._run(text) for text in texts]) for each in (minilm.encoder(), minilm.encoder(adapter.SERVED))
    )

    assert tuned[0] @ tuned[1] - tuned[0] @ tuned[2] > plain[0] @ plain[1] - plain[0] @ plain[2]


def test_vectors_of_two_encoders_are_never_kept_together(tmp_path):
    minilm.encode_training_texts(["one text"], cache=tmp_path)
    minilm.encode_training_texts(["one text"], adapter.SERVED, cache=tmp_path)

    assert len(list(tmp_path.glob("minilm-*.npz"))) == 2


# Intents


def test_an_intent_survives_storing_and_loading(trained):
    classifier = trained(IntentClassifier, everyday())

    found = heard(classifier, "hello there")

    assert found["intent"]["name"] == "greet"
    assert [each["name"] for each in found["intent_ranking"]] == ["greet", "stop"]
    assert sum(each["confidence"] for each in found["intent_ranking"]) == pytest.approx(1, abs=1e-5)


def test_it_says_which_examples_are_the_same_words_and_which_are_close(trained):
    classifier = trained(IntentClassifier, everyday())

    same = heard(classifier, "Stop this, please!")
    near = heard(classifier, "i want to stop now")
    far = heard(classifier, "the soup needs more salt")

    assert same["exact"] == ["stop"]
    assert (near["exact"], set(near["close"])) == ([], {"stop"})
    assert (far["exact"], far["close"]) == ([], {})


@pytest.mark.parametrize("text", ["how many prime numbers are there", "asdf qwer", ""])
def test_what_is_like_no_example_falls_back(trained, text):
    classifier = trained(IntentClassifier, everyday())

    assert heard(classifier, text)["intent"]["name"] == "nlu_fallback"


def test_concerns_are_no_intents_of_the_classifier(trained):
    classifier = trained(IntentClassifier, [*everyday(), example("pain means damage", "belief/hurt", labels=["B01"])])

    names = {each["name"] for each in heard(classifier, "pain means damage")["intent_ranking"]}

    assert not names & {"belief", "risk"}


def test_one_intent_is_too_few_and_that_is_said(trained):
    with pytest.raises(RasaException, match="at least two intents"):
        trained(IntentClassifier, [example(text, "greet") for text in HELLOS])


@pytest.mark.parametrize(
    ("text", "words"), [("Stop, please!", "stop"), ("I’m  OK", "i'm"), ("please", "please"), ("🙂", "")]
)
def test_words_are_compared_without_case_courtesy_and_punctuation(text, words):
    assert normalised(text) == words


# Amounts


def test_amounts_become_entities_with_their_place():
    message = Message({TEXT: "20 minutes on Monday"})

    AmountExtractor().process([message])

    assert [(each["entity"], each["value"], each["start"], each["end"]) for each in message.get("entities")] == [
        ("minutes", 20, 0, 10),
        ("days", "Monday", 14, 20),
    ]
