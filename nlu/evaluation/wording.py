"""Ways to write the same message differently. Each changes only what its name says, and always in the same way."""

from __future__ import annotations

import random
import re
from typing import Callable, Dict, List, Sequence

SEED = 3
MOST_TYPOS = 2  # a line
LONG_WORD = re.compile(r"[^\W\d_]{5,}")
WORDS_JOINED = re.compile(r"(?<=\w)[-–—/](?=\w)")
# Between digits a mark carries meaning: 37.5, 10,000, 18:30.
PUNCTUATION = re.compile(r"(?<!\d)[^\w\s]|[^\w\s](?!\d)")
EMOJI = ("😩", "🙏", "😬", "👍", "😢", "❤️")
OPENINGS = (
    "Hiya, ",
    "Um so basically, ",
    "Right, so the thing is, ",
    "Sorry to bother you, ",
    "Hello again, hope you're having a nice morning. ",
    "Just thought I'd mention, ",
)


def without_punctuation(text: str) -> str:
    return " ".join(PUNCTUATION.sub("", WORDS_JOINED.sub(" ", text)).split())


def with_typos(text: str) -> str:
    """Two letters of a long word swapped, or one dropped, in at most two words. First letters stay, as people's do."""
    dice = _dice("typos", text)
    words = list(LONG_WORD.finditer(text))
    for word in sorted(dice.sample(words, min(MOST_TYPOS, len(words))), key=lambda word: -word.start()):
        text = text[: word.start()] + _mistyped(word.group(), dice) + text[word.end() :]
    return text


def with_emoji_after(text: str) -> str:
    return f"{text} {_dice('after', text).choice(EMOJI)}"


def with_emoji_before(text: str) -> str:
    return f"{_dice('before', text).choice(EMOJI)} {text}"


def with_opening(text: str) -> str:
    return _dice("opening", text).choice(OPENINGS) + text


PERTURBATIONS: Dict[str, Callable[[str], str]] = {
    "lower_case": str.lower,
    "upper_case": str.upper,
    "no_punctuation": without_punctuation,
    "typos": with_typos,
    "emoji_after": with_emoji_after,
    "emoji_before": with_emoji_before,
    "filler_opening": with_opening,
}


def _dice(purpose: str, text: str) -> random.Random:
    """Seeded by the text, so that one line more or less changes no other."""
    return random.Random(f"{SEED} {purpose} {text}")


def _mistyped(word: str, dice: random.Random) -> str:
    swaps = _swapped(word)
    dropped = dice.randrange(1, len(word))
    if swaps and dice.random() < 0.5:
        return dice.choice(swaps)
    return word[:dropped] + word[dropped + 1 :]


def _swapped(word: str) -> Sequence[str]:
    """Every other word that two neighbours changing places make of it."""
    found: List[str] = []
    for place in range(1, len(word) - 1):
        one, other = word[place], word[place + 1]
        if one != other:
            found.append(word[:place] + other + one + word[place + 2 :])
    return found
