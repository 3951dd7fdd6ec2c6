"""The rules of the channel that need no running server."""

import time

import pytest
from pydantic import ValidationError
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from nlu.channel import CoachChannel
from nlu.hearing import asked, heard, ways_out
from nlu.memory import Memory, replies
from nlu.turns import Turn, _prepare, _session

DOMAIN = Domain.from_dict(
    {
        "intents": ["stop", "help", "belief", "risk", "inform"],
        "slots": {
            "activity": {"type": "any", "mappings": [{"type": "from_text", "not_intent": "help"}]},
            "minutes": {"type": "any", "mappings": [{"type": "from_text"}]},
            "place": {"type": "any", "mappings": [{"type": "custom"}]},
        },
        "forms": {"goal_form": {"ignored_intents": ["stop", "belief"], "required_slots": ["activity", "minutes"]}},
    }
)


def tracker(*events):
    made = DialogueStateTracker.from_events("p1", list(events), slots=DOMAIN.slots)
    return made


# Who may configure it


@pytest.mark.parametrize("token", [None, "", "short", "${COACH_RASA_TOKEN}"])
def test_a_channel_without_a_real_token_does_not_start(token):
    with pytest.raises(RasaException, match="COACH_RASA_TOKEN"):
        CoachChannel.from_credentials({"token": token})


# What a turn is


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": "a", "intent": "b"},
        {"text": "a", "answer": "yes"},
        {"text": "a", "surprise": 1},
        {"text": "a", "form": {"x": 1}},
    ],
)
def test_a_turn_that_is_not_one_message_is_refused(fields):
    with pytest.raises(ValidationError):
        Turn(sender="p1", message_id="m1", **fields)


# What a message means


@pytest.mark.parametrize(
    ("answer", "parse", "intent"),
    [
        (None, {"intent": {"name": "stop"}}, "stop"),
        ("shaped", {"intent": {"name": "stop"}, "exact": ["stop"]}, "inform"),
        ("open", {"intent": {"name": "stop"}}, "inform"),
        ("open", {"intent": {"name": "stop"}, "exact": ["stop"]}, "stop"),
        ("open", {"intent": {"name": "greet"}, "close": {"stop": 0.91, "help": 0.93}}, "help"),
        ("open", {"intent": {"name": "greet"}, "exact": ["greet"], "close": {"greet": 0.99}}, "inform"),
        ("open", {"intent": {"name": "belief"}}, "belief"),
        ("open", {"intent": {"name": "risk"}}, "risk"),
        ("open", {"intent": {"name": "nlu_fallback"}}, "inform"),
    ],
)
def test_an_answer_leaves_the_form_only_by_a_way_out_or_a_concern(answer, parse, intent):
    assert heard(parse, answer, "goal_form.activity", DOMAIN)["name"] == intent


def test_an_answer_in_own_words_gives_way_to_what_its_slot_names():
    domain = Domain.from_dict(
        {
            "intents": ["inform", "disagree"],
            "slots": {"view": {"type": "any", "mappings": [{"type": "from_text", "gives_way_to": ["disagree"]}]}},
            "forms": {"talk_form": {"ignored_intents": ["disagree"], "required_slots": ["view"]}},
        }
    )

    assert heard({"intent": {"name": "disagree"}}, "open", "talk_form.view", domain)["name"] == "disagree"
    assert heard({"intent": {"name": "disagree"}}, "shaped", "talk_form.view", domain)["name"] == "inform"


def test_outside_a_form_the_natural_intent_stands():
    assert heard({"intent": {"name": "stop"}}, "open", None, DOMAIN)["name"] == "stop"


def test_ways_out_are_what_the_topic_declares():
    assert ways_out(DOMAIN, "goal_form.activity") == {"stop", "help"}
    assert ways_out(DOMAIN, "goal_form.minutes") == {"stop"}


def test_a_requested_slot_without_an_open_form_asks_nothing():
    assert asked(tracker(SlotSet("requested_slot", "minutes"))) is None


# The app's state


