"""At-risk rules: what is declared in dialogues/protocol/at_risk.yml, held against what is known of a patient.

Every number comes from the rule; the triggers here are only the shapes a rule can have. What is missing is not known:
it never counts as no pain, no activity or no answer. Source: clinical.md §6.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import takewhile
from statistics import fmean
from typing import Any

from bot.coaching import boom_bust
from bot.coaching.alerts import LEVELS, worst_level
from bot.coaching.boom_bust import Diary
from bot.errors import ContentError

DAY = timedelta(days=1)


# What is known --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A scheduled check-in that is over: sent, and answered in any part or not."""

    on: date
    at: datetime
    answered: bool


@dataclass(frozen=True)
class Said:
    """A belief in the patient's words, as it stands today."""

    belief: str
    on: date


@dataclass(frozen=True)
class Talked:
    """A talk about a belief that came to its end; `strength`: how true it still felt, 0–10, None when skipped."""

    belief: str
    on: date
    strength: int | None = None


@dataclass(frozen=True)
class Scored:
    """A questionnaire that has a score; its other scores by name."""

    on: date
    value: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Week:
    """A week that was looked back on; `done` None when the patient didn't say."""

    week: int
    on: date
    planned: int | None
    done: int | None


@dataclass(frozen=True)
class CannotDo:
    """An activity that the patient's body can't do, as they said."""

    activity: str
    on: date


@dataclass(frozen=True)
class Answered:
    """The answer to one of the weekly questions, and to the question that followed from it."""

    on: date
    answer: str
    detail: str | None = None


@dataclass(frozen=True)
class Found:
    """A rule that has fired or holds, with the day of the newest figure in it."""

    rule: str
    newest: date


@dataclass(frozen=True)
class Evidence:
    """What is known of one patient. Days are the patient's local days; only what the rules ask for is filled in."""

    now: datetime
    today: date
    pain: Mapping[date, int] = field(default_factory=dict)
    diary: Diary = field(default_factory=lambda: Diary({}, {}, {}))
    denied: Collection[date] = ()  # days on which they said that big and quiet days don't ring true
    settled_on: date | None = None  # a physio last closed an alert about the pain: the level it had then is known
    check_ins: Sequence[Asked] = ()  # oldest first
    heard_at: datetime | None = None  # their last word or tap, or when they joined
    heard_on: date | None = None  # the same, as their local day
    flag_level: str = ""  # of an alert that their last words raised and nobody has acknowledged
    said: Sequence[Said] = ()
    talked: Sequence[Talked] = ()
    scores: Mapping[str, Sequence[Scored]] = field(default_factory=dict)  # by measure, oldest first
    weeks: Sequence[Week] = ()  # oldest first
    dropped: Sequence[date] = ()  # goals
    cannot: Sequence[CannotDo] = ()
    something_fits: bool = True  # an activity that they can do is left
    answers: Mapping[str, Sequence[Answered]] = field(default_factory=dict)  # by question, oldest first
    agony_on: Collection[date] = ()  # days on which their words speak of the worst pain
    taps: Sequence[tuple[datetime, str]] = ()  # of a check-in, oldest first
    found: Sequence[Found] = ()  # other rules, for those that count rules


@dataclass(frozen=True)
class Fired:
    """`values` fill the words of why; `newest`: the day of the newest figure in it, so that old news fires nothing."""

    level: str
    values: Mapping[str, Any]
    newest: date
    cause: str = ""  # names what it is about, so that the same thing is said once


# The shapes a rule can have -------------------------------------------------------------------------------------------

Numbers = Mapping[str, Any]


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
    values = {"mean": _short(mean), "ratings": len(recent), "before": _short(usual), "days": n["days"]}
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
    values = {"first": _short(first), "last": _short(last), "change": _short(abs(worse))}
    return Fired(_worst(levels), values, series[-1].on, cause=series[-1].on.isoformat())


def score_in_band(n: Numbers, seen: Evidence) -> Fired | None:
    """The newest score of a questionnaire, or of a part of it, lies in a declared band."""
    series = seen.scores.get(n["measure"], ())
    score = _part(series[-1], n.get("part")) if series else None
    if score is None:
        return None
    levels = [band.get("level", "") for band in n["bands"] if band.get("from", score) <= score <= band.get("to", score)]
    if not levels:
        return None
    return Fired(_worst(levels), {"score": _short(score)}, series[-1].on, cause=series[-1].on.isoformat())


