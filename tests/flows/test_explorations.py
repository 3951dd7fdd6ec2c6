"""Asking more about a belief: offered when it is time, never beside a danger, and left when the patient wants to."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from data import concerns, experiments, explorations
from data.alerts import Alert
from data.concerns import BeliefFlag, RiskFlag
from data.explorations import Exploration, ExplorationState
from data.messages import Direction, Message
from data.patients import Patient, PatientState
from tests.chat import PATIENT, Chat
from tests.fakes import FakeRasa

WORN = "my discs are knackered so what's the point"
ANSWERS = {
    "explore_right": "right", "explore_view": "walking will wear it more", "explore_fits": "skipped",
    "explore_unlike": "a holiday, I walked loads", "explore_offer": "yes", "explore_found": "never heard that",
    "explore_try": "first", "explore_expected": "7", "explore_strength": "6", "explore_confidence": "skipped",
}  # fmt: skip


@pytest.fixture(autouse=True)
def script(rasa: FakeRasa) -> None:
    """What the real Rasa does: dialogues/transcripts/exploration.yml."""
    rasa.hears(WORN, intent="belief", beliefs={"B04": 0.95}, says=["utter_belief_heard"])
    rasa.hears("hello", intent="greet", says=["utter_thanks"])
    asks(rasa, "/explore", "right", first=["utter_explore_opening"])
    rasa.hears("/explore_not_now", intent="explore_not_now", says=["utter_explore_not_now"])


def asks(rasa: FakeRasa, said: str, step: str, first: list[str] | None = None, **answers: Any) -> None:
    says = [*(first or []), f"utter_ask_explore_{step}"]
    rasa.hears(said, intent="inform", says=says, asks=f"exploration_form.explore_{step}", values=answers)


def rows(chat: Chat) -> list[Exploration]:
    return chat.rows(lambda session: explorations.of_patient(session, chat.patient.id))


def states(chat: Chat) -> list[str]:
    return [row.state.value for row in rows(chat)]


async def is_offered(chat: Chat) -> None:
    """The same belief on two days."""
    await chat.patient_says(WORN)
    await chat.time_passes(days=1)
    chat.patient_sees(*was_said(chat))
    await chat.patient_says(WORN)
    chat.patient_sees("utter_belief_b04", "utter_explore_offer")


def was_said(chat: Chat) -> list[str]:
    """The names of all responses so far: the check-in in between is not what these tests are about."""
    query = select(Message.responses).where(Message.direction == Direction.TO_PATIENT).order_by(Message.id)
    return [name for names in chat.rows(lambda session: session.exec(query).all()) for name in names.split(",")]


async def is_opened(chat: Chat) -> None:
    await is_offered(chat)
    await chat.patient_taps("Yes, ask me")
    chat.patient_sees("utter_explore_opening", "utter_explore_b04_right")


# When it is offered


async def test_a_belief_said_once_is_acknowledged_and_logged(chat: Chat) -> None:
    await chat.patient_says(WORN)

    chat.patient_sees("utter_belief_b04")
    assert rows(chat) == []


async def test_said_on_another_day_it_is_asked_about(chat: Chat) -> None:
    await is_offered(chat)

    assert [(row.belief, row.reason, row.state) for row in rows(chat)] == [
        ("B04", "another_day", ExplorationState.OFFERED)
    ]
    assert chat.buttons() == ["Yes, ask me", "Not now"]


async def test_said_with_certainty_it_is_asked_about_at_once(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("it's definitely worn out", intent="belief", beliefs={"B04": 0.95}, says=["utter_belief_heard"])

    await chat.patient_says("it's definitely worn out")

    chat.patient_sees("utter_belief_b04", "utter_explore_offer")
    assert rows(chat)[0].reason == "strong"


async def test_a_day_with_routine_health_questions_is_a_day_like_any_other(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("it's definitely worn out", intent="belief", beliefs={"B04": 0.95}, says=["utter_belief_heard"])
    cleared = RiskFlag(
        patient_id=chat.patient.id, risk="RF01", severity="EAE", action="cleared", layer="question", at=chat.clock.now()
    )
    chat.rows(lambda session: session.add(cleared))

    await chat.patient_says("it's definitely worn out")

    chat.patient_sees("utter_belief_b04", "utter_explore_offer")


async def test_what_stops_a_goal_is_asked_about_once_nothing_else_is(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("set a goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    rasa.hears(WORN, intent="belief", beliefs={"B04": 0.95}, asks="goal_form.goal_activity",
               says=["utter_belief_heard", "utter_ask_goal_activity"])  # fmt: skip
    rasa.hears("stop", intent="inform", says=["utter_goal_stopped"])
    await chat.patient_says("set a goal")
    await chat.patient_says(WORN)
    chat.patient_sees("utter_ask_goal_activity", "utter_belief_b04_in_form", "utter_ask_goal_activity")

    await chat.patient_says("stop")

    chat.patient_sees("utter_goal_stopped", "utter_explore_offer_later")
    assert rows(chat)[0].reason == "blocks_plan"


async def test_a_reply_that_asks_something_comes_without_an_offer(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears(WORN, intent="belief", beliefs={"B04": 0.95}, says=["utter_belief_heard", "utter_menu"])
    await chat.patient_says(WORN)
    await chat.time_passes(hours=22)

    await chat.patient_says(WORN)

    assert rows(chat) == []


async def test_after_the_last_question_of_a_check_in_the_offer_that_waited_is_made(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears(WORN, intent="belief", beliefs={"B04": 0.95}, asks="check_in_form.minutes_done",
               says=["utter_belief_heard", "utter_ask_minutes_done"])  # fmt: skip
    await chat.time_passes(hours=10)
    await chat.patient_taps("4")
    await chat.patient_says(WORN)
    assert rows(chat) == []

    await chat.patient_says("0")
    await chat.patient_taps("5")

    assert was_said(chat)[-2:] == ["utter_check_in_done", "utter_explore_offer_later"]
    assert rows(chat)[0].reason == "blocks_plan"


async def test_beside_a_danger_nothing_is_offered_that_day(chat: Chat, rasa: FakeRasa) -> None:
    await chat.patient_says(WORN)
    await chat.time_passes(days=1)
    await chat.patient_says("I have chest pain")
    chat.rows(lambda session: _let_go(session, chat))

    await chat.patient_says(WORN)

    assert rows(chat) == []


def _let_go(session: Any, chat: Chat) -> None:
    """The hold and the alert are over, and the day is the same."""
    patient = session.get(Patient, chat.patient.id)
    patient.held_since = patient.held_for = patient.quiet_until = None
    for alert in session.exec(select(Alert)):
        alert.closed_at = chat.clock.now()
    concerns.close_question(session, patient.id)


@pytest.mark.parametrize("intent", ["talk_to_physio", "frustration", "functional_limitation", "clinician_restriction"])
async def test_what_goes_before_a_belief_comes_without_an_offer(chat: Chat, rasa: FakeRasa, intent: str) -> None:
    await chat.patient_says(WORN)
    await chat.time_passes(days=1)
    rasa.hears("both", intent=intent, beliefs={"B04": 0.95}, says=["utter_belief_heard"])

    await chat.patient_says("both")

    assert rows(chat) == []


async def test_who_has_paused_is_left_in_peace(chat: Chat) -> None:
    await chat.patient_says(WORN)
    await chat.time_passes(days=1)
    chat.rows(lambda session: setattr(session.get(Patient, chat.patient.id), "state", PatientState.PAUSED))

    await chat.patient_says(WORN)

    assert rows(chat) == []


async def test_a_flag_that_a_physio_took_back_does_not_count(chat: Chat) -> None:
    await chat.patient_says(WORN)
    await chat.time_passes(days=1)

    def take_back(session: Any) -> None:
        flag = session.exec(select(BeliefFlag)).one()
        concerns.correct(session, flag, concerns.NO_BELIEF, physio_id=1, now=chat.clock.now())

    chat.rows(take_back)

    await chat.patient_says(WORN)

    assert rows(chat) == []


# Not taken up


@pytest.mark.parametrize("words", ["not now", "no thanks", "maybe later"])
async def test_a_typed_no_is_a_no(chat: Chat, words: str) -> None:
    await is_offered(chat)

    await chat.patient_says(words)

    chat.patient_sees("utter_explore_not_now")
    assert states(chat) == ["declined"]


async def test_after_a_no_two_days_are_quiet(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("definitely worn", intent="belief", beliefs={"B04": 0.95}, says=["utter_belief_heard"])
    await is_offered(chat)
    await chat.patient_taps("Not now")
    await chat.time_passes(hours=47)
    await chat.patient_says("definitely worn")
    assert states(chat) == ["declined"]

    await chat.time_passes(hours=1)
    await chat.patient_says("definitely worn")

    assert states(chat) == ["declined", "offered"]


async def test_yes_to_nothing_goes_to_the_dialogue(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("yes", intent="affirm", says=["utter_yes_to_what"])

    await chat.patient_says("yes")

    chat.patient_sees("utter_yes_to_what")


async def test_an_offer_tapped_while_something_else_is_asked_waits(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("set a goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await is_offered(chat)
    offered = chat.telegram.in_chat(PATIENT)[-1]
    await chat.patient_says("set a goal")
    assert offered.labels == ["Yes, ask me", "Not now"]

    await chat.patient_taps("Yes, ask me")

    chat.patient_sees("utter_ask_goal_activity", "utter_finish_this_first")
    assert states(chat) == ["offered"]


# The talk


async def test_the_class_says_its_own_words_and_each_answer_is_kept(chat: Chat, rasa: FakeRasa) -> None:
    asks(rasa, "yes, that's right", "view", explore_right="right")
    asks(rasa, "it wears out", "fits", explore_right="right", explore_view="it wears out")
    await is_opened(chat)

    await chat.patient_taps("Yes, that's right")
    await chat.patient_says("it wears out")

    chat.patient_sees("utter_explore_b04_view", "utter_explore_b04_fits")
    assert [(row.state, row.view) for row in rows(chat)] == [(ExplorationState.OPEN, "it wears out")]
    flags = chat.rows(lambda session: session.exec(select(BeliefFlag)).all())
    assert [flag.held for flag in flags] == [True, True]


async def test_a_test_is_agreed_and_summed_up_in_the_patients_words(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("skip", intent="skip", says=["utter_explore_end"], values=ANSWERS)
    await is_opened(chat)

    await chat.patient_says("skip")

    chat.patient_sees(
        "utter_explore_summary_view", "utter_explore_summary_unlike", "utter_explore_summary_strength",
        "utter_explore_done", "utter_experiment_agreed",
    )  # fmt: skip
    assert "walking will wear it more" in chat.last_words()
    row = rows(chat)[0]
    assert (row.state, row.made_of_it, row.heard_found, row.strength, row.confidence, row.fits) == (
        ExplorationState.DONE, "never heard that", True, 6, None, "",
    )  # fmt: skip
    tests = chat.rows(lambda session: experiments.running(session, chat.patient.id))
    assert [(test.belief, test.expected, test.exploration_id) for test in tests] == [("B04", 7, row.id)]
    assert tests[0].try_on == chat.clock.now().date() + timedelta(days=1)
    assert tests[0].what == chat.library.say("utter_explore_b04_first").text


async def test_without_a_test_nothing_is_agreed(chat: Chat, rasa: FakeRasa) -> None:
    without = {"explore_right": "right", "explore_try": "skipped", "explore_expected": "skipped"}
    rasa.hears("5", intent="inform", says=["utter_explore_end"], values=without)
    await is_opened(chat)

    await chat.patient_says("5")

    chat.patient_sees("utter_explore_done")
    assert chat.rows(lambda session: experiments.running(session, chat.patient.id)) == []


async def test_the_name_of_a_button_typed_is_a_tap_on_it(chat: Chat, rasa: FakeRasa) -> None:
    asks(rasa, "yes, that's right", "try", explore_right="right")
    asks(rasa, "first", "expected", explore_right="right", explore_try="first")
    await is_opened(chat)
    await chat.patient_taps("Yes, that's right")
    chat.patient_sees("utter_explore_b04_try")

    await chat.patient_says(chat.buttons()[0].lower())

    chat.patient_sees("utter_ask_explore_expected")


async def test_it_is_not_the_patients_view(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("not quite", intent="inform", says=["utter_explore_end"], values={"explore_right": "not_quite"})
    await is_opened(chat)

    await chat.patient_taps("Not quite")

    chat.patient_sees("utter_explore_not_held")
    assert states(chat) == ["not_held"]
    flags = chat.rows(lambda session: session.exec(select(BeliefFlag)).all())
    assert [flag.held for flag in flags] == [False, False]


async def test_stopped_half_way_the_answers_stay(chat: Chat, rasa: FakeRasa) -> None:
    asks(rasa, "it wears out", "fits", explore_right="right", explore_view="it wears out")
    rasa.hears("stop", intent="stop", says=["utter_explore_stopped"])
    await is_opened(chat)
    await chat.patient_says("it wears out")

    await chat.patient_says("stop")

    assert [(row.state, row.view) for row in rows(chat)] == [(ExplorationState.LEFT, "it wears out")]


async def test_a_danger_in_the_talk_ends_it(chat: Chat) -> None:
    await is_opened(chat)

    await chat.patient_says("I have chest pain and can't breathe")
    await chat.patient_says("hello")

    assert states(chat) == ["left"]
    assert not (chat.patient.asks or "").startswith("exploration_form")


# Disagreement


def disagrees(rasa: FakeRasa) -> None:
    rasa.hears("that's rubbish", intent="disagree", says=["utter_explore_roll"], asks="same")
    rasa.hears("/continue", intent="continue", says=["utter_carry_on", "utter_ask_explore_right"], asks="same")
    rasa.hears("/explore_park", intent="explore_park", says=["utter_explore_parked"])


async def test_who_disagrees_is_not_argued_with_and_may_carry_on(chat: Chat, rasa: FakeRasa) -> None:
    disagrees(rasa)
    await is_opened(chat)

    await chat.patient_says("that's rubbish")
    await chat.patient_says("carry on")

    chat.patient_sees("utter_explore_roll", "utter_carry_on", "utter_explore_b04_right")
    assert states(chat) == ["open"]


async def test_a_plain_yes_parks_it(chat: Chat, rasa: FakeRasa) -> None:
    disagrees(rasa)
    await is_opened(chat)
    await chat.patient_says("that's rubbish")

    await chat.patient_says("yes")

    chat.patient_sees("utter_explore_roll", "utter_explore_parked")
    assert states(chat) == ["unresolved"]


async def test_the_second_disagreement_parks_it(chat: Chat, rasa: FakeRasa) -> None:
    disagrees(rasa)
    await is_opened(chat)
    await chat.patient_says("that's rubbish")
    await chat.patient_taps("Carry on")

    await chat.patient_says("that's rubbish")

    chat.patient_sees("utter_explore_roll", "utter_carry_on", "utter_explore_b04_right", "utter_explore_parked")
    assert states(chat) == ["unresolved"]
    assert chat.patient.asks is None
