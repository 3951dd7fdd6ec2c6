"""Does this patient's own activity go with easier mornings? The data rules, the statistic and the verdict of clinical.md §9.

Pain is asked in the morning, before the day's activity; activity is told in the evening. A *pair* is one day with its
minutes, its morning's pain and the next morning's. What is compared is the next morning, never the same day: on a good
day people do more, and same-day figures would call that help. Nothing missing is ever filled in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean, median, pstdev
from typing import Any

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """What is known of one day. `pain`: of its morning. `left_out`: illness, or figures that contradict each other."""

    on: date
    minutes: int | None = None
    pain: int | None = None  # NRS 0–10
    sleep: float | None = None
    left_out: bool = False


@dataclass(frozen=True)
class Numbers:
    """dialogues/protocol/association.yml, name for name: what each one means stands there."""

    pairs: int
    group: int
    pain_sd: float
    most_missing: float
    missing_on_bad: float
    missing_on_bad_from: int
    hint: float
    clearer: float
    clearer_from: int
    sleep_from: int
    hint_interval: float
    clearer_interval: float
    same_day: float
    settles_within: int

    @classmethod
    def of(cls, protocol: Mapping[str, Mapping[str, Any]]) -> "Numbers":
        """From the file as it was read: {name: {value, unit, …}}."""
        return cls(**{name: protocol[name]["value"] for name in cls.__dataclass_fields__})


class Verdict(StrEnum):
    NOT_ENOUGH = "not_enough"
    NO_CLEAR_LINK = "no_clear_link"
    HINT = "hint"
    CLEARER_HELP = "clearer_help"
    MORE_PAIN = "more_pain"
    DIRECTION_UNCLEAR = "direction_unclear"


SAYS_HELP = (Verdict.HINT, Verdict.CLEARER_HELP)


@dataclass(frozen=True)
class Pair:
    on: date
    minutes: int
    pain: int
    next_pain: int
    sleep: float | None


@dataclass(frozen=True)
class Figures:
    """What a verdict rests on, all of it about counted days. `drop`: how much lower the next morning was, adjusted."""

    days: int  # pairs that were counted
    active: int
    quiet: int
    mean_active: float  # next-morning pain after more active days
    mean_quiet: float
    drop: float
    interval: tuple[float, float]  # of the drop, wide
    hint_interval: tuple[float, float]
    halves_agree: bool
    sorer: int  # more active days whose next morning was worse than their own
    settled: int  # of those, back where it was within the days allowed


@dataclass(frozen=True)
class Finding:
    """`lacks` says what is missing when it isn't enough: pairs, groups, spread, missing, missing_on_bad."""

    verdict: Verdict
    mornings: int  # with a score
    pairs: int
    figures: Figures | None = None
    lacks: str = ""


def look(days: Sequence[Day], day: int, numbers: Numbers) -> Finding:
    """The verdict of the look at `day` (28, 42, 56, 84), from the days up to it and the morning after."""
    pairs, mornings = pairs_of(days), sum(each.pain is not None for each in days)
    if lacks := _lacks(days, pairs, numbers):
        return Finding(Verdict.NOT_ENOUGH, mornings, len(pairs), lacks=lacks)
    figures = _figures(days, pairs, day, numbers)
    if figures is None:
        return Finding(Verdict.NOT_ENOUGH, mornings, len(pairs), lacks="spread")
    return Finding(_verdict(figures, pairs, day, numbers), mornings, len(pairs), figures)


def pairs_of(days: Sequence[Day]) -> list[Pair]:
    """Days with minutes and pain whose next morning has pain too; a day left out spoils both pairs it stands in."""
    known = {each.on: each for each in days if not each.left_out}
    found = []
    for each in sorted(known.values(), key=lambda one: one.on):
        following = known.get(each.on + DAY)
        if each.minutes is None or each.pain is None or following is None or following.pain is None:
            continue
        found.append(Pair(each.on, each.minutes, each.pain, following.pain, each.sleep))
    return found


