"""A patient who is asked every day, a clock, and what stands in the chat: no Telegram, no Rasa."""

from datetime import datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.services.checkins import CheckIns
from bot.services.outgoing import Outgoing
from data import messages, patients
from data.checkins import LIVE, CheckIn
from data.database import Database
from data.messages import Direction, Message
from data.outbox import Button, OutboxMessage, OutboxState
from data.patients import Patient, PatientChat, PatientState

CHAT = 501
NEVER = datetime.fromisoformat("2100-01-01T00:00+00:00")


def numbered(*values: int) -> list[dict[str, str]]:
    return [{"title": str(value), "payload": str(value)} for value in values]


SKIP = {"title": "Skip", "payload": "skip"}
LATER = {"title": "Later", "payload": "/snooze_check_in"}
NOT_TODAY = {"title": "Not today", "payload": "/skip_check_in"}
ILL = {"title": "I'm ill today", "payload": "ill today"}
SAYS: dict[str, list[dict]] = {
    "utter_ask_pain_now": [{"text": "pain?", "buttons": [*numbered(*range(11)), LATER, NOT_TODAY]}],
    "utter_ask_minutes_done": [{"text": "minutes?", "buttons": [*numbered(0, 10, 20), SKIP, ILL]}],
    "utter_ask_confidence": [{"text": "confidence?", "buttons": [*numbered(*range(11)), SKIP]}],
    "utter_ask_noticed": [{"text": f"noticed {word}?", "buttons": [SKIP]} for word in ("anything", "a change", "what")],
    "utter_check_in_done": [{"text": "thanks"}],
    "utter_morning_done": [{"text": "until the evening"}],
    "utter_ill_noted": [{"text": "get well"}],
    "utter_check_in_done_minutes": [{"text": "thanks for {minutes_done} minutes"}],
    "utter_check_in_reminder": [{"text": "still there?"}],
    "utter_check_in_snoozed": [{"text": "again at {at}, in {minutes}"}],
    "utter_check_in_skipped": [{"text": "not today, fine"}],
    "utter_check_in_lapsed": [{"text": "that one is over"}],
    "utter_check_in_out_of_range": [{"text": "a whole number from {min} to {max}, please."}],
}
KINDS: dict[str, dict] = {
    "pain_now": {"kind": "scale", "min": 0, "max": 10},
    "minutes_done": {"kind": "minutes", "min": 0, "max": 600},
    "confidence": {"kind": "scale", "min": 0, "max": 10},
    "noticed": {"kind": "text", "max_chars": 40, "optional": True},
}
NUMBERS = {
    "quiet_from": "20:00", "quiet_until": "08:00", "spread": 0, "on_time_within": 15, "missed_after": 120,
    "busy_within": 10, "wait": 10, "most_waits": 3, "remind_after": 90, "lapse_after": 10, "snooze": 60,
    "longest_snooze": 360, "noticing_on": 6, "morning_counts_within": 180,
}  # fmt: skip


def little_library(**numbers: object) -> Library:
    """The words and numbers of a check-in and nothing else."""
    return Library(
        responses={name: [dict(each) for each in said] for name, said in SAYS.items()},
        slots={
            slot: {"mappings": [{"type": "from_text", "conditions": [{"active_loop": "check_in_form"}], **kind}]}
            for slot, kind in KINDS.items()
        },
        forms={},
        protocol={
            "check_in": {name: {"value": value} for name, value in (NUMBERS | numbers).items()},
            "wording": {"one_of": {}, "in_short": {}},
            "conversation": {"buttons_live": {"value": 168}},
        },
        safety={},
        lexicons=[],
    )


