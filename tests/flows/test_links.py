"""The activity–pain link: the pair chosen, the looks on their days, the patient's impression first and last."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from sqlmodel import Session

from bot.coaching.association import Day
from data import activity, concerns, links, messages, patients, programme
from data.checkins import CheckIn, CheckInKind, CheckInState
from data.concerns import BeliefFlag
from data.links import LinkLook, LinkQuestion, LookState
from tests.chat import PATIENT, Chat
from tests.diaries import World, diary
from tests.fakes import FakeRasa

TODAY = date(2026, 12, 1)  # 09:00 in London
HELPS, NOTHING, HURTS = World(drop=2.5), World(), World(drop=-2.5)
EVEN = [Day(TODAY, minutes=20, pain=5)] * 100


def tells(chat: Chat, days: Sequence[Day], *, begins: date, guess: str = "easier", confidence: int = 7) -> None:
    """What the patient has told, day after day, in a pair of check-ins."""
    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        patient.morning_at = time(8)
        links.declare(session, LinkQuestion(patient_id=patient.id, guess=guess, declared_at=chat.clock.now()))
        for n, day in enumerate(days):
            on = begins + timedelta(days=n)
            _told(session, patient.id, on, CheckInKind.MORNING, pain=day.pain)
            if n < len(days) - 1:
                evening = _told(session, patient.id, on, CheckInKind.EVENING, minutes=day.minutes)
                evening.confidence = confidence
                activity.follow_check_in(session, evening, chat.clock.now())
        chat.app.check_ins.plan_next(session, patient, chat.clock.now())


def _told(session: Session, patient_id: int, on: date, kind: CheckInKind, **said: int | None) -> CheckIn:
    at = datetime.combine(on, time(8 if kind == CheckInKind.MORNING else 18), UTC)
    row = CheckIn(
        patient_id=patient_id, on=on, kind=kind, state=CheckInState.ANSWERED, planned_at=at, sent_at=at, due_at=at,
        ended_at=at, pain_at=at, **said,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def a_diary(world: World, days: int, *, seed: int = 3) -> list[Day]:
    return diary(world, days, np.random.default_rng(seed))


async def looked_at(chat: Chat, world: World, day: int, *, seed: int = 3, guess: str = "easier") -> None:
    """The morning after day `day`, an hour after the morning's question; its question has been answered."""
    tells(chat, a_diary(world, day, seed=seed), begins=TODAY - timedelta(days=day), guess=guess)
    chat.sees(PATIENT)
    await chat.time_passes(minutes=2)


def looks(chat: Chat) -> list[LinkLook]:
    return chat.rows(lambda session: links.looks_of(session, chat.patient.id))


def said(chat: Chat) -> str:
    return "\n".join(shown.text for shown in chat.sees(PATIENT))


async def test_on_day_28_the_patient_is_asked_first_and_then_told_and_has_the_last_word(
    chat: Chat, rasa: FakeRasa
) -> None:
    await looked_at(chat, HELPS, 28)
    question = said(chat)
    assert "28 days" in question
    assert "what have you noticed" in question
    assert "lower" not in question

    await chat.patient_taps("Easier")
    told = said(chat)
    assert "Before we began you guessed: easier." in told
    assert "there's a hint" in told
    assert "turn out to be chance" in told
    assert told.endswith("What does it say to you?")
    look = looks(chat)[0]
    assert (look.day, look.state, look.verdict, look.impression) == (28, LookState.TOLD, "hint", "Easier")

    rasa.hears(
        "moving is good for me, slowly", says=["utter_link_noted"], values={"link_impression": "Easier",
        "link_meaning": "moving is good for me, slowly"},
    )  # fmt: skip
    await chat.patient_says("moving is good for me, slowly")
    assert rasa.turns[-1].form.name == "link_form"
    assert "bring them back in a week" in said(chat)
    assert looks(chat)[0].meaning == "moving is good for me, slowly"
    kept = chat.rows(lambda session: programme.own_words(session, chat.patient.id))
    assert [each.words for each in kept] == ["moving is good for me, slowly"]

    await chat.time_passes(days=6, hours=20)
    assert "moving is good" not in said(chat)
    await chat.time_passes(days=1)
    assert said(chat).count("You said: “moving is good for me, slowly”") == 1