def is_active(pairs: Sequence[Pair]) -> list[bool]:
    """Above the patient's own median activity."""
    middle = median(pair.minutes for pair in pairs)
    return [pair.minutes > middle for pair in pairs]


# Is there enough? -----------------------------------------------------------------------------------------------------


def _lacks(days: Sequence[Day], pairs: Sequence[Pair], numbers: Numbers) -> str:
    if len(pairs) < numbers.pairs:
        return "pairs"
    active = sum(is_active(pairs))
    if min(active, len(pairs) - active) < numbers.group:
        return "groups"
    if pstdev(pair.next_pain for pair in pairs) < numbers.pain_sd:
        return "spread"
    counted = [each for each in days if not each.left_out]
    could_be = max(1, len(counted) - 1)  # the last morning begins no pair of its own
    if 1 - len(pairs) / could_be > numbers.most_missing:
        return "missing"
    return "missing_on_bad" if _missing_on_bad(counted, pairs, numbers) else ""


def _missing_on_bad(days: Sequence[Day], pairs: Sequence[Pair], numbers: Numbers) -> bool:
    """Mostly days are missing on which pain was above its median, or had been so the morning before."""
    pain = {each.on: each.pain for each in days if each.pain is not None}
    middle, paired = median(pain.values()), {pair.on for pair in pairs}
    known = [pain.get(each.on, pain.get(each.on - DAY)) for each in days[:-1] if each.on not in paired]
    scores = [score for score in known if score is not None]
    if len(scores) < numbers.missing_on_bad_from:
        return False
    return sum(score > middle for score in scores) / len(scores) >= numbers.missing_on_bad


# How much? ------------------------------------------------------------------------------------------------------------


def _figures(days: Sequence[Day], pairs: Sequence[Pair], day: int, numbers: Numbers) -> Figures | None:
    """None when the days are too much alike to tell activity from that morning's pain or from the trend."""
    active = is_active(pairs)
    after_active = [pair.next_pain for pair, was in zip(pairs, active, strict=True) if was]
    after_quiet = [pair.next_pain for pair, was in zip(pairs, active, strict=True) if not was]
    with_sleep = day >= numbers.sleep_from and all(pair.sleep is not None for pair in pairs)
    levels = (numbers.clearer_interval, numbers.hint_interval)
    adjusted = _adjusted(pairs, active, levels, with_sleep=with_sleep)
    if adjusted is None:
        return None
    drop, (wide, narrow) = adjusted
    sorer, settled = _settling(days, [pair for pair, was in zip(pairs, active, strict=True) if was], numbers)
    return Figures(
        days=len(pairs),
        active=len(after_active),
        quiet=len(after_quiet),
        mean_active=fmean(after_active),
        mean_quiet=fmean(after_quiet),
        drop=drop,
        interval=wide,
        hint_interval=narrow,
        halves_agree=drop >= numbers.clearer and _halves_agree(pairs, active, drop, with_sleep=with_sleep),
        sorer=sorer,
        settled=settled,
    )


def _adjusted(
    pairs: Sequence[Pair], active: Sequence[bool], levels: Sequence[float], *, with_sleep: bool
) -> tuple[float, list[tuple[float, float]]] | None:
    """The drop in next-morning pain after active days, given that morning's pain and a straight trend; its intervals.

    Ordinary least squares with HC3 standard errors and t-intervals (clinical.md §9.3).
    """
    model = _model(pairs, active, with_sleep=with_sleep)
    if model is None or max(model.fit().get_influence().hat_matrix_diag) > FREE:
        return None
    fit = model.fit(cov_type="HC3", use_t=True)
    bounds = [fit.conf_int(alpha=1 - level)[1] for level in levels]
    return -float(fit.params[1]), [(-float(high), -float(low)) for low, high in bounds]


FREE = 0.999  # leverage from which one day alone decides a coefficient: HC3 has nothing to say about it then


