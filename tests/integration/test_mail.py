"""Alerts by e-mail, through a real SMTP server on this machine, with the faults that mail servers have."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mail

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlmodel import select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.mail import EmailSender
from bot.services.delivery import Delivery
from bot.services.outgoing import Outgoing
from bot.settings import Settings
from data import physios
from data.alerts import AlertState
from data.database import Database
from data.outbox import Channel, OutboxMessage, OutboxState
from data.physios import Physio
from tests.unit.ward import Ward

CONSOLE = "https://console.example"


class MailServer:
    """Takes what is sent, unless told otherwise for the next message."""

    def __init__(self) -> None:
        self.taken: list[Mail] = []
        self.refuses: list[str] = []  # answers to the next recipients
        self.forgets = 0  # takes a message and hangs up before it says so

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list
    ) -> str:
        if self.refuses:
            return self.refuses.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(message_from_bytes(envelope.content))
        if self.forgets:
            self.forgets -= 1
            server.transport.close()
        return "250 OK"

    @property
    def bodies(self) -> list[str]:
        return [each.get_payload(decode=True).decode() for each in self.taken]


class Post:
    """A ward whose physios read e-mail."""

    def __init__(self, ward: Ward, settings: Settings, server: MailServer) -> None:
        self.ward = ward
        self.server = server
        sender = EmailSender(settings, ward.clock, self._address_of)
        self.delivery = Delivery(
            ward.database, ward.clock, sender, "test", library=ward.library, token_hash="email",
            channels=(Channel.EMAIL,), on_blocked=self._lost,
        )  # fmt: skip

    def _address_of(self, physio_id: int) -> str | None:
        with self.ward.database.transaction() as session:
            return session.get_one(Physio, physio_id).email

    def _lost(self, session: object, row: OutboxMessage) -> None:
        self.ward.escalation.channel_lost(
            session, session.get_one(Physio, row.physio_id), self.ward.clock.now(), row.channel
        )

    def physio(self, name: str, **more: bool) -> int:
        number = self.ward.physio(name, **more)
        with self.ward.database.transaction() as session:
            session.get_one(Physio, number).email = f"{name.lower()}@clinic.example"
        return number

    async def raises(self, patient: int | None = None) -> int:
        """As Ward.raises, without pretending that e-mail was delivered."""
        ward = self.ward
        patient = patient or ward.patient()
        ward.deliver = lambda: None
        alert = ward.raises(patient, message=ward.message(patient))
        await self.leaves()
        return alert

    async def leaves(self) -> None:
        await self.delivery.drain(self.ward.clock.move)

    def rows(self) -> list[OutboxMessage]:
        with self.ward.database.transaction() as session:
            query = select(OutboxMessage).where(OutboxMessage.channel == Channel.EMAIL).order_by(OutboxMessage.id)
            return list(session.exec(query).all())


@pytest.fixture
def server() -> MailServer:
    return MailServer()


@pytest.fixture
async def post(
    sqlite_database: Database, clock: SimulatedClock, library: Library, server: MailServer
) -> AsyncIterator[Post]:
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", smtp_from="coach@clinic.example")
    yield Post(Ward(sqlite_database, clock, library, outgoing=Outgoing(library, console=CONSOLE)), settings, server)
    listening.close()


async def test_an_alert_arrives_by_mail_with_its_reference_and_no_word_of_the_patient(post: Post):
    post.physio("Anna")

    await post.raises(post.ward.patient("P-7KQ4M"))

    (mail,), (body,) = post.server.taken, post.server.bodies
    assert str(make_header(decode_header(mail["Subject"]))) == "A-0001 · P0 · please look"
    assert mail["To"] == "anna@clinic.example"
    assert all(part in body for part in ("A-0001", "P-7KQ4M", "RF01", f"{CONSOLE}/patients/P-7KQ4M"))
    assert "numb down below" not in mail.as_string() + body


async def test_a_physio_who_has_nothing_but_mail_can_be_reached(post: Post):
    post.physio("Anna", linked=False)

    alert = await post.raises()

    assert post.ward.alert(alert).unreachable_since is None
    assert len(post.server.taken) == 1


async def test_acting_on_one_copy_updates_the_mails_too(post: Post):
    anna = post.ward.physio("Anna")
    post.physio("Ben")
    alert = await post.raises()

    post.ward.acknowledges(anna, alert)
    await post.leaves()

    card, note = post.server.taken
    assert "A-0001: ✓ Acknowledged by Anna." in post.server.bodies[1]
    assert note["References"] == card["References"]


async def test_an_address_that_is_refused_for_good_counts_as_a_lost_channel_and_the_alert_climbs(post: Post):
    anna = post.physio("Anna", linked=False)
    ben = post.ward.physio("Ben", on_duty=False)
    post.server.refuses = ["550 no such user"]

    await post.raises()

    assert len(post.ward.cards(ben)) == 1
    assert "email_lost" in everything_recorded(post.ward)
    with post.ward.database.transaction() as session:
        assert not physios.reachable(session.get_one(Physio, anna), post.ward.clock.now())


async def test_a_busy_server_is_asked_again(post: Post):
    post.physio("Anna")
    post.server.refuses = ["451 try again later"]
    await post.raises()
    assert post.server.taken == []

    post.ward.clock.move(timedelta(minutes=1))
    await post.leaves()

    assert [row.state for row in post.rows()] == [OutboxState.SENT]
    assert len(post.server.taken) == 1


async def test_a_mail_whose_receipt_was_lost_goes_once_more_under_the_same_number(post: Post):
    post.physio("Anna")
    post.server.forgets = 1

    await post.raises()
    post.ward.clock.move(timedelta(minutes=1))
    await post.leaves()

    first, again = post.server.taken
    assert first["Message-ID"] == again["Message-ID"]
    assert [row.repeated for row in post.rows()] == [True]


async def test_a_server_that_is_away_loses_nothing(
    post: Post, sqlite_database: Database, clock: SimulatedClock, library: Library
):
    post.physio("Anna")
    nowhere = Settings(smtp_host="127.0.0.1", smtp_port=9, smtp_security="none", smtp_from="coach@clinic.example")
    away = Post(post.ward, nowhere, post.server)

    alert = await away.raises()
    waiting = [row.state for row in post.rows()]
    post.ward.clock.move(timedelta(minutes=1))
    await post.leaves()

    assert waiting == [OutboxState.QUEUED]
    assert len(post.server.taken) == 1
    assert post.ward.alert(alert).state == AlertState.OPEN


def everything_recorded(ward: Ward) -> list[str]:
    from data.audit import AuditEvent

    with ward.database.transaction() as session:
        return [each.what for each in session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()]
