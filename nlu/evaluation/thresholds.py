"""Chooses how sure the model must be of each class, so that near misses and everyday talk stay quiet.

A class begins at the threshold that suits it by itself: for a belief or a risk that is asked about the one with the best
F1, for an emergency the one at which 97 % of its lines are heard. It is drawn half-way to its kind's middle, for 70 to
170 lines say little, and then all of a kind are raised together until the alarms fall within their limits.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

import numpy as np

STEPS = np.linspace(-5, 6, 111)  # log odds
HEARD = 0.97  # of an emergency's lines

Limits = Sequence[Tuple[np.ndarray, float]]  # rows that must stay quiet, and the share of them that may fire


def by_class(chances: np.ndarray, carried: np.ndarray, quiet: Limits, emergency: Sequence[bool]) -> np.ndarray:
    """The threshold of each column, 0 to 1."""
    signals = log_odds(chances)
    wish = np.array([_wish(signals[:, k], carried[:, k], emergency[k]) for k in range(signals.shape[1])])
    wish = (wish + np.median(wish)) / 2
    for raised in np.arange(-3, 9, 0.05):
        fires = (signals >= wish + raised).any(axis=1)
        if all(fires[rows].mean() <= most for rows, most in quiet if rows.any()):
            break
    return 1 / (1 + np.exp(-(wish + raised)))


def one_for_all(chances: np.ndarray, quiet: Limits) -> float:
    """The lowest threshold at which each group of rows stays within its limit, whatever the class."""
    highest = chances.max(axis=1)
    return next((round(float(t), 3) for t in np.arange(0.5, 0.999, 0.005) if _within(highest >= t, quiet)), 0.999)


def log_odds(chances: np.ndarray) -> np.ndarray:
    safe = np.clip(chances, 1e-6, 1 - 1e-6)
    return np.log(safe / (1 - safe))


def table(labels: List[str], thresholds: np.ndarray) -> Dict[str, float]:
    """As it is written into dialogues/protocol/understanding.yml."""
    found = {label: round(float(value), 2) for label, value in zip(labels, thresholds, strict=True)}
    return {"default": round(float(np.median(thresholds)), 2), **found}


def _wish(signal: np.ndarray, carried: np.ndarray, emergency: bool) -> float:
    if emergency:
        return float(np.quantile(signal[carried], 1 - HEARD))
    return float(max(STEPS, key=lambda step: _f1(signal >= step, carried)))


def _f1(fired: np.ndarray, carried: np.ndarray) -> float:
    return 2 * float((fired & carried).sum()) / max(int(fired.sum() + carried.sum()), 1)


def _within(fires: np.ndarray, quiet: Limits) -> bool:
    return all(fires[rows].mean() <= most for rows, most in quiet if rows.any())
