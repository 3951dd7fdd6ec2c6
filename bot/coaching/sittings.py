"""When a questionnaire is due, what fits into one day, and which question comes next."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bot.coaching.instruments import TICKS, Measure
from bot.coaching.measures import Answers, is_asked


@dataclass(frozen=True)
class Calendar:
    """`days`: occasion → days after enrolment (protocol/measures.yml); `window`: days in which it may be caught up."""

    days: Mapping[str, int]
    window: int


@dataclass(frozen=True)
class Occasion:
    name: str
    first: date
    last: date  # later it is another point of the programme, and missing


def occasion_on(measure: Measure, calendar: Calendar, from_on: date, today: date) -> Occasion | None:
    """The one whose days these are, the latest when there are two."""
    begun = [each for each in _occasions(measure, calendar, from_on) if each.first <= today <= each.last]
    return max(begun, key=lambda each: each.first, default=None)


def next_day(measures: Iterable[Measure], calendar: Calendar, from_on: date, today: date) -> date | None:
    """The next day after today on which something falls due; None after the last."""
    days = [each.first for measure in measures for each in _occasions(measure, calendar, from_on)]
    return min((day for day in days if day > today), default=None)


def _occasions(measure: Measure, calendar: Calendar, from_on: date) -> list[Occasion]:
    schedule = measure.schedule
    found = {name: (calendar.days[name], calendar.window) for name in schedule.at}
    if schedule.every:
        step = int(schedule.every.days.value)
        for day in range(0, calendar.days[schedule.every.until] + 1, step):
            found[f"week_{day // 7}"] = (day, step - 1)
    return [
        Occasion(name, from_on + timedelta(days=day), from_on + timedelta(days=day + window))
        for name, (day, window) in found.items()
    ]


def fitting(minutes: Mapping[int, float], most: float) -> list[int]:
    """As many as fit into one day, in this order; the first goes in however long it is. The others wait a day."""
    chosen: list[int] = []
    left = most
    for key, each in minutes.items():
        if chosen and each > left:
            break
        chosen.append(key)
        left -= each
    return chosen


def next_item(measure: Measure, answers: Answers, skipped: Collection[str]) -> str | None:
    """The next item that is neither answered nor skipped; None at the end."""
    if measure.layout == "ticks":
        return None if set(measure.items) <= set(answers) else TICKS
    for key in measure.items:
        if key not in answers and key not in skipped and is_asked(measure, key, answers):
            return key
    return None


def item_before(measure: Measure, key: str, answers: Answers) -> str | None:
    """The question before this one, which "back" asks again; None at the first."""
    keys = _along_with(measure, key, answers)
    earlier = keys[: keys.index(key)] if key in keys else []
    return earlier[-1] if earlier else None


def progress(measure: Measure, key: str, answers: Answers) -> tuple[int, int]:
    """This is question so-and-so of so many, as far as the answers tell."""
    keys = _along_with(measure, key, answers)
    return keys.index(key) + 1, len(keys)


def _along_with(measure: Measure, key: str, answers: Answers) -> list[str]:
    """The questions of its part: naming activities and rating them are two, as a later sitting only rates."""
    part = measure.items[key].kept
    return [
        each
        for each, item in measure.items.items()
        if item.kept == part and (each == key or is_asked(measure, each, answers))
    ]


def kept(measure: Measure, answers: Answers, skipped: Collection[str]) -> tuple[dict[str, object], list[str]]:
    """What a later sitting takes over: the activities that were named, and that no more were wanted."""
    names = [key for key, item in measure.items.items() if item.kept]
    taken = {key: answers[key] for key in names if key in answers}
    return taken, [key for key in names if key in skipped] if taken else []
