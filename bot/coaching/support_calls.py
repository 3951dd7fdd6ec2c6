"""When a support call of a physiotherapist is due: by the service's calendar, from dialogues/protocol/support_calls.yml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

A_WEEK = timedelta(days=7)


class Standing(StrEnum):
    PLANNED = "planned"  # its weeks have not come
    DUE = "due"
    LATE = "late"
    OVER = "over"  # ended, or a later one was
    BY_NEED = "by_need"  # the weeks of the calls are gone by


@dataclass(frozen=True)
class Call:
    """Weeks of the programme: 1 is the one in which the patient joined."""

    number: int
    name: str
    from_week: int
    until_week: int
    minutes: str
    purpose: str

    def due_on(self, joined_on: date) -> date:
        return joined_on + A_WEEK * (self.from_week - 1)

    def last_on(self, joined_on: date) -> date:
        return joined_on + A_WEEK * self.until_week - timedelta(days=1)


def calls(told: Sequence[Mapping[str, Any]]) -> list[Call]:
    return [Call(**each) for each in told]


def standing(call: Call, ended: int, joined_on: date, today: date, *, last_week: int) -> Standing:
    """`ended`: the highest number of a call that is over, 0 for none."""
    if call.number <= ended:
        return Standing.OVER
    if today >= joined_on + A_WEEK * last_week:
        return Standing.BY_NEED
    if call.number > ended + 1 or today < call.due_on(joined_on):
        return Standing.PLANNED
    return Standing.LATE if today > call.last_on(joined_on) else Standing.DUE


def joined_by(call: Call, today: date) -> date:
    """The last day of joining for which the call is due today."""
    return today - A_WEEK * (call.from_week - 1)


def late_for(call: Call, today: date) -> date:
    """The last day of joining for which the call is late today."""
    return today - A_WEEK * call.until_week


def joined_after(today: date, *, last_week: int) -> date:
    """Whoever joined on this day or before is past the weeks of the calls."""
    return today - A_WEEK * last_week
