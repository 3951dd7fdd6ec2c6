"""The programme as the other parts see it: what a turn may ask of it, and what is quoted back to a patient."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services.diary import Diary
from bot.services.escalation import Escalation
from bot.services.looking_back import Booster, setback_plan
from bot.services.plans import Plans
from bot.services.talks import Talks
from data import activity, at_risk, programme
from data.goals import ActivityGoal
from data.patients import Patient, PatientState
from data.programme import PlanState, WordsKind


class Programme:
    """Methods run in the caller's transaction. `plans`, `talks` and `diary` are its parts."""

    def __init__(
        self, library: Library, plans: Plans, talks: Talks, diary: Diary, booster: Booster, escalation: Escalation
    ) -> None:
        self._library = library
        self.plans = plans
        self.talks = talks
        self.diary = diary
        self._booster = booster
        self._escalation = escalation

    def joined(self, session: Session, patient: Patient, now: datetime) -> None:
        """The talks of the year are planned; the health questions stand for limits of the body."""
        self.talks.plan_all(session, patient, now)

    # The goal

    def start_goal(self, session: Session, patient: Patient, goal: ActivityGoal, now: datetime) -> list[Words]:
        """The plan behind a goal that was just set; what is worth knowing about this kind of activity."""
        plan = self.plans.start(session, patient, goal, now)
        found = self.plans.catalogue.activities.get(plan.key)
        note = f"utter_activity_note_{found.groups[0]}" if found and found.groups else ""
        return [self._library.say(note)] if self._library.has(note) else []

    def end_goal(self, session: Session, patient: Patient, now: datetime) -> None:
        programme.end_plan(session, patient.id, now)

    def amount(self, session: Session, patient: Patient) -> int | None:
        """Minutes of a session now, which may have grown since the goal was set."""
        plan = programme.plan_of(session, patient.id)
        return plan.minutes if plan else None

    def start_baseline(self, session: Session, patient: Patient, said: str, now: datetime) -> None:
        self.plans.start_baseline(session, patient, said, now)

    # What the body can't do

    def note_limit(
        self, session: Session, patient: Patient, kind: str, *, message_id: int | None, now: datetime
    ) -> list[Words]:
        """Noted, and what other people with it do. Behind a gate a physio is asked to look at once."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        programme.note_limit(session, patient.id, kind, now)
        at_risk.look_now(session, patient.id, "limits", now)
        if self.plans.catalogue.limits[kind].gate and not patient.needs_activity_review:
            patient.needs_activity_review = True
            self._escalation.raise_declared(session, patient, "activity_review", message_id=message_id, now=now)
        offered = self._library.say("utter_limits_which")
        choices = (*self.plans.made_for(session, patient, kind, now), *offered.choices)
        return [Words(offered.response, offered.text, choices)]

    def none_fits(self, session: Session, patient: Patient, *, message_id: int | None, now: datetime) -> None:
        """To a human, P1: the coach can't examine anybody, and nothing that it knows fits."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        self._escalation.raise_declared(session, patient, "cannot_do", message_id=message_id, now=now)

    def ideas(self, session: Session, patient: Patient, words: Words, now: datetime) -> Words:
        """The question what to do more of, with buttons for what fits this body."""
        return Words(words.response, words.text, self.plans.choices(session, patient, now), words.custom)

    # Undo

    def undo(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """Takes back what was written down or decided last. Raises EffectRefused when there is nothing."""
        told = activity.last_told(session, patient.id)
        week = next((row for row in programme.reviews(session, patient.id)[-1:] if _can_be_undone(row)), None)
        if week and (not told or week.at > max(entry.told_at for entry in told)):
            return [self._undo_week(session, patient, week, now)]
        if told:
            return self.diary.take_back(session, told, now)
        raise EffectRefused("utter_refused_nothing_to_undo")

    def _undo_week(self, session: Session, patient: Patient, row: programme.WeekReview, now: datetime) -> Words:
        plan = programme.plan_of(session, patient.id)
        row.undone_at = now
        if plan and plan.id == row.plan_id:
            plan.minutes, plan.state = row.minutes_before, PlanState.ACTIVE
        session.flush()
        minutes: Any = row.minutes_before
        return self._library.say("utter_review_undone", minutes=minutes)

    # What is quoted back

    def in_a_flare(self, session: Session, patient: Patient) -> list[Words]:
        """What the patient once noticed about their own activity and back, and their own plan, in their words."""
        noticed = self.plans.quotable(session, patient, WordsKind.NOTICED)
        setback = self.plans.quotable(session, patient, WordsKind.SETBACK)
        words = []
        if noticed:
            words.append(self._library.say("utter_quote_noticed", words=noticed[-1].words.rstrip(". ")))
        if setback:
            words.append(self._library.say("utter_quote_setback", words=setback[-1].words.rstrip(". ")))
        return words

    def flare_started(self, session: Session, patient: Patient, now: datetime) -> None:
        """A booster is offered when it has settled."""
        self._booster.after_flare(session, patient, now)

    def setback_plan(self, session: Session, patient: Patient) -> list[Words]:
        words = setback_plan(session, patient, self._library, self.plans)
        if not words:
            raise EffectRefused("utter_refused_no_setback_plan")
        return words


def _can_be_undone(row: programme.WeekReview) -> bool:
    return row.undone_at is None and bool(row.choice)
