"""At-risk rules: what is declared in dialogues/protocol/at_risk.yml, held against what is known of a patient.

Every number comes from the rule; the shapes a rule can have are in at_risk_triggers.py. Source: clinical.md §6.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from bot.coaching.at_risk_known import Evidence, Fired, Found, Numbers
from bot.coaching.at_risk_triggers import TRIGGERS
from bot.errors import ContentError

DAY = timedelta(days=1)


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
