"""What a physio reads of a rule that fired: the lines of the card, as things stood in that moment. No words of a patient."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import schedule
from bot.coaching.at_risk import Hit, Rule, read_rules
from bot.content import Library
from data import activity, evidence, goals
from data.at_risk import AtRiskFinding
from data.patients import Patient
from data.programme import PlanState

DAY = timedelta(days=1)
NOT_TOLD = "–"
CODES = ("answer", "detail")  # values of a rule that stand for a button


class CaseLines:
    def __init__(self, library: Library) -> None:
        self._library = library
        self.rules = read_rules(library.protocol.get("at_risk", {}).get("rules", {}))

    def lines(
        self, session: Session, patient: Patient, hit: Hit, of_rule: Sequence[Hit], now: datetime
    ) -> dict[str, Any]:
        """For `AtRiskFinding.evidence`: why, did, do, days, goal, limits; the numbers beside them."""
        others = [each for each in of_rule if each.when.name != hit.when.name and each.fired.level]
        return {"why": self.why([hit, *others]), **self._case(session, patient, hit.rule, now)} | {
            "numbers": {name: str(value) for name, value in hit.fired.values.items()}
        }

    def event(self, session: Session, patient: Patient, cause: str, level: str, now: datetime) -> AtRiskFinding | None:
        """For a rule that is raised where it happens, by its id as the cause; None for what is no at-risk rule."""
        rule = self.rules.get(cause)
        when = next((each for each in rule.whens if each.trigger == "where_it_happens"), None) if rule else None
        if rule is None or when is None:
            return None
        today = schedule.local_day(now, patient.time_zone)
        why = self._text(f"why_{cause.lower()}_{when.name}")
        return AtRiskFinding(
            patient_id=patient.id, rule=cause, version=rule.version, level=level, on=today, newest_on=today, at=now,
            evidence={"why": why, **self._case(session, patient, rule, now)},
        )  # fmt: skip

    def why(self, found: Sequence[Hit]) -> str:
        """The figures that fired it, the gravest way first."""
        whys = [self._why(hit) for hit in found]
        first, *more = dict.fromkeys(whys)
        return self._text("why_more", why=first, more=" ".join(more)) if more else first

    def _why(self, hit: Hit) -> str:
        values = dict(hit.fired.values)
        for name in CODES:
            if name in values:
                response = f"utter_at_risk_answer_{values[name]}"
                values[name] = self._library.say(response).text if self._library.has(response) else NOT_TOLD
        return self._text(f"why_{hit.rule.id.lower()}_{hit.when.name}", **values)

    def _case(self, session: Session, patient: Patient, rule: Rule, now: datetime) -> dict[str, str]:
        return {
            "did": self._text(f"did_{rule.id.lower()}"),
            "do": self._text(f"do_{rule.id.lower()}"),
            "days": self._days(session, patient, now),
            "goal": self._goal(session, patient),
            "limits": self._limits(session, patient),
        }

    def _days(self, session: Session, patient: Patient, now: datetime) -> str:
        last = schedule.local_day(now, patient.time_zone)
        count = int(self._library.number("at_risk.days_on_card"))
        days = [last - DAY * ago for ago in reversed(range(count))]
        pain = evidence.pain(session, [patient.id], days[0]).get(patient.id, {})
        minutes = activity.minutes_by_day(session, patient.id, days[0], last)
        return self._text("days", days=count, pain=_row(pain, days), minutes=_row(minutes, days))

    def _goal(self, session: Session, patient: Patient) -> str:
        """In figures: what the activity is called are the patient's words."""
        plan = evidence.plans(session, [patient.id]).get(patient.id)
        if plan and plan.state == PlanState.BASELINE:
            return self._text("goal_baseline")
        if plan and plan.minutes:
            return self._text("goal", minutes=plan.minutes, sessions=plan.sessions or NOT_TOLD)
        goal = goals.active(session, patient.id)
        return self._text("goal_minutes", minutes=goal.minutes, days=goal.days) if goal else self._text("no_goal")

    def _limits(self, session: Session, patient: Patient) -> str:
        rows = evidence.limits(session, [patient.id]).get(patient.id, [])
        known = [row.kind.replace("_", " ") for row in rows if row.kind != "activity"]
        activities = sum(row.kind == "activity" for row in rows)
        if activities:
            known.append(self._text("limit_activity", count=activities))
        if patient.needs_activity_review:
            known.append(self._text("limit_review"))
        return self._text("limits", limits=", ".join(dict.fromkeys(known))) if known else self._text("no_limits")

    def _text(self, name: str, **values: Any) -> str:
        return self._library.say(f"utter_at_risk_{name}", **values).text


def _row(figures: Mapping[date, int], days: Sequence[date]) -> str:
    return " ".join(str(figures.get(day, NOT_TOLD)) for day in days)
