"""Shares with their uncertainty, and scores by class."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

Z = 1.959964  # 95 %


def share(hits: int, of: int) -> Dict[str, Any]:
    """A share with its Wilson 95 % interval; unlike the usual one it is right near 0 and 1 and for few lines."""
    if not of:
        return {"hits": 0, "of": 0, "share": None, "low": None, "high": None}
    middle = (hits + Z * Z / 2) / (of + Z * Z)
    half = Z * (hits * (of - hits) / of + Z * Z / 4) ** 0.5 / (of + Z * Z)
    return {
        "hits": int(hits),
        "of": int(of),
        "share": round(hits / of, 4),
        "low": round(max(middle - half, 0.0), 4),
        "high": round(min(middle + half, 1.0), 4),
    }


def rate(fired: np.ndarray) -> Dict[str, Any]:
    return share(int(fired.sum()), len(fired))


def by_class(fired: np.ndarray, carried: np.ndarray, labels: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    table = {}
    for place, label in enumerate(labels):
        right = int((fired[:, place] & carried[:, place]).sum())
        recall, precision = share(right, int(carried[:, place].sum())), share(right, int(fired[:, place].sum()))
        both = (recall["share"] or 0) + (precision["share"] or 0)
        f1 = 2 * (recall["share"] or 0) * (precision["share"] or 0) / both if both else 0.0
        table[label] = {"recall": recall, "precision": precision, "f1": round(f1, 4)}
    return table


def macro_f1(table: Dict[str, Dict[str, Any]]) -> float:
    return round(float(np.mean([row["f1"] for row in table.values()])), 4)


def calibration(chances: np.ndarray, carried: np.ndarray, bins: int = 10) -> List[Dict[str, Any]]:
    """How often a score of so much was right."""
    place = np.minimum((chances * bins).astype(int), bins - 1)
    return [
        {
            "from": low / bins,
            "to": (low + 1) / bins,
            "right": share(int(carried[place == low].sum()), int((place == low).sum())),
        }
        for low in range(bins)
    ]


def confusion(chances: np.ndarray, carried: np.ndarray, thresholds: np.ndarray) -> List[List[int]]:
    """Rows: what a line with one label carries, then lines with none; columns: the best label heard, then none."""
    none = carried.shape[1]
    fired = np.where(chances >= thresholds, chances, 0)
    best = np.where(fired.any(axis=1), fired.argmax(axis=1), none)
    counts = np.zeros((none + 1, none + 1), dtype=int)
    for row in np.where(carried.sum(axis=1) <= 1)[0]:
        counts[carried[row].argmax() if carried[row].any() else none, best[row]] += 1
    return counts.tolist()
