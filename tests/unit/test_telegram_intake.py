"""Nothing is acknowledged before it is committed, and only Telegram can hand us updates."""

import asyncio
import json
import logging
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette

from bot.errors import ConfigurationError
from bot.services.inbox import Inbox
from bot.telegram.intake import LARGEST_BODY, SECOND_BOT, Intake, webhook_route
from data import inbox
from data.inbox import InboxUpdate
from tests.fake_telegram import PATIENT, FakeTelegram, fake_bot

SECRET = "s3cret-Token-of-the-webhook"


@pytest.fixture
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture
def door(sqlite_database, clock) -> Inbox:
    return Inbox(sqlite_database, clock)


@pytest.fixture
def intake(telegram, door) -> Intake:
    return Intake(fake_bot(telegram), door, back_off=lambda failures: 0.0)


def kept(database) -> list[int]:
    with database.transaction() as session:
        rows = [session.get(InboxUpdate, update_id) for update_id in range(1, 100)]
        return [row.update_id for row in rows if row]


@contextmanager
def out_of_order(monkeypatch, failures: int):
    """The database refuses the next `failures` updates."""
    left = [failures]
    real = inbox.accept

    def accept(session, row):
        if left[0]:
            left[0] -= 1
            raise OSError("disk full")
        return real(session, row)

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "accept", accept)
        yield


async def poll_all(intake, telegram) -> None:
    """Polls until Telegram has nothing left to hand over; a poller that dies fails the test."""
    stop = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(intake.poll(stop, timeout_s=1))
        await telegram.confirmed()
        stop.set()


