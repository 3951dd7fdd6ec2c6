"""Looks at the activity–pain link: opened by the tick on the declared days, never on request; the patient goes first.

What a look finds is written down when it opens, so that waiting for an answer, or asking again, never looks twice.
Taps count with Rasa down; an answer in the patient's own words comes back from Rasa's form through `record`.
"""

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, schedule
from bot.coaching.association import DAY, Day, Finding, Numbers, look
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.services.link_words import LinkWords
from bot.services.outgoing import Outgoing
from bot.services.prompts import Prompts
from data import activity, checkins, links, programme
from data.database import Database
from data.links import LinkLook, LinkQuestion, LookState
from data.patients import Patient, PatientState
from data.programme import OwnWords, WordsKind

logger = logging.getLogger(__name__)

FORM = "link_form"
SLOTS = {"impression": "link_impression", "meaning": "link_meaning"}
UNSET = "None"
BATCH = 20
BETWEEN_PLANS = timedelta(minutes=1)
STATISTICS = ("statsmodels.regression.linear_model", "statsmodels.stats.weightstats")


class Links:
    """Methods that take `session` run in the caller's transaction, with the patient of that session."""

    def __init__(
        self, database: Database, clock: Clock, library: Library, outgoing: Outgoing, prompts: Prompts
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._prompts = prompts
        self._words = LinkWords(library)
        self._planned_at: datetime | None = None

    # The days

    def declare(self, session: Session, patient: Patient, guess: str, now: datetime) -> None:
        """The patient's one question, before anything is counted. The first guess stands."""
        links.declare(session, LinkQuestion(patient_id=patient.id, guess=guess, declared_at=now))

    def days(self, session: Session, patient: Patient, first: date, last: date) -> list[Day]:
        """Each day from `first` to `last`, with what was told of it."""
        minutes = activity.minutes_by_day(session, patient.id, first, last)
        pain = checkins.morning_pain(session, patient.id, first, last)
        out = checkins.flagged_days(session, patient.id, first, last)
        count = (last - first).days + 1
        every = [first + n * DAY for n in range(count)]
        return [Day(on, minutes.get(on), pain.get(on), left_out=on in out) for on in every]

    def day_number(self, session: Session, patient: Patient, now: datetime) -> int | None:
        """1 on the first day on which pain was asked in the morning; None before it."""
        first = checkins.first_morning(session, patient.id)
        return (schedule.local_day(now, patient.time_zone) - first).days + 1 if first else None

    def next_look(self, session: Session, patient: Patient) -> int | None:
        planned = [each.day for each in links.looks_of(session, patient.id) if each.state == LookState.PLANNED]
        return min(planned, default=None)

    # The tick

    async def send_due(self) -> int:
        """Plans looks, opens those that are due, brings words back. How many rows it looked at.

        The statistics are loaded on a thread when the first look is due: it takes seconds, and nobody is to wait.
        """
        now = self._clock.now()
        with self._database.transaction() as session:
            done = self._plan_missing(session, now)
            due = links.is_due(session, now)
        if due:
            await asyncio.to_thread(_load_statistics)
            with self._database.transaction() as session:
                rows = links.claim_due(session, now, most=BATCH)
                for row in rows:
                    self._attend(session, row, now)
                done += len(rows)
        return done

    def _plan_missing(self, session: Session, now: datetime) -> int:
        """Once a minute, as it goes through all patients."""
        if self._planned_at and now - self._planned_at < BETWEEN_PLANS:
            return 0
        self._planned_at = now
        found = links.unplanned(session, most=BATCH)
        for patient in found:
            self._plan(session, patient)
        return len(found)

    def _plan(self, session: Session, patient: Patient) -> None:
        first = checkins.first_morning(session, patient.id)
        if first is None or patient.morning_at is None:
            return
        after = timedelta(minutes=self._number("look_after"))
        for number in self._library.value("association.looks"):
            due = schedule.instant_on(first + number * DAY, patient.time_zone, patient.morning_at) + after
            session.add(LinkLook(patient_id=patient.id, day=number, due_at=due))
        session.flush()

    def _attend(self, session: Session, row: LinkLook, now: datetime) -> None:
        try:
            with session.begin_nested():
                self._look_at(session, row, now)
        except Exception:
            logger.exception("link_look_failed", extra={"look": row.id})
            row.due_at = now + timedelta(hours=1)

    def _look_at(self, session: Session, row: LinkLook, now: datetime) -> None:
        patient = session.get_one(Patient, row.patient_id)
        if patient.state == PatientState.WITHDRAWN or self._is_too_late(session, patient, row, now):
            row.quote_at, row.ended_at = None, now
            if row.state == LookState.PLANNED:
                row.state = LookState.DROPPED
            return
        if wait := self._prompts.look_again(session, patient, now):
            row.due_at = wait
            return
        if row.state == LookState.PLANNED:
            self._open(session, patient, row, now)
        else:
            row.quote_at, row.quoted_at = None, now
            words = [self._library.say("utter_link_quote", link_said=row.meaning or "")]
            self._prompts.send(session, patient, words, key=f"look:{row.id}:quote", now=now)

    def _is_too_late(self, session: Session, patient: Patient, row: LinkLook, now: datetime) -> bool:
        first = checkins.first_morning(session, patient.id)
        wanted = row.quote_at or (
            schedule.instant_on(first + row.day * DAY, patient.time_zone, _NOON) if first else now
        )
        return now - wanted > timedelta(days=self._number("look_waits"))

    def _open(self, session: Session, patient: Patient, row: LinkLook, now: datetime) -> None:
        finding = self.find(session, patient, row.day)
        row.verdict = finding.verdict.value
        row.figures = {
            "mornings": finding.mornings,
            "lacks": finding.lacks,
            "pairs": finding.pairs,
            **(asdict(finding.figures) if finding.figures else {}),
            "sure": self._sure_days(session, patient, row.day),
        }
        row.state = LookState.ASKED
        self._ask(row, "impression", now)
        logger.info("link_look_opened", extra={"look": row.id, "day": row.day, "verdict": row.verdict})
        asks = self.asks_of(row)
        self._prompts.send(session, patient, self.question(row), key=f"look:{row.id}:open", now=now, asks=asks)

    def find(self, session: Session, patient: Patient, number: int) -> Finding:
        """What the days up to day `number` and the morning after it say. Only a look may ask."""
        first = checkins.first_morning(session, patient.id)
        assert first is not None  # a look is planned from it
        days = self.days(session, patient, first, first + number * DAY)
        return look(days, number, Numbers.of(self._library.protocol["association"]))

    def _sure_days(self, session: Session, patient: Patient, number: int) -> int:
        """Days on which the patient felt sure of the next one: function stands beside pain (clinical.md §9.1)."""
        first = checkins.first_morning(session, patient.id) or date.max
        told = checkins.confidence_by_day(session, patient.id, first, first + (number - 1) * DAY)
        return sum(score >= self._number("sure_from") for score in told.values())

    # What is being asked

    def open_for(self, session: Session, patient: Patient, now: datetime) -> LinkLook | None:
        """The look whose question the patient can still answer."""
        row = links.asking(session, patient.id)
        if row is None or row.asked_at is None or (patient.asks and not patient.asks.startswith(f"{FORM}.")):
            return None
        return row if now - row.asked_at <= timedelta(hours=self._number("question_open")) else None

    def asks_of(self, row: LinkLook) -> str | None:
        """What its buttons are bound to: "link.3.meaning"."""
        return f"link.{row.id}.{row.asks}" if row.asks else None

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        row = self.open_for(session, patient, now)
        return self.asks_of(row) if row else None

    def question(self, row: LinkLook) -> list[Words]:
        if row.asks == "impression":
            return [self._library.say("utter_ask_link_impression", link_day=row.day)]
        return [self._words.meaning(row)] if row.asks == "meaning" else []

    def pending(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """For "my progress": a look that was opened and not answered is asked about again, and is not made anew."""
        row = links.asking(session, patient.id)
        if row is None:
            return []
        self._ask(row, row.asks or "impression", now)
        return self.question(row)

    # The patient's side

    def answer(self, session: Session, patient: Patient, said: str, *, key: str, now: datetime) -> bool:
        """A tap, or "skip"; False for words of the patient's own: Rasa has to hear them."""
        row = self.open_for(session, patient, now)
        if row is None or not said:
            return False
        choices = [choice for words in self.question(row) for choice in words.choices]
        tapped = next(
            (each for each in choices if said.casefold() in (each.label.casefold(), each.says.casefold())), None
        )
        if tapped is None or tapped.says.startswith("/"):
            return False
        words = self._accept(session, patient, row, answers.SKIPPED if tapped.says == "skip" else tapped.label, now)
        self._outgoing.to_patient(
            session, patient, words, key=key, kind="reply", now=now, asks=self.asks_now(session, patient, now)
        )
        return True

    def _accept(self, session: Session, patient: Patient, row: LinkLook, value: str, now: datetime) -> list[Words]:
        """On to the verdict, or to the end of the talk."""
        given = None if value == answers.SKIPPED else value
        if row.asks == "impression":
            row.impression, row.told_at, row.state = given, now, LookState.TOLD
            self._ask(row, "meaning", now)
            return [*self.verdict(session, patient, row, now), *self.question(row)]
        row.meaning, row.state, row.asks, row.ended_at = given, LookState.CLOSED, None, now
        if given is None:
            return [self._library.say("utter_link_left")]
        row.quote_at = row.due_at = now + timedelta(days=self._number("quote_after"))
        week = programme.week_of(patient, now)
        kept = OwnWords(patient_id=patient.id, kind=WordsKind.NOTICED, words=given, week=week, at=now)
        programme.keep_words(session, kept)
        return [self._library.say("utter_link_noted")]

    def verdict(self, session: Session, patient: Patient, row: LinkLook, now: datetime) -> list[Words]:
        guess = links.question_of(session, patient.id)
        afraid = self._words.fears(session, patient, now)
        return self._words.verdict(
            row, guess=guess.guess if guess else "", afraid=afraid, next_day=self.next_look(session, patient)
        )

    def _ask(self, row: LinkLook, what: str, now: datetime) -> None:
        row.asks, row.asked_at = what, now

    # Rasa's side

    def rasa_form(self, row: LinkLook) -> dict[str, Any]:
        """For Turn.form: what is asked is empty there."""
        impression = None if row.asks == "impression" else row.impression or answers.SKIPPED
        slots = {"link_day": row.day, "link_impression": impression, "link_meaning": None}
        return {"name": FORM, "slots": slots, "asks": SLOTS[row.asks or "meaning"]}

    def record(self, session: Session, patient: Patient, values: Mapping[str, object], now: datetime) -> None:
        """What Rasa understood, from the question being asked on. Raises EffectRefused when nothing is being asked."""
        row = self.open_for(session, patient, now)
        if row is None:
            raise EffectRefused("utter_refused_link_closed")
        while row.asks and (given := values.get(row.asks)) not in (None, UNSET, ""):
            self._accept(session, patient, row, str(given)[:MOST_CHARS], now)

    def words(self, session: Session, patient: Patient, slot_in: str, now: datetime) -> list[Words]:
        """What Rasa's replies become: the verdict before its question, or the last word."""
        rows = [each for each in links.looks_of(session, patient.id) if each.told_at is not None]
        if not rows:
            return []
        row = rows[-1]
        if slot_in == "link_verdict":
            first_time = row.told_at == now
            return [*(self.verdict(session, patient, row, now) if first_time else []), *self.question(row)]
        return [self._library.say("utter_link_noted" if row.meaning else "utter_link_left")]

    def _number(self, name: str) -> float:
        return self._library.number(f"association.{name}")


MOST_CHARS = 500
_NOON = time(12)


def _load_statistics() -> Sequence[object]:
    return [importlib.import_module(name) for name in STATISTICS]
