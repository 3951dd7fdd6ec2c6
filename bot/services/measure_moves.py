"""How the row of a sitting moves: begun, answered, skipped, finished. Says nothing to anybody."""

import logging
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlmodel import Session

from bot.coaching import measures as rules
from bot.coaching import schedule, sittings
from bot.coaching.instruments import Measure
from bot.coaching.measures import Verdict
from bot.content import Library
from bot.services.measure_results import MeasureResults
from bot.services.measure_rounds import MeasureRounds
from data import at_risk, measures
from data.measures import UNFINISHED, Sitting, SittingState
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)


class MeasureMoves:
    """In the caller's transaction."""

    def __init__(self, library: Library, rounds: MeasureRounds, results: MeasureResults) -> None:
        self._library = library
        self._rounds = rounds
        self._results = results

    def measure_of(self, row: Sitting) -> Measure:
        return self._library.measures[row.measure]

    # Which come next

    def take_up(self, session: Session, patient: Patient, now: datetime) -> list[Sitting]:
        """What is open and fits into one day is what the patient begins, or is told of, now."""
        batch = self._rounds.batch(session, patient)
        for row in batch:
            row.offered_at = now
        session.flush()
        return batch

    def taken_up(self, session: Session, patient: Patient) -> list[Sitting]:
        """What is left of that. The rest waits for another day."""
        newest = max(
            (row.offered_at for row in measures.of_patient(session, patient.id) if row.offered_at), default=None
        )
        return [row for row in self._rounds.batch(session, patient) if newest and row.offered_at == newest]

    def look_tomorrow(self, session: Session, patient: Patient, now: datetime, *, wished: bool = False) -> None:
        """`wished`: the patient asked for it, so it counts as no prompt."""
        if round_ := measures.round_of(session, patient.id):
            tomorrow = schedule.local_day(now, patient.time_zone) + schedule.DAY
            midnight = schedule.instant_on(tomorrow, patient.time_zone, time.min)
            round_.wished, round_.due_at = wished, self._rounds.slot_after(patient, midnight)

    def put_off(self, session: Session, patient: Patient, now: datetime) -> None:
        for row in measures.of_patient(session, patient.id, UNFINISHED):
            row.asks = None
        self.look_tomorrow(session, patient, now, wished=True)

    # One sitting

    def open(self, session: Session, patient: Patient, row: Sitting, now: datetime) -> None:
        """Only one is asked at a time; what an earlier sitting keeps, the names of activities, is taken over."""
        for other in measures.of_patient(session, patient.id, UNFINISHED):
            other.asks = None
        if row.state == SittingState.DUE:
            row.state, row.opened_at = SittingState.OPEN, now
            earlier = measures.last_begun(session, patient.id, row.measure, but=row.id)
            if earlier:
                row.answers, over = sittings.kept(self.measure_of(row), earlier.answers, skipped(earlier))
                row.skipped = ",".join(over)
        self.go_on(row)
        session.flush()
        logger.info("sitting_opened", extra={"sitting": row.id, "measure": row.measure})

    def go_on(self, row: Sitting) -> None:
        row.asks = sittings.next_item(self.measure_of(row), row.answers, skipped(row))

    def take(self, row: Sitting, item: str, value: object) -> None:
        row.answers = {**row.answers, item: value}
        row.skipped = ",".join(each for each in skipped(row) if each != item)

    def skip(self, row: Sitting, item: str) -> None:
        """No answer, also when there was one before."""
        row.answers = {key: value for key, value in row.answers.items() if key != item}
        row.skipped = ",".join(dict.fromkeys([*skipped(row), item]))

    def tick(self, row: Sitting, items: Sequence[str], now: datetime, *, toggle: bool) -> None:
        """Only what is ticked stands in the answers until the list is finished."""
        before = set(row.answers)
        ticked = before ^ set(items) if toggle else before | set(items)
        row.answers = {key: 1 for key in self.measure_of(row).items if key in ticked}
        row.asked_at = now

    def finish_ticks(self, row: Sitting, *, none: bool) -> bool:
        """What isn't ticked is a no from here on. False when nothing is ticked and that was not said."""
        if not none and not row.answers:
            return False
        ticked = () if none else tuple(row.answers)
        row.answers = {item: 1 if item in ticked else 0 for item in self.measure_of(row).items}
        return True

    def finish(self, session: Session, patient: Patient, row: Sitting, now: datetime) -> None:
        """Scores it. All of it skipped is a sitting skipped, and no score."""
        measure = self.measure_of(row)
        given = [key for key in row.answers if not measure.items[key].kept]
        self.end(row, SittingState.DONE if given else SittingState.SKIPPED, now)
        if given:
            scored = rules.score(measure, row.answers)
            row.score, row.subscales = scored.total, dict(scored.subscales)
            session.flush()
            at_risk.look_now(session, patient.id, f"measures/{row.measure}", now)
            self._call_for_others(session, patient, row, now)

    def end(self, row: Sitting, state: SittingState, now: datetime) -> None:
        row.state, row.asks, row.ended_at = state, None, now
        logger.info("sitting_ended", extra={"sitting": row.id, "measure": row.measure, "state": state.value})

    # Outside the schedule

    def _call_for_others(self, session: Session, patient: Patient, row: Sitting, now: datetime) -> None:
        """Some are asked because another one got worse."""
        found = self._results.change(session, self.measure_of(row), row)
        if found and found.verdict == Verdict.WORSE:
            for other in self._rounds.asked:
                if row.measure in other.schedule.when_worse:
                    self.ask_extra(session, patient, other, now)

    def ask_extra(self, session: Session, patient: Patient, measure: Measure, now: datetime) -> bool:
        today = schedule.local_day(now, patient.time_zone)
        waiting = [
            row for row in measures.of_patient(session, patient.id, UNFINISHED) if row.measure == measure.measure
        ]
        if not measure.on or waiting or patient.state != PatientState.ACTIVE:
            return False
        last = today + timedelta(days=self._rounds.calendar.window)
        row = self._rounds.add(session, patient, measure, f"worse_{today.isoformat()}", today, last)
        if row and (round_ := measures.round_of(session, patient.id)):
            round_.due_at = min(round_.due_at, self._rounds.slot_after(patient, now))
        return row is not None


def skipped(row: Sitting) -> list[str]:
    return [name for name in row.skipped.split(",") if name]
