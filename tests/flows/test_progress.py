""" "My progress": the picture of the weeks, what stands beside it, and what there is before there is enough."""

import struct
from datetime import date, timedelta

import pytest

from bot.coaching.association import Day
from bot.content import Library
from bot.pictures.weeks import FEW, HEIGHT, WIDTH, Labels, Week, draw
from data import flares, goals, patients
from data.flares import Flare, FlareEnd
from data.goals import ActivityGoal
from tests.chat import PATIENT, Chat
from tests.fakes import FakeRasa
from tests.flows.test_links import TODAY, tells

LABELS = Labels("Your weeks", "1 – 2", "Minutes", "Pain", "Goal 60 min", "Flare-up", "nothing told")


@pytest.fixture
def rasa(rasa: FakeRasa) -> FakeRasa:
    rasa.hears("my progress", says=["utter_progress"])
    return rasa


def a_time(days: int) -> list[Day]:
    """More on every second day, and a point less pain on it."""
    return [Day(TODAY, minutes=10 + 20 * (n % 2), pain=5 - n % 2) for n in range(days)]


async def test_before_there_is_enough_it_says_kindly_what_there_is(chat: Chat, rasa: FakeRasa) -> None:
    tells(chat, a_time(6), begins=TODAY - timedelta(days=5))
    chat.sees(PATIENT)

    await chat.patient_says("my progress")

    (shown,) = chat.sees(PATIENT)
    assert shown.picture is None
    assert "I have 5 days with both your activity and your pain." in shown.text
    assert "So far you were active on 5 days, 90 minutes in all." in shown.text


async def test_with_nothing_told_it_says_so_and_offers_a_beginning(chat: Chat, rasa: FakeRasa) -> None:
    await chat.patient_says("my progress")

    assert "There's nothing to draw yet, and that's fine." in chat.last_words()
    assert "Check in now" in chat.buttons()


async def test_the_picture_comes_with_a_sentence_for_those_who_do_not_see_it(chat: Chat, rasa: FakeRasa) -> None:
    tells(chat, a_time(22), begins=TODAY - timedelta(days=21))
    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        now = chat.clock.now()
        goal = ActivityGoal(
            patient_id=patient.id, activity="walk", place="", days="Monday, Thursday", at="09:30", minutes=20,
            start_minutes=10, confidence=7, barrier="", if_then="", created_at=now - timedelta(days=10),
        )  # fmt: skip
        goals.replace(session, goal)
        day = TODAY - timedelta(days=9)
        flare = Flare(patient_id=patient.id, started_at=now, started_on=day, ended_on=day, ended_how=FlareEnd.GONE)
        flares.add(session, flare)
    chat.sees(PATIENT)

    await chat.patient_says("my progress")

    (shown,) = chat.sees(PATIENT)
    assert shown.picture is not None
    assert struct.unpack(">II", shown.picture[16:24]) == (WIDTH, HEIGHT)
    assert shown.text.startswith("Chart of 4 weeks, 9 November to 1 December:")
    assert "Your goal line is at 40 minutes." in shown.text
    assert "Flare-ups are marked in 1 of them." in shown.text
    assert "it can't say which came first" in shown.text
    assert "On your 10 more active days your pain was 4 on average, on 11 quieter days 5." in shown.text
    assert "10 of 10 more active days. 11 of 11 quieter days." in shown.text


async def test_the_picture_is_kept_with_the_message_and_never_in_the_clear(chat: Chat, rasa: FakeRasa) -> None:
    tells(chat, a_time(22), begins=TODAY - timedelta(days=21))

    await chat.patient_says("my progress")

    with chat.database.engine.begin() as connection:
        stored = connection.exec_driver_sql("select picture, picture_description from outboxmessage").all()
    assert "PNG" not in str(stored)
    assert "Chart of" not in str(stored)


async def test_without_a_morning_question_it_is_offered(chat: Chat, rasa: FakeRasa) -> None:
    tells(chat, a_time(10), begins=TODAY - timedelta(days=9))
    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        chat.app.check_ins.choose_pair(session, patient, None, patient.check_in_at, chat.clock.now())

    await chat.patient_says("my progress")

    assert "Ask me in the mornings" in chat.buttons()


# The picture itself ---------------------------------------------------------------------------------------------------


def weeks(count: int, **changed: Week) -> list[Week]:
    monday = date(2026, 1, 5)
    return [
        Week(monday + timedelta(days=7 * n), minutes=30 + 3 * n, pain=5 - n / 20, goal=60 if n else None)
        for n in range(count)
    ]


PEOPLE = {
    "one week": weeks(1),
    "days missing": [Week(each.begins, None, None) if n in (2, 3) else each for n, each in enumerate(weeks(8))],
    "a year": weeks(53),
    "a flare-up": [Week(each.begins, each.minutes, 8, each.goal, flare=n == 4) for n, each in enumerate(weeks(FEW))],
    "no pain told": [Week(each.begins, each.minutes, None) for each in weeks(5)],
    "nothing done": [Week(each.begins, 0, 9.5) for each in weeks(5)],
}


@pytest.mark.parametrize("name", PEOPLE)
def test_every_patients_weeks_can_be_drawn(name: str) -> None:
    picture = draw(PEOPLE[name], LABELS, description="One sentence.")

    assert struct.unpack(">II", picture.png[16:24]) == (WIDTH, HEIGHT)
    assert len(picture.png) < 300_000
    assert picture.description == "One sentence."


def test_no_word_of_the_picture_names_a_cause(library: Library) -> None:
    words = " ".join(
        each["text"].lower()
        for name, said in library.responses.items()
        for each in said
        if name.startswith("utter_pic")
    )

    for claim in ("→", "because", "so ", "help", "cause", "effect"):
        assert claim not in words
