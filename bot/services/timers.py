"""Count-downs: one message that shows the time left, changed in place at the right seconds, and a bell at the end.

The row says when the shown time changes next, so a restart loses nothing; changes that were missed are not made up for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.coaching import countdown
from bot.coaching.countdown import Pace
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from bot.services.outgoing import Outgoing
from data import takeovers, timers
from data.patients import Patient
from data.timers import Timer, TimerState

STOP = "stop_timer"  # the intent of the stop button; the app answers it by itself


class Timers:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, outgoing: Outgoing) -> None:
        self._library = library
        self._outgoing = outgoing

    def start(
        self,
        session: Session,
        patient: Patient,
        *,
        seconds: int,
        key: str,
        now: datetime,
        run_id: int | None = None,
        step: str = "",
        exercise: str = "",
        way: str = "",
        phases: Sequence[str] = (),
    ) -> list[Words]:
        """The message of the count-down, to be sent with `key`. One that was running stops."""
        self.stop_all(session, patient, now)
        timer = Timer(
            patient_id=patient.id, run_id=run_id, step=step, exercise=exercise, way=way, seconds=seconds, started_at=now,
            due_at=countdown.next_change(seconds, now, now, self._pace), message_key=key,
        )  # fmt: skip
        timers.add(session, timer)
        label = self._library.say("utter_timer_stop_label").text
        words = self._shown(timer, now, phases)
        stop = Choice(label, says=f"/{STOP}", effect={"timer": str(timer.id)})
        return [Words(words.response, words.text, (stop,))]

    def stop(self, session: Session, patient: Patient, timer_id: str, now: datetime) -> Timer:
        """Raises EffectRefused when it is over already."""
        timer = timers.of_patient(session, patient.id, int(timer_id)) if timer_id.isdecimal() else None
        if timer is None or timer.state != TimerState.RUNNING:
            raise EffectRefused("utter_timer_over")
        self._end(timer, TimerState.STOPPED, now)
        return timer

    def stop_all(self, session: Session, patient: Patient, now: datetime) -> None:
        """Their messages lose the stop button."""
        for timer in timers.running(session, patient.id):
            self._end(timer, TimerState.STOPPED, now)
            self._show_over(session, timer, now)

    def is_running(self, session: Session, patient: Patient) -> bool:
        return bool(timers.running(session, patient.id))

    def look_at(
        self, session: Session, patient: Patient, timer: Timer, now: datetime, phases: Sequence[str] = ()
    ) -> bool:
        """The tick: shows the time that is left. True when the bell is to be rung now."""
        end = timer.started_at + timedelta(seconds=timer.seconds)
        stopped = patient.held_since or takeovers.open_of(session, patient.id)
        if stopped or now > end + timedelta(seconds=self._library.number("timer.too_late_after")):
            self._end(timer, TimerState.STOPPED if stopped else TimerState.LATE, now)
            self._show_over(session, timer, now)
            return False
        if now >= end:
            self._end(timer, TimerState.DONE, now)
            self._show_over(session, timer, now)
            return True
        timer.due_at = countdown.next_change(timer.seconds, timer.started_at, now, self._pace)
        left = countdown.left(timer.seconds, timer.started_at, now)
        key, words = f"timer:{timer.id}:{left}", self._shown(timer, now, phases)
        self._outgoing.change(session, timer.message_key, [words], key=key, now=now)
        return False

    def _shown(self, timer: Timer, now: datetime, phases: Sequence[str]) -> Words:
        left = countdown.left(timer.seconds, timer.started_at, now)
        part = countdown.phase(timer.seconds, left, len(phases))
        says = self._library.say(phases[part - 1]).text if part else ""
        words = self._library.say("utter_timer_running", left=countdown.clock(left))
        return Words(words.response, "\n\n".join(each for each in (says, words.text) if each))

    def _show_over(self, session: Session, timer: Timer, now: datetime) -> None:
        name = "utter_timer_was" if timer.state == TimerState.DONE else "utter_timer_was_stopped"
        words = self._library.say(name, length=countdown.clock(timer.seconds))
        self._outgoing.change(
            session, timer.message_key, [words], key=f"timer:{timer.id}:over", now=now, keeps_buttons=False
        )

    def _end(self, timer: Timer, state: TimerState, now: datetime) -> None:
        timer.state, timer.ended_at = state, now

    @property
    def _pace(self) -> Pace:
        number = self._library.number
        return Pace(int(number("timer.every_short")), int(number("timer.every_long")), int(number("timer.short_up_to")))
