"""What stands round a symptom: who has it, when, and whether it is denied, feared, reported or asked about.

The cue words are content: dialogues/safety/lexicon/_scope.yml. Source: clinical.md §4.1 (frame, near misses), §5.2.
Every test is per symptom: "no numbness but I wet myself" denies the first and not the second.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.coaching.normalising import is_end_of_sentence
from bot.coaching.phrases import Phrase, PhraseBook

Span = tuple[int, int]
_CUES = (
    "negation",
    "not_negation",
    "past",
    "recent",
    "present",
    "resolved",
    "resolved_of_other_things",
    "long_standing",
    "changed",
    "hypothetical",
    "worried",
    "reported",
    "general_question",
    "is_it_normal",
)
CIRCUMSTANCES = (
    "negated",
    "other",
    "resolved",
    "long_standing",
    "hypothetical",
    "worried",
    "reported",
    "question",
    "is_it_normal",
    "past",
    "past_unclear",
)
_SETS = (
    "clause_breaks",
    "new_subjects",
    "not_in_a_list",
    "self",
    "others",
    "pronouns_of_others",
    "aimed_at",
    "denials",
    "gap_denials",
)


@dataclass(frozen=True)
class Reader:
    """The compiled cues."""

    cues: Mapping[str, tuple[Phrase, ...]]
    words: Mapping[str, frozenset[str]]
    reach: Mapping[str, int]

    @classmethod
    def from_content(cls, content: Mapping[str, Any], book: PhraseBook) -> "Reader":
        cues = {name: tuple(book.phrase(str(text)) for text in content["cues"].get(name) or []) for name in _CUES}
        words = {name: frozenset(str(word) for word in content["words"].get(name) or []) for name in _SETS}
        book.vocabulary |= {word for listed in words.values() for word in listed if word.isalpha()}
        return cls(cues, words, {str(name): int(value) for name, value in content["reach"].items()})


class Scope:
    """One message, cut into sentences and clauses."""

    def __init__(self, tokens: Sequence[str], reader: Reader) -> None:
        self._tokens = tokens
        self._words = reader.words
        self._reader = reader
        self._sentence: list[int] = []
        self._clause: list[int] = []
        self._soft: set[int] = set()  # clauses that only "and" or "or" opened
        self._cut()
        self._spans: dict[str, list[Span]] = {}
        self._text = ""
        self._offsets: list[int] = []

    def same_sentence(self, left: int, right: int) -> bool:
        return self._sentence[left] == self._sentence[right]

    def circumstances(self, hits: Sequence[Span]) -> set[str]:
        """What lowers the weight of these words; the first hit is the symptom itself."""
        symptom, whole = hits[0], (min(hit[0] for hit in hits), max(hit[1] for hit in hits))
        tests = {
            "negated": self._is_negated(symptom, hits) or self._is_denied_afterwards(whole),
            "other": self._belongs_to_someone_else(whole, hits),
            "resolved": self._is_resolved(whole),
            "long_standing": self._near_cue("long_standing", whole) and not self._near_cue("changed", whole),
            "hypothetical": self._before("hypothetical", whole, "hypothetical"),
            "worried": self._before("worried", whole, "worried"),
            "reported": self._before("reported", whole, "reported"),
            "question": self._is_general_question(whole),
            "is_it_normal": self._is_asked_if_normal(whole),
        }
        found = {name for name, holds in tests.items() if holds}
        return found | self._time(whole)

    # sentences, clauses, cues

    def _cut(self) -> None:
        sentence = clause = 0
        for place, token in enumerate(self._tokens):
            following = self._tokens[place + 1] if place + 1 < len(self._tokens) else ""
            if token in ("and", "or", "nor") and following in self._words["new_subjects"]:
                clause += 1
                self._soft.add(clause)
            elif token in self._words["clause_breaks"] or not token.isascii():
                clause += 1
                if place and self._tokens[place - 1] in ("and", "or"):  # "and then cried all night": the same person
                    self._soft.add(clause)
            self._sentence.append(sentence)
            self._clause.append(clause)
            if is_end_of_sentence(token):
                sentence += 1
                clause += 1

    def _cues(self, name: str) -> list[Span]:
        if not self._offsets:
            offset = 1
            for token in self._tokens:
                self._offsets.append(offset)
                offset += len(token) + 1
            self._text = " " + " ".join(self._tokens) + " "
        if name not in self._spans:
            present = set(self._tokens)
            spans = []
            for phrase in self._reader.cues[name]:
                if not any(anchor in present or anchor.endswith("*") for anchor in phrase.anchors):
                    continue
                for match in phrase.pattern.finditer(self._text):
                    spans.append(
                        (bisect_right(self._offsets, match.start()) - 1, bisect_right(self._offsets, match.end() - 2))
                    )
            self._spans[name] = spans
        return self._spans[name]

    def _near_cue(self, name: str, span: Span) -> bool:
        """In the same sentence, outside the words themselves."""
        return any(
            self.same_sentence(start, span[0]) for start, end in self._cues(name) if end <= span[0] or start >= span[1]
        )

    def _before(self, name: str, span: Span, reach: str) -> bool:
        return any(
            start < span[0]
            and span[0] - end <= self._reader.reach[reach]
            and self.same_sentence(start, span[0])
            and not self._is_contrasted(end, span[0])
            for start, end in self._cues(name)
        )

    def _is_contrasted(self, start: int, end: int) -> bool:
        return any(
            token in ("but", "although", "though", "however") or not token.isascii()
            for token in self._tokens[start:end]
        )

    # denied

    def _is_negated(self, symptom: Span, hits: Sequence[Span]) -> bool:
        for start, end in self._cues("negation"):
            if end > symptom[0] or symptom[0] - end > self._reader.reach["negation"]:
                continue
            if any(first < end and start < last for first, last in [*hits, *self._cues("not_negation")]):
                continue
            if self.same_sentence(start, symptom[0]) and self._carries(end, symptom[0]):
                return True
        return False

    def _carries(self, start: int, end: int) -> bool:
        """A "no" reaches along its clause, and along a bare list: "no numbness, tingling or weakness"."""
        if end == start or self._clause[start] == self._clause[end]:
            return not self._is_contrasted(start, end)
        between = self._tokens[start:end]
        breaks = {token for token in between if token in self._words["clause_breaks"] or not token.isascii()}
        return breaks <= {",", "or", "and", "nor"} and not any(
            token in self._words["not_in_a_list"] for token in between
        )

    def _is_denied_afterwards(self, span: Span) -> bool:
        """ "Numbness? No." and "chest pain: none"."""
        place = span[1]
        while place < len(self._tokens) and self._tokens[place] in ("?", ":", ",", "is", "was", "at", "all"):
            place += 1
        if place >= len(self._tokens) or place == span[1] or self._tokens[place] not in self._words["denials"]:
            return False
        return place + 1 >= len(self._tokens) or self._tokens[place + 1] in (
            ".",
            ",",
            ";",
            "!",
            "at",
            "thanks",
            "thankfully",
        )

    # whose

    def _belongs_to_someone_else(self, span: Span, hits: Sequence[Span]) -> bool:
        place = span[1] - 1
        while place >= 0:
            token = self._tokens[place]
            if place < span[0] and self._is_hard_break(place):
                return False
            part_of_symptom = any(start <= place < end for start, end in hits)  # "numb in the woman's area"
            if token in self._words["pronouns_of_others"] or (token in self._words["others"] and not part_of_symptom):
                if not self._is_only_addressed(place):
                    return True
                place = self._first_word_of(place)
            elif token in self._words["self"] and not (place < span[0] and self._is_a_place(place)):
                return False
            place -= 1
        return False

    def _is_hard_break(self, place: int) -> bool:
        return self._clause[place] != self._clause[place + 1] and self._clause[place + 1] not in self._soft

    def _is_only_addressed(self, place: int) -> bool:
        """ "I told my husband": he is spoken to, it isn't his symptom."""
        if place + 1 < len(self._tokens) and self._tokens[place + 1] == "else":  # "someone else's tablets"
            return True
        first = self._first_word_of(place)
        return first > 0 and self._tokens[first - 1] in self._words["aimed_at"]

    def _is_a_place(self, place: int) -> bool:
        """ "A patient on my ward": this "my" says nothing about who has it."""
        return (
            self._tokens[place] in ("my", "our")
            and place > 0
            and self._tokens[place - 1] in ("on", "at", "in", "of", "from")
        )

    def _first_word_of(self, place: int) -> int:
        first = place
        while (
            first > 0
            and place - first < 3
            and self._tokens[first - 1] in ("my", "the", "our", "a", "an", "me", "poor", "old", "his", "her")
        ):
            first -= 1
        return first

    # when

    def _time(self, span: Span) -> set[str]:
        clauses = {self._clause[place] for place in range(*span)}
        neighbours = {min(clauses) - 1, max(clauses) + 1}
        past = False
        for start, _end in self._cues("past"):
            if not self.same_sentence(start, span[0]) or (
                start and self._tokens[start - 1] in self._words["gap_denials"]
            ):
                continue  # "never had this before" is about now
            place = self._clause[start]
            past = past or place in clauses or (place in neighbours and self._is_short_or_opening(start))
        if not past or self._is_recent(span):
            return set()
        present = any(self._clause[start] in clauses for start, _end in self._cues("present"))
        return {"past_unclear" if present else "past"}

    def _is_recent(self, span: Span) -> bool:
        """ "Fine now" is about the end of it, not about its beginning."""
        ended = [*self._cues("resolved"), *self._cues("past")]
        return any(
            self.same_sentence(start, span[0]) and not any(first < end and start < last for first, last in ended)
            for start, end in self._cues("recent")
        )

    def _is_short_or_opening(self, start: int) -> bool:
        """ "Years ago, I was numb" and "I was numb, that was years ago"."""
        clause = [place for place, number in enumerate(self._clause) if number == self._clause[start]]
        return len(clause) <= 6 or start - clause[0] <= 3

    def _is_resolved(self, span: Span) -> bool:
        others = self._cues("resolved_of_other_things")
        for start, end in self._cues("resolved"):
            if start < span[1] or self._sentence[start] - self._sentence[span[1] - 1] > 0:
                continue
            if not any(self._clause[first] == self._clause[start] and last <= end for first, last in others):
                return True
        return False

    # asked

    def _is_general_question(self, span: Span) -> bool:
        """A question about the condition: no word of it is about the writer."""
        places = [place for place, number in enumerate(self._sentence) if number == self._sentence[span[0]]]
        sentence = self._tokens[places[0] : places[-1] + 1]
        if any(token in self._words["self"] for token in self._tokens[span[0] : span[1]]):
            return False
        asks = sentence[-1] == "?" or any(start == places[0] for start, _end in self._cues("general_question"))
        return (
            asks
            and not any(token in self._words["self"] for token in sentence)
            and not self._near_cue("is_it_normal", span)
        )

    def _is_asked_if_normal(self, span: Span) -> bool:
        """ "Is it normal to get chest pain on a walk?": most who ask have it."""
        sentence = [
            token for place, token in enumerate(self._tokens) if self._sentence[place] == self._sentence[span[0]]
        ]
        return self._near_cue("is_it_normal", span) and not any(token in self._words["self"] for token in sentence)
