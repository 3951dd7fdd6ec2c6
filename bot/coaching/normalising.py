"""Makes the many ways of typing one word into one: the text that phrases are looked for in.

The lists (misspellings, text-speak, dialect, fillers) are content: dialogues/safety/lexicon/_spelling.yml.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "\u02bc": "'",
        "\u00b4": "'",
        "`": "'",
        "\uff07": "'",
        "\u2032": "'",
        "\u201c": '"',
        "\u201d": '"',
    }
)
_HOMOGLYPHS = str.maketrans("авеорсухіѕԁмтнк", "abeopcyxisdmthk")  # Cyrillic letters that look Latin
_DISGUISES = str.maketrans({"1": "i", "!": "i", "0": "o", "3": "e", "@": "a", "$": "s", "*": None})
_DISGUISED = re.compile(r"(?<=[a-z])[!1*@$03]+(?=[a-z])")
_SPACED = re.compile(r"(?<![a-z'])[a-z](?:[ ._*-]{1,2}[a-z]){2,}(?![a-z'])")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_JOINED_UNIT = re.compile(r"(?<=\d)(?=[a-z])")
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+(?:[.:]\d+)*|'[a-z]+|[.,!?;:\n]|[^\sa-z0-9'\"()\[\]{}*_~#/\\<>=+|^%&$@-]")
_CONTRACTED = re.compile(r"^([a-z]+)('(?:s|ve|m|re|d|ll))$")
_SHORT_YEAR = re.compile(r"(?<![\w'])'(\d\d)(?![\w'])")  # "in '94"
_THE_BEFORE = re.compile(r"(?<![a-z'])t'(?=[a-z])")  # Yorkshire: "t'right leg"
SHORTEST_GUARDED = 6  # letters: shorter words have too many real neighbours
_ENDS = frozenset(".!?\n")
_BLANK = re.compile(r"[-/_\\]+")


@dataclass(frozen=True)
class Spelling:
    """What is put right before reading; `vocabulary` are the words that phrases are made of."""

    words: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, str] = field(default_factory=dict)
    fillers: frozenset[str] = frozenset()
    vocabulary: frozenset[str] = frozenset()
    guarded: Mapping[str, list[str]] = field(default_factory=dict)  # one-letter deletion of a known word → the words
    not_typos: frozenset[str] = frozenset()
    _phrase_pattern: re.Pattern[str] | None = None
    _possessive: re.Pattern[str] | None = None  # "me back" → "my back"

    @classmethod
    def from_content(cls, content: Mapping[str, Any], vocabulary: Iterable[str] = ()) -> "Spelling":
        phrases = {_plain(wrong): _plain(right) for wrong, right in (content.get("phrases") or {}).items()}
        longest_first = sorted(phrases, key=len, reverse=True)
        pattern = re.compile(r"(?<!\S)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\S)") if phrases else None
        known = frozenset(vocabulary) | frozenset(content.get("guarded") or [])
        guarded: dict[str, list[str]] = {}
        for word in sorted(word for word in known if len(word) >= SHORTEST_GUARDED and word.replace("'", "").isalpha()):
            for shorter in _deletions(word):
                guarded.setdefault(shorter, []).append(word)
        words = {str(wrong): str(right) for wrong, right in (content.get("words") or {}).items()}
        owned = "|".join(sorted(map(re.escape, content.get("me_is_my_before") or []), key=len, reverse=True))
        possessive = (
            re.compile(rf"(?<!\S)me (?=(?:(?:own|old|left|right|bad|lower|poor|whole|other|big) )?(?:{owned})(?!\S))")
            if owned
            else None
        )
        return cls(
            words,
            phrases,
            frozenset(content.get("fillers") or []),
            known,
            guarded,
            frozenset(content.get("not_typos") or []),
            pattern,
            possessive,
        )


def tokens(text: str, spelling: Spelling) -> list[str]:
    """Words in lower case with endings like 's apart; punctuation and emoji stand as tokens of their own."""
    plain = _plain(text)
    plain = _SHORT_YEAR.sub(lambda match: f"{'19' if match[1] > '25' else '20'}{match[1]}", plain)
    plain = _THE_BEFORE.sub("the ", plain.replace("&", " and "))
    plain = _DISGUISED.sub(lambda match: match.group().translate(_DISGUISES), plain)
    plain = _SPACED.sub(lambda match: _unspaced(match.group(), spelling.vocabulary), plain)
    plain = _JOINED_UNIT.sub(" ", _BLANK.sub(" ", plain))
    words = [_corrected(word, spelling) for word in _TOKEN.findall(plain)]
    joined = " ".join(words)
    if spelling._phrase_pattern is not None:
        joined = spelling._phrase_pattern.sub(lambda match: spelling.phrases[match.group()], joined)
    if spelling._possessive is not None:
        joined = spelling._possessive.sub("my ", joined)
    return [part for word in joined.split(" ") if word for part in _parts(word)]


