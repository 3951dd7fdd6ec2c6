"""Keeping going: the last two weeks, a light question a month, and a booster after a flare. Source: clinical.md §8.9."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.coaching import schedule
from bot.coaching.answers import SKIPPED
from bot.content import Library, Words
from bot.services.plans import Plans
from bot.services.talk_topics import Topic
from data import programme
from data.patients import Patient
from data.programme import Talk, WordsKind

KEPT = {
    "kept_learnt": WordsKind.LEARNT,
    "kept_signs": WordsKind.WARNING_SIGN,
    "kept_keepers": WordsKind.KEEPER,
    "kept_setback": WordsKind.SETBACK,
}  # slot → what it is kept as
CARD = ("setback", "warning_sign", "keeper", "learnt", "noticed")  # the lines of the setback plan, in order


class Maintenance(Topic):
    """Weeks 11 and 12: what was learnt and the early signs; then the keepers and the plan for a setback."""

    kind, form = "maintenance", "maintenance_form"

    def __init__(self, library: Library, plans: Plans) -> None:
        self._library = library
        self._plans = plans

    def offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        return [self._library.say("utter_maintenance_offer", variation=self._part(talk))]

    def shown(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        return {"kept_part": "first" if self._part(talk) == 0 else "second"}

    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        for slot, kind in KEPT.items():
            if (said := talk.answers.get(slot)) not in (None, SKIPPED):
                self._plans.keep(session, patient, kind, str(said), now)
        if self._part(talk) == 0:
            return [self._library.say("utter_maintenance_more_next_week")]
        return [
            self._library.say("utter_maintenance_done"),
            *setback_plan(session, patient, self._library, self._plans),
        ]

    def _part(self, talk: Talk) -> int:
        weeks = [int(week) for week in self._library.value("programme.maintenance_weeks")]
        return 0 if talk.week < weeks[-1] else 1


class Monthly(Topic):
    """Month 4 to 12: still going, any flare, anything wanted."""

    kind, form = "monthly", "monthly_form"

    def __init__(self, library: Library, booster: "Booster") -> None:
        self._library = library
        self._booster = booster

    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        if talk.answers.get("monthly_flare") == "yes":
            self._booster.plan_after(session, patient, now)  # the limit of one prompt a day: it comes tomorrow
            return [self._library.say("utter_monthly_flare", variation=talk.week // 4)]
        return [self._library.say("utter_monthly_done", variation=talk.week // 4)]


class Booster(Topic):
    """Two weekly talks again, after a flare. Only an offer: no form."""

    kind, at_its_hour = "booster", False

    def __init__(self, library: Library) -> None:
        self._library = library
        self.plan_review: Any = None  # Talks.plan, set where all parts are made

    def offer(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        return [self._library.say("utter_booster_offer", variation=talk.week)]

    def plan_after(self, session: Session, patient: Patient, due_at: datetime) -> None:
        """Only once the weekly talks are over: before that there is one every week anyway."""
        week = programme.week_of(patient, due_at)
        if week > self._library.number("programme.weeks"):
            programme.add_talk(session, Talk(patient_id=patient.id, kind=self.kind, week=week, due_at=due_at))

    def after_flare(self, session: Session, patient: Patient, now: datetime) -> None:
        self.plan_after(session, patient, now + self._library.number("programme.booster_after") * schedule.DAY)

    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        week = programme.week_of(patient, now)
        for ahead in range(1, int(self._library.number("programme.booster_weeks")) + 1):
            self.plan_review(session, patient, "weekly_review", week + ahead, now)
        return [self._library.say("utter_booster_planned", variation=talk.week)]


def setback_plan(session: Session, patient: Patient, library: Library, plans: Plans) -> list[Words]:
    """The plan in the patient's own words; [] while there is nothing in it."""
    kept = plans.quotable(session, patient)
    lines = []
    for kind in CARD:
        newest = next((each for each in reversed(kept) if each.kind == kind), None)
        if newest:
            lines.append(library.say(f"utter_setback_{kind}", words=newest.words.rstrip(". ")))
    return lines
