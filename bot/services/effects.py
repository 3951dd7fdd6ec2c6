"""Applies what a turn asked for. One place changes state; a refusal says why, by response name."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.rasa import effects
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.escalation import Escalation
from bot.services.experiments import Experiments
from bot.services.explorations import Explorations
from bot.services.links import Links
from bot.services.my_cards import MyCards
from bot.services.privacy import Privacy
from bot.services.programme import Programme
from bot.services.progress import Progress
from bot.services.safety import Safety
from bot.services.skills import Skills
from data import at_risk, goals, messages
from data.goals import ActivityGoal, GoalState
from data.patients import Patient, PatientState

# What a turn brings news of, for the at-risk rules that rest on it: bot/coaching/at_risk_triggers.py.
NEWS: Mapping[type, tuple[str, ...]] = {
    effects.RecordCheckIn: ("pain", "words", "taps"),
    effects.RecordExploration: ("beliefs",),
    effects.DropGoal: ("goals",),
}


class Effects:
    def __init__(
        self,
        library: Library,
        enrolment: Enrolment,
        check_ins: CheckIns,
        escalation: Escalation,
        safety: Safety,
        privacy: Privacy,
        explorations: Explorations,
        experiments: Experiments,
        cards: MyCards,
        skills: Skills,
        programme: Programme,
        links: Links,
        progress: Progress,
    ) -> None:
        self._library = library
        self._enrolment = enrolment
        self._check_ins = check_ins
        self._escalation = escalation
        self._safety = safety
        self._privacy = privacy
        self._explorations = explorations
        self._experiments = experiments
        self._cards = cards
        self._skills = skills
        self._programme = programme
        self._links = links
        self._progress = progress

    def apply(
        self, session: Session, patient: Patient, effect: effects.AnyEffect, *, message_id: int | None, now: datetime
    ) -> list[Words]:
        """Does it, or raises EffectRefused. Returns what else is to be said, after the words that confirm it."""
        for source in NEWS.get(type(effect), ()):
            at_risk.look_now(session, patient.id, source, now)
        match effect:
            case effects.RedeemInvitation():
                self._enrolment.redeem(session, patient, effect.code, now)
            case effects.Enrol():
                self._enrol(session, patient, effect, message_id, now)
                self._programme.joined(session, patient, now)
            case effects.DeclineConsent() | effects.Withdraw():
                self._enrolment.decline(session, patient, now)
            case effects.SetGoal():
                return self._set_goal(session, patient, effect, now)
            case effects.DropGoal():
                if not goals.end(session, patient.id, GoalState.DROPPED, now):
                    raise EffectRefused("utter_refused_no_goal")
                self._programme.end_goal(session, patient, now)
            case effects.StartBaseline():
                self._programme.start_baseline(session, patient, effect.activity, now)
            case effects.RecordAnswers():
                return self._programme.talks.record(session, patient, effect.form, effect.answers, now)
            case effects.LeaveTalk():
                self._programme.talks.leave(session, patient, now)
            case effects.StartTalk():
                return self._programme.talks.begin_now(session, patient, effect.kind, now)
            case effects.LogActivity():
                return self._log_activity(session, patient, message_id, now)
            case effects.Undo():
                return self._programme.undo(session, patient, now)
            case effects.NoteLimit():
                return self._programme.note_limit(session, patient, effect.kind, message_id=message_id, now=now)
            case effects.NoneFits():
                self._programme.none_fits(session, patient, message_id=message_id, now=now)
            case effects.ShowSetbackPlan():
                return self._programme.setback_plan(session, patient)
            case effects.RecordCheckIn():
                if self._check_ins.record(session, patient, effect.model_dump(exclude={"effect"}), now):
                    return self._experiments.after_check_in(session, patient, now)
            case effects.StartCheckIn():
                return self._check_ins.question(self._check_ins.start_now(session, patient, now))
            case effects.SkipCheckIn():
                self._check_ins.skip(session, patient, now)
            case effects.SnoozeCheckIn():
                self._check_ins.snooze(session, patient, effect.minutes, now)
            case effects.RecordExperiment():
                return self._experiments.record(session, patient, effect.model_dump(exclude={"effect"}), now)
            case effects.LeaveExperiment():
                self._experiments.leave(session, patient)
            case effects.TellExperiment():
                return self._experiments.tell(session, patient, now)
            case effects.ShowExperiments():
                return self._experiments.show(session, patient)
            case effects.SaveThoughtRecord():
                return self._cards.save(session, patient, effect.model_dump(exclude={"effect"}), now)
            case effects.ShowModules():
                return self._skills.modules.show_all(session, patient)
            case effects.RecordModule():
                key = f"module:{message_id}:{now.isoformat()}"
                return self._skills.modules.record(session, patient, effect.answer, key=key, now=now)
            case effects.BackInModule():
                return self._skills.modules.back(session, patient, now)
            case effects.LeaveModule():
                self._skills.modules.leave(session, patient, now)
            case effects.ShowExercises():
                return self._skills.show_exercises(patient)
            case effects.BeginFlare():
                return self._begin_flare(session, patient, now)
            case effects.ShowCards():
                return self._cards.show(session, patient)
            case effects.DeleteCard():
                return self._cards.delete(session, patient, effect.card, now)
            case effects.BringCardBack():
                return self._cards.bring_back(session, patient, effect.card)
            case effects.StartSafetyScreen():
                if effect.effect == "start_flare":
                    self._programme.flare_started(session, patient, now)
                return self._safety.open_set(
                    session, patient, effect.set, then=effect.then, message_id=message_id, now=now
                )
            case effects.AskForPhysio():
                self._ask_for_physio(session, patient, message_id, now)
            case effects.Pause():
                self._pause(session, patient, effect, now)
            case effects.Resume():
                self._enrolment.resume(session, patient, now)
            case effects.ChangeCheckInTime():
                self._check_ins.choose_pair(session, patient, patient.morning_at, effect.at, now)
            case effects.AskMornings():
                return self._ask_mornings(session, patient, effect, now)
            case effects.ShowProgress():
                return self._progress.show(session, patient, now)
            case effects.RecordLink():
                self._links.record(session, patient, effect.model_dump(exclude={"effect"}), now)
            case effects.ExportMyData():
                self._privacy.export(session, patient, now)
            case effects.EraseMyData():
                self._privacy.erase(session, patient, now)
            case effects.Explore():
                self._explorations.open(session, patient, now)
            case effects.ExploreNotNow():
                self._explorations.decline(session, patient, now)
            case effects.RecordExploration():
                return self._explorations.record(session, patient, effect, now)
            case effects.ExploreDisagree():
                self._explorations.disagree(session, patient, now)
            case effects.ExplorePark():
                self._explorations.park(session, patient, now)
            case _:
                assert_never(effect)
        return []

    def _ask_mornings(
        self, session: Session, patient: Patient, effect: effects.AskMornings, now: datetime
    ) -> list[Words]:
        """A pair, or one check-in a day again; then the words with the times."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        self._check_ins.choose_pair(session, patient, effect.at, effect.evening_at, now)
        if effect.at:
            self._links.declare(session, patient, effect.guess, now)
        times = {"check_in_time": patient.check_in_at, "morning_time": effect.at}
        shown: dict[str, Any] = {name: f"{at:%H:%M}" for name, at in times.items() if at}
        return [self._library.say("utter_mornings_on" if effect.at else "utter_mornings_off", **shown)]

    def _enrol(
        self, session: Session, patient: Patient, effect: effects.Enrol, message_id: int | None, now: datetime
    ) -> None:
        try:
            ZoneInfo(effect.time_zone)
        except (KeyError, ValueError) as error:
            raise EffectRefused("utter_refused_time_zone") from error
        self._enrolment.enrol(
            session,
            patient,
            nation=effect.nation,
            time_zone=effect.time_zone,
            check_in_at=effect.check_in_at,
            activity_screen=effect.activity_screen or "",
            now=now,
        )
        if patient.needs_activity_review:
            self._raise(session, patient, "activity_review", message_id, now)

    def _log_activity(self, session: Session, patient: Patient, message_id: int | None, now: datetime) -> list[Words]:
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        message = messages.get(session, message_id) if message_id else None
        return self._programme.diary.log(session, patient, message, now) if message else []

    def _set_goal(self, session: Session, patient: Patient, effect: effects.SetGoal, now: datetime) -> list[Words]:
        """The limits of dialogues/protocol/goal.yml hold whatever the dialogue did."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        if effect.minutes > effect.start_minutes:
            raise EffectRefused("utter_refused_goal_above_baseline", start_minutes=effect.start_minutes)
        if effect.minutes > self._library.number("goal.most_minutes"):
            raise EffectRefused("utter_refused_goal_too_long")
        self._programme.plans.check_goal(session, patient, effect.activity)
        goal = ActivityGoal(
            patient_id=patient.id,
            activity=effect.activity,
            place=effect.place or "",
            days=effect.days,
            at=effect.at,
            minutes=effect.minutes,
            start_minutes=effect.start_minutes,
            confidence=effect.confidence,
            importance=effect.importance,
            barrier=effect.barrier or "",
            if_then=effect.if_then or "",
            created_at=now,
        )
        return self._programme.start_goal(session, patient, goals.replace(session, goal), now)

    def _ask_for_physio(self, session: Session, patient: Patient, message_id: int | None, now: datetime) -> None:
        if patient.state == PatientState.STRANGER:
            raise EffectRefused("utter_refused_not_enrolled")
        self._raise(session, patient, "human_request", message_id, now)

    def _begin_flare(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        return [*self._programme.in_a_flare(session, patient), *self._skills.flares.begin(session, patient, now)]

    def _raise(self, session: Session, patient: Patient, rule: str, message_id: int | None, now: datetime) -> None:
        self._escalation.raise_declared(session, patient, rule, message_id=message_id, now=now)

    def _pause(self, session: Session, patient: Patient, effect: effects.Pause, now: datetime) -> None:
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        patient.state = PatientState.PAUSED
        patient.paused_until = now + timedelta(days=effect.days) if effect.days else None
        self._check_ins.cancel_open(session, patient, now)
