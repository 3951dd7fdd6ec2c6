"""Forms in the real Rasa: answers stay answers, ways out lead out, and nothing of last time is taken again."""

import httpx
import pytest

pytestmark = pytest.mark.rasa


async def at_question(talk, slot):
    """A conversation in which the goal form has just asked for `slot`."""
    await talk.turn(intent="set_goal")
    for answer in (("walk the dog", "open"), ("mon and Thursday please", "shaped"), ("20", "shaped"), ("rain", "open")):
        if talk.asks == f"goal_form.{slot}":
            break
        await talk.turn(answer[0], answer=answer[1])
    assert talk.asks == f"goal_form.{slot}"


# Answers that sound like something else


@pytest.mark.parametrize(
    "text",
    [
        "I would like to walk with my dog",
        "help my daughter in the garden",
        "go back to bowling",
        "stop at the shop on the way",
        "get back to my evening walk",
        "walk to the bus stop and back",
        "talk a walk with my physio friend Sam",
        "checking the allotment every morning",
        "carry the menu boards out at work",
    ],
)
async def test_free_words_that_sound_like_a_command_stay_the_answer(talk, text):
    await at_question(talk, "goal_activity")

    replies = await talk.hears(text, answer="open")

    assert (replies, talk.asks) == (["utter_ask_goal_days"], "goal_form.goal_days")


@pytest.mark.parametrize(
    ("slot", "text", "answer", "then"),
    [
        ("goal_days", "mon and Thursday please", "shaped", "goal_form.goal_minutes"),
        ("goal_minutes", "20", "shaped", "goal_form.goal_barrier"),
        ("goal_minutes", "half an hour", "shaped", "goal_form.goal_barrier"),
        ("goal_minutes", "I could do 20 minutes round the park", "open", "goal_form.goal_barrier"),
        ("goal_barrier", "my back is sore when I stop", "open", "goal_form.goal_if_then"),
        ("goal_if_then", "stop and rest for a minute, then go on", "open", None),
    ],
)
async def test_an_answer_of_the_right_shape_moves_the_form_on(talk, slot, text, answer, then):
    await at_question(talk, slot)

    result = await talk.turn(text, answer=answer)

    assert (result.parse.intent.name, result.asks) == ("inform", then)


async def test_a_number_out_of_range_is_refused_with_the_limit_and_asked_again(talk):
    await at_question(talk, "goal_minutes")

    result = await talk.turn("99", answer="shaped")

    assert [reply.text for reply in result.replies] == ["At most 90; 99 is more.", "For how long?"]
    assert result.asks == "goal_form.goal_minutes"


async def test_what_is_known_about_another_question_is_not_used(talk):
    await at_question(talk, "goal_days")

    result = await talk.turn("stop", answer="shaped", asks="goal_form.goal_minutes")

    assert (result.parse.intent.name, result.asks) == ("stop", None)


# Ways out


@pytest.mark.parametrize(
    ("text", "response", "then"),
    [
        ("stop", "utter_stopped", None),
        ("Stop!", "utter_stopped", None),
        ("please stop this", "utter_stopped", None),
        ("go back", "utter_ask_goal_minutes", "goal_form.goal_minutes"),
        ("skip this", "utter_goal_set", None),
        ("why do you ask?", "utter_why_default", "goal_form.goal_barrier"),
        ("can I talk to a person please", "utter_physio", "goal_form.goal_barrier"),
        ("help", "utter_help", "goal_form.goal_barrier"),
        ("menu", "utter_menu", "goal_form.goal_barrier"),
        ("my back has flared up", "utter_flare", "goal_form.goal_barrier"),
    ],
)
@pytest.mark.parametrize("answer", ["open", None])
async def test_a_way_out_leads_out_of_an_open_question(talk, text, response, then, answer):
    await at_question(talk, "goal_barrier")

    replies = await talk.hears(text, answer=answer)

    assert replies[0] == response
    assert talk.asks == then


async def test_a_belief_is_met_and_the_question_stands(talk):
    await at_question(talk, "goal_barrier")

    replies = await talk.hears("pain means I'm damaging my back", answer="open")

    assert (replies, talk.asks) == (["utter_met_belief", "utter_ask_goal_barrier"], "goal_form.goal_barrier")


async def test_a_danger_ends_the_form(talk):
    await at_question(talk, "goal_barrier")

    replies = await talk.hears("I can't feel when I wipe", answer="open")

    assert (replies, talk.asks) == (["utter_met_risk"], None)


# Skip, back, why


async def test_back_asks_the_question_before_and_keeps_the_others(talk):
    await at_question(talk, "goal_minutes")

    await talk.turn("go back")
    await talk.turn("Friday", answer="shaped")

    assert talk.asks == "goal_form.goal_minutes"


async def test_back_at_the_first_question_says_so(talk):
    await talk.turn(intent="set_goal")

    assert await talk.hears("go back", answer="open") == ["utter_cannot_go_back", "utter_ask_goal_activity"]


