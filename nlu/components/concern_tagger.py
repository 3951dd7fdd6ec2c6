"""Scores every belief (B01…) and red flag (RF01…) in a message, whatever its intent: several may apply at once.

What trains it: `labels` in an example's metadata, and the key of `risk/RF01`-style intents. Every other example is a
negative, and `near` in the metadata names what it must not be taken for, `why` why not. How it learns: concern_head.py.
It also reads the context frame (frame.py): a belief that is somebody else's, past, denied or asked is not held.
No score here is a safety net: the app's own rules read every message before Rasa does.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Set, Text, Tuple

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
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from . import concern_head, frame
from .adapter import SERVED
from .adapter import version as adapter_version
from .concern_head import ConcernHead, Lesson, kind_of, parts
from .frame import Frame, framed
from .intent_classifier import FALLBACK, RANKED, metadata_of
from .minilm import MiniLM, encode_training_texts, encoder, vector_of

BELIEF, RISK = "belief", "risk"
LABEL = re.compile(r"^(?P<belief>B\d\d)$|^(?P<risk>RF\d\d)$")
REPORTED = 0.05  # lowest score that is reported


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ConcernTagger(GraphComponent):
    """`protocol` of its config holds belief_flag, risk_ask and frame_sure, put there by TopicImporter."""

    def __init__(self, config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._limits: Dict[str, Any] = config["protocol"]
        self._storage = model_storage
        self._resource = resource
        self._head: Optional[ConcernHead] = None

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
        encoder(SERVED)  # loaded with the model, not in the first patient's turn
        return cls(config, model_storage, resource)

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> str:
        """Rasa notices a change of this class by itself, not one of the modules and weights that it learns with."""
        modules = b"".join(Path(module.__file__).read_bytes() for module in (concern_head, frame))
        return hashlib.sha256(modules).hexdigest() + adapter_version(SERVED)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT) and vector_of(m) is not None]
        found = lessons(examples)
        if any(lesson.labels for lesson in found):
            self._head = ConcernHead.learned(found)
        with self._storage.write_to(self._resource) as folder:
            if self._head:
                self._head.save(folder)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            scores, whole = self.read(message.get(TEXT) or "")
            beliefs = [s for s in scores if kind_of(s["id"]) == BELIEF]
            risks = [s for s in scores if kind_of(s["id"]) == RISK]
            message.set("beliefs", beliefs, add_to_output=True)
            message.set("risks", risks, add_to_output=True)
            message.set("frame", whole.told(), add_to_output=True)
            flagged = [s for s in risks if s["confidence"] >= limit_of(self._limits, "risk_ask", s["id"])]
            flagged += [
                s for s in beliefs if s["held"] and s["confidence"] >= limit_of(self._limits, "belief_flag", s["id"])
            ]
            self._add_entities(message, flagged)
            self._settle_intent(message, flagged)
        return messages

    def read(self, text: str) -> Tuple[List[Dict[str, Any]], Frame]:
        """Every label that scores at least REPORTED in the text or in one of its sentences, best first; and the frame.

        A label's own frame is that of the sentence in which it scores best; the message's is that of its best label.
        """
        pieces = parts(text)
        if not pieces or not self._head:
            return [], framed([0.0] * len(frame.TURNS), 1.0)
        chances, turns = self._head.read(pieces, both_vectors(pieces))
        frames = [framed(row, self._limits["frame_sure"]) for row in turns]
        heard_in = chances.argmax(axis=0)
        best = sorted(zip(chances.max(axis=0).tolist(), self._head.labels, heard_in, strict=True), reverse=True)
        scores = [
            {"id": label, "confidence": round(chance, 4), "held": frames[piece].is_own_view}
            for chance, label, piece in best
            if chance >= REPORTED
        ]
        return scores, frames[best[0][2]] if scores else frames[0]

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
        with model_storage.read_from(resource) as folder:
            if (folder / "head.npz").exists():
                component._head = ConcernHead.load(folder)
        return component


def limit_of(limits: Mapping[str, Any], name: str, label: str) -> float:
    """A limit of the protocol for one class: it is one number, or one a class with a `default`."""
    limit = limits[name]
    return float(limit.get(label, limit["default"]) if isinstance(limit, dict) else limit)


def both_vectors(texts: List[str]) -> np.ndarray:
    """Text by encoder by size: the packaged encoder's vector, then the tuned one's."""
    return np.stack([np.stack([encoder().encode(text), encoder(SERVED).encode(text)]) for text in texts])


def lessons(examples: List[Message]) -> List[Lesson]:
    tuned = encode_training_texts([message.get(TEXT) for message in examples], SERVED)
    return [
        Lesson(
            message.get(TEXT),
            np.stack([vector_of(message), tuned[message.get(TEXT)]]),
            labels,
            set(metadata_of(message).get("near") or []),
            metadata_of(message).get("why") or "",
        )
        for message, labels in zip(examples, read_labels(examples), strict=True)
    ]


def read_labels(examples: List[Message]) -> List[Set[str]]:
    """The labels of each example, in order. Raises RasaException with words for a content writer."""
    meanings = _meanings(examples)
    found: List[Set[str]] = []
    for message in examples:
        labels = set(metadata_of(message).get("labels") or [])
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
        counts[key].update([name] * len(examples) if LABEL.match(name) else metadata_of(message).get("labels") or [])
    return {key: counter.most_common(1)[0][0] for key, counter in counts.items() if counter}