def _model(pairs: Sequence[Pair], active: Sequence[bool], *, with_sleep: bool) -> Any | None:
    """The regression; None when its columns can't be told apart."""
    from statsmodels.regression.linear_model import OLS

    first = pairs[0].on
    rows = [
        [1.0, float(was), float(pair.pain), float((pair.on - first).days), *([float(pair.sleep or 0)] * with_sleep)]
        for pair, was in zip(pairs, active, strict=True)
    ]
    model = OLS([float(pair.next_pain) for pair in pairs], rows)
    return model if model.df_model == len(rows[0]) - 1 else None


def _halves_agree(pairs: Sequence[Pair], active: Sequence[bool], drop: float, *, with_sleep: bool) -> bool:
    """The same direction in the first and in the second half."""
    middle = len(pairs) // 2
    for half in (slice(None, middle), slice(middle, None)):
        model = _model(pairs[half], active[half], with_sleep=with_sleep)
        if model is None or -model.fit().params[1] * drop <= 0:
            return False
    return True


def _settling(days: Sequence[Day], active: Sequence[Pair], numbers: Numbers) -> tuple[int, int]:
    """After how many active days the morning was sorer, and after how many of those it was back within two days."""
    pain = {each.on: each.pain for each in days if each.pain is not None}
    sorer = [pair for pair in active if pair.next_pain > pair.pain]
    later = range(2, 2 + numbers.settles_within)
    settled = [pair for pair in sorer if any(pain.get(pair.on + n * DAY, 99) <= pair.pain for n in later)]
    return len(sorer), len(settled)


# What may be said? ----------------------------------------------------------------------------------------------------


def _verdict(figures: Figures, pairs: Sequence[Pair], day: int, numbers: Numbers) -> Verdict:
    low, high = figures.hint_interval
    if _is_clearer(figures, day, numbers):
        return Verdict.CLEARER_HELP
    if high < 0:
        return Verdict.MORE_PAIN
    if low > 0:
        return Verdict.HINT if figures.drop >= numbers.hint else Verdict.NO_CLEAR_LINK
    return Verdict.DIRECTION_UNCLEAR if _linked_same_day(pairs, numbers) else Verdict.NO_CLEAR_LINK


def _is_clearer(figures: Figures, day: int, numbers: Numbers) -> bool:
    enough = day >= numbers.clearer_from and figures.drop >= numbers.clearer
    return enough and figures.interval[0] > 0 and figures.halves_agree


def _linked_same_day(pairs: Sequence[Pair], numbers: Numbers) -> bool:
    """On mornings with less pain more was done. It can't say which came first, so all it ever does is hold back words."""
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    active = is_active(pairs)
    quiet_pain = [pair.pain for pair, was in zip(pairs, active, strict=True) if not was]
    active_pain = [pair.pain for pair, was in zip(pairs, active, strict=True) if was]
    if fmean(quiet_pain) - fmean(active_pain) < numbers.same_day:
        return False
    compared = CompareMeans(DescrStatsW(quiet_pain), DescrStatsW(active_pain))
    low, _ = compared.tconfint_diff(alpha=1 - numbers.clearer_interval, usevar="unequal")
    return bool(low > 0)


# Side by side, the same day: to be shown, never to be judged ----------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Same-day means on more active and on quieter days. It has no verdict: a good day is one on which more is done."""

    active: int
    quiet: int
    mean_active: float
    mean_quiet: float
    active_days: frozenset[date]
    quiet_days: frozenset[date]


def compare(days: Sequence[Day], *, least: int, group: int, complete: float) -> Comparison | None:
    """Days with both minutes and pain, told apart at the patient's own median; None when there are too few of them."""
    both = [(each.on, each.minutes, each.pain) for each in days if not each.left_out]
    paired = [(on, minutes, pain) for on, minutes, pain in both if minutes is not None and pain is not None]
    if len(paired) < least or len(paired) < complete * len(both):
        return None
    middle = median(minutes for _, minutes, _ in paired)
    active = {on: pain for on, minutes, pain in paired if minutes > middle}
    quiet = {on: pain for on, minutes, pain in paired if minutes <= middle}
    if min(len(active), len(quiet)) < group:
        return None
    return Comparison(
        len(active), len(quiet), fmean(active.values()), fmean(quiet.values()), frozenset(active), frozenset(quiet)
    )
