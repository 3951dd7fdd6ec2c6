"""What comes of a questionnaire: its score, what the patient is told of it, and what a physio reads."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from bot.coaching import measures as rules
from bot.coaching.instruments import Measure
from bot.coaching.measures import Changed
from bot.content import Library, Words
from data import measures
from data.measures import Score, Sitting, SittingState
from data.patients import Patient

BETWEEN = " · "
LAST = 2  # sittings of one questionnaire that a patient is shown


class MeasureResults:
    def __init__(self, library: Library) -> None:
        self._library = library

    # To the patient: in plain words, never a band

    def told(self, session: Session, measure: Measure, sitting: Sitting) -> list[Words]:
        """One kind sentence at the end; with the change since last time where it is known how much counts."""
        if sitting.score is None:
            return [self._say("utter_measure_done", sitting)]
        name, found = measure.measure, self._change(session, measure, sitting.score, before=sitting)
        if found is None and measure.change is not None:
            return [self._say("utter_measure_first", sitting)]
        if found is None or not self._library.has(f"utter_measure_{found.verdict}_{name}"):
            special = f"utter_measure_done_{name}"
            response = special if self._library.has(special) else "utter_measure_done"
            return [self._say(response, sitting, now=plain(sitting.score))]
        values = {"before": plain(found.before), "now": plain(found.now)}
        words = [self._say(f"utter_measure_{found.verdict}_{name}", sitting, **values)]
        return [*words, self._say("utter_measure_little_room", sitting)] if found.little_room else words

    def answered(self, session: Session, patient: Patient) -> list[Words]:
        """Of each questionnaire the last times, in the numbers the patient gave."""
        lines = [self._line(measure, measures.series(session, patient.id, name)) for name, measure in self._in_order()]
        found = [line for line in lines if line]
        if not found:
            return []
        text = "\n".join([self._library.say("utter_measures_answered").text, *found])
        return [Words("utter_measures_answered", text)]

    def _line(self, measure: Measure, scores: Sequence[Score]) -> str:
        if not scores:
            return ""
        special = f"utter_measures_told_{measure.measure}"
        response = special if self._library.has(special) else "utter_measures_told"
        told = [self._library.say(response, now=plain(each.value), day=day(each.on)).text for each in scores[-LAST:]]
        return self._library.say("utter_measures_line", called=measure.called, told=", ".join(told)).text

    def _say(self, response: str, sitting: Sitting, **values: str) -> Words:
        return self._library.say(response, variation=sitting.id, **values)

    # To a physio

    def told_to_physio(self, session: Session, patient: Patient) -> list[str]:
        """A line for each questionnaire: name, newest score, band, other scores, change since the first and the last."""
        lines = []
        for name, measure in self._in_order():
            if scores := measures.series(session, patient.id, name):
                lines.append(self._physio_line(measure, scores))
        if gaps := self._gaps(session, patient):
            lines.append(self._text("utter_physio_measure_open", list=gaps))
        return lines

    def _physio_line(self, measure: Measure, scores: Sequence[Score]) -> str:
        newest = scores[-1]
        line = self._text("utter_physio_measure_line", name=measure.name, now=plain(newest.value), when=_when(newest))
        band = rules.band(measure, newest.value, newest.subscales)
        others = ", ".join(f"{name} {plain(value)}" for name, value in newest.subscales.items())
        earlier = [scores[0], *(scores[-2:-1] if len(scores) > 2 else ())] if len(scores) > 1 else []
        changes = [self._physio_change(measure, each, newest) for each in earlier]
        return BETWEEN.join(filter(None, [line, band, others, *changes]))

    def _physio_change(self, measure: Measure, before: Score, newest: Score) -> str:
        points, when = newest.value - before.value, _when(before)
        signed = f"{'+' if points > 0 else '−' if points < 0 else '±'}{plain(abs(points))}"
        found = rules.changed(measure.change, before.value, newest.value)
        if found is None:
            return self._text("utter_physio_measure_change_plain", when=when, points=signed)
        verdict = self._text(f"utter_physio_measure_{found.verdict}")
        told = self._text("utter_physio_measure_change", when=when, points=signed, verdict=verdict)
        return f"{told}, {self._text('utter_physio_measure_little_room')}" if found.little_room else told

    def _gaps(self, session: Session, patient: Patient) -> str:
        """What has no score, newest first: a physio sees that it is missing."""
        rows = [each for each in measures.of_patient(session, patient.id) if each.score is None]
        newest = {each.measure: each for each in rows if not _later_score(session, patient, each)}
        return ", ".join(
            f"{self._library.measures[name].name} ({self._text(f'utter_physio_measure_state_{each.state.value}')})"
            for name, each in newest.items()
            if name in self._library.measures
        )

    # Both

    def change(self, session: Session, measure: Measure, sitting: Sitting) -> Changed | None:
        """Since the last scored sitting before this one."""
        if sitting.score is None:
            return None
        return self._change(session, measure, sitting.score, before=sitting)

    def _change(self, session: Session, measure: Measure, now: float, *, before: Sitting) -> Changed | None:
        earlier = [
            each
            for each in measures.series(session, before.patient_id, measure.measure)
            if each.occasion != before.occasion
        ]
        return rules.changed(measure.change, earlier[-1].value, now) if earlier else None

    def _in_order(self) -> list[tuple[str, Measure]]:
        known = self._library.measures
        return [(name, known[name]) for name in self._library.value("measures.order")]

    def _text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text


def _later_score(session: Session, patient: Patient, sitting: Sitting) -> bool:
    newest = measures.latest(session, patient.id, sitting.measure)
    return newest is not None and newest.on >= sitting.due_on and sitting.state != SittingState.OPEN


def plain(value: float) -> str:
    """6, 5.7, -0.4: what a person would write."""
    return f"{value:.1f}".removesuffix(".0")


def day(on: date) -> str:
    return f"{on.day} {on:%b}"


def _when(score: Score) -> str:
    occasion = score.occasion.partition("_")
    name = f"{occasion[0]} {occasion[2]}" if occasion[2].isdecimal() else occasion[0]
    return f"{name}, {day(score.on)}"
