"""The sentences that are measured: those of dialogues/ with their voices, the unseen ones, and real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, NamedTuple, Sequence, Set

import numpy as np
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_EXAMPLE, TEXT

from nlu.components.concern_head import Lesson, parts
from nlu.components.concern_tagger import read_labels
from nlu.components.minilm import encode_training_texts
from nlu.topics import TopicImporter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Line(NamedTuple):
    text: str
    labels: FrozenSet[str]
    near: FrozenSet[str] = frozenset()
    voice: str = ""
    why: str = ""
    intent: str = ""

    @property
    def is_ordinary(self) -> bool:
        """Everyday talk: carries nothing and was not written to sound like anything."""
        return not self.labels and not self.near


def taught(dialogues: Path = ROOT / "dialogues") -> List[Line]:
    """Every training example, as the tagger itself reads it."""
    data = TopicImporter(config_file=str(ROOT / "nlu" / "config.yml"), domain_path=str(dialogues)).get_nlu_data()
    examples = [message for message in data.intent_examples if message.get(TEXT)]
    return [
        _line(message.get(TEXT), labels, (message.get(METADATA) or {}).get(METADATA_EXAMPLE), message.get(INTENT))
        for message, labels in zip(examples, read_labels(examples), strict=True)
    ]


def unseen(kind: str) -> List[Line]:
    """`kind` is beliefs or risks: sentences in voices that dialogues/ does not have."""
    return [_line(row["text"], row[kind], row, "") for row in _rows(HERE / f"{kind}_unseen.jsonl")]


def real(name: str) -> List[Line]:
    return [Line(row["text"], frozenset()) for row in _rows(HERE / "real" / f"{name}.jsonl")]


def _line(text: str, labels: Any, about: Any, intent: str) -> Line:
    about = about if isinstance(about, dict) else {}
    return Line(
        text,
        frozenset(labels),
        frozenset(about.get("near") or []),
        about.get("voice") or "",
        about.get("why") or "",
        intent,
    )


def _rows(file: Path) -> List[Dict[str, Any]]:
    return [json.loads(row) for row in file.read_text(encoding="utf-8").splitlines() if row.strip()]


class Vectors:
    """The vectors of all lines and of their parts; those known already come from the featurizer's cache."""

    def __init__(self, lines: Sequence[Line]) -> None:
        texts: Set[str] = set()
        for line in lines:
            texts.update([line.text, *parts(line.text)])
        self._known = encode_training_texts(sorted(texts))

    def of(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._known[text] for text in texts])

    def lessons(self, lines: Sequence[Line]) -> List[Lesson]:
        return [Lesson(line.text, self._known[line.text], set(line.labels), set(line.near)) for line in lines]
