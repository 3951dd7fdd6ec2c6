"""Danger: the right advice at once, a human who hears of it, and coaching that stops."""

from datetime import timedelta

import pytest

from data.patients import PatientState
from tests.chat import PATIENT, STRANGER, Chat
from tests.fakes import FakeRasa


def unsure(chat: Chat) -> float:
    """A score between asking and advising."""
    ask, advise = (chat.library.limit(f"understanding.{limit}", "RF01") for limit in ("risk_ask", "risk_advise"))
    return (ask + advise) / 2


async def test_numbness_alerts_the_physio_even_when_rasa_is_down(chat_on: Chat, rasa: FakeRasa) -> None:
    rasa.down()

    await chat_on.patient_says("can't feel when I wipe since this morning")

    chat_on.patient_sees("utter_mae")
    chat_on.physio_sees("RF01", "P0", chat_on.patient.code)


async def test_the_card_never_quotes_the_patient(chat: Chat) -> None:
    await chat.patient_says("I've gone numb down below, and my name is Jo Bloggs")

    shown = chat.sees(9001)
    assert all("Bloggs" not in each.text and "down below" not in each.text for each in shown)
    assert len(shown) == 1


async def test_coaching_stops_until_the_physio_closes_the_alert(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])
    await chat.patient_says("I can't feel it when I wipe")
    await chat.patient_says("hello")
    chat.patient_sees("utter_mae", "utter_safety_held")

    await chat.physio_taps("Acknowledge")
    await chat.physio_taps("Close")
    await chat.physio_taps("Being seen: A&E, 999, 111 or GP")
    await chat.patient_says("hello")

    chat.patient_sees("utter_safety_cleared", "utter_resume_offer", "utter_greet")


async def test_a_new_red_flag_reaches_a_human_again_after_it_was_acknowledged(chat: Chat) -> None:
    await chat.patient_says("I can't feel it when I wipe")
    await chat.physio_taps("Acknowledge")
    chat.sees(9001)

    await chat.patient_says("now I can't pee at all and both legs are numb")

    chat.physio_sees("A-0001", "RF01")
    assert [alert.times_raised for alert in chat.alerts()] == [2]


async def test_unanswered_advice_is_repeated_once(chat: Chat) -> None:
    await chat.patient_says("I can't feel it when I wipe")
    chat.patient_sees("utter_mae")

    await chat.time_passes(minutes=16)
    chat.patient_sees("utter_safety_repeat", "utter_mae")

    await chat.time_passes(hours=1)
    chat.patient_sees()


async def test_answered_advice_is_not_repeated(chat: Chat) -> None:
    await chat.patient_says("I can't feel it when I wipe")

    await chat.patient_taps("I'm doing this now")
    await chat.time_passes(hours=1)

    chat.patient_sees("utter_mae", "utter_safety_thanks")


async def test_abuse_is_never_repeated_and_never_detailed(chat: Chat) -> None:
    await chat.patient_says("he shoved me into the wall, that's how my back went")
    chat.patient_sees("utter_mabuse")
    chat.physio_sees("Safeguarding")

    await chat.time_passes(hours=1)

    chat.patient_sees()


async def test_after_a_crisis_nothing_but_safety_is_sent_for_seven_days(chat: Chat) -> None:
    now = chat.clock.now()
    await chat.patient_says("I'm going to end my life")
    await chat.patient_taps("I'm safe, just struggling")
    await chat.physio_taps("Acknowledge")
    chat.sees(PATIENT)

    await chat.time_passes(hours=10)  # past the hour of the next check-in

    assert chat.sees(PATIENT) == []
    assert chat.patient.quiet_until is not None
    assert chat.patient.quiet_until >= now + timedelta(days=7)


async def test_danger_is_answered_before_consent_too(stranger: Chat, rasa: FakeRasa) -> None:
    rasa.down()

    await stranger.patient_says("I can't feel it when I wipe", chat_id=STRANGER)

    stranger.patient_sees("utter_mae", chat_id=STRANGER)
    stranger.physio_sees_nothing()  # nobody could find a stranger; see docs/safety/hazard_log.md


@pytest.mark.parametrize("kind", ["edited", "caption"])
async def test_edits_and_captions_are_screened_like_any_text(chat: Chat, kind: str) -> None:
    words = "I've wet myself and never felt it"

    if kind == "edited":
        await chat._arrives(chat.telegram.edits(PATIENT, 1, words))
    else:
        await chat.patient_sends(
            photo=[{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}], caption=words
        )

    chat.patient_sees("utter_mae")
    chat.physio_sees("RF01")


async def test_quick_pieces_are_read_together(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("when I wipe", says=["utter_default"])
    rasa.hears("I can't feel anything", says=["utter_default"])
    await chat.patient_says("I can't feel anything")
    chat.sees(PATIENT)

    await chat.patient_says("when I wipe")

    chat.physio_sees("RF01")


async def test_a_danger_that_only_the_model_hears_is_asked_about(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears(
        "it is all rather peculiar today", intent="risk", risks={"RF01": unsure(chat)}, says=["utter_risk_heard"]
    )
    await chat.patient_says("it is all rather peculiar today")
    chat.patient_sees("utter_q_rf01")
    chat.physio_sees_nothing()

    await chat.patient_taps("Not sure")

    chat.patient_sees("utter_mae")
    chat.physio_sees("RF01")


async def test_silence_after_such_a_question_counts_as_not_sure(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears(
        "it is all rather peculiar today", intent="risk", risks={"RF01": unsure(chat)}, says=["utter_risk_heard"]
    )
    await chat.patient_says("it is all rather peculiar today")
    chat.patient_sees("utter_q_rf01")

    await chat.time_passes(minutes=20)

    chat.patient_sees("utter_mae")
    chat.physio_sees("RF01")


async def test_a_form_goes_on_after_the_question_is_answered_no(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    rasa.hears(
        "it is all rather peculiar today",
        intent="risk",
        risks={"RF01": unsure(chat)},
        says=["utter_risk_heard"],
        asks="same",
    )
    rasa.hears("/continue", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await chat.patient_says("goal")
    await chat.patient_says("it is all rather peculiar today")

    await chat.patient_taps("No")

    chat.patient_sees("utter_ask_goal_activity", "utter_q_rf01", "utter_question_set_clear", "utter_ask_goal_activity")


async def test_danger_stops_a_form(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await chat.patient_says("goal")

    await chat.patient_says("my foot's flopping, keeps catching the carpet")

    assert chat.patient.asks is None
    assert chat.patient.state == PatientState.ACTIVE


async def test_somebody_elses_emergency_gets_the_emergency_line(chat: Chat) -> None:
    await chat.patient_says("my mum has chest pain right now")

    chat.patient_sees("utter_someone_else")
    chat.physio_sees_nothing()


async def test_the_five_questions_come_back_every_month(chat: Chat) -> None:
    with chat.database.transaction() as session:
        from data import patients

        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        patient.next_safety_screen_at = chat.clock.now() + timedelta(hours=2)

    await chat.time_passes(hours=3)

    chat.patient_sees("utter_screen_intro", "utter_q_ce_feeling")