def score_stuck(n: Numbers, seen: Evidence) -> Fired | None:
    """From a high first score it has not fallen by `points` within so many days."""
    series = seen.scores.get(n["measure"], ())
    if len(series) < 2 or series[0].value < n["first_from"] or series[-1].on - series[0].on < DAY * n["after_days"]:
        return None
    fall = series[0].value - series[-1].value
    if fall >= n["points"]:
        return None
    values = {"first": _short(series[0].value), "last": _short(series[-1].value)}
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
    values = {"changes": ", ".join(f"{change:.0%}" for change in changes), "own_view": _short(own[-1].value)}
    return Fired(n["level"], values, max([*newest, own[-1].on]), cause=max([*newest, own[-1].on]).isoformat())


def unanswered(n: Numbers, seen: Evidence) -> Fired | None:
    """So many days in a row whose scheduled check-ins nobody has answered; a pair of one day is one."""
    days: dict[date, bool] = {}
    for each in seen.check_ins:
        heard_since = seen.heard_at is not None and each.at < seen.heard_at
        days[each.on] = days.get(each.on, False) or each.answered or heard_since
    missed = list(takewhile(lambda day: not days[day], sorted(days, reverse=True)))
    if len(missed) < n["check_ins"]:
        return None
    return Fired(n.get("level", ""), {"check_ins": len(missed)}, seen.today, cause=_since(seen))


