"""The three support calls: whose is due, how each stands with one patient, and what a physio writes down of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching import support_calls as rule
from bot.coaching.support_calls import Call, Standing
from bot.content import Library
from bot.errors import EffectRefused, StaleAction
from data import alerts, audit, rota, support_calls
from data.patients import Patient
from data.physios import Physio
from data.support_calls import SupportCall, Window


@dataclass(frozen=True)
class CallLine:
    """One call of one patient, by the service's calendar. `tries`: oldest first."""

    call: Call
    standing: Standing
    due_on: date
    last_on: date
    tries: list[SupportCall]


@dataclass(frozen=True)
class Waiting:
    """One line of the list: the next call of a patient."""

    patient: Patient
    call: Call
    is_late: bool
    last_on: date
    tries: list[SupportCall]


class SupportCalls:
    def __init__(self, library: Library) -> None:
        self._library = library

    @property
    def calls(self) -> list[Call]:
        return rule.calls(self._library.value("support_calls.calls"))

    @property
    def outcomes(self) -> Mapping[str, Mapping[str, Any]]:
        """Code → label, and whether the call is over with it."""
        found: Mapping[str, Mapping[str, Any]] = self._library.value("support_calls.outcomes")
        return found

    @property
    def referrals(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._library.value("support_calls.referral")
        return found

    def call(self, number: int) -> Call | None:
        return next((each for each in self.calls if each.number == number), None)

    # --- how they stand ---

    def of_patient(self, session: Session, patient: Patient, now: datetime) -> list[CallLine]:
        """[] before the patient has joined."""
        if patient.enrolled_at is None:
            return []
        zone = self._zone(session, patient.service_id)
        joined_on, today = patient.enrolled_at.astimezone(zone).date(), now.astimezone(zone).date()
        tries = support_calls.of_patient(session, patient.id)
        ended = max((each.number for each in tries if each.ended), default=0)
        return [
            CallLine(
                call, rule.standing(call, ended, joined_on, today, last_week=self._last_week), call.due_on(joined_on),
                call.last_on(joined_on), [each for each in tries if each.number == call.number],
            )
            for call in self.calls
        ]  # fmt: skip

    def count_due(self, session: Session, service_id: int, now: datetime) -> tuple[int, int]:
        """How many calls are due in this service, and how many of them are late."""
        windows, since = self._windows(session, service_id, now)
        return support_calls.count_due(session, service_id, windows, since)

    def due(self, session: Session, service_id: int, now: datetime, *, page: int = 1) -> list[Waiting]:
        windows, since = self._windows(session, service_id, now)
        most = int(self._library.number("console.listed"))
        rows = support_calls.due(session, service_id, windows, since, most=most, skip=most * (page - 1))
        return [
            Waiting(row.patient, line.call, row.is_late, line.last_on, line.tries)
            for row in rows
            for line in self.of_patient(session, row.patient, now)
            if line.call.number == row.number
        ]

    def _windows(self, session: Session, service_id: int, now: datetime) -> tuple[list[Window], datetime]:
        """The same days as `rule.standing`, as instants of joining."""
        zone = self._zone(session, service_id)
        today = now.astimezone(zone).date()

        def end_of(day: date) -> datetime:
            return datetime.combine(day + timedelta(days=1), time(), zone)

        windows = [
            Window(each.number, end_of(rule.joined_by(each, today)), end_of(rule.late_for(each, today)))
            for each in self.calls
        ]
        return windows, end_of(rule.joined_after(today, last_week=self._last_week))

    @property
    def _last_week(self) -> int:
        return int(self._library.number("support_calls.last_week"))

    def _zone(self, session: Session, service_id: int) -> ZoneInfo:
        return ZoneInfo(rota.service(session, service_id).time_zone)

    # --- what is written down ---

    def record(
        self, session: Session, physio: Physio, patient: Patient, call: Call, told: Mapping[str, str], now: datetime, *,
        seen: int,
    ) -> SupportCall:  # fmt: skip
        """`told`: outcome, referral, agreed, notes; `seen`: how many tries of it the sheet showed.

        Raises EffectRefused for a form that isn't filled in, StaleAction when a colleague has written meanwhile.
        """
        alerts.lock_patient(session, patient)
        if len([each for each in support_calls.of_patient(session, patient.id) if each.number == call.number]) != seen:
            raise StaleAction("call_overtaken")
        outcome = self.outcomes.get(told.get("outcome", ""))
        agreed, notes = told.get("agreed", "").strip(), told.get("notes", "").strip()
        longest = self._library.number("console.note_at_most")
        if outcome is None or told.get("referral", "") not in self.referrals or max(len(agreed), len(notes)) > longest:
            raise EffectRefused("call_refused")
        row = support_calls.add(
            session,
            SupportCall(
                patient_id=patient.id, number=call.number, outcome=told["outcome"], ended=bool(outcome["ends"]),
                referral=told["referral"], agreed=agreed, notes=notes, physio_id=physio.id,
                content=self._library.version, at=now,
            ),
        )  # fmt: skip
        audit.record(
            session, "support_call_written", by=f"physio:{physio.id}", now=now, patient=patient.code, call=call.number,
            outcome=row.outcome, referral=row.referral,
        )  # fmt: skip
        return row
