"""What a danger is (risks.yml) and what it means to have heard one. Source: clinical.md §5.2, §5.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["advise", "ask", "other"]
STRENGTH = {"silent": 0, "other": 1, "ask": 2, "advise": 3}
SEVERITIES = ("E999", "EAE", "U111", "U48", "R")  # gravest first


@dataclass(frozen=True)
class Finding:
    """One danger heard in one message. `because` is the id of the rule, never the patient's words.

    `responses` are said with "advise" (and "other"); with "ask", `question_set` is asked.
    `symptom` fills {symptom} in the responses.
    """

    risk: str
    severity: str
    action: Action
    layer: str = "rules"
    question_set: str | None = None
    because: str = ""
    responses: tuple[str, ...] = ()
    symptom: str = ""


@dataclass(frozen=True)
class Risk:
    """One entry of risks.yml."""

    id: str
    name: str
    severity: str
    tier: str
    responses: Mapping[str, tuple[str, ...]]  # by severity
    question_set: str
    asks_after: str  # a question set that always follows the advice (RF13: are you safe?), or ""
    symptom: str
    follow_up_minutes: int | None
    level: str
    quiet_days: int
    staff: str
    emergency_of_others: bool

    @classmethod
    def from_content(cls, risk: str, entry: Mapping[str, Any]) -> "Risk":
        minutes = entry.get("follow_up_minutes")
        return cls(
            id=risk,
            name=str(entry["name"]),
            severity=str(entry["severity"]),
            tier=str(entry["tier"]),
            responses={severity: tuple(names) for severity, names in entry["responses"].items()},
            question_set=str(entry["question_set"]),
            asks_after=str(entry.get("asks_after", "")),
            symptom=str(entry.get("symptom", "")),
            follow_up_minutes=None if minutes is None else int(minutes),
            level=str(entry["level"]),
            quiet_days=int(entry.get("quiet_days", 0)),
            staff=str(entry["staff"]),
            emergency_of_others=bool(entry.get("emergency_of_others", False)),
        )

    def responses_for(self, severity: str) -> tuple[str, ...]:
        return self.responses.get(severity) or self.responses[self.severity]


def gravest(findings: Iterable[Finding]) -> Finding | None:
    """The one to act on first: advice before a question, then by severity."""
    return max(findings, key=rank, default=None)


def rank(finding: Finding) -> tuple[int, int]:
    return STRENGTH[finding.action], -SEVERITIES.index(finding.severity)
