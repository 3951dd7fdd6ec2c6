"""What physio and patient have to do with each other just now: for the case page, and for the whole service."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.content import Library
from bot.services.takeovers import Takeovers
from data import calls, case_file, outbox, referrals, takeovers
from data.calls import Call
from data.messages import Direction, Message
from data.outbox import OutboxState
from data.patients import Patient
from data.physios import Physio
from data.referrals import Referral
from data.takeovers import Takeover

NOT_DELIVERED = (OutboxState.BLOCKED, OutboxState.FAILED, OutboxState.DROPPED)
CALLS_SHOWN = 5
ON_ITS_WAY = (OutboxState.QUEUED, OutboxState.SENDING)


@dataclass(frozen=True)
class Said:
    """One message of a talk. `who` "" is the patient; `words` None: kept back (safeguarding). `fate`: of a physio's."""

    at: datetime
    who: str
    words: str | None
    fate: str  # "", on_its_way, not_delivered


@dataclass(frozen=True)
class Contact:
    """One patient's. `takeover` is the open talk or the last one."""

    takeover: Takeover | None
    said: list[Said]
    calls: list[Call]  # the newest first
    referrals: list[Referral]  # the newest first
    names: dict[int, str]  # of physios

    @property
    def is_open(self) -> bool:
        return self.takeover is not None and self.takeover.ended_at is None


@dataclass(frozen=True)
class Talking:
    """One line of the service's list."""

    takeover: Takeover
    patient: Patient
    physio: Physio | None


class Contacts:
    def __init__(self, library: Library, takeovers: Takeovers) -> None:
        self._library = library
        self._takeovers = takeovers

    def open_case(self, session: Session, physio: Physio, patient: Patient, now: datetime) -> Contact:
        """The physio has the case before them: what the patient wrote counts as read."""
        self._takeovers.read(session, physio, patient, now)
        takeover = takeovers.newest_of(session, patient.id)
        said = self._said(session, patient, takeover) if takeover else []
        referred = referrals.of_patient(session, patient.id)
        ids = {each.physio_id for each in said} | {each.ended_by for each in referred}
        names = case_file.names(session, {number for number in ids if number is not None})
        kept_back = case_file.with_risk(session, patient.id, self._library.value("escalation.discreet"))
        return Contact(
            takeover,
            [
                Said(each.at, _who(each, names), None if each.id in kept_back else each.text, self._fate(session, each))
                for each in said
            ],
            calls.of_patient(session, patient.id, most=CALLS_SHOWN),
            referred,
            names,
        )

    def _said(self, session: Session, patient: Patient, takeover: Takeover) -> list[Message]:
        most = int(self._library.number("talking.shown"))
        said = takeovers.words_since(session, patient.id, takeover.began_at, most=most)
        return [each for each in said if takeover.ended_at is None or each.at <= takeover.ended_at]

    def talking(self, session: Session, service_id: int) -> list[Talking]:
        return [Talking(*row) for row in takeovers.open_in(session, service_id)]

    def unread(self, session: Session, service_id: int) -> list[Talking]:
        """Whose words nobody has opened yet."""
        return [each for each in self.talking(session, service_id) if each.takeover.unread_since]

    def calls(self, session: Session, service_id: int) -> list[tuple[Call, Patient]]:
        return calls.live_in(session, service_id)

    def referrals(self, session: Session, service_id: int) -> list[tuple[Referral, Patient]]:
        return referrals.open_in(session, service_id)

    def _fate(self, session: Session, message: Message) -> str:
        if message.direction == Direction.FROM_PATIENT:
            return ""
        row = outbox.by_key(session, message.key)
        if row is None or row.state in NOT_DELIVERED:
            return "not_delivered"
        return "on_its_way" if row.state in ON_ITS_WAY else ""


def _who(message: Message, names: dict[int, str]) -> str:
    return "" if message.direction == Direction.FROM_PATIENT else names.get(message.physio_id or 0, "")
