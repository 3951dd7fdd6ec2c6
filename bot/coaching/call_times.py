"""The times at which a physio offers to call: read on the service's wall clock, and held to the protocol's limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


class TimesRefused(ValueError):
    """`reason`: none, many, unreadable, soon, far, hours, twice."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class CallLimits:
    """`earliest` and `latest`: wall-clock times of the service between which a call may begin."""

    most: int
    at_least: timedelta  # from now
    at_most: timedelta
    earliest: time
    latest: time


def read(texts: Sequence[str], zone: str, now: datetime, limits: CallLimits) -> list[datetime]:
    """UTC instants in order. `texts`: "2026-12-02T10:30" each; empty ones don't count. Raises TimesRefused."""
    given = [text.strip() for text in texts if text.strip()]
    if not given:
        raise TimesRefused("none")
    if len(given) > limits.most:
        raise TimesRefused("many")
    found = [_one(text, zone, now, limits) for text in given]
    if len(set(found)) < len(found):
        raise TimesRefused("twice")
    return sorted(found)


def _one(text: str, zone: str, now: datetime, limits: CallLimits) -> datetime:
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise TimesRefused("unreadable") from None
    if local.tzinfo is not None or "T" not in text.upper().replace(" ", "T"):
        raise TimesRefused("unreadable")
    instant = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:  # the hour that the clocks leave out
        raise TimesRefused("unreadable")
    if instant < now + limits.at_least:
        raise TimesRefused("soon")
    if instant > now + limits.at_most:
        raise TimesRefused("far")
    if not limits.earliest <= local.time() <= limits.latest:
        raise TimesRefused("hours")
    return instant
