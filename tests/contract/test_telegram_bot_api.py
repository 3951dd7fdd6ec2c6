"""The stand-in that fast tests talk to, and an emulator over HTTP that we did not write: the same expectations."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from telegram.error import BadRequest, Conflict

from bot.content import Library
from bot.errors import ConfigurationError, DeliveryError
from bot.services.delivery import ChatClosed
from bot.settings import Settings
from bot.telegram.api import CoachBot
from bot.telegram.commands import introduce, publish_physio_commands, use_polling, use_webhook
from bot.telegram.sender import TelegramSender
from data.outbox import OutboxMessage, Priority
from tests.emulator import Emulator, emulator
from tests.fake_telegram import PATIENT, PHYSIO, TOKEN, FakeTelegram, fake_bot

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n and so on"
BUTTONS = [{"id": f"button-{number}-AAAAAAAAAAAA", "label": str(number)} for number in range(11)]


class Api:
    """Either Bot API with a bot that talks to it."""

    def __init__(self, api: FakeTelegram | Emulator, bot: CoachBot) -> None:
        self.api = api
        self.bot = bot
        self.sender = TelegramSender(bot)

    async def send(self, text="Well done.", **fields: Any):
        defaults = {"key": "k", "kind": "reply", "priority": Priority.REPLY, "created_at": NOW, "not_before": NOW}
        return await self.sender.send(OutboxMessage(id=1, chat_id=PATIENT, text=text, **(defaults | fields)))

    async def hears(self, text: str) -> int:
        if isinstance(self.api, Emulator):
            return await self.api.hears(PATIENT, text)
        update = self.api.says(PATIENT, text)
        self.api.queue(update)
        return update["update_id"]


@pytest.fixture(params=["stand-in", "emulator"])
async def api(request) -> AsyncIterator[Api]:
    if request.param == "stand-in":
        telegram = FakeTelegram()
        async with fake_bot(telegram) as bot:
            yield Api(telegram, bot)
    else:
        async with emulator() as (telegram, address), CoachBot(TOKEN, api=address) as bot:
            yield Api(telegram, bot)


async def test_the_bot_learns_its_name(api):
    assert api.bot.username == "coach_bot"


async def test_a_message_with_a_keyboard_arrives(api):
    sent = await api.send("How bad is your pain now?", buttons=BUTTONS)

    payload = api.api.made("sendMessage")[0]
    assert (payload["text"], payload["chat_id"]) == ("How bad is your pain now?", PATIENT)
    assert [len(row) for row in payload["reply_markup"]["inline_keyboard"]] == [6, 5]
    assert sent.message_id > 0


async def test_a_keyboard_gives_way_to_the_choice_made(api):
    sent = await api.send("How bad?", buttons=BUTTONS)

    again = await api.send("How bad?\n→ 6", edits=sent.message_id)

    payload = api.api.made("editMessageText")[0]
    assert (payload["message_id"], payload["text"]) == (sent.message_id, "How bad?\n→ 6")
    assert "reply_markup" not in payload
    assert again.message_id == sent.message_id


async def test_a_keyboard_is_taken_from_a_long_message(api):
    sent = await api.send("Yes or no?", buttons=BUTTONS)

    await api.send("long " * 1000, edits=sent.message_id)

    assert len(api.api.made("editMessageReplyMarkup")) == 1


async def test_every_part_of_a_long_text_is_taken(api):
    text = "😀 sore " * 1500

    left = [(await api.send(text, parts_sent=part)).parts_left for part in range(3)]

    assert left == [2, 1, 0]
    assert " ".join(api.api.texts()).split() == text.split()


async def test_a_text_too_long_is_refused(api):
    with pytest.raises(BadRequest, match="too long"):
        await api.bot.send_message(PATIENT, "x" * 4097)


async def test_a_document_arrives(api):
    sent = await api.send("Here is your data.", document='{"pain": [4, 3]}', file_name="my-data.json")

    assert sent.message_id > 0
    assert api.api.made("sendDocument")[0]["caption"] == "Here is your data."


async def test_a_picture_arrives_with_its_description(api):
    sent = await api.send("Your weeks.", picture=PNG, picture_description="Your weeks.", file_name="weeks.png")

    assert sent.message_id > 0
    assert api.api.made("sendPhoto")[0]["caption"] == "Your weeks."


async def test_a_keyboard_under_a_picture_gives_way_to_the_choice_made(api):
    sent = await api.send("Your weeks.", picture=PNG, picture_description="Your weeks.", buttons=BUTTONS)
    api.api.fails("editMessageText", 400, "Bad Request: there is no text in the message to edit")

    await api.send("Your weeks.\n→ 6", edits=sent.message_id)

    assert api.api.made("editMessageCaption")[0]["caption"] == "Your weeks.\n→ 6"


async def test_a_tap_is_answered(api):
    assert await api.bot.answer_callback_query("77")


@pytest.mark.parametrize(
    ("status", "parameters", "kind", "wait_s"),
    [(403, {}, ChatClosed, None), (400, {}, DeliveryError, None), (429, {"retry_after": 3}, DeliveryError, 3.0)],
)
async def test_refusals_are_told_apart(api, status, parameters, kind, wait_s):
    api.api.fails("sendMessage", status, **parameters)

    with pytest.raises(DeliveryError) as refused:
        await api.send()

    assert type(refused.value) is kind
    assert (refused.value.permanent, refused.value.retry_after_s) == (status != 429, wait_s)


async def test_a_lost_answer_leaves_it_uncertain(api):
    api.api.loses_reply("sendMessage")

    with pytest.raises(DeliveryError) as refused:
        await api.send("Well done.")

    assert refused.value.uncertain
    assert api.api.texts() == ["Well done."]


async def test_updates_come_again_until_they_are_confirmed(api):
    first = await api.hears("one")
    await api.hears("two")

    twice = [await api.bot.raw_updates(None, 0), await api.bot.raw_updates(None, 0)]
    confirmed = await api.bot.raw_updates(first + 1, 0)

    assert [[update["message"]["text"] for update in updates] for updates in twice] == [["one", "two"]] * 2
    assert [update["message"]["text"] for update in confirmed] == ["two"]


async def test_a_poll_with_nothing_to_fetch_comes_back_empty(api):
    assert await api.bot.raw_updates(None, 0) == []


async def test_polling_and_a_webhook_exclude_each_other(api):
    await use_webhook(api.bot, "https://coach.example/telegram", "a-secret-of-the-webhook")
    with pytest.raises(Conflict):
        await api.bot.raw_updates(None, 0)

    await use_polling(api.bot)

    assert await api.bot.raw_updates(None, 0) == []


async def test_the_menus_of_patients_and_physios_are_set(api, library: Library):
    name = await introduce(api.bot, library, Settings(_env_file=None), [PHYSIO])

    menus = api.api.made("setMyCommands")
    commands = library.protocol["commands"]
    assert name == "coach_bot"
    assert [menu["scope"] for menu in menus] == [{"type": "all_private_chats"}, {"type": "chat", "chat_id": PHYSIO}]
    assert [[each["command"] for each in menu["commands"]] for menu in menus] == [
        list(commands["patients"]),
        list(commands["physios"]),
    ]


async def test_a_physio_whose_menu_is_refused_does_not_keep_the_bot_from_starting(api, library: Library):
    await publish_physio_commands(api.bot, library, PHYSIO)
    api.api.fails("setMyCommands", 400, "Bad Request: chat not found")

    await publish_physio_commands(api.bot, library, PHYSIO)

    assert len(api.api.made("setMyCommands")) == 2


async def test_a_webhook_that_telegram_refuses_keeps_the_bot_from_starting(api, library: Library):
    api.api.fails("setWebhook", 400, "Bad Request: bad webhook: HTTPS url must be provided")
    settings = Settings(_env_file=None, telegram_webhook_url="http://x", telegram_webhook_secret="a-secret-of-ours")

    with pytest.raises(ConfigurationError, match="WEBHOOK_URL"):
        await introduce(api.bot, library, settings)


class TestAWrongStart:
    @pytest.fixture
    async def running(self):
        async with emulator() as pair:
            yield pair

    async def test_a_wrong_token_is_told_in_plain_words_without_the_token(self, running):
        api, address = running
        api.fails("getMe", 401, "Unauthorized")

        with pytest.raises(ConfigurationError) as refused:
            await CoachBot(TOKEN, api=address).initialize()

        assert "TELEGRAM_BOT_TOKEN" in str(refused.value)
        assert TOKEN not in f"{refused.value!r}{refused.value.__cause__!r}"

    async def test_an_address_where_nobody_answers_is_told_in_plain_words(self):
        with pytest.raises(ConfigurationError, match="ConnectError"):
            await CoachBot(TOKEN, api="http://127.0.0.1:9").initialize()

    def test_no_token_at_all_is_told_in_plain_words(self):
        with pytest.raises(ConfigurationError, match="TELEGRAM_BOT_TOKEN"):
            CoachBot("")
