"""The action endpoint as Rasa calls it: its errors, and forms validated by what their slots declare."""

import asyncio

import httpx
import pytest
from rasa_sdk.interfaces import ActionExecutionRejection
from starlette.applications import Starlette

from bot.rasa import actions
from bot.rasa.actions import action_routes

NUMBERS = {"goal.most_minutes": 60, "goal.enough": 7, "goal.share": 0.8}
RESPONSES = """
utter_cannot_read_minutes utter_too_low utter_too_high utter_too_long_answer utter_stuck utter_cannot_skip
utter_cannot_go_back utter_nothing_to_skip utter_nothing_to_go_back_to utter_why_nothing utter_why_default
utter_why_days utter_default
"""


def asked(slot, **spec):
    conditions = [{"active_loop": "goal_form", "requested_slot": slot}]
    return {"type": "any", "mappings": [{"type": "from_text", "conditions": conditions, **spec}]}


SLOTS = {
    "code": {
        "type": "any",
        "mappings": [{"type": "from_entity", "entity": "code"}, *asked("code", kind="text")["mappings"]],
    },
    "activity": asked("activity", kind="text", max_chars=12, vague=["dunno"], unreadable="utter_needs_activity"),
    "now": asked(
        "now",
        kind="minutes",
        min=1,
        max={"protocol": "goal.most_minutes"},
        also_sets={"suggested": {"share": {"protocol": "goal.share"}}},
    ),
    "suggested": {"type": "any", "mappings": [{"type": "custom"}]},
    "minutes": asked("minutes", kind="minutes", min=1, max={"slot": "now"}, too_high="utter_above_now"),
    "sure": asked("sure", kind="scale"),
    "smaller": asked(
        "smaller",
        kind="choice",
        options={"minutes": ["fewer minutes"], "keep": ["keep it"]},
        asked_when={"slot": "sure", "below": {"protocol": "goal.enough"}},
        says={"keep": "utter_kept"},
        empties={"minutes": ["minutes", "sure", "smaller"]},
    ),
    "days": asked("days", kind="days", optional=True, skip_words=["no idea"]),
    "pair": asked("pair", kind="time", optional=True, skip_words=["just once a day"], ends_form=["skipped"]),
    "plan": asked("plan", kind="text", optional=True, asked_when={"slot": "days"}),
    "agree": asked("agree", kind="yes_no_unsure", allowed=["yes", "no"], says=["utter_thanks"], ends_form=["no"]),
    "stranger_only": asked("stranger_only", kind="text", asked_when={"slot": "state", "is": "stranger"}),
}
REQUIRED = [slot for slot in SLOTS if slot != "suggested"]
DOMAIN = {
    "slots": SLOTS,
    "forms": {"goal_form": {"required_slots": REQUIRED}},
    "responses": {name: [] for name in RESPONSES.split()},
}


class Rasa:
    """Calls the endpoint as Rasa does: form open, a question asked, an answer extracted."""

    def __init__(self, http):
        self._http = http

    async def call(
        self, action, *, slots=None, loop="goal_form", asked=None, events=(), entities=(), token="secret", **more
    ):
        body = {
            "next_action": action,
            "sender_id": "p1",
            "domain": DOMAIN,
            "tracker": {
                "sender_id": "p1",
                "slots": {**dict.fromkeys(SLOTS), "requested_slot": asked, **(slots or {})},
                "latest_message": {"text": "x", "intent": {}, "entities": list(entities)},
                "active_loop": {"name": loop} if loop else {},
                "events": list(events),
                "paused": False,
                "latest_action_name": "action_listen",
                "followup_action": None,
                "latest_input_channel": "coach",
            },
            **more,
        }
        return await self._http.post("/actions", json=body, headers={"Authorization": f"Bearer {token}".encode()})

    async def answers(self, slot, text, slots=None, before=()):
        """The slots that change and the responses said when `text` answers `slot`."""
        events = [
            *before,
            {"event": "user", "text": text},
            {"event": "action"},
            {"event": "slot", "name": slot, "value": text},
        ]
        return told(await self.call("validate_goal_form", slots=slots, asked=slot, events=events))