def is_end_of_sentence(token: str) -> bool:
    return token in _ENDS


def _plain(text: str) -> str:
    """Lower case, compatibility forms folded, accents, invisible and look-alike characters gone."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", str(text))).translate(_QUOTES)
    text = text.casefold().translate(_HOMOGLYPHS)
    if text.isascii():
        return text
    return "".join(ch for ch in unicodedata.normalize("NFKD", text) if not unicodedata.combining(ch))


def _unspaced(run: str, vocabulary: frozenset[str]) -> str:
    """ "n u m b" is "numb" when the letters spell known words; "u r a" stays as it is."""
    letters = re.sub(r"[^a-z]", "", run)
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 14), end):
            before, word = best[start], letters[start:end]
            if before is None or (word not in vocabulary and word not in ("i", "a")):
                continue
            found = best[end]
            if found is None or len(before) + 1 < len(found):
                best[end] = [*before, word]
    spelt = best[len(letters)]
    return " ".join(spelt) if spelt and any(len(word) > 2 for word in spelt) else run


def _corrected(word: str, spelling: Spelling) -> str:
    if not word[0].isalpha() or not word.isascii():
        return "." if word == "\n" else word
    if word in spelling.words:
        return _plain(spelling.words[word])
    if _DRAWN_OUT.search(word):
        twice = _DRAWN_OUT.sub(r"\1\1", word)
        word = twice if twice in spelling.vocabulary else _DRAWN_OUT.sub(r"\1", word)
        word = spelling.words.get(word, word)
    if word.endswith("'s"):
        return _corrected(word[:-2], spelling) + "'s"
    known = word in spelling.vocabulary or word in spelling.not_typos or word in spelling.fillers
    if known or len(word) < SHORTEST_GUARDED:
        return word
    return _nearest(word, spelling)


def _nearest(word: str, spelling: Spelling) -> str:
    """The known word one slip away (a letter too many, missing, wrong or swapped), else the word itself."""
    for candidate in _deletions(word):
        for found in spelling.guarded.get(candidate, ()):
            if abs(len(found) - len(word)) <= 1 and _one_slip(word, found):
                return found
    return word


def _one_slip(word: str, target: str) -> bool:
    if len(word) != len(target):
        return True  # one is a deletion of the other, or both are of the same: both count as one slip here
    wrong = [place for place, (left, right) in enumerate(zip(word, target, strict=True)) if left != right]
    if len(wrong) <= 1:
        return True
    first, second = wrong[0], wrong[-1]
    return len(wrong) == 2 and second == first + 1 and word[first] == target[second] and word[second] == target[first]


def _deletions(word: str) -> list[str]:
    return [word, *(word[:place] + word[place + 1 :] for place in range(len(word)))]


def _parts(word: str) -> list[str]:
    match = _CONTRACTED.match(word)
    return [match[1], match[2]] if match else [word]
