"""The shapes an at-risk rule can have, by name, and the sources each rests on. Every number comes from the rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from bot.coaching import boom_bust
from bot.coaching.alerts import worst_level
from bot.coaching.at_risk_figures import nothing_better, pain_up, score_in_band, score_stuck, score_worse
from bot.coaching.at_risk_known import Evidence, Fired, Numbers, Week, most_urgent, short

DAY = timedelta(days=1)


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
    return Fired(
        most_urgent(levels), {"answer": last.answer, "detail": last.detail or ""}, last.on, last.on.isoformat()
    )


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
        "weeks": len(weeks), "pairs": len(booms), "usual": short(weeks[0].median_minutes),
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


def _since(seen: Evidence) -> str:
    return f"since {seen.heard_on.isoformat()}" if seen.heard_on else "never"


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
