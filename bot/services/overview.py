"""The quiet overview of a service, for whoever answers for it; and whether the system itself is alive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.content import Library
from data import figures, rota
from data.figures import Load
from data.patients import PatientState

LOOKED_BACK = timedelta(weeks=4)
WEEKS = 4


@dataclass(frozen=True)
class Waited:
    """How long alerts of a level waited for their first owner."""

    level: str
    number: int
    half: timedelta  # half of them waited no longer
    most: timedelta  # nine of ten waited no longer


@dataclass(frozen=True)
class Raised:
    """Alerts of one at-risk rule, or of everything else together: the rarer the danger, the nearer its name to a person."""

    rule: str
    name: str
    number: int
    a_week: float | None  # an active patient


@dataclass(frozen=True)
class Signs:
    """`problems`: steps, unread, unsent; empty when all is well."""

    at: datetime
    problems: list[str]

    @property
    def well(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Overview:
    patients: dict[str, int]
    unclosed: dict[str, int]
    waited: list[Waited]
    outcomes: dict[str, int]
    raised: int
    a_week: float | None  # alerts an active patient a week; None without active patients
    budget: float
    raised_by: list[Raised]  # the most frequent rule first, what is no rule last
    engaged: tuple[int, int]
    loads: list[Load]


class Overviews:
    def __init__(self, library: Library) -> None:
        self._library = library

    def of(self, session: Session, service_id: int, now: datetime) -> Overview:
        """Of the last four weeks, where a span is needed."""
        since = now - LOOKED_BACK
        people = figures.patients_by_state(session, service_id)
        by_cause, active = figures.raised_by_cause(session, service_id, since), people.get(PatientState.ACTIVE.value, 0)
        raised = sum(by_cause.values())
        waited = figures.until_acknowledged(session, service_id, since)
        return Overview(
            patients=people,
            unclosed=figures.unclosed_by_level(session, service_id),
            waited=[Waited(level, len(each), _share(each, 0.5), _share(each, 0.9)) for level, each in waited.items()],
            outcomes=figures.outcomes(session, service_id, since),
            raised=raised,
            a_week=_a_week(raised, active),
            budget=self._library.number("console.alert_budget"),
            raised_by=self._raised_by(by_cause, active),
            engaged=figures.engaged(
                session, service_id, now, at=timedelta(days=self._library.number("console.engaged_at")),
                answered_in=timedelta(days=self._library.number("console.engaged_when_answered_in")),
            ),
            loads=figures.loads(session, service_id, since),
        )  # fmt: skip

    def _raised_by(self, by_cause: Mapping[str, int], active: int) -> list[Raised]:
        rules = self._library.protocol["at_risk"]["rules"]
        counted = sorted((cause for cause in by_cause if cause in rules), key=lambda rule: (-by_cause[rule], rule))
        found = []
        for rule in counted:
            name = self._library.say(f"utter_cause_{rule.lower()}").text
            found.append(Raised(rule, name, by_cause[rule], _a_week(by_cause[rule], active)))
        others = sum(number for cause, number in by_cause.items() if cause not in rules)
        name = self._library.say("utter_cause_other_alerts").text
        return [*found, Raised("", name, others, _a_week(others, active))] if others else found

    def rows(self, overview: Overview) -> list[tuple[str, str, str]]:
        """For a spreadsheet: figure, of what, value. Staff are numbers, patients are only counted."""
        found = [("patients", state, str(number)) for state, number in sorted(overview.patients.items())]
        found += [("alerts not closed", level, str(number)) for level, number in overview.unclosed.items()]
        for each in overview.waited:
            found.append(("minutes to acknowledge, half", each.level, _minutes(each.half)))
            found.append(("minutes to acknowledge, nine of ten", each.level, _minutes(each.most)))
        found += [("alerts closed, 4 weeks", outcome, str(number)) for outcome, number in overview.outcomes.items()]
        found.append(("alerts raised, 4 weeks", "all", str(overview.raised)))
        found.append(("alerts a patient a week", "all", "" if overview.a_week is None else f"{overview.a_week:.2f}"))
        found.append(("alerts a patient a week", "budget", f"{overview.budget}"))
        found += [("alerts raised, 4 weeks", each.rule or each.name, str(each.number)) for each in overview.raised_by]
        found.append(("engaged at 30 days", "answered", str(overview.engaged[0])))
        found.append(("engaged at 30 days", "joined long enough ago", str(overview.engaged[1])))
        for load in overview.loads:
            found.append(("alerts owned", f"physio {load.number}", str(load.owns)))
            found.append(("alerts acknowledged, 4 weeks", f"physio {load.number}", str(load.acknowledged)))
            found.append(("alerts closed, 4 weeks", f"physio {load.number}", str(load.closed)))
        return found

    def name(self, session: Session, service_id: int) -> str:
        return rota.service(session, service_id).name

    def signs(self, session: Session, now: datetime) -> Signs:
        """Looked at now: does everything that is due get done?"""
        before = now - timedelta(seconds=self._library.number("console.alive_within"))
        late = {
            "steps": figures.steps_overdue(session, before),
            "unread": figures.unread(session, before),
            "unsent": figures.unsent(session, before),
        }
        return Signs(now, [what for what, number in late.items() if number])


def _a_week(alerts: int, active: int) -> float | None:
    return alerts / WEEKS / active if active else None


def _share(spans: Sequence[timedelta], share: float) -> timedelta:
    """The span that this share of them doesn't exceed."""
    return spans[min(len(spans) - 1, int(share * len(spans)))]


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):.0f}"
