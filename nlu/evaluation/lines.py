"""The sentences that are measured: those of dialogues/ with their voices, the unseen ones, and real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence

import numpy as np
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_EXAMPLE, TEXT

from nlu.components.adapter import SERVED
from nlu.components.concern_head import Lesson, parts
from nlu.components.concern_tagger import read_labels
from nlu.components.minilm import encode_training_texts, encoder
from nlu.topics import TopicImporter

from .folds import fold_of

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

    def told(self) -> Dict[str, Any]:
        """What an encoder has learned of a line; a change of it is a new line (adapter.mark)."""
        return {"text": self.text, "labels": sorted(self.labels), "near": sorted(self.near), "intent": self.intent}


def taught(dialogues: Path = ROOT / "dialogues") -> List[Line]:
    """Every training example, as the tagger itself reads it."""
    data = TopicImporter(config_file=str(ROOT / "nlu" / "config.yml"), domain_path=str(dialogues)).get_nlu_data()
    examples = [message for message in data.intent_examples if message.get(TEXT)]
    return [
        _line(message.get(TEXT), labels, (message.get(METADATA) or {}).get(METADATA_EXAMPLE), message.get(INTENT))
        for message, labels in zip(examples, read_labels(examples), strict=True)
    ]


def unseen(kind: str) -> List[Line]:
    """Sentences in voices that dialogues/ does not have. `kind`: beliefs, risks, or independent, which holds both and
    was written by somebody who had not read dialogues/."""
    if kind == "independent":
        return [_line(row["text"], row["labels"], row, "") for row in _rows(HERE / "independent.jsonl")]
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


def main() -> None:
    """Every training example as a JSON line with its fold: what `make encoder` learns from."""
    for line in taught():
        print(json.dumps({**line.told(), "why": line.why, "fold": fold_of(line.voice)}, ensure_ascii=False))


class Vectors:
    """Both vectors of all lines and of their parts; those known already come from the featurizer's cache."""

    def __init__(self, lines: Sequence[Line], adapter: Path = SERVED, cached: bool = True) -> None:
        texts = sorted({text for line in lines for text in (line.text, *parts(line.text))})
        encode = encode_training_texts if cached else _encode_once
        self._plain, self._tuned = encode(texts), encode(texts, adapter)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Text by encoder by size."""
        return np.stack([self._both(text) for text in texts])

    def lessons(self, lines: Sequence[Line]) -> List[Lesson]:
        return [Lesson(line.text, self._both(line.text), set(line.labels), set(line.near), line.why) for line in lines]

    def _both(self, text: str) -> np.ndarray:
        return np.stack([self._plain[text], self._tuned[text]])


def _encode_once(texts: List[str], adapter: Optional[Path] = None) -> Dict[str, np.ndarray]:
    return dict(zip(texts, encoder(adapter).encode_all(texts), strict=True))


if __name__ == "__main__":
    main()
