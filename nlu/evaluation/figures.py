"""Turns scores into the figures that are watched."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from nlu.components.concern_head import kind_of

from .lines import Line
from .measures import by_class, calibration, confusion, macro_f1, rate, share

EMERGENCIES = ("RF01", "RF02", "RF07", "RF09", "RF10", "RF13", "RF15")
LAYERS = ("rules", "model", "both")
BOTH = ("advise", "ask")


def near_misses(lines: Sequence[Line], kind: str) -> np.ndarray:
    """Lines written to sound like a concern of the kind that carry none of that kind."""
    return np.array(
        [
            any(kind_of(x) == kind for x in line.near) and not any(kind_of(x) == kind for x in line.labels)
            for line in lines
        ]
    )


def gather(scored: Dict[str, Any], labels: Sequence[str]) -> Dict[str, Any]:
    """`scored[name].limits`: what each label needs in each row, for it may differ by class and by fold."""
    kinds = {kind: [label for label in labels if kind_of(label) == kind] for kind in ("belief", "risk")}
    return {
        "lines": {name: len(each.lines) for name, each in scored.items()},
        "labels": kinds,
        "heads": {head: _compared(scored, head, labels, kinds) for head in scored["voices"].chances},
        "beliefs": _beliefs(scored, labels, kinds["belief"]),
        "risks": _risks(scored, labels, kinds["risk"]),
        "calibration": {kind: _calibration(scored["voices"], labels, own) for kind, own in kinds.items()},
        "confusion": {
            "belief": _confusion(scored["voices"], labels, kinds["belief"], "belief_flag"),
            "risk": _confusion(scored["voices"], labels, kinds["risk"], "risk_ask"),
        },
    }


def _compared(scored: Dict[str, Any], head: str, labels: Sequence[str], kinds: Dict[str, List[str]]) -> Dict[str, Any]:
    table = {}
    for kind, own in kinds.items():
        lines, fresh = scored["voices"].lines, scored[f"{kind}s_unseen"].lines
        chances, _ = _own(scored["voices"], head, labels, own)
        table[kind] = ranking(kind, own, lines, chances, fresh, _own(scored[f"{kind}s_unseen"], head, labels, own)[0])
    return table


def ranking(
    kind: str, own: List[str], lines: Sequence[Line], chances: np.ndarray, fresh: Sequence[Line], theirs: np.ndarray
) -> Dict[str, Any]:
    """A head at the single threshold that suits it best, so that heads can be ranked; not what is served."""
    carried = truth(lines, own)
    best = max(np.arange(0.1, 0.96, 0.02), key=lambda t: macro_f1(by_class(chances >= t, carried, own)))
    fired = chances.max(axis=1) >= best
    return {
        "threshold": round(float(best), 2),
        "macro_f1": macro_f1(by_class(chances >= best, carried, own)),
        "macro_f1_unseen": macro_f1(by_class(theirs >= best, truth(fresh, own), own)),
        "near_misses": rate(fired[near_misses(lines, kind)]),
        "ordinary": rate(fired[np.array([line.is_ordinary for line in lines])]),
    }


def truth(lines: Sequence[Line], own: Sequence[str]) -> np.ndarray:
    return np.array([[label in line.labels for label in own] for line in lines])


def _beliefs(scored: Dict[str, Any], labels: Sequence[str], own: List[str]) -> Dict[str, Any]:
    result: Dict[str, Any] = {}
    for name in ("voices", "beliefs_unseen", "independent"):
        fired = flagged(scored[name], labels, own)
        table = by_class(fired, truth(scored[name].lines, own), own)
        quiet = fired.any(axis=1)[near_misses(scored[name].lines, "belief")]
        result[name] = {"macro_f1": macro_f1(table), "by_class": table, "near_misses": rate(quiet)}
    for name in ("voices", "independent", "real", "out_of_scope"):
        fired = flagged(scored[name], labels, own)
        everyday = np.array([line.is_ordinary for line in scored[name].lines])
        result.setdefault("ordinary", {})[name] = rate(fired.any(axis=1)[everyday])
    chances, _ = _own(scored["real"], "served", labels, own)
    result["real_lines"] = _told(scored["real"].lines, chances, own, flagged(scored["real"], labels, own))
    result["near_by_why"] = _by_why(scored["voices"], flagged(scored["voices"], labels, own).any(axis=1))
    return result


def flagged(each: Any, labels: Sequence[str], own: List[str], limit: str = "belief_flag") -> np.ndarray:
    chances, _ = _own(each, "served", labels, own)
    return chances >= _limit(each, limit, labels, own)


def _risks(scored: Dict[str, Any], labels: Sequence[str], own: List[str]) -> Dict[str, Any]:
    result: Dict[str, Any] = {}
    for name, each in scored.items():
        _, carried = _own(each, "served", labels, own)
        actions = {layer: _actions(each, layer, labels, own) for layer in LAYERS}
        everyday = np.array([line.is_ordinary for line in each.lines])
        near = near_misses(each.lines, "risk")
        result[name] = {
            layer: {
                "by_class": by_class(strength >= 1, carried, own),
                "macro_f1": macro_f1(by_class(strength >= 1, carried, own)),
                "emergencies": _emergencies(strength, carried, own),
                "near_misses": _fires(strength[near]),
                "ordinary": _fires(strength[everyday]),
            }
            for layer, strength in actions.items()
        }
        if name in ("real", "out_of_scope"):
            result[name]["fired"] = _fired(each.lines, actions, own)
    return result


def _actions(each: Any, layer: str, labels: Sequence[str], own: List[str]) -> np.ndarray:
    """2 where advice is given, 1 where it is asked, by row and risk."""
    by_rules = np.array([[{"advise": 2, "ask": 1}.get(found.get(risk, ""), 0) for risk in own] for found in each.rules])
    by_model = sum(flagged(each, labels, own, limit).astype(int) for limit in ("risk_ask", "risk_advise"))
    return {"rules": by_rules, "model": by_model, "both": np.maximum(by_rules, by_model)}[layer]


def _emergencies(strength: np.ndarray, carried: np.ndarray, own: List[str]) -> Dict[str, Any]:
    """`heard` counts the risk itself; `any` counts every danger that was heard in such a line."""
    table = {}
    for risk in EMERGENCIES:
        rows = carried[:, own.index(risk)]
        table[risk] = {
            "heard": rate(strength[rows, own.index(risk)] >= 1),
            "advised": rate(strength[rows, own.index(risk)] >= 2),
            "any": rate((strength[rows] >= 1).any(axis=1)),
        }
    return table


def _fires(strength: np.ndarray) -> Dict[str, Any]:
    return {"advise": rate((strength >= 2).any(axis=1)), "advise_or_ask": rate((strength >= 1).any(axis=1))}


def _fired(lines: Sequence[Line], actions: Dict[str, np.ndarray], own: List[str]) -> List[Dict[str, Any]]:
    rows = np.where(actions["both"].any(axis=1))[0]
    return [
        {
            "text": lines[row].text,
            **{
                layer: {own[k]: BOTH[2 - actions[layer][row, k]] for k in np.where(actions[layer][row])[0]}
                for layer in LAYERS[:2]
            },
        }
        for row in rows
    ]


def _told(lines: Sequence[Line], chances: np.ndarray, own: List[str], fired: np.ndarray) -> List[Dict[str, Any]]:
    rows = np.where(fired.any(axis=1))[0]
    return [
        {"text": lines[row].text, "heard": own[chances[row].argmax()], "score": round(chances[row].max(), 2)}
        for row in rows
    ]


def _by_why(each: Any, fired: np.ndarray) -> Dict[str, Any]:
    near = near_misses(each.lines, "belief")
    whys = sorted({line.why for line, is_near in zip(each.lines, near, strict=True) if is_near})
    own = np.array([line.why for line in each.lines])
    return {why: share(int((fired & near & (own == why)).sum()), int((near & (own == why)).sum())) for why in whys}


def _calibration(each: Any, labels: Sequence[str], own: List[str]) -> List[Dict[str, Any]]:
    chances, carried = _own(each, "served", labels, own)
    return calibration(chances.ravel(), carried.ravel())


def _confusion(each: Any, labels: Sequence[str], own: List[str], limit: str) -> List[List[int]]:
    return confusion(*_own(each, "served", labels, own), _limit(each, limit, labels, own))


def _limit(each: Any, limit: str, labels: Sequence[str], own: List[str]) -> np.ndarray:
    return each.limits[limit][:, [list(labels).index(label) for label in own]]


def _own(each: Any, head: str, labels: Sequence[str], own: List[str]) -> "tuple[np.ndarray, np.ndarray]":
    """Scores and truth of these labels."""
    places = [list(labels).index(label) for label in own]
    return each.chances[head][:, places], truth(each.lines, own)
