"""Reads an answer by the kind that its slot declares, and holds it to the slot's limits.

Standard library only, and it also runs on Python 3.10. A `spec` is the slot's mapping in dialogues/:
`{kind: number, min: 0, max: 10}`. What is read is canonical: text or a number, never a list, because
Rasa puts slots into words as they stand ("Monday, Thursday", "18:30").
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from bot.coaching.amounts import DAYS, WORDS, Amount, amounts, durations, number_of, scores
from bot.coaching.amounts import days as days_in
from bot.coaching.amounts import numbers as numbers_in
from bot.coaching.amounts import times as times_in

Value = str | int | float
Spec = Mapping[str, Any]
Number = Callable[[str], float]  # the protocol number behind a name such as "goal.most_minutes"

SKIPPED = "skipped"  # the value of a question that the patient chose not to answer

# Words that may stand around an amount without changing it. "after" and "not" do change it.
_AROUND = frozenset(
    """a about actually am and approx approximately are around at be best bit can could day days do each er erm ever
    every fair feel feels for full give go going good hello hi hmm i i'd i'll i'm id if ill im in is it it'll it's its
    just kind last let lets let's like make manage max maybe mainly mostly more might minimum most my nearly no number of
    ok okay on only or out over pain perhaps please pls point possibly prob probably put rather roughly said say score
    shall so somewhere sort sure tell than thank thanks that that's the then think this to today today's try um usually
    want was week well will with would yeah yep yes you level now right currently me feeling confident confidence
    starting start walk ten times time""".split()
)
_NONE = ("none", "nothing", "no", "nil", "zero", "not any", "no pain", "no pain at all", "nothing at all", "none at all")
_YES = ("yes", "y", "yeah", "yep", "yup", "ye", "ya", "aye", "yes please", "sure", "of course", "ok", "okay", "i do", "i am",
        "i have", "that's right", "thats right", "correct", "definitely", "absolutely", "i agree", "agreed", "go on",
        "please do", "true", "i did", "i can", "👍", "yes i do", "yes i am", "yes i have", "yes that's right")  # fmt: skip
_NO = ("no", "n", "nope", "nah", "naw", "no thanks", "no thank you", "not really", "i don't", "i dont", "i do not",
       "i haven't", "i havent", "i have not", "i'm not", "im not", "i am not", "never", "not at all", "none", "false",
       "i didn't", "i can't", "👎", "no i don't", "no i'm not", "no i haven't")  # fmt: skip
_UNSURE = ("unsure", "not sure", "i'm not sure", "im not sure", "i am not sure", "don't know", "dont know", "dunno", "i don't know",
           "i dont know", "maybe", "possibly", "not certain", "can't say", "hard to say", "i think so", "idk")  # fmt: skip
_NATIONS = {
    "england": ("england", "english", "eng"),
    "scotland": ("scotland", "scottish"),
    "wales": ("wales", "welsh", "cymru"),
    "northern_ireland": ("northern ireland", "n ireland", "ni", "n. ireland", "ulster"),
}
_PLACES = {
    "Europe/London": ("uk", "britain", "great britain", "england", "scotland", "wales", "northern ireland", "gmt", "bst",
                      "united kingdom", "uk time", "british time", "here"),
    "Europe/Dublin": ("ireland", "irish time"),
}  # fmt: skip


def shape(spec: Spec, text: str) -> str | None:
    """What is known of a text before anybody understands it.

    "shaped": it is an answer of this kind and nothing else. "open": it may be one, in the patient's own
    words, or has one among other words. None: it holds no answer of this kind.
    """
    if spec.get("kind") == "text":
        return "open" if _text(text) else None
    if read(spec, text) is not None:
        return "shaped"
    return "open" if find(spec, text) is not None else None


def read(spec: Spec, text: str) -> Value | None:
    """The answer as a slot value when the text is that answer and nothing else; limits are not looked at."""
    found = find(spec, text)
    if found is None:
        return None
    kind = spec.get("kind")
    if kind in _BY_AMOUNT:
        return found if _nothing_else(text) or _plain(text) in _NONE else None
    if kind == "choice":
        return found if _is_choice(spec, _plain(text)) or len(_plain(text).split()) <= 4 else None
    return found


def find(spec: Spec, text: str) -> Value | None:
    """The answer as a slot value, also from among other words; None when there is none, or more than one."""
    reader = _READERS.get(str(spec.get("kind", "text")))
    if reader is None:
        raise ValueError(f"there is no kind {spec.get('kind')}")
    return reader(spec, unicodedata.normalize("NFKC", text).strip())


def limits(spec: Spec, number: Number) -> dict[str, int | float]:
    """The limits a slot declares, as numbers: `max: {protocol: goal.most_minutes}` is looked up."""
    named = {name: spec[name] for name in ("min", "max", "max_chars") if spec.get(name) is not None}
    looked_up = {
        name: number(limit["protocol"]) if isinstance(limit, Mapping) else limit for name, limit in named.items()
    }
    if spec.get("kind") == "scale":
        looked_up = {"min": 0, "max": 10} | looked_up
    return {name: int(limit) if float(limit).is_integer() else float(limit) for name, limit in looked_up.items()}


def fits(value: Value, bounds: Mapping[str, int | float]) -> bool:
    """True when the value keeps to `limits(…)`."""
    if isinstance(value, str):
        return len(value) <= float(bounds.get("max_chars", len(value)))
    return float(bounds.get("min", value)) <= value <= float(bounds.get("max", value))


# One reader a kind


def _number(spec: Spec, text: str) -> Value | None:
    if _plain(text) in _NONE:
        return 0
    found = [each for each in amounts(text) if each.kind in ("number", "score")]
    return _only(found)


def _scale(spec: Spec, text: str) -> Value | None:
    """A whole number: "6", "six", "6/10", "no pain"; a half is asked again, not rounded."""
    if _plain(text) in _NONE:
        return 0
    value = _only(scores(text) or [each for each in amounts(text) if each.kind == "number"])
    return value if isinstance(value, int) else None


def _minutes(spec: Spec, text: str) -> Value | None:
    """Whole minutes; a bare number is minutes, because the question asked for them."""
    if _plain(text) in _NONE:
        return 0
    lengths = durations(text)
    if lengths:
        return _only(lengths) if not _is_range(text, lengths[0]) else None
    value = _only(numbers_in(text)) if len(numbers_in(text)) == len(amounts(text)) else None
    return value if isinstance(value, int) else None


def _is_range(text: str, first: Amount) -> bool:
    """True for "10 to 15 minutes": we don't choose for the patient."""
    return re.search(r"(?:\d|\b(?:" + "|".join(WORDS) + r"))\s*(?:-|–|to|or)\s*$", text[: first.start], re.I) is not None


