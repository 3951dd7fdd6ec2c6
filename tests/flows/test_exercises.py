"""The exercise library: a place, an exercise, its drawing, another way to do it, and a timer; Rasa isn't needed."""

import pytest

from bot.coaching.exercises import PLACES
from bot.content import Library
from data.outbox import OutboxMessage
from tests.chat import PATIENT, Chat
from tests.fakes import FakeRasa


@pytest.fixture(autouse=True)
def away(rasa: FakeRasa) -> None:
    rasa.down()


async def opens(chat: Chat, place: str, title: str) -> None:
    await chat.patient_says("/exercises")
    await chat.patient_taps(place)
    await chat.patient_taps(title)


async def test_from_the_place_to_the_drawing_its_steps_and_its_safety_line(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")

    shown = chat.telegram.in_chat(PATIENT)[-1]
    assert shown.picture is not None
    assert shown.picture.startswith(b"\x89PNG")
    assert shown.text.startswith("Drawing: sitting on a chair and leaning forward")
    assert "Sit near the edge, feet under your knees." in shown.text
    assert "Use a steady chair without wheels" in shown.text
    assert shown.labels == ["Start the timer, 0:45", "Easier", "Harder", "In bed", "Other exercises"]


async def test_easier_says_what_changes(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")

    await chat.patient_taps("Easier")

    assert "Easier: Use a higher chair, and push with your hands." in chat.last_words()
    assert "The usual way" in chat.buttons()


async def test_another_place_has_steps_of_its_own(chat: Chat) -> None:
    await opens(chat, "Standing", "Hip hinge")

    await chat.patient_taps("On a chair")

    assert "The drawing shows the usual way." in chat.last_words()
    assert "Sit near the edge. Lean forward from the hips" in chat.last_words()


@pytest.mark.parametrize("place", PLACES)
def test_each_place_has_exercises_and_each_way_can_be_shown(chat: Chat, library: Library, place: str) -> None:
    exercises, patient = chat.app.skills.exercises, chat.patient
    there = [way for each in library.exercises.values() for way in each.at(place)]
    assert len(there) >= 4

    for way in there:
        words = exercises.one(patient, way.exercise, way.name)

        assert words[0].picture
        assert len("\n\n".join([words[0].picture.description, *(each.text for each in words)])) < 1024  # a caption


def test_there_are_at_least_twenty_with_an_easier_and_a_harder_level(library: Library) -> None:
    assert len(library.exercises) >= 20
    assert [name for name, each in library.exercises.items() if not {"easier", "harder"} <= set(each.ways)] == []


async def test_the_list_goes_on(chat: Chat) -> None:
    await chat.patient_says("/exercises")
    await chat.patient_taps("Standing")
    first = chat.buttons()

    await chat.patient_taps("Show more")

    assert len(first) == 8
    assert not set(first[:-1]) & set(chat.buttons())


async def test_before_a_physio_has_looked_there_are_only_the_light_ones(chat: Chat) -> None:
    def waits(session):  # type: ignore[no-untyped-def]
        session.get_one(type(chat.patient), patient_id).needs_activity_review = True

    patient_id = chat.patient.id
    chat.rows(waits)

    await chat.patient_says("/exercises")
    assert "here are the light ones" in chat.last_words()
    assert "Standing" not in chat.buttons()
    await chat.patient_taps("On a chair")

    assert "Sit to stand" not in chat.buttons()
    assert "Seated marching" in chat.buttons()


async def test_the_timer_counts_down_in_one_message_and_ends_with_a_bell(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")
    before = len(chat.telegram.in_chat(PATIENT))

    await chat.patient_taps("Start the timer, 0:45")
    assert chat.last_words() == "Sit to stand\n\n⏳ 0:45 left"
    await chat.time_passes(seconds=16)
    assert chat.telegram.in_chat(PATIENT)[-1].text.endswith("⏳ 0:30 left")
    assert chat.buttons() == ["Stop"]
    await chat.time_passes(seconds=30)

    shown = chat.telegram.in_chat(PATIENT)[before:]
    assert shown[0].text == "✓ 0:45 done"
    assert len(shown) == 2
    assert chat.buttons() == ["Once more", "Other exercises"]


async def test_it_can_be_stopped_and_begun_again(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")
    await chat.patient_taps("Start the timer, 0:45")

    await chat.patient_taps("Stop")
    await chat.time_passes(minutes=2)
    assert "That's the time" not in chat.last_words()
    await chat.patient_taps("Once more")

    assert "⏳ 0:45 left" in chat.last_words()


async def test_a_second_timer_stops_the_first(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")
    await chat.patient_taps("Start the timer, 0:45")
    await opens(chat, "On a chair", "Reach up")
    await chat.patient_taps("Start the timer, 0:45")
    await chat.time_passes(minutes=2)

    bells = [row.key for row in rows(chat) if row.key.endswith(":up")]
    assert len(bells) == 1


async def test_after_a_restart_the_count_goes_on_and_nothing_is_said_twice(chat: Chat) -> None:
    await opens(chat, "On a chair", "Sit to stand")
    await chat.patient_taps("Start the timer, 0:45")
    chat.clock.move_to(chat.clock.now().replace(second=chat.clock.now().second + 32))  # down for half a minute

    await chat.settle()
    assert "⏳ 0:1" in chat.last_words()
    await chat.settle()

    assert len([row for row in rows(chat) if row.kind == "edit" and "left" in row.text]) == 1


def rows(chat: Chat) -> list[OutboxMessage]:
    from sqlmodel import select

    return chat.rows(lambda session: session.exec(select(OutboxMessage).order_by(OutboxMessage.id)).all())
