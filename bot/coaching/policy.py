"""Who is told of an alert, in which order, and how long each has. The numbers: dialogues/protocol/escalation.yml."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.coaching.alerts import LEVELS
from bot.errors import ContentError

WHO = ("duty", "everyone", "lead")


@dataclass(frozen=True)
class Rung:
    who: str
    wait: timedelta  # until the next rung is climbed; after the last one, until it is climbed again


@dataclass(frozen=True)
class Policy:
    """The rungs of one level. `acknowledged_for`: then it re-opens. `retry_after`: when nobody can be reached."""

    rungs: tuple[Rung, ...]
    acknowledged_for: timedelta
    retry_after: timedelta


@dataclass(frozen=True)
class Step:
    """What happens now. `who` None: nobody can be told; `then` is the rung that comes next."""

    who: str | None
    then: int
    next_at: datetime
    climbed: bool = False  # above the first rung
    repeated: bool = False  # the last rung, once more


def next_rung(policy: Policy, rung: int, people: Mapping[str, Set[int]], *, due_at: datetime, now: datetime) -> Step:
    """The step to take from `rung`, given the people who can be reached at each rung now.

    A rung with nobody, or with nobody beyond those told below it, is passed at once. When nobody can be reached
    from here up, whoever can be reached below is told again. Times count from `due_at`, so that every rung that
    came due while we were down is climbed when we are back; the last one repeats from `now`.
    """
    last = len(policy.rungs) - 1
    start = min(rung, last)
    index = next((each for each in range(start, last + 1) if _worth_climbing(policy, each, people)), None)
    if index is not None:
        wait = policy.rungs[index].wait
        return Step(
            who=policy.rungs[index].who,
            then=index + 1,
            next_at=now + wait if index == last else due_at + wait,
            climbed=index > 0,
            repeated=rung > last,
        )
    below = next((each for each in range(start) if people[policy.rungs[each].who]), None)
    if below is not None:
        step = policy.rungs[below]
        return Step(who=step.who, then=rung, next_at=now + step.wait, climbed=below > 0, repeated=True)
    return Step(who=None, then=0, next_at=now + policy.retry_after)


def _worth_climbing(policy: Policy, index: int, people: Mapping[str, Set[int]]) -> bool:
    here = people[policy.rungs[index].who]
    if index == len(policy.rungs) - 1:
        return bool(here)
    below = {person for rung in policy.rungs[:index] for person in people[rung.who]}
    return bool(here - below)


def snapshot(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The policy of every level as plain numbers of minutes: it is kept in the alert, so that an edit of the file
    changes nothing that is running. Raises ContentError with every problem at once."""
    problems: list[str] = []
    levels = {level: _read_level(protocol, level, problems) for level in LEVELS}
    retry = _minutes(protocol, "retry_nobody", problems)
    if problems:
        raise ContentError("dialogues/protocol/escalation.yml: " + "; ".join(problems))
    return {"retry_nobody": retry, "levels": levels}


def of(kept: Mapping[str, Any], level: str) -> Policy:
    """The policy of a level from a snapshot."""
    numbers = kept["levels"][level]
    return Policy(
        rungs=tuple(Rung(who, timedelta(minutes=minutes)) for who, minutes in numbers["rungs"]),
        acknowledged_for=timedelta(minutes=numbers["acknowledged_for"]),
        retry_after=timedelta(minutes=kept["retry_nobody"]),
    )


def _read_level(protocol: Mapping[str, Any], level: str, problems: list[str]) -> dict[str, Any]:
    who = _value(protocol, f"levels.{level}.rungs")
    if not isinstance(who, list) or not who or not set(who) <= set(WHO) or len(set(who)) < len(who):
        problems.append(f"levels.{level}.rungs must list some of {', '.join(WHO)}, each once")
        who = []
    return {
        "rungs": [[each, _minutes(protocol, f"levels.{level}.wait.{each}", problems)] for each in who],
        "acknowledged_for": _minutes(protocol, f"levels.{level}.acknowledged_for", problems),
    }


def _minutes(protocol: Mapping[str, Any], path: str, problems: list[str]) -> float:
    value = _value(protocol, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        problems.append(f"{path} must be a number of minutes above 0")
        return 0
    return float(value)


def _value(protocol: Mapping[str, Any], path: str) -> Any:
    node: Any = protocol
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node.get("value") if isinstance(node, Mapping) else None
