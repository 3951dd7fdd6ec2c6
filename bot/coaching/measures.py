"""Scores of questionnaires, their bands, and whether a change from an earlier sitting counts. Missing is never zero.

Everything an instrument needs stands in its declaration (dialogues/measures/*.yml); nothing here knows one by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

from bot.coaching.instruments import Change, Measure, Rule, Step

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """`total` None: answers that it needs are missing. `band` is for physios only."""

    total: float | None
    subscales: Mapping[str, float]
    band: str | None


class Verdict(StrEnum):
    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


@dataclass(frozen=True)
class Changed:
    """`points` as the scale counts: minus is lower. `little_room`: the earlier score was near an end of the scale."""

    before: float
    now: float
    points: float
    verdict: Verdict
    little_room: bool


def score(measure: Measure, answers: Answers) -> Scored:
    """Every score that the answers allow."""
    total = _score(measure, measure.total, answers)
    others = {name: _score(measure, rule, answers) for name, rule in measure.subscales.items()}
    subscales = {name: value for name, value in others.items() if value is not None}
    return Scored(total, subscales, band(measure, total, subscales))


def _score(measure: Measure, rule: Rule, answers: Answers) -> float | None:
    asked = [key for key in rule.items or measure.numbered if is_asked(measure, key, answers)]
    found = {key: measure.points_of(key, answers[key]) for key in asked if key in answers}
    missing = len(asked) - len(found)
    if not found or missing > (rule.most_missing if rule.missing == "mean of the rest" else 0):
        return None
    values = [sum(measure.ends_of(key)) - each if key in rule.reverse else each for key, each in found.items()]
    match rule.method:
        case "count" | "sum":
            return sum(values) + missing * fmean(values)
        case "mean":
            return fmean(values)
        case "value":
            return values[0]
        case "product":
            product = 1.0
            for each in values:
                product *= each
            return product


def is_asked(measure: Measure, key: str, answers: Answers) -> bool:
    """False for an item that an earlier answer rules out: it is not missing then."""
    when = measure.items[key].when
    return when is None or (when.item in answers and (when.unless is None or answers[when.item] != when.unless))


def band(measure: Measure, total: float | None, subscales: Mapping[str, float]) -> str | None:
    """The first that fits; None when a score it looks at is missing, or there are no bands."""
    if total is None or measure.bands is None:
        return None
    scores = {"total": total, **subscales}
    for each in measure.bands.list:
        if all(name in scores and low <= scores[name] <= high for name, (low, high) in each.ranges.items()):
            return each.name
    return None


def changed(change: Change | None, before: float, now: float) -> Changed | None:
    """None when the instrument names no change that counts."""
    if change is None:
        return None
    points = now - before
    gain = points if change.better == "higher" else -points
    verdict = Verdict.SAME
    if gain > 0 and _counts(change.improved, gain, before):
        verdict = Verdict.BETTER
    elif gain < 0 and _counts(change.worse, -gain, before):
        verdict = Verdict.WORSE
    low = change.floor is not None and before <= change.floor.value
    high = change.ceiling is not None and before >= change.ceiling.value
    return Changed(before, now, points, verdict, little_room=low or high)


def _counts(step: Step, points: float, before: float) -> bool:
    if points >= step.points.value:
        return True
    if step.share is None or before <= 0 or (step.share_from and before < step.share_from.value):
        return False
    return points >= step.share.value * before
