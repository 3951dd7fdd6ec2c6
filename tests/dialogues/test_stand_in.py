"""The stand-in for Rasa in tests/flows is held against the real one: what tests tell it to say, Rasa says."""

from uuid import uuid4

import pytest

from bot.content import Library
from bot.rasa.client import HttpRasa
from bot.rasa.turns import FormSync, Turn, TurnResult
from tests.fakes import FakeRasa

# What the patient says (or the app's own intent), the responses, and what is asked afterwards.
SCRIPT = [
    ("hello", ["utter_greet"], None),
    ("my goals", ["utter_my_goals"], None),
    ("can I talk to a person", ["utter_physio_asked"], None),
    ("/menu", ["utter_menu"], None),
    ("/enrol", ["utter_ask_invitation_code"], "enrolment_form.invitation_code"),
]


def turn(said: str, sender: str, message_id: str) -> Turn:
    is_intent = said.startswith("/")
    return Turn(
        sender=sender,
        message_id=message_id,
        text=None if is_intent else said,
        intent=said[1:] if is_intent else None,
        form=FormSync(set=True),
        slots={"patient_state": "stranger" if said == "/enrol" else "active"},
    )


def names(result: TurnResult) -> list[str | None]:
    return [reply.response for reply in result.replies]


@pytest.fixture(params=["stand-in", "real"])
def either(request: pytest.FixtureRequest, library: Library, rasa: HttpRasa) -> FakeRasa | HttpRasa:
    if request.param == "real":
        return rasa
    fake = FakeRasa(library)
    for said, responses, asks in SCRIPT:
        fake.hears(said, says=responses, asks=asks)
    return fake


@pytest.mark.rasa
@pytest.mark.parametrize(("said", "responses", "asks"), SCRIPT)
async def test_both_say_the_same(
    either: FakeRasa | HttpRasa, said: str, responses: list[str], asks: str | None
) -> None:
    result = await either.converse(turn(said, uuid4().hex, "u1"))

    assert (names(result), result.asks) == (responses, asks)


@pytest.mark.rasa
async def test_both_repeat_what_they_said_and_move_nothing(either: FakeRasa | HttpRasa) -> None:
    sender = uuid4().hex
    first = await either.converse(turn("hello", sender, "u1"))

    again = await either.converse(turn("hello", sender, "u1"))

    assert (first.repeat, again.repeat) == (False, True)
    assert again.replies == first.replies


@pytest.mark.rasa
async def test_both_read_texts_without_a_conversation(either: FakeRasa | HttpRasa) -> None:
    parses = await either.parse(["hello", "my goals"])

    assert len(parses) == 2
    assert all(0 <= parse.intent.confidence <= 1 for parse in parses)


@pytest.mark.rasa
async def test_both_forget(either: FakeRasa | HttpRasa) -> None:
    sender = uuid4().hex
    await either.converse(turn("/enrol", sender, "u1"))

    await either.forget(sender)
    await either.forget(sender)

    assert await either.ready()
