"""Scores every belief (B01…) and red flag (RF01…) in a message, whatever its intent: several may apply at once.

One logistic regression a label. What trains them: `labels` in an example's metadata, and the key of
`risk/RF01`-style intents. Every other example, near misses above all, is a negative.
No score here is a safety net: the app's own rules read every message before Rasa does.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from typing import Any, Dict, List, Set, Text, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import (
    ENTITIES,
    INTENT,
    INTENT_RANKING_KEY,
    INTENT_RESPONSE_KEY,
    METADATA,
    METADATA_EXAMPLE,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression

from .intent_classifier import FALLBACK, RANKED
from .minilm import MiniLM, encoder, vector_of

SHARPNESS = 3.0
BELIEF, RISK = "belief", "risk"
LABEL = re.compile(r"^(?P<belief>B\d\d)$|^(?P<risk>RF\d\d)$")
REPORTED = 0.05  # lowest score that is reported
PIECES = 8  # parts of a long message that are scored besides the whole


def kind_of(label: str) -> str:
    return RISK if label.startswith("RF") else BELIEF


def pieces(text: str) -> List[str]:
    """The whole text and, when it has several sentences, each of them: one sentence in a long story must count."""
    sentences = [s.strip() for s in re.split(r"(?<=[.!?;\n])\s+|\n+", text) if len(s.split()) >= 3]
    if len(sentences) < 2:
        return [text]
    width = -(-len(sentences) // PIECES)
    return [text, *(" ".join(sentences[i : i + width]) for i in range(0, len(sentences), width))]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ConcernTagger(GraphComponent):
    """`protocol` of its config holds belief_flag, risk_advise and risk_ask, put there by TopicImporter."""

    def __init__(self, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._limits: Dict[str, float] = config["protocol"]
        self._storage = model_storage
        self._resource = resource
        self._labels: List[str] = []
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)

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
    ) -> ConcernTagger:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT) and vector_of(m) is not None]
        labels_of = read_labels(examples)
        self._labels = sorted(set().union(*labels_of)) if labels_of else []
        if self._labels:
            vectors = SHARPNESS * np.stack([vector_of(m) for m in examples])
            rows = [_fit(vectors, np.array([label in own for own in labels_of])) for label in self._labels]
            self._weights = np.stack([weights for weights, _ in rows]).astype(np.float32)
            self._bias = np.array([bias for _, bias in rows], dtype=np.float32)
        self._persist()
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            scores = self.score(message.get(TEXT) or "")
            beliefs = [s for s in scores if kind_of(s["id"]) == BELIEF]
            risks = [s for s in scores if kind_of(s["id"]) == RISK]
            message.set("beliefs", beliefs, add_to_output=True)
            message.set("risks", risks, add_to_output=True)
            flagged = [s for s in risks if s["confidence"] >= self._limits["risk_ask"]]
            flagged += [s for s in beliefs if s["confidence"] >= self._limits["belief_flag"]]
            self._add_entities(message, flagged)
            self._settle_intent(message, flagged)
        return messages

    def score(self, text: str) -> List[Dict[str, Any]]:
        """Every label that scores at least REPORTED in the text or in one of its sentences, best first."""
        if not text.strip() or not self._labels:
            return []
        vectors = np.stack([encoder().encode(piece) for piece in pieces(text)])
        chances = 1 / (1 + np.exp(-(SHARPNESS * vectors @ self._weights.T + self._bias)))
        best = sorted(zip(chances.max(axis=0).tolist(), self._labels, strict=True), reverse=True)
        return [{"id": label, "confidence": round(chance, 4)} for chance, label in best if chance >= REPORTED]

    def _add_entities(self, message: Message, flagged: List[Dict[str, Any]]) -> None:
        entities = [
            {
                "entity": kind_of(found["id"]),
                "value": found["id"],
                "start": 0,
                "end": len(message.get(TEXT)),
                "confidence_entity": found["confidence"],
                "extractor": type(self).__name__,
            }
            for found in flagged
        ]
        message.set(ENTITIES, message.get(ENTITIES, []) + entities, add_to_output=True)

    def _settle_intent(self, message: Message, flagged: List[Dict[str, Any]]) -> None:
        """A flagged risk makes the intent `risk`, else a flagged belief `belief`; without a flag it is neither."""
        ranking = message.get(INTENT_RANKING_KEY, [])
        if flagged:
            chosen = min(flagged, key=lambda found: kind_of(found["id"]) != RISK)
            top = {"name": kind_of(chosen["id"]), "confidence": chosen["confidence"]}
        elif (message.get(INTENT) or {}).get("name") in (BELIEF, RISK):
            top = {"name": FALLBACK, "confidence": message.get(INTENT)["confidence"]}
        else:
            return
        message.set(INTENT, top, add_to_output=True)
        others = [other for other in ranking if other["name"] != top["name"]]
        message.set(INTENT_RANKING_KEY, [top, *others][:RANKED], add_to_output=True)

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as directory:
            np.savez(directory / "weights.npz", weights=self._weights, bias=self._bias)
            (directory / "labels.json").write_text(json.dumps(self._labels))

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ConcernTagger:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            component._labels = json.loads((directory / "labels.json").read_text())
            with np.load(directory / "weights.npz") as stored:
                component._weights, component._bias = stored["weights"], stored["bias"]
        return component


def read_labels(examples: List[Message]) -> List[Set[str]]:
    """The labels of each example, in order. Raises RasaException with words for a content writer."""
    meanings = _meanings(examples)
    found: List[Set[str]] = []
    for message in examples:
        labels = set(_metadata(message).get("labels") or [])
        wrong = sorted(str(label) for label in labels if not LABEL.match(str(label)))
        if wrong:
            raise RasaException(f'"{message.get(TEXT)}" carries {", ".join(wrong)}: labels look like B01 or RF01.')
        key = message.get(INTENT_RESPONSE_KEY)
        if message.get(INTENT) in (BELIEF, RISK) and not labels:
            if key not in meanings:
                raise RasaException(
                    f'"{message.get(TEXT)}" stands under {key or message.get(INTENT)} and carries no label: '
                    "add `metadata: {labels: [B01]}`."
                )
            labels = {meanings[key]}
        found.append(labels)
    return found


def _meanings(examples: List[Message]) -> Dict[str, str]:
    """What `belief/x` or `risk/x` means: the id in its name, else the label most of its examples carry."""
    counts: Dict[str, Counter] = defaultdict(Counter)
    for message in examples:
        key = message.get(INTENT_RESPONSE_KEY)
        if not key:
            continue
        name = key.split("/")[1]
        counts[key].update([name] * len(examples) if LABEL.match(name) else _metadata(message).get("labels") or [])
    return {key: counter.most_common(1)[0][0] for key, counter in counts.items() if counter}


def _metadata(message: Message) -> Dict[str, Any]:
    metadata = (message.get(METADATA) or {}).get(METADATA_EXAMPLE)
    return metadata if isinstance(metadata, dict) else {}


def _fit(vectors: np.ndarray, positive: np.ndarray) -> Tuple[np.ndarray, float]:
    regression = LogisticRegression(C=10.0, class_weight="balanced", max_iter=200, solver="liblinear")
    regression.fit(vectors, positive)
    return regression.coef_[0], float(regression.intercept_[0])
