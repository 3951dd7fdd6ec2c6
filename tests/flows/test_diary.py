"""The diary: told in one's own words at any time, shown back, put right, taken back; also with Rasa down."""

from datetime import date, timedelta

import pytest

from data import activity
from tests.chat import Chat
from tests.fakes import FakeRasa
from tests.programme import has_goal, said

TUESDAY = date(2026, 12, 1)
WALK = "did 12 mins round the park, sore after"


@pytest.fixture(autouse=True)
def script(rasa: FakeRasa) -> None:
    for words in (WALK, "walked 20 mins yesterday and gardened for 30 mins", "did my walk", "did 10 minutes walking"):
        rasa.hears(words, intent="log_activity", says=["utter_log_activity"])
    rasa.hears("undo that", intent="undo", says=["utter_undo"])


def by_day(chat: Chat) -> dict[date, int]:
    patient_id = chat.patient.id
    days: dict[date, int] = chat.rows(
        lambda session: activity.minutes_by_day(session, patient_id, TUESDAY - timedelta(days=7), TUESDAY)
    )
    return days


async def test_a_sentence_is_read_shown_back_and_kept(chat: Chat) -> None:
    has_goal(chat)

    await chat.patient_says(WALK)

    chat.patient_sees("utter_log_activity", "utter_diary_logged", "utter_diary_sore")
    assert "12 minutes of walking, today" in chat.last_words()
    assert chat.buttons() == ["Undo"]
    assert by_day(chat) == {TUESDAY: 12}


async def test_several_activities_and_yesterday(chat: Chat) -> None:
    has_goal(chat)

    await chat.patient_says("walked 20 mins yesterday and gardened for 30 mins")

    assert "20 minutes of walking, on Monday" in chat.last_words()
    assert "30 minutes of gardening" in chat.last_words()
    assert sum(by_day(chat).values()) == 50


async def test_it_is_corrected_in_a_word_and_undone_by_tap_with_rasa_down(chat: Chat, rasa: FakeRasa) -> None:
    has_goal(chat)
    await chat.patient_says(WALK)
    rasa.down()

    await chat.patient_says("no, 15")
    assert by_day(chat) == {TUESDAY: 15}
    assert said(chat)[-2:] == ["utter_diary_corrected", "utter_diary_logged"]

    await chat.patient_taps("Undo")
    assert by_day(chat) == {}
    assert said(chat)[-1] == "utter_diary_undone"


async def test_undo_in_words_takes_the_last_one_back(chat: Chat) -> None:
    await chat.patient_says(WALK)

    await chat.patient_says("undo that")

    assert by_day(chat) == {}


async def test_without_anything_to_undo_it_says_so(chat: Chat) -> None:
    await chat.patient_says("undo that")

    chat.patient_sees("utter_refused_nothing_to_undo")


async def test_without_minutes_they_are_asked_for(chat: Chat) -> None:
    has_goal(chat)
    await chat.patient_says("did my walk")
    chat.patient_sees("utter_log_activity", "utter_diary_how_long")

    await chat.patient_taps("10 minutes")

    assert by_day(chat) == {TUESDAY: 10}


async def test_with_rasa_down_a_plain_sentence_is_written_down_once(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await chat.patient_says(WALK)
    assert by_day(chat) == {TUESDAY: 12}
    chat.patient_sees("utter_diary_logged", "utter_diary_sore")

    rasa.up()
    await chat.time_passes(minutes=5)

    chat.patient_sees()
    assert by_day(chat) == {TUESDAY: 12}
    assert [turn.text for turn in rasa.turns] == [WALK]  # the model has heard it too


async def test_a_plain_sentence_that_rasa_takes_for_something_else_is_kept_all_the_same(
    chat: Chat, rasa: FakeRasa
) -> None:
    rasa.hears(WALK, intent="good_news", says=["utter_good_news"])

    await chat.patient_says(WALK)

    chat.patient_sees("utter_diary_logged", "utter_diary_sore", "utter_good_news")
    assert by_day(chat) == {TUESDAY: 12}


async def test_an_answer_in_a_form_is_no_diary_entry(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("set a goal", says=["utter_ask_goal_start_minutes"], asks="goal_form.goal_start_minutes")
    rasa.hears("did 10 minutes walking", says=["utter_ask_goal_minutes"], asks="goal_form.goal_minutes")
    await chat.patient_says("set a goal")

    await chat.patient_says("did 10 minutes walking")

    assert by_day(chat) == {}


async def test_the_check_in_and_the_diary_tell_each_minute_once(chat: Chat) -> None:
    has_goal(chat)
    await chat.patient_says(WALK)

    await chat.time_passes(hours=10)
    for label in ("3", "15"):
        await chat.patient_taps(label)

    assert by_day(chat) == {TUESDAY: 15}


async def test_too_long_for_a_day_changes_nothing(chat: Chat) -> None:
    await chat.patient_says(WALK)

    await chat.patient_says("no, 2000")

    assert by_day(chat) == {TUESDAY: 12}
    assert said(chat)[-1] == "utter_diary_too_long"
