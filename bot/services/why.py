"""Why a patient got, or did not get, a message: what holds now, and what became of each one of the last days.

Only codes leave here; the page puts them into words.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.content import Library
from data import at_risk, case_file, patients, takeovers
from data.at_risk import AtRiskPrompt
from data.checkins import CheckIn
from data.messages import Message
from data.outbox import OutboxMessage
from data.patients import Patient, PatientState
from data.programme import Talk

SENT_SHOWN, TALKS_SHOWN = 40, 20


@dataclass(frozen=True)
class Gate:
    """Something that keeps messages back now: state, paused, held, physio_writes, quiet, form, blocked, no_chat, no_hour."""

    what: str
    since: datetime | None = None
    until: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class Sent:
    """One message of the coach: what caused it, and whether it left."""

    row: OutboxMessage
    cause: str  # the kind of its outbox row
    responses: str
    content: str


@dataclass(frozen=True)
class Why:
    gates: list[Gate]
    next_check_in: CheckIn | None
    check_ins: list[CheckIn]
    sent: list[Sent]
    talks: list[Talk]
    prompts: list[AtRiskPrompt]  # of the at-risk rules: asked, answered, or called off


class WhyMessages:
    def __init__(self, library: Library) -> None:
        self._library = library

    def explain(self, session: Session, patient: Patient, now: datetime) -> Why:
        days = int(self._library.number("console.summary"))
        last = now.astimezone(ZoneInfo(patient.time_zone)).date()
        rows = case_file.outgoing(session, patient.id, now - timedelta(days=days), most=SENT_SHOWN)
        said = case_file.messages_by_key(session, patient.id, [each.key for each in rows])
        return Why(
            gates=list(self._gates(session, patient, now)),
            next_check_in=case_file.planned_check_in(session, patient.id),
            check_ins=case_file.check_ins(session, patient.id, last - timedelta(days=days - 1), last),
            sent=[_sent(row, said.get(row.key)) for row in rows],
            talks=case_file.talks(session, patient.id, most=TALKS_SHOWN),
            prompts=at_risk.prompts_of(session, [patient.id]).get(patient.id, [])[::-1][:TALKS_SHOWN],
        )

    def _gates(self, session: Session, patient: Patient, now: datetime) -> list[Gate]:
        """The same facts that the services look at before they ask for anything."""
        chat = patients.chat_of(session, patient)
        found = []
        if patient.state in (PatientState.WITHDRAWN, PatientState.INVITED, PatientState.STRANGER):
            found.append(Gate("state", detail=patient.state.value))
        if chat is None:
            found.append(Gate("no_chat"))
        elif chat.blocked_at:
            found.append(Gate("blocked", since=chat.blocked_at))
        if patient.state == PatientState.PAUSED:
            found.append(Gate("paused", until=patient.paused_until))
        if patient.held_since:
            found.append(Gate("held", since=patient.held_since, detail=patient.held_for or ""))
        if takeover := takeovers.open_of(session, patient.id):
            found.append(Gate("physio_writes", since=takeover.began_at))
        if patient.quiet_until and patient.quiet_until > now:
            found.append(Gate("quiet", until=patient.quiet_until))
        if patient.asks:
            found.append(Gate("form", detail=patient.asks.partition(".")[0]))
        if patient.check_in_at is None:
            found.append(Gate("no_hour"))
        return found


def _sent(row: OutboxMessage, message: Message | None) -> Sent:
    return Sent(row, row.kind, message.responses if message else "", message.content if message else "")
