"""What is compared: the served head, the same on the packaged encoder, a list of keywords. All score the same parts."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Sequence, Set, Tuple

import numpy as np

from nlu.components.concern_head import ConcernHead, Lesson, kind_of, parts, tokens
from nlu.components.frame import TURNS, framed

from .lines import Line, Vectors

KEYWORDS = 12  # a label
LEAST_USES = 3


class PackagedHead:
    """The served head without its ear for the tuned encoder: what fine-tuning adds is the difference."""

    def __init__(self, served: ConcernHead) -> None:
        self.labels, self._head = served.labels, served.with_encoders(1)

    def read(self, texts: Sequence[str], vectors: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        return self._head.read(texts, vectors[:, :1])


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

    def read(self, texts: Sequence[str], vectors: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        found = [_terms(text) for text in texts]
        chances = np.array([[float(bool(self.words[label] & terms)) for label in self.labels] for terms in found])
        return chances, np.zeros((len(texts), len(TURNS)))


def _terms(text: str) -> Set[str]:
    words = [word for word in tokens(text) if word[0].isalnum()]
    return {*words, *(" ".join(words[place : place + 2]) for place in range(len(words) - 1))}


def _telling(inside: Counter, everywhere: Counter) -> Set[str]:
    """Frequent in the label's lines, rare elsewhere: count times the share that is the label's."""
    worth = {term: count * count / everywhere[term] for term, count in inside.items() if count >= LEAST_USES}
    return set(sorted(worth, key=lambda term: -worth[term])[:KEYWORDS])


def learned(lessons: Sequence[Lesson]) -> Dict[str, Any]:
    """The heads by name, from the same lessons."""
    served = ConcernHead.learned(lessons)
    return {"served": served, "packaged encoder": PackagedHead(served), "keywords": Keywords.learned(lessons)}


def heard(head: Any, lines: Sequence[Line], vectors: Vectors, labels: Sequence[str], sure: float = 2.0) -> np.ndarray:
    """One row a line: the best score of each label in the text or one of its parts, as the tagger does it.

    A belief whose best part is not the speaker's own view, by a frame that is at least `sure`, counts as 0.
    """
    chances = np.zeros((len(lines), len(labels)))
    pieces = [parts(line.text) for line in lines]
    flat = [part for each in pieces for part in each]
    if not flat:
        return chances
    places = [labels.index(label) for label in head.labels]
    beliefs = np.array([kind_of(label) == "belief" for label in head.labels])
    (scores, turns), start = head.read(flat, vectors.of(flat)), 0
    own = np.array([framed(row, sure).is_own_view for row in turns])
    for row, each in enumerate(pieces):
        if each:
            those = scores[start : start + len(each)]
            best = those.argmax(axis=0)
            chances[row, places] = those.max(axis=0) * (own[start + best] | ~beliefs)
        start += len(each)
    return chances
