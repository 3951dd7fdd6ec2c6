"""One patient on one page: what a physio needs before they pick up the phone."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching import measures as scoring
from bot.coaching.measures import Changed
from bot.content import Library
from bot.services.worklist import Line, Worklist
from data import (
    activity,
    at_risk,
    audit,
    case_file,
    case_notes,
    concerns,
    experiments,
    explorations,
    goals,
    measures,
    physios,
    programme,
    timeline,
)
from data import patients as people
from data.alerts import Alert
from data.at_risk import AtRiskFinding
from data.case_notes import CaseNote
from data.checkins import CheckInState
from data.concerns import BeliefCorrection, BeliefFlag, RiskFlag
from data.experiments import Experiment
from data.explorations import Exploration
from data.goals import ActivityGoal
from data.messages import Message
from data.patients import Patient
from data.programme import ActivityPlan, BodyLimit, WeekReview
from data.timeline import Entry
from data.worklist import Waiting

RISKS_SHOWN = 12
FLAGS_SHOWN = 4  # of one class: the rest stands in the timeline


@dataclass(frozen=True)
class Day:
    """Missing is None, never zero. `check_in` "" when there was none."""

    on: date
    minutes: int | None
    pain: int | None
    check_in: str


@dataclass(frozen=True)
class Heard:
    """One flag: what the patient wrote, what the coach answered. `words` None: kept back (safeguarding)."""

    flag: BeliefFlag
    words: str | None
    said: str
    content: str  # the version of dialogues/ that it was said from
    correction: BeliefCorrection | None
    standing: str | None


@dataclass(frozen=True)
class Belief:
    """One class, with what helps in talking about it and what the coach has already done."""

    id: str
    says: str
    definition: str
    ask: list[str]
    avoid: list[str]
    heard: list[Heard]  # the newest first
    times: int
    explorations: list[Exploration]
    experiments: list[Experiment]


@dataclass(frozen=True)
class MeasureLine:
    name: str
    first: float
    first_on: date
    last: float
    last_on: date
    sittings: int
    band: str | None
    change: Changed | None
    most: float | None


@dataclass
class Case:
    patient: Patient
    week: int
    reachable: str  # yes, blocked, no_chat
    last_heard: datetime | None
    days: list[Day]
    open: list[Line]
    closed: list[Alert]
    goal: ActivityGoal | None
    plan: ActivityPlan | None
    limits: list[BodyLimit]
    expectations: list[Any]
    reviews: list[WeekReview]
    beliefs: list[Belief]
    put_aside: list[Heard]  # not a belief, or not the patient's view
    risks: list[RiskFlag]
    measures: list[MeasureLine]
    notes: list[CaseNote]
    fired: dict[int, AtRiskFinding]  # alert → why its rule fired
    raised: dict[int, str | None]  # message → the words that raised an open alert; None: kept back
    names: dict[int, str] = field(default_factory=dict)  # of physios

    @property
    def answered(self) -> int:
        return sum(each.check_in == CheckInState.ANSWERED for each in self.days)


class CaseFiles:
    def __init__(self, library: Library, worklist: Worklist) -> None:
        self._library = library
        self._worklist = worklist

    def read(self, session: Session, patient: Patient, now: datetime, *, by: str, part: str = "summary") -> Case:
        """`part`: what of the case somebody looks at, for the audit."""
        self.look(session, patient, now, by=by, part=part)
        chat = people.chat_of(session, patient)
        found = case_file.alerts_of(session, patient.id)
        owners = case_file.names(session, {number for each in found for number in _physios_of(each)})
        beliefs, aside = self._beliefs(session, patient)
        notes = case_notes.of_patient(session, patient.id)
        corrected = [each.correction for belief in beliefs for each in belief.heard if each.correction]
        corrected += [each.correction for each in aside if each.correction]
        writers = {each.physio_id for each in notes} | {each.physio_id for each in corrected}
        owners |= case_file.names(session, {number for number in writers if number is not None})
        return Case(
            patient=patient,
            week=programme.week_of(patient, now),
            reachable="no_chat" if chat is None else "blocked" if chat.blocked_at else "yes",
            last_heard=case_file.last_heard(session, patient.id),
            days=self.days(session, patient, now),
            open=[
                self._worklist.line(Waiting(each, patient, physios.get(session, each.acknowledged_by)), now)
                for each in sorted(found, key=lambda each: (each.level, each.id))
                if each.closed_at is None
            ],
            closed=[each for each in found if each.closed_at is not None],
            goal=goals.active(session, patient.id),
            plan=programme.plan_of(session, patient.id),
            limits=[each for each in programme.limits_of(session, patient.id) if each.ended_at is None],
            expectations=list(programme.expectations(session, patient.id)),
            reviews=programme.reviews(session, patient.id),
            beliefs=beliefs,
            put_aside=aside,
            risks=case_file.risks(session, patient.id, most=RISKS_SHOWN),
            measures=self._measures(session, patient),
            notes=notes,
            fired=self._fired(session, found),
            raised=self._raised(session, patient, found),
            names=owners,
        )

    def look(self, session: Session, patient: Patient, now: datetime, *, by: str, part: str) -> None:
        """Somebody looks at a case: that is recorded, whatever they see of it."""
        audit.record(session, "case_viewed", by=by, now=now, patient=patient.code, part=part)

    def names(self, session: Session, entries: list[Entry]) -> dict[str, str]:
        """Who did what stands in the timeline: "physio:3" → the name."""
        numbers = {int(by.removeprefix("physio:")) for each in entries if (by := _by(each)).startswith("physio:")}
        return {f"physio:{number}": name for number, name in case_file.names(session, numbers).items()}

    def days(self, session: Session, patient: Patient, now: datetime) -> list[Day]:
        """The last days by the patient's calendar, oldest first."""
        last = now.astimezone(ZoneInfo(patient.time_zone)).date()
        first = last - timedelta(days=int(self._library.number("console.summary")) - 1)
        minutes = activity.minutes_by_day(session, patient.id, first, last)
        pain = programme.pain_by_day(session, patient.id, first, last)
        rows: dict[date, str] = {}
        for each in case_file.check_ins(session, patient.id, first, last):  # of a pair, the answered one counts
            if rows.get(each.on) != CheckInState.ANSWERED:
                rows[each.on] = each.state.value
        spread = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [Day(on, minutes.get(on), pain.get(on), rows.get(on, "")) for on in spread]

    def timeline(self, session: Session, patient: Patient, *, before: datetime | None, kind: str) -> list[Entry]:
        most = int(self._library.number("console.listed"))
        return timeline.entries(session, patient, before=before, kind=kind, most=most)

    def kept_back(self, session: Session, patient: Patient) -> set[int]:
        """Messages whose words stand on no page: somebody else may be reading over a shoulder (RF17)."""
        return case_file.with_risk(session, patient.id, self._library.value("escalation.discreet"))

    def risk_name(self, risk: str) -> str:
        entry = self._library.safety.get("risks", {}).get("risks", {}).get(risk, {})
        return str(entry.get("name", risk))

    def limit_name(self, limit: BodyLimit) -> str:
        return limit.activity or str(self._library.value("console.limits").get(limit.kind, limit.kind))

    @staticmethod
    def _fired(session: Session, alerts: list[Alert]) -> dict[int, AtRiskFinding]:
        found = {each.id: at_risk.finding_of(session, each.id) for each in alerts if each.closed_at is None}
        return {number: finding for number, finding in found.items() if finding}

    def _raised(self, session: Session, patient: Patient, alerts: list[Alert]) -> dict[int, str | None]:
        discreet = self._library.value("escalation.discreet")
        kept_back = self.kept_back(session, patient)
        hidden = kept_back | {each.message_id for each in alerts if each.cause in discreet and each.message_id}
        wanted = [each.message_id for each in alerts if each.closed_at is None and each.message_id]
        said = case_file.messages_by_id(session, patient.id, wanted)
        return {number: None if number in hidden else message.text for number, message in said.items()}

    # --- beliefs ---

    def _beliefs(self, session: Session, patient: Patient) -> tuple[list[Belief], list[Heard]]:
        flags = concerns.standing_flags(session, patient.id)[::-1]
        kept_back = self.kept_back(session, patient)
        said = case_file.messages_by_id(session, patient.id, [each.flag.message_id for each in flags])
        replies = case_file.replies(session, [each.key for each in said.values()])
        corrected = case_file.corrections(session, patient.id)
        heard = [
            _heard(each.flag, each.belief, said, replies, corrected, hidden=each.flag.message_id in kept_back)
            for each in flags
        ]
        explored, tried = explorations.of_patient(session, patient.id), experiments.of_patient(session, patient.id)
        classes = list(dict.fromkeys(each.standing for each in heard if each.standing))
        cues = self._library.protocol["belief_cues"]
        beliefs = [
            Belief(
                id=belief, says=str(self._library.protocol["beliefs"][belief]["says"]),
                definition=str(self._library.protocol["beliefs"][belief]["definition"]),
                ask=list(cues[belief]["ask"]), avoid=list(cues[belief]["avoid"]),
                heard=[each for each in heard if each.standing == belief][:FLAGS_SHOWN],
                times=sum(each.standing == belief for each in heard),
                explorations=[each for each in explored if each.belief == belief],
                experiments=[each for each in tried if each.belief == belief],
            )
            for belief in classes
        ]  # fmt: skip
        return beliefs, [each for each in heard if each.standing is None]

    # --- measures ---

    def _measures(self, session: Session, patient: Patient) -> list[MeasureLine]:
        lines = []
        for name, measure in self._library.measures.items():
            series = measures.series(session, patient.id, name)
            if not series:
                continue
            first, last = series[0], series[-1]
            change = scoring.changed(measure.change, first.value, last.value) if len(series) > 1 else None
            band = scoring.band(measure, last.value, last.subscales)
            most = measure.total.range[1] if measure.total.range else None
            lines.append(
                MeasureLine(measure.name, first.value, first.on, last.value, last.on, len(series), band, change, most)
            )
        return lines


def _heard(
    flag: BeliefFlag,
    standing: str | None,
    said: dict[int, Message],
    replies: dict[str, Message],
    corrected: dict[int, BeliefCorrection],
    *,
    hidden: bool,
) -> Heard:
    message = said.get(flag.message_id)
    reply = replies.get(message.key) if message else None
    words = None if hidden or message is None else message.text
    return Heard(
        flag,
        words,
        reply.text if reply and not hidden else "",
        reply.content if reply else "",
        corrected.get(flag.id),
        standing,
    )


def _physios_of(alert: Alert) -> set[int]:
    return {number for number in (alert.acknowledged_by, alert.closed_by) if number is not None}


def _by(entry: Entry) -> str:
    if entry.kind in ("note", "call"):
        return f"physio:{entry.row.physio_id}" if entry.row.physio_id else ""
    return str(entry.row.by) if entry.kind == "event" else ""
