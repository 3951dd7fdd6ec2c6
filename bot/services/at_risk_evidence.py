"""What is known of patients, put together for the rules: only the sources that the rules of this look rest on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import schedule
from bot.coaching.at_risk_known import Answered, Asked, CannotDo, Evidence, Found, Said, Scored, Talked, Week
from bot.coaching.boom_bust import Diary
from bot.coaching.catalogue import Body, Catalogue
from bot.coaching.exploration import StrongWords
from bot.coaching.normalising import Spelling
from bot.content import Library
from data import at_risk, evidence
from data.patients import Patient
from data.programme import PlanState

DAY = timedelta(days=1)
WEEKS_OF_DIARY = 6  # four weeks are looked at, each with the fortnight that ends in it
FIRST = date(1970, 1, 1)


class EvidenceBook:
    """`gather` reads; nothing here decides anything."""

    def __init__(self, library: Library, spelling: Spelling) -> None:
        self._catalogue = Catalogue(library.protocol["activities"])
        self._agony = StrongWords(library.value("at_risk.agony"), spelling)
        self._sources: Mapping[str, Callable[[Session, Mapping[int, Patient], dict[int, Evidence]], None]] = {
            "pain": self._pain,
            "activity": self._activity,
            "check_ins": self._check_ins,
            "messages": self._messages,
            "beliefs": self._beliefs,
            "measures": self._measures,
            "weeks": self._weeks,
            "goals": self._goals,
            "limits": self._limits,
            "questions": self._questions,
            "rules": self._rules,
            "words": self._words,
            "taps": self._taps,
        }

    @property
    def kinds(self) -> set[str]:
        """What it can look up: the first part of a need."""
        return set(self._sources)

    def gather(
        self, session: Session, patients: Sequence[Patient], needs: Collection[str], now: datetime
    ) -> dict[int, Evidence]:
        """By patient. `needs` as in Rule.needs: "pain", "measures/rmdq", "questions/leg"."""
        known = {
            patient.id: Evidence(now=now, today=schedule.local_day(now, patient.time_zone)) for patient in patients
        }
        by_id = {patient.id: patient for patient in patients}
        kinds = {need.partition("/")[0] for need in needs}
        for kind in self._sources:  # in this order: words are looked for only where the pain is nought
            if kind in kinds:
                self._sources[kind](session, by_id, known)
        return known

    # Sources

    def _pain(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        pain = evidence.pain(session, patients, FIRST)
        closed = evidence.last_closed(session, patients, "AR01")
        for patient_id, patient in patients.items():
            settled = schedule.local_day(closed[patient_id], patient.time_zone) if patient_id in closed else None
            _know(known, patient_id, pain=pain.get(patient_id, {}), settled_on=settled)

    def _activity(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        """With the pain beside it: whatever rests on the activity rests on both."""
        last = max(each.today for each in known.values())
        told = evidence.minutes(session, patients, last - DAY * 7 * WEEKS_OF_DIARY, last)
        plans = evidence.plans(session, patients)
        weeks = evidence.weeks(session, patients)
        flagged = evidence.flagged_days(session, patients, last - DAY * 7 * WEEKS_OF_DIARY)
        answers = evidence.answers(session, patients)
        for patient_id, patient in patients.items():
            minutes, planned, _ = told.get(patient_id, ({}, {}, {}))
            plan = plans.get(patient_id)
            ill = {
                schedule.local_day(week.at, patient.time_zone) - DAY * ago
                for week in weeks.get(patient_id, [])
                if week.reason == "illness"
                for ago in range(1, 8)
            }
            quota = plan.minutes if plan and plan.state == PlanState.ACTIVE else None
            denied = [
                on for name, on, _, said, _ in answers.get(patient_id, []) if (name, said) == ("rings_true", "no")
            ]
            left_out = ill | flagged.get(patient_id, set())
            diary = Diary(minutes, known[patient_id].pain, planned, quota, left_out)
            _know(known, patient_id, diary=diary, denied=denied)

    def _check_ins(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        first = min(each.today for each in known.values()) - DAY * 14
        asked = evidence.check_ins(session, patients, first)
        for patient_id, rows in asked.items():
            _know(known, patient_id, check_ins=[Asked(row.on, row.sent_at, row.answered) for row in rows])

    def _messages(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        heard = evidence.heard_at(session, patients)
        waiting = evidence.flags_waiting(session, patients)
        for patient_id, patient in patients.items():
            at = max((each for each in (heard.get(patient_id), patient.enrolled_at) if each), default=None)
            if at is None:
                continue
            levels = [level for words_at, level in waiting.get(patient_id, []) if words_at >= at]
            on = schedule.local_day(at, patient.time_zone)
            _know(known, patient_id, heard_at=at, heard_on=on, flag_level=min(levels, default=""))

    def _beliefs(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        """What was said is read only of those who have talked about one belief twice: of few."""
        for patient_id, rows in evidence.talked(session, patients).items():
            zone = patients[patient_id].time_zone
            talks = [Talked(belief, schedule.local_day(at, zone), strength) for belief, at, strength in rows]
            if len(talks) > len({talk.belief for talk in talks}):
                said = [Said(belief, on) for belief, on in evidence.belief_days(session, patient_id)]
                _know(known, patient_id, talked=talks, said=said)

    def _measures(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, rows in evidence.sittings(session, patients).items():
            zone = patients[patient_id].time_zone
            scores: dict[str, list[Scored]] = {}
            for row in rows:
                score = Scored(schedule.local_day(row.at, zone), row.score, row.parts)
                scores.setdefault(row.measure, []).append(score)
            _know(known, patient_id, scores=scores)

    def _weeks(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, rows in evidence.weeks(session, patients).items():
            zone = patients[patient_id].time_zone
            weeks = [Week(row.week, schedule.local_day(row.at, zone), row.planned, row.done) for row in rows]
            _know(known, patient_id, weeks=weeks)

    def _goals(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, rows in evidence.goals_dropped(session, patients).items():
            zone = patients[patient_id].time_zone
            _know(known, patient_id, dropped=[schedule.local_day(at, zone) for at in rows])

    def _limits(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, rows in evidence.limits(session, patients).items():
            patient = patients[patient_id]
            cannot = [
                CannotDo(row.activity or row.kind, schedule.local_day(row.at, patient.time_zone))
                for row in rows
                if row.kind == "activity"
            ]
            found = (self._catalogue.find(row.activity) for row in rows if row.kind == "activity")
            body = Body(
                limits=tuple(row.kind for row in rows if row.kind != "activity"),
                cannot_do=frozenset(each.key for each in found if each),
                gated=patient.needs_activity_review,
            )
            _know(known, patient_id, cannot=cannot, something_fits=bool(self._catalogue.offer(body)))

    def _questions(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, rows in evidence.answers(session, patients).items():
            zone = patients[patient_id].time_zone
            answers: dict[str, list[Answered]] = {}
            for name, _, told_at, answer, detail in rows:
                answers.setdefault(name, []).append(Answered(schedule.local_day(told_at, zone), answer, detail))
            _know(known, patient_id, answers=answers)

    def _rules(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        first = min(each.today for each in known.values()) - DAY * 31
        for patient_id, rows in at_risk.findings_since(session, patients, first).items():
            _know(known, patient_id, found=[Found(row.rule, row.newest_on) for row in rows if row.level])

    def _words(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        """Only of patients who said that they have no pain at all, today or yesterday."""
        without = {
            patient_id: patients[patient_id]
            for patient_id, each in known.items()
            if 0 in (each.pain.get(each.today), each.pain.get(each.today - DAY))
        }
        for patient_id, patient in without.items():
            today = known[patient_id].today
            since = schedule.instant_on(today - DAY, patient.time_zone, time.min)
            rows = evidence.words_since(session, [patient_id], since).get(patient_id, [])
            days = {
                schedule.local_day(at, patient.time_zone)
                for at, kind, text in rows
                if kind != "tap" and self._agony.heard(text)
            }
            _know(known, patient_id, agony_on=days)

    def _taps(self, session: Session, patients: Mapping[int, Patient], known: dict[int, Evidence]) -> None:
        for patient_id, patient in patients.items():
            since = schedule.instant_on(known[patient_id].today, patient.time_zone, time.min)
            rows = evidence.words_since(session, [patient_id], since).get(patient_id, [])
            _know(known, patient_id, taps=[(at, text) for at, kind, text in rows if kind == "tap"])


def _know(known: dict[int, Evidence], patient_id: int, **facts: Any) -> None:
    known[patient_id] = replace(known[patient_id], **facts)
