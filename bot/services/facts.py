"""What modules and flare cards may show of a patient, in words of dialogues/modules.yml; and the lines of their summary."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlmodel import Session

from bot.coaching import flare, schedule
from bot.content import Library
from data import activity, flares, goals, modules, programme, thoughts
from data.patients import Patient
from data.programme import WordsKind


class Facts:
    """Methods read in the caller's transaction. What is not known is missing, and never zero."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def week(self, patient: Patient, now: datetime) -> int:
        return programme.week_of(patient, now)

    def known(self, session: Session, patient: Patient) -> dict[str, Any]:
        """By placeholder; an empty one leaves out the line it stands in."""
        minutes = self.plan_minutes(session, patient)
        noticed = self.noticed(session, patient)
        helped = next((each.helped for each in reversed(flares.flares(session, patient.id)) if each.helped), "")
        thought = next(iter(thoughts.of_patient(session, patient.id)), None)
        found = {
            "plan_minutes": minutes or "",
            "half_minutes": flare.minutes(minutes, self._share(0)) if minutes else "",
            "most_minutes": flare.minutes(minutes, self._share(1)) if minutes else "",
            "activity": self._activity(session, patient),
            "noticed": noticed,
            "helped_last_time": helped,
            "fair_thought": thought.fairer_thought if thought else "",
        }
        return {**found, **self._library.numbers(patient.nation)}

    def plan_minutes(self, session: Session, patient: Patient) -> int | None:
        """The plan's minutes of one session; before there is a plan, those of the goal."""
        plan = programme.plan_of(session, patient.id)
        if plan and plan.minutes:
            return plan.minutes
        goal = goals.active(session, patient.id)
        return goal.minutes if goal else None

    def noticed(self, session: Session, patient: Patient) -> str:
        """What they said last that they noticed about their activity and their back, in their words."""
        said = programme.own_words(session, patient.id, WordsKind.NOTICED)
        return said[-1].words if said else ""

    def lines(
        self, session: Session, patient: Patient, source: str, answers: Mapping[str, str], now: datetime
    ) -> list[str]:
        """The first draft of a text that the patient then makes their own."""
        if source != "health_summary":
            raise ValueError(f"there is no draft {source}")
        days = int(self._library.number("modules.summary_days"))
        last = schedule.local_day(now, patient.time_zone)
        first = last - timedelta(days=days - 1)
        found = [
            *self._plan_line(session, patient),
            *self._activity_line(session, patient, first, last, days),
            *self._pain_line(session, patient, first, last, days),
            *self._flare_line(session, patient),
            *(self._line(f"utter_summary_{name}", **{name: words}) for name, words in answers.items()
              if self._library.has(f"utter_summary_{name}")),
        ]  # fmt: skip
        noticed = self.noticed(session, patient)
        return [*found, *([self._line("utter_summary_noticed", noticed=noticed)] if noticed else [])]

    def _plan_line(self, session: Session, patient: Patient) -> list[str]:
        minutes, what = self.plan_minutes(session, patient), self._activity(session, patient)
        return [self._line("utter_summary_plan", activity=what, minutes=minutes)] if minutes and what else []

    def _activity_line(self, session: Session, patient: Patient, first: date, last: date, days: int) -> list[str]:
        by_day = activity.minutes_by_day(session, patient.id, first, last)
        if not by_day:
            return []
        mean = round(sum(by_day.values()) / len(by_day))
        active = sum(minutes > 0 for minutes in by_day.values())
        return [self._line("utter_summary_activity", days=days, noted=len(by_day), active=active, minutes=mean)]

    def _pain_line(self, session: Session, patient: Patient, first: date, last: date, days: int) -> list[str]:
        scores = list(programme.pain_by_day(session, patient.id, first, last).values())
        if not scores:
            return []
        values = {"usual": f"{median(scores):g}", "low": min(scores), "high": max(scores)}
        return [self._line("utter_summary_pain", days=days, count=len(scores), **values)]

    def _flare_line(self, session: Session, patient: Patient) -> list[str]:
        rows = flares.flares(session, patient.id)
        if not rows:
            return []
        name = "utter_summary_flares" if len(rows) > 1 else "utter_summary_flare"
        return [self._line(name, count=len(rows), day=f"{rows[-1].started_on:%-d %B}")]

    def _activity(self, session: Session, patient: Patient) -> str:
        plan, goal = programme.plan_of(session, patient.id), goals.active(session, patient.id)
        return (plan.activity if plan else "") or (goal.activity if goal else "")

    def back_on(self, session: Session, patient: Patient) -> int | None:
        """The day of a flare on which the patient wants to be back at the plan: from their flare plan."""
        chosen = [
            str(run.answers.get("back_day"))
            for run in modules.runs(session, patient.id)
            if str(run.answers.get("back_day")).isdecimal()
        ]
        return int(chosen[-1]) if chosen else None

    def _share(self, number: int) -> float:
        return self._library.number(("flare.half", "flare.most")[number])

    def _line(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text
