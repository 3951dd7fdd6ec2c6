"""`make content`: every problem under dialogues/ at once, each with file, line and what to do instead."""

from collections.abc import Iterator
from pathlib import Path

from bot.content_checks import (
    approvals,
    at_risk,
    exercises,
    explorations,
    links,
    measures,
    modules,
    protocol,
    talks,
    wording,
)
from bot.content_checks.sources import Problem, Sources


def check(root: Path) -> list[Problem]:
    """All problems, sorted by file and line; an empty list is what may start."""
    sources = Sources.read(root)
    found = list(sources.problems)
    if not found:  # what can't be read can't be checked any further
        found = list(_checks(sources))
    return sorted(found, key=lambda each: (str(each.path), each.line, each.text))


def _checks(sources: Sources) -> Iterator[Problem]:
    yield from links.check(sources)
    yield from explorations.check(sources)
    yield from modules.check(sources)
    yield from exercises.check(sources)
    yield from wording.check(sources)
    yield from protocol.check(sources)
    yield from measures.check(sources)
    yield from talks.check(sources)
    yield from approvals.check(sources)
    yield from at_risk.check(sources)


__all__ = ["Problem", "check"]
