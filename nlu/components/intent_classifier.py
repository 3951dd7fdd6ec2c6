"""Names the intent of a message: logistic regression on the sentence vector, straight in scikit-learn.

Rasa's own classifier turns dense vectors into sparse rows and takes 8-12 s for the same fit.
Beside the ranking it reports which intents have the message as an example word for word (`exact`) and
which have an example very close to it (`close`, intent: cosine): the channel decides with them
whether a free-text answer leaves a form.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any, Dict, List, Text

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression

from .minilm import MiniLM, vector_of

FALLBACK = "nlu_fallback"
CONCERNS = ("belief", "risk")  # not classes here: ConcernTagger hears them, and with them every tenth command was lost
NEAR_MISS = (
    0.05  # what a near miss of a concern counts beside a plain example: hundreds of them had hidden "did my walk"
)
SHARPNESS = 5.0  # vectors have length 1: unscaled, the probabilities are too flat for a threshold to mean anything
RANKED = 5
COURTESY = frozenset(("please", "pls", "thanks", "thank", "you", "ok", "okay", "um", "er", "well", "oh"))


def _weights(examples: List[Message]) -> np.ndarray:
    """Every intent weighs the same, whatever its number of examples."""
    own = np.array([NEAR_MISS if metadata_of(message).get("near") else 1.0 for message in examples])
    intents = np.array([message.get(INTENT) for message in examples])
    totals = {intent: own[intents == intent].sum() for intent in set(intents.tolist())}
    return own * len(own) / len(totals) / np.array([totals[intent] for intent in intents.tolist()])


def metadata_of(message: Message) -> Dict[str, Any]:
    """What a writer noted beside an example: voice, labels, near, why."""
    metadata = (message.get(METADATA) or {}).get(METADATA_EXAMPLE)
    return metadata if isinstance(metadata, dict) else {}


def normalised(text: str) -> str:
    """The text without case, punctuation and courtesy, to compare it with examples word for word."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return " ".join(word for word in words if word not in COURTESY) or " ".join(words)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentClassifier(GraphComponent):
    """`protocol` of its config holds the intent_… and way_out_nearest limits (from TopicImporter)."""

    def __init__(self, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._limits: Dict[str, float] = config["protocol"]
        self._storage = model_storage
        self._resource = resource
        self._classes: List[str] = []
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)
        self._examples = np.zeros((0, 0), dtype=np.float32)
        self._example_intents: List[str] = []
        self._texts: Dict[str, List[str]] = {}

    @classmethod
    def required_components(cls) -> List[type]:
        return [MiniLM]

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT) and m.get(INTENT) not in CONCERNS]
        labels = [m.get(INTENT) for m in examples]
        if len(set(labels)) < 2:
            raise RasaException("dialogues/ needs examples of at least two intents before a model can be trained.")
        vectors = np.stack([vector_of(m) for m in examples])
        regression = LogisticRegression(C=1.0, max_iter=200)
        regression.fit(SHARPNESS * vectors, labels, sample_weight=_weights(examples))
        self._classes = regression.classes_.tolist()
        self._weights, self._bias = _one_row_a_class(regression)
        self._examples = vectors.astype(np.float32)
        self._example_intents = labels
        texts: Dict[str, set] = defaultdict(set)
        for message, intent in zip(examples, self._example_intents, strict=True):
            texts[normalised(message.get(TEXT))].add(intent)
        self._texts = {text: sorted(intents) for text, intents in texts.items()}
        self._persist()
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            vector = vector_of(message)
            ranking: List[Dict[str, Any]] = []
            nearest: Dict[str, float] = {}
            if vector is not None:
                ranking, nearest = self._ranking(vector), self._nearest(vector)
                close = {name: cosine for name, cosine in nearest.items() if cosine >= self._limits["way_out_nearest"]}
                message.set("close", close, add_to_output=True)
                message.set("exact", self._texts.get(normalised(message.get(TEXT)), []), add_to_output=True)
            if self._is_unclear(ranking, nearest):
                ranking.insert(0, {"name": FALLBACK, "confidence": self._limits["intent_fallback"]})
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking[:RANKED], add_to_output=True)
        return messages

    def _ranking(self, vector: np.ndarray) -> List[Dict[str, Any]]:
        logits = self._weights @ (SHARPNESS * vector) + self._bias
        odds = np.exp(logits - logits.max())
        best_first = sorted(zip((odds / odds.sum()).tolist(), self._classes, strict=True), reverse=True)
        return [{"name": name, "confidence": chance} for chance, name in best_first]

    def _is_unclear(self, ranking: List[Dict[str, Any]], nearest: Dict[str, float]) -> bool:
        """True when the first guess is weak, hardly ahead of the second, or like no example of its intent.

        The last is what keeps talk of the weather out: a classifier is sure of something about any text.
        """
        if not ranking or ranking[0]["confidence"] < self._limits["intent_fallback"]:
            return True
        gap = ranking[0]["confidence"] - (ranking[1]["confidence"] if len(ranking) > 1 else 0.0)
        if gap < self._limits["intent_ambiguity"]:
            return True
        return nearest[ranking[0]["name"]] < self._limits["intent_nearest"]

    def _nearest(self, vector: np.ndarray) -> Dict[str, float]:
        """The highest cosine to an example, by intent."""
        best: Dict[str, float] = {}
        for intent, cosine in zip(self._example_intents, (self._examples @ vector).tolist(), strict=True):
            if cosine > best.get(intent, -1.0):
                best[intent] = round(cosine, 4)
        return best

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as directory:
            np.savez(
                directory / "weights.npz",
                weights=self._weights,
                bias=self._bias,
                examples=self._examples.astype(np.float16),
            )
            names = {"classes": self._classes, "example_intents": self._example_intents, "texts": self._texts}
            (directory / "names.json").write_text(json.dumps(names))

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> IntentClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            names = json.loads((directory / "names.json").read_text())
            with np.load(directory / "weights.npz") as stored:
                component._weights, component._bias = stored["weights"], stored["bias"]
                component._examples = stored["examples"].astype(np.float32)
        component._classes = names["classes"]
        component._example_intents = names["example_intents"]
        component._texts = names["texts"]
        return component


def _one_row_a_class(regression: LogisticRegression) -> "tuple[np.ndarray, np.ndarray]":
    """Weights and bias with one row a class; scikit-learn keeps a single row when there are two."""
    weights, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:
        weights, bias = np.vstack([-weights / 2, weights / 2]), np.concatenate([-bias / 2, bias / 2])
    return weights.astype(np.float32), bias.astype(np.float32)
