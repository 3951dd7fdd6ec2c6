"""What is compared: the served head, the one before it, and a list of keywords. All score the same parts of a text."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Sequence, Set

import numpy as np
from scipy import sparse

from nlu.components.concern_head import VECTOR_WEIGHT, ConcernHead, Lesson, fitted, parts, tokens

from .lines import Line, Vectors

KEYWORDS = 12  # a label
LEAST_USES = 3


class FrozenHead:
    """The head before: one logistic regression a label on the sentence vector alone, C = 10."""

    freedom = 10.0

    def __init__(self, labels: List[str], weights: np.ndarray) -> None:
        self.labels, self._weights = labels, weights

    @classmethod
    def learned(cls, lessons: Sequence[Lesson]) -> FrozenHead:
        labels = sorted(set().union(*(lesson.labels for lesson in lessons)))
        targets = np.array([[label in lesson.labels for label in labels] for lesson in lessons])
        share = targets.mean(axis=0)
        balance = cls.freedom * np.where(targets, 0.5 / share, 0.5 / (1 - share))
        vectors = VECTOR_WEIGHT * np.stack([lesson.vector for lesson in lessons])
        no_words = sparse.csr_matrix((len(lessons), 0), dtype=np.float32)
        return cls(labels, fitted(vectors, no_words, targets, balance)[0])

    def chances(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(VECTOR_WEIGHT * vectors @ self._weights[:-1] + self._weights[-1])))


class Keywords:
    """The words and word pairs that tell a label best in the training lines; one of them is enough."""

    def __init__(self, labels: List[str], words: Dict[str, Set[str]]) -> None:
        self.labels, self.words = labels, words

    @classmethod
    def learned(cls, lessons: Sequence[Lesson]) -> Keywords:
        labels = sorted(set().union(*(lesson.labels for lesson in lessons)))
        inside: Dict[str, Counter] = {label: Counter() for label in labels}
        everywhere: Counter = Counter()
        for lesson in lessons:
            terms = _terms(lesson.text)
            everywhere.update(terms)
            for label in lesson.labels:
                inside[label].update(terms)
        return cls(labels, {label: _telling(inside[label], everywhere) for label in labels})

    def chances(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        found = [_terms(text) for text in texts]
        return np.array([[float(bool(self.words[label] & terms)) for label in self.labels] for terms in found])


def _terms(text: str) -> Set[str]:
    words = [word for word in tokens(text) if word[0].isalnum()]
    return {*words, *(" ".join(words[place : place + 2]) for place in range(len(words) - 1))}


def _telling(inside: Counter, everywhere: Counter) -> Set[str]:
    """Frequent in the label's lines, rare elsewhere: count times the share that is the label's."""
    worth = {term: count * count / everywhere[term] for term, count in inside.items() if count >= LEAST_USES}
    return set(sorted(worth, key=lambda term: -worth[term])[:KEYWORDS])


def heard(head: Any, lines: Sequence[Line], vectors: Vectors, labels: Sequence[str]) -> np.ndarray:
    """One row a line: the best score of each label in the text or one of its parts, as the tagger does it."""
    chances = np.zeros((len(lines), len(labels)))
    pieces = [parts(line.text) for line in lines]
    flat = [part for each in pieces for part in each]
    if not flat:
        return chances
    places = [labels.index(label) for label in head.labels]
    scores, start = head.chances(flat, vectors.of(flat)), 0
    for row, each in enumerate(pieces):
        if each:
            chances[row, places] = scores[start : start + len(each)].max(axis=0)
        start += len(each)
    return chances


__all__ = ["ConcernHead", "FrozenHead", "Keywords", "heard"]
