"""The diary: what was done, told in the patient's own words at any time, shown back, to be put right or taken back.

A plain sentence with its minutes is understood here, also with Rasa down; what Rasa hears as `log_activity` comes here
by an effect. One message is written down once, however often it is handled.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import diary, schedule
from bot.coaching.diary import Lists, Told
from bot.content import Choice, Library, Words
from bot.services.outgoing import Outgoing
from bot.services.plans import Plans
from data import activity, programme
from data.activity import ActivityEntry, ActivitySource
from data.messages import Message
from data.patients import Patient, PatientState
from data.programme import PlanState


class Diary:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, outgoing: Outgoing, plans: Plans) -> None:
        self._library = library
        self._outgoing = outgoing
        self._plans = plans

    def understands(self, patient: Patient, text: str, now: datetime) -> bool:
        """True for a sentence that needs nobody else to be understood."""
        return self._writes(patient) and bool(self._read(patient, text, now, sure=False))

    def log(self, session: Session, patient: Patient, message: Message, now: datetime) -> list[Words]:
        """Writes down what the message tells, and shows it back; asks for the minutes when it has none."""
        written = activity.of_message(session, patient.id, message.id)
        if not written:
            told = self._read(patient, message.text, now, sure=True)
            if not told:
                return [self._how_long(patient, message.text)]
            written = self._write(session, patient, told, message, now)
        return self._shown(session, patient, written, message.text, now)

    def instead(self, intent: str | None) -> bool:
        """Whether the diary's words stand for the dialogue's own, for this intent; else they stand before them."""
        return intent in self._library.value("diary.instead")

    def beside(self, intent: str | None) -> bool:
        return intent in self._library.value("diary.beside")

    def correct(self, session: Session, patient: Patient, message: Message, now: datetime) -> list[Words]:
        """ "no, 15" soon after it was shown back; [] when this is no correction."""
        last = activity.last_told(session, patient.id)
        minutes = diary.corrected(message.text, self._lists()) if last else None
        open_for = timedelta(minutes=self._plans.number("correction_open"))
        if minutes is None or len(last) != 1 or now - last[0].told_at > open_for:
            return []
        if not 0 < minutes <= self._library.number("goal.most_minutes_a_day"):
            return [self._library.say("utter_diary_too_long")]
        last[0].minutes = minutes
        session.flush()
        return [self._library.say("utter_diary_corrected"), *self._shown(session, patient, last, "", now)]

    def take_back(self, session: Session, entries: Sequence[ActivityEntry], now: datetime) -> list[Words]:
        for entry in entries:
            entry.undone_at = now
        session.flush()
        return [self._library.say("utter_diary_undone", entries=self._lines(entries, None))]

    # Reading and writing

    def _writes(self, patient: Patient) -> bool:
        return patient.state in (PatientState.ACTIVE, PatientState.PAUSED)

    def _read(self, patient: Patient, text: str, now: datetime, *, sure: bool) -> list[Told]:
        today = schedule.local_day(now, patient.time_zone)
        found = diary.read(text, today, self._lists(), self._name, sure=sure)
        most = self._library.number("goal.most_minutes_a_day")
        return found if all(told.minutes <= most for told in found) else []

    def _name(self, words: str) -> str | None:
        found = self._plans.catalogue.find(words)
        return found.says if found else None

    def _write(
        self, session: Session, patient: Patient, told: Sequence[Told], message: Message, now: datetime
    ) -> list[ActivityEntry]:
        plan = programme.plan_of(session, patient.id)
        goal = (self._name(plan.activity) or plan.activity) if plan else None
        return [
            activity.add(
                session,
                ActivityEntry(
                    patient_id=patient.id, on=each.on, minutes=each.minutes, activity=each.activity,
                    planned=each.activity in (None, goal), source=ActivitySource.DIARY, words=message.text,
                    message_id=message.id, told_at=now,
                ),
            )
            for each in told
        ]  # fmt: skip

    # Showing

    def _shown(
        self, session: Session, patient: Patient, entries: Sequence[ActivityEntry], text: str, now: datetime
    ) -> list[Words]:
        words = [self._library.say("utter_diary_logged", entries=self._lines(entries, patient, now))]
        plan = programme.plan_of(session, patient.id)
        if plan and plan.state == PlanState.BASELINE and any(entry.planned for entry in entries):
            tries = len(self._plans.tries(session, plan, now, patient))
            if tries >= self._plans.number("most_tries"):
                words += self._plans.baseline_found(session, patient, plan, now)
            else:
                words.append(self._library.say("utter_baseline_try", tries=tries))
        if text and diary.is_sore(text, self._lists()):
            words.append(self._library.say("utter_diary_sore", variation=entries[0].id))
        return words

    def _lines(self, entries: Sequence[ActivityEntry], patient: Patient | None, now: datetime | None = None) -> str:
        today = schedule.local_day(now, patient.time_zone) if patient and now else None
        return "\n".join(self._line(entry, today) for entry in entries)

    def _line(self, entry: ActivityEntry, today: Any) -> str:
        name = "utter_diary_line" if entry.activity else "utter_diary_line_unnamed"
        when = "utter_diary_today" if entry.on == today else "utter_diary_on_day"
        day = self._library.say(when, day=f"{entry.on:%A}").text
        return self._library.say(name, minutes=entry.minutes, activity=entry.activity, day=day).text

    def _how_long(self, patient: Patient, text: str) -> Words:
        """The buttons say the whole sentence, so that a tap is understood like words."""
        words = self._library.say("utter_diary_how_long")
        named = self._name(text) or ""
        choices = tuple(Choice(choice.label, f"{choice.says} {named}".strip()) for choice in words.choices)
        return Words(words.response, words.text, choices)

    def _lists(self) -> Lists:
        read = {
            name: self._library.value(f"diary.{name}")
            for name in ("done", "not_done", "no_activity", "sore", "corrects")
        }
        return Lists(
            **read,
            most_entries=int(self._library.number("diary.most_entries")),
            most_days_back=int(self._library.number("diary.most_days_back")),
        )
