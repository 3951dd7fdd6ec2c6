"""A physio and a patient write to each other: the coach is silent, screening is not, and nobody's words lie unread."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.errors import EffectRefused
from data import audit, concerns, patients, rota, takeovers
from data.audit import AuditEvent
from data.checkins import CheckIn, CheckInState
from data.concerns import SafetyQuestion
from data.outbox import Button, OutboxMessage
from data.patients import Patient, PatientState
from data.physios import Physio
from data.rota import ShownAs
from data.takeovers import Takeover
from tests.chat import PATIENT, PHYSIO, Chat
from tests.fakes import FakeRasa

NUMB = "I can't feel it when I wipe"
FELL = "I fell yesterday"  # asked about before anything is done
CHECK_IN = ("utter_ask_pain_now", "utter_check_in_reminder", "utter_ask_pain_now")  # unanswered


async def writes(chat: Chat, words: str) -> None:
    await chat.physio_says(f"/reply {chat.patient.code} {words}")
    await chat.physio_taps("Send it")


def history(chat: Chat) -> list[str]:
    code = chat.patient.code
    return [each.what for each in chat.rows(lambda session: audit.about(session, code))]


def question(chat: Chat) -> SafetyQuestion:
    patient = chat.patient.id
    found = chat.rows(lambda session: concerns.question(session, patient))
    assert found
    return found


def takeover(chat: Chat) -> Takeover:
    patient = chat.patient.id
    found = chat.rows(lambda session: takeovers.newest_of(session, patient))
    assert found
    return found


# Writing --------------------------------------------------------------------------------------------------------------


async def test_a_whole_talk_from_the_first_words_to_the_coach_again(chat_on: Chat, rasa: FakeRasa):
    chat = chat_on
    await writes(chat, "How is the leg today?")
    said = chat.last_words()
    assert said.startswith("From your physiotherapist:\n\nHow is the leg today?")
    assert "You can write back here" in said
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")
    chat.physio_sees("will see this", "Sent to")

    await chat.patient_says("much better thanks")
    chat.patient_sees("utter_passed_on")
    chat.physio_sees("has written to you")
    assert rasa.turns == []

    await chat.physio_taps("Read it")
    chat.physio_sees("much better thanks")
    await chat.physio_replies("Glad to hear it.", to="much better thanks")
    await chat.physio_taps("Send it")
    assert chat.last_words() == "From your physiotherapist:\n\nGlad to hear it."
    chat.patient_sees("utter_from_physio_role")

    await chat.patient_says("bye then")
    chat.patient_sees()

    await chat.physio_says(f"/back {chat.patient.code}")
    chat.patient_sees("utter_back_from_physio")
    chat.physio_sees("is with the coach again")
    rasa.hears("hello", says=["utter_greet"])
    await chat.patient_says("hello")
    chat.patient_sees("utter_greet")
    assert [each for each in history(chat) if each.startswith(("takeover", "physio", "words"))] == [
        "takeover_began", "physio_wrote", "words_read", "physio_wrote", "takeover_ended",
    ]  # fmt: skip


async def test_nothing_is_sent_before_the_physio_has_seen_it(chat: Chat):
    await chat.physio_says(f"/reply {chat.patient.code} How are you?")

    chat.patient_sees()
    await chat.physio_taps("Don't send")
    chat.patient_sees()
    chat.physio_sees("Nothing was sent")


async def test_a_preview_is_changed_by_a_reply_to_it(chat: Chat):
    await chat.physio_says(f"/reply {chat.patient.code} How are yuo?")
    await chat.physio_replies("How are you?", to="How are yuo?")

    await chat.physio_taps("Send it")

    assert "How are you?" in chat.last_words()
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")


async def test_send_counts_once_however_often_it_is_tapped(chat: Chat):
    await chat.physio_says(f"/reply {chat.patient.code} How are you?")
    preview = chat.telegram.in_chat(PHYSIO)[-1]
    data = preview.buttons[0][0][1]

    for _ in range(2):
        await chat._arrives(chat.telegram.tap(PHYSIO, preview.message_id, data))

    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")


async def test_a_card_is_answered_by_a_reply_to_it(chat: Chat, rasa: FakeRasa):
    rasa.hears("a person please", says=["utter_physio_asked"])
    await chat.patient_says("a person please")

    await chat.physio_replies("Here I am.", to=chat.patient.code)
    await chat.physio_taps("Send it")

    assert "Here I am." in chat.last_words()


@pytest.mark.parametrize(
    ("words", "answer"), [("x" * 1501, "1501 characters"), ("See you on [day]", "filled in: [day]")]
)
async def test_what_can_not_be_sent_has_no_button_to_send_it(chat: Chat, words: str, answer: str):
    await chat.physio_says(f"/reply {chat.patient.code} {words}")

    chat.physio_sees(answer)
    assert "Send it" not in chat.buttons(PHYSIO)


async def test_ready_words_are_chosen_filled_and_sent(chat: Chat):
    await chat.physio_says(f"/reply {chat.patient.code}")
    assert len(chat.buttons(PHYSIO)) >= 8

    await chat.physio_taps("When to seek help")
    assert "call 999" in chat.last_words(PHYSIO)
    await chat.physio_taps("Send it")

    assert "Go to A&E, or call 999" in chat.last_words()
    event = chat.rows(lambda s: s.exec(select(AuditEvent).where(AuditEvent.what == "physio_wrote")).one())
    assert event.detail["template"] == "seek_help"


async def test_the_name_is_shown_where_the_service_has_chosen_that(chat: Chat):
    with chat.database.transaction() as session:
        rota.service(session, rota.FIRST).shown_as = ShownAs.FIRST_NAME

    await writes(chat, "Hello.")

    assert chat.last_words().startswith("From Priya, your physiotherapist:")


@pytest.mark.parametrize("state", [PatientState.WITHDRAWN, PatientState.INVITED])
async def test_who_has_left_or_not_joined_is_not_written_to(chat: Chat, state: PatientState):
    with chat.database.transaction() as session:
        session.get_one(Patient, chat.patient.id).state = state

    await chat.physio_says(f"/reply {chat.patient.code} Hello.")

    chat.physio_sees("can't be written to")
    chat.patient_sees()


async def test_another_services_physio_can_write_to_nobody_here(chat: Chat):
    with chat.database.transaction() as session:
        elsewhere = rota.Service(name="Elsewhere")
        session.add(elsewhere)
        session.flush()
        session.exec(select(Physio)).one().service_id = elsewhere.id

    await chat.physio_says(f"/reply {chat.patient.code} Hello.")

    chat.physio_sees("no patient with that code")


# Silence but for safety -----------------------------------------------------------------------------------------------


async def test_the_coach_asks_nothing_while_they_write(chat_on: Chat):
    chat = chat_on
    await writes(chat, "How are you?")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")

    await chat.time_passes(days=1)

    chat.patient_sees()
    rows = chat.rows(lambda session: session.exec(select(CheckIn)).all())
    assert [(row.state, row.reason) for row in rows if row.ended_at] == [(CheckInState.SKIPPED, "physio_writes")]


async def test_what_was_being_asked_is_put_away_and_its_buttons_are_old(chat: Chat):
    await chat.time_passes(hours=9, minutes=5)
    assert chat.buttons()
    await writes(chat, "How are you?")
    chat.patient_sees("utter_ask_pain_now", "utter_from_physio_role", "utter_physio_writes_now")

    await chat.patient_taps("3")

    chat.patient_sees("utter_with_physio")
    assert chat.rows(lambda session: session.exec(select(CheckIn.pain)).all())[0] is None


async def test_a_danger_is_answered_and_the_physio_gets_alert_and_notice(chat_on: Chat):
    chat = chat_on
    await writes(chat, "How are you?")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")
    chat.physio_sees("Sent to")

    await chat.patient_says(NUMB)

    assert [each.cause for each in chat.alerts()] == ["RF01"]
    assert any("A&E" in shown.text for shown in chat.sees(PATIENT))
    chat.physio_sees("RF01", "has written to you")
    assert takeover(chat).ended_at is None


async def test_the_model_still_hears_a_danger(chat: Chat, rasa: FakeRasa):
    await writes(chat, "How are you?")
    rasa.hears("something odd down there", risks={"RF01": 0.99})

    await chat.patient_says("something odd down there")

    assert [each.cause for each in chat.alerts()] == ["RF01"]
    assert rasa.turns == []


async def test_with_rasa_down_the_words_reach_the_physio_and_wait_for_nobody(chat: Chat, rasa: FakeRasa):
    rasa.down()
    await writes(chat, "How are you?")
    chat.sees(PHYSIO)
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")

    await chat.patient_says("a bit sore")

    chat.patient_sees("utter_passed_on")
    chat.physio_sees("has written to you")
    rasa.up()
    await chat.time_passes(minutes=5)
    chat.patient_sees()


async def test_under_a_hold_the_physio_is_answered_and_no_standing_text_comes_between(chat: Chat):
    await chat.patient_says(NUMB)
    await writes(chat, "Is somebody with you?")
    await chat.patient_says("no")
    chat.sees(PATIENT)

    await chat.patient_says("my son is coming")

    assert chat.sees(PATIENT) == []
    assert chat.patient.held_since
    await chat.physio_taps("Read it")
    assert "no\n\nmy son is coming" in chat.last_words(PHYSIO)


async def test_a_no_that_was_meant_for_the_physio_clears_no_danger(chat: Chat):
    await chat.patient_says(FELL)
    asked = question(chat)
    await chat.time_passes(minutes=2)
    await writes(chat, "Any news of the leg?")

    await chat.patient_says("no")

    assert question(chat).answers == asked.answers
    await chat.physio_taps("Read it")
    assert "wrote:\n\nno" in chat.last_words(PHYSIO)
    await chat.patient_taps("Yes")
    assert chat.alerts()


async def test_a_safety_question_that_came_last_is_answered_in_words_and_the_physio_reads_them_too(chat: Chat):
    await writes(chat, "How are you?")
    await chat.time_passes(minutes=2)
    await chat.patient_says(FELL)
    assert question(chat)

    await chat.patient_says("yes")

    assert chat.alerts()
    await chat.physio_taps("Read it")
    assert "I fell yesterday\n\nyes" in chat.last_words(PHYSIO)


async def test_a_picture_is_not_seen_by_the_physio_either_and_the_patient_is_told(chat: Chat):
    await writes(chat, "How are you?")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")

    await chat.patient_sends(
        caption="look at this", photo=[{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]
    )

    chat.patient_sees("utter_passed_on", "utter_cannot_photo")
    await chat.physio_taps("Read it")
    assert "look at this" in chat.last_words(PHYSIO)


async def test_words_of_a_patient_stand_on_no_notice_and_leave_the_chat(chat: Chat):
    await writes(chat, "How are you?")
    await chat.patient_says("my wife has left me")

    assert "wife" not in "".join(shown.text for shown in chat.telegram.in_chat(PHYSIO))
    await chat.physio_taps("Read it")
    assert "my wife has left me" in chat.last_words(PHYSIO)
    await writes(chat, "I'm sorry to hear that.")

    assert not any("my wife has left me" in shown.text for shown in chat.telegram.in_chat(PHYSIO))


async def test_what_was_said_of_violence_at_home_is_not_shown_on_a_phone(chat: Chat):
    await writes(chat, "How are you?")
    await chat.patient_says("my husband hits me")

    await chat.physio_taps("Read it")

    assert "hits" not in chat.last_words(PHYSIO)
    assert "kept back" in chat.last_words(PHYSIO)


# Handing back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["tap", "Back to the coach.", "coach"])
async def test_the_patient_goes_back_to_the_coach(chat: Chat, way: str):
    await writes(chat, "How are you?")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")
    chat.sees(PHYSIO)

    await (chat.patient_taps("Back to the coach") if way == "tap" else chat.patient_says(way))

    chat.patient_sees("utter_back_to_coach")
    chat.physio_sees("has gone back to the coach")
    assert takeover(chat).ended_by == "patient"


async def test_a_command_is_for_the_coach(chat: Chat, rasa: FakeRasa):
    rasa.hears("/menu", says=["utter_menu"])
    await writes(chat, "How are you?")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")

    await chat.patient_says("/menu")

    chat.patient_sees("utter_back_to_coach", "utter_menu")


async def test_an_old_button_of_a_talk_that_is_over_says_so(chat: Chat):
    await writes(chat, "How are you?")
    await chat.physio_says(f"/back {chat.patient.code}")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now", "utter_back_from_physio")

    await chat.patient_taps("Back to the coach")

    chat.patient_sees("utter_already_back")


async def test_silence_brings_the_coach_back_and_both_are_told(chat_on: Chat):
    chat = chat_on
    await writes(chat, "I'll be in touch.")
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now")
    chat.sees(PHYSIO)

    await chat.time_passes(hours=48, minutes=1)

    chat.patient_sees("utter_back_after_silence")
    chat.physio_sees("nobody has written for a while")
    await chat.time_passes(hours=12)
    chat.patient_sees(*CHECK_IN)


async def test_the_coach_comes_back_by_day(chat: Chat):
    await chat.time_passes(hours=14)  # 23:00
    await writes(chat, "Sleep well.")
    chat.patient_sees(*CHECK_IN, "utter_from_physio_role", "utter_physio_writes_now")

    await chat.time_passes(hours=56, minutes=30)  # 07:30
    chat.patient_sees()

    await chat.time_passes(hours=1)
    chat.patient_sees("utter_back_after_silence")


async def test_words_that_nobody_opens_bring_the_team(chat_on: Chat):
    chat = chat_on
    await writes(chat, "How are you?")
    await chat.patient_says("not so good")

    await chat.time_passes(hours=3, minutes=59)
    assert chat.alerts() == []
    await chat.time_passes(minutes=1)

    assert [(each.cause, each.level) for each in chat.alerts()] == [("TALK", "P1")]
    chat.physio_sees("Wrote to a physio, and nobody has read or answered it")


async def test_words_that_were_opened_bring_nobody_until_the_coach_comes_back(chat: Chat):
    await writes(chat, "How are you?")
    await chat.patient_says("not so good")
    await chat.physio_taps("Read it")
    await chat.time_passes(hours=47)
    assert chat.alerts() == []
    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now", "utter_passed_on")

    await chat.time_passes(hours=2)

    chat.patient_sees("utter_back_unanswered")
    assert [each.cause for each in chat.alerts()] == ["TALK"]


async def test_a_physio_who_can_not_be_reached_has_colleagues(chat: Chat):
    chat.physio_is_on_duty(name="Omar", chat_id=9003)
    await writes(chat, "How are you?")
    with chat.database.transaction() as session:
        session.exec(select(Physio).where(Physio.name == "Priya")).one().left_at = chat.clock.now()

    await chat.patient_says("not so good")

    assert [each.cause for each in chat.alerts()] == ["TALK"]
    chat.physio_sees("Wrote to a physio", chat_id=9003)


# What is kept ---------------------------------------------------------------------------------------------------------


async def test_a_reply_of_rasas_that_comes_too_late_is_not_said(chat: Chat, rasa: FakeRasa):
    """The physio writes while Rasa is thinking: the patient's words go to the physio, and nothing else is said."""
    converse = rasa.converse

    async def slowly(turn):  # type: ignore[no-untyped-def]
        with chat.database.transaction() as session:
            patient = patients.by_chat(session, PATIENT)
            physio = session.exec(select(Physio)).one()
            chat.app.takeovers.write(session, physio, patient, "Hello.", chat.clock.now(), once="1")
        return await converse(turn)

    rasa.converse = slowly  # type: ignore[method-assign]
    await chat.patient_says("tell me something")

    chat.patient_sees("utter_from_physio_role", "utter_physio_writes_now", "utter_passed_on")
    assert takeover(chat).unread_since


