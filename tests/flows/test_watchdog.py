"""The watchdog: the whole is tried by a patient who is nobody; whatever stops is noticed; only a whole is told outside."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.services.watchdog import Watchdog
from data import rota, watchdog
from data.alerts import Alert, AlertState
from data.audit import AuditEvent
from data.messages import Message
from data.patients import Patient
from data.watchdog import SystemAlive
from tests.chat import PHYSIO, Chat
from tests.fakes import FakeRasa


class Outside:
    """What is beyond the coach: it counts pings, and says what of Telegram answers."""

    def __init__(self) -> None:
        self.pings = 0
        self.telegram = True

    async def ping(self) -> bool:
        self.pings += 1
        return True

    async def answers(self) -> bool:
        if not self.telegram:
            raise OSError
        return True


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def dog(chat: Chat, outside: Outside) -> Watchdog:
    return chat.app.watchdog({"telegram": outside.answers}, outside.ping)


async def minutes_pass(chat: Chat, dog: Watchdog, minutes: int) -> None:
    """Looks, turns, ticks and deliveries, every half minute."""
    for _ in range(minutes * 2):
        await dog.look()
        await chat.settle()
        chat.clock.move(timedelta(seconds=30))


def alive(chat: Chat) -> SystemAlive:
    return chat.rows(watchdog.alive)


def synthetic_alerts(chat: Chat) -> list[Alert]:
    mine = select(Alert).join(Patient, col(Patient.id) == col(Alert.patient_id)).where(Patient.code == watchdog.CODE)
    return chat.rows(lambda session: session.exec(mine.order_by(col(Alert.id))).all())


async def test_a_red_flag_of_nobody_makes_the_full_round_trip_and_then_the_heartbeat_is_sent(
    chat: Chat, dog: Watchdog, outside: Outside
) -> None:
    await dog.look()
    before = (alive(chat).problems, outside.pings)

    await minutes_pass(chat, dog, 2)

    (alert,) = synthetic_alerts(chat)
    assert before == (["round_trip"], 0)
    assert (alert.cause, alert.state) == ("RF01", AlertState.CLOSED)
    assert alive(chat).problems == []
    assert alive(chat).round_trip_at is not None
    assert outside.pings > 0


async def test_it_goes_round_every_ten_minutes(chat: Chat, dog: Watchdog) -> None:
    await minutes_pass(chat, dog, 45)

    assert len(synthetic_alerts(chat)) == 5
    assert alive(chat).problems == []


async def test_no_physio_ever_sees_the_synthetic_patient(chat: Chat, dog: Watchdog) -> None:
    await minutes_pass(chat, dog, 15)

    chat.physio_sees_nothing()
    await chat.physio_says("/alerts")
    await chat.physio_says("/beliefs")
    assert watchdog.CODE not in "\n".join(shown.text for shown in chat.sees(PHYSIO))
    names = chat.rows(lambda session: [each.name for each in rota.everybody(session)])
    assert watchdog.NAME not in names
    assert watchdog.NAME not in chat.rows(lambda session: [each.name for each in rota.services(session)])


@pytest.mark.parametrize("stopped", ["turns", "delivery", "rasa", "telegram"])
async def test_whatever_stops_is_noticed_and_nothing_is_sent_outside(
    chat: Chat, dog: Watchdog, outside: Outside, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    await minutes_pass(chat, dog, 2)
    assert alive(chat).problems == []

    async def nothing(*_: object) -> int:
        return 0

    if stopped == "rasa":
        rasa.down()
    elif stopped == "telegram":
        outside.telegram = False
    else:
        monkeypatch.setattr(getattr(chat.app, stopped), "drain", nothing)
    await minutes_pass(chat, dog, 17)

    assert alive(chat).problems != []
    before = outside.pings
    await minutes_pass(chat, dog, 1)
    assert outside.pings == before


async def test_an_escalation_that_stands_still_is_noticed_within_two_minutes(
    chat: Chat, dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await minutes_pass(chat, dog, 2)
    await chat.patient_says("I can't feel it when I wipe")
    monkeypatch.setattr(chat.app.escalation, "escalate_overdue", lambda: 0)
    chat.app.tick._steps = {**chat.app.tick._steps, "escalation": lambda: 0}

    await minutes_pass(chat, dog, 7)

    assert "overdue_step" in alive(chat).problems


async def test_a_heartbeat_that_cannot_be_sent_is_no_reason_to_stop(chat: Chat, outside: Outside) -> None:
    async def unreachable() -> bool:
        raise OSError

    dog = chat.app.watchdog({}, unreachable)

    await minutes_pass(chat, dog, 2)

    assert (alive(chat).problems, alive(chat).pinged_at) == ([], None)


async def test_what_the_synthetic_patient_said_is_forgotten_after_a_day(chat: Chat, dog: Watchdog) -> None:
    await minutes_pass(chat, dog, 2)
    chat.clock.move(timedelta(days=2))
    await minutes_pass(chat, dog, 2)

    patient = chat.rows(lambda session: session.exec(select(Patient).where(Patient.code == watchdog.CODE)).one())
    said = chat.rows(lambda session: session.exec(select(Message).where(Message.patient_id == patient.id)).all())
    assert all(message.at > chat.clock.now() - timedelta(days=1) for message in said)
    assert len(synthetic_alerts(chat)) == 2


async def test_a_probe_that_a_crash_cut_short_goes_on(chat: Chat, outside: Outside) -> None:
    await chat.app.watchdog({}, outside.ping).look()
    await chat.settle()

    await minutes_pass(chat, chat.app.watchdog({}, outside.ping), 1)

    assert [alert.state for alert in synthetic_alerts(chat)] == [AlertState.CLOSED]


async def test_the_round_trip_is_on_record_like_any_other(chat: Chat, dog: Watchdog) -> None:
    await minutes_pass(chat, dog, 2)

    (alert,) = synthetic_alerts(chat)
    mine = select(AuditEvent.what).where(AuditEvent.alert == alert.reference).order_by(col(AuditEvent.id))
    recorded = chat.rows(lambda session: session.exec(mine).all())
    assert recorded[:3] == ["alert_raised", "alert_sent", "alert_acknowledged"]
    assert "alert_closed" in recorded
