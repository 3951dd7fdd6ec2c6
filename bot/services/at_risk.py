"""At-risk rules at work: looks at each patient once a day and after each answer, tells a human, and does its own part.

Rows say who is due (`data/at_risk.py`); a look that is claimed is one process's alone. What fires is decided by
bot/coaching/at_risk.py; what is said because of it goes out through `AtRiskPrompts`.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import schedule
from bot.coaching.at_risk import Hit, Rule, hits, may_fire, worst
from bot.coaching.at_risk_known import Evidence
from bot.content import Library
from bot.services.at_risk_card import CaseLines
from bot.services.at_risk_evidence import EvidenceBook
from bot.services.at_risk_prompts import AtRiskPrompts
from bot.services.escalation import Escalation
from bot.services.trail import trail
from data import alerts, at_risk, checkins
from data.at_risk import DAILY, AtRiskFinding, AtRiskLook
from data.database import Database
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

BATCH = 100  # looks a tick: the loop must not stand still
BETWEEN_GAPS = timedelta(minutes=1)
DATA_QUALITY = "data_quality"  # CheckIn.flag
SEVERITY = "R"  # no rule of these tells the patient to go anywhere: that is the red flags' part


class AtRisk:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        escalation: Escalation,
        prompts: AtRiskPrompts,
        book: EvidenceBook,
        step_back: Callable[[Session, Patient, datetime], int | None] | None = None,
    ) -> None:
        """`step_back` makes the plan one step smaller and returns its minutes, None without a plan.

        Raises ContentError for a rule with a trigger nobody knows.
        """
        self._database = database
        self._clock = clock
        self._library = library
        self._escalation = escalation
        self.prompts = prompts
        self._book = book
        self._step_back = step_back
        self._case = CaseLines(library)
        self.rules = self._case.rules
        self._gaps_filled_at: datetime | None = None

    def news(self, session: Session, patient: Patient, sources: Collection[str], now: datetime) -> None:
        """The patient has answered something: the rules that rest on `sources` are looked at on the next tick."""
        if patient.state == PatientState.ACTIVE:
            for source in sources:
                at_risk.look_now(session, patient.id, source, now)

    # The tick

    def look(self) -> int:
        """At most `BATCH` looks. Returns how many there were."""
        now = self._clock.now()
        with self._database.transaction() as session:
            looks = at_risk.claim_looks(session, now, most=BATCH)
            if looks:
                self._look_at(session, looks, now)
            return len(looks) + self._fill_gaps(session, now)

    def _look_at(self, session: Session, looks: Sequence[AtRiskLook], now: datetime) -> None:
        wanted: dict[int, set[str]] = {}
        for look in looks:
            wanted.setdefault(look.patient_id, set()).add(look.source)
        patients = {patient.id: patient for patient in at_risk.patients_of(session, wanted)}
        for look in looks:
            if look.source == DAILY and look.patient_id in patients:
                look.due_at = self._next_look(patients[look.patient_id], now)
        at_risk.done_with(session, [look for look in looks if look.source != DAILY])
        for sources in {frozenset(each) for each in wanted.values()}:
            active = [
                patient
                for patient_id, patient in patients.items()
                if wanted[patient_id] == sources and patient.state == PatientState.ACTIVE
            ]
            if active:
                self._examine(session, active, sources, now)

    def _examine(self, session: Session, patients: Sequence[Patient], sources: Collection[str], now: datetime) -> None:
        """Holds the rules that these sources feed against what is known of these patients."""
        rules = self._fed_by(sources)
        needs = set().union(*(rule.needs for rule in rules))
        known = self._book.gather(session, patients, needs, now)
        for patient in patients:
            with _on_its_own(session, patient.id):
                self._take(session, patient, hits(rules, known[patient.id]), known[patient.id], now)
                if DAILY in sources:
                    self.prompts.plan_question(session, patient, known[patient.id].heard_at, now)

    def _fed_by(self, sources: Collection[str]) -> list[Rule]:
        """Those that rest on one of the sources; rules that count rules bring along the ones they count."""
        if DAILY in sources:
            return list(self.rules.values())
        kinds = {source.partition("/")[0] for source in sources}
        fed = {
            rule.id: rule
            for rule in self.rules.values()
            if not rule.daily and any(need in sources or need.partition("/")[0] in kinds for need in rule.needs)
        }
        for rule in self.rules.values():
            counted = {need.partition("/")[2] for need in rule.needs if need.startswith("rules/")}
            if counted & set(fed):
                fed |= {rule.id: rule} | {name: self.rules[name] for name in counted}
        return list(fed.values())

    def _fill_gaps(self, session: Session, now: datetime) -> int:
        """A patient without a look to come gets one; looked for once a minute, as it goes through all patients."""
        if self._gaps_filled_at and now - self._gaps_filled_at < BETWEEN_GAPS:
            return 0
        self._gaps_filled_at = now
        without = at_risk.without_daily_look(session, most=BATCH)
        for patient in without:
            session.add(AtRiskLook(patient_id=patient.id, due_at=self._next_look(patient, now)))
        session.flush()
        return len(without)

    def _next_look(self, patient: Patient, now: datetime) -> datetime:
        at = time.fromisoformat(str(self._library.value("at_risk.look_at")))
        return schedule.next_local(now, patient.time_zone, at)

    # What has fired

    def _take(self, session: Session, patient: Patient, found: Sequence[Hit], seen: Evidence, now: datetime) -> None:
        by_rule: dict[str, list[Hit]] = {}
        for hit in found:
            by_rule.setdefault(hit.rule.id, []).append(hit)
        for of_rule in by_rule.values():
            gravest = worst(of_rule)
            fired = gravest is not None and self._fire(session, patient, gravest, of_rule, seen, now)
            for hit in of_rule:
                if fired or not hit.fired.level:
                    self._do(session, patient, hit, seen, now)

    def _fire(
        self, session: Session, patient: Patient, hit: Hit, of_rule: Sequence[Hit], seen: Evidence, now: datetime
    ) -> bool:
        """Tells a human, unless one is told already, or has been lately."""
        alerts.lock_patient(session, patient)
        last = at_risk.last_alert(session, patient.id, hit.rule.id)
        closed_on = schedule.local_day(last.closed_at, patient.time_zone) if last and last.closed_at else None
        if not may_fire(
            hit.fired.level,
            hit.fired.newest,
            open_level=last.level if last and last.closed_at is None else None,
            closed_level=last.level if last else None,
            closed_on=closed_on,
            today=seen.today,
            rest_days=int(self._library.number("at_risk.rest_after_closing")),
        ):
            return False
        finding = AtRiskFinding(
            patient_id=patient.id, rule=hit.rule.id, version=hit.rule.version, level=hit.fired.level,
            evidence=self._case.lines(session, patient, hit, of_rule, now), on=seen.today, newest_on=hit.fired.newest, at=now,
        )  # fmt: skip
        self._escalation.raise_alert(
            session, patient, cause=hit.rule.id, severity=SEVERITY, level=hit.fired.level, told="", message_id=None,
            now=now, finding=finding,
        )  # fmt: skip
        logger.info("at_risk_rule_fired", extra={"rule": hit.rule.id, "level": hit.fired.level, "way": hit.when.name})
        return True

    def _do(self, session: Session, patient: Patient, hit: Hit, seen: Evidence, now: datetime) -> None:
        """The coach's own part: each thing once for its cause."""
        for name in hit.when.then:
            self.prompts.plan(session, patient, name, hit, now)
        if "step_back" in hit.when.does and self._step_back is not None:
            minutes = self._step_back(session, patient, now)
            if minutes is not None:
                self.prompts.plan(session, patient, "step_back", hit, now, minutes=minutes)
        if "flag_day" in hit.when.does:
            self._flag_day(session, patient, hit, seen, now)

    def _flag_day(self, session: Session, patient: Patient, hit: Hit, seen: Evidence, now: datetime) -> None:
        """Figures that don't fit together stand as they were told, and count in no comparison of days."""
        if at_risk.found_on(session, patient.id, hit.rule.id, hit.fired.newest):
            return
        checkins.flag_day(session, patient.id, hit.fired.newest, DATA_QUALITY)
        at_risk.add_finding(
            session,
            AtRiskFinding(
                patient_id=patient.id, rule=hit.rule.id, version=hit.rule.version, on=seen.today,
                newest_on=hit.fired.newest, at=now, evidence={"why": self._case.why([hit])},
            ),
        )  # fmt: skip
        logger.info("at_risk_day_flagged", extra={"rule": hit.rule.id, "way": hit.when.name})


@contextmanager
def _on_its_own(session: Session, patient_id: int) -> Iterator[None]:
    """What goes wrong with one patient is logged, looked at again the next day, and holds up nobody else."""
    try:
        with session.begin_nested():
            yield
    except Exception as error:
        logger.error("at_risk_look_failed", extra=trail(error, patient_row=patient_id))
