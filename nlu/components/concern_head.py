"""Scores each label of a text from its sentence vectors and its words: plain numpy, learned in seconds.

Three things are asked, all by logistic regressions on a vector and on words and word pairs, fitted together:
- "is it this label?", once a label;
- "do the speaker's words hold it at all?", once a kind: it learns from messages that carry a label against their near
  misses, over all labels of the kind, because "used to" or "my mum" mean the same in each;
- "why not?", once a turn of the context frame (somebody else's, past, denied, asked …): frame.py.
A text has two vectors, of the packaged encoder and of the tuned one; each has its own regressions, and what they say is
averaged. What was tried and measured: docs/adr/0008 and 0009.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from bot.coaching.amounts import amounts

from .frame import TURNS

VECTOR_WEIGHT = 3.0
WORDS_WEIGHT = 4.0
NEAR_WEIGHT = 3.0  # a near miss counts so often among the negatives of its own label
HOLD_MOST = 1.0  # the second reading may take much away and adds little: holding something is not holding this
LEAST_USES = 2  # a word or pair counts when so many training texts have it
STEPS = 80
LEAST_CONTENT = 2  # words
PIECES = 8  # parts of a long message that are scored besides the whole
TOKEN = re.compile(r"[^\W\d_][\w']*|[^\w\s]")  # no figures: "6" is a score today and a number of tablets tomorrow
# Words that say nothing alone: what has fewer than LEAST_CONTENT others is an answer or a courtesy, never a concern.
_EMPTY = """
    a about after again all alright always an and any are as at aye be been before bit bye cheers could course did do
    does done dunno else every fine for from get go going good had has have hello hey hi how i i'd i'll i'm i've if in
    is it it's its just later like lots lovely maybe me might mine much my nah naw never next no none nope not nothing
    now of off often ok okay on once one only or other our out perhaps please pls probably quite really reckon right
    same say see so some sometimes soon sorry still suppose sure ta than thank thanks that that's the them then there
    these they thing think this those time times to too um until up us usually very was we well were what whatever when
    whenever where which while who why will with would yeah yep yes yet you your yup"""
EMPTY = frozenset(_EMPTY.split())


class Lesson(NamedTuple):
    """What the head learns from: a text, what it carries, and what it must not be taken for."""

    text: str
    vectors: np.ndarray  # one row an encoder
    labels: Set[str]
    near: Set[str]
    why: str = ""  # of a near miss


def kind_of(label: str) -> str:
    return "risk" if label.startswith("RF") else "belief"


def tokens(text: str) -> List[str]:
    """Lower-case words and punctuation marks: a question mark tells as much as a word."""
    return TOKEN.findall(text.lower().replace("’", "'").replace("‘", "'"))


def parts(text: str) -> List[str]:
    """What is scored of a text: the whole and each of its sentences, for one sentence in a long story must count."""
    sentences = [s.strip() for s in re.split(r"(?<=[.!?;\n])\s+|\n+", text) if len(s.split()) >= 3]
    width = max(-(-len(sentences) // PIECES), 1)
    pieces = [" ".join(sentences[i : i + width]) for i in range(0, len(sentences), width)] if len(sentences) > 1 else []
    return [part for part in [text, *pieces] if says_something(part)]


def says_something(text: str) -> bool:
    """False for an amount, a day, a time, yes, no, a greeting: too few words are left to be a concern."""
    rest = text
    for found in reversed(amounts(text)):
        rest = f"{rest[: found.start]} {rest[found.end :]}"
    content = [word for word in tokens(rest) if word[0].isalpha() and word not in EMPTY]
    return len(content) >= LEAST_CONTENT


class Wording:
    """Words and word pairs, weighted by rarity, each text's row of length 1."""

    def __init__(self, places: Dict[str, int], rarity: np.ndarray) -> None:
        self.places = places
        self.rarity = rarity

    @classmethod
    def learned(cls, texts: Sequence[str]) -> Wording:
        uses: Dict[str, int] = {}
        for text in texts:
            for term in set(_terms(text)):
                uses[term] = uses.get(term, 0) + 1
        known = sorted(term for term, count in uses.items() if count >= LEAST_USES)
        rarity = [np.log((1 + len(texts)) / (1 + uses[term])) + 1 for term in known]
        return cls({term: place for place, term in enumerate(known)}, np.array(rarity, dtype=np.float32))

    def rows(self, texts: Sequence[str]) -> sparse.csr_matrix:
        values: List[float] = []
        columns: List[int] = []
        ends = [0]
        for text in texts:
            counts: Dict[int, int] = {}
            for term in _terms(text):
                if term in self.places:
                    counts[self.places[term]] = counts.get(self.places[term], 0) + 1
            row = np.array([(1 + np.log(count)) * self.rarity[place] for place, count in counts.items()])
            values.extend(WORDS_WEIGHT * row / max(float(np.linalg.norm(row)), 1e-9))
            columns.extend(counts)
            ends.append(len(columns))
        shape = (len(texts), len(self.places))
        return sparse.csr_matrix((np.array(values, dtype=np.float32), columns, ends), shape=shape)


