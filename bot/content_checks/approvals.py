"""Safety texts are fixed: a change without a new approval does not start."""

from collections.abc import Iterator

from bot.coaching.safety_questions import approval_hash
from bot.content_checks.sources import Problem, Sources

FILES = ("messages.yml", "question_texts.yml", "medicines.yml")


def check(sources: Sources) -> Iterator[Problem]:
    approvals = sources.protocol.get("safety_approvals")
    if approvals is None:
        yield Problem(sources.shown("protocol"), 1, "safety_approvals.yml is missing: no safety text is approved")
        return
    approved: dict[str, list[str]] = approvals.content.get("approved") or {}
    seen = set()
    for name, (variations, source) in sources.responses.items():
        if source.path.parts[-2] != "safety" or source.path.name not in FILES:
            continue
        seen.add(name)
        hashes = [approval_hash(variation) for variation in variations]
        if approved.get(name) != hashes:
            yield source.problem(
                name,
                f"{name} is not what was approved: have it read again, then write {hashes} beside its name in "
                "dialogues/protocol/safety_approvals.yml",
            )
    for name in set(approved) - seen:
        yield approvals.problem(name, f"{name} is approved and has vanished from dialogues/safety/")
