"""One message cut into sentences and clauses, with the places of the cue words in it.

The cues are content: dialogues/safety/lexicon/_scope.yml.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.coaching.normalising import is_end_of_sentence
from bot.coaching.phrases import Phrase, PhraseBook

Span = tuple[int, int]  # first word, and the one after the last


@dataclass(frozen=True)
class Cues:
    """The compiled cues: phrases, sets of single words, and how many words before a symptom a cue may stand."""

    phrases: Mapping[str, tuple[Phrase, ...]]
    words: Mapping[str, frozenset[str]]
    reach: Mapping[str, int]

    @classmethod
    def from_content(cls, content: Mapping[str, Any], book: PhraseBook) -> "Cues":
        phrases = {
            name: tuple(book.phrase(str(text)) for text in texts or []) for name, texts in content["cues"].items()
        }
        words = {name: frozenset(str(word) for word in listed or []) for name, listed in content["words"].items()}
        book.vocabulary |= {word for listed in words.values() for word in listed if word.isalpha()}
        return cls(phrases, words, {str(name): int(value) for name, value in content["reach"].items()})


class Clauses:
    def __init__(self, tokens: Sequence[str], cues: Cues) -> None:
        self.tokens = tokens
        self.words = cues.words
        self._cues = cues
        self._sentence: list[int] = []
        self._clause: list[int] = []
        self._soft: set[int] = set()  # clauses that only "and" or "or" opened
        self._cut()
        self._spans: dict[str, list[Span]] = {}
        self._present = frozenset(tokens)
        self._text = ""
        self._offsets: list[int] = []

    def _cut(self) -> None:
        sentence = clause = 0
        for place, token in enumerate(self.tokens):
            following = self.tokens[place + 1] if place + 1 < len(self.tokens) else ""
            if token in ("and", "or", "nor") and following in self.words["new_subjects"]:
                clause += 1
                self._soft.add(clause)
            elif token in self.words["clause_breaks"] or not token.isascii():
                clause += 1
                if place and self.tokens[place - 1] in ("and", "or"):  # "and then cried all night": the same person
                    self._soft.add(clause)
            self._sentence.append(sentence)
            self._clause.append(clause)
            if is_end_of_sentence(token):
                sentence += 1
                clause += 1

    def same_sentence(self, left: int, right: int) -> bool:
        return self._sentence[left] == self._sentence[right]

    def same_clause(self, left: int, right: int) -> bool:
        return self._clause[left] == self._clause[right]

    def clauses_of(self, span: Span) -> set[int]:
        return set(self._clause[span[0] : span[1]])

    def clause_of(self, place: int) -> int:
        return self._clause[place]

    def places_of_clause(self, place: int) -> list[int]:
        return self.places_in({self._clause[place]})

    def places_in(self, clauses: set[int]) -> list[int]:
        return [place for place, number in enumerate(self._clause) if number in clauses]

    def sentence_of(self, place: int) -> Span:
        """The words of the sentence, its end sign included."""
        places = [other for other, number in enumerate(self._sentence) if number == self._sentence[place]]
        return places[0], places[-1] + 1

    def breaks_after(self, place: int) -> bool:
        """Whether a new clause with a subject of its own begins after this word."""
        return self._clause[place] != self._clause[place + 1] and self._clause[place + 1] not in self._soft

    def has_any(self, span: Span, words: str) -> bool:
        return any(token in self.words[words] for token in self.tokens[span[0] : span[1]])

    def is_contrasted(self, start: int, end: int) -> bool:
        """A "but" or an emoji stands between."""
        return any(token in self.words["contrasts"] or not token.isascii() for token in self.tokens[start:end])

    def cues(self, name: str) -> list[Span]:
        """Where the phrases of this cue stand; each cue is looked for once."""
        if not self._offsets:
            offset = 1
            for token in self.tokens:
                self._offsets.append(offset)
                offset += len(token) + 1
            self._text = " " + " ".join(self.tokens) + " "
        if name not in self._spans:
            self._spans[name] = [
                (bisect_right(self._offsets, match.start()) - 1, bisect_right(self._offsets, match.end() - 2))
                for phrase in self._cues.phrases[name]
                if phrase.always or not phrase.anchors.isdisjoint(self._present)
                for match in phrase.pattern.finditer(self._text)
            ]
        return self._spans[name]

    def reach(self, name: str) -> int:
        return self._cues.reach[name]
