"""Reads "did 12 mins round the park, sore after": how many minutes of what, on which day. Pure text, no guessing.

The words it goes by are content: dialogues/protocol/diary.yml. What it can't read for certain it leaves alone.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.coaching.amounts import DAYS, WORDS, durations, number_of
from bot.coaching.amounts import days as days_in

PIECES = re.compile(
    r"[,;.\n+&]+(?!\d)|\b(?:and then|then|and|plus)\b(?!\s+(?:a\s+)?(?:half|quarter|\d+\s*(?:m|min)))", re.I
)
RANGE = re.compile(rf"(?:\d|\b(?:{'|'.join(WORDS)}))\s*(?:-|–|to|or)\s*$", re.I)


@dataclass(frozen=True)
class Lists:
    """The word lists of dialogues/protocol/diary.yml, and how far back a day may lie."""

    done: Collection[str]
    not_done: Collection[str]
    no_activity: Collection[str]
    sore: Collection[str]
    corrects: Collection[str]
    most_entries: int
    most_days_back: int


@dataclass(frozen=True)
class Told:
    """`activity` as the catalogue says it, None when it was not named."""

    minutes: int
    on: date
    activity: str | None


def read(text: str, today: date, lists: Lists, named: Callable[[str], str | None], *, sure: bool = False) -> list[Told]:
    """What was done, in the order of the text; [] when it is not certain. `sure`: that it tells of something done."""
    if "?" in text or has(text, lists.not_done):
        return []
    pieces = [piece for piece in PIECES.split(text) if piece.strip()]
    everywhen = _day(text, today, lists)
    found = []
    for piece in pieces:
        lengths = [each for each in durations(piece) if not RANGE.search(piece[: each.start])]
        if len(lengths) != 1 or has(piece, lists.no_activity):
            continue
        if not 0 < int(lengths[0].value) < 24 * 60:
            continue
        found.append(Told(int(lengths[0].value), _day(piece, today, lists) or everywhen or today, named(piece)))
    if not found or len(found) > lists.most_entries:
        return []
    if len(found) == 1 and found[0].activity is None:
        found = [replace(found[0], activity=named(text))]  # "went for a stroll, 15 mins"
    told = sure or has(text, lists.done) or any(each.activity for each in found)
    return found if told else []


def corrected(text: str, lists: Lists) -> int | None:
    """The minutes of "no, 15" or "sorry, meant half an hour"; None when it is no correction."""
    plain = text.strip().lower()
    if (
        "?" in plain
        or len(plain.split()) > 7
        or not any(re.match(rf"{re.escape(word)}\b", plain) for word in lists.corrects)
    ):
        return None
    lengths = durations(plain)
    if len(lengths) == 1:
        return int(lengths[0].value)
    bare = [value for word in re.findall(r"[\w-]+", plain) if isinstance(value := number_of(word), int)]
    return bare[0] if len(bare) == 1 and not lengths else None


def is_sore(text: str, lists: Lists) -> bool:
    return has(text, lists.sore) and not re.search(
        r"\b(?:no|not|less|wasn't|isn't)\b[\w\s]{0,12}\b(?:sore|pain|ache)", text.lower()
    )


def has(text: str, words: Collection[str]) -> bool:
    plain = " ".join(re.sub(r"[^\w\s']", " ", text.lower().replace("’", "'")).split())
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain) for word in words)


def _day(text: str, today: date, lists: Lists) -> date | None:
    """Yesterday, or the last one of a named day of the week; None when no day, or more than one, is named."""
    plain = text.lower()
    if re.search(r"\b(?:yesterday|yest|last night)\b", plain):
        return today - timedelta(days=1)
    if re.search(r"\b(?:today|this (?:morning|afternoon|evening)|earlier|just now)\b", plain):
        return today
    names = {str(each.value) for each in days_in(text)}
    if len(names) != 1 or (name := names.pop()) not in DAYS:
        return None
    back = (today.weekday() - DAYS.index(name)) % 7
    return today - timedelta(days=back) if back <= lists.most_days_back else None
