"""On every tick: questionnaires fall due, are offered a few minutes' worth at a time, and lapse in silence."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import schedule, sittings
from bot.coaching.instruments import Measure
from bot.coaching.sittings import Calendar
from bot.content import Library, Words
from bot.services.checkins import CheckIns
from bot.services.measure_questions import OFFER, asks_of
from bot.services.prompts import Prompts
from data import measures
from data.database import Database
from data.measures import UNFINISHED, MeasureRound, Sitting, SittingState
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

BATCH = 50  # rounds a tick
BETWEEN_GAPS = timedelta(minutes=1)


class MeasureRounds:
    def __init__(
        self, database: Database, clock: Clock, library: Library, check_ins: CheckIns, prompts: Prompts
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._check_ins = check_ins
        self._prompts = prompts
        self._gaps_filled_at: datetime | None = None

    @property
    def asked(self) -> list[Measure]:
        """The questionnaires that have their words, in the order in which they are asked."""
        known = self._library.measures
        return [known[name] for name in self._library.value("measures.order") if known[name].on]

    def send_due(self) -> int:
        """The tick. Returns how many rounds it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = measures.claim_rounds(session, now, most=BATCH)
            for row in due:
                with _on_its_own(session, row.patient_id):
                    self._look_at(session, row, now)
                if row.due_at <= now:  # that went wrong
                    row.due_at = now + timedelta(minutes=self._library.number("prompts.wait"))
            return len(due) + self._fill_gaps(session, now)

    def _fill_gaps(self, session: Session, now: datetime) -> int:
        """Whoever has joined gets a round; looked for once a minute, as it goes through all patients."""
        if self._gaps_filled_at and now - self._gaps_filled_at < BETWEEN_GAPS:
            return 0
        self._gaps_filled_at = now
        joined = measures.without_round(session, most=BATCH)
        for patient in joined:
            first = (patient.enrolled_at or now) + timedelta(hours=self._number("first_after"))
            session.add(MeasureRound(patient_id=patient.id, due_at=self.slot_after(patient, max(first, now))))
        session.flush()
        return len(joined)

    # One patient

    def _look_at(self, session: Session, row: MeasureRound, now: datetime) -> None:
        patient = session.get_one(Patient, row.patient_id)
        if patient.state == PatientState.WITHDRAWN:
            session.delete(row)
            return
        today = schedule.local_day(now, patient.time_zone)
        self.lapse(session, patient, now)
        if patient.state == PatientState.ACTIVE:
            self._fall_due(session, patient, today)
        batch = self.batch(session, patient)
        if patient.state != PatientState.ACTIVE or not batch:
            row.wished, row.due_at = False, self._next(session, patient, now)
        elif again := self._prompts.look_again(session, patient, now, wished=row.wished):
            another_day = schedule.local_day(again, patient.time_zone) > today
            row.due_at = self.slot_after(patient, again) if another_day else again
        else:
            self._offer(session, patient, row, batch, now)

    def _fall_due(self, session: Session, patient: Patient, today: date) -> None:
        if patient.enrolled_at is None:
            return
        from_on = schedule.local_day(patient.enrolled_at, patient.time_zone)
        for measure in self.asked:
            occasion = sittings.occasion_on(measure, self.calendar, from_on, today)
            if occasion:
                self.add(session, patient, measure, occasion.name, today, occasion.last)

    def add(
        self, session: Session, patient: Patient, measure: Measure, occasion: str, due_on: date, until_on: date
    ) -> Sitting | None:
        """None when there is one of this occasion already. What an earlier one keeps is taken over."""
        if measures.of_occasion(session, patient.id, measure.measure, occasion):
            return None
        return measures.add(
            session,
            Sitting(
                patient_id=patient.id, measure=measure.measure, occasion=occasion, due_on=due_on, until_on=until_on
            ),
        )

    def lapse(self, session: Session, patient: Patient, now: datetime) -> None:
        """What was begun stays open for some days; what was not is over with its days, or after enough offers."""
        today, most = schedule.local_day(now, patient.time_zone), self._number("most_offers")
        for sitting in measures.of_patient(session, patient.id, UNFINISHED):
            begun = sitting.state == SittingState.OPEN and sitting.opened_at is not None
            if begun and sitting.opened_at:
                over = now - sitting.opened_at >= timedelta(days=self._number("open_for"))
            else:
                over = today > sitting.until_on or sitting.offers >= most
            if over or sitting.measure not in {each.measure for each in self.asked}:
                sitting.state, sitting.asks, sitting.ended_at = SittingState.LAPSED, None, now
                logger.info("sitting_lapsed", extra={"sitting": sitting.id, "measure": sitting.measure})
        session.flush()

    def _offer(
        self, session: Session, patient: Patient, row: MeasureRound, batch: list[Sitting], now: datetime
    ) -> None:
        first = batch[0]
        words = self.offer_words(batch)
        for sitting in batch:
            sitting.offers, sitting.offered_at = sitting.offers + 1, now
        key = f"measures:{first.id}:offer:{first.offers}"
        self._prompts.send(session, patient, [words], key=key, now=now, asks=asks_of(first, OFFER), wished=row.wished)
        again = now + timedelta(days=self._number("offer_again") - 1)
        row.wished, row.due_at = False, self.slot_after(patient, again)
        logger.info("measures_offered", extra={"sittings": [each.id for each in batch]})

    def offer_words(self, batch: list[Sitting]) -> Words:
        minutes = self.minutes(batch)
        name = "utter_measures_offer_short" if minutes <= self._number("short") else "utter_measures_offer"
        if batch[0].state == SittingState.OPEN:
            name = "utter_measures_offer_rest"
        return self._library.say(name, variation=batch[0].due_on.toordinal() // 7 + batch[0].offers, minutes=minutes)

    # Of a day

    def batch(self, session: Session, patient: Patient) -> list[Sitting]:
        """What is open and fits into one day: what was begun first, then in the order of the protocol."""
        order = [each.measure for each in self.asked]
        waiting = [each for each in measures.of_patient(session, patient.id, UNFINISHED) if each.measure in order]
        waiting.sort(key=lambda each: (each.state != SittingState.OPEN, order.index(each.measure), each.id))
        minutes = {each.id: self._library.measures[each.measure].minutes.value for each in waiting}
        chosen = sittings.fitting(minutes, self._number("most_minutes"))
        return [each for each in waiting if each.id in chosen]

    def minutes(self, batch: list[Sitting]) -> int:
        """Rounded up, so that nobody is promised less than it takes."""
        total = sum(self._library.measures[each.measure].minutes.value for each in batch)
        return int(-(-total // 1))

    @property
    def calendar(self) -> Calendar:
        days = self._library.value("measures.occasions")
        return Calendar({name: int(each["value"]) for name, each in days.items()}, int(self._number("window")))

    def slot_after(self, patient: Patient, after: datetime) -> datetime:
        """The next time at which this patient is asked: after their own hour, or late in the morning."""
        own = patient.check_in_at
        at = time.fromisoformat(str(self._library.value("measures.otherwise_at")))
        if own:
            wait = timedelta(minutes=self._number("after_check_in"))
            instant = schedule.next_local(after - wait, patient.time_zone, own) + wait
            if not self._check_ins.is_quiet(patient, instant):
                return instant
        return schedule.next_local(after, patient.time_zone, at)

    def _next(self, session: Session, patient: Patient, now: datetime) -> datetime:
        """Nothing is open: the next day of the schedule, and a month from now at the latest."""
        today = schedule.local_day(now, patient.time_zone)
        from_on = schedule.local_day(patient.enrolled_at or now, patient.time_zone)
        day = sittings.next_day(self.asked, self.calendar, from_on, today) or today + timedelta(days=30)
        return self.slot_after(patient, schedule.instant_on(day, patient.time_zone, time.min))

    def _number(self, name: str) -> float:
        return self._library.number(f"measures.{name}")


@contextmanager
def _on_its_own(session: Session, patient_id: int) -> Iterator[None]:
    """What goes wrong with one patient is logged, tried again later, and holds up nobody else."""
    try:
        with session.begin_nested():
            yield
    except Exception:
        logger.exception("measures_failed", extra={"patient_row": patient_id})
