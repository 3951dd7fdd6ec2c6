"""Modules: each asks, lets the patient try, and gives something to keep; with Rasa down too, and on another day."""

from itertools import count
from typing import Any

import pytest
from sqlmodel import select

from bot.coaching.modules import Kind, Step
from bot.content import Library, Words
from data import experiments, modules, timers
from data.concerns import BeliefFlag
from data.messages import Message
from data.modules import Keepsake, ModuleRun, ModuleState
from data.outbox import OutboxMessage
from data.patients import Patient, PatientState
from tests.chat import PATIENT, STRANGER, Chat
from tests.fakes import FakeRasa


@pytest.fixture(autouse=True)
def dialogue(rasa: FakeRasa, caplog: pytest.LogCaptureFixture) -> None:
    """What the real Rasa does: dialogues/transcripts/modules.yml."""
    caplog.set_level("INFO")  # as in production: a log line must not fail either
    rasa.hears("stop", intent="stop", says=["utter_module_left"])
    rasa.hears("why?", intent="why", says=["utter_why_module_answer", "utter_ask_module_answer"], asks=ASKS)
    rasa.hears("hello", intent="greet", says=["utter_carry_on", "utter_ask_module_answer"], asks=ASKS)


ASKS = "module_form.module_answer"


async def in_words(chat: Chat, rasa: FakeRasa, text: str) -> None:
    rasa.hears(text, intent="inform", says=["utter_module_answered"], values={"module_answer": text})
    await chat.patient_says(text)


async def opens(chat: Chat, module: str) -> None:
    words = chat.rows(lambda session: chat.app.modules.open(session, mine(session, chat), module, chat.clock.now()))
    assert words


def mine(session, chat: Chat):  # type: ignore[no-untyped-def]
    return session.get_one(Patient, chat.patient.id)


def runs(chat: Chat) -> list[ModuleRun]:
    return chat.rows(lambda session: modules.runs(session, chat.patient.id))


def cards(chat: Chat) -> list[Keepsake]:
    return chat.rows(lambda session: modules.keepsakes(session, chat.patient.id))


# The list


