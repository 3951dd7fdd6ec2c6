"""Praise with one specific fact from the patient's own week. Never a streak, never a comparison with anybody else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class WeekFacts:
    """Minutes and pain by local day; a day of which nothing was told is absent."""

    minutes: Mapping[date, int]
    minutes_before: Mapping[date, int]  # of the week before
    pain: Mapping[date, int]  # 0–10
    planned: int | None = None
    done: int | None = None
    first_amount: int | None = None
    amount: int | None = None


@dataclass(frozen=True)
class Fact:
    """`name` picks the texts utter_praise_<name>, `values` fill them."""

    name: str
    values: Mapping[str, Any]


def facts(week: WeekFacts) -> list[Fact]:
    """Everything that is true of this week and worth saying."""
    return [
        fact for fact in (_all_done(week), _on_the_sorest_day(week), _more(week), _grown(week), _some(week)) if fact
    ]


def one_fact(week: WeekFacts, *, turn: int) -> Fact | None:
    """One of them, another each week; None when nothing was told, and then nothing is praised."""
    found = facts(week)
    return found[turn % len(found)] if found else None


def _all_done(week: WeekFacts) -> Fact | None:
    if week.planned is None or week.done is None or not 0 < week.planned <= week.done:
        return None
    return Fact("all_done", {"done": week.done})


def _on_the_sorest_day(week: WeekFacts) -> Fact | None:
    """They kept to it on a day that was sorer than the others."""
    rated = {on: score for on, score in week.pain.items() if score > 0}
    if len(set(rated.values())) < 2:
        return None
    on = max(rated, key=lambda each: rated[each])
    minutes = week.minutes.get(on, 0)
    return Fact("sorest_day", {"day": f"{on:%A}", "minutes": minutes, "pain": rated[on]}) if minutes else None


def _more(week: WeekFacts) -> Fact | None:
    now, before = sum(week.minutes.values()), sum(week.minutes_before.values())
    return Fact("more", {"minutes": now, "minutes_before": before}) if now > before > 0 else None


def _grown(week: WeekFacts) -> Fact | None:
    if week.amount is None or week.first_amount is None or week.amount <= week.first_amount:
        return None
    return Fact("grown", {"first": week.first_amount, "amount": week.amount})


def _some(week: WeekFacts) -> Fact | None:
    days = sum(minutes > 0 for minutes in week.minutes.values())
    return Fact("some", {"days": days, "minutes": sum(week.minutes.values())}) if days else None
