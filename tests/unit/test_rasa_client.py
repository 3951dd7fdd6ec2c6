"""The client of Rasa: what it makes of answers, and how it spares a Rasa that is away."""

import asyncio
import json

import httpx
import pytest

from bot.errors import RasaUnavailable
from bot.rasa.client import AT_ONCE, HttpRasa
from bot.rasa.turns import Turn

TURN = Turn(sender="p1", message_id="m1", text="hello")
RESULT = {
    "handled": True,
    "repeat": False,
    "parse": None,
    "replies": [{"response": "utter_greet", "text": "Hi"}],
    "asks": None,
}


class Line:
    """A Rasa at the other end of a wire: answers what a test tells it, and counts what arrived."""

    def __init__(self) -> None:
        self.answer: httpx.Response | type[Exception] = httpx.Response(200, json=RESULT)
        self.requests: list[httpx.Request] = []
        self.now = 100.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, type):
            raise self.answer("broken")
        return self.answer


@pytest.fixture
def line():
    return Line()


@pytest.fixture
async def rasa(line):
    client = HttpRasa("http://rasa.test/", "secret", 8, transport=httpx.MockTransport(line), monotonic=lambda: line.now)
    yield client
    await client.close()


async def test_a_turn_goes_out_with_the_token_and_comes_back_read(rasa, line):
    result = await rasa.converse(TURN)

    (request,) = line.requests
    assert (str(request.url), request.headers["authorization"]) == (
        "http://rasa.test/webhooks/coach/turns",
        "Bearer secret",
    )
    assert result.replies[0].response == "utter_greet"


@pytest.mark.parametrize("status", [401, 422, 500, 503])
async def test_an_error_is_rasa_unavailable_and_the_next_call_is_made(rasa, line, status):
    line.answer = httpx.Response(status, json={"handled": False, "error": "TurnFailed"})

    for _ in range(2):
        with pytest.raises(RasaUnavailable, match=f"{status}: TurnFailed"):
            await rasa.converse(TURN)

    assert len(line.requests) == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"replies": 1}'])
async def test_an_answer_that_cannot_be_read_is_rasa_unavailable(rasa, line, body):
    line.answer = httpx.Response(200, content=body)

    with pytest.raises(RasaUnavailable):
        await rasa.converse(TURN)


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_after_no_answer_calls_fail_at_once_for_three_seconds(rasa, line, failure):
    line.answer = failure
    with pytest.raises(RasaUnavailable):
        await rasa.converse(TURN)
    line.answer = httpx.Response(200, json=RESULT)

    line.now += 2.9
    with pytest.raises(RasaUnavailable, match="a moment ago"):
        await rasa.converse(TURN)
    line.now += 0.2
    result = await rasa.converse(TURN)

    assert (len(line.requests), result.handled) == (2, True)


async def test_only_one_probe_is_let_through_and_its_failure_rests_again(rasa, line):
    line.answer = httpx.ConnectError
    with pytest.raises(RasaUnavailable):
        await rasa.converse(TURN)
    line.now += 3.1

    for _ in range(3):
        with pytest.raises(RasaUnavailable):
            await rasa.converse(TURN)

    assert len(line.requests) == 2


async def test_rasa_that_is_ready_again_is_used_at_once(rasa, line):
    line.answer = httpx.ConnectError
    with pytest.raises(RasaUnavailable):
        await rasa.converse(TURN)
    line.answer = httpx.Response(200, json=RESULT)

    assert await rasa.ready()
    assert (await rasa.converse(TURN)).handled


async def test_not_ready_is_an_answer_and_no_error(rasa, line):
    line.answer = httpx.ConnectError
    refused = await rasa.ready()
    line.answer = httpx.Response(503, json={})
    loading = await rasa.ready()

    assert (refused, loading) == (False, False)


async def test_many_texts_are_parsed_in_several_calls_and_in_order(rasa, line):
    def parse(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["texts"]
        line.requests.append(request)
        return httpx.Response(200, json={"parses": [{"intent": {"name": text, "confidence": 1}} for text in texts]})

    rasa = HttpRasa("http://rasa.test", "secret", 8, transport=httpx.MockTransport(parse))
    parses = await rasa.parse([f"t{number}" for number in range(250)])
    await rasa.close()

    assert [each.intent.name for each in parses] == [f"t{number}" for number in range(250)]
    assert len(line.requests) == 3


async def test_a_crowd_waits_here_and_not_at_rasa():
    at_once, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        return httpx.Response(200, json=RESULT)

    rasa = HttpRasa("http://rasa.test", "secret", 8, transport=httpx.MockTransport(answer))
    results = await asyncio.gather(*(rasa.converse(TURN) for _ in range(50)))
    await rasa.close()

    assert (len(results), most) == (50, AT_ONCE)


async def test_a_sender_is_forgotten_by_a_name_that_is_safe_in_an_address(rasa, line):
    line.answer = httpx.Response(204)

    await rasa.forget("a/../b?c")

    assert line.requests[0].url.raw_path == b"/webhooks/coach/senders/a%2F..%2Fb%3Fc"