def silent(n: Numbers, seen: Evidence) -> Fired | None:
    """Not a word and not a tap for so many days."""
    if seen.heard_at is None or seen.now - seen.heard_at < DAY * n["days"]:
        return None
    values = {"days": (seen.now - seen.heard_at) // DAY}
    return Fired(n.get("level", ""), values, seen.today, cause=_since(seen))


def silent_after_flag(n: Numbers, seen: Evidence) -> Fired | None:
    """Their last words raised an alert that nobody has acknowledged, and since then there is silence."""
    if seen.heard_at is None or not seen.flag_level or seen.now - seen.heard_at < timedelta(hours=n["hours"]):
        return None
    hours = (seen.now - seen.heard_at) // timedelta(hours=1)
    return Fired(worst_level(seen.flag_level, n["level"]), {"hours": hours}, seen.today, cause=_since(seen))


def belief_stays(n: Numbers, seen: Evidence) -> Fired | None:
    """A belief that was talked about often enough is still said, or still feels as true."""
    for belief in n["beliefs"]:
        talks = [each for each in seen.talked if each.belief == belief]
        if len(talks) < n["talks"]:
            continue
        after = talks[n["talks"] - 1].on
        days = sorted({each.on for each in seen.said if each.belief == belief and each.on >= after})
        often = len(days) >= n["days"] and days[-1] - days[0] >= DAY * n["over_days"]
        strengths = [each.strength for each in talks if each.strength is not None]
        as_true = len(strengths) >= 2 and strengths[-1] >= max(n["strength"], strengths[-2])
        if often or as_true:
            newest = max([*days, talks[-1].on])
            values = {
                "belief": belief, "times": len(days), "talks": len(talks), "strength": strengths[-1] if strengths else "–"
            }  # fmt: skip
            return Fired(n["level"], values, newest, cause=f"{belief} {newest.isoformat()}")
    return None


def cannot_do(n: Numbers, seen: Evidence) -> Fired | None:
    """So many different activities that the body can't do; more urgent when nothing is left that fits."""
    activities = {each.activity.casefold() for each in seen.cannot}
    if len(activities) < n["activities"]:
        return None
    newest = max(each.on for each in seen.cannot)
    level = n["level"] if seen.something_fits else n["none_fits_level"]
    return Fired(level, {"activities": len(activities)}, newest, cause=newest.isoformat())


def answer_is(n: Numbers, seen: Evidence) -> Fired | None:
    """The newest answer to a weekly question is one of those that matter; `with` names the answer that followed."""
    answers = seen.answers.get(n["question"], ())
    last = answers[-1] if answers else None
    if last is None or seen.today - last.on > DAY * n["within_days"]:
        return None
    levels = [
        each["level"]
        for each in n["answers"]
        if last.answer in each["is"] and ("with" not in each or last.detail in each["with"])
    ]
    if not levels:
        return None
    return Fired(_worst(levels), {"answer": last.answer, "detail": last.detail or ""}, last.on, last.on.isoformat())


def weeks_missed(n: Numbers, seen: Evidence) -> Fired | None:
    """The last weeks in a row with less than a share of the planned sessions; a week nobody told of breaks the row."""
    missed: list[Week] = []
    for week in reversed(seen.weeks):
        in_row = not missed or week.week == missed[-1].week - 1
        if not in_row or not week.planned or week.done is None or week.done >= n["share"] * week.planned:
            break
        missed.append(week)
    if len(missed) < n["weeks"]:
        return None
    done, planned = sum(each.done or 0 for each in missed), sum(each.planned or 0 for each in missed)
    values = {"weeks": len(missed), "done": done, "planned": planned}
    return Fired(n["level"], values, missed[0].on, cause=missed[0].on.isoformat())


def goals_dropped(n: Numbers, seen: Evidence) -> Fired | None:
    if len(seen.dropped) < n["times"]:
        return None
    return Fired(n["level"], {"times": len(seen.dropped)}, max(seen.dropped), cause=max(seen.dropped).isoformat())


def big_and_quiet_days(n: Numbers, seen: Evidence) -> Fired | None:
    """Big days, then sore and quiet ones, in so many of the last weeks: bot/coaching/boom_bust.py."""
    numbers = boom_bust.Numbers(**{name: n[name] for name in boom_bust.Numbers.__dataclass_fields__})
    last = max((day for day in seen.diary.minutes if day <= seen.today), default=date.min)
    if seen.today - last >= DAY * numbers.window_days:
        return None
    weeks = boom_bust.weeks_with_pattern(seen.diary, last, n["of_weeks"], numbers, denied=seen.denied)
    if len(weeks) < n["weeks"]:
        return None
    newest = max(pair.bust_on for pair in weeks[0].pairs)
    booms = [pair.boom_on for pair in weeks[0].pairs]
    values = {
        "weeks": len(weeks), "pairs": len(booms), "usual": _short(weeks[0].median_minutes),
        "big": ", ".join(str(seen.diary.minutes[day]) for day in booms), "swings": weeks[0].swings,
        "booms": [day.isoformat() for day in booms],
    }  # fmt: skip
    return Fired(n.get("level", ""), values, newest, cause=newest.isoformat())


def together(n: Numbers, seen: Evidence) -> Fired | None:
    """So many of some other rules hold or have fired within so many days."""
    newest: dict[str, date] = {}
    for each in seen.found:
        if each.rule in n["rules"] and seen.today - each.newest <= DAY * n["days"]:
            newest[each.rule] = max(each.newest, newest.get(each.rule, date.min))
    if len(newest) < n["count"]:
        return None
    return Fired(n["level"], {"rules": ", ".join(sorted(newest))}, max(newest.values()), cause=",".join(sorted(newest)))


def no_pain_and_agony(n: Numbers, seen: Evidence) -> Fired | None:
    """No pain at all by number, the worst by word, on one day."""
    days = [on for on, score in seen.pain.items() if score <= n["score"] and on in seen.agony_on]
    return Fired("", {"on": max(days).isoformat()}, max(days), cause=max(days).isoformat()) if days else None


def too_quick(n: Numbers, seen: Evidence) -> Fired | None:
    """The same answer again and again, faster than anybody reads."""
    most = n["answers"]
    for run in zip(*(seen.taps[start:] for start in range(most)), strict=False):
        same = len({text for _, text in run}) == 1
        if same and run[-1][0] - run[0][0] < timedelta(seconds=n["seconds"]):
            return Fired("", {"on": seen.today.isoformat()}, seen.today, cause=seen.today.isoformat())
    return None


def where_it_happens(n: Numbers, seen: Evidence) -> Fired | None:
    """Raised by the flow itself in the second it happens: nothing is left to be looked for."""
    return None


@dataclass(frozen=True)
class Trigger:
    """`needs`: the sources that it rests on; a name in it that begins with "=" is read from the rule's numbers."""

    fires: Callable[[Numbers, Evidence], Fired | None]
    needs: tuple[str, ...]


TRIGGERS: Mapping[str, Trigger] = {
    "pain_up": Trigger(pain_up, ("pain",)),
    "score_worse": Trigger(score_worse, ("measures/=measure",)),
    "score_in_band": Trigger(score_in_band, ("measures/=measure",)),
    "score_stuck": Trigger(score_stuck, ("measures/=measure",)),
    "nothing_better": Trigger(nothing_better, ("measures/=measures", "measures/=own_view")),
    "unanswered": Trigger(unanswered, ("check_ins",)),
    "silent": Trigger(silent, ("messages",)),
    "silent_after_flag": Trigger(silent_after_flag, ("messages",)),
    "belief_stays": Trigger(belief_stays, ("beliefs",)),
    "cannot_do": Trigger(cannot_do, ("limits",)),
    "answer_is": Trigger(answer_is, ("questions/=question",)),
    "weeks_missed": Trigger(weeks_missed, ("weeks",)),
    "goals_dropped": Trigger(goals_dropped, ("goals",)),
    "big_and_quiet_days": Trigger(big_and_quiet_days, ("pain", "activity")),
    "together": Trigger(together, ("rules/=rules",)),
    "no_pain_and_agony": Trigger(no_pain_and_agony, ("pain", "words")),
    "too_quick": Trigger(too_quick, ("taps",)),
    "where_it_happens": Trigger(where_it_happens, ()),
}


# Rules ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class When:
    """One way in which a rule fires. `then`: prompts and questions by name; `does`: what is done at once."""

    name: str
    trigger: str
    numbers: Numbers
    then: tuple[str, ...] = ()
    does: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        """The sources it rests on: pain, measures/rmdq, questions/leg, rules/AR01, …"""
        found: set[str] = set()
        for need in TRIGGERS[self.trigger].needs:
            kind, _, name = need.partition("/=")
            named = self.numbers[name] if name else ""
            names = [named] if isinstance(named, str) else list(named)
            found |= {f"{kind}/{each}" if name else kind for each in names}
        return found


@dataclass(frozen=True)
class Rule:
    id: str
    version: int
    whens: tuple[When, ...]
    daily: bool = False  # looked at once a day only: it is about days

    @property
    def needs(self) -> set[str]:
        return set().union(*(when.needs for when in self.whens))


@dataclass(frozen=True)
class Hit:
    """A rule that holds now, in one of its ways."""

    rule: Rule
    when: When
    fired: Fired


def read_rules(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Rule]:
    """The rules of dialogues/protocol/at_risk.yml. Raises ContentError for a trigger nobody knows."""
    rules = {}
    for rule, content in declared.items():
        whens = []
        for name, numbers in content["when"].items():
            if numbers.get("trigger") not in TRIGGERS:
                raise ContentError(f"{rule}.{name}: there is no trigger {numbers.get('trigger')!r}")
            plain = {key: plain_value(each) for key, each in numbers.items() if key not in ("trigger", "then", "does")}
            then, does = tuple(numbers.get("then", ())), tuple(numbers.get("does", ()))
            whens.append(When(name, numbers["trigger"], plain, then, does))
        rules[rule] = Rule(rule, int(content["version"]), tuple(whens), bool(content.get("daily")))
    return rules


def plain_value(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def hits(rules: Collection[Rule], seen: Evidence) -> list[Hit]:
    """Every rule that holds, in every way; those that count other rules see the others."""
    found = [hit for rule in rules for hit in _of(rule, seen) if not _counts_rules(rule)]
    others = [*seen.found, *(Found(hit.rule.id, hit.fired.newest) for hit in found if hit.fired.level)]
    counted = [hit for rule in rules if _counts_rules(rule) for hit in _of(rule, _with(seen, others))]
    return found + counted


def worst(found: Sequence[Hit]) -> Hit | None:
    """The hit that an alert is raised for; None when a human need not be told."""
    told = [hit for hit in found if hit.fired.level]
    return min(told, key=lambda hit: hit.fired.level) if told else None


def may_fire(
    hit_level: str, newest: date, *, open_level: str | None, closed_level: str | None, closed_on: date | None,
    today: date, rest_days: int,
) -> bool:  # fmt: skip
    """One open alert a rule; after it was closed a rest, and something newer; a higher level at once (clinical.md §6.1)."""
    if open_level is not None:
        return hit_level < open_level
    if closed_on is None:
        return True
    if closed_level is not None and hit_level < closed_level and newest >= closed_on:
        return True
    return today - closed_on >= DAY * rest_days and newest > closed_on


def _of(rule: Rule, seen: Evidence) -> list[Hit]:
    found = [(when, TRIGGERS[when.trigger].fires(when.numbers, seen)) for when in rule.whens]
    return [Hit(rule, when, fired) for when, fired in found if fired]


def _counts_rules(rule: Rule) -> bool:
    return any(when.trigger == "together" for when in rule.whens)


def _with(seen: Evidence, found: Sequence[Found]) -> Evidence:
    return replace(seen, found=found)


def _between(series: Mapping[date, int], first: date, last: date) -> dict[date, int]:
    return {day: score for day, score in series.items() if first <= day <= last}


def _part(score: Scored, part: str | None) -> float | None:
    return score.value if part is None else score.parts.get(part)


def _worst(levels: Collection[str]) -> str:
    """The most urgent of them; "" is none."""
    told = [level for level in levels if level in LEVELS]
    return min(told) if told else ""


def _since(seen: Evidence) -> str:
    return f"since {seen.heard_on.isoformat()}" if seen.heard_on else "never"


def _short(number: float) -> str:
    """5 and 4.3, not 5.0 and 4.28."""
    return f"{number:.1f}".removesuffix(".0")