async def test_it_works_with_taps_alone_while_rasa_is_down(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await looked_at(chat, HELPS, 28)

    await chat.patient_taps("Easier")
    await chat.patient_taps("Skip")

    assert "there's a hint" in said(chat)
    assert (looks(chat)[0].state, looks(chat)[0].meaning, looks(chat)[0].quote_at) == (LookState.CLOSED, None, None)


async def test_an_impression_in_the_patients_own_words_comes_back_from_rasa(chat: Chat, rasa: FakeRasa) -> None:
    await looked_at(chat, HELPS, 28)
    chat.sees(PATIENT)
    rasa.hears(
        "a bit stiff but fine", says=["utter_ask_link_meaning"], asks="link_form.link_meaning",
        values={"link_impression": "a bit stiff but fine"},
    )  # fmt: skip

    await chat.patient_says("a bit stiff but fine")

    told = said(chat)
    assert "there's a hint" in told
    assert told.endswith("What does it say to you?")
    assert looks(chat)[0].impression == "a bit stiff but fine"
    await chat.patient_taps("Skip")
    assert looks(chat)[0].state == LookState.CLOSED


async def test_from_day_42_a_steady_pattern_may_be_told_and_is_not_called_a_cause(chat: Chat) -> None:
    await looked_at(chat, HELPS, 42)

    await chat.patient_taps("I can't tell")

    told = said(chat)
    assert looks(chat)[1].verdict == "clearer_help"
    assert "That's a steady pattern for you." in told
    assert "It doesn't show that the activity did it." in told
    assert "Better sleep or a calmer week may play a part." in told


async def test_days_that_speak_against_activity_are_told_with_what_was_done_first_and_a_person(chat: Chat) -> None:
    await looked_at(chat, HURTS, 42)

    await chat.patient_taps("Sorer")

    told = said(chat)
    assert looks(chat)[1].verdict == "more_pain"
    assert told.index("First what you did.") < told.index("were sorer by about")
    assert "settled within 2 days" in told
    assert "Talk to the physio" in chat.buttons()


async def test_who_fears_that_moving_harms_hears_first_what_they_did(chat: Chat) -> None:
    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        message = messages.record(
            session,
            messages.Message(
                key="m", patient_id=patient.id, direction=messages.Direction.FROM_PATIENT, kind="text", text="it hurts",
                at=chat.clock.now(),
            ),
        )  # fmt: skip
        session.add(
            BeliefFlag(
                patient_id=patient.id, message_id=message.id, belief="B01", confidence=0.9, model="m",
                at=chat.clock.now(), on=TODAY,
            )
        )  # fmt: skip
        assert concerns.standing_flags(session, patient.id)
    await looked_at(chat, HELPS, 28)

    await chat.patient_taps("Easier")

    told = said(chat)
    assert told.index("First what you did.") < told.index("there's a hint")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (a_diary(HELPS, 14), "too few to say anything fair"),
        (EVEN[:29], "much alike in activity"),
    ],
)
async def test_too_little_is_said_to_be_too_little(chat: Chat, days: list[Day], words: str) -> None:
    whole = [Day(TODAY)] * (29 - len(days)) + list(days)
    tells(chat, whole, begins=TODAY - timedelta(days=28))
    await chat.time_passes(minutes=2)

    await chat.patient_taps("Skip")

    told = said(chat)
    assert words in told
    assert "I'll look again at day 42." in told


