"""Flare-ups: the plan of six cards, card by card; "is it easing?" on the next days; a physio when it isn't by day 7."""

import logging
from datetime import date, datetime, time
from typing import Any

from sqlmodel import Session

from bot.coaching import answers, flare, schedule
from bot.coaching.flare import CARDS, EASING, GONE, WORSE, Stages
from bot.content import Choice, Library, Words
from bot.services.escalation import Escalation
from bot.services.facts import Facts
from bot.services.prompts import Prompts
from bot.services.safety import Safety
from data import flares, modules
from data.flares import Flare, FlareEnd
from data.patients import Patient

logger = logging.getLogger(__name__)

CARD = "flare_card"  # the intent of the button that shows a card; the app answers it by itself
ASK = "utter_ask_flare_easing"


class Flares:
    """Methods run in the caller's transaction. The safety questions come before any of this."""

    def __init__(
        self, library: Library, facts: Facts, prompts: Prompts, safety: Safety, escalation: Escalation
    ) -> None:
        self._library = library
        self._facts = facts
        self._prompts = prompts
        self._safety = safety
        self._escalation = escalation

    # The plan

    def begin(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """The patient says "flare", and the safety questions were clear: its row, and the first card."""
        today = schedule.local_day(now, patient.time_zone)
        if flares.open_flare(session, patient.id) is None:
            row = Flare(patient_id=patient.id, started_at=now, started_on=today)
            row.ask_at = self._next_ask(patient, row, today)
            flares.add(session, row)
            logger.info("flare_begun", extra={"flare": row.id})
        return self.card(session, patient, 1, now)

    def card(self, session: Session, patient: Patient, number: int, now: datetime) -> list[Words]:
        """The patient's own card where there is one, else what holds for most people; and the button to the next."""
        number = min(max(number, 1), CARDS)
        known = self._known(session, patient, now)
        own = {each.place: each.words for each in modules.keepsakes(session, patient.id)}
        name = f"utter_flare_card_{number}"
        words = self._library.say(name, **known)
        lines = [words.text]
        if mine := own.get(f"flare_{number}"):
            lines.append(self._library.say("utter_flare_card_own", words=mine).text)
        elif self._library.has(f"{name}_any"):
            lines.append(self._library.say(f"{name}_any", **known).text)
        lines += [
            self._library.say(f"{name}_{fact}", **known).text
            for fact in ("plan_minutes", "back_day", "fair_thought", "helped_last_time", "noticed")
            if self._library.has(f"{name}_{fact}") and known.get(fact)
        ]
        return [Words(words.response, "\n\n".join(lines), (*self._next(number), *words.choices))]

    def share_on(self, session: Session, patient: Patient, on: date) -> float | None:
        """How much of the plan's minutes on that day: 1.0 without a flare, None in its first day (no quota at all)."""
        row = flares.open_flare(session, patient.id)
        if row is None or on < row.started_on:
            return 1.0
        return flare.share(flare.day_of(row.started_on, on), self.stages, back_on=self._facts.back_on(session, patient))

    # "Is it easing?"

    def ask_if_due(self, session: Session, patient: Patient, row: Flare, now: datetime) -> None:
        """The tick: a light question a day, up to day 7; then its end, or a physio."""
        today = schedule.local_day(now, patient.time_zone)
        day = flare.day_of(row.started_on, today)
        if flare.over(day, row.said, self.stages):
            self._close(session, patient, row, day, now)
            return
        if (again := self._prompts.look_again(session, patient, now)) is not None:
            row.ask_at = again
            return
        row.asked_on, row.ask_at = today, self._next_ask(patient, row, today)
        words = self._library.say(ASK, variation=day, day=day)
        self._prompts.send(
            session, patient, [words], key=f"flare:{row.id}:{today}", now=now, asks=f"flare.{row.id}.{today}"
        )

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What its buttons are bound to, on the day they were sent: "flare.3.2026-12-02"."""
        row = flares.open_flare(session, patient.id)
        today = schedule.local_day(now, patient.time_zone)
        return f"flare.{row.id}.{today}" if row and row.asked_on == today and row.said_on != today else None

    def answer(
        self, session: Session, patient: Patient, said: str, *, message_id: int | None, now: datetime
    ) -> list[Words]:
        """A tap, or the words of a button; [] when it is no answer to this."""
        row = flares.open_flare(session, patient.id)
        options = {choice.says: [choice.label] for choice in self._library.say(ASK).choices}
        value = next((code for code, words in options.items() if answers.is_one_of([code, *words], said)), None)
        if row is None or value is None:
            return []
        today = schedule.local_day(now, patient.time_zone)
        row.said, row.said_on = value, today
        logger.info("flare_answered", extra={"flare": row.id, "said": value})
        day = flare.day_of(row.started_on, today)
        words = [self._library.say(f"utter_flare_{value}", variation=day, **self._known(session, patient, now))]
        if value == GONE:
            self._end(row, FlareEnd.GONE, today, now)
        elif flare.needs_physio(day, value, self.stages):
            words += self._tell_physio(session, patient, row, now)
        if value == WORSE:  # what is new may be a danger: the five questions again
            words += self._safety.open_set(session, patient, "cauda_equina", message_id=message_id, now=now)
        return words

    def _close(self, session: Session, patient: Patient, row: Flare, day: int, now: datetime) -> None:
        row.ask_at = None
        if flare.needs_physio(day, row.said, self.stages):
            if row.alerted_at is None and not patient.held_since:
                words = self._tell_physio(session, patient, row, now)
                if self._prompts.look_again(session, patient, now) is None:
                    self._prompts.send(session, patient, words, key=f"flare:{row.id}:physio", now=now)
            return
        known = row.said == EASING and row.said_on
        self._end(row, FlareEnd.EASING if known else FlareEnd.UNKNOWN, row.said_on if known else None, now)

    def _tell_physio(self, session: Session, patient: Patient, row: Flare, now: datetime) -> list[Words]:
        """Once a flare."""
        if row.alerted_at is not None:
            return []
        row.alerted_at = now
        declared = self._library.protocol["escalation"]["flare_not_easing"]
        self._escalation.raise_alert(
            session, patient, cause=declared["cause"], severity=declared["severity"], level=declared["level"], told="",
            message_id=None, now=now,
        )  # fmt: skip
        when = self._escalation.when_seen(session, patient, declared["level"], now)
        return [self._library.say("utter_flare_physio_told", physio_when=when, **self._library.numbers(patient.nation))]

    def _end(self, row: Flare, how: FlareEnd, on: date | None, now: datetime) -> None:
        row.ended_at, row.ended_how, row.ended_on, row.ask_at = now, how, on, None
        logger.info("flare_ended", extra={"flare": row.id, "how": how.value})

    def _next_ask(self, patient: Patient, row: Flare, today: date) -> datetime | None:
        at = time.fromisoformat(str(self._library.value("flare.ask_at")))
        return flare.next_ask(row.started_on, today, patient.time_zone, at, self.stages)

    def _next(self, number: int) -> tuple[Choice, ...]:
        if number == CARDS:
            return ()
        label = self._library.say("utter_flare_next_card_label", number=number + 1).text
        return (Choice(label, says=f"/{CARD}", effect={"number": str(number + 1)}),)

    def _known(self, session: Session, patient: Patient, now: datetime) -> dict[str, Any]:
        back_on = self._facts.back_on(session, patient) or self.stages.back_on
        return {**self._facts.known(session, patient), "back_day": back_on}

    @property
    def stages(self) -> Stages:
        number = self._library.number
        return Stages(
            shares=(
                (int(number("flare.half_from")), number("flare.half")),
                (int(number("flare.most_from")), number("flare.most")),
            ),
            back_on=int(number("flare.back_on")),
            last_ask=int(number("flare.last_ask")),
        )  # fmt: skip