async def test_the_audit_and_the_logs_hold_no_words(chat: Chat, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG", logger="bot")
    await writes(chat, "How is the zebra?")
    await chat.patient_says("the giraffe is fine")
    await chat.physio_taps("Read it")

    rows = chat.rows(lambda session: [str(each) for each in session.exec(select(AuditEvent)).all()])
    for word in ("zebra", "giraffe"):
        assert not any(word in each for each in rows)
        assert word not in caplog.text


async def test_an_erasure_takes_drafts_notices_and_the_talk(chat: Chat):
    await writes(chat, "How is the zebra?")
    await chat.patient_says("the giraffe is fine")
    await chat.physio_taps("Read it")
    await chat.physio_says(f"/reply {chat.patient.code} one more zebra")
    with chat.database.transaction() as session:
        chat.app.privacy.erase(session, session.get_one(Patient, chat.patient.id), chat.clock.now())
    await chat.settle()

    def left(session):  # type: ignore[no-untyped-def]
        rows = [*session.exec(select(OutboxMessage)), *session.exec(select(Button)), *session.exec(select(Takeover))]
        return [str(each) for each in rows if "zebra" in str(each) or "giraffe" in str(each)]

    assert chat.rows(left) == []
    assert chat.rows(lambda session: session.exec(select(Takeover)).all()) == []
    assert "giraffe" not in "".join(shown.text for shown in chat.telegram.in_chat(PHYSIO))
    await chat.physio_taps("Send it")
    chat.physio_sees("no longer here")


async def test_two_physios_who_begin_at_once_share_one_talk(chat_on: Chat):
    chat = chat_on
    with chat.database.transaction() as session:
        omar = Physio(name="Omar")
        session.add(omar)
        session.flush()
        patient = patients.by_chat(session, PATIENT)
        priya = session.exec(select(Physio).where(Physio.name == "Priya")).one()
        now = chat.clock.now()
        chat.app.takeovers.write(session, priya, patient, "One.", now, once="1")
        chat.app.takeovers.write(session, omar, patient, "Two.", now + timedelta(seconds=1), once="1")

    assert len(chat.rows(lambda session: session.exec(select(Takeover)).all())) == 1


async def test_words_need_to_say_something(chat: Chat):
    with chat.database.transaction() as session:
        patient, physio = patients.by_chat(session, PATIENT), session.exec(select(Physio)).one()
        with pytest.raises(EffectRefused):
            chat.app.takeovers.write(session, physio, patient, " \n ", chat.clock.now(), once="1")