async def post(intake, body: bytes, **headers: str) -> int:
    app = Starlette(routes=[webhook_route(intake, SECRET)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://coach") as client:
        given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        return (await client.post("/telegram", content=body, headers=given)).status_code


JSON = {"Content_Type": "application/json"}
OURS = JSON | {"X_Telegram_Bot_Api_Secret_Token": SECRET}


class TestWebhook:
    async def test_an_update_is_in_the_database_when_telegram_gets_its_200(self, telegram, intake, sqlite_database):
        status = await post(intake, json.dumps(telegram.says(PATIENT, "hello")).encode(), **OURS)

        assert status == 200
        assert kept(sqlite_database) == [1]

    async def test_a_repeat_is_acknowledged_and_kept_once(self, telegram, intake, sqlite_database):
        body = json.dumps(telegram.says(PATIENT, "hello")).encode()

        statuses = [await post(intake, body, **OURS) for _ in range(3)]

        assert statuses == [200, 200, 200]
        assert kept(sqlite_database) == [1]

    @pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "\x80", "s3cret-Tok€n"])
    async def test_a_wrong_secret_is_refused(self, secret, telegram, intake, sqlite_database):
        body = json.dumps(telegram.says(PATIENT, "I am somebody else")).encode()

        status = await post(intake, body, **(OURS | {"X_Telegram_Bot_Api_Secret_Token": secret}))

        assert status == 403
        assert kept(sqlite_database) == []

    async def test_no_secret_at_all_is_refused(self, intake):
        assert await post(intake, b"{}", **JSON) == 403

    @pytest.mark.parametrize("secret", ["", "too-short", "no spaces in a secret", "x" * 257])
    async def test_a_webhook_is_never_opened_with_a_secret_that_can_be_guessed(self, secret, intake):
        with pytest.raises(ConfigurationError, match="WEBHOOK_SECRET"):
            webhook_route(intake, secret)

    @pytest.mark.parametrize(
        "body", [b"", b"not json", b"[]", b"7", b"null", b"{}", b'{"update_id": "7"}', b"\xff\xfe", b"[" * 100_000]
    )
    async def test_what_is_no_update_is_a_bad_request(self, body, intake, sqlite_database):
        assert await post(intake, body, **OURS) == 400
        assert kept(sqlite_database) == []

    async def test_only_json_is_read(self, telegram, intake):
        body = json.dumps(telegram.says(PATIENT, "hello")).encode()

        assert await post(intake, body, **(OURS | {"Content_Type": "text/plain"})) == 400

    async def test_a_body_larger_than_any_update_is_not_read(self, intake):
        assert await post(intake, b" " * (LARGEST_BODY + 1), **OURS) == 413

    async def test_a_body_that_lies_about_its_length_is_not_read_to_the_end(self, intake):
        async def endless():
            while True:
                yield b" " * 65_536

        app = Starlette(routes=[webhook_route(intake, SECRET)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://coach") as client:
            headers = {name.replace("_", "-"): value.encode() for name, value in OURS.items()}
            answer = await client.post("/telegram", content=endless(), headers=headers)

        assert answer.status_code == 413

    async def test_an_update_that_could_not_be_committed_is_asked_for_again(
        self, telegram, intake, sqlite_database, monkeypatch
    ):
        body = json.dumps(telegram.says(PATIENT, "hello")).encode()

        with out_of_order(monkeypatch, 1):
            statuses = [await post(intake, body, **OURS), await post(intake, body, **OURS)]

        assert statuses == [503, 200]
        assert kept(sqlite_database) == [1]

    async def test_half_an_emoji_is_kept(self, telegram, intake, sqlite_database):
        status = await post(intake, json.dumps(telegram.says(PATIENT, "sore \ud83d")).encode(), **OURS)

        assert status == 200


class TestPolling:
    async def test_updates_are_confirmed_after_they_are_committed(self, telegram, intake, sqlite_database):
        for word in ("one", "two", "three"):
            telegram.queue(telegram.says(PATIENT, word))

        await poll_all(intake, telegram)

        assert kept(sqlite_database) == [1, 2, 3]

    async def test_what_could_not_be_committed_is_not_confirmed(self, telegram, intake, sqlite_database, monkeypatch):
        for word in ("one", "two"):
            telegram.queue(telegram.says(PATIENT, word))

        with out_of_order(monkeypatch, 3):
            await poll_all(intake, telegram)

        assert kept(sqlite_database) == [1, 2]

    async def test_an_update_that_was_committed_but_not_confirmed_is_kept_once(
        self, telegram, intake, door, sqlite_database
    ):
        update = telegram.says(PATIENT, "hello")
        telegram.queue(update)
        arrivals = []
        door.accept(update["update_id"], PATIENT, update)  # and then the process was killed
        door.on_arrival = lambda row: arrivals.append(row)

        await poll_all(intake, telegram)

        assert kept(sqlite_database) == [1]
        assert arrivals == []

    async def test_another_poller_a_dead_network_and_a_flood_limit_pass(
        self, telegram, intake, sqlite_database, caplog
    ):
        telegram.fails("getUpdates", 409, "Conflict: terminated by other getUpdates request")
        telegram.drops("getUpdates")
        telegram.fails("getUpdates", 502, "Bad Gateway")
        telegram.loses_reply("getUpdates", httpx.ReadTimeout)
        telegram.queue(telegram.says(PATIENT, "hello"))

        await poll_all(intake, telegram)

        assert kept(sqlite_database) == [1]
        assert [record.getMessage() for record in caplog.records] == ["poll_failed"] * 4

    async def test_stopping_does_not_wait_for_the_long_poll(self, intake):
        stop = asyncio.Event()
        poll = asyncio.create_task(intake.poll(stop, timeout_s=50))
        await asyncio.sleep(0)

        stop.set()

        await asyncio.wait_for(poll, 5)


class TestTaps:
    async def test_every_tap_is_answered_also_one_that_comes_too_late(self, telegram, intake):
        telegram.fails("answerCallbackQuery", 400, "Bad Request: query is too old")
        first, second = telegram.tap(PATIENT, 5, "b-1"), telegram.tap(PATIENT, 5, "b-2")

        assert intake.take(first)
        assert intake.take(second)
        await intake.close()

        answered = [fields["callback_query_id"] for fields in telegram.made("answerCallbackQuery")]
        assert answered == [first["callback_query"]["id"], second["callback_query"]["id"]]


class TestLogs:
    async def test_no_log_line_holds_words_chats_or_the_token(self, telegram, intake, monkeypatch, caplog):
        caplog.set_level(logging.DEBUG)
        telegram.queue(telegram.says(PATIENT, "my very private words"))
        telegram.fails("getUpdates", 401, "Unauthorized")

        with out_of_order(monkeypatch, 1):
            await poll_all(intake, telegram)
            await post(intake, json.dumps(telegram.says(PATIENT, "my very private words")).encode(), **OURS)

        lines = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
        assert "poll_failed" in lines
        assert not [secret for secret in ("private", str(PATIENT), "AAE-this", SECRET) if secret in lines]


def test_two_bots_that_count_alike_are_kept_apart(door, sqlite_database) -> None:
    coach = Intake(fake_bot(FakeTelegram()), door)
    alerts = Intake(fake_bot(FakeTelegram()), door, first=SECOND_BOT)
    told = {"update_id": 7, "message": {"chat": {"id": PATIENT, "type": "private"}, "text": "hello"}}

    coach.take(told)
    alerts.take(told)
    alerts.take(told)

    with sqlite_database.transaction() as session:
        rows = [session.get(InboxUpdate, number) for number in (7, SECOND_BOT + 7)]
        assert [json.loads(row.raw)["update_id"] for row in rows] == [7, SECOND_BOT + 7]
    assert told["update_id"] == 7  # the next poll confirms Telegram's own number
