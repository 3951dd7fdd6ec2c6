"""Who was in danger, whether a physio was told, and how often: the figures of a proof, and what must be nought."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta

from sqlmodel import Session, col, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.services.audit_check import check
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.outgoing import Outgoing
from data import patients, physios
from data.alerts import Alert
from data.audit import AuditEvent
from data.database import Database
from data.outbox import OutboxMessage
from data.patients import Nation
from data.physios import Physio, PhysioRole
from tests.fake_telegram import PHYSIO

DANGER = "I can't feel when I wipe since this morning"
FIRST_CHAT = 7_300_000_000
LEAD = PHYSIO + 1
REACHED = ("alert_sent", "alert_escalated")
Shows = Callable[[int], Iterable[str]]  # chat → the texts that stand there


def opens(database: Database, library: Library, now: datetime, *, people: int) -> list[int]:
    """A physio on duty, a lead, and so many patients; the patients' chats."""
    chats = list(range(FIRST_CHAT, FIRST_CHAT + people))
    check_ins = CheckIns(database, SimulatedClock(now), library, Outgoing(library))
    enrolment = Enrolment(database, library, check_ins)
    with database.transaction() as session:
        works(session, "Priya", PHYSIO, now)
        session.add(Physio(name="Lena", role=PhysioRole.LEAD, chat_id=LEAD))
        for chat in chats:
            code = enrolment.invite(session, by="admin", now=now)
            patient = enrolment.stranger(session, chat, now)
            enrolment.redeem(session, patient, code, now)
            enrolment.enrol(
                session, patient, nation=Nation.ENGLAND, time_zone="Europe/London", check_in_at=time(23),
                activity_screen="", now=now,
            )  # fmt: skip
            patient.next_safety_screen_at = now + timedelta(days=365)
    return chats


def works(session: Session, name: str, chat: int, now: datetime) -> None:
    physio = Physio(name=name)
    session.add(physio)
    session.flush()
    physios.link(session, physio, chat)
    physios.start_duty(session, physio, now)


def account(
    database: Database, library: Library, shows: Shows, chats: Sequence[int], staff: Sequence[int] = (PHYSIO, LEAD)
) -> Counter[str]:
    """`lost`: dangers without an alert, or whose card stands in no physio's chat."""
    found: Counter[str] = Counter()
    mark = library.say("utter_sent_again").text
    cards = [(chat, text) for chat in staff for text in shows(chat)]
    with database.transaction() as session:
        for chat in chats:
            patient = patients.by_chat(session, chat)
            assert patient is not None
            alerts = session.exec(select(Alert).where(col(Alert.patient_id) == patient.id)).all()
            found["raised"] += len(alerts)
            found["raised twice"] += sum(alert.times_raised - 1 for alert in alerts) + max(0, len(alerts) - 1)
            copies = [(to, text) for alert in alerts for to, text in cards if alert.reference in text]
            found["lost"] += not copies
            found["escalated"] += any(_climbed(session, alert) for alert in alerts)
            _advice(session, found, chat, list(shows(chat)), mark)
        rows = session.exec(select(OutboxMessage).where(col(OutboxMessage.kind) == "card")).all()
        for row in rows:
            arrived = [text for to, text in cards if to == row.chat_id and text.endswith(row.text)]
            found["cards"] += len(arrived)
            found["duplicates"] += max(0, len(arrived) - 1)
            found["duplicates not marked"] += sum(not text.startswith(mark) for text in arrived[1:])
        found["audit differences"] = 0 if check(session).well else 1
    return found


def _climbed(session: Session, alert: Alert) -> bool:
    mine = (col(AuditEvent.alert) == alert.reference, col(AuditEvent.what) == "alert_escalated")
    return session.exec(select(AuditEvent.id).where(*mine).limit(1)).first() is not None


def _advice(session: Session, found: Counter[str], chat: int, shown: list[str], mark: str) -> None:
    mine = (col(OutboxMessage.chat_id) == chat, col(OutboxMessage.must_arrive).is_(True))
    rows = session.exec(select(OutboxMessage).where(*mine)).all()
    found["advice not given"] += not rows
    for row in rows:
        arrived = [text for text in shown if text.endswith(row.text)]
        found["advice not given"] += not arrived
        found["advice given twice"] += max(0, len(arrived) - 1)
        found["duplicates not marked"] += sum(not text.startswith(mark) for text in arrived[1:])


MUST_BE_NOUGHT = ("lost", "raised twice", "duplicates not marked", "advice not given", "audit differences")


def problems(found: Counter[str]) -> dict[str, int]:
    return {name: found[name] for name in MUST_BE_NOUGHT if found[name]}


def told(found: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