class Diary:
    """Says what the patient sees as "Tue 09:00 pain?"; the clock is the patient's."""

    def __init__(
        self,
        database: Database,
        clock: SimulatedClock,
        *,
        zone: str = "Europe/London",
        at: str = "09:00",
        library: Library | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.zone = zone
        self.library = library or little_library()
        self.check_ins = CheckIns(database, clock, self.library, Outgoing(self.library))
        self.telegram = True
        self._updates = count(1)
        self._read = 0
        with database.transaction() as session:
            patient = Patient(
                code="P-7KQ4M", sender="s1", state=PatientState.ACTIVE, created_at=clock.now(), time_zone=zone,
                check_in_at=time.fromisoformat(at),
            )  # fmt: skip
            session.add(patient)
            session.flush()
            self.patient_id = patient.id
            session.add(PatientChat(chat_id=CHAT, patient_id=patient.id))
            self.check_ins.plan_next(session, patient, clock.now())

    # Time

    def wait(self, span: timedelta | None = None, **parts: int) -> None:
        """Moves on, with a tick whenever a row says so."""
        end = self.clock.now() + (span or timedelta(**parts))
        if self.telegram:
            self.deliver()
        while (due := self._next_due()) <= end:
            self.clock.move_to(due)
            assert self.tick(), f"a row is due at {due}, and the tick left it lying"
        self.clock.move_to(end)
        self.tick()

    def until(self, local: str) -> None:
        """Moves on to a wall-clock time where the patient lives: "2026-12-02 09:00"."""
        end = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(self.zone))
        self.wait(end - self.clock.now())

    def sleep(self, **parts: int) -> None:
        """The process is down: time passes and nobody ticks."""
        self.clock.move(timedelta(**parts))

    def tick(self) -> int:
        moved = self.check_ins.send_due()
        if self.telegram:
            self.deliver()
        return moved

    def deliver(self) -> None:
        with self.database.transaction() as session:
            for row in session.exec(select(OutboxMessage).where(col(OutboxMessage.state) == OutboxState.QUEUED)):
                row.state, row.sent_at = OutboxState.SENT, self.clock.now()

    def _next_due(self) -> datetime:
        with self.database.transaction() as session:
            query = select(CheckIn.due_at).where(col(CheckIn.state).in_(LIVE)).order_by(col(CheckIn.due_at))
            return session.exec(query.limit(1)).first() or NEVER

    # The patient

    def says(self, text: str) -> bool:
        """Whether the check-in took the words; False: they are for Rasa."""
        with self.database.transaction() as session:
            patient = patients.get(session, self.patient_id)
            check_in = self.check_ins.open_for(session, patient)
            self._log(text)(session)
            return bool(check_in) and self._answer(session, patient, check_in, text)

    def taps(self, label: str, *, of: int = -1) -> bool:
        """Presses a button of a message with buttons, the latest unless told; False when that does nothing."""
        with self.database.transaction() as session:
            query = (
                select(OutboxMessage)
                .where(col(OutboxMessage.state) == OutboxState.SENT)
                .order_by(col(OutboxMessage.id))
            )
            keyboard = [row for row in session.exec(query) if row.buttons][of]
            buttons = session.exec(select(Button).where(col(Button.outbox_key) == keyboard.key)).all()
            button = next(each for each in buttons if each.label == label)
            patient = patients.get(session, self.patient_id)
            check_in = self.check_ins.for_tap(session, patient, button.asks or "")
            self._log(label)(session)
            return bool(check_in) and self._answer(session, patient, check_in, button.says)

    def _answer(self, session, patient, check_in, text: str) -> bool:  # type: ignore[no-untyped-def]
        key = f"u{next(self._updates)}:reply"
        return self.check_ins.answer(session, patient, check_in, text, key=key, now=self.clock.now())

    def _log(self, text: str):  # type: ignore[no-untyped-def]
        """The patient has written: what counts as being in the middle of something."""
        message = Message(
            key=f"in{next(self._updates)}", patient_id=self.patient_id, direction=Direction.FROM_PATIENT, kind="text",
            text=text, at=self.clock.now(),
        )  # fmt: skip
        return lambda session: messages.record(session, message)

    def is_asked(self, asks: str | None) -> None:
        """Rasa asks something: "goal_form.goal_minutes"; the patient has just written to it."""
        with self.database.transaction() as session:
            patient = patients.get(session, self.patient_id)
            patient.asks = asks
            self._log("go on")(session)
            if asks:
                reply = Message(
                    key=f"out{next(self._updates)}", patient_id=patient.id, direction=Direction.TO_PATIENT,
                    kind="reply", text="…", at=self.clock.now(),
                    responses=f"utter_ok,utter_ask_{asks.partition('.')[2]}",
                )  # fmt: skip
                messages.record(session, reply)

    def change(self, **fields: object) -> None:
        """The patient's row changes, and the next check-in is planned anew."""
        with self.database.transaction() as session:
            patient = patients.get(session, self.patient_id)
            for name, value in fields.items():
                setattr(patient, name, value)
            self.check_ins.plan_next(session, patient, self.clock.now())
        self.zone = str(fields.get("time_zone", self.zone))

    def does(self, action, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Runs `action(session, patient, …)` in a transaction."""
        with self.database.transaction() as session:
            return action(session, patients.get(session, self.patient_id), *args, **kwargs)

    # What there is to see

    def sees(self) -> list[str]:
        """What has arrived since the last look, each with the patient's time."""
        with self.database.transaction() as session:
            query = select(OutboxMessage).where(col(OutboxMessage.id) > self._read).order_by(col(OutboxMessage.id))
            rows = [
                row for row in session.exec(query) if row.state == OutboxState.SENT or row.state == OutboxState.QUEUED
            ]
            self._read = max((row.id for row in rows), default=self._read)
            return [f"{self._local(row.created_at):%a %H:%M} {' '.join(row.text.split())}" for row in rows]

    def rows(self) -> list[CheckIn]:
        """Every check-in, oldest first."""
        with self.database.transaction() as session:
            return list(session.exec(select(CheckIn).order_by(col(CheckIn.on))).all())

    def ended(self) -> list[str]:
        """What became of each: "2026-12-01 skipped paused"."""
        return [f"{row.on} {row.state} {row.reason}".strip() for row in self.rows()]

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))
