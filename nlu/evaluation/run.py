"""Scores all lines with voices left out and gathers the figures."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np
import rasa.shared.utils.io

from nlu.components.concern_head import kind_of, parts
from nlu.components.minilm import encoder

from . import figures
from .heads import ConcernHead, FrozenHead, Keywords, heard
from .lines import ROOT, Line, Vectors, real, taught, unseen
from .measures import lowest_threshold
from .rules import rule_findings

FOLDS = 5
TIMED = 200  # texts
HEADS = {"served": ConcernHead, "earlier": FrozenHead, "keywords": Keywords}
NOTHING: Any = frozenset()


class Scored(NamedTuple):
    """One set of lines with what each layer heard in them."""

    lines: List[Line]
    chances: Dict[str, np.ndarray]  # by head
    rules: List[Dict[str, str]]


def evaluate(say: Callable[[str], None], *, diet: bool = False) -> Dict[str, Any]:
    say("reading dialogues/")
    sets = {
        "voices": taught(),
        "beliefs_unseen": unseen("beliefs"),
        "risks_unseen": unseen("risks"),
        "real": real("back_pain_utterances"),
        "out_of_scope": real("out_of_scope"),
    }
    every = [line for lines in sets.values() for line in lines]
    say(f"asking the rules about {len(every)} lines")
    rules = iter(rule_findings(every))
    say("encoding what is new")
    vectors = Vectors(every)
    labels = sorted(set().union(*(line.labels for line in sets["voices"])))
    chances = {name: {} for name in sets}
    for head in HEADS:
        for name, scores in _chances(head, sets, vectors, labels, say).items():
            chances[name][head] = scores
    scored = {name: Scored(lines, chances[name], [next(rules) for _ in lines]) for name, lines in sets.items()}
    result = figures.gather(scored, labels, limits())
    result["proposal"] = proposal(scored["voices"], labels)
    result["milliseconds"] = _latency(sets, vectors)
    if diet:
        from .diet import measure

        result["diet"] = measure(sets, folds(sets["voices"])[0], labels, say)
    return result


def folds(lines: Sequence[Line]) -> List[np.ndarray]:
    """Which lines are left out together: every voice is in exactly one fold."""
    voices = sorted({line.voice for line in lines})
    own = np.array([line.voice for line in lines])
    return [np.isin(own, voices[fold::FOLDS]) for fold in range(FOLDS)]


def _chances(
    head: str, sets: Dict[str, List[Line]], vectors: Vectors, labels: Sequence[str], say: Callable[[str], None]
) -> Dict[str, np.ndarray]:
    lines, kind = sets["voices"], HEADS[head]
    scores = np.zeros((len(lines), len(labels)))
    for number, left_out in enumerate(folds(lines), start=1):
        say(f"{head}: voices left out, fold {number} of {FOLDS}")
        learned = kind.learned(vectors.lessons([line for line, out in zip(lines, left_out, strict=True) if not out]))
        scores[left_out] = heard(
            learned, [line for line, out in zip(lines, left_out, strict=True) if out], vectors, labels
        )
    say(f"{head}: all voices, for the unseen lines")
    learned = kind.learned(vectors.lessons(lines))
    others = {name: heard(learned, own, vectors, labels) for name, own in sets.items() if name != "voices"}
    return {"voices": scores, **others}


def limits() -> Dict[str, float]:
    written = rasa.shared.utils.io.read_yaml_file(ROOT / "dialogues" / "protocol" / "understanding.yml")
    return {name: float(written[name]["value"]) for name in ("belief_flag", "risk_ask", "risk_advise")}


def proposal(scored: Scored, labels: Sequence[str]) -> Dict[str, float]:
    """The lowest thresholds that keep the model quiet enough by itself; a person writes them into the protocol."""
    chances = scored.chances["served"]
    own = {kind: np.array([kind_of(label) == kind for label in labels]) for kind in ("belief", "risk")}
    ordinary = np.array([line.is_ordinary for line in scored.lines])
    near = {kind: figures.near_misses(scored.lines, kind) for kind in own}
    return {
        "belief_flag": lowest_threshold(chances[:, own["belief"]], [(near["belief"], 0.10), (ordinary, 0.02)]),
        "risk_ask": lowest_threshold(chances[:, own["risk"]], [(near["risk"], 0.10), (ordinary, 0.015)]),
        "risk_advise": lowest_threshold(chances[:, own["risk"]], [(near["risk"], 0.02), (ordinary, 0.0025)]),
    }


def _latency(sets: Dict[str, List[Line]], vectors: Vectors) -> Dict[str, float]:
    """Encoding and scoring one text after another, as in a conversation."""
    head = ConcernHead.learned(vectors.lessons(sets["risks_unseen"]))
    taken = []
    for line in sets["risks_unseen"][:TIMED]:
        started = time.perf_counter()
        pieces = parts(line.text)
        if pieces:
            head.chances(pieces, np.stack([encoder()._run(piece) for piece in pieces]))
        taken.append(1000 * (time.perf_counter() - started))
    return {"p50": round(float(np.percentile(taken, 50)), 1), "p95": round(float(np.percentile(taken, 95)), 1)}
