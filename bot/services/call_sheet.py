"""The sheet of one support call: an agenda made from what is known of a patient. Its words stand in support_calls.yml."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching.measures import Verdict
from bot.coaching.support_calls import Call
from bot.content import Library
from bot.services.case_file import Case, CaseFiles
from bot.services.support_calls import CallLine, SupportCalls
from data import activity, case_file, experiments, explorations, flares, links, programme
from data.flares import Flare
from data.links import LookState
from data.messages import Message
from data.patients import Patient
from data.programme import WordsKind


@dataclass(frozen=True)
class Point:
    """A line of the sheet; `words` are the patient's own, beside it."""

    text: str
    words: str = ""


@dataclass(frozen=True)
class Question:
    """Something the patient asked, and what the coach answered."""

    at: datetime
    words: str
    answer: str


@dataclass(frozen=True)
class Sheet:
    call: Call
    line: CallLine
    before: list[CallLine]  # the other calls
    case: Case
    points: dict[str, list[Point]]  # by section, in the order of the sheet
    titles: dict[str, str]
    questions: list[Question]


class CallSheets:
    def __init__(self, library: Library, cases: CaseFiles, calls: SupportCalls) -> None:
        self._library = library
        self._cases = cases
        self._calls = calls
        self._told: dict[str, Callable[[Session, Case, datetime], Iterable[Point]]] = {
            "first": self._first, "goals": self._goals, "activity": self._activity, "limits": self._limits,
            "validate": self._validate, "ask": self._ask, "referral": self._referral,
        }  # fmt: skip

    def read(self, session: Session, patient: Patient, call: Call, now: datetime, *, by: str) -> Sheet | None:
        """None before the patient has joined."""
        lines = self._calls.of_patient(session, patient, now)
        if not lines:
            return None
        case = self._cases.read(session, patient, now, by=by, part=f"call_{call.number}")
        line = next(each for each in lines if each.call.number == call.number)
        titles: dict[str, str] = self._library.protocol["support_calls"]["sections"]
        return Sheet(
            call, line, [each for each in lines if each is not line], case,
            {section: self._points(session, case, call, section, now) for section in titles}, titles,
            self._questions(session, patient, lines),
        )  # fmt: skip

    def _points(self, session: Session, case: Case, call: Call, section: str, now: datetime) -> list[Point]:
        always = self._library.value("support_calls.always")[call.number].get(section, ())
        told = self._told.get(section)
        return [Point(each) for each in always] + (list(told(session, case, now)) if told else [])

    def _say(self, code: str, words: str = "", /, **values: Any) -> Point:
        """`code`: section.line of `points`."""
        section, _, line = code.partition(".")
        return Point(str(self._library.value("support_calls.points")[section][line]).format(**values), words)

    # --- the sections, each a straight path over what is known; what is missing makes no line ---

    def _first(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        for line in case.open:
            alert = line.alert
            yield self._say("first.open_alert", level=alert.level, reference=alert.reference, name=line.facts["name"])
        if case.patient.held_since:
            yield self._say("first.held", day=self._day(case, case.patient.held_since))
        if case.reachable != "yes":
            yield self._say("first.unreachable")
        quiet = (now - case.last_heard).days if case.last_heard else 0
        if quiet >= self._library.number("support_calls.quiet_for"):
            yield self._say("first.quiet", days=quiet)

    def _goals(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        goal = case.goal
        if goal is None:
            yield self._say("goals.none")
        for each in case.reviews:
            known = each.done is not None and each.planned is not None
            yield self._say(
                "goals.week" if known else "goals.week_unknown", week=each.week, done=each.done, planned=each.planned
            )
        told = [(each.done, each.planned) for each in case.reviews if each.done is not None and each.planned]
        if told:
            yield self._say("goals.met", met=sum(done >= planned for done, planned in told), weeks=len(told))
        enough = int(self._library.number("support_calls.low_confidence"))
        if goal and goal.confidence < enough:
            yield self._say("goals.low_confidence", confidence=goal.confidence, enough=enough)
        if goal and goal.barrier and goal.if_then:
            yield self._say("goals.if_then", barrier=goal.barrier, if_then=goal.if_then)

    def _activity(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        asked = [each for each in case.days if each.check_in]
        if asked:
            yield self._say("activity.check_ins", answered=case.answered, asked=len(asked))
        minutes = self._first_and_last(session, case, now, activity.minutes_by_day)
        if minutes:
            yield self._say("activity.minutes", **minutes)
        pain = self._first_and_last(session, case, now, programme.pain_by_day)
        if pain:
            yield self._say("activity.pain", **pain)
        flare = flares.open_flare(session, case.patient.id)
        if flare:
            yield self._say("activity.flare", day=f"{flare.started_on:%-d %b}", said=flare.said or "–")
        told = [
            each
            for each in links.looks_of(session, case.patient.id)
            if each.state in (LookState.TOLD, LookState.CLOSED)
        ]
        if told:
            yield self._say(f"activity.link_{told[-1].verdict}")

    def _limits(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        if case.patient.activity_screen:
            yield self._say("limits.asked_at_joining", answers=case.patient.activity_screen)
        if case.limits or case.patient.activity_screen:
            yield self._say("limits.cant")

    def _validate(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        found = list(self._worth_saying(session, case))
        yield from found or [self._say("validate.nothing")]

    def _worth_saying(self, session: Session, case: Case) -> Iterator[Point]:
        patient_id = case.patient.id
        if done := next((each for each in reversed(case.reviews) if each.done), None):
            yield self._say("validate.sessions", week=done.week, done=done.done, planned=done.planned or "–")
        asked = sum(1 for each in case.days if each.check_in)
        if asked and case.answered * 2 >= asked:
            yield self._say("validate.kept_answering", answered=case.answered, asked=asked)
        for noticed in programme.own_words(session, patient_id, WordsKind.NOTICED)[-1:]:
            yield self._say("validate.noticed", noticed.words)
        for test in experiments.finished(session, patient_id)[-1:]:
            yield self._say("validate.tried", test.what, expected=test.expected, actual=test.actual)
        for flare in self._come_through(session, patient_id)[-1:]:
            yield self._say("validate.came_through", flare.helped)
        for each in explorations.of_patient(session, patient_id)[::-1]:
            if each.state.value == "done" and each.strength is not None:
                says = self._library.protocol["beliefs"][each.belief]["says"]
                yield self._say("validate.explored", says=says, strength=each.strength)
                break

    def _come_through(self, session: Session, patient_id: int) -> list[Flare]:
        return [each for each in flares.flares(session, patient_id) if each.ended_at and each.helped]

    def _ask(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        rated = [each.rating for each in case.expectations if each.rating is not None]
        if rated and rated[-1] < self._library.number("support_calls.low_expectation"):
            yield self._say("ask.low_expectation", rating=rated[-1])
        for each in case.reviews[-1:]:
            response = f"utter_reason_{each.reason}"
            if self._library.has(response):
                yield self._say("ask.reason", week=each.week, reason=self._library.say(response).text)
        for belief in case.beliefs[:1]:
            yield self._say("ask.belief", says=belief.says)

    def _referral(self, session: Session, case: Case, now: datetime) -> Iterator[Point]:
        found = list(self._speaks_for_hands(case))
        yield from found or [self._say("referral.nothing")]

    def _speaks_for_hands(self, case: Case) -> Iterator[Point]:
        discreet = self._library.value("escalation.discreet")
        for risk in case.risks:
            if risk.action == "advise" and risk.risk not in discreet:
                yield self._say("referral.danger", name=self._cases.risk_name(risk.risk), day=self._day(case, risk.at))
        rules = self._library.value("support_calls.think_of_referral")
        for alert in [each.alert for each in case.open] + case.closed:
            if alert.cause in rules:
                name = self._library.say(f"utter_cause_{alert.cause.lower()}").text
                yield self._say("referral.rule", name=name, reference=alert.reference)
        if case.limits:
            said = ", ".join(self._cases.limit_name(each) for each in case.limits)
            yield self._say("referral.limits", limits=said)
        for each in case.measures:
            if each.change and each.change.verdict is Verdict.WORSE:
                yield self._say("referral.worse", measure=each.name, points=f"{abs(each.change.points):g}")

    # --- small parts ---

    def _first_and_last(self, session: Session, case: Case, now: datetime, by_day: Any) -> dict[str, Any]:
        """The mean of the days that were told in the first days and in the last ones; {} when either has none."""
        days = int(self._library.number("support_calls.first_days"))
        begun = programme.first_day(case.patient, 1)
        today = now.astimezone(ZoneInfo(case.patient.time_zone)).date()
        if today < begun + timedelta(days=2 * days - 1):
            return {}
        before = self._mean(by_day(session, case.patient.id, begun, begun + timedelta(days=days - 1)))
        last = self._mean(by_day(session, case.patient.id, today - timedelta(days=days - 1), today))
        return {"before": before, "now": last, "days": days} if before and last else {}

    @staticmethod
    def _mean(told: dict[date, int]) -> str:
        return f"{fmean(told.values()):.1f}".removesuffix(".0") if told else ""

    @staticmethod
    def _day(case: Case, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(case.patient.time_zone)):%-d %b}"

    # --- what they asked ---

    def _questions(self, session: Session, patient: Patient, lines: list[CallLine]) -> list[Question]:
        """Since the last call that was held, the newest first. Words that came with safeguarding stay out."""
        held = [each.at for line in lines for each in line.tries if each.ended]
        most = int(self._library.number("support_calls.questions_from"))
        hidden = self._cases.kept_back(session, patient)
        said = case_file.said_since(session, patient.id, max(held, default=None), most=most)
        asked = [each for each in said if each.id not in hidden and self._is_question(each)]
        asked = asked[: int(self._library.number("support_calls.questions_listed"))]
        answers = case_file.replies(session, [each.key for each in asked])
        return [Question(each.at, each.text, answers[each.key].text if each.key in answers else "") for each in asked]

    def _is_question(self, message: Message) -> bool:
        return "?" in message.text or message.intent in self._library.value("support_calls.question_intents")
