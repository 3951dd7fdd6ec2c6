"""What a patient says, and what comes back: with Rasa, without it, and when it returns."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.services.incoming import Incoming
from data.concerns import BeliefFlag
from data.goals import ActivityGoal
from data.inbox import InboxState, InboxUpdate
from data.messages import Message
from data.patients import PatientState
from tests.chat import CODE, PATIENT, PHYSIO, STRANGER, Chat
from tests.fakes import FakeRasa

GOAL = {
    "goal_activity": "walking to the shop", "goal_place": "outdoors", "goal_days": "Monday, Wednesday",
    "goal_at": "09:00", "goal_minutes": 8, "goal_start_minutes": 10, "goal_confidence": 8, "goal_importance": 9,
    "goal_barrier": "skipped", "goal_if_then": "skipped",
}  # fmt: skip


async def test_a_message_is_answered(chat_on: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])

    await chat_on.patient_says("hello")

    chat_on.patient_sees("utter_greet")


async def test_the_same_update_is_answered_once(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])
    update = chat.telegram.says(PATIENT, "hello")

    await chat._arrives(update)
    await chat._arrives(update)

    chat.patient_sees("utter_greet")
    assert len(rasa.turns) == 1


async def test_with_rasa_away_a_message_is_held_truthfully_and_answered_when_it_returns(
    chat_on: Chat, rasa: FakeRasa
) -> None:
    rasa.hears("hello", says=["utter_greet"])
    rasa.hears("my goals", says=["utter_my_goals"])
    rasa.down()
    await chat_on.patient_says("hello")
    await chat_on.patient_says("my goals")
    chat_on.patient_sees("utter_holding", "utter_holding")

    rasa.up()
    await chat_on.time_passes(minutes=2)

    chat_on.patient_sees("utter_answered_late", "utter_greet", "utter_answered_late", "utter_my_goals")
    assert [turn.text for turn in rasa.turns] == ["hello", "my goals"]


async def test_numbers_of_an_open_check_in_count_while_rasa_is_away(chat: Chat, rasa: FakeRasa) -> None:
    await chat.time_passes(hours=10)
    chat.patient_sees("utter_ask_pain_now")
    rasa.down()

    await chat.patient_taps("4")
    await chat.patient_says("12 minutes")

    chat.patient_sees("utter_ask_minutes_done", "utter_ask_confidence")


async def test_a_belief_is_logged_and_met_and_the_form_goes_on(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("pain means harm", intent="belief", beliefs={"B01": 0.9}, asks="goal_form.goal_days",
               says=["utter_belief_heard", "utter_ask_goal_days"])  # fmt: skip

    await chat.patient_says("pain means harm")

    chat.patient_sees("utter_belief_b01_in_form", "utter_ask_goal_days")
    flags = chat.rows(lambda session: session.exec(select(BeliefFlag)).all())
    assert [(flag.belief, flag.confidence) for flag in flags] == [("B01", 0.9)]


async def test_a_goal_is_saved_before_it_is_confirmed(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("yes, save it", says=["utter_goal_saved"], values=GOAL)

    await chat.patient_says("yes, save it")

    chat.patient_sees("utter_goal_saved")
    goals = chat.rows(lambda session: session.exec(select(ActivityGoal)).all())
    assert [(goal.activity, goal.minutes, goal.days) for goal in goals] == [
        ("walking to the shop", 8, "Monday, Wednesday")
    ]


async def test_a_goal_above_the_baseline_is_refused_instead_of_confirmed(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("yes, save it", says=["utter_goal_saved"], values=GOAL | {"goal_minutes": 11})

    await chat.patient_says("yes, save it")

    chat.patient_sees("utter_refused_goal_above_baseline")
    assert chat.rows(lambda session: session.exec(select(ActivityGoal)).all()) == []


async def test_an_effect_that_can_not_be_read_changes_nothing_and_says_so(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("yes, save it", says=["utter_goal_saved"], values=GOAL | {"goal_minutes": "ten-ish"})

    await chat.patient_says("yes, save it")

    chat.patient_sees("utter_effect_failed")
    assert chat.rows(lambda session: session.exec(select(ActivityGoal)).all()) == []


async def test_silence_from_rasa_is_never_silence_to_the_patient(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hmm", says=[])

    await chat.patient_says("hmm")

    chat.patient_sees("utter_empty_reply")


async def test_asking_for_a_person_reaches_one(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("can I talk to a person", says=["utter_physio_asked"])

    await chat.patient_says("can I talk to a person")

    chat.physio_sees("AR11", "P1", chat.patient.code)


async def test_a_tapped_keyboard_is_replaced_and_a_second_tap_is_stale(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])
    rasa.hears("/menu", says=["utter_menu"])
    await chat.patient_says("hello")
    keyboard = chat.telegram.in_chat(PATIENT)[-1]
    data = next(data for row in keyboard.buttons for label, data in row if label == "Menu")

    await chat._arrives(chat.telegram.tap(PATIENT, keyboard.message_id, data))
    await chat._arrives(chat.telegram.tap(PATIENT, keyboard.message_id, data))

    assert keyboard.is_edited
    assert keyboard.buttons == []
    chat.patient_sees("utter_greet", "utter_menu", "utter_stale_button")


async def test_another_patients_button_does_nothing(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])
    chat.patient_has_joined(chat_id=STRANGER)
    await chat.patient_says("hello")
    keyboard = chat.telegram.in_chat(PATIENT)[-1]

    await chat._arrives(chat.telegram.tap(STRANGER, keyboard.message_id, keyboard.buttons[0][0][1]))

    chat.patient_sees("utter_stale_button", chat_id=STRANGER)


async def test_a_button_is_stale_after_a_week(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("hello", says=["utter_greet"])
    await chat.patient_says("hello")
    chat.clock.move(timedelta(days=8))

    await chat.patient_taps("Menu")

    assert chat.last_words() == chat.library.say("utter_stale_button").text


UNREADABLE = [
    ({"voice": {"file_id": "a", "file_unique_id": "b", "duration": 3}}, "utter_cannot_voice"),
    ({"sticker": {"file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1,
                  "is_animated": False, "is_video": False}}, "utter_cannot_sticker"),
    ({"photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]}, "utter_cannot_photo"),
    ({"location": {"latitude": 1.0, "longitude": 1.0}}, "utter_cannot_location"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "response"), UNREADABLE)
async def test_what_can_not_be_read_gets_a_truthful_answer(
    chat: Chat, fields: dict[str, object], response: str
) -> None:
    await chat.patient_sends(**fields)

    chat.patient_sees(response)
    assert "999" in chat.last_words() or response != "utter_cannot_voice"


async def test_a_group_is_told_that_this_is_between_two(chat: Chat) -> None:
    update = chat.telegram.says(-100, "hello all")
    update["message"]["chat"] = {"id": -100, "type": "group", "title": "g"}

    await chat._arrives(update)

    assert [shown.text for shown in chat.sees(-100)] == [chat.library.say("utter_private_chats_only").text]


async def test_a_stranger_joins_only_with_a_code(stranger: Chat, rasa: FakeRasa) -> None:
    stranger.has_invitation()
    rasa.hears("/enrol", says=["utter_ask_invitation_code"], asks="enrolment_form.invitation_code")
    rasa.hears("wrong", says=["utter_invitation_accepted"], values={"invitation_code": "AAAA-AAAA-AAAA"})
    rasa.hears(CODE, says=["utter_invitation_accepted"], values={"invitation_code": CODE})
    await stranger.patient_says("hi")
    await stranger.patient_says("wrong")
    stranger.patient_sees("utter_ask_invitation_code", "utter_refused_invitation_unknown")

    await stranger.patient_says("hi")
    await stranger.patient_says(CODE)

    stranger.patient_sees("utter_ask_invitation_code", "utter_invitation_accepted")
    assert stranger.patient.state == PatientState.INVITED


async def test_a_yes_to_a_health_question_is_for_the_physio(stranger: Chat, rasa: FakeRasa) -> None:
    stranger.has_invitation()
    values = {
        "invitation_code": CODE, "nation": "wales", "time_zone": "Europe/London", "check_in_at": "18:30", "age_ok": "yes",
        "consent": "yes", "screen_heart": "yes", "screen_operation_or_bones": "no", "screen_pregnancy": "no",
        "screen_other_condition": "unsure",
    }  # fmt: skip
    rasa.hears("/enrol", says=["utter_invitation_accepted"], asks="enrolment_form.age_ok", values=values)
    rasa.hears("unsure", says=["utter_enrolled"], values=values)
    await stranger.patient_says(f"/start {CODE}")

    await stranger.patient_says("unsure")

    assert stranger.patient.state == PatientState.ACTIVE
    stranger.physio_sees("AR08", "P2")


async def test_a_physio_links_their_chat_with_a_code_and_is_no_patient(chat: Chat) -> None:
    from data.physios import Physio

    with chat.database.transaction() as session:
        physio = Physio(name="Sam")
        session.add(physio)
        session.flush()
        code = chat.app.enrolment.invite(session, by="admin", now=chat.clock.now(), physio=physio)

    await chat.physio_says(f"/start {code}", chat_id=7007)
    await chat.physio_says("I can't feel when I wipe", chat_id=7007)  # a physio quoting a patient

    assert chat.alerts() == []
    assert chat.library.say("utter_physio_help").text.splitlines()[0] in chat.telegram.in_chat(7007)[-1].text


async def test_an_update_that_keeps_failing_is_given_up_truthfully(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("boom", says=["utter_greet"])

    async def broken(_turn: object) -> None:
        raise RuntimeError("a bug")

    rasa.converse = broken  # type: ignore[assignment, method-assign]
    await chat.patient_says("boom")
    await chat.time_passes(minutes=5)

    assert chat.last_words() == chat.library.say("utter_effect_failed", **chat.library.numbers("england")).text
    states = chat.rows(lambda session: session.exec(select(InboxUpdate.state)).all())
    assert states == [InboxState.DEAD]


async def test_nothing_personal_is_logged(chat: Chat, rasa: FakeRasa, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    rasa.hears("my name is Jo Bloggs", says=["utter_greet"])

    await chat.patient_says("my name is Jo Bloggs")
    await chat.patient_says("Jo Bloggs can't feel when I wipe")
    await chat.physio_taps("Acknowledge")

    ours = [record for record in caplog.records if record.name.startswith(("bot", "data"))]
    told = " ".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "Bloggs" not in told
    assert str(PATIENT) not in told
    assert str(PHYSIO) not in told


async def test_words_are_stored_encrypted(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("a very private thing", says=["utter_greet"])

    await chat.patient_says("a very private thing")

    with chat.database.engine.connect() as connection:
        raw = connection.exec_driver_sql("select text from message").scalars().all()
    stored = chat.rows(lambda session: session.exec(select(Message.text)).all())
    assert "a very private thing" in stored
    assert not any("private" in text for text in raw)


def test_an_incoming_update_has_one_key() -> None:
    assert Incoming(update_id=7, chat_id=1, kind="text").key == "u7"
