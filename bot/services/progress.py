""" "My progress": the picture of the weeks, and what may be said beside it. It shows; it never judges (clinical.md §9.2).

Same-day figures are put side by side without a verdict. What the days say of activity and the next morning is told on
the declared days alone: bot/services/links.py.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from statistics import fmean
from typing import Any

from sqlmodel import Session

from bot.coaching import schedule
from bot.coaching.association import DAY, Comparison, Day, compare
from bot.content import Library, Picture, Words
from bot.pictures.weeks import Labels, Week, draw
from bot.services.link_words import decimal
from bot.services.links import Links
from data import activity, checkins, flares, goals, programme
from data.patients import Patient

A_WEEK = timedelta(days=7)
MOST_WEEKS = 53


class Progress:
    """In the caller's transaction."""

    def __init__(self, library: Library, links: Links) -> None:
        self._library = library
        self._links = links

    def show(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The picture once there are days enough, before that what there is; then what comes next."""
        today = schedule.local_day(now, patient.time_zone)
        days = self._days(session, patient, today)
        paired = [day for day in days if day.minutes is not None and day.pain is not None]
        if len(paired) < self._number("chart_from"):
            words = [self._few(days, len(paired))]
        else:
            words = [self._chart(session, patient, days, today), *self._compared(session, patient, days)]
        if pending := self._links.pending(session, patient, now):
            return [*words, *pending]
        return [*words, *self._what_comes(session, patient, today, now, drawn=len(words) > 1 or bool(words[0].picture))]

    # The days

    def _days(self, session: Session, patient: Patient, today: date) -> list[Day]:
        """From the first week of which anything was told, at most a year back."""
        first = today - MOST_WEEKS * A_WEEK
        minutes = activity.minutes_by_day(session, patient.id, first, today)
        pain = programme.pain_by_day(session, patient.id, first, today)
        out = checkins.flagged_days(session, patient.id, first, today)
        told = [*minutes, *pain]
        if not told:
            return []
        monday = _monday(max(min(told), today - (MOST_WEEKS - 1) * A_WEEK))
        every = [monday + n * DAY for n in range((today - monday).days + 1)]
        return [Day(on, minutes.get(on), pain.get(on), left_out=on in out) for on in every]

    def _weeks(self, session: Session, patient: Patient, days: list[Day], today: date) -> list[Week]:
        flare_days = self._flare_days(session, patient, today)
        weeks = []
        for monday in sorted({_monday(day.on) for day in days}):
            told = [day for day in days if _monday(day.on) == monday]
            minutes = [day.minutes for day in told if day.minutes is not None]
            pain = [day.pain for day in told if day.pain is not None]
            weeks.append(
                Week(
                    begins=monday,
                    minutes=sum(minutes) if minutes else None,
                    pain=fmean(pain) if pain else None,
                    goal=self._goal(session, patient, monday + A_WEEK),
                    flare=any(day.on in flare_days for day in told),
                )
            )
        return weeks

    def _flare_days(self, session: Session, patient: Patient, today: date) -> set[date]:
        """Of one that has no end yet, the days up to the last one that anything was said of."""
        found: set[date] = set()
        for flare in flares.flares(session, patient.id):
            last = min(flare.ended_on or flare.said_on or flare.started_on, today)
            found |= {flare.started_on + n * DAY for n in range((last - flare.started_on).days + 1)}
        return found

    def _goal(self, session: Session, patient: Patient, until: date) -> int | None:
        """Minutes a week that stood at the end of that week; None before there was a goal."""
        standing = [
            goal
            for goal in goals.history(session, patient.id)
            if schedule.local_day(goal.created_at, patient.time_zone) < until
            and (goal.ended_at is None or schedule.local_day(goal.ended_at, patient.time_zone) >= until)
        ]
        if not standing:
            return None
        plan = programme.plan_of(session, patient.id)
        if plan and plan.minutes and plan.sessions and plan.goal_id == standing[-1].id:
            weekly = [
                review.minutes_after
                for review in programme.reviews(session, patient.id)
                if review.minutes_after and schedule.local_day(review.at, patient.time_zone) < until
            ]
            return (weekly[-1] if weekly else plan.minutes) * plan.sessions
        return standing[-1].minutes * len(standing[-1].days.split(","))

    # The words

    def _few(self, days: list[Day], paired: int) -> Words:
        if not days:
            return self._library.say("utter_progress_none")
        told = [day.minutes for day in days if day.minutes]
        return self._library.say(
            "utter_progress_few",
            paired=paired, chart_from=int(self._number("chart_from")), active_days=len(told), minutes=sum(told),
        )  # fmt: skip

    def _chart(self, session: Session, patient: Patient, days: list[Day], today: date) -> Words:
        weeks = self._weeks(session, patient, days, today)
        words = self._library.say("utter_progress_ask", variation=today.toordinal())
        return replace(words, picture=self._picture(weeks, today))

    def _picture(self, weeks: list[Week], today: date) -> Picture:
        goal = weeks[-1].goal
        span = f"{_said(weeks[0].begins)} – {_said(today)}"
        labels = Labels(
            title=self._text("utter_picture_title"),
            span=span,
            minutes=self._text("utter_picture_minutes"),
            pain=self._text("utter_picture_pain"),
            goal=self._text("utter_picture_goal", goal_minutes=_last_goal(weeks)),
            flare=self._text("utter_picture_flare"),
            no_entry=self._text("utter_picture_no_entry"),
        )
        described = [self._described(weeks, today)]
        if goal is not None:
            described.append(self._text("utter_progress_described_goal", goal_minutes=goal))
        if flare_weeks := sum(week.flare for week in weeks):
            described.append(self._text("utter_progress_described_flares", flare_weeks=flare_weeks))
        return draw(weeks, labels, description=" ".join(described))

    def _described(self, weeks: list[Week], today: date) -> str:
        minutes = [week.minutes for week in weeks if week.minutes is not None]
        pain = [week.pain for week in weeks if week.pain is not None]
        shown: dict[str, Any] = {
            "weeks": len(weeks), "from_day": _said(weeks[0].begins), "to_day": _said(today),
            "least": min(minutes), "most": max(minutes), "last_minutes": minutes[-1],
            "low": decimal(min(pain)), "high": decimal(max(pain)), "last_pain": decimal(pain[-1]),
        }  # fmt: skip
        return self._text("utter_progress_described", **shown)

    def _compared(self, session: Session, patient: Patient, days: list[Day]) -> list[Words]:
        found = compare(
            days,
            least=int(self._number("compare_from")),
            group=int(self._number("compare_group")),
            complete=self._number("compare_complete"),
        )
        if found is None:
            return []
        words = self._library.say(
            "utter_progress_compared",
            active=found.active, quiet=found.quiet,
            mean_active=decimal(found.mean_active), mean_quiet=decimal(found.mean_quiet),
        )  # fmt: skip
        return [words, *self._sure(session, patient, days, found)]

    def _sure(self, session: Session, patient: Patient, days: list[Day], found: Comparison) -> list[Words]:
        """Function beside pain: how sure the patient was, in plain counts."""
        told = checkins.confidence_by_day(session, patient.id, days[0].on, days[-1].on)
        active = [score for on, score in told.items() if on in found.active_days]
        quiet = [score for on, score in told.items() if on in found.quiet_days]
        if not active or not quiet:
            return []
        sure = self._number("sure_from")
        return [
            self._library.say(
                "utter_progress_sure",
                sure_active=sum(score >= sure for score in active), told_active=len(active),
                sure_quiet=sum(score >= sure for score in quiet), told_quiet=len(quiet),
            )
        ]  # fmt: skip

    def _what_comes(
        self, session: Session, patient: Patient, today: date, now: datetime, *, drawn: bool
    ) -> list[Words]:
        number, following = self._links.day_number(session, patient, now), self._links.next_look(session, patient)
        if patient.morning_at is None:
            return [self._library.say("utter_progress_mornings_offered")] if drawn else []
        if number and following and number <= following:
            return [self._library.say("utter_progress_look_coming", next_day=following, day=number)]
        return []

    def _text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text

    def _number(self, name: str) -> float:
        return self._library.number(f"association.{name}")


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _said(day: date) -> str:
    return f"{day.day} {day:%B}"


def _last_goal(weeks: list[Week]) -> int | None:
    return next((week.goal for week in reversed(weeks) if week.goal is not None), None)
