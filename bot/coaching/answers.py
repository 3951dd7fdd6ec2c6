"""Reads an answer by the kind that its slot declares in dialogues/: `{kind: minutes, min: 1, …}` (a `spec`).

Standard library only, and it also runs on Python 3.10. What is read is canonical: text or a number, never
a list, because Rasa puts slots into words as they stand ("Monday, Thursday", "18:30"). Limits are not
looked at here: bot/rasa/forms.py holds answers to them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from bot.coaching.amounts import DAYS, WORDS, Amount, amounts, durations, number_of, scores
from bot.coaching.amounts import days as days_in
from bot.coaching.amounts import numbers as numbers_in
from bot.coaching.amounts import times as times_in
from bot.coaching.vocabulary import AROUND, COURTESY, NATIONS, NO, NONE, PLACES, UNSURE, YES

Value = str | int | float
Spec = Mapping[str, Any]
Number = Callable[[str], float]  # the protocol number behind a name such as "goal.most_minutes"

SKIPPED = "skipped"  # the value of a question that was left out
CODE = re.compile(r"(?<![A-Z0-9])[A-Z0-9]{4}[\s-]*[A-Z0-9]{4}[\s-]*[A-Z0-9]{4}(?![A-Z0-9])")


def shape(spec: Spec, text: str) -> str | None:
    """What is known of a text before anybody understands it.

    "shaped": it is an answer of this kind and nothing else. "open": it may be one, in the patient's own
    words, or has one among other words. None: it holds no answer of this kind.
    """
    if is_one_of(spec.get("skip_words"), text):
        return "shaped"
    found = find(spec, text)
    if found is None:
        return None
    return "shaped" if read(spec, text) is not None else "open"


def read(spec: Spec, text: str) -> Value | None:
    """The answer as a slot value when the text is that answer and nothing else."""
    found = find(spec, text)
    if found is None or found == _other(spec, text):
        return found
    kind, plain = spec.get("kind", "text"), _plain(text)
    if kind in AMOUNTS:
        bare = bool(amounts(text)) and _nothing_else(text)
        return found if bare or (plain in NONE and found == 0) else None
    if kind == "choice":
        return found if plain in _words_of(spec, found) or len(plain.split()) <= 4 else None
    return None if kind == "text" else found


def find(spec: Spec, text: str) -> Value | None:
    """The answer as a slot value, also from among other words; None when there is none, or more than one."""
    reader = _READERS.get(spec.get("kind", "text"))
    if reader is None:
        raise ValueError(f"there is no kind {spec.get('kind')}")
    if other := _other(spec, text):
        return other
    return reader(spec, unicodedata.normalize("NFKC", text).strip())


def _other(spec: Spec, text: str) -> str | None:
    """The value of `or_words`, {value: [words]}, that the text is: an answer beside those of the kind."""
    return next((str(value) for value, words in (spec.get("or_words") or {}).items() if is_one_of(words, text)), None)


def is_one_of(words: Iterable[object] | None, text: str) -> bool:
    """True when the text is one of these, whatever its case and punctuation."""
    plain = _plain(text)
    return any(_plain(str(word)) == plain for word in words or ())


# One reader a kind


def _number(spec: Spec, text: str) -> Value | None:
    if _plain(text) in NONE:
        return 0
    return _only([each for each in amounts(text) if each.kind in ("number", "score")])


def _scale(spec: Spec, text: str) -> Value | None:
    """A whole number: "6", "six", "6/10", "no pain"; a half is asked again, not rounded, and a bare "no" is no score."""
    if _plain(text) in NONE - {"no"}:
        return 0
    value = _only(scores(text) or [each for each in amounts(text) if each.kind == "number"])
    return value if isinstance(value, int) else None


def _minutes(spec: Spec, text: str) -> Value | None:
    """Whole minutes; a bare number is minutes, because the question asked for them."""
    if _plain(text) in NONE:
        return 0
    lengths = durations(text)
    if lengths:
        return None if _ends_a_range(text, lengths[0]) else _only(lengths)
    plain = numbers_in(text)
    value = _only(plain) if len(plain) == len(amounts(text)) else None
    return value if isinstance(value, int) else None


def _ends_a_range(text: str, amount: Amount) -> bool:
    """True for "10 to 15 minutes": we don't choose for the patient."""
    before = text[: amount.start].lower()
    return re.search(rf"(?:\d|\b(?:{'|'.join(WORDS)}))\s*(?:-|–|to|or)\s*$", before) is not None


def _days(spec: Spec, text: str) -> Value | None:
    """Days in the order of the week: "Monday, Thursday"; "every day except Sunday" leaves Sunday out."""
    kept, *left_out = re.split(r"\b(?:except|apart from|but not|not on|not|bar)\b", text, maxsplit=1, flags=re.I)
    chosen = _names(days_in(kept)) - _names(days_in(" ".join(left_out)))
    return ", ".join(day for day in DAYS if day in chosen) or None


def _names(found: list[Amount]) -> set[str]:
    return {day for amount in found for day in str(amount.value).split(", ")}


def _time(spec: Spec, text: str) -> Value | None:
    """A time as "18:30". An hour without am or pm is taken in waking hours: 7 to 12 as said, 1 to 6 after noon."""
    found = times_in(text)
    if len(found) == 1:
        return str(found[0].value) if found[0].sure else _waking(str(found[0].value))
    bare = _only(numbers_in(text)) if not found and len(amounts(text)) == 1 else None
    if isinstance(bare, int) and 1 <= bare <= 23:
        return f"{bare:02d}:00" if bare > 12 else _waking(f"{bare:02d}:00")
    return None


