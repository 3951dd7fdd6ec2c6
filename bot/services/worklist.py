"""The worklist as its readers need it: what, why, whose, by when, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.coaching import policy
from bot.content import Library
from bot.services.cards import Cards
from data import programme, worklist
from data.alerts import Alert, AlertState
from data.patients import Patient
from data.physios import Physio
from data.worklist import Counts, Waiting, Wanted


@dataclass(frozen=True)
class Line:
    """One alert. `due`: what happens at `due_at` if nobody acts; climbs, repeats, reopens, nobody."""

    alert: Alert
    patient: Patient
    owner: Physio | None
    facts: dict[str, Any]  # name, advice, severity, told, as on the card
    week: int
    due: str
    next_rung: str  # who would be told then: duty, everyone, lead
    late: bool


class Worklist:
    def __init__(self, library: Library) -> None:
        self._library = library
        self._cards = Cards(library)

    def lines(
        self, session: Session, service_id: int, now: datetime, wanted: Wanted, *, page: int = 1
    ) -> tuple[list[Line], int]:
        """One page of it, and how many lines there are in all."""
        most = int(self._library.number("console.listed"))
        rows, number = worklist.waiting(session, service_id, now, wanted, most=most, skip=most * (page - 1))
        return [self.line(row, now) for row in rows], number

    def counts(self, session: Session, service_id: int, now: datetime, physio: Physio) -> Counts:
        return worklist.counts(session, service_id, now, physio.id)

    def line(self, row: Waiting, now: datetime) -> Line:
        alert, patient, owner = row.alert, row.patient, row.owner
        facts = self._cards.facts(alert, patient=patient.code, owner=owner.name if owner else None, now=now)
        facts["advice"] = facts["advice"] or self._suggested(alert)
        due, rung = self._due(alert)
        late = alert.unreachable_since is not None or (alert.state == AlertState.OPEN and alert.rung > 1)
        late = late or (alert.next_step_at is not None and alert.next_step_at <= now)
        return Line(alert, patient, owner, facts, programme.week_of(patient, now), due, rung, late)

    def _suggested(self, alert: Alert) -> str:
        """One action for an at-risk rule, in the words that its card has too."""
        response = f"utter_at_risk_do_{alert.cause.lower()}"
        return self._library.say(response).text if self._library.has(response) else ""

    def _due(self, alert: Alert) -> tuple[str, str]:
        if alert.unreachable_since is not None:
            return "nobody", ""
        if alert.state == AlertState.ACKNOWLEDGED:
            return "reopens", ""
        rungs = policy.of(alert.policy, alert.level).rungs
        if alert.rung < len(rungs):
            return "climbs", str(getattr(rungs[alert.rung], "who", rungs[alert.rung]))
        return "repeats", ""
