"""The little language of the lexicon, made for people to read and compiled to patterns for speed.

gone (all)? numb          words, in this order; (…)? may be missing
(wee|pee|pass water)      one of these
numb*                     any word that begins so
can't feel .. wipe*       up to 3 words between; ..6 up to 6; never across the end of a sentence
<saddle>                  one phrase of the word list of that name
#                         a number, in digits or words
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"\.\.\d*|<[a-z_0-9]+>|[()|?]|#|[^\s()|?<>]+")
_GAP = re.compile(r"^\.\.(\d*)$")
_WORD_BETWEEN = r"(?:[^ .!?;]+ )"
A_NUMBER = "#"  # the anchor of phrases with a number
_COMMON = """
a an the i my me you it is are was be to of in on at and or not no with for that this all up so have has had get got
can't can do don't when if
"""


class PhraseError(ValueError):
    """A phrase in the lexicon can't be read. The message quotes it."""


@dataclass(frozen=True)
class Phrase:
    """`anchors`: the message must hold one of these words (or word beginnings, with *) for the phrase to be tried.

    `needs`: the same for every part of the phrase that is certain to be said; it spares most of the searching.
    """

    pattern: re.Pattern[str]
    anchors: frozenset[str]
    needs: tuple[frozenset[str], ...]
    words: frozenset[str]  # every word it names; others in a match stood in a gap
    always: bool  # an anchor is a beginning or a number: plain words don't tell whether it can be here


@dataclass(frozen=True)
class _Part:
    regex: str  # matches whole words, each followed by one space
    anchors: frozenset[str] | None  # None: nothing in it is certain to appear
    words: frozenset[str]
    needs: tuple[frozenset[str], ...] = ()  # one set of anchors for each certain part; () stands for the anchors alone


_NOTHING = _Part("", None, frozenset())


class PhraseBook:
    """Compiles phrases; word lists may use word lists."""

    def __init__(
        self,
        lists: Mapping[str, Sequence[str]],
        words_of: Callable[[str], list[str]],
        numbers: Sequence[str],
        vocabulary: set[str],
    ) -> None:
        """`vocabulary` collects every word that the phrases name."""
        self._lists = lists
        self._words_of = words_of  # the normalising of messages, so that both are written the same way
        longest_first = sorted(numbers, key=len, reverse=True) or ["one"]
        self._number = r"(?:\d+(?:[.:]\d+)*|" + "|".join(longest_first) + ") "
        self._known: dict[str, _Part] = {}
        self.vocabulary = vocabulary

    def phrase(self, text: str) -> Phrase:
        part = self._read(text)
        if not part.anchors:
            raise PhraseError(f"nothing in this phrase is certain to be said: {text!r}")
        first, *more = part.regex.split("(?P<n>")  # one number a phrase is read: the first
        regex = "(?P<n>".join([first, *more[:1]]) + "".join("(?:" + piece for piece in more[1:])
        always = any(anchor.endswith(("*", A_NUMBER)) for anchor in part.anchors)
        needs = part.needs or (part.anchors,)
        return Phrase(re.compile(r"(?<= )" + regex), part.anchors, needs, part.words, always)

    def _read(self, text: str) -> _Part:
        pieces = _PIECE.findall(text)
        part, rest = self._alternatives(pieces, text)
        if rest:
            raise PhraseError(f"a bracket is closed that was never opened: {text!r}")
        self.vocabulary |= part.words
        return part

    def _alternatives(self, pieces: list[str], text: str) -> tuple[_Part, list[str]]:
        options: list[_Part] = []
        while True:
            part, pieces = self._sequence(pieces, text)
            options.append(part)
            if not pieces or pieces[0] != "|":
                return _either([option for option in options if option.regex] or [_NOTHING]), pieces
            pieces = pieces[1:]

    def _sequence(self, pieces: list[str], text: str) -> tuple[_Part, list[str]]:
        parts: list[_Part] = []
        while pieces and pieces[0] not in "|)":
            piece, pieces = pieces[0], pieces[1:]
            if piece == "(":
                part, pieces = self._alternatives(pieces, text)
                if not pieces or pieces[0] != ")":
                    raise PhraseError(f"a bracket is never closed: {text!r}")
                pieces = pieces[1:]
            else:
                part = self._single(piece)
            if pieces and pieces[0] == "?" and part.regex:
                part, pieces = _Part(f"(?:{part.regex})?", None, part.words), pieces[1:]
            elif pieces and pieces[0] == "?":
                pieces = pieces[1:]
            parts.append(part)
        if not parts:
            raise PhraseError(f"an empty choice: {text!r}")
        return _in_order(parts), pieces

    def _single(self, piece: str) -> _Part:
        if gap := _GAP.match(piece):
            return _Part(f"{_WORD_BETWEEN}{{0,{int(gap[1] or 3)}}}?", None, frozenset())
        if piece == "#":
            return _Part(f"(?P<n>{self._number})", frozenset({A_NUMBER}), frozenset())
        if piece.startswith("<"):
            return self._list(piece[1:-1])
        if piece.endswith("*"):
            start = piece[:-1]
            return _Part(re.escape(start) + r"[a-z']* ", frozenset({start + "*"}), frozenset({start}))
        words = self._words_of(piece)
        if not words:
            return _NOTHING  # a filler: it is taken out of messages too
        return _in_order([_Part(re.escape(word) + " ", frozenset({word}), frozenset({word})) for word in words])

    def _list(self, name: str) -> _Part:
        if name not in self._known:
            if name not in self._lists:
                raise PhraseError(f"there is no word list called {name!r}")
            self._known[name] = _either([self._read(text) for text in self._lists[name]])
        return self._known[name]


def _either(options: list[_Part]) -> _Part:
    if len(options) == 1:
        return options[0]
    anchors: set[str] | None = set()
    for option in options:
        anchors = None if option.anchors is None or anchors is None else anchors | option.anchors
    ordered = sorted((option.regex for option in options), key=len, reverse=True)
    return _Part(
        "(?:" + "|".join(ordered) + ")",
        None if anchors is None else frozenset(anchors),
        frozenset().union(*(option.words for option in options)),
    )


def _in_order(parts: list[_Part]) -> _Part:
    certain = [part.anchors for part in parts if part.anchors]
    return _Part(
        "".join(part.regex for part in parts),
        min(certain, key=_breadth) if certain else None,
        frozenset().union(*(part.words for part in parts)),
        tuple(need for part in parts if part.anchors for need in part.needs or (part.anchors,)),
    )


def _breadth(anchors: frozenset[str]) -> float:
    """How often a message would hold one of them, roughly: common and short words weigh most."""
    return sum(
        5.0 if word == A_NUMBER else 50.0 if word in _COMMON.split() else 8.0 / max(len(word.rstrip("*")), 1)
        for word in anchors
    )
