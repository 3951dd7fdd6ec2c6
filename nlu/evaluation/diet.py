"""Rasa's stock pipeline (DIET, 100 epochs) on the same lines: what one gets without this project's components.

It knows one intent a message, so a line with a label stands under its first label. One fold only: training takes
minutes.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from nlu.components.concern_head import kind_of

from .figures import near_misses
from .lines import Line
from .measures import by_class, macro_f1, rate

PIPELINE = (
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
)
SURE = 0.5


def measure(
    sets: Dict[str, List[Line]], left_out: np.ndarray, labels: Sequence[str], say: Callable[[str], None]
) -> Dict[str, Any]:
    """The same figures as for the other heads, on the first fold and the unseen files."""
    lines = sets["voices"]
    with tempfile.TemporaryDirectory() as folder:
        say("DIET: training on one fold, for minutes")
        model = _train([line for line, out in zip(lines, left_out, strict=True) if not out], Path(folder))
        held = [line for line, out in zip(lines, left_out, strict=True) if out]
        say("DIET: reading the left-out and unseen lines")
        return {
            "DIET, one fold": {
                kind: _figures(model, held, sets[f"{kind}s_unseen"], [x for x in labels if kind_of(x) == kind], kind)
                for kind in ("belief", "risk")
            }
        }


def _train(lines: Sequence[Line], folder: Path) -> Any:
    from rasa.core.agent import Agent
    from rasa.model_training import train_nlu

    examples: Dict[str, List[str]] = {}
    for line in lines:
        examples.setdefault(min(line.labels, default=line.intent), []).append(line.text)
    nlu = [{"intent": intent, "examples": [{"text": text} for text in texts]} for intent, texts in examples.items()]
    written = {"version": "3.1", "nlu": nlu}
    plain_yaml = "# JSON is YAML, but without this line Rasa takes the file for its old JSON format.\n"
    (folder / "nlu.yml").write_text(plain_yaml + json.dumps(written, ensure_ascii=False), encoding="utf-8")
    settings = {"recipe": "default.v1", "assistant_id": "stock", "language": "en", "pipeline": list(PIPELINE)}
    (folder / "config.yml").write_text(json.dumps(settings), encoding="utf-8")
    path = train_nlu(str(folder / "config.yml"), str(folder / "nlu.yml"), str(folder))
    if not path:
        raise RuntimeError("Rasa's stock pipeline could not be trained")
    return Agent.load(path)


def _figures(model: Any, held: Sequence[Line], fresh: Sequence[Line], own: List[str], kind: str) -> Dict[str, Any]:
    chances, theirs = _chances(model, held, own), _chances(model, fresh, own)
    fired = (chances >= SURE).any(axis=1)
    return {
        "threshold": SURE,
        "macro_f1": macro_f1(by_class(chances >= SURE, _carried(held, own), own)),
        "macro_f1_unseen": macro_f1(by_class(theirs >= SURE, _carried(fresh, own), own)),
        "near_misses": rate(fired[near_misses(held, kind)]),
        "ordinary": rate(fired[np.array([line.is_ordinary for line in held])]),
    }


def _carried(lines: Sequence[Line], own: Sequence[str]) -> np.ndarray:
    return np.array([[label in line.labels for label in own] for line in lines])


def _chances(model: Any, lines: Sequence[Line], own: Sequence[str]) -> np.ndarray:
    async def parsed() -> List[Dict[str, Any]]:
        return [await model.parse_message(line.text) for line in lines]

    found = asyncio.run(parsed())
    ranked = [{each["name"]: each["confidence"] for each in parse["intent_ranking"]} for parse in found]
    return np.array([[ranking.get(label, 0.0) for label in own] for ranking in ranked])