def prepared(turn, *events):
    return _prepare(Turn(sender="p1", message_id="m", text="x", **turn), tracker(*events), DOMAIN)


def test_slots_that_are_as_they_should_be_make_no_events():
    assert prepared({"slots": {"place": "park", "unknown": 1}}, SlotSet("place", "park")) == []


def test_a_form_that_is_set_asks_its_first_empty_slot():
    events = prepared({"form": {"set": True, "name": "goal_form", "slots": {"activity": "walk"}}})

    assert events == [SlotSet("activity", "walk"), ActiveLoop("goal_form"), SlotSet("requested_slot", "minutes")]


def test_a_form_that_is_open_keeps_its_question():
    open_form = (ActiveLoop("goal_form"), SlotSet("requested_slot", "minutes"))

    assert prepared({"form": {"set": True, "name": "goal_form"}}, *open_form) == []


def test_a_form_is_closed_with_its_question():
    open_form = (ActiveLoop("goal_form"), SlotSet("requested_slot", "minutes"))

    assert prepared({"form": {"set": True, "name": None}}, *open_form) == [
        ActiveLoop(None),
        SlotSet("requested_slot", None),
    ]


def test_a_new_session_carries_each_slot_once():
    before = tracker(SlotSet("place", "park"), SlotSet("place", "home"), SlotSet("requested_slot", "minutes"))

    assert [(event.key, event.value) for event in _session(before) if isinstance(event, SlotSet)] == [("place", "home")]


# What is remembered


@pytest.fixture
def store(tmp_path):
    return SQLTrackerStore(DOMAIN, db=str(tmp_path / "rasa.db"))


async def keep(store, sender, *events):
    await store.save(DialogueStateTracker.from_events(sender, list(events), slots=DOMAIN.slots))


async def test_a_turn_is_found_by_its_id_with_its_replies(store):
    said = BotUttered("Hi", {"buttons": [{"title": "A"}], "custom": {"effect": "x"}}, {"utter_action": "utter_greet"})
    await keep(store, "p1", UserUttered("a", message_id="1"), said, UserUttered("b", message_id="2"), BotUttered("Bye"))

    events = Memory(store).turn("p1", "1")

    assert replies(events) == [
        {
            "response": "utter_greet",
            "text": "Hi",
            "buttons": [{"title": "A", "payload": "A"}],
            "custom": {"effect": "x"},
        }
    ]


@pytest.mark.parametrize("other", [("p2", "1"), ("p1", "_"), ("p1", "%"), ("p1", "11")])
async def test_another_senders_or_another_id_is_not_found(store, other):
    await keep(store, "p1", UserUttered("a", message_id="1"))

    assert Memory(store).turn(*other) is None


async def test_an_id_in_a_patients_words_is_not_taken_for_the_messages_own(store):
    await keep(store, "p1", UserUttered('"message_id": "9"', message_id="1"))

    assert Memory(store).turn("p1", "9") is None


async def test_old_conversations_and_old_sessions_are_forgotten_and_open_ones_kept(store):
    now = time.time()

    def at(days, event):
        event.timestamp = now - days * 86400
        return event

    await keep(store, "silent", at(40, SessionStarted()), at(40, UserUttered("old", message_id="1")))
    await keep(
        store,
        "talks",
        at(40, SessionStarted()),
        at(40, UserUttered("old", message_id="1")),
        at(1, SessionStarted()),
        at(1, UserUttered("new", message_id="2")),
    )
    await keep(
        store,
        "in a form",
        at(40, SessionStarted()),
        at(40, ActionExecuted("x")),
        at(1, UserUttered("a", message_id="1")),
    )

    Memory(store).forget_before(now - 30 * 86400)

    memory = Memory(store)
    assert (memory.turn("silent", "1"), memory.turn("talks", "1")) == (None, None)
    assert memory.turn("talks", "2")
    kept = await store.retrieve_full_tracker("in a form")
    assert [event.type_name for event in kept.events] == ["session_started", "action", "user"]
