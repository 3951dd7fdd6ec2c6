"""A flare-up: the safety questions, the plan card by card, "is it easing?" on the next days, and a physio by day 7."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select

from data import flares, goals, modules
from data.flares import Flare, FlareEnd
from data.goals import ActivityGoal
from data.messages import Message
from data.modules import Keepsake
from tests.chat import PATIENT, Chat
from tests.fakes import FakeRasa


@pytest.fixture(autouse=True)
def dialogue(rasa: FakeRasa, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")  # as in production: a log line must not fail either
    rasa.hears("/flare_up", intent="flare_up", says=["utter_flare_started"])
    rasa.hears("/flare_first_aid", intent="flare_first_aid", says=["utter_flare_first_aid"])


@pytest.fixture(autouse=True)
def no_check_ins(chat: Chat) -> None:
    def quiet(session: Any) -> None:
        session.get_one(type(chat.patient), patient_id).check_in_at = None

    patient_id = chat.patient.id
    chat.rows(quiet)


async def flares_up(chat: Chat) -> None:
    await chat.patient_says("/flare")
    await clears(chat)


async def clears(chat: Chat) -> None:
    """No to each of the safety questions."""
    for _ in range(9):
        if "No" not in chat.buttons():
            return
        await chat.patient_taps("No")


def rows(chat: Chat) -> list[Flare]:
    return chat.rows(lambda session: flares.flares(session, chat.patient.id))


def has_goal(chat: Chat, minutes: int = 20) -> None:
    words = {"activity": "walking", "place": "park", "at": "10:00", "days": "Monday", "barrier": "", "if_then": ""}
    numbers = {"minutes": minutes, "start_minutes": 30, "confidence": 8}
    goal = ActivityGoal(patient_id=chat.patient.id, created_at=chat.clock.now(), **numbers, **words)
    chat.rows(lambda session: goals.replace(session, goal))


def has_card(chat: Chat, place: str, words: str) -> None:
    card = Keepsake(patient_id=chat.patient.id, place=place, title="x", words=words, at=chat.clock.now())
    chat.rows(lambda session: modules.keep(session, card))


# The plan


async def test_the_safety_questions_come_first_and_the_flare_counts_from_today(chat: Chat) -> None:
    await chat.patient_says("/flare")
    assert "a few safety questions" in chat.last_words()
    assert rows(chat) == []

    await clears(chat)

    assert [(row.started_on, row.ended_at) for row in rows(chat)] == [(date(2026, 12, 1), None)]
    assert "Card 1 of 6" in chat.last_words()


async def test_a_yes_in_the_questions_opens_no_plan(chat: Chat) -> None:
    await chat.patient_says("/flare")

    await chat.patient_taps("Yes")

    assert "Go to A&E now" in chat.last_words()
    assert rows(chat) == []


async def test_six_cards_one_by_one_with_rasa_down(chat: Chat, rasa: FakeRasa) -> None:
    await flares_up(chat)
    rasa.down()

    seen = [chat.last_words()]
    for number in range(2, 7):
        await chat.patient_taps(f"Card {number}")
        seen.append(chat.last_words())

    assert [f"Card {number} of 6" in text for number, text in enumerate(seen, start=1)] == [True] * 6
    assert "call 999 or go to A&E" in seen[1]
    assert "Move a little every hour" in seen[2]
    assert not any(button.startswith("Card") for button in chat.buttons())


async def test_the_cards_are_the_patients_own_where_they_have_built_them(chat: Chat) -> None:
    has_card(chat, "flare_1", "I can't put my socks on")
    has_card(chat, "flare_3", "knee rocks, heat")

    await flares_up(chat)
    assert "You wrote: I can't put my socks on" in chat.last_words()
    await chat.patient_taps("Card 2")
    await chat.patient_taps("Card 3")

    assert "You wrote: knee rocks, heat" in chat.last_words()
    assert "knees rocking" not in chat.last_words()


async def test_days_two_to_four_are_half_and_three_quarters_of_the_plan(chat: Chat) -> None:
    has_goal(chat, minutes=20)
    await flares_up(chat)
    for number in (2, 3, 4):
        await chat.patient_taps(f"Card {number}")

    assert "Your plan is 20 minutes. So 10 minutes on days 2 and 3, and 15 on day 4." in chat.last_words()


async def test_what_helped_last_time_is_quoted(chat: Chat, rasa: FakeRasa) -> None:
    await flares_up(chat)
    await chat.time_passes(days=1, hours=4)
    await chat.patient_taps("It's gone")
    await chat.patient_taps("Write what helped")
    rasa.hears("heat and the dog", says=["utter_module_answered"], values={"module_answer": "heat and the dog"})
    await chat.patient_says("heat and the dog")
    await chat.patient_says("skip")
    await chat.time_passes(days=20)

    await flares_up(chat)
    for number in range(2, 7):
        await chat.patient_taps(f"Card {number}")

    assert "Last time this helped: heat and the dog." in chat.last_words()
    assert [row.helped for row in rows(chat)] == ["heat and the dog", ""]


async def test_said_again_in_the_same_flare_it_begins_no_second_one(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=1)

    await flares_up(chat)

    assert len(rows(chat)) == 1
    assert "Card 1 of 6" in chat.last_words()


async def test_the_share_of_the_plan_by_day_for_whoever_asks(chat: Chat) -> None:
    def share(day: int) -> float | None:
        return chat.rows(lambda session: chat.app.flares.share_on(session, chat.patient, date(2026, 12, day)))

    assert share(1) == 1.0
    await flares_up(chat)

    assert [share(day) for day in (1, 2, 3, 4, 5, 9)] == [None, 0.5, 0.5, 0.75, 1.0, 1.0]


# The days after


async def test_it_is_asked_once_a_day_up_to_day_seven(chat: Chat) -> None:
    await flares_up(chat)

    await chat.time_passes(days=12)

    asked = [text for text in said(chat) if "utter_ask_flare_easing" in text]
    assert len(asked) == 6  # days 2 to 7
    assert [(row.ended_how, row.ended_on) for row in rows(chat)] == [(FlareEnd.UNKNOWN, None)]
    assert chat.alerts() == []


def said(chat: Chat) -> list[str]:
    query = select(Message.responses).where(Message.direction == "to_patient").order_by(col(Message.id))
    return list(chat.rows(lambda session: session.exec(query).all()))


async def test_easing_is_answered_by_a_tap_and_ends_it_after_day_seven(chat: Chat, rasa: FakeRasa) -> None:
    await flares_up(chat)
    rasa.down()
    await chat.time_passes(hours=4)
    for _ in range(6):
        await chat.time_passes(days=1)
        await chat.patient_taps("Yes, it's easing")
    assert "bit by bit" in chat.last_words() or "Small moves" in chat.last_words()

    await chat.time_passes(days=2)

    assert [(row.ended_how, row.ended_on) for row in rows(chat)] == [(FlareEnd.EASING, date(2026, 12, 7))]
    assert chat.alerts() == []


async def test_gone_ends_it_and_nothing_more_is_asked(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=1, hours=4)

    await chat.patient_says("it's gone")
    count = len(said(chat))
    await chat.time_passes(days=9)

    assert [(row.ended_how, row.ended_on) for row in rows(chat)] == [(FlareEnd.GONE, date(2026, 12, 2))]
    assert len(said(chat)) == count


async def test_not_easing_on_day_seven_a_physio_hears_of_it_once(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=6, hours=4)

    await chat.patient_taps("About the same")
    await chat.time_passes(days=3)

    assert [(alert.cause, alert.level) for alert in chat.alerts()] == [("FLARE", "P2")]
    assert any(
        "I've let your physio know that it isn't easing yet" in each.text for each in chat.telegram.in_chat(PATIENT)
    )
    chat.physio_sees("A flare-up isn't easing by day 7")


async def test_said_on_day_six_and_silent_since_a_physio_hears_of_it_too(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=5, hours=4)
    await chat.patient_taps("About the same")

    await chat.time_passes(days=4)

    assert [alert.cause for alert in chat.alerts()] == ["FLARE"]


async def test_worse_asks_the_safety_questions_again(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=1, hours=4)

    await chat.patient_taps("It's worse")

    assert "I'd like to ask the safety questions again" in chat.last_words()
    assert "Not sure" in chat.buttons()


async def test_a_danger_in_between_stops_the_questions(chat: Chat) -> None:
    await flares_up(chat)
    await chat.patient_says("I can't feel when I wipe")
    count = len([text for text in said(chat) if "easing" in text])

    await chat.time_passes(days=1, hours=4)

    assert len([text for text in said(chat) if "easing" in text]) == count


async def test_a_button_of_yesterday_answers_nothing(chat: Chat) -> None:
    await flares_up(chat)
    await chat.time_passes(days=1, hours=4)
    yesterday = next(shown for shown in reversed(chat.telegram.in_chat(PATIENT)) if "It's gone" in shown.labels)
    await chat.time_passes(days=1)

    await chat._arrives(chat.telegram.tap(PATIENT, yesterday.message_id, yesterday.buttons[-1][1]))

    assert rows(chat)[0].said is None
