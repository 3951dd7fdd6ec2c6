"""Finds numbers, durations, scores, days and times of day in what a patient writes.

Standard library only, and it also runs on Python 3.10: the app and Rasa read amounts with the same code.
What is vague ("after tea", "a bit", "soon") is left alone: guessing is the patient's work, not ours.
"""

import re
from dataclasses import dataclass

_UNITS_AND_TEENS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen"""
_UNITS = _UNITS_AND_TEENS.split()
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SPELLINGS = {"nil": 0, "nought": 0, "naught": 0, "fourty": 40, "ninty": 90, "a hundred": 100, "hundred": 100}
WORDS: dict[str, int] = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    **_SPELLINGS,
}
_ONES = "|".join(_UNITS[1:10])
_WORD = (
    rf"(?:one|a) hundred|(?:{'|'.join(_TENS)}|fourty|ninty)[ -](?:{_ONES})|"
    rf"{'|'.join(sorted(WORDS, key=len, reverse=True))}"
)
_FIGURE = r"\d+(?:[.]\d+)?"
_NUMBER = rf"(?:{_FIGURE}|\b(?:{_WORD})\b)"
_HALF = r"(?:\s+and\s+(?:a|one)\s+half\b|\s*½)"

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_WORDS = {
    "mon": 0, "monday": 0, "tue": 1, "tues": 1, "tuesday": 1, "wed": 2, "weds": 2, "wednesday": 2, "wensday": 2,
    "wednsday": 2, "thu": 3, "thur": 3, "thurs": 3, "thursday": 3, "fri": 4, "friday": 4,
    "sat": 5, "saturday": 5, "sun": 6, "sunday": 6,
}  # fmt: skip
_DAY_GROUPS = {
    "weekdays": range(5), "every weekday": range(5), "week days": range(5), "weekends": range(5, 7),
    "the weekend": range(5, 7), "at weekends": range(5, 7), "weekend": range(5, 7), "every day": range(7),
    "everyday": range(7), "daily": range(7), "each day": range(7), "all week": range(7),
}  # fmt: skip
_DAY = "|".join(sorted(_DAY_WORDS, key=len, reverse=True))
_GROUP = "|".join(sorted(_DAY_GROUPS, key=len, reverse=True))


@dataclass(frozen=True)
class Amount:
    """`kind` is number, minutes, score, days or time; start and end are places in the text.

    `sure` is False for a time that may be morning or evening ("half past six").
    """

    kind: str
    value: float | int | str
    start: int
    end: int
    sure: bool = True


def amounts(text: str) -> list[Amount]:
    """Every amount in the text, in order; the longest reading of a stretch of words wins."""
    found: list[Amount] = []
    for read in (scores, times, durations, days, numbers):
        for amount in read(text):
            if all(amount.end <= other.start or amount.start >= other.end for other in found):
                found.append(amount)
    return sorted(found, key=lambda amount: amount.start)


def number_of(words: str) -> float | int | None:
    """12 for "12", "twelve" or "12.0"; 25 for "twenty five"; None when it is no number."""
    words = re.sub(r"[\s-]+", " ", words.strip().lower())
    if re.fullmatch(_FIGURE, words):
        value = float(words)
        return int(value) if value.is_integer() else value
    if words in ("one hundred", "a hundred"):
        return 100
    tens, _, ones = words.partition(" ")
    if ones and ones in WORDS:
        return WORDS[tens] + WORDS[ones] if tens in WORDS else None
    return WORDS.get(words)


def numbers(text: str) -> list[Amount]:
    """Plain numbers: "6", "six", "2.5", "two and a half", "twenty-five"."""
    found = []
    for match in re.finditer(rf"(?<![\w.])(?P<number>-?{_NUMBER})(?P<half>{_HALF})?(?![\w])", text, re.I):
        negative = match["number"].startswith("-")
        value = number_of(match["number"].lstrip("-"))
        if value is None:
            continue
        value = value + 0.5 if match["half"] else value
        found.append(Amount("number", -value if negative else value, match.start(), match.end()))
    return found


def scores(text: str) -> list[Amount]:
    """Points out of ten: "6/10", "6 out of 10", "six outta ten"."""
    out_of_ten = r"\s*(?:/|\bout\s*(?:of|a)\b|\boutta\b)\s*(?:10|ten)(?![\w/])"
    found = []
    for match in re.finditer(rf"(?<![\w/])(?P<number>{_NUMBER})(?P<half>{_HALF})?{out_of_ten}", text, re.I):
        value = number_of(match["number"])
        if value is not None:
            value = value + 0.5 if match["half"] else value
            found.append(Amount("score", value, match.start(), match.end()))
    return found


_HOUR = r"(?:hours?|hrs?|h)\b"
_MINUTE = r"(?:minutes?|mintues?|minuets?|mins?|m)\b"
_AN_HOUR = r"\b(?:an|1|one)\s+(?:hour|hr)\b"
_LENGTHS = tuple(
    re.compile(pattern, re.I)
    for pattern in (  # the longer reading first: "half an hour" before "an hour"
        r"\b(?P<words>three[ -]quarters)\s+of\s+an\s+hour\b",
        r"(?:\b(?:a\s+)?(?P<words>half|quarter)|(?P<sign>½))(?:[ -]+of)?(?:[ -]+an)?[ -]+(?:hour|hr)\b",
        rf"(?:{_AN_HOUR}|(?<![\w.,])(?P<h>{_NUMBER})\s*{_HOUR})\s*(?:and\s+)?(?:a\s+)?(?P<extra>half|quarter)\b",
        rf"(?:{_AN_HOUR}|(?<![\w.,])(?P<h>{_NUMBER})\s*(?:hours?|hrs?|h))\s*(?:and\s+|,\s*)?(?P<m>{_NUMBER})\s*(?:{_MINUTE}|(?![\w/:.]))",
        rf"(?<![\w.,])(?P<h>{_NUMBER})(?P<half>{_HALF})?\s*-?\s*{_HOUR}",
        rf"(?<![\w.,])(?P<m>{_NUMBER})(?P<half>{_HALF})?\s*-?\s*{_MINUTE}",
        r"\b(?P<words>couple)\s+(?:of\s+)?hours\b",
        _AN_HOUR,
    )
)
_LENGTH_WORDS = {"three-quarters": 45, "couple": 120, "quarter": 15, "half": 30}


def durations(text: str) -> list[Amount]:
    """Lengths of time in whole minutes: "20 mins", "half an hour", "1h 20", "an hour and a half"."""
    found: list[Amount] = []
    for pattern in _LENGTHS:
        for match in pattern.finditer(text):
            minutes = _minutes(match)
            if minutes is not None and not any(match.start() < f.end and match.end() > f.start for f in found):
                found.append(Amount("minutes", round(minutes), match.start(), match.end()))
    return sorted(found, key=lambda amount: amount.start)


def _minutes(match: re.Match[str]) -> float | None:
    part = match.groupdict()
    if part.get("sign"):
        return 30
    if part.get("words"):
        return _LENGTH_WORDS[part["words"].lower().replace(" ", "-")]
    hours = number_of(part["h"]) if part.get("h") else 0 if part.get("m") and not _says_hour(match) else 1
    minutes = number_of(part["m"]) if part.get("m") else 0
    if hours is None or minutes is None:
        return None
    half = (0.5 if part.get("m") else 30) if part.get("half") else 0
    return 60 * hours + minutes + half + {"half": 30, "quarter": 15}.get((part.get("extra") or "").lower(), 0)


def _says_hour(match: re.Match[str]) -> bool:
    return re.search(_AN_HOUR, match[0], re.I) is not None


def days(text: str) -> list[Amount]:
    """Days of the week; each value is one day or several as "Monday, Thursday"."""
    found = []
    span = re.compile(rf"\b(?P<first>{_DAY})s?\b\s*(?:to|-|–|till|until|through)\s*(?P<last>{_DAY})s?\b", re.I)
    single = re.compile(rf"\b(?:(?P<group>{_GROUP})|(?P<day>{_DAY})s?)\b(?!['’]t)", re.I)
    spans = list(span.finditer(text))
    for match in spans:
        first, last = (_DAY_WORDS[match[name].lower()] for name in ("first", "last"))
        numbers_of_days = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
        found.append(Amount("days", _names(numbers_of_days), match.start(), match.end()))
    for match in single.finditer(text):
        if any(match.start() < other.end() and match.end() > other.start() for other in spans):
            continue
        if _is_everyday_word(text, match):
            continue
        chosen = _DAY_GROUPS[match["group"].lower()] if match["group"] else [_DAY_WORDS[match["day"].lower()]]
        found.append(Amount("days", _names(chosen), match.start(), match.end()))
    return sorted(found, key=lambda amount: amount.start)


def _is_everyday_word(text: str, match: re.Match[str]) -> bool:
    """True for "I sat down", "in the sun", "the sun": words that only look like short days."""
    if match[0].lower() not in ("sat", "sun", "wed"):
        return False
    before, after = text[: match.start()].rstrip().lower(), text[match.end() :].lstrip().lower()
    listed = bool(re.search(r"(?:\b(?:on|every|and|&|or|to)|[,/+-])$", before)) or not before
    follows = bool(re.match(rf"(?:[,/&+-]|and\b|or\b|at\b|morning|afternoon|evening|night|(?:{_DAY})s?\b|$)", after))
    return not ((listed and follows) or (_day_just_before(before) and follows))


def _day_just_before(before: str) -> bool:
    return bool(re.search(rf"\b(?:{_DAY})s?[,/]?$", before))


def _names(numbers_of_days: "range | list[int]") -> str:
    return ", ".join(DAYS[number] for number in sorted(set(numbers_of_days)))


_CLOCK_HOUR = rf"(?:[01]?\d|2[0-3]|{'|'.join(_UNITS[1:13])})"
_PART_OF_DAY = r"(?:\s*(?:in\s+the\s+|at\s+|this\s+|every\s+)?(?P<part>morning|afternoon|evening|night))?"
_HALF_OF_DAY = r"(?P<half>\s*(?:[ap]\.?\s?m\b\.?))?"
_TIMES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(?P<past>half|quarter|{_NUMBER}(?:\s*min(?:ute)?s?)?)\s+(?P<side>past|to)\s+(?P<hour>{_CLOCK_HOUR})\b{_HALF_OF_DAY}{_PART_OF_DAY}",
        rf"\bhalf\s+(?P<hour>{'|'.join(_UNITS[1:13])})\b(?P<halfway>){_HALF_OF_DAY}{_PART_OF_DAY}",
        rf"(?<![\w.:])(?P<hour>[01]?\d|2[0-3])(?P<mark>[:.])(?P<minute>[0-5]\d)(?![\d:/])(?!\s*(?:%|kg|km|miles?|{_HOUR}|{_MINUTE})){_HALF_OF_DAY}{_PART_OF_DAY}",
        rf"(?<![\w.:/])(?P<hour>{_CLOCK_HOUR})\s*(?P<half>[ap]\.?\s?m\b\.?){_PART_OF_DAY}",
        rf"(?<![\w.:/])(?P<hour>{_CLOCK_HOUR})\s*o\s?['’]?\s?clock\b{_HALF_OF_DAY}{_PART_OF_DAY}",
        rf"\bat\s+(?P<hour>{_CLOCK_HOUR})\b(?!\s*(?:%|/|out\b|{_HOUR}|{_MINUTE}|weeks?|days?|steps?|months?|years?|miles?|km))\s*(?:in\s+the\s+|at\s+)(?P<part>morning|afternoon|evening|night)\b",
        rf"(?<![\w.:/])(?P<hour>{_CLOCK_HOUR})\s+(?:in\s+the\s+|at\s+)(?P<part>morning|afternoon|evening|night)\b",
        r"\b(?P<named>noon|midday|midnight)\b",
    )
)


def times(text: str) -> list[Amount]:
    """Times of day as "18:30": "half past six", "6.30 pm", "18:00", "6 in the evening", "noon"."""
    found: list[Amount] = []
    for pattern in _TIMES:
        for match in pattern.finditer(text):
            value = _time(match)
            if value is not None and not any(match.start() < f.end and match.end() > f.start for f in found):
                found.append(Amount("time", value, match.start(), match.end(), _is_sure(match)))
    return sorted(found, key=lambda amount: amount.start)


def _time(match: re.Match[str]) -> str | None:
    part = match.groupdict()
    if part.get("named"):
        return "00:00" if part["named"].lower() == "midnight" else "12:00"
    hour = number_of(part["hour"])
    minute = _minute_of(part)
    if hour is None or minute is None:
        return None
    minutes = 60 * _hour_of_day(int(hour), part) + minute
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _is_sure(match: re.Match[str]) -> bool:
    part = match.groupdict()
    if part.get("named") or part.get("half") or part.get("part"):
        return True
    hour = part["hour"] or ""
    return hour.startswith("0") or not 1 <= (number_of(hour) or 0) <= 12


def _minute_of(part: dict[str, str | None]) -> int | None:
    if part.get("halfway") is not None:
        return 30
    if part.get("minute"):
        return int(str(part["minute"]))
    past = (part.get("past") or "0").lower()
    past = re.sub(r"\s*min(?:ute)?s?$", "", past)
    value = {"half": 30, "quarter": 15}.get(past, number_of(past))
    if value is None or value >= 60:
        return None
    return -int(value) if (part.get("side") or "").lower() == "to" else int(value)


def _hour_of_day(hour: int, part: dict[str, str | None]) -> int:
    half = re.sub(r"[\s.]", "", part.get("half") or "").lower()
    time_of_day = (part.get("part") or "").lower()
    if half == "am" or time_of_day == "morning":
        return hour % 12 if hour <= 12 else hour
    if half == "pm" or time_of_day in ("afternoon", "evening"):
        return hour % 12 + 12 if hour <= 12 else hour
    if time_of_day == "night" and 5 < hour <= 12:
        return hour % 12 + 12 if hour < 12 else 0
    return hour
