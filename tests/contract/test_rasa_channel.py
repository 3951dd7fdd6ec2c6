"""The channel between app and Rasa: who may speak, what a message is, and that it counts once."""

import asyncio
import sqlite3

import httpx
import pytest

from bot.errors import RasaUnavailable
from bot.rasa.client import HttpRasa
from bot.rasa.turns import FormSync, Turn

pytestmark = pytest.mark.rasa


# Who may speak


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic a-token-for-tests-of-the-seam", "Bearer é"])
async def test_nobody_speaks_without_the_token(talk, header):
    headers = {"Authorization": header.encode()} if header else {}
    async with httpx.AsyncClient(base_url=str(talk.http.base_url), headers=headers) as stranger:
        body = {"sender": talk.sender, "message_id": "m1", "text": "hello"}

        answers = [
            await stranger.post("/turns", json=body),
            await stranger.post("/parse", json={"texts": ["hello"]}),
            await stranger.get(f"/senders/{talk.sender}"),
            await stranger.delete(f"/senders/{talk.sender}"),
            await stranger.get("/model"),
            await stranger.put("/model", json={"path": "x"}),
        ]

    assert [answer.status_code for answer in answers] == [401] * 6
    assert talk.events() == []


async def test_health_needs_no_token(talk):
    async with httpx.AsyncClient(base_url=str(talk.http.base_url)) as stranger:
        answer = await stranger.get("/")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/webhooks/rest/webhook", "/model/parse", "/conversations/x/tracker", "/status"])
async def test_rasas_own_doors_are_closed(talk, path):
    async with httpx.AsyncClient(base_url=talk.real.process.url) as stranger:
        answer = await stranger.post(path, json={"sender": "x", "message": "hello"})

    assert answer.status_code == 404


# What a message is


@pytest.mark.parametrize(
    "text",
    ["/goodbye", "/restart", "/session_start", "/go_back", "/check_in", '/set_goal{"a":1}', "/", "//", "", "   ", "🙂"],
)
async def test_a_typed_slash_is_text_and_never_an_intent(talk, text):
    result = await talk.turn(text)

    natural = (await talk.rasa.parse([text.lstrip("/")]))[0]
    assert result.parse.intent == natural.intent
    assert result.replies
    assert talk.said() == [text]


async def test_an_intent_of_the_app_runs_with_its_entities(talk):
    result = await talk.turn(intent="check_in", entities={"number": 4})

    assert [reply.response for reply in result.replies] == ["utter_ask_pain_now"]
    assert result.asks == "check_in_form.pain_now"
    assert result.parse is None
    user = next(event for event in talk.events() if event["event"] == "user")
    assert (user["text"], user["parse_data"]["entities"]) == (None, [{"entity": "number", "value": 4}])


@pytest.mark.parametrize("intent", ["no_such_intent", "restart", "session_start", "nlu_fallback"])
async def test_an_unknown_intent_is_refused(talk, intent):
    answer = await talk.post(intent=intent)

    assert (answer.status_code, answer.json()["handled"]) == (422, False)
    assert talk.events() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"sender": "s", "message_id": "m"}',
        b'{"sender": "s", "message_id": "m", "text": "a", "intent": "hello"}',
        b'{"sender": "s", "message_id": "m", "text": {"a": 1}}',
        b'{"sender": "", "message_id": "m", "text": "a"}',
        b'{"sender": "s", "message_id": "m", "text": "a", "answer": "maybe"}',
        b'{"sender": "s", "message_id": "m", "text": "a", "unknown": 1}',
        b'{"sender": "s", "message_id": "m", "text": "a", "form": {"set": true, "name": "no_form"}}',
        b'{"sender": "s", "message_id": "m", "text": "a", "form": {"set": true, "name": null, "slots": {"no": 1}}}',
    ],
)
async def test_a_bad_body_is_refused_in_json(talk, body):
    answer = await talk.http.post("/turns", content=body)

    assert (answer.status_code, answer.json()["handled"]) == (422, False)


async def test_one_response_is_one_reply_with_its_buttons_and_its_effect(talk):
    greeting = (await talk.turn("hello")).replies
    asked = (await talk.turn("can I talk to a person please", slots={"physio_when": "on Monday"})).replies

    assert [(reply.response, [button.payload for button in reply.buttons]) for reply in greeting] == [
        ("utter_hello", ["/set_goal", "I'm fine"])
    ]
    assert [(reply.text, reply.custom) for reply in asked] == [
        ("A physio will look on Monday.", {"effect": "ask_for_physio"})
    ]


async def test_a_context_slot_that_no_topic_declares_is_left_out(talk):
    assert await talk.hears("hello", slots={"no_such_slot": "x"}) == ["utter_hello"]


