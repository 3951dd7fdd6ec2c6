"""The weekly talk: how it went, how the back got in the way, what stood in between, what to do next week.

Feedback goes by two things together, what was done and how the person is doing; the answer to what got in the way goes
by its reason, not by the result. The rule suggests and the patient decides. Source: clinical.md §1.1, §8.3, §8.4.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from bot.coaching import graded_activity, praise, schedule
from bot.coaching.answers import SKIPPED
from bot.coaching.graded_activity import Choice as Decision
from bot.coaching.graded_activity import Hindrance, Suggestion, Week
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from bot.services.escalation import Escalation
from bot.services.modules import Modules
from bot.services.plans import Plans
from bot.services.talk_topics import Topic
from data import activity, at_risk, programme
from data.patients import Patient
from data.programme import ActivityPlan, PlanState, Talk, WeekReview, WordsKind

NOTHING = "nothing"  # no reason: nothing got in the way


class WeeklyReview(Topic):
    kind, form = "weekly_review", "weekly_review_form"

    def __init__(self, library: Library, plans: Plans, escalation: Escalation, modules: Modules) -> None:
        self._library = library
        self._plans = plans
        self._escalation = escalation
        self._modules = modules

    # How it opens

    def fits(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> bool:
        """A plan that began yesterday has no week to look back on."""
        plan = programme.plan_of(session, patient.id)
        return plan is None or plan.state == PlanState.BASELINE or bool(self._planned(session, patient, plan, talk))

    def offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        plan = programme.plan_of(session, patient.id)
        if plan is None:
            return [self._say("utter_weekly_no_goal", talk)]
        if plan.state == PlanState.BASELINE:
            return self._plans.baseline_found(session, patient, plan, now)
        paused = "_paused" if plan.state == PlanState.PAUSED else ""
        return [self._say(f"utter_weekly_review_offer{paused}", talk, activity=plan.activity)]

    def ends_with_offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> bool:
        plan = programme.plan_of(session, patient.id)
        return plan is None or plan.state == PlanState.BASELINE

    def shown(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        plan = programme.plan_of(session, patient.id)
        if plan is None or plan.minutes is None:
            return dict.fromkeys(("review_planned", "review_told", "review_same", "review_up", "review_down"), 0)
        first, last = _days(patient, talk)
        return {
            "review_running": "yes" if plan.state == PlanState.ACTIVE else "no",
            "review_planned": len(self._planned(session, patient, plan, talk)),
            "review_told": self._plans.sessions_told(session, plan, first, last),
            "review_same": plan.minutes,
            "review_up": self._after(session, patient, talk, plan, Decision.UP),
            "review_down": self._after(session, patient, talk, plan, Decision.DOWN),
        }

    # The questions as they are put

    def put(
        self, session: Session, patient: Patient, talk: Talk, slot: str, question: Words, now: datetime
    ) -> Sequence[Words]:
        plan = programme.plan_of(session, patient.id)
        if plan is None or plan.minutes is None:
            return [question]
        if slot == "review_done":
            planned = len(self._planned(session, patient, plan, talk))
            return [*self._quoted_plan(session, patient, talk), _only(question, lambda says: _up_to(says, planned))]
        if slot == "review_choice":
            suggestion = self._suggestion(session, patient, talk, plan, now)
            allowed = self._allowed(session, patient, talk, plan, now)
            buttons = _only(question, lambda says: says in allowed)
            first = [choice for choice in buttons.choices if choice.says == suggestion.choice]
            rest = [choice for choice in buttons.choices if choice.says != suggestion.choice]
            return [
                self._feedback(session, patient, talk, plan),
                self._say(f"utter_review_suggest_{suggestion.why}", talk, **self.shown(session, patient, talk, now)),
                Words(buttons.response, buttons.text, (*first, *rest)),
            ]
        return [question]

    def check(self, session: Session, patient: Patient, talk: Talk, slot: str, value: object, now: datetime) -> None:
        """The patient decides; a step up is taken only where one may be taken."""
        plan = programme.plan_of(session, patient.id)
        asks_more = slot == "review_choice" and value == Decision.UP
        hindrance = self._no_step(session, patient, talk, plan, now) if asks_more and plan else None
        if hindrance:
            raise EffectRefused(f"utter_review_no_step_{hindrance}")

    def _quoted_plan(self, session: Session, patient: Patient, talk: Talk) -> list[Words]:
        """What they planned for what may get in the way, in their words."""
        plans = self._plans.quotable(session, patient, WordsKind.COPING)
        if not plans or len(plans[-1].about) > self._plans.number("longest_quote"):
            return []
        said = {"about": plans[-1].about.rstrip(". "), "words": plans[-1].words.rstrip(". ")}
        return [self._say("utter_review_quote_plan", talk, **said)]

    def _feedback(self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan) -> Words:
        """Achievement × function: nine texts would be too many, so function counts as low or not low."""
        share, numbers = self._week(session, patient, talk, plan).share, self._plans.numbers
        if share is None:
            return self._say("utter_review_feedback_unknown", talk)
        done = "all" if share >= numbers.progress_from else "some" if share >= numbers.hold_from else "few"
        function = "low" if self._is_low(talk) else "fair"
        return self._say(f"utter_review_feedback_{done}_{function}", talk)

    # What is known of the week

    def _planned(self, session: Session, patient: Patient, plan: ActivityPlan, talk: Talk) -> list[date]:
        return self._plans.planned_days(session, plan, *_days(patient, talk))

    def _week(self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan) -> Week:
        return Week(
            planned=len(self._planned(session, patient, plan, talk)) if plan.state == PlanState.ACTIVE else None,
            done=_number(talk.answers.get("review_done")),
            reason=_reason(talk),
            pain_rise=self._pain_rise(session, patient, talk),
        )

    def _pain_rise(self, session: Session, patient: Patient, talk: Talk) -> bool:
        first, last = _days(patient, talk)
        days = int(self._plans.number("usual_pain_days"))
        pain = programme.pain_by_day(session, patient.id, first - days * schedule.DAY, last)
        return graded_activity.lasting_pain_rise(pain, first, last, self._plans.numbers, usual_days=days)

    def _suggestion(
        self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, now: datetime
    ) -> Suggestion:
        hindrance = self._no_step(session, patient, talk, plan, now)
        weeks = [*self._plans.weeks(session, patient, plan), self._week(session, patient, talk, plan)]
        shortest = plan.minutes == graded_activity.SHORTEST
        return graded_activity.suggest(weeks, self._plans.numbers, hindrance=hindrance, shortest=shortest)

    def _allowed(self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, now: datetime) -> list[str]:
        allowed = [Decision.SAME, Decision.CHANGE, Decision.PAUSE]
        if (plan.minutes or 0) > 1:
            allowed.append(Decision.DOWN)
        if self._no_step(session, patient, talk, plan, now) is None:
            allowed.append(Decision.UP)
        return [str(each) for each in allowed]

    def _no_step(
        self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, now: datetime
    ) -> Hindrance | None:
        """Why a step up is not taken now, and so not offered either."""
        low = Hindrance.LOW_FUNCTION if self._is_low(talk) else None
        return self._plans.hindrance(session, patient, plan, now) or low

    def _is_low(self, talk: Talk) -> bool:
        function = _number(talk.answers.get("review_function"))
        return function is not None and function >= self._plans.number("low_function_from")

    def _after(self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, decision: Decision) -> int:
        pain_rise = decision == Decision.DOWN and self._pain_rise(session, patient, talk)
        most = self._plans.ceiling(plan)
        return graded_activity.after(decision, plan.minutes or 1, self._plans.numbers, most=most, pain_rise=pain_rise)

    # How it ends

    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        plan = programme.plan_of(session, patient.id)
        if plan is None or plan.minutes is None:
            return []
        row = self._written(session, patient, talk, plan, now)
        self._keep_words(session, patient, talk, row, now)
        decided = self._decide(session, patient, talk, plan, row, now)
        words = [*decided, *self._praise(session, patient, talk, plan, row)]
        return self._with_module(session, patient, row, words, now)

    def _with_module(
        self, session: Session, patient: Patient, row: WeekReview, words: list[Words], now: datetime
    ) -> list[Words]:
        """One module is offered, unless the patient has something else to choose now; Undo stays beside it."""
        if row.choice in ("", Decision.CHANGE) or row.reason == graded_activity.Reason.UNABLE:
            return words
        offered = self._modules.offer_next(session, patient, now, reasons=[row.reason] if row.reason else [])
        if offered is None:
            return words
        choices = (*offered.choices, *words[0].choices)
        return [*words, Words(offered.response, offered.text, choices, offered.custom)]

    def _written(self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, now: datetime) -> WeekReview:
        week = self._week(session, patient, talk, plan)
        suggested = self._suggestion(session, patient, talk, plan, now).choice
        row = programme.review_of(session, patient.id, talk.week - 1) or WeekReview(
            patient_id=patient.id, week=talk.week - 1, at=now
        )
        row.plan_id, row.planned, row.done, row.reason = plan.id, week.planned, week.done, week.reason
        row.function, row.pain_rise = _number(talk.answers.get("review_function")), week.pain_rise
        row.suggested, row.at, row.undone_at, row.minutes_before = suggested, now, None, plan.minutes
        session.add(row)
        at_risk.look_now(session, patient.id, "weeks", now)
        session.flush()
        return row

    def _decide(
        self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, row: WeekReview, now: datetime
    ) -> list[Words]:
        said = talk.answers.get("review_choice")
        row.choice = str(said) if said in list(Decision) else ""
        if row.choice in (Decision.UP, Decision.DOWN):
            plan.minutes = self._after(session, patient, talk, plan, Decision(row.choice))
        if row.choice:
            plan.state = PlanState.PAUSED if row.choice == Decision.PAUSE else PlanState.ACTIVE
        row.minutes_after = plan.minutes
        session.flush()
        shown = {"activity": plan.activity, "minutes": plan.minutes}
        words = [self._say(f"utter_review_decided_{row.choice or 'none'}", talk, **shown)]
        if row.reason == graded_activity.Reason.UNABLE:
            words += self._cannot(session, patient, plan, now)
        return words

    def _cannot(self, session: Session, patient: Patient, plan: ActivityPlan, now: datetime) -> list[Words]:
        """Noted as a limit of the body; a second different activity goes to a human."""
        programme.note_limit(session, patient.id, "activity", now, activity=plan.activity)
        named = {each.activity for each in programme.limits_of(session, patient.id) if each.kind == "activity"}
        if len(named) < self._plans.number("two_cannot_do"):
            return []
        at_risk.look_now(session, patient.id, "limits", now)  # AR08: what fits decides how urgent it is
        return [
            self._library.say(
                "utter_physio_will_look", physio_when=self._escalation.when_seen(session, patient, "P2", now)
            )
        ]

    def _keep_words(self, session: Session, patient: Patient, talk: Talk, row: WeekReview, now: datetime) -> None:
        if (said := _said(talk, "review_coping")) and row.reason:
            about = self._library.say(f"utter_reason_{row.reason}").text
            self._plans.keep(session, patient, WordsKind.COPING, said, now, about=about)
        if said := _said(talk, "review_noticed"):
            self._plans.keep(session, patient, WordsKind.NOTICED, said, now)

    def _praise(
        self, session: Session, patient: Patient, talk: Talk, plan: ActivityPlan, row: WeekReview
    ) -> list[Words]:
        first, last = _days(patient, talk)
        week = programme.A_WEEK * schedule.DAY
        rows = [each for each in programme.reviews(session, patient.id) if each.plan_id == plan.id]
        found = praise.one_fact(
            praise.WeekFacts(
                minutes=activity.minutes_by_day(session, patient.id, first, last),
                minutes_before=activity.minutes_by_day(session, patient.id, first - week, last - week),
                pain=programme.pain_by_day(session, patient.id, first, last),
                planned=row.planned,
                done=row.done,
                first_amount=rows[0].minutes_before,
                amount=row.minutes_before,
            ),
            turn=talk.week,
        )
        return [self._say(f"utter_praise_{found.name}", talk, **found.values)] if found else []

    def _say(self, response: str, talk: Talk, **values: object) -> Words:
        """Another wording each week."""
        return self._library.say(response, variation=talk.week, **values)


def _days(patient: Patient, talk: Talk) -> tuple[date, date]:
    """The first and the last day of the week that is looked back on."""
    first = programme.first_day(patient, talk.week - 1)
    return first, first + (programme.A_WEEK - 1) * schedule.DAY


def _only(words: Words, keep: Any) -> Words:
    choices: tuple[Choice, ...] = tuple(choice for choice in words.choices if keep(choice.says))
    return Words(words.response, words.text, choices, words.custom)


def _up_to(says: str, most: int) -> bool:
    return not says.isdecimal() or int(says) <= most


def _number(said: object) -> int | None:
    return said if isinstance(said, int) else None


def _said(talk: Talk, slot: str) -> str:
    said = talk.answers.get(slot)
    return "" if said in (None, SKIPPED) else str(said)


def _reason(talk: Talk) -> str:
    said = _said(talk, "review_reason")
    return "" if said == NOTHING else said
