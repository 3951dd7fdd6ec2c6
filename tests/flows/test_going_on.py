"""Around an alert, as the patient lives it: told when somebody will look, paused or not, and asked when to go on."""

from datetime import time

import pytest
from sqlmodel import col, select

from data.alerts import Alert
from data.checkins import CheckIn, CheckInState
from data.patients import PatientState
from data.physios import Physio
from data.rota import Shift
from tests.chat import Chat
from tests.conftest import NOW
from tests.fakes import FakeRasa

DANGER = "I can't feel it when I wipe"


async def closed(chat: Chat) -> None:
    """A red flag, acknowledged and closed; what the patient saw so far is read."""
    await chat.patient_says(DANGER)
    await chat.physio_taps("Close")
    await chat.physio_taps("Being seen: A&E, 999, 111 or GP")
    chat.patient_sees("utter_mae", "utter_safety_cleared", "utter_resume_offer")


def planned(chat: Chat) -> list[CheckIn]:
    waiting = (CheckInState.PLANNED, CheckInState.SENT)
    return chat.rows(lambda session: session.exec(select(CheckIn).where(col(CheckIn.state).in_(waiting))).all())


async def test_go_on_now(chat: Chat) -> None:
    await closed(chat)

    await chat.patient_taps("Go on now")

    chat.patient_sees("utter_resume_now")
    assert chat.patient.state == PatientState.ACTIVE
    assert planned(chat) != []


async def test_in_a_few_days(chat: Chat) -> None:
    await closed(chat)

    await chat.patient_taps("In a few days")
    await chat.time_passes(days=2)
    quiet = chat.patient.state
    await chat.time_passes(days=1, hours=1)

    assert (quiet, chat.patient.state) == (PatientState.PAUSED, PatientState.ACTIVE)
    chat.patient_sees("utter_resume_later")


async def test_stay_paused(chat: Chat) -> None:
    await closed(chat)

    await chat.patient_taps("Stay paused")
    await chat.time_passes(days=20)

    chat.patient_sees("utter_resume_stay")
    assert chat.patient.state == PatientState.PAUSED


async def test_no_answer_is_later_too(chat: Chat) -> None:
    await closed(chat)

    await chat.time_passes(days=3, minutes=1)

    assert chat.patient.state == PatientState.ACTIVE


async def test_the_offer_works_with_rasa_down(chat: Chat, rasa: FakeRasa) -> None:
    await closed(chat)
    rasa.down()

    await chat.patient_taps("Go on now")

    chat.patient_sees("utter_resume_now")


async def test_the_offer_is_void_once_there_is_a_new_alert(chat: Chat) -> None:
    await closed(chat)
    await chat.patient_says(DANGER)
    chat.patient_sees("utter_mae")

    await chat.patient_taps("Go on now")

    chat.patient_sees("utter_stale_button")
    assert chat.patient.held_since is not None


async def test_an_alert_below_p0_pauses_nothing_and_holds_progression(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("a person please", says=["utter_physio_asked"])
    session_alert(chat, cause="AR11", level="P1")

    assert chat.patient.held_since is None
    assert chat.rows(lambda session: chat.app.escalation.holds_progression(session, chat.patient))
    assert planned(chat) != []


async def test_with_nobody_on_duty_the_patient_hears_when_somebody_will_look(chat: Chat) -> None:
    nobody_on_duty(chat)
    works(chat, weekday=3, starts=time(9), ends=time(17))  # Thursday

    await chat.patient_says(DANGER)

    chat.patient_sees("utter_mae", "utter_nobody_on_duty")
    assert "on Thursday, from 09:00" in chat.last_words()


async def test_the_patient_is_told_that_once_an_alert(chat: Chat) -> None:
    nobody_on_duty(chat)

    await chat.patient_says(DANGER)
    await chat.patient_says(DANGER)
    await chat.time_passes(minutes=14)

    chat.patient_sees("utter_mae", "utter_nobody_on_duty", "utter_mae")


@pytest.mark.parametrize(
    ("on", "starts", "words"),
    [(1, 14, "later today, from 14:00"), (2, 9, "tomorrow, from 09:00"), (0, 9, "on Monday, from 09:00")],
)
async def test_the_words_are_those_a_person_would_use(chat: Chat, on: int, starts: int, words: str) -> None:
    assert NOW.weekday() == 1
    nobody_on_duty(chat)
    works(chat, weekday=on, starts=time(starts), ends=time(17))

    said = chat.rows(lambda session: chat.app.escalation.when_seen(session, chat.patient, "P1", NOW))

    assert said == words


def nobody_on_duty(chat: Chat) -> None:
    chat.rows(lambda session: chat.app.escalation and end_duty(session))


def end_duty(session: object) -> None:
    from data import physios

    for physio in physios.staff(session):
        physios.end_duty(session, physio, NOW)


def works(chat: Chat, *, weekday: int, starts: time, ends: time) -> None:
    def add(session: object) -> None:
        physio = session.exec(select(Physio)).first()
        session.add(Shift(physio_id=physio.id, weekday=weekday, starts_at=starts, ends_at=ends, first_on=NOW.date()))

    chat.rows(add)


def session_alert(chat: Chat, *, cause: str, level: str) -> Alert:
    return chat.rows(
        lambda session: chat.app.escalation.raise_alert(
            session, chat.patient, cause=cause, severity="R", level=level, told="", message_id=None, now=NOW
        )
    )
