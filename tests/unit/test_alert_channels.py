"""Alerts' own bot, and the console as a channel: bulk delays no alert, and every copy bears the same reference."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import DeliveryError
from bot.services.delivery import Delivery, Sent
from data import physios
from data.alerts import AlertState
from data.database import Database
from data.outbox import Channel, OutboxMessage, OutboxState, Priority
from data.physios import Physio
from tests.unit.ward import Ward


class Bot:
    """One bot: what it sent; `halted`: Telegram says 429 to whatever it sends."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.halted = False

    async def send(self, row: OutboxMessage) -> Sent:
        if self.halted:
            raise DeliveryError("429 flood control", retry_after_s=600)
        self.sent.append(row.text)
        return Sent(len(self.sent))


@pytest.fixture
def ward(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Ward:
    ward = Ward(sqlite_database, clock, library)
    ward.deliver = lambda: None
    return ward


def delivery(ward: Ward, bot: Bot, name: str, *channels: Channel) -> Delivery:
    return Delivery(ward.database, ward.clock, bot, name, token_hash=name, channels=channels)


async def test_a_flood_on_the_coachs_bot_delays_no_alert(ward: Ward):
    coach, alerts = Bot(), Bot()
    coach.halted = True
    bulk, cards = delivery(ward, coach, "coach", Channel.TELEGRAM), delivery(ward, alerts, "alerts", Channel.STAFF)
    ward.physio("Anna")
    for number in range(200):
        write(ward, number)

    await bulk.deliver_due()
    ward.raises(ward.patient())
    await bulk.deliver_due()
    await cards.deliver_due()

    assert coach.sent == []
    assert "A-0001" in alerts.sent[0]


async def test_with_one_bot_everything_leaves_by_it(ward: Ward):
    coach = Bot()
    everything = delivery(ward, coach, "coach", Channel.TELEGRAM, Channel.STAFF)
    ward.physio("Anna")
    write(ward, 1)
    ward.raises(ward.patient())

    await everything.drain(ward.clock.move)

    assert len(coach.sent) == 2
    assert "A-0001" in coach.sent[0]  # a card goes before a check-in


def test_the_console_counts_as_a_channel_while_it_is_looked_at(ward: Ward):
    anna, ben = ward.physio("Anna", linked=False), ward.physio("Ben", on_duty=False)
    with ward.database.transaction() as session:
        physios.seen_at_console(session, session.get_one(Physio, anna), ward.clock.now())

    alert = ward.raises(ward.patient())

    (shown,) = ward.cards(anna)
    assert (shown.channel, shown.state) == (Channel.CONSOLE, OutboxState.SENT)
    assert "A-0001" in shown.text
    assert ward.cards(ben) == []
    ward.time_passes(minutes=5)
    assert "A-0001" in ward.cards(ben)[0].text
    ward.acknowledges(anna, alert)
    assert ward.alert(alert).state == AlertState.ACKNOWLEDGED


def test_a_console_that_nobody_has_looked_at_for_a_while_is_no_channel(ward: Ward):
    anna, ben = ward.physio("Anna", linked=False), ward.physio("Ben", on_duty=False)
    with ward.database.transaction() as session:
        physios.seen_at_console(session, session.get_one(Physio, anna), ward.clock.now())
    ward.clock.move(timedelta(minutes=5))

    ward.raises(ward.patient())

    assert (ward.cards(anna), len(ward.cards(ben))) == ([], 1)


def test_every_copy_bears_the_same_reference(ward: Ward):
    anna = ward.physio("Anna")
    with ward.database.transaction() as session:
        physio = session.get_one(Physio, anna)
        physio.email = "anna@clinic.example"
        physios.seen_at_console(session, physio, ward.clock.now())

    alert = ward.raises(ward.patient())

    cards = ward.cards(anna)
    assert {each.channel for each in cards} == {Channel.STAFF, Channel.EMAIL, Channel.CONSOLE}
    assert all("A-0001" in each.text and each.alert_id == alert for each in cards)


def write(ward: Ward, number: int) -> None:
    """A check-in on its way."""
    now = ward.clock.now()
    with ward.database.transaction() as session:
        session.add(
            OutboxMessage(
                key=f"c{number}", chat_id=10_000 + number, kind="check_in", priority=Priority.CHECK_IN, text="How is it?",
                created_at=now, not_before=now,
            )
        )  # fmt: skip
        assert session.exec(select(OutboxMessage.id)).first()