class ConcernHead:
    def __init__(self, labels: List[str], wording: Wording, vector_parts: np.ndarray, words_parts: np.ndarray) -> None:
        """The parts hold one layer an encoder, and in it one column a label, then one a kind, then one a turn of the
        frame; the last row of each layer of `vector_parts` is the bias."""
        self.labels = labels
        self._kinds = _kinds(labels)
        self._wording = wording
        self._vector_parts = vector_parts
        self._words_parts = words_parts

    @classmethod
    def learned(cls, lessons: Sequence[Lesson]) -> ConcernHead:
        labels = sorted(set().union(*(lesson.labels for lesson in lessons)))
        texts = [lesson.text for lesson in lessons]
        wording = Wording.learned(texts)
        words = wording.rows(texts)
        targets, weights = _targets(lessons, labels)
        vectors = VECTOR_WEIGHT * np.stack([lesson.vectors for lesson in lessons], axis=1).astype(np.float32)
        with ThreadPoolExecutor() as pool:  # an encoder each
            found = list(pool.map(lambda own: fitted(own, words, targets, weights), vectors))
        return cls(labels, wording, np.stack([part for part, _ in found]), np.stack([part for _, part in found]))

    def chances(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """One row a text, one column a label. `vectors`: text by encoder by size."""
        return self.read(texts, vectors)[0]

    def read(self, texts: Sequence[str], vectors: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """The chance of each label (text by label) and of each turn of the frame (text by turn)."""
        words = self._wording.rows(texts)
        signals = np.mean(
            [
                VECTOR_WEIGHT * vectors[:, layer] @ part[:-1] + part[-1] + words @ self._words_parts[layer]
                for layer, part in enumerate(self._vector_parts)
            ],
            axis=0,
        )
        own, kinds = len(self.labels), len(self._kinds)
        carried, holds = signals[:, :own], signals[:, own : own + kinds]
        for place, label in enumerate(self.labels):
            carried[:, place] += np.minimum(holds[:, self._kinds.index(kind_of(label))], HOLD_MOST)
        return _chance(carried), _chance(signals[:, own + kinds :])

    def with_encoders(self, number: int) -> ConcernHead:
        """The same head listening to the first encoders only."""
        return ConcernHead(self.labels, self._wording, self._vector_parts[:number], self._words_parts[:number])

    def save(self, folder: Path) -> None:
        parts = {"vector_parts": self._vector_parts, "words_parts": self._words_parts.astype(np.float16)}
        np.savez(folder / "head.npz", rarity=self._wording.rarity, **parts)
        names = {"labels": self.labels, "terms": list(self._wording.places)}
        (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ConcernHead:
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        with np.load(folder / "head.npz") as stored:
            wording = Wording({term: place for place, term in enumerate(names["terms"])}, stored["rarity"])
            words = stored["words_parts"].astype(np.float32)
            return cls(names["labels"], wording, stored["vector_parts"], words)


def _chance(signal: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(signal, -60, 60)))


def _terms(text: str) -> List[str]:
    words = tokens(text)
    return words + [" ".join(words[place : place + 2]) for place in range(len(words) - 1)]


def _kinds(labels: Sequence[str]) -> List[str]:
    return sorted({kind_of(label) for label in labels})


def _targets(lessons: Sequence[Lesson], labels: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
    """What each column is to say of each lesson, and how much the lesson counts there (0: not at all)."""
    carried = np.array([[label in lesson.labels for label in labels] for lesson in lessons])
    near = np.array([[label in lesson.near for label in labels] for lesson in lessons]) & ~carried
    columns, counts = [carried], [1 + (NEAR_WEIGHT - 1) * near]
    for kind in _kinds(labels):
        own = np.array([kind_of(label) == kind for label in labels])
        holds = carried[:, own].any(axis=1, keepdims=True)
        columns.append(holds)
        counts.append((holds | near[:, own].any(axis=1, keepdims=True)).astype(float))
    turned = np.array([[lesson.why in whys for whys in TURNS.values()] for lesson in lessons])
    columns.append(turned)
    counts.append(np.broadcast_to((carried | near).any(axis=1, keepdims=True), turned.shape).astype(float))
    targets, weights = np.hstack(columns), np.hstack(counts)
    return targets, weights * _balance(targets, weights > 0)


def _balance(targets: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Positives and negatives of a column weigh the same together."""
    total = counted.sum(axis=0)
    positive = np.maximum((targets & counted).sum(axis=0), 1)
    negative = np.maximum((~targets & counted).sum(axis=0), 1)
    return np.where(targets, total / (2 * positive), total / (2 * negative))


def fitted(
    vectors: np.ndarray, words: sparse.csr_matrix, targets: np.ndarray, weights: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """All logistic regressions (C = 1) at once: one descent over the sum of their losses."""
    size, columns = vectors.shape[1] + 1, targets.shape[1]
    features = sparse.csr_matrix(words), sparse.csr_matrix(words.T)
    signs = np.where(targets, 1.0, -1.0).astype(np.float32)
    weights = weights.astype(np.float32)
    dense = np.hstack([vectors, np.ones((len(vectors), 1), dtype=np.float32)])

    def loss(flat: np.ndarray) -> Tuple[float, np.ndarray]:
        parts = flat.reshape(-1, columns).astype(np.float32)
        margins = signs * (dense @ parts[:size] + features[0] @ parts[size:])
        slopes = -weights * signs / (1 + np.exp(np.clip(margins, -60, 60)))
        held = parts.copy()
        held[size - 1] = 0  # the bias is free
        gradient = np.vstack([dense.T @ slopes, features[1] @ slopes]) + held
        total = (weights * np.logaddexp(0, -margins)).sum(dtype=np.float64) + 0.5 * (held * held).sum(dtype=np.float64)
        return float(total), gradient.ravel().astype(np.float64)

    start = np.zeros((size + words.shape[1]) * columns)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxcor": 6}).x
    parts = found.reshape(-1, columns).astype(np.float32)
    return parts[:size], parts[size:]
