"""Big days followed by sore, quiet ones: clinical.md §8.7. Asked about before anything is made of it.

Days without a figure are absent: they are neither quiet nor big, and nothing is put in their place.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import correlation, fmean, median, pstdev

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Numbers:
    """dialogues/protocol/at_risk.yml, AR13, name for name: what each means stands there."""

    window_days: int
    fewest_days: int
    boom_times: float
    boom_more: float
    boom_quota_times: float
    bust_days: int
    bust_share: float
    bust_pain: float
    pattern_pairs: int
    swing: float


@dataclass(frozen=True)
class Diary:
    """By local day: minutes of all activity, minutes of the planned one, pain 0–10; days to leave out altogether.

    `quota` is of one planned session, None when there is no plan.
    """

    minutes: Mapping[date, int]
    pain: Mapping[date, int]
    planned: Mapping[date, int]
    quota: int | None = None
    left_out: Collection[date] = ()


@dataclass(frozen=True)
class Pair:
    """A big day, and the first quiet day after it."""

    boom_on: date
    bust_on: date


@dataclass(frozen=True)
class Pattern:
    """What a window of days shows. `swings`: the supporting sign, large changes that sore days follow."""

    last: date
    pairs: tuple[Pair, ...]
    median_minutes: float
    usual_pain: float
    found: bool
    swings: bool


def look(diary: Diary, last: date, numbers: Numbers) -> Pattern | None:
    """The window that ends on `last`; None while there is too little to say anything."""
    days = [last - DAY * ago for ago in reversed(range(numbers.window_days))]
    minutes = {day: diary.minutes[day] for day in days if day in diary.minutes and day not in diary.left_out}
    pain = {day: diary.pain[day] for day in days if day in diary.pain and day not in diary.left_out}
    if len(minutes) < numbers.fewest_days or not pain:
        return None
    middle, usual = median(minutes.values()), median(pain.values())
    booms = [day for day in minutes if _is_boom(day, minutes[day], middle, diary, numbers)]
    pairs = _pairs(booms, minutes, pain, middle, usual, numbers)
    found = len(pairs) >= numbers.pattern_pairs
    return Pattern(last, pairs, middle, usual, found, _swings(minutes, pain, numbers))


def weeks_with_pattern(
    diary: Diary, last: date, weeks: int, numbers: Numbers, *, denied: Collection[date] = ()
) -> list[Pattern]:
    """Of the last `weeks` weeks those that show it, newest first: a big day of a pair lies in the week itself, so that
    one bad week is not counted twice. `denied`: last days of windows of which the patient has said that it isn't so."""
    found = []
    for ago in range(weeks):
        end = last - DAY * 7 * ago
        pattern = look(diary, end, numbers)
        pairs = [pair for pair in pattern.pairs if not _is_denied(pair, denied, numbers)] if pattern else []
        of_week = any(end - DAY * 7 < pair.boom_on <= end for pair in pairs)
        if pattern and of_week and len(pairs) >= numbers.pattern_pairs:
            found.append(pattern)
    return found


def _is_denied(pair: Pair, denied: Collection[date], numbers: Numbers) -> bool:
    return any(day - DAY * numbers.window_days < pair.boom_on <= day for day in denied)


def _is_boom(day: date, minutes: int, middle: float, diary: Diary, numbers: Numbers) -> bool:
    """Far above the usual, or far above the amount that was planned."""
    if minutes >= numbers.boom_times * middle and minutes >= middle + numbers.boom_more:
        return True
    return diary.quota is not None and diary.planned.get(day, 0) >= numbers.boom_quota_times * diary.quota


def _pairs(
    booms: Sequence[date],
    minutes: Mapping[date, int],
    pain: Mapping[date, int],
    middle: float,
    usual: float,
    numbers: Numbers,
) -> tuple[Pair, ...]:
    """A quiet day belongs to one big day: two big days in a row and the quiet one after them are one pair."""
    found: list[Pair] = []
    for boom in booms:
        after = [boom + DAY * days for days in range(1, numbers.bust_days + 1)]
        sorer = any(pain[day] >= usual + numbers.bust_pain for day in after if day in pain)
        quiet = [day for day in after if day in minutes and minutes[day] <= numbers.bust_share * middle]
        free = [day for day in quiet if all(day != pair.bust_on for pair in found)]
        if sorer and free:
            found.append(Pair(boom, free[0]))
    return tuple(found)


def _swings(minutes: Mapping[date, int], pain: Mapping[date, int], numbers: Numbers) -> bool:
    mean = fmean(minutes.values())
    if not mean or pstdev(minutes.values()) / mean <= numbers.swing:
        return False
    next_day = [(minutes[day], pain[day + DAY]) for day in minutes if day + DAY in pain]
    active, sore = [each for each, _ in next_day], [each for _, each in next_day]
    return len(set(active)) > 1 and len(set(sore)) > 1 and correlation(active, sore) > 0
