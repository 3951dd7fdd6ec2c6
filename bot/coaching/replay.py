"""What the audit says about alerts: replayed from its first event, it must give what stands in the rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol


class Event(Protocol):
    what: str
    by: str
    alert: str | None
    detail: dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """One alert. `owner` and `closed_by` are physios' numbers."""

    state: str
    level: str
    severity: str
    times_raised: int = 1
    owner: int | None = None
    closed_by: int | None = None
    outcome: str | None = None


def replay(events: Iterable[Event]) -> Mapping[str, Standing]:
    """By reference."""
    alerts: dict[str, Standing] = {}
    for event in events:
        if event.alert and event.what == "alert_raised":
            alerts[event.alert] = Standing("open", str(event.detail["level"]), str(event.detail["severity"]))
        elif event.alert and event.alert in alerts:
            alerts[event.alert] = _after(alerts[event.alert], event)
    return alerts


def _after(before: Standing, event: Event) -> Standing:
    match event.what:
        case "alert_raised_again":
            said = event.detail
            raised = {"level": said["level"], "severity": said["severity"], "times_raised": said["times"]}
            return replace(before, state="open", owner=None, **raised)
        case "alert_acknowledged" | "alert_assigned":
            return replace(before, state="acknowledged", owner=event.detail.get("owner", _number(event.by)))
        case "alert_reopened":
            return replace(before, state="open", owner=None)
        case "alert_closed":
            outcome = event.detail["outcome"]
            return replace(before, state="closed", closed_by=_number(event.by), outcome=outcome)
        case _:
            return before


def _number(by: str) -> int | None:
    """physio:3 is 3."""
    kind, _, number = by.partition(":")
    return int(number) if kind == "physio" and number.isdecimal() else None