async def test_a_question_that_must_be_answered_cannot_be_skipped(talk):
    await at_question(talk, "goal_minutes")

    assert await talk.hears("skip this") == ["utter_cannot_skip", "utter_ask_goal_minutes"]


async def test_a_question_says_why_it_is_asked(talk):
    await at_question(talk, "goal_minutes")

    assert await talk.hears("why do you ask?") == ["utter_why_goal_minutes", "utter_ask_goal_minutes"]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("skip this", "utter_nothing_to_skip"),
        ("go back", "utter_nothing_to_go_back_to"),
        ("why do you ask?", "utter_why_nothing"),
    ],
)
async def test_outside_a_form_each_says_that_nothing_is_open(talk, text, response):
    assert await talk.hears(text) == [response]


async def test_a_word_that_skips_and_the_question_that_hangs_on_it(talk):
    await at_question(talk, "goal_barrier")

    result = await talk.turn("nothing", answer="open")

    assert [reply.response for reply in result.replies] == ["utter_goal_set"]


# Refusals


async def test_a_second_refusal_in_a_row_offers_a_way_out(talk):
    await at_question(talk, "goal_days")

    once = await talk.hears("banana")
    twice = await talk.hears("banana")

    assert once == ["utter_which_day", "utter_ask_goal_days"]
    assert twice == ["utter_which_day", "utter_stuck", "utter_ask_goal_days"]


async def test_the_first_refusal_after_opening_is_not_the_second(talk):
    await talk.turn(intent="check_in")

    assert await talk.hears("banana") == ["utter_cannot_read_scale", "utter_ask_pain_now"]


async def test_a_confirmed_answer_stands_in_the_effect_as_it_was_read(talk):
    await at_question(talk, "goal_barrier")

    (reply,) = (await talk.turn("skip this", answer="open")).replies

    assert reply.custom == {"effect": "set_goal", "minutes": "20"}
    assert reply.text == "walk the dog on Monday, Thursday for 20 minutes."


async def test_braces_in_an_answer_stay_as_typed(talk):
    await talk.turn(intent="set_goal")
    for text, answer in (("{0.__class__} {nope}", "open"), ("Monday", "shaped"), ("20", "shaped")):
        await talk.turn(text, answer=answer)

    (reply,) = (await talk.turn("skip this", answer="open")).replies

    assert reply.text == "{0.__class__} {nope} on Monday for 20 minutes."


# A form that opens is empty


async def test_a_second_check_in_asks_again_instead_of_taking_the_old_score(talk):
    await talk.turn(intent="check_in")
    await talk.turn("6", answer="shaped")
    await talk.turn("it was stiff", answer="open")

    assert await talk.hears(intent="check_in") == ["utter_ask_pain_now"]
    assert talk.asks == "check_in_form.pain_now"


async def test_a_form_that_was_left_starts_at_its_first_question(talk):
    await at_question(talk, "goal_minutes")
    await talk.turn("stop")

    assert await talk.hears(intent="set_goal") == ["utter_ask_goal_activity"]


# The action endpoint fails


@pytest.mark.parametrize("mode", ["404", "449", "500", "400", "hang"])
async def test_a_failing_endpoint_saves_nothing_and_the_retry_counts_once(talk, mode):
    await at_question(talk, "goal_minutes")
    before = talk.events()
    talk.real.endpoint.mode = mode

    failed = await talk.post(message_id="late", text="banana", answer=None)

    talk.real.endpoint.mode = "up"
    assert (failed.status_code, failed.json()["handled"]) == (503, False)
    assert talk.events() == before
    assert await talk.hears("20", message_id="late", answer="shaped") == ["utter_ask_goal_barrier"]
    assert (await talk.turn("20", message_id="late", answer="shaped")).repeat


async def test_an_endpoint_that_is_down_saves_nothing_and_the_retry_counts_once(talk):
    await talk.turn(intent="check_in")
    before = talk.events()
    talk.real.run(talk.real.endpoint.stop())

    failed = await talk.post(message_id="late", text="banana")

    talk.real.run(talk.real.endpoint.start())
    assert (failed.status_code, failed.json()["handled"]) == (503, False)
    assert talk.events() == before
    assert await talk.hears("6", message_id="late", answer="shaped") == ["utter_ask_noticed"]


async def test_the_endpoint_refuses_a_stranger(talk):

    async with httpx.AsyncClient() as stranger:
        answer = await stranger.post(
            f"http://127.0.0.1:{talk.real.endpoint.port}/actions", json={"next_action": "action_back"}
        )

    assert answer.status_code == 401


async def test_what_the_app_reads_is_shown(talk):
    (reply,) = (await talk.turn("show my goals")).replies

    assert reply.text == f"Your plan: what {talk.sender} planned"


# Never silence


@pytest.mark.parametrize("text", ["three", "🙂🙂", "…", "asdf qwer", "1234567890", "ok", "no", "a" * 4096, "¿qué?"])
@pytest.mark.parametrize("opens", [None, "set_goal", "check_in"])
async def test_every_message_gets_a_reply(talk, text, opens):
    if opens:
        await talk.turn(intent=opens)

    assert await talk.hears(text) != []