async def test_the_command_lists_all_of_them_in_two_messages_with_rasa_down(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()

    await chat.patient_says("/modules")
    first = chat.buttons()
    await chat.patient_taps("Show more")

    assert len({*first[:-1], *chat.buttons()}) >= 12
    assert "What helped" not in [*first, *chat.buttons()]


async def test_one_begun_stands_first_and_one_done_last(chat: Chat, rasa: FakeRasa) -> None:
    await chat.patient_says("/modules")
    await chat.patient_taps("Hurt and harm")
    await chat.patient_says("stop")
    chat.rows(lambda s: modules.add(s, done(chat, "flare_ups")))

    await chat.patient_says("/modules")

    assert chat.buttons()[0] == "Go on: Hurt and harm"
    await chat.patient_taps("Show more")
    assert chat.buttons()[-1] == "✓ Your flare-up plan"


def done(chat: Chat, module: str) -> ModuleRun:
    now = chat.clock.now()
    return ModuleRun(patient_id=chat.patient.id, module=module, state=ModuleState.DONE, started_at=now, ended_at=now)


async def test_a_stranger_gets_none(stranger: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/enrol", says=["utter_ask_invitation_code"])

    await stranger.patient_says("/modules")

    stranger.patient_sees("utter_ask_invitation_code")


# One from end to end


async def test_understanding_pain_from_the_first_question_to_the_card(chat: Chat, rasa: FakeRasa) -> None:
    await chat.patient_says("/modules")
    await chat.patient_taps("Understanding pain")
    assert "what do you think is going on in there?" in chat.last_words()
    await in_words(chat, rasa, "something is pinched")
    assert "It makes sense to have a picture" in chat.last_words()
    await chat.patient_taps("Start")
    assert "0:20 left" in chat.last_words()
    await chat.time_passes(seconds=25)
    assert "Let go and wait a moment" in chat.last_words()
    rasa.down()
    await chat.patient_taps("It's easing")
    assert chat.last_words().startswith("So it felt sore, and your hand came to no harm.")
    rasa.up()
    await in_words(chat, rasa, "Sunday on the sofa and it was bad")
    await chat.patient_taps("Poor sleep")
    await in_words(chat, rasa, "a warm bath")
    assert "Turns it up: poor sleep.\nTurns it down: a warm bath." in chat.last_words()

    await chat.patient_taps("Keep it")

    assert "Kept, as one of your cards:\n\nHow my pain works\nTurns it up: poor sleep." in chat.last_words()
    assert [(row.module, row.state) for row in runs(chat)] == [("understanding_pain", ModuleState.DONE)]
    assert cards(chat)[0].words.endswith("A time it didn't match: Sunday on the sofa and it was bad.")
    assert chat.patient.asks is None


@pytest.fixture
def walk(chat: Chat) -> "Walk":
    return Walk(chat)


class Walk:
    """One module gone through on the service itself: every way of all of them would take the chat too long."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._patient = chat.patient.id
        self._keys = count(1)
        self.said: list[str] = []

    def opens(self, session: Any, name: str) -> ModuleRun:
        self._said(self._modules.open(session, session.get_one(Patient, self._patient), name, self._chat.clock.now()))
        return modules.runs(session, self._patient)[-1]

    def taps(self, session: Any, label: str) -> None:
        key = f"walk:{next(self._keys)}"
        assert self._modules.answer(
            session, session.get_one(Patient, self._patient), label, key=key, now=self._chat.clock.now()
        )
        self.said.append(session.exec(select(Message.text).where(Message.key == key)).one())

    def writes(self, session: Any, words: str) -> None:
        key = f"walk:{next(self._keys)}"
        self._said(
            self._modules.record(
                session, session.get_one(Patient, self._patient), words, key=key, now=self._chat.clock.now()
            )
        )

    def waits(self, session: Any) -> None:
        timer = timers.running(session, self._patient)[0]
        self._said(
            self._modules.time_is_up(session, session.get_one(Patient, self._patient), timer, self._chat.clock.now())
        )

    @property
    def _modules(self) -> Any:
        return self._chat.app.modules

    def _said(self, words: list[Words]) -> None:
        self.said.append("\n".join(each.text for each in words))


def test_every_step_of_every_module_can_be_skipped_and_the_module_ends(
    chat: Chat, walk: Walk, library: Library
) -> None:
    with chat.database.transaction() as session:
        for name, module in library.modules.items():
            run = walk.opens(session, name)
            for _ in module.steps:
                if run.state != ModuleState.DONE:
                    walk.taps(session, "skip")
            assert (name, run.state) == (name, ModuleState.DONE)
    assert cards(chat) == []


@pytest.mark.parametrize("last", [False, True])
def test_every_module_leads_to_a_card_whatever_is_answered(
    chat: Chat, walk: Walk, library: Library, last: bool
) -> None:
    """With the first and with the last button of each question, and words where words are asked."""
    with chat.database.transaction() as session:
        for name, module in library.modules.items():
            run = walk.opens(session, name)
            for _ in range(2 * len(module.steps)):
                if run.state == ModuleState.DONE:
                    break
                takes(session, walk, module.steps[run.step], last=last)
            assert (name, run.state) == (name, ModuleState.DONE)
    assert {card.module for card in cards(chat)} == set(library.modules)
    assert [said for said in walk.said if "{" in said or not said.strip()] == []


def takes(session: Any, walk: Walk, step: Step, *, last: bool) -> None:
    match step.kind:
        case Kind.ASK:
            walk.writes(session, "something of mine")
        case Kind.NUMBER | Kind.SCALE | Kind.EXPECT:
            walk.taps(session, "4")
        case Kind.LADDER:
            walk.writes(session, "a small step, 2")
            walk.taps(session, "That's all")
        case Kind.TRY:
            walk.taps(session, "Start")
            walk.waits(session)
        case Kind.KEEP | Kind.DRAFT:
            walk.writes(session, "words of mine")
            if step.kind == Kind.DRAFT:
                walk.taps(session, "Keep it")
        case Kind.SHOW:
            walk.taps(session, "Go on")
        case Kind.CHOICES:
            walk.taps(session, list(step.options.values())[-1 if last else 0].label)


# Back, leaving, another day


async def test_back_in_other_words_goes_through_rasa_and_does_the_same(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("go back one", intent="back", says=["utter_cannot_go_back", "utter_ask_module_answer"], asks=ASKS)
    await opens(chat, "sleep")
    await chat.patient_says("I wake up sore")

    await chat.patient_says("go back one")
    assert chat.last_words().startswith("OK, one step back.\n\nWhich of these")

    await chat.patient_says("go back one")
    assert chat.last_words().startswith("This is the first question")


async def test_back_asks_the_step_before_again(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "sleep")
    await chat.patient_says("I wake up sore")
    await in_words(chat, rasa, "I count")

    await chat.patient_says("back")

    assert "When you lie awake" in chat.last_words()
    assert runs(chat)[0].answers == {"nights": "waking"}
    await chat.patient_says("back")
    await chat.patient_says("back")
    assert chat.last_words().startswith("This is the first question")


async def test_left_half_way_it_goes_on_another_day(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "sleep")
    await chat.patient_says("I wake up sore")
    await chat.patient_says("stop")
    assert "Your place is kept" in chat.last_words()
    assert chat.patient.asks is None
    await chat.time_passes(days=9)

    await chat.patient_says("/modules")
    await chat.patient_taps("Go on: Sleep")

    assert "When you lie awake" in chat.last_words()
    assert runs(chat)[0].answers == {"nights": "waking"}


async def test_a_step_nobody_answers_stands_in_the_way_of_nothing_after_some_hours(chat: Chat) -> None:
    await opens(chat, "sleep")

    await chat.time_passes(hours=7)

    assert chat.patient.asks is None
    assert runs(chat)[0].state == ModuleState.OPEN


async def test_a_button_of_a_step_that_is_passed_changes_nothing(chat: Chat, rasa: FakeRasa) -> None:
    await chat.patient_says("/modules")
    await chat.patient_taps("Show more")
    await chat.patient_taps("Sleep")
    await chat.patient_says("I wake up sore")

    await chat.patient_taps("Awake too early")

    chat.patient_sees(*everything(chat))
    assert "We've moved on" in chat.last_words()
    assert runs(chat)[0].answers == {"nights": "waking"}


def everything(chat: Chat) -> list[str]:
    query = select(Message.responses).where(Message.direction == "to_patient").order_by(Message.id)
    return [name for names in chat.rows(lambda session: session.exec(query).all()) for name in names.split(",")]


async def test_why_is_answered_and_the_step_is_asked_again(chat: Chat) -> None:
    await opens(chat, "understanding_pain")

    await chat.patient_says("why?")

    assert "Your own picture of it is where we start" in chat.last_words()
    assert "what do you think is going on in there?" in chat.last_words()


async def test_a_danger_in_a_step_comes_first(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "understanding_pain")

    await chat.patient_says("I can't feel when I wipe")

    assert "Go to A&E now" in chat.last_words()
    assert chat.patient.held_since is not None
    await chat.patient_says("/modules")
    chat.patient_sees("utter_mae", *everything(chat)[1:])
    assert "which" not in chat.last_words().lower()


async def test_a_belief_said_in_a_step_is_the_answer_and_is_logged(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "understanding_pain")
    words = "it's worn out in there"
    answered = {"says": ["utter_module_answered"], "values": {"module_answer": words}}
    rasa.hears(words, intent="belief", beliefs={"B04": 0.95}, **answered)

    await chat.patient_says(words)

    flags = chat.rows(lambda session: session.exec(select(BeliefFlag)).all())
    assert [flag.belief for flag in flags] == ["B04"]
    assert runs(chat)[0].answers == {"think": words}
    assert "Make a tight fist" in chat.last_words()


async def test_while_another_form_asks_no_module_opens(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("set a goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await chat.patient_says("/modules")
    await chat.patient_says("set a goal")

    await chat.patient_taps("Understanding pain")

    assert "Let's finish this first" in chat.last_words()
    assert runs(chat) == []


# What the steps leave behind


async def test_a_ladder_takes_rungs_with_their_fear_and_begins_with_a_small_one(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "restarting")
    await in_words(chat, rasa, "swimming")
    await in_words(chat, rasa, "it goes into spasm")
    await chat.patient_says("80")
    await in_words(chat, rasa, "swim a length, 8")
    await in_words(chat, rasa, "stand in the shallow end")
    assert "How scary is that" in chat.last_words()
    await chat.patient_says("5")
    await chat.patient_says("that's all")
    assert "What would be a smaller one" in chat.last_words()
    await in_words(chat, rasa, "sit by the pool 2/10")
    await chat.patient_says("that's all")
    assert "You could begin with: sit by the pool." in chat.last_words()

    await chat.patient_says("6")

    agreed = chat.rows(lambda session: experiments.running(session, chat.patient.id))
    assert [(row.what, row.expected) for row in agreed] == [("sit by the pool", 6)]
    assert "1. sit by the pool (2)\n2. stand in the shallow end (5)\n3. swim a length (8)" in chat.last_words()


async def test_a_number_that_is_out_of_range_changes_nothing(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "hurt_and_harm")

    await in_words(chat, rasa, "15")

    assert "a button or a number is enough" in chat.last_words()
    assert runs(chat)[0].step == "sure"


async def test_the_summary_is_from_their_data_edited_and_sent_by_itself(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "health_professionals")
    await chat.patient_says("My GP")
    await in_words(chat, rasa, "carrying the shopping")
    await chat.patient_says("skip")
    await in_words(chat, rasa, "Is running all right?")
    await in_words(chat, rasa, "a plan")
    assert "1. What I find hard: carrying the shopping.\n2. My question: Is running all right?" in chat.last_words()
    assert "Pain" not in chat.last_words()  # nothing is known, so nothing is said

    await chat.patient_taps("Leave out line 3")
    await in_words(chat, rasa, "I take ibuprofen some days.")
    assert "3. I take ibuprofen some days." in chat.last_words()
    await chat.patient_taps("Keep it")

    text = [shown.text for shown in chat.telegram.in_chat(PATIENT)][-2]
    assert text == (
        "For my visit\n\n"
        "What I find hard: carrying the shopping.\nMy question: Is running all right?\nI take ibuprofen some days."
    )
    assert cards(chat)[0].title == "For my visit"


async def test_unhelpful_thoughts_lead_to_the_thought_record(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/thought_record", says=["utter_thought_record_opening"])
    await opens(chat, "unhelpful_thoughts")
    for _ in range(6):
        await chat.patient_says("skip")

    await chat.patient_says("Yes, let's")
    await chat.patient_taps("Yes, let's")

    chat.patient_sees(*everything(chat))
    assert "look at one thought, step by step" in chat.last_words()


async def test_cards_and_thoughts_stand_together(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/my_cards", says=["utter_my_cards"])
    thought = {"thought_itself": "hopeless", "thought_fairer": "hard today"}
    rasa.hears("done", says=["utter_thought_record_saved"], values=thought)
    await chat.patient_says("done")
    await opens(chat, "hurt_and_harm")
    for _ in range(6):
        await chat.patient_says("skip")
    await in_words(chat, rasa, "sore is not harm")

    await chat.patient_says("/cards")

    assert "1. When I'm sore\nsore is not harm" in chat.last_words()
    assert "2. “hard today”" in chat.last_words()
    assert chat.buttons() == ["Delete card 1", "Delete card 2"]


async def test_answers_are_not_readable_in_the_database(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "hurt_and_harm")
    for _ in range(6):
        await chat.patient_says("skip")
    await in_words(chat, rasa, "sore is not harm")

    with chat.database.engine.begin() as connection:
        stored = [connection.exec_driver_sql(f"select * from {table}").all() for table in ("modulerun", "keepsake")]

    assert len(cards(chat)) == 1
    assert "sore is not harm" not in str(stored)


# The weekly offer


def offered(chat: Chat, **reasons: list[str]) -> str | None:
    def ask(session):  # type: ignore[no-untyped-def]
        words = chat.app.modules.offer_next(session, mine(session, chat), chat.clock.now(), **reasons)
        return words.response.removeprefix("utter_module_").removesuffix("_offer") if words else None

    return chat.rows(ask)


async def test_in_week_two_the_flare_plan_is_offered_until_it_is_built(chat: Chat) -> None:
    assert offered(chat) == "understanding_pain"
    await chat.time_passes(days=7)

    assert offered(chat, reasons=["mood"]) == "flare_ups"
    assert offered(chat) == "flare_ups"
    chat.rows(lambda s: modules.add(s, done(chat, "flare_ups")))
    assert offered(chat, reasons=["mood"]) != "flare_ups"


async def test_a_reason_goes_before_a_belief_and_none_is_offered_twice(chat: Chat) -> None:
    now, patient_id = chat.clock.now(), chat.patient.id
    message = Message(key="k", patient_id=patient_id, direction="from_patient", kind="text", text="x", at=now)
    heard = {"belief": "B14", "confidence": 0.9, "model": "m"}
    flag = BeliefFlag(patient_id=patient_id, message_id=None, at=now, on=now.date(), **heard)

    def write(session):  # type: ignore[no-untyped-def]
        session.add(message)
        session.flush()
        flag.message_id = message.id
        session.add(flag)

    chat.rows(write)

    assert offered(chat, reasons=["mood"]) == "unhelpful_thoughts"
    assert offered(chat) == "restarting"  # B14
    chat.rows(lambda s: modules.add(s, done(chat, "restarting")))
    assert offered(chat) == "daily_living"  # B14 too


async def test_an_offer_is_taken_or_left_by_a_button(chat: Chat) -> None:
    def send(session):  # type: ignore[no-untyped-def]
        patient = mine(session, chat)
        words = chat.app.modules.offer_next(session, patient, chat.clock.now())
        chat.app.skills._outgoing.to_patient(
            session, patient, [words], key="offer", kind="prompt", now=chat.clock.now()
        )

    chat.rows(send)
    await chat.settle()
    await chat.patient_taps("Not now")

    assert [(row.module, row.state) for row in runs(chat)] == [("understanding_pain", ModuleState.DECLINED)]
    assert offered(chat) == "hurt_and_harm"


async def test_a_held_patient_is_offered_nothing(chat: Chat) -> None:
    await chat.patient_says("I can't feel when I wipe")

    assert offered(chat) is None


async def test_nobody_opens_another_patients_module(chat: Chat, rasa: FakeRasa) -> None:
    await opens(chat, "sleep")
    chat.patient_has_joined(chat_id=STRANGER)
    rasa.hears("I wake up sore", says=["utter_default"])

    await chat.patient_says("I wake up sore", chat_id=STRANGER)

    assert runs(chat)[0].answers == {}


# The timer


def edits(chat: Chat) -> list[str]:
    query = select(OutboxMessage).where(OutboxMessage.kind == "edit").order_by(OutboxMessage.id)
    return [row.text for row in chat.rows(lambda session: session.exec(query).all()) if "left" in row.text]


async def test_the_countdown_changes_one_message_and_says_what_to_do(chat: Chat) -> None:
    await opens(chat, "worry")
    for _ in range(3):
        await chat.patient_says("skip")
    await chat.patient_says("skip")
    messages = len(chat.telegram.in_chat(PATIENT))

    await chat.patient_says("start")
    await chat.time_passes(seconds=185)

    assert len(chat.telegram.in_chat(PATIENT)) == messages + 2  # the count-down, and what comes after it
    assert [text.split("\n")[-1] for text in edits(chat)] == [
        "⏳ 2:30 left", "⏳ 2:00 left", "⏳ 1:30 left", "⏳ 1:00 left", "⏳ 0:30 left",
    ]  # fmt: skip
    assert "Minute 2: touch" in edits(chat)[2]
    assert "Where was your attention" in chat.last_words()


async def test_stopped_it_rings_no_bell_and_the_step_waits(chat: Chat) -> None:
    await opens(chat, "understanding_pain")
    await chat.patient_says("skip")
    await chat.patient_says("start")
    await chat.time_passes(seconds=5)

    await chat.patient_taps("Stop")
    await chat.time_passes(minutes=5)

    assert chat.last_words().startswith(("Stopped.", "The timer has stopped."))
    assert "Start" in chat.buttons()
    assert runs(chat)[0].step == "fist"


async def test_a_danger_stops_the_timer(chat: Chat) -> None:
    await opens(chat, "understanding_pain")
    await chat.patient_says("skip")
    await chat.patient_says("start")

    await chat.patient_says("I can't feel when I wipe")
    await chat.time_passes(minutes=1)

    assert "That's the time" not in chat.last_words()


async def test_a_bell_that_would_ring_much_too_late_stays_silent(chat: Chat) -> None:
    await opens(chat, "understanding_pain")
    await chat.patient_says("skip")
    await chat.patient_says("start")
    chat.clock.move_to(chat.clock.now().replace(hour=14))  # nobody ticked: the coach was away

    await chat.settle()

    assert "left" in chat.last_words() or "stopped" in chat.last_words()
    assert runs(chat)[0].step == "fist"


async def test_a_withdrawn_patient_gets_no_module(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/enrol", says=["utter_ask_invitation_code"])

    def leave(session):  # type: ignore[no-untyped-def]
        mine(session, chat).state = PatientState.WITHDRAWN

    chat.rows(leave)

    await chat.patient_says("/modules")

    assert runs(chat) == []
