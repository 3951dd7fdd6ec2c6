"""Every number says what it is, where it comes from and who approved it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from bot.content_checks.sources import Problem, Source, Sources

NEEDED = ("unit", "source", "approved")
NOT_NUMBERS = ("app_responses", "commands", "beliefs", "belief_cues", "safety_approvals", "wording")


def check(sources: Sources) -> Iterator[Problem]:
    for name, source in sources.protocol.items():
        if name not in NOT_NUMBERS:
            yield from _values(source, source.content, "")
    numbers = sources.safety.get("numbers")
    review_by = (numbers.content or {}).get("review_by") if numbers else None
    if numbers and not isinstance(review_by, date):
        yield numbers.problem("review_by", "review_by must be a date: phone numbers change")


def _values(source: Source, node: Any, path: str) -> Iterator[Problem]:
    if not isinstance(node, dict):
        return
    if "value" in node:
        for key in NEEDED:
            if not str(node.get(key, "")).strip():
                text = f"{path} has no {key!r}: every number says its unit, source and approval"
                yield source.problem_below(path.split("."), text)
        return
    for key, value in node.items():
        yield from _values(source, value, f"{path}.{key}" if path else str(key))