async def test_parsing_touches_no_conversation(talk):
    parses = await talk.rasa.parse(
        ["I can't feel when I wipe", "pain means I'm damaging my back", "20 minutes on Monday"]
    )

    assert [parse.intent.name for parse in parses[:2]] == ["risk", "belief"]
    assert (parses[0].risks[0].id, parses[1].beliefs[0].id) == ("RF01", "B01")
    assert [(found["entity"], found["value"]) for found in parses[2].entities][:2] == [
        ("minutes", 20),
        ("days", "Monday"),
    ]
    assert parses[0].model == talk.real.process.model.name
    assert len(parses[2].ranking) == 5


async def test_a_danger_in_one_sentence_of_a_long_message_is_heard(talk):
    story = "I went to the shops today. Then I made tea for my wife. I can't feel when I wipe. The weather was nice."

    parse = (await talk.rasa.parse([story]))[0]

    assert parse.intent.name == "risk"


# That it counts once


async def test_the_same_message_again_gets_the_same_replies_and_moves_nothing(talk):
    await talk.turn(intent="check_in")
    first = await talk.turn("6", message_id="answer", answer="shaped")
    before = talk.events()

    again = [await talk.turn("6", message_id="answer", answer="shaped") for _ in range(3)]

    assert [result.repeat for result in (first, *again)] == [False, True, True, True]
    assert [result.model_copy(update={"repeat": False}) for result in again] == [first] * 3
    assert talk.events() == before


async def test_a_repeat_is_known_in_a_later_session_and_after_a_restart(talk):
    first = await talk.turn("hello", message_id="first")
    talk.real.age(talk.sender, 7200)
    await talk.turn("thanks")
    sessions = [event for event in talk.events() if event["event"] == "session_started"]

    again = await talk.turn("hello", message_id="first")
    talk.real.kill()
    after_restart = await talk.turn("hello", message_id="first")

    assert len(sessions) == 2
    assert (again.repeat, again.replies, again.parse) == (True, first.replies, first.parse)
    assert (after_restart.repeat, after_restart.replies) == (True, first.replies)


async def test_an_id_with_wildcards_is_not_taken_for_another(talk):
    await talk.turn("hello", message_id="a_c%")

    other = await talk.turn("hello", message_id="abcd")

    assert not other.repeat


async def test_the_same_message_eight_times_at_once_is_handled_once(talk):
    turn = Turn(sender=talk.sender, message_id="same", text="hello")

    results = await asyncio.gather(*(talk.rasa.converse(turn) for _ in range(8)))

    assert sorted(result.repeat for result in results) == [False] + [True] * 7
    assert talk.said() == ["hello"]


async def test_messages_of_one_sender_are_handled_one_after_the_other(talk):
    texts = [f"hello number {number}" for number in range(8)]

    await asyncio.gather(*(talk.turn(text, message_id=text) for text in texts))

    turns = [event["event"] for event in talk.events() if event["event"] in ("user", "bot")]
    assert turns == ["user", "bot"] * 8
    assert sorted(talk.said()) == texts


async def test_a_slow_sender_does_not_hold_the_others(talk):
    talk.real.endpoint.mode = "slow"
    slow = asyncio.create_task(talk.turn(intent="check_in"))
    await asyncio.sleep(0.3)

    quick = await talk.rasa.converse(Turn(sender=f"{talk.sender}-quick", message_id="m", text="hello"))

    assert quick.handled
    assert not slow.done()
    assert (await slow).handled


# Whole or not at all


async def test_kill_9_in_the_middle_of_a_turn_saves_nothing_and_the_retry_counts_once(talk):
    await talk.turn("hello")
    before = talk.events()
    talk.real.endpoint.mode = "slow"
    lost = asyncio.create_task(talk.turn(intent="check_in", message_id="check"))
    await asyncio.sleep(0.5)

    await asyncio.to_thread(talk.real.kill)

    with pytest.raises(RasaUnavailable):
        await lost
    assert talk.events() == before
    talk.real.endpoint.mode = "up"
    fresh = HttpRasa(talk.real.process.url, "a-token-for-tests-of-the-seam", 15)
    retry = await fresh.converse(Turn(sender=talk.sender, message_id="check", intent="check_in"))
    repeat = await fresh.converse(Turn(sender=talk.sender, message_id="check", intent="check_in"))
    await fresh.close()
    assert (retry.repeat, retry.asks, repeat.repeat) == (False, "check_in_form.pain_now", True)


async def test_a_client_that_gives_up_leaves_nothing_behind(talk):
    talk.real.endpoint.mode = "slow"
    with pytest.raises(httpx.ReadTimeout):
        await talk.http.post(
            "/turns", json={"sender": talk.sender, "message_id": "check", "intent": "check_in"}, timeout=0.5
        )

    talk.real.endpoint.mode = "up"
    retry = await talk.turn(intent="check_in", message_id="check")

    assert not retry.repeat
    assert talk.said() == [None]


async def test_a_database_that_is_away_answers_503_and_never_a_wrong_reply(talk):
    await talk.turn("hello")
    before = talk.events()
    blocker = sqlite3.connect(talk.real.database, isolation_level=None)
    blocker.execute("begin exclusive")

    answer = await talk.post(message_id="late", text="thanks")

    blocker.execute("rollback")
    blocker.close()
    assert (answer.status_code, answer.json()["handled"]) == (503, False)
    assert talk.events() == before
    assert await talk.hears("thanks", message_id="late") == ["utter_thanks"]