def told(answer):
    assert answer.status_code == 200, answer.text
    changed = {event["name"]: event["value"] for event in answer.json()["events"]}
    return changed, [said["response"] for said in answer.json()["responses"]]


async def rejects(dispatcher, tracker, domain):
    raise ActionExecutionRejection("action_rejects")


@pytest.fixture
async def rasa(monkeypatch):
    monkeypatch.setattr(actions, "LONGEST_S", 0.05)

    async def slow(sender):
        await asyncio.sleep(5)
        return {}

    async def broken(sender):
        raise ValueError("a patient's words")

    async def reads(sender):
        return {"suggested": f"for {sender}"}

    routes = action_routes(
        "secret", {"action_slow": slow, "action_broken": broken, "action_reads": reads}, NUMBERS.__getitem__
    )
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
        yield Rasa(http)


# The protocol


@pytest.mark.parametrize("token", ["", "wrong", "é"])
async def test_nobody_calls_an_action_without_the_token(rasa, token):
    assert (await rasa.call("action_back", token=token)).status_code == 401


@pytest.mark.parametrize(("action", "status"), [("no_such_action", 404), ("action_slow", 504), ("action_broken", 500)])
async def test_each_failure_has_its_status(rasa, action, status):
    assert (await rasa.call(action)).status_code == status


async def test_a_failure_says_nothing_of_what_was_said(rasa):
    assert "patient" not in (await rasa.call("action_broken")).text


async def test_a_call_without_a_domain_says_that_it_is_missing(rasa):
    assert (await rasa.call("action_back", domain=None)).status_code == 449


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b'{"next_action": "action_back"}'])
async def test_a_bad_body_is_an_error_and_not_a_crash(rasa, body):
    answer = await rasa._http.post("/actions", content=body, headers={"Authorization": "Bearer secret"})

    assert answer.status_code in (449, 500)


