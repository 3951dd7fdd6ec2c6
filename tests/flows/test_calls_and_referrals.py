"""A phone call is offered or asked for; a patient is referred to be looked at in person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from bot.errors import EffectRefused, StaleAction
from bot.services.referrals import Visit
from data import audit, calls, patients, referrals
from data.audit import AuditEvent
from data.calls import Call, CallState
from data.messages import Message
from data.patients import Patient
from data.physios import Physio
from data.referrals import Referral, ReferralState
from tests.chat import PATIENT, PHYSIO, Chat
from tests.fakes import FakeRasa

TIMES = ["2026-12-02T10:30", "2026-12-03T14:00"]
VISIT = Visit(reason="new_leg_symptom", place="Room 4, Hill Clinic", bring="your medicines", at="2026-12-08T11:00")


def act(chat: Chat, what: str, *args: Any, **options: Any) -> Any:
    """The physio does something of `chat.app` for the patient."""
    service, name = what.split(".")
    with chat.database.transaction() as session:
        patient, physio = patients.by_chat(session, PATIENT), session.exec(select(Physio)).one()
        method = getattr(getattr(chat.app, service), name)
        return method(session, physio, patient, *args, **options)


async def offers(chat: Chat, texts: list[str] = TIMES, once: str = "1") -> None:
    with chat.database.transaction() as session:
        times = chat.app.calls.read_times(session, session.exec(select(Physio)).one(), texts, chat.clock.now())
    act(chat, "calls.offer", times, chat.clock.now(), once=once)
    await chat.settle()


async def refers(chat: Chat, visit: Visit = VISIT, once: str = "1") -> None:
    words = act(chat, "referrals.message", visit, chat.clock.now())
    act(chat, "referrals.refer", visit, words, chat.clock.now(), once=once)
    await chat.settle()


def newest(chat: Chat, table: type[Any]) -> Any:
    def read(session: Session) -> Any:
        return session.exec(select(table).order_by(table.id.desc())).first()

    return chat.rows(read)


def acts(chat: Chat) -> list[str]:
    code = chat.patient.code
    found = [each.what for each in chat.rows(lambda session: audit.about(session, code))]
    return [each for each in found if each.startswith(("call", "referral", "patient_referred"))]


# Calls ----------------------------------------------------------------------------------------------------------------


async def test_a_time_is_chosen_with_a_tap_and_the_physio_hears_which(chat_on: Chat):
    chat = chat_on
    await offers(chat)
    assert chat.last_words().startswith("From your physiotherapist:")
    assert chat.buttons() == ["Wed 2 Dec, 10:30", "Thu 3 Dec, 14:00", "None of these"]
    chat.patient_sees("utter_call_offer")

    await chat.patient_taps("Thu 3 Dec, 14:00")

    chat.patient_sees("utter_call_agreed")
    chat.physio_sees("chose Thu 3 Dec, 14:00")
    call = newest(chat, Call)
    assert (call.state, call.call_at) == (CallState.AGREED, datetime(2026, 12, 3, 14, 0, tzinfo=UTC))
    act(chat, "calls.end", call.id, "spoke", chat.clock.now())
    assert newest(chat, Call).outcome == "spoke"
    assert acts(chat) == ["call_offered", "call_agreed", "call_ended"]


async def test_times_stand_on_the_patients_own_clock(chat: Chat):
    with chat.database.transaction() as session:
        session.get_one(Patient, chat.patient.id).time_zone = "Asia/Kolkata"

    await offers(chat)

    assert chat.buttons()[0] == "Wed 2 Dec, 16:00"


async def test_none_suits_and_the_patient_says_when_it_would(chat_on: Chat, rasa: FakeRasa):
    chat = chat_on
    rasa.down()
    await offers(chat)
    chat.patient_sees("utter_call_offer")

    await chat.patient_taps("None of these")
    chat.patient_sees("utter_call_wish")
    chat.physio_sees("none of the times for a call suits")
    await chat.patient_taps("Mornings")

    chat.patient_sees("utter_call_wished")
    chat.physio_sees("It suits them: Mornings")
    call = newest(chat, Call)
    assert (call.state, call.preferred) == (CallState.NONE_SUIT, "mornings")


async def test_a_patient_who_asks_for_a_person_can_ask_for_a_call(chat: Chat, rasa: FakeRasa):
    rasa.hears("can someone call me", says=["utter_physio_asked"])
    await chat.patient_says("can someone call me")

    await chat.patient_taps("I'd like a call")
    chat.patient_sees("utter_physio_asked", "utter_call_wish")
    await chat.patient_taps("Afternoons")

    chat.patient_sees("utter_call_wished")
    call = newest(chat, Call)
    assert (call.state, call.preferred) == (CallState.ASKED, "afternoons")
    assert [each.cause for each in chat.alerts()] == ["AR11"]
    await offers(chat)
    assert newest(chat, Call).preferred == "afternoons"


async def test_no_call_after_all(chat: Chat):
    await offers(chat)
    await chat.patient_taps("None of these")

    await chat.patient_taps("No call, please")

    chat.patient_sees("utter_call_offer", "utter_call_wish", "utter_call_no_wish")
    assert newest(chat, Call).state == CallState.ENDED


async def test_a_time_that_has_passed_settles_nothing(chat: Chat):
    await offers(chat)
    await chat.time_passes(days=1, hours=2)
    chat.sees(PATIENT)

    await chat.patient_taps("Wed 2 Dec, 10:30")
    assert "That time has passed" in chat.last_words()
    assert newest(chat, Call).state == CallState.OFFERED
    await chat.patient_taps("Thu 3 Dec, 14:00")

    assert newest(chat, Call).state == CallState.AGREED


async def test_a_new_offer_takes_the_place_of_the_old_one(chat: Chat):
    await offers(chat)
    old = chat.telegram.in_chat(PATIENT)[-1]
    await offers(chat, ["2026-12-04T09:00"], once="2")
    chat.patient_sees("utter_call_offer", "utter_call_offer")

    await chat._arrives(chat.telegram.tap(PATIENT, old.message_id, old.buttons[0][0][1]))

    chat.patient_sees("utter_call_over")
    assert newest(chat, Call).state == CallState.OFFERED


async def test_an_offer_counts_once_and_a_call_that_is_called_off_is_told(chat: Chat):
    await offers(chat)
    await offers(chat)
    chat.patient_sees("utter_call_offer")
    call = newest(chat, Call)

    act(chat, "calls.end", call.id, "cancelled", chat.clock.now())
    await chat.settle()

    chat.patient_sees("utter_call_cancelled")
    with pytest.raises(StaleAction):
        act(chat, "calls.end", call.id, "spoke", chat.clock.now())


async def test_an_offer_can_be_answered_while_physio_and_patient_write(chat: Chat):
    await offers(chat)
    act(chat, "takeovers.write", "Hello.", chat.clock.now(), once="1")
    await chat.settle()

    await chat.patient_taps("Wed 2 Dec, 10:30")

    assert newest(chat, Call).state == CallState.AGREED


async def test_another_patients_offer_is_not_theirs_to_answer(chat: Chat):
    chat.patient_has_joined(chat_id=1003)
    await offers(chat)
    other = chat.rows(lambda session: patients.by_chat(session, 1003).id)

    assert chat.rows(lambda session: calls.get(session, other, 1)) is None


# Referrals ------------------------------------------------------------------------------------------------------------


async def test_a_referral_says_why_where_when_and_what_to_bring(chat_on: Chat):
    chat = chat_on
    await refers(chat)
    said = chat.last_words()
    for words in (
        "something new in your leg",
        "Room 4, Hill Clinic",
        "Tuesday 8 December, 11:00",
        "your medicines",
        "999",
    ):
        assert words in said

    await chat.patient_taps("That doesn't suit me")

    assert "They will get in touch" in chat.last_words()
    chat.physio_sees("the visit doesn't suit them")
    row = newest(chat, Referral)
    assert (row.state, row.answer, row.reason) == (ReferralState.OPEN, "no", "new_leg_symptom")
    assert acts(chat) == ["patient_referred", "referral_answered"]


async def test_what_came_of_it_is_kept_with_its_day_and_counts_once(chat_on: Chat):
    chat = chat_on
    await refers(chat)
    chat.clock.move(timedelta(days=4))
    row = newest(chat, Referral)

    done = {"on": "2026-12-05", "findings": "Strength and reflexes as they should be."}
    act(chat, "referrals.end", row.id, "attended", chat.clock.now(), **done)

    row = newest(chat, Referral)
    assert (row.state, f"{row.happened_on}", row.findings) == (ReferralState.ATTENDED, "2026-12-05", done["findings"])
    with pytest.raises(StaleAction):
        act(chat, "referrals.end", row.id, "declined", chat.clock.now())
    events = chat.rows(lambda session: [str(each) for each in session.exec(select(AuditEvent)).all()])
    assert not any("reflexes" in each for each in events)
    await chat.patient_taps("Yes, I'll be there")
    assert "settled since" in chat.last_words()


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"reason": "bored"}, "referral_reason"),
        ({"place": "the clinic, [address]"}, "referral_place"),
        ({"place": " "}, "referral_place"),
        ({"bring": "x" * 401}, "referral_bring"),
        ({"at": "2026-11-30T10:00"}, "referral_when"),
        ({"at": "soon"}, "referral_when"),
    ],
)
async def test_a_referral_that_can_not_be_leaves_nothing(chat: Chat, change: dict[str, str], refused: str):
    visit = Visit(**{**VISIT.__dict__, **change})

    with pytest.raises(EffectRefused) as error:
        act(chat, "referrals.refer", visit, "Please come.", chat.clock.now(), once="1")

    assert error.value.response == refused
    assert newest(chat, Referral) is None


@pytest.mark.parametrize(("outcome", "on"), [("lost", ""), ("attended", "2027-01-01"), ("attended", "yesterday")])
async def test_an_outcome_must_be_on_the_list_and_not_to_come(chat: Chat, outcome: str, on: str):
    await refers(chat)

    with pytest.raises(EffectRefused):
        act(chat, "referrals.end", newest(chat, Referral).id, outcome, chat.clock.now(), on=on)

    assert newest(chat, Referral).state == ReferralState.OPEN


def test_every_reason_has_words_for_the_patient_and_every_outcome_is_known(chat: Chat):
    for reason in chat.app.referrals.reasons:
        assert chat.library.has(f"utter_referral_why_{reason}")
    assert {state.value for state in referrals.ENDS} == set(chat.app.referrals.outcomes)


async def test_an_erasure_takes_calls_and_referrals(chat: Chat):
    await offers(chat)
    await refers(chat)
    with chat.database.transaction() as session:
        chat.app.privacy.erase(session, session.get_one(Patient, chat.patient.id), chat.clock.now())

    for table in (Call, Referral, Message):
        assert newest(chat, table) is None


async def test_an_export_has_them_without_the_findings(chat: Chat):
    await offers(chat)
    await refers(chat)
    act(chat, "referrals.end", newest(chat, Referral).id, "attended", chat.clock.now(), findings="zebra")
    with chat.database.transaction() as session:
        data = chat.app.privacy.data_of(session, session.get_one(Patient, chat.patient.id), chat.clock.now())

    assert data["calls"][0]["state"] == "offered"
    assert data["referrals"][0]["place"] == "Room 4, Hill Clinic"
    assert "zebra" not in str(data)
    chat.sees(PHYSIO)