# Erasure


async def test_an_erased_sender_is_gone_from_memory_and_file(talk):
    await talk.turn("something only zebedee would say", message_id="m")

    await talk.rasa.forget(talk.sender)
    await talk.rasa.forget(talk.sender)

    assert talk.events() == []
    files = talk.real.database.parent.glob("rasa.db*")
    assert not any(b"zebedee" in file.read_bytes() for file in files)
    assert (await talk.http.get(f"/senders/{talk.sender}")).json() == {"form": None, "asks": None}
    assert not (await talk.turn("hello", message_id="m")).repeat


async def test_the_log_holds_no_words_of_a_patient(talk):
    await talk.turn("xylophone nobody else says this")
    await talk.turn(intent="set_goal")
    talk.real.endpoint.mode = "500"
    with pytest.raises(RasaUnavailable):
        await talk.turn("xylophone in the park", answer="open")

    assert "xylophone" not in talk.real.process.log.read_text()


# Form and slots as the app knows them


async def test_the_apps_form_is_made_rasas_before_the_message(talk):
    await talk.turn(intent="set_goal")

    result = await talk.turn(
        "better than yesterday",
        form=FormSync(set=True, name="check_in_form", slots={"pain_now": 4}, asks="noticed"),
        asks="check_in_form.noticed",
        answer="open",
    )

    assert [reply.text for reply in result.replies] == ["Noted: 4."]
    assert result.asks is None


async def test_the_app_can_close_a_form_before_the_message(talk):
    await talk.turn(intent="set_goal")

    replies = await talk.hears("hello", form=FormSync(set=True, name=None))

    assert replies == ["utter_hello"]
    assert talk.asks is None


async def test_the_same_form_set_again_changes_nothing(talk):
    await talk.turn(intent="set_goal")
    before = len(talk.events())

    await talk.turn(
        "walk the dog", form=FormSync(set=True, name="goal_form"), asks="goal_form.goal_activity", answer="open"
    )

    loops = [event for event in talk.events()[before:] if event["event"] == "active_loop"]
    assert loops == []
    assert talk.asks == "goal_form.goal_days"


async def test_a_form_that_rasa_forgot_opens_at_the_question_that_the_app_knows(talk):
    result = await talk.turn(
        "20 minutes",
        form=FormSync(set=True, name="goal_form", slots={"goal_activity": "walking", "goal_days": "Monday"}),
        asks="goal_form.goal_minutes",
        answer="shaped",
    )

    assert result.asks == "goal_form.goal_barrier"


async def test_the_app_can_ask_what_is_open(talk):
    nothing = (await talk.http.get(f"/senders/{talk.sender}")).json()
    await talk.turn(intent="set_goal")

    something = (await talk.http.get(f"/senders/{talk.sender}")).json()

    assert nothing == {"form": None, "asks": None}
    assert something == {"form": "goal_form", "asks": "goal_form.goal_activity"}


# Sessions


async def test_an_open_form_outlives_two_hours(talk):
    await talk.turn(intent="check_in")
    talk.real.age(talk.sender, 7200)

    assert await talk.hears("6", answer="shaped") == ["utter_ask_noticed"]


async def test_a_pause_starts_a_session_when_no_form_is_open_and_slots_go_with_it(talk):
    await talk.turn("hello", slots={"physio_when": "today"})
    for _ in range(3):
        talk.real.age(talk.sender, 7200)
        await talk.turn("thanks")

    events = talk.events()
    assert [event["event"] for event in events].count("session_started") == 4
    assert [event["name"] for event in events if event["event"] == "slot"] == ["physio_when"] * 4
    assert (await talk.turn("can I talk to a person")).replies[0].text == "A physio will look today."


# Another model


async def test_a_model_is_swapped_while_people_talk(talk):
    path = talk.real.process.model
    other = path.with_name("other.tar.gz")
    other.write_bytes(path.read_bytes())

    async def chat(number):
        return await talk.rasa.converse(Turn(sender=f"{talk.sender}-{number}", message_id="m", text="hello"))

    chats = [asyncio.create_task(chat(number)) for number in range(10)]
    await talk.rasa.swap(str(other))
    results = await asyncio.gather(*chats)
    swapped = (await talk.http.get("/model")).json()
    await talk.rasa.swap(str(path))
    other.unlink()

    assert swapped == {"model": "other.tar.gz"}
    assert all(result.replies for result in results)
    assert not (await chat(99)).repeat


async def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving(talk):
    before = (await talk.http.get("/model")).json()

    answer = await talk.http.put("/model", json={"path": "/no/such/model.tar.gz"})

    assert answer.status_code == 422
    assert (await talk.http.get("/model")).json() == before
    assert await talk.hears("hello") == ["utter_hello"]
