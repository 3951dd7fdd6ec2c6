"""The plan of one activity: how it starts, what may hinder its growth, and what fits this patient's body."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from bot.coaching import graded_activity, schedule
from bot.coaching.catalogue import Activity, Body, Catalogue
from bot.coaching.graded_activity import Hindrance, Numbers, Week
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from data import activity, alerts, goals, measures, programme
from data.goals import ActivityGoal
from data.patients import Patient, PatientState
from data.programme import ActivityPlan, OwnWords, PlanState, WordsKind

REVIEW = "AR08"  # the cause of the alert that a yes at joining raises: dialogues/protocol/escalation.yml


class Plans:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.catalogue = Catalogue(library.protocol["activities"])

    @property
    def numbers(self) -> Numbers:
        """dialogues/protocol/programme.yml, as it stands now."""
        read: dict[str, Any] = {}
        for each in fields(Numbers):
            value = self.number(each.name)
            read[each.name] = value if each.type in ("float", float) else int(value)
        return Numbers(**read)

    def number(self, name: str) -> float:
        return self._library.number(f"programme.{name}")

    # What fits the body

    def body(self, session: Session, patient: Patient, now: datetime) -> Body:
        limits = programme.limits_of(session, patient.id)
        kinds = [limit.kind for limit in limits if limit.kind != "activity"]
        gated = self.is_gated(session, patient)
        if gated:
            kinds += self.catalogue.limits_of_screen(patient.activity_screen or "")
        named = [self.catalogue.find(limit.activity) for limit in limits if limit.kind == "activity"]
        return Body(
            limits=tuple(dict.fromkeys(kinds)),
            cannot_do=frozenset(each.key for each in named if each),
            gated=gated,
            low_function=self.has_low_function(session, patient, now),
        )

    def is_gated(self, session: Session, patient: Patient) -> bool:
        """Light ones only, until a physio has looked: the alert was raised, and is closed."""
        if not patient.needs_activity_review:
            return False
        if alerts.was_closed(session, patient, REVIEW) and alerts.unclosed_of(session, patient, REVIEW) is None:
            patient.needs_activity_review = False
        return patient.needs_activity_review

    def has_low_function(self, session: Session, patient: Patient, now: datetime) -> bool:
        """Told in a weekly review or a questionnaire of the last two weeks, or a body's limit noted in that time."""
        first = schedule.local_day(now, patient.time_zone) - self.number("no_step_for") * schedule.DAY
        low = self.number("low_function_from")

        def is_recent(at: datetime) -> bool:
            return schedule.local_day(at, patient.time_zone) > first

        score = measures.latest(session, patient.id, "rmdq")
        if score and is_recent(score.at) and score.value >= self.number("low_function_rmdq"):
            return True
        told = (row for row in programme.reviews(session, patient.id) if is_recent(row.at))
        if any(row.function is not None and row.function >= low for row in told):
            return True
        return any(is_recent(limit.at) for limit in programme.limits_of(session, patient.id))

    def choices(self, session: Session, patient: Patient, now: datetime) -> tuple[Choice, ...]:
        """Buttons for the question what to do more of; made for this body."""
        offered = self.catalogue.offer(self.body(session, patient, now))
        return tuple(Choice(label=_capital(each.says), says=each.says) for each in offered)

    def made_for(self, session: Session, patient: Patient, kind: str, now: datetime) -> tuple[Choice, ...]:
        """As `choices`, for one limit; a tap opens the goal with this activity."""
        offered = self.catalogue.offer_for(kind, self.body(session, patient, now))
        return tuple(goal_choice(each.says, goal_activity=each.says) for each in offered)

    def allowed_words(self, session: Session, patient: Patient) -> str | None:
        """For the dialogue: what an activity must be one of; None when anything goes."""
        if not self.is_gated(session, patient):
            return None
        return "; ".join(word for each in self.catalogue.light() for word in (each.says, *each.words))

    # How a plan starts

    def check_goal(self, session: Session, patient: Patient, said: str) -> None:
        """Raises EffectRefused for an activity that a physio must look at first."""
        found = self.catalogue.find(said)
        if self.is_gated(session, patient) and (found is None or not found.light):
            raise EffectRefused("utter_refused_goal_needs_review")

    def start(self, session: Session, patient: Patient, goal: ActivityGoal, now: datetime) -> ActivityPlan:
        """A goal with its first amount. What was planned for the barrier is kept, to be quoted back."""
        tried = programme.plan_of(session, patient.id)
        baseline = float(goal.start_minutes)
        if tried and tried.state == PlanState.BASELINE and tried.activity == goal.activity:
            baseline = graded_activity.baseline(self.tries(session, tried, now, patient), self.numbers) or baseline
        plan = ActivityPlan(
            patient_id=patient.id, goal_id=goal.id, state=PlanState.ACTIVE, activity=goal.activity,
            key=_key(self.catalogue.find(goal.activity)), baseline=baseline, minutes=goal.minutes,
            sessions=len(goal.days.split(", ")), from_on=schedule.local_day(now, patient.time_zone), created_at=now,
        )  # fmt: skip
        if goal.barrier and goal.if_then:
            self.keep(session, patient, WordsKind.COPING, goal.if_then, now, about=goal.barrier)
        return programme.start_plan(session, plan)

    def start_baseline(self, session: Session, patient: Patient, said: str, now: datetime) -> ActivityPlan:
        """A week of tries. Raises EffectRefused before joining, and behind the gate."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        self.check_goal(session, patient, said)
        goals.end(session, patient.id, goals.GoalState.REPLACED, now)
        plan = ActivityPlan(
            patient_id=patient.id, state=PlanState.BASELINE, activity=said, key=_key(self.catalogue.find(said)),
            from_on=schedule.local_day(now, patient.time_zone), created_at=now,
        )  # fmt: skip
        return programme.start_plan(session, plan)

    def tries(self, session: Session, plan: ActivityPlan, now: datetime, patient: Patient) -> list[int]:
        """Minutes of each day on which it was tried, in order."""
        today = schedule.local_day(now, patient.time_zone)
        by_day = activity.planned_by_day(session, plan.patient_id, plan.from_on, today)
        return [minutes for minutes in by_day.values() if minutes > 0]

    def baseline_found(self, session: Session, patient: Patient, plan: ActivityPlan, now: datetime) -> list[Words]:
        """What the tries came to, and where to start; or how many are still missing."""
        tries = self.tries(session, plan, now, patient)
        found = graded_activity.baseline(tries, self.numbers)
        if found is None:
            few = self._library.say("utter_baseline_few", tries=len(tries), fewest=int(self.number("fewest_tries")))
            own = goal_choice(few.choices[0].label, goal_activity=plan.activity)
            return [Words(few.response, few.text, (own, *few.choices[1:]))]
        start = graded_activity.first_quota(found, self.number("first_share"))
        less = graded_activity.first_quota(found, self.number("cautious_share"))
        counted = [minutes for minutes in tries if minutes > 0][: int(self.number("most_tries"))]
        words = self._library.say(
            "utter_baseline_found",
            tries=", ".join(map(str, counted)), baseline=round(found), start=start, less=less,
        )  # fmt: skip
        brought = {"goal_activity": plan.activity, "goal_start_minutes": f"{max(start, int(found))} minutes"}
        amounts = dict.fromkeys((start, less))
        sized = [
            goal_choice(choice.label, **brought, goal_minutes=f"{minutes} minutes")
            for choice, minutes in zip(words.choices, amounts, strict=False)
        ]
        return [Words(words.response, words.text, (*sized, *words.choices[2:]))]

    # What may hinder a step

    def hindrance(self, session: Session, patient: Patient, plan: ActivityPlan, now: datetime) -> Hindrance | None:
        if self._is_held(session, patient):
            return Hindrance.PHYSIO_FIRST
        body = self.body(session, patient, now)
        if body.gated:
            return Hindrance.REVIEW_FIRST
        if body.low_function:
            return Hindrance.LOW_FUNCTION
        if self.catalogue.no_fixed_steps(body):
            return Hindrance.NO_FIXED_STEPS
        return Hindrance.CEILING if (plan.minutes or 0) >= self.ceiling(plan) else None

    def _is_held(self, session: Session, patient: Patient) -> bool:
        """An open alert of these levels, or of an at-risk rule that says so, holds the step and nothing else."""
        if alerts.has_unclosed(session, patient, self._library.value("programme.holds_progression")):
            return True
        rules = self._library.protocol["at_risk"].get("rules", {})
        causes = [name for name, rule in rules.items() if rule.get("holds_progression")]
        return any(alerts.unclosed_of(session, patient, cause) for cause in causes)

    def step_back(self, session: Session, patient: Patient, now: datetime) -> int | None:
        """After harm from an activity: one step smaller, from today. The minutes then; None without an amount."""
        plan = programme.plan_of(session, patient.id)
        if plan is None or plan.minutes is None:
            return None
        plan.minutes = graded_activity.step_down(plan.minutes, self.numbers.steps_down, self.numbers)
        session.flush()
        return plan.minutes

    def ceiling(self, plan: ActivityPlan) -> int:
        most = int(self._library.number("goal.most_minutes"))
        return graded_activity.ceiling(plan.sessions or 1, self.numbers, most_minutes=most)

    def weeks(self, session: Session, patient: Patient, plan: ActivityPlan) -> list[Week]:
        """The weeks of this plan that were looked back on, oldest first; a decision taken back counts no more."""
        return [
            Week(
                planned=row.planned, done=row.done, reason=row.reason, pain_rise=row.pain_rise,
                choice="" if row.undone_at else row.choice,
            )
            for row in programme.reviews(session, patient.id)
            if row.plan_id == plan.id
        ]  # fmt: skip

    # Days of a week

    def planned_days(self, session: Session, plan: ActivityPlan, first: date, last: date) -> list[date]:
        """The days in this week on which a session was planned."""
        goal = session.get(ActivityGoal, plan.goal_id) if plan.goal_id else None
        names = goal.days.split(", ") if goal else []
        days = [first + place * schedule.DAY for place in range((last - first).days + 1)]
        return [on for on in days if on >= plan.from_on and f"{on:%A}" in names]

    def sessions_told(self, session: Session, plan: ActivityPlan, first: date, last: date) -> int:
        """Days with (nearly) the whole amount written down."""
        least = (plan.minutes or 0) * self.number("session_counts_from")
        by_day = activity.planned_by_day(session, plan.patient_id, max(first, plan.from_on), last)
        return sum(minutes >= max(1, least) for minutes in by_day.values())

    def keep(
        self, session: Session, patient: Patient, kind: WordsKind, said: str, now: datetime, *, about: str = ""
    ) -> None:
        """In the patient's words, to be quoted back."""
        week = max(1, programme.week_of(patient, now))
        programme.keep_words(
            session, OwnWords(patient_id=patient.id, kind=kind, words=said, about=about, week=week, at=now)
        )

    def quotable(self, session: Session, patient: Patient, *kinds: WordsKind) -> Sequence[OwnWords]:
        """What is short enough to be read back, oldest first."""
        longest = self.number("longest_quote")
        return [each for each in programme.own_words(session, patient.id, *kinds) if 0 < len(each.words) <= longest]


def goal_choice(label: str, **brought: str) -> Choice:
    """A button that opens the goal with some of its answers."""
    return Choice(label=_capital(label), says="/set_goal", effect=brought)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _key(found: Activity | None) -> str:
    return found.key if found else ""
