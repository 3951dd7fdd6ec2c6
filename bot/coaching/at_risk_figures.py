"""Triggers of at-risk rules about figures: a pain that has risen, questionnaires against a band or their first time."""

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean

from bot.coaching.at_risk_known import Evidence, Fired, Numbers, Scored, most_urgent, short

DAY = timedelta(days=1)


def pain_up(n: Numbers, seen: Evidence) -> Fired | None:
    """The mean of the last days against that of the first days, or of the last days that were stable."""
    recent = _between(seen.pain, seen.today - DAY * (n["days"] - 1), seen.today)
    before = baseline(seen, seen.today - DAY * n["days"], n)
    if len(recent) < n["fewest"] or before is None:
        return None
    mean, usual = fmean(recent.values()), fmean(before.values())
    if mean < usual + n["points"] or mean < usual * (1 + n["share"]):
        return None
    level = n["severe_level"] if mean >= n["severe_from"] else n["level"]
    values = {"mean": short(mean), "ratings": len(recent), "before": short(usual), "days": n["days"]}
    return Fired(level, values, max(recent), cause=f"{max(recent).isoformat()}")


def baseline(seen: Evidence, last: date, n: Numbers) -> Mapping[date, int] | None:
    """The last stretch of `baseline_days` up to `last` that was stable, else the first one; None while there is neither.

    Stable: its two halves differ by less than the rise that is looked for. A slow drift upward is stable at every step:
    so a stretch above the first one counts only when a physio has known of it.
    """
    known = sorted(day for day in seen.pain if day <= last)
    if not known:
        return None
    span = n["baseline_days"]
    first = _between(seen.pain, known[0], min(known[0] + DAY * (span - 1), last))
    if len(first) < n["fewest"]:
        return None
    end = last
    while (begin := end - DAY * (span - 1)) >= known[0]:
        stretch = _between(seen.pain, begin, end)
        if _is_stable(stretch, end - DAY * (span // 2), n):
            is_known = seen.settled_on is not None and begin > seen.settled_on
            if is_known or fmean(stretch.values()) <= fmean(first.values()):
                return stretch
        end -= DAY
    return first


def _is_stable(stretch: Mapping[date, int], middle: date, n: Numbers) -> bool:
    early = [score for day, score in stretch.items() if day <= middle]
    late = [score for day, score in stretch.items() if day > middle]
    return len(stretch) >= n["fewest"] and bool(early and late) and abs(fmean(late) - fmean(early)) < n["points"]


def score_worse(n: Numbers, seen: Evidence) -> Fired | None:
    """A questionnaire against its first time. `worse` is "up" or "down"; bands by points, or by a share of the first."""
    series = seen.scores.get(n["measure"], ())
    if len(series) < 2:
        return None
    first, last = series[0].value, series[-1].value
    worse = last - first if n["worse"] == "up" else first - last
    levels = [band["level"] for band in n["bands"] if worse >= band["points"]]
    if "share" in n and first >= n["share_from"] and worse > 0 and worse >= n["share"] * first:
        levels.append(n["share_level"])
    if not levels:
        return None
    values = {"first": short(first), "last": short(last), "change": short(abs(worse))}
    return Fired(most_urgent(levels), values, series[-1].on, cause=series[-1].on.isoformat())


def score_in_band(n: Numbers, seen: Evidence) -> Fired | None:
    """The newest score of a questionnaire, or of a part of it, lies in a declared band."""
    series = seen.scores.get(n["measure"], ())
    score = _part(series[-1], n.get("part")) if series else None
    if score is None:
        return None
    levels = [band.get("level", "") for band in n["bands"] if band.get("from", score) <= score <= band.get("to", score)]
    if not levels:
        return None
    return Fired(most_urgent(levels), {"score": short(score)}, series[-1].on, cause=series[-1].on.isoformat())


def score_stuck(n: Numbers, seen: Evidence) -> Fired | None:
    """From a high first score it has not fallen by `points` within so many days."""
    series = seen.scores.get(n["measure"], ())
    if len(series) < 2 or series[0].value < n["first_from"] or series[-1].on - series[0].on < DAY * n["after_days"]:
        return None
    fall = series[0].value - series[-1].value
    if fall >= n["points"]:
        return None
    values = {"first": short(series[0].value), "last": short(series[-1].value)}
    return Fired(n["level"], values, series[-1].on, cause=series[-1].on.isoformat())


def nothing_better(n: Numbers, seen: Evidence) -> Fired | None:
    """Two questionnaires have each improved by less than a share, and the patient says: no change, or worse."""
    changes = []
    newest: list[date] = []
    for measure, better in n["measures"].items():
        series = seen.scores.get(measure, ())
        if len(series) < 2 or not series[0].value or series[-1].on - series[0].on < DAY * n["after_days"]:
            return None
        gain = series[0].value - series[-1].value if better == "down" else series[-1].value - series[0].value
        changes.append(gain / series[0].value)
        newest.append(series[-1].on)
    own = seen.scores.get(n["own_view"], ())
    if not own or own[-1].value < n["own_view_from"] or any(change >= n["share"] for change in changes):
        return None
    values = {"changes": ", ".join(f"{change:.0%}" for change in changes), "own_view": short(own[-1].value)}
    return Fired(n["level"], values, max([*newest, own[-1].on]), cause=max([*newest, own[-1].on]).isoformat())


def _between(series: Mapping[date, int], first: date, last: date) -> dict[date, int]:
    return {day: score for day, score in series.items() if first <= day <= last}


def _part(score: Scored, part: str | None) -> float | None:
    return score.value if part is None else score.parts.get(part)
