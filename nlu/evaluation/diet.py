"""Rasa's stock pipeline (DIET, EPOCHS epochs) on the same lines: what one gets without our own components.

It knows one intent a message, so a line with a label stands under its first label. One fold only, and not with every
`make eval`: `nlu/.venv/bin/python -m nlu.evaluation.diet` takes half an hour and more, and keeps its figures beside this
file, where each evaluation finds them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from nlu.components.concern_head import kind_of

from .figures import ranking
from .lines import Line

EPOCHS = 40  # of Rasa's 300; a minute each
PIPELINE = (
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": EPOCHS, "constrain_similarities": True},
)


FIGURES = Path(__file__).with_suffix(".json")


def known() -> Dict[str, Any]:
    """The figures of the last measurement, by head as in `measure`; none before the first."""
    if not FIGURES.exists():
        return {}
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {f"{head}, {kept['lines']} lines, {kept['made_on']}": each for head, each in kept["figures"].items()}


def measure(
    sets: Dict[str, List[Line]], left_out: np.ndarray, labels: Sequence[str], say: Callable[[str], None]
) -> Dict[str, Any]:
    """The same figures as for the other heads, on the first fold and the unseen files."""
    lines = sets["voices"]
    kinds = [
        (kind, [label for label in labels if kind_of(label) == kind], sets[f"{kind}s_unseen"])
        for kind in ("belief", "risk")
    ]
    with tempfile.TemporaryDirectory() as folder:
        say("DIET: training on one fold, which is slow")
        model = _train([line for line, out in zip(lines, left_out, strict=True) if not out], Path(folder))
        held = [line for line, out in zip(lines, left_out, strict=True) if out]
        say("DIET: reading the left-out and unseen lines")
        return {
            f"DIET, {EPOCHS} epochs, one fold": {
                kind: ranking(kind, own, held, _chances(model, held, own), fresh, _chances(model, fresh, own))
                for kind, own, fresh in kinds
            }
        }


def _train(lines: Sequence[Line], folder: Path) -> Any:
    from rasa.core.agent import Agent
    from rasa.model_training import train_nlu
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.WARNING)  # else it prints every sentence it reads
    examples: Dict[str, List[str]] = {}
    for line in lines:
        examples.setdefault(min(line.labels, default=line.intent), []).append(line.text)
    nlu = [{"intent": intent, "examples": [{"text": text} for text in texts]} for intent, texts in examples.items()]
    # Rasa looks for a line that begins with `nlu:`; the rest may be JSON, which is YAML too.
    (folder / "nlu.yml").write_text(f'version: "3.1"\nnlu: {json.dumps(nlu, ensure_ascii=False)}\n', encoding="utf-8")
    settings = {"recipe": "default.v1", "assistant_id": "stock", "language": "en", "pipeline": list(PIPELINE)}
    (folder / "config.yml").write_text(json.dumps(settings), encoding="utf-8")
    path = train_nlu(str(folder / "config.yml"), str(folder / "nlu.yml"), str(folder))
    if not path:
        raise RuntimeError("Rasa's stock pipeline could not be trained")
    return Agent.load(path)


def _chances(model: Any, lines: Sequence[Line], own: Sequence[str]) -> np.ndarray:
    async def parsed() -> List[Dict[str, Any]]:
        return [await model.parse_message(line.text) for line in lines]

    found = asyncio.run(parsed())
    ranked = [{each["name"]: each["confidence"] for each in parse["intent_ranking"]} for parse in found]
    return np.array([[ranking.get(label, 0.0) for label in own] for ranking in ranked])


def main() -> None:
    """Trains, measures, and keeps the figures."""
    from .lines import taught, unseen
    from .run import folds

    def say(words: str) -> None:
        print(f"diet: {words}", file=sys.stderr, flush=True)

    sets = {"voices": taught(), "beliefs_unseen": unseen("beliefs"), "risks_unseen": unseen("risks")}
    labels = sorted(set().union(*(line.labels for line in sets["voices"])))
    found = measure(sets, folds(sets["voices"])[0], labels, say)
    kept = {"made_on": f"{datetime.now(timezone.utc):%d %B %Y}", "lines": len(sets["voices"]), "figures": found}
    FIGURES.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    say(f"wrote {FIGURES.name}")


if __name__ == "__main__":
    main()
