"""The test world: one patient, one physio, one clock, on the real services. Tests written with it read as transcripts."""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

from sqlmodel import col, select

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.rasa.client import Rasa
from bot.telegram.api import CoachBot
from bot.telegram.intake import Intake
from bot.telegram.terminal import Shown, TerminalTelegram
from data import agenda, patients, physios
from data.alerts import Alert
from data.at_risk import AtRiskLook
from data.database import Database
from data.measures import MeasureRound
from data.messages import Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Nation, Patient
from data.physios import Physio, PhysioRole

PATIENT, PHYSIO, LEAD, STRANGER = 1001, 9001, 9002, 1002
CODE = "ABCD-EFGH-JKMN"


class Chat:
    """`patient_says`, `patient_taps`, `physio_taps`, `time_passes`; then `patient_sees`, `physio_sees`, and the rows."""

    def __init__(
        self, database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: Rasa
    ) -> None:
        self.database = database
        self.library = library
        self.clock = clock
        self.telegram = TerminalTelegram(now=clock.now)
        self.bot = CoachBot("42:test", request=self.telegram)
        self.app = App(database=database, library=library, rules=rules, clock=clock, rasa=rasa, bot=self.bot)
        self.intake = Intake(self.bot, self.app.inbox)
        self._seen: dict[int, int] = {}  # by chat: how many messages
        self._read: dict[int, int] = {}  # by chat: the last outbox row

    # Who is there

    def physio_is_on_duty(
        self, *, name: str = "Priya", chat_id: int = PHYSIO, role: PhysioRole = PhysioRole.PHYSIO
    ) -> None:
        with self.database.transaction() as session:
            physio = Physio(name=name, role=role)
            session.add(physio)
            session.flush()
            physios.link(session, physio, chat_id)
            physios.start_duty(session, physio, self.clock.now())

    def patient_has_joined(
        self,
        *,
        zone: str = "Europe/London",
        check_in_at: time = time(18),
        chat_id: int = PATIENT,
        watched: bool = False,
    ) -> None:
        """`watched`: the daily look of the at-risk rules takes place, and with it the weekly question."""
        now = self.clock.now()
        with self.database.transaction() as session:
            code = self.app.enrolment.invite(session, by="admin", now=now)
            patient = self.app.enrolment.stranger(session, chat_id, now)
            self.app.enrolment.redeem(session, patient, code, now)
            self.app.enrolment.enrol(
                session, patient, nation=Nation.ENGLAND, time_zone=zone, check_in_at=check_in_at, activity_screen="", now=now
            )  # fmt: skip
            patient.next_safety_screen_at = now + timedelta(days=365)  # the monthly questions have tests of their own
            if not watched:
                session.add(AtRiskLook(patient_id=patient.id, due_at=now + timedelta(days=999)))
            session.add(
                MeasureRound(patient_id=patient.id, due_at=now + timedelta(days=999))
            )  # and so have questionnaires

    def has_invitation(self) -> None:
        with self.database.transaction() as session:
            self.app.enrolment.invite(session, by="admin", now=self.clock.now(), code=CODE)

    # What happens

    async def patient_says(self, text: str, *, chat_id: int = PATIENT, **extra: Any) -> None:
        await self._arrives(self.telegram.says(chat_id, text, **extra))

    async def patient_sends(self, *, chat_id: int = PATIENT, **fields: Any) -> None:
        await self._arrives(self.telegram.sends(chat_id, **fields))

    async def patient_taps(self, label: str, *, chat_id: int = PATIENT) -> None:
        await self._arrives(self.telegram.taps(chat_id, label))

    async def physio_says(self, text: str, *, chat_id: int = PHYSIO) -> None:
        await self._arrives(self.telegram.says(chat_id, text))

    async def physio_replies(self, text: str, *, to: str, chat_id: int = PHYSIO) -> None:
        """As Telegram does it: in reply to the newest message of that chat with these words in it."""
        message = next(shown for shown in reversed(self.telegram.in_chat(chat_id)) if to in shown.text)
        await self._arrives(self.telegram.says(chat_id, text, reply_to_message={"message_id": message.message_id}))

    async def physio_taps(self, label: str, *, chat_id: int = PHYSIO) -> None:
        await self._arrives(self.telegram.taps(chat_id, label))

    async def time_passes(self, **span: float) -> None:
        """From one due thing to the next."""
        until = self.clock.now() + timedelta(**span)
        while True:
            await self.settle()
            with self.database.transaction() as session:
                due = agenda.next_due(session, after=self.clock.now())
            if due is None or due >= until:
                break
            self.clock.move_to(max(due, self.clock.now() + timedelta(seconds=1)))
        self.clock.move_to(until)
        await self.settle()

    async def settle(self) -> None:
        """Everything that is due now happens."""
        while True:
            await self.app.turns.drain()
            done = await self.app.tick.run() + await self.app.delivery.drain(self.clock.move)
            if not done:
                return

    async def _arrives(self, update: dict[str, Any]) -> None:
        self.intake.take(update)
        await self.intake.close()
        await self.settle()

    # What is seen

    def sees(self, chat_id: int) -> list[Shown]:
        """What this chat has been shown since it was last asked."""
        shown = self.telegram.in_chat(chat_id)
        new = shown[self._seen.get(chat_id, 0) :]
        self._seen[chat_id] = len(shown)
        return new

    def patient_sees(self, *responses: str, chat_id: int = PATIENT) -> None:
        """The names of the responses that were delivered since the last look, in order. Without names: none."""
        self.sees(chat_id)
        delivered = (col(OutboxMessage.chat_id) == chat_id, col(OutboxMessage.state) == OutboxState.SENT)
        query = (
            select(Message.responses, OutboxMessage.id)
            .join(OutboxMessage, col(OutboxMessage.key) == col(Message.key))
            .where(*delivered, col(OutboxMessage.id) > self._read.get(chat_id, 0))
            .order_by(col(OutboxMessage.sent_at), col(OutboxMessage.id))
        )
        rows = self.rows(lambda session: session.exec(query).all())
        self._read[chat_id] = max([self._read.get(chat_id, 0), *(number for _, number in rows)])
        named = [name for names, _ in rows for name in names.split(",")]
        assert named == list(responses), f"the patient saw {named}"

    def last_words(self, chat_id: int = PATIENT) -> str:
        shown = self.telegram.in_chat(chat_id)
        return shown[-1].text if shown else ""

    def buttons(self, chat_id: int = PATIENT) -> list[str]:
        shown = self.telegram.in_chat(chat_id)
        return shown[-1].labels if shown else []

    def physio_sees(self, *words: str, chat_id: int = PHYSIO) -> None:
        """Every word in some message since the last look."""
        text = "\n".join(shown.text for shown in self.sees(chat_id))
        missing = [word for word in words if word not in text]
        assert not missing, f"the physio saw no {missing} in:\n{text}"

    def physio_sees_nothing(self, chat_id: int = PHYSIO) -> None:
        seen = [shown.text for shown in self.sees(chat_id)]
        assert seen == []

    # The rows behind it

    @property
    def patient(self) -> Patient:
        with self.database.transaction() as session:
            patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        return patient

    def alerts(self) -> list[Alert]:
        return self.rows(lambda session: list(session.exec(select(Alert).order_by(col(Alert.id))).all()))

    def rows(self, query: Callable[[Any], Any]) -> Any:
        with self.database.transaction() as session:
            return query(session)
