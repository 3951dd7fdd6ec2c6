"""Who is told of an alert, in which order, and how long each has. The numbers: dialogues/protocol/escalation.yml."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.coaching.alerts import LEVELS
from bot.coaching.service_hours import Hours, after_working
from bot.errors import ContentError

WHO = ("one_on_duty", "duty", "everyone", "named_lead", "lead")
CLOCK = {"minutes": 1, "hours": 60, "days": 24 * 60}  # unit → minutes
WORKING = {"working minutes": 1, "working hours": 60}


@dataclass(frozen=True)
class Wait:
    """`working`: only time in which the service is open counts."""

    span: timedelta
    working: bool = False

    def after(self, start: datetime, hours: Hours | None) -> datetime:
        return after_working(hours, start, self.span) if self.working and hours else start + self.span


@dataclass(frozen=True)
class Rung:
    who: str
    wait: Wait  # until the next rung is climbed; after the last one, until it is climbed again


@dataclass(frozen=True)
class Policy:
    """The rungs of one level. `acknowledged_for`: then it re-opens. `retry_after`: when nobody can be reached."""

    rungs: tuple[Rung, ...]
    acknowledged_for: Wait
    retry_after: timedelta


@dataclass(frozen=True)
class Step:
    """What happens now. `who` None: nobody can be told; `then` is the rung that comes next."""

    who: str | None
    then: int
    next_at: datetime
    climbed: bool = False  # above the first rung
    repeated: bool = False  # the last rung, once more


def next_rung(
    policy: Policy,
    rung: int,
    people: Mapping[str, Set[int]],
    *,
    due_at: datetime,
    now: datetime,
    hours: Hours | None = None,
) -> Step:
    """The step to take from `rung`, given the people who can be reached at each rung now and the service's `hours`.

    A rung with nobody, or with nobody beyond those told below it, is passed at once. When nobody can be reached
    from here up, whoever can be reached below is told again, and failing them anybody of the service. Times count
    from `due_at`, so that every rung that came due while we were down is climbed when we are back; the last one
    repeats from `now`.
    """
    last = len(policy.rungs) - 1
    start = min(rung, last)
    index = next((each for each in range(start, last + 1) if _worth_climbing(policy, each, people)), None)
    if index is not None:
        wait = policy.rungs[index].wait
        return Step(
            who=policy.rungs[index].who,
            then=index + 1,
            next_at=wait.after(now if index == last else due_at, hours),
            climbed=index > 0,
            repeated=rung > last,
        )
    below = next((each for each in range(start) if people[policy.rungs[each].who]), None)
    if below is not None:
        step = policy.rungs[below]
        return Step(who=step.who, then=rung, next_at=step.wait.after(now, hours), climbed=below > 0, repeated=True)
    spare = next((who for who in reversed(WHO) if people.get(who)), None)
    if spare is not None:  # nobody of this policy, but there is somebody: better the wrong one than none
        return Step(who=spare, then=0, next_at=policy.rungs[last].wait.after(now, hours), climbed=True)
    return Step(who=None, then=0, next_at=now + policy.retry_after)


def _worth_climbing(policy: Policy, index: int, people: Mapping[str, Set[int]]) -> bool:
    here = people[policy.rungs[index].who]
    if index == len(policy.rungs) - 1:
        return bool(here)
    below = {person for rung in policy.rungs[:index] for person in people[rung.who]}
    return bool(here - below)


def snapshot(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The policy of every level as plain numbers: it is kept in the alert, so that an edit of the file changes nothing
    that is running. A wait is [minutes, "clock" or "working"]. Raises ContentError with every problem at once."""
    problems: list[str] = []
    levels = {level: _read_level(protocol, level, problems) for level in LEVELS}
    retry, _ = _wait(protocol, "retry_nobody", problems)
    if problems:
        raise ContentError("dialogues/protocol/escalation.yml: " + "; ".join(problems))
    return {"retry_nobody": retry, "levels": levels}


def of(kept: Mapping[str, Any], level: str) -> Policy:
    """The policy of a level from a snapshot, also from one of the first version, whose waits were minutes by the clock."""
    numbers = kept["levels"][level]
    return Policy(
        rungs=tuple(Rung(who, _kept_wait(wait)) for who, *wait in numbers["rungs"]),
        acknowledged_for=_kept_wait(numbers["acknowledged_for"]),
        retry_after=timedelta(minutes=kept["retry_nobody"]),
    )


def _kept_wait(kept: Any) -> Wait:
    minutes, kind = [*kept, "clock"][:2] if isinstance(kept, list) else (kept, "clock")
    return Wait(timedelta(minutes=minutes), working=kind == "working")


def _read_level(protocol: Mapping[str, Any], level: str, problems: list[str]) -> dict[str, Any]:
    who = _value(protocol, f"levels.{level}.rungs")
    if not isinstance(who, list) or not who or not set(who) <= set(WHO) or len(set(who)) < len(who):
        problems.append(f"levels.{level}.rungs must list some of {', '.join(WHO)}, each once")
        who = []
    elif who[-1] != "lead":
        problems.append(f"levels.{level}.rungs must end with lead: the last rung repeats to the service lead")
    return {
        "rungs": [[each, *_wait(protocol, f"levels.{level}.wait.{each}", problems)] for each in who],
        "acknowledged_for": [*_wait(protocol, f"levels.{level}.acknowledged_for", problems)],
    }


def _wait(protocol: Mapping[str, Any], path: str, problems: list[str]) -> tuple[float, str]:
    """Minutes, and whether they are "clock" or "working" ones."""
    value, unit = _value(protocol, path), str(_value(protocol, path, "unit") or "")
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        problems.append(f"{path} must be a number above 0")
        return 0, "clock"
    if unit not in CLOCK | WORKING:
        problems.append(f"{path} must have a unit: {', '.join(CLOCK | WORKING)}")
        return 0, "clock"
    return float(value) * (CLOCK | WORKING)[unit], "working" if unit in WORKING else "clock"


def _value(protocol: Mapping[str, Any], path: str, key: str = "value") -> Any:
    node: Any = protocol
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node.get(key) if isinstance(node, Mapping) else None
