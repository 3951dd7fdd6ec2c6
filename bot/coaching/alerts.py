"""The states of an alert and the moves between them. A service makes each move by one conditional update."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Move(StrEnum):
    RAISE_AGAIN = "raise_again"  # a new message joins: whoever had it, it must reach a human again
    ESCALATE = "escalate"
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"  # somebody gives it to a colleague, who has the deadline from then on
    REOPEN = "reopen"  # acknowledged, and not closed in time
    CLOSE = "close"


MOVES: Mapping[Move, tuple[frozenset[str], str]] = MappingProxyType(
    {
        Move.RAISE_AGAIN: (frozenset({"open", "acknowledged"}), "open"),
        Move.ESCALATE: (frozenset({"open"}), "open"),
        Move.ACKNOWLEDGE: (frozenset({"open"}), "acknowledged"),
        Move.ASSIGN: (frozenset({"open", "acknowledged"}), "acknowledged"),
        Move.REOPEN: (frozenset({"acknowledged"}), "open"),
        Move.CLOSE: (frozenset({"open", "acknowledged"}), "closed"),
    }
)  # nothing leaves "closed"

SEVERITIES = ("E999", "EAE", "U111", "U48", "R")  # the worst first: clinical.md §5.4
LEVELS = ("P0", "P1", "P2", "P3")  # the most urgent first: clinical.md §6.1


def before(move: Move) -> frozenset[str]:
    """The states from which a move is allowed."""
    return MOVES[move][0]


def after(move: Move) -> str:
    return MOVES[move][1]


def worst_severity(one: str, other: str) -> str:
    return min(one, other, key=_rank)


def worst_level(one: str, other: str) -> str:
    return min(one, other)


def is_worse(*, severity: str, level: str, than_severity: str, than_level: str) -> bool:
    """More urgent than what stands, in what the patient was told or in when a human acts."""
    return _rank(severity) < _rank(than_severity) or level < than_level


def told_so_far(before: str, now: str) -> str:
    """Every message the patient got, in order, each once: "utter_mae,utter_m999"."""
    return ",".join(dict.fromkeys(name.strip() for name in f"{before},{now}".split(",") if name.strip()))


def told_codes(told: str) -> list[str]:
    """The messages by their codes in clinical.md §5.3, as staff know them: utter_m111_clot is M111 CLOT."""
    return [name.removeprefix("utter_").replace("_", " ").upper() for name in told_so_far(told, "").split(",") if name]


def age(since: datetime, now: datetime) -> tuple[str, dict[str, int]]:
    """How long ago, as the unit a person would use and its figures: ("hours", {"hours": 3, "minutes": 5})."""
    minutes = max(now - since, timedelta()) // timedelta(minutes=1)
    hours, days = minutes // 60, minutes // (24 * 60)
    if days:
        return "days", {"days": days, "hours": hours % 24}
    if hours:
        return "hours", {"hours": hours, "minutes": minutes % 60}
    return ("minutes", {"minutes": minutes}) if minutes else ("now", {})


def _rank(severity: str) -> int:
    """An unknown severity counts as the worst: the safe side."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