def _waking(time: str) -> str:
    hour, minute = time.split(":")
    return f"{int(hour) + 12 if int(hour) < 7 else int(hour):02d}:{minute}"


def _day_or_time(spec: Spec, text: str) -> Value | None:
    """A day, a time, or a moment of the day in the patient's words: "18:00", "Monday 18:00", "after breakfast"."""
    parts = [str(part) for part in (_days(spec, text), _time(spec, text)) if part]
    return " ".join(parts) if parts and _nothing_else(text) else _text(spec, text)


def _choice(spec: Spec, text: str) -> Value | None:
    plain = _plain(text)
    options = {name: _words_of(spec, name) for name in _options(spec)}
    for name, words in options.items():
        if plain in words:
            return name
    hits = {
        name
        for name, words in options.items()
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain) for word in words)
    }
    return hits.pop() if len(hits) == 1 else None


def _options(spec: Spec) -> dict[str, list[str]]:
    """Each value with its words; an unquoted `yes` or `no` arrives as a boolean from some YAML readers."""
    said: dict[Any, str] = {True: "yes", False: "no"}
    options = spec.get("options") or {}
    return {said.get(name, str(name)): [said.get(word, str(word)) for word in options[name] or ()] for name in options}


def _words_of(spec: Spec, name: Value) -> set[str]:
    return {_plain(word) for word in (str(name), *_options(spec).get(str(name), ()))}


def _yes_no_unsure(spec: Spec, text: str) -> Value | None:
    if text in ("👍", "👎"):
        return "yes" if text == "👍" else "no"
    words = [word for word in _plain(text).split() if word not in COURTESY]
    plain = " ".join(words)
    for value, known in (("unsure", UNSURE), ("yes", YES), ("no", NO)):
        if plain in known:
            return value
    return None


def _text(spec: Spec, text: str) -> Value | None:
    """The words on one line; None when there is no letter and no figure in them."""
    words = " ".join(text.split())
    return words if any(character.isalnum() for character in words) else None


def _invitation_code(spec: Spec, text: str) -> Value | None:
    """ABCD-EFGH-JKMN from "my code is abcd efgh jkmn"; whether it is valid only the app knows."""
    words = text.upper().split()
    tails = (" ".join(words[-count:]) for count in (1, 3))  # "code" and "from" have four letters too
    for candidate in (*tails, *CODE.findall(text.upper())):
        code = re.sub(r"[^A-Z0-9]", "", candidate)
        if len(code) == 12 and (CODE.fullmatch(candidate.strip(".!")) or "-" in candidate):
            return "-".join(code[i : i + 4] for i in (0, 4, 8))
    return None


def _nation(spec: Spec, text: str) -> Value | None:
    plain = _plain(text)
    hits = [nation for nation, words in NATIONS.items() if any(re.search(rf"\b{word}\b", plain) for word in words)]
    return hits[0] if len(hits) == 1 else None


def _time_zone(spec: Spec, text: str) -> Value | None:
    """An IANA name from "Europe/London", "London", "UK time"; a plain yes is the zone that was offered (`if_yes`)."""
    if spec.get("if_yes") and _yes_no_unsure(spec, text) == "yes":
        return str(spec["if_yes"])
    plain = " ".join(word for word in _plain(text).split() if word not in COURTESY)
    for zone, words in PLACES.items():
        if plain in words:
            return zone
    place = re.sub(r"\b(?:time|zone|i'm|im|in|i|live|am|the|near)\b", " ", text.lower())
    wanted = "_".join(place.strip(" .!,").split())
    zones = _zones()
    cities = {zone for name, zone in zones.items() if name.rsplit("/", 1)[-1] == wanted}
    return zones.get(wanted) or (cities.pop() if len(cities) == 1 else None)


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    names = (zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return {name.lower(): name for name in names}


_READERS: dict[str, Callable[[Spec, str], Value | None]] = {
    "number": _number,
    "scale": _scale,
    "minutes": _minutes,
    "days": _days,
    "time": _time,
    "day_or_time": _day_or_time,
    "choice": _choice,
    "yes_no_unsure": _yes_no_unsure,
    "text": _text,
    "invitation_code": _invitation_code,
    "nation": _nation,
    "time_zone": _time_zone,
}
KINDS = frozenset(_READERS)
AMOUNTS = frozenset({"number", "scale", "minutes", "days", "time", "day_or_time"})


def _only(found: list[Amount]) -> Value | None:
    """The single amount; None when there are several that differ."""
    return found[0].value if len({amount.value for amount in found}) == 1 else None


def _nothing_else(text: str) -> bool:
    """True when the words around the amounts don't change them."""
    rest = text
    for amount in sorted(amounts(text), key=lambda each: -each.start):
        rest = rest[: amount.start] + " " + rest[amount.end :]
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", rest.lower().replace("’", "'"))
    return len(words) <= 8 and all(word in AROUND or number_of(word) is not None for word in words)


def _plain(text: str) -> str:
    """Lower case, straight quotes, no punctuation, single spaces."""
    return " ".join(re.sub(r"[^\w\s'/&+-]", " ", text.lower().replace("’", "'")).split())
