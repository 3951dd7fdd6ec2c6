"""A small service for tests of alerts: physios, patients, a clock, and what stands in each physio's chat."""

from datetime import timedelta
from itertools import count

from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.services.checkins import CheckIns
from bot.services.escalation import Escalation
from bot.services.incoming import Incoming
from bot.services.measures import Measures
from bot.services.outgoing import Outgoing
from bot.services.physio_desk import PhysioDesk
from bot.services.prompts import Prompts
from bot.services.rota import Rotas
from bot.services.takeovers import Takeovers
from data import alerts, audit, outbox
from data.alerts import Alert
from data.database import Database
from data.messages import Direction, Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientChat, PatientState
from data.physios import OnCallShift, Physio, PhysioRole
from data.rota import FIRST


class Ward:
    def __init__(
        self, database: Database, clock: SimulatedClock, library: Library, *, outgoing: Outgoing | None = None
    ) -> None:
        self.database = database
        self.clock = clock
        self.library = library
        self.outgoing = outgoing or Outgoing(library)
        self.escalation = Escalation(database, clock, library, self.outgoing)
        check_ins = CheckIns(database, clock, library, self.outgoing)
        prompts = Prompts(library, self.outgoing, check_ins)
        measures = Measures(database, clock, library, self.outgoing, check_ins, prompts)
        self.takeovers = Takeovers(database, clock, library, self.outgoing, self.escalation, check_ins)
        self.desk = PhysioDesk(
            database, clock, library, self.outgoing, self.escalation, measures, self.takeovers
        )  # fmt: skip
        self._numbers = count(1)
        self._seen: dict[int, int] = {}

    # --- people ---

    def patient(self, code: str = "P-7KQ4M", *, held_for: str | None = None) -> int:
        number = next(self._numbers)
        now = self.clock.now()
        with self.database.transaction() as session:
            patient = Patient(
                code=code, sender=f"sender{number}", state=PatientState.ACTIVE, created_at=now, held_for=held_for,
                held_since=now if held_for else None, quiet_until=now + timedelta(days=7) if held_for else None,
                asks="goal_form.goal_minutes" if held_for else None,
            )  # fmt: skip
            session.add(patient)
            session.flush()
            session.add(PatientChat(chat_id=1000 + number, patient_id=patient.id))
            return patient.id

    def physio(
        self, name: str, *, role: PhysioRole = PhysioRole.PHYSIO, on_duty: bool = True, linked: bool = True
    ) -> int:
        with self.database.transaction() as session:
            physio = Physio(name=name, role=role, chat_id=5000 + next(self._numbers) if linked else None)
            session.add(physio)
            session.flush()
            if on_duty:
                session.add(OnCallShift(physio_id=physio.id, starts_at=self.clock.now()))
            return physio.id

    def lead(self, name: str = "Lena") -> int:
        return self.physio(name, role=PhysioRole.LEAD, on_duty=False)

    # --- what happens ---

    def raises(
        self, patient: int, cause: str = "RF01", *, level: str = "P0", severity: str = "EAE", told: str = "MAE",
        message: int | None = None,
    ) -> int:  # fmt: skip
        now = self.clock.now()
        with self.database.transaction() as session:
            alert = self.escalation.raise_alert(
                session, session.get(Patient, patient), cause=cause, severity=severity, level=level, told=told,
                message_id=message, now=now,
            )  # fmt: skip
            alert_id = alert.id
        self.deliver()
        return alert_id

    def message(self, patient: int) -> int:
        """The row of something a patient wrote."""
        with self.database.transaction() as session:
            row = Message(
                key=f"m{next(self._numbers)}", patient_id=patient, direction=Direction.FROM_PATIENT, kind="text",
                text="it has gone numb down below", at=self.clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id

    def acknowledges(self, physio: int, alert: int, *, seen: int | None = None) -> None:
        with self.database.transaction() as session:
            self.escalation.acknowledge(session, alert, session.get(Physio, physio), self.clock.now(), seen=seen)
        self.deliver()

    def closes(self, physio: int, alert: int, outcome: str = "safe_to_go_on", *, seen: int | None = None) -> None:
        with self.database.transaction() as session:
            self.escalation.close(session, alert, session.get(Physio, physio), outcome, self.clock.now(), seen=seen)
        self.deliver()

    def time_passes(self, **step: float) -> int:
        """Moves the clock in one leap, as after a downtime, and lets what is overdue happen."""
        self.clock.move(timedelta(**step))
        taken = self.escalation.escalate_overdue()
        self.deliver()
        return taken

    def deliver(self) -> None:
        """Telegram takes everything that is queued."""
        with self.database.transaction() as session:
            for row in session.exec(select(OutboxMessage).where(col(OutboxMessage.state) == OutboxState.QUEUED)).all():
                row.state, row.sent_at, row.telegram_message_id = OutboxState.SENT, self.clock.now(), 90_000 + row.id
                session.add(row)

    # --- a physio's phone ---

    def writes(self, physio: int, text: str, *, kind: str | None = None) -> list[str]:
        """The physio sends something; returns what they get back."""
        kind = kind or ("command" if text.startswith("/") else "text")
        return self._handle(physio, Incoming(next(self._numbers), self.chat(physio), kind, text=text))

    def taps(self, physio: int, label: str, *, on: OutboxMessage | None = None) -> list[str]:
        """The physio taps a button of the newest message that has it (or `on` that message)."""
        message = on or next(
            each for each in reversed(self.messages(physio)) if any(b["label"] == label for b in each.buttons)
        )
        button = next(each["id"] for each in message.buttons if each["label"] == label)
        tap = Incoming(
            next(self._numbers), self.chat(physio), "tap", button_id=button, message_id=message.telegram_message_id
        )
        return self._handle(physio, tap)

    def _handle(self, physio: int, incoming: Incoming) -> list[str]:
        self.sees(physio)
        with self.database.transaction() as session:
            self.desk.handle(session, session.get(Physio, physio), incoming)
        self.deliver()
        return self.sees(physio)

    def messages(self, physio: int) -> list[OutboxMessage]:
        """Everything this physio was sent, oldest first; edits aside."""
        with self.database.transaction() as session:
            query = select(OutboxMessage).where(col(OutboxMessage.physio_id) == physio).order_by(col(OutboxMessage.id))
            return list(session.exec(query).all())

    def cards(self, physio: int) -> list[OutboxMessage]:
        return [each for each in self.messages(physio) if each.kind == "card"]

    def sees(self, physio: int) -> list[str]:
        """What has come since the last look."""
        texts = [each.text for each in self.messages(physio)]
        new = texts[self._seen.get(physio, 0) :]
        self._seen[physio] = len(texts)
        return new

    def chat(self, physio: int) -> int:
        with self.database.transaction() as session:
            return session.get(Physio, physio).chat_id

    def stands_as(self, message: OutboxMessage) -> str:
        """How a sent message reads now, after its edits."""
        with self.database.transaction() as session:
            query = select(OutboxMessage).where(
                col(OutboxMessage.edits) == message.telegram_message_id, col(OutboxMessage.chat_id) == message.chat_id
            )
            edits = session.exec(query.order_by(col(OutboxMessage.id))).all()
            return edits[-1].text if edits else message.text

    def button(self, message: OutboxMessage, label: str) -> outbox.Button:
        """What a button of a sent message stands for."""
        with self.database.transaction() as session:
            return outbox.button(session, next(each["id"] for each in message.buttons if each["label"] == label))

    # --- the record ---

    def alert(self, alert: int) -> Alert:
        with self.database.transaction() as session:
            found = alerts.get(session, alert)
            assert found is not None
            return found

    def patient_row(self, patient: int) -> Patient:
        with self.database.transaction() as session:
            return session.get(Patient, patient)

    def patient_sees(self, patient: int) -> list[str]:
        with self.database.transaction() as session:
            query = select(OutboxMessage).where(col(OutboxMessage.patient_id) == patient)
            return [each.text for each in session.exec(query.order_by(col(OutboxMessage.id))).all()]

    def history(self, code: str = "P-7KQ4M") -> list[str]:
        """The audit of one patient, oldest first."""
        with self.database.transaction() as session:
            return [each.what for each in audit.about(session, code)]

    def on_duty(self) -> list[str]:
        with self.database.transaction() as session:
            return [each.name for each in Rotas().on_duty(session, FIRST, self.clock.now())]