async def test_a_rejection_names_its_action_or_rasa_would_say_nothing():
    executor_routes = action_routes("secret", {})
    actions_of_executor = executor_routes[0].endpoint.__closure__
    executor = next(cell.cell_contents for cell in actions_of_executor if hasattr(cell.cell_contents, "actions"))
    executor.actions["action_rejects"] = rejects
    transport = httpx.ASGITransport(Starlette(routes=executor_routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as http:
        answer = await Rasa(http).call("action_rejects")

    assert (answer.status_code, answer.json()["action_name"]) == (400, "action_rejects")


async def test_what_the_app_reads_becomes_slots(rasa):
    assert told(await rasa.call("action_reads")) == ({"suggested": "for p1"}, [])


# Answers


@pytest.mark.parametrize(
    ("slot", "text", "value"),
    [
        ("now", "half an hour", 30),
        ("sure", "8/10", 8),
        ("days", "mon and thu", "Monday, Thursday"),
        ("activity", "a walk", "a walk"),
    ],
)
async def test_an_answer_is_kept_in_its_canonical_form(rasa, slot, text, value):
    changed, said = await rasa.answers(slot, text)

    assert (changed[slot], said) == (value, [])


@pytest.mark.parametrize(
    ("slot", "text", "said"),
    [
        ("now", "banana", "utter_cannot_read_minutes"),
        ("now", "0", "utter_too_low"),
        ("now", "61 minutes", "utter_too_high"),
        ("minutes", "11", "utter_above_now"),
        ("activity", "dunno", "utter_needs_activity"),
        ("activity", "a very long walk round the lake", "utter_too_long_answer"),
        ("agree", "not sure", "utter_cannot_read_yes_no_unsure"),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_the_slot_stays_empty(rasa, slot, text, said):
    assert await rasa.answers(slot, text, slots={"now": 10}) == ({slot: None}, [said])


async def test_a_refusal_carries_the_limits_and_what_was_understood(rasa):
    events = [{"event": "user"}, {"event": "action"}, {"event": "slot", "name": "now", "value": "90"}]

    (said,) = (await rasa.call("validate_goal_form", asked="now", events=events)).json()["responses"]

    assert (said["min"], said["max"], said["value"]) == (1, 60, 90)


async def test_the_second_refusal_in_a_row_offers_more(rasa):
    refused = [{"event": "user"}, {"event": "slot", "name": "now", "value": None}]

    _, said = await rasa.answers("now", "banana", before=refused)

    assert said == ["utter_cannot_read_minutes", "utter_stuck"]


async def test_an_answer_may_set_a_share_of_itself_to_be_shown(rasa):
    assert await rasa.answers("now", "12") == ({"now": 12, "suggested": 9}, [])


async def test_an_answer_may_say_something_and_empty_others(rasa):
    kept = await rasa.answers("smaller", "keep it", slots={"sure": 5})
    changed, _ = await rasa.answers("smaller", "fewer minutes", slots={"sure": 5, "minutes": 20})

    assert kept == ({"smaller": "keep"}, ["utter_kept"])
    assert changed == {"smaller": None, "minutes": None, "sure": None}


async def test_an_answer_may_end_the_form(rasa):
    assert await rasa.answers("agree", "no") == ({"agree": "no", "requested_slot": None}, ["utter_thanks"])


async def test_a_skipped_answer_may_end_it_too(rasa):
    assert await rasa.answers("pair", "Just once a day") == ({"pair": "skipped", "requested_slot": None}, [])


@pytest.mark.parametrize(("sure", "smaller"), [("6", None), ("7", "skipped")])
async def test_a_question_that_does_not_apply_is_left_out(rasa, sure, smaller):
    changed, _ = await rasa.answers("sure", sure)

    assert changed["smaller"] == smaller


@pytest.mark.parametrize("text", ["no idea", "No idea!"])
async def test_words_that_skip_skip_and_so_does_what_hangs_on_them(rasa, text):
    assert await rasa.answers("days", text) == ({"days": "skipped", "plan": "skipped"}, [])


# Opening


async def test_a_form_that_opens_is_emptied(rasa):
    events = [{"event": "user"}, {"event": "active_loop", "name": "goal_form"}, {"event": "action"}]

    changed, _ = told(await rasa.call("validate_goal_form", slots={"now": 5, "sure": 9}, events=events))

    assert {slot for slot, value in changed.items() if value is None} >= {"now", "sure", "suggested", "days"}


async def test_a_form_that_opens_takes_what_the_message_brought(rasa):
    brought = [{"entity": "code", "value": "ABCD"}]

    changed, _ = told(await rasa.call("validate_goal_form", loop=None, entities=brought, events=[{"event": "user"}]))

    assert changed["code"] == "ABCD"


@pytest.mark.parametrize(("state", "value"), [("stranger", None), ("active", "skipped")])
async def test_a_question_for_some_patients_only_is_decided_when_the_form_opens(rasa, state, value):
    answer = await rasa.call("validate_goal_form", loop=None, slots={"state": state}, events=[{"event": "user"}])

    assert told(answer)[0]["stranger_only"] == value


# Skip, back, why


async def test_back_empties_the_last_answer_that_was_given(rasa):
    slots = {"now": 10, "minutes": 8, "sure": 9, "smaller": "skipped"}

    assert told(await rasa.call("action_back", asked="days", slots=slots))[0]["sure"] is None


@pytest.mark.parametrize(
    ("action", "asked_slot", "loop", "said"),
    [
        ("action_back", "code", "goal_form", "utter_cannot_go_back"),
        ("action_back", None, None, "utter_nothing_to_go_back_to"),
        ("action_skip", "now", "goal_form", "utter_cannot_skip"),
        ("action_skip", None, None, "utter_nothing_to_skip"),
        ("action_why", "days", "goal_form", "utter_why_days"),
        ("action_why", "now", "goal_form", "utter_why_default"),
        ("action_why", None, None, "utter_why_nothing"),
    ],
)
async def test_what_cannot_be_done_is_said(rasa, action, asked_slot, loop, said):
    assert told(await rasa.call(action, asked=asked_slot, loop=loop)) == ({}, [said])


async def test_skip_leaves_an_optional_question_out(rasa):
    assert told(await rasa.call("action_skip", asked="days")) == ({"days": "skipped", "plan": "skipped"}, [])