async def test_asking_for_progress_never_looks(chat: Chat, rasa: FakeRasa) -> None:
    tells(chat, a_diary(HELPS, 20), begins=TODAY - timedelta(days=20))
    rasa.hears("my progress", says=["utter_progress"])

    for _ in range(3):
        await chat.patient_says("my progress")

    assert [(row.day, row.verdict) for row in looks(chat)] == [(28, ""), (42, ""), (56, ""), (84, "")]
    assert "On day 28 I'll look at how your days go together. Today is day 21." in said(chat)


async def test_a_look_that_was_not_answered_is_asked_again_and_not_made_again(chat: Chat, rasa: FakeRasa) -> None:
    await looked_at(chat, HELPS, 28)
    figures = looks(chat)[0].figures
    await chat.time_passes(days=4)
    chat.sees(PATIENT)
    rasa.hears("my progress", says=["utter_progress"])

    await chat.patient_says("my progress")
    assert "what have you noticed" in said(chat)
    await chat.patient_taps("Easier")

    assert "there's a hint" in said(chat)
    assert looks(chat)[0].figures == figures


async def test_a_look_waits_for_the_end_of_the_night_and_of_a_hold(chat: Chat) -> None:
    tells(chat, a_diary(HELPS, 28), begins=TODAY - timedelta(days=28))
    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        patient.held_since = chat.clock.now()

    await chat.time_passes(days=1)
    assert looks(chat)[0].state == LookState.PLANNED

    with chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        patient.held_since = None
    await chat.time_passes(days=1)
    assert looks(chat)[0].state == LookState.ASKED


async def test_a_patient_without_the_morning_question_is_never_looked_at(chat: Chat) -> None:
    await chat.time_passes(days=1)

    assert looks(chat) == []


async def test_the_first_guess_stands(chat: Chat) -> None:
    number, now = chat.patient.id, chat.clock.now()
    with chat.database.transaction() as session:
        for guess in ("sorer", "easier"):
            links.declare(session, LinkQuestion(patient_id=number, guess=guess, declared_at=now))
        found = links.question_of(session, number)

    assert found is not None
    assert found.guess == "sorer"


class TestThePairIsChosen:
    async def test_with_two_times_and_a_guess(self, chat: Chat, rasa: FakeRasa) -> None:
        values = {"new_morning_at": "08:00", "new_evening_at": "18:00", "link_guess": "easier"}
        rasa.hears("easier", says=["utter_mornings_chosen"], values=values)

        await chat.patient_says("easier")

        assert "I'll ask about pain at 08:00 and about your activity at 18:00." in said(chat)
        assert (chat.patient.morning_at, chat.patient.check_in_at) == (time(8), time(18))

    async def test_two_times_too_close_are_refused_and_change_nothing(self, chat: Chat, rasa: FakeRasa) -> None:
        values = {"new_morning_at": "09:00", "new_evening_at": "11:00", "link_guess": "skipped"}
        rasa.hears("no idea", says=["utter_mornings_chosen"], values=values)

        await chat.patient_says("no idea")

        assert "too close together" in said(chat)
        assert chat.patient.morning_at is None

    async def test_and_given_up(self, chat: Chat, rasa: FakeRasa) -> None:
        with chat.database.transaction() as session:
            patient = patients.by_chat(session, PATIENT)
            assert patient is not None
            chat.app.check_ins.choose_pair(session, patient, time(8), time(18), chat.clock.now())
        assert chat.patient.morning_at == time(8)
        rasa.hears("once a day", says=["utter_mornings_chosen"], values={"new_morning_at": "skipped"})

        await chat.patient_says("once a day")

        assert "One check-in a day it is, at 18:00." in said(chat)
        assert chat.patient.morning_at is None

    async def test_the_pair_does_not_count_against_the_other_messages_of_a_day(self, chat: Chat) -> None:
        await looked_at(chat, HELPS, 28)
        chat.sees(PATIENT)
        number = chat.patient.id

        await chat.time_passes(days=1)

        since = datetime(2026, 1, 1, tzinfo=UTC)
        sent = chat.rows(lambda session: messages.count_of_kind(session, number, "prompt", since=since))
        assert sent == 1
        assert "How is your back right now?" in said(chat)
