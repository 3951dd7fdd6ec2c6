"""Scores all lines with voices left out and gathers the figures."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence

import numpy as np
import rasa.shared.utils.io

from nlu.components.adapter import ADAPTERS, SERVED, share_unseen
from nlu.components.concern_head import kind_of, parts
from nlu.components.concern_tagger import both_vectors, limit_of

from . import diet, figures, suites, thresholds
from .folds import FOLDS, fold_of
from .heads import ConcernHead, heard, learned
from .lines import ROOT, Line, Vectors, real, taught, unseen
from .rules import rule_findings

TIMED = 200  # texts
LIMITS = ("belief_flag", "risk_ask", "risk_advise")
# What may fire by the model alone; with the rules it comes to the limits of the issue (10 and 2, 15 and 1.5, 5 and 0.5 %).
QUIET = {"belief_flag": (0.09, 0.012), "risk_ask": (0.09, 0.009), "risk_advise": (0.02, 0.0025)}


class Scored(NamedTuple):
    """One set of lines with what each layer heard in them."""

    lines: List[Line]
    chances: Dict[str, np.ndarray]  # by head
    rules: List[Dict[str, str]]
    limits: Dict[str, np.ndarray]  # what each label needs, by row


def evaluate(say: Callable[[str], None]) -> Dict[str, Any]:
    say("reading dialogues/")
    sets = {
        "voices": taught(),
        "beliefs_unseen": unseen("beliefs"),
        "risks_unseen": unseen("risks"),
        "independent": unseen("independent"),
        "real": real("back_pain_utterances"),
        "out_of_scope": real("out_of_scope"),
    }
    every = [line for lines in sets.values() for line in lines]
    say(f"asking the rules about {len(every)} lines")
    found = iter(rule_findings(every))
    rules = {name: [next(found) for _ in lines] for name, lines in sets.items()}
    labels = sorted(set().union(*(line.labels for line in sets["voices"])))
    written = limits()
    left_out = _left_out(sets["voices"], labels, written["frame_sure"], say)
    others, served = _others(sets, labels, written["frame_sure"], say)
    chances = {"voices": left_out, **others}
    nested = _nested(sets["voices"], chances["voices"]["served"], labels)
    scored = {
        name: Scored(lines, chances[name], rules[name], nested if name == "voices" else _spread(written, labels, lines))
        for name, lines in sets.items()
    }
    result = figures.gather(scored, labels)
    result["limits"] = written
    result["proposal"] = proposal(sets["voices"], chances["voices"]["served"], labels)
    result["adapter_unseen"] = round(share_unseen(SERVED, [line.told() for line in sets["voices"]]), 4)
    say("behavioural suites")
    result["suites"] = suites.measure(hearing(served, labels, written))
    result["milliseconds"] = _latency(served, sets)
    result["diet"] = diet.known()
    return result


def folds(lines: Sequence[Line]) -> List[np.ndarray]:
    """Which lines are left out together: every voice is in exactly one fold."""
    own = np.array([fold_of(line.voice) for line in lines])
    return [own == fold for fold in range(FOLDS)]


def _left_out(
    lines: List[Line], labels: Sequence[str], sure: float, say: Callable[[str], None]
) -> Dict[str, np.ndarray]:
    """Scores by head of each line, from encoder and heads that have not heard its voice."""
    scores: Dict[str, np.ndarray] = {}
    for fold, left_out in enumerate(folds(lines)):
        say(f"voices left out, fold {fold + 1} of {FOLDS}")
        vectors = Vectors(lines, ADAPTERS / f"fold{fold}.npz")
        kept = vectors.lessons([line for line, out in zip(lines, left_out, strict=True) if not out])
        held = [line for line, out in zip(lines, left_out, strict=True) if out]
        for name, head in learned(kept).items():
            found = scores.setdefault(name, np.zeros((len(lines), len(labels))))
            found[left_out] = heard(head, held, vectors, labels, sure)
    return scores


def _others(
    sets: Dict[str, List[Line]], labels: Sequence[str], sure: float, say: Callable[[str], None]
) -> "tuple[Dict[str, Dict[str, np.ndarray]], ConcernHead]":
    """Scores of the lines that are not in dialogues/, from heads that have heard all of it."""
    say("all voices, for the other lines")
    vectors = Vectors([line for lines in sets.values() for line in lines])
    heads = learned(vectors.lessons(sets["voices"]))
    found = {
        name: {head: heard(each, lines, vectors, labels, sure) for head, each in heads.items()}
        for name, lines in sets.items()
        if name != "voices"
    }
    return found, heads["served"]


def limits() -> Dict[str, Any]:
    """As the protocol has them: a number, or one a class with a `default`."""
    written = rasa.shared.utils.io.read_yaml_file(ROOT / "dialogues" / "protocol" / "understanding.yml")
    return {name: written[name]["value"] for name in (*LIMITS, "frame_sure")}


def _spread(written: Dict[str, Any], labels: Sequence[str], lines: Sequence[Line]) -> Dict[str, np.ndarray]:
    return {name: np.tile([limit_of(written, name, label) for label in labels], (len(lines), 1)) for name in LIMITS}


def _nested(lines: List[Line], chances: np.ndarray, labels: Sequence[str]) -> Dict[str, np.ndarray]:
    """For each fold the thresholds that the other folds would have chosen."""
    found = {name: np.ones((len(lines), len(labels))) for name in LIMITS}
    for left_out in folds(lines):
        rest = [line for line, out in zip(lines, left_out, strict=True) if not out]
        chosen = proposal(rest, chances[~left_out], labels)
        for name in LIMITS:
            found[name][left_out] = [limit_of(chosen, name, label) for label in labels]
    return found


def proposal(lines: List[Line], chances: np.ndarray, labels: Sequence[str]) -> Dict[str, Any]:
    """Thresholds by class; a person writes them into the protocol."""
    ordinary = np.array([line.is_ordinary for line in lines])
    found: Dict[str, Any] = {}
    for name, kind in (("belief_flag", "belief"), ("risk_ask", "risk")):
        own = [label for label in labels if kind_of(label) == kind]
        places = [list(labels).index(label) for label in own]
        near, everyday = QUIET[name]
        chosen = thresholds.by_class(
            chances[:, places],
            figures.truth(lines, own),
            [(figures.near_misses(lines, kind), near), (ordinary, everyday)],
            [label in figures.EMERGENCIES for label in own],
        )
        found[name] = thresholds.table(own, chosen)
    near, everyday = QUIET["risk_advise"]
    quiet = [(figures.near_misses(lines, "risk"), near), (ordinary, everyday)]
    found["risk_advise"] = thresholds.one_for_all(chances[:, places], quiet)
    return found


def hearing(
    head: ConcernHead, labels: Sequence[str], written: Dict[str, Any]
) -> Callable[[List[str]], List[FrozenSet[str]]]:
    """What would be flagged, advised or asked in each text, by rules or model."""
    needs = {
        label: limit_of(written, "belief_flag" if kind_of(label) == "belief" else "risk_ask", label) for label in labels
    }

    def hear(texts: List[str]) -> List[FrozenSet[str]]:
        lines = [Line(text, frozenset()) for text in texts]
        vectors = Vectors(lines, cached=False)
        rows = heard(head, lines, vectors, labels, written["frame_sure"])
        return [
            frozenset(label for label, chance in zip(labels, row, strict=True) if chance >= needs[label])
            | frozenset(risk for risk, action in by_rules.items() if action in ("advise", "ask"))
            for row, by_rules in zip(rows, rule_findings(lines), strict=True)
        ]

    return hear


def _latency(head: ConcernHead, sets: Dict[str, List[Line]]) -> Dict[str, Optional[float]]:
    """Encoding and scoring one text after another, as in a conversation."""
    taken = []
    for line in sets["independent"][:TIMED]:
        started = time.perf_counter()
        if pieces := parts(line.text):
            head.read(pieces, both_vectors(pieces))
        taken.append(1000 * (time.perf_counter() - started))
    return {"p50": round(float(np.percentile(taken, 50)), 1), "p95": round(float(np.percentile(taken, 95)), 1)}