def _days(spec: Spec, text: str) -> Value | None:
    """ "Monday, Thursday", in the order of the week; "every day except Sunday" leaves Sunday out."""
    kept, _, left_out = _split_exception(text)
    chosen = _names(days_in(kept)) - _names(days_in(left_out))
    return ", ".join(day for day in DAYS if day in chosen) or None


def _split_exception(text: str) -> tuple[str, str, str]:
    match = re.search(r"\b(?:except|apart from|but not|not on|not|bar)\b", text, re.I)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _names(found: list[Amount]) -> set[str]:
    return {day for amount in found for day in str(amount.value).split(", ")}


def _time(spec: Spec, text: str) -> Value | None:
    """ "18:30". An hour without am or pm is taken in waking hours: 7 to 12 as said, 1 to 6 after noon."""
    found = times_in(text)
    if len(found) == 1:
        return str(found[0].value) if found[0].sure else _waking(str(found[0].value))
    bare = _only(numbers_in(text)) if not found and len(amounts(text)) == 1 else None
    if isinstance(bare, int) and 1 <= bare <= 23:
        return f"{bare:02d}:00" if bare > 12 else _waking(f"{bare:02d}:00")
    return None


def _waking(time: str) -> str:
    hour, minute = time.split(":")
    return f"{int(hour) + 12 if int(hour) < 7 else int(hour)}:{minute}".zfill(5)


def _day_or_time(spec: Spec, text: str) -> Value | None:
    """Days, a time, or both: "Monday, Thursday 18:30"."""
    days = _days(spec, text)
    time = _time(spec, text) if times_in(text) else None
    return " ".join(str(part) for part in (days, time) if part) or None


def _choice(spec: Spec, text: str) -> Value | None:
    plain = _plain(text)
    exact = _is_choice(spec, plain)
    if exact:
        return exact
    hits = {
        value
        for value, words in _options(spec).items()
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain) for word in words)
    }
    return hits.pop() if len(hits) == 1 else None


def _is_choice(spec: Spec, plain: str) -> str | None:
    return next((value for value, words in _options(spec).items() if plain in words), None)


def _options(spec: Spec) -> dict[str, list[str]]:
    """Each value with its words; `yes` and `no` as keys arrive as booleans from some YAML readers."""
    names = {True: "yes", False: "no"}
    return {
        names.get(value, str(value)) if isinstance(value, bool) else str(value): [_plain(str(word)) for word in words or ()]
        + [_plain(str(names.get(value, value) if isinstance(value, bool) else value))]
        for value, words in (spec.get("options") or {}).items()
    }


def _yes_no_unsure(spec: Spec, text: str) -> Value | None:
    plain = _plain(text)
    for value, words in (("unsure", _UNSURE), ("yes", _YES), ("no", _NO)):
        if plain in words or text.strip() in words:
            return value
    without = " ".join(word for word in plain.split() if word not in ("please", "thanks", "thank", "you", "um", "well", "oh"))
    first = without.split(" ")[0] if len(without.split()) <= 4 else ""
    if without in _UNSURE:
        return "unsure"
    return "yes" if without in _YES or first in ("yes", "yeah", "yep", "aye") else "no" if without in _NO or first in ("nope",) else None


def _text(text: str) -> str | None:
    """The words on one line; None when there is no letter and no figure in them."""
    words = " ".join(text.split())
    return words if any(character.isalnum() for character in words) else None


def _free_text(spec: Spec, text: str) -> Value | None:
    return _text(text)


def _invitation_code(spec: Spec, text: str) -> Value | None:
    """ABCD-EFGH-JKMN from "my code is abcd efgh jkmn"; whether it is valid only the app knows."""
    match = re.search(r"(?<![A-Z0-9])[A-Z0-9]{4}[\s-]*[A-Z0-9]{4}[\s-]*[A-Z0-9]{4}(?![A-Z0-9])", text.upper())
    for candidate in (match[0] if match else "", text.upper().split(":")[-1], " ".join(text.upper().split()[-3:])):
        code = re.sub(r"[\s-]", "", candidate)
        if re.fullmatch(r"[A-Z0-9]{12}", code):
            return "-".join(code[i : i + 4] for i in (0, 4, 8))
    return None


def _nation(spec: Spec, text: str) -> Value | None:
    plain = _plain(text)
    hits = [nation for nation, words in _NATIONS.items() if any(re.search(rf"\b{word}\b", plain) for word in words)]
    return hits[0] if len(hits) == 1 else None


def _time_zone(spec: Spec, text: str) -> Value | None:
    """An IANA name from "Europe/London", "London", "UK time"."""
    plain = _plain(text)
    for zone, words in _PLACES.items():
        if plain in words:
            return zone
    zones = {zone.lower(): zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/"))}
    wanted = re.sub(r"\b(time|zone|i'm|in|i|live|am|the)\b", "", text.lower()).strip(" .!").replace(" ", "_")
    if wanted in zones:
        return zones[wanted]
    cities = {zone for name, zone in zones.items() if name.rsplit("/", 1)[-1] == wanted}
    return cities.pop() if len(cities) == 1 else None


_READERS: dict[str, Callable[[Spec, str], Value | None]] = {
    "number": _number,
    "scale": _scale,
    "minutes": _minutes,
    "days": _days,
    "time": _time,
    "day_or_time": _day_or_time,
    "choice": _choice,
    "yes_no_unsure": _yes_no_unsure,
    "text": _free_text,
    "invitation_code": _invitation_code,
    "nation": _nation,
    "time_zone": _time_zone,
}
KINDS = frozenset(_READERS)
_BY_AMOUNT = frozenset({"number", "scale", "minutes", "days", "time", "day_or_time"})


def _only(found: list[Amount]) -> Value | None:
    """The single amount; None when there are several that differ."""
    return found[0].value if len({amount.value for amount in found}) == 1 else None


def _nothing_else(text: str) -> bool:
    """True when the words around the amounts don't change them."""
    rest = text
    for amount in sorted(amounts(text), key=lambda each: -each.start):
        rest = rest[: amount.start] + " " + rest[amount.end :]
    words = re.findall(r"[a-z']+", rest.lower().replace("’", "'"))
    return all(word in _AROUND or number_of(word) is not None for word in words) and len(words) <= 8


def _plain(text: str) -> str:
    """Lower case, straight quotes, no punctuation at the ends, single spaces."""
    return " ".join(re.sub(r"[^\w\s'/+&-]", " ", text.lower().replace("’", "'")).split())
