"""One outbox row becomes the right calls of the Bot API, and every fault is told apart."""

from datetime import UTC, datetime

import httpx
import pytest

from bot.errors import DeliveryError
from bot.services.delivery import ChatClosed
from bot.telegram.sender import TelegramSender
from data.outbox import OutboxMessage, Priority
from tests.fake_telegram import PATIENT, FakeTelegram, fake_bot

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n and so on"
BUTTONS = [{"id": "b-yes", "label": "Yes"}, {"id": "b-no", "label": "No"}]


def row(text="Well done.", **fields) -> OutboxMessage:
    defaults = {"key": "k", "kind": "reply", "priority": Priority.REPLY, "created_at": NOW, "not_before": NOW}
    return OutboxMessage(id=1, chat_id=PATIENT, text=text, **(defaults | fields))


def drawn(text: str, **fields) -> OutboxMessage:
    return row(text, picture=PNG, picture_description="Your weeks.", file_name="weeks.png", **fields)


@pytest.fixture
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture
def sender(telegram) -> TelegramSender:
    return TelegramSender(fake_bot(telegram))


async def test_what_a_patient_typed_arrives_as_it_was_typed(telegram, sender):
    await sender.send(row("You wrote: <b>5 & 6</b> *_[ok](x)_*"))

    assert telegram.texts() == ["You wrote: <b>5 & 6</b> *_[ok](x)_*"]
    assert "parse_mode" not in telegram.made("sendMessage")[0]


async def test_buttons_stand_under_the_message(telegram, sender):
    sent = await sender.send(row(buttons=BUTTONS))

    assert telegram.shown[0].buttons == [[("Yes", "b-yes"), ("No", "b-no")]]
    assert (sent.message_id, sent.parts_left) == (telegram.shown[0].message_id, 0)


async def test_a_long_text_leaves_part_by_part_with_the_buttons_on_the_last(telegram, sender):
    message = row("One short sentence. " * 500, buttons=BUTTONS)

    left = []
    for part in range(3):
        message.parts_sent = part
        left.append((await sender.send(message)).parts_left)

    assert left == [2, 1, 0]
    assert [shown.labels for shown in telegram.shown] == [[], [], ["Yes", "No"]]
    assert " ".join(telegram.texts()).split() == message.text.split()


async def test_a_tapped_keyboard_gives_way_to_the_choice(telegram, sender):
    sent = await sender.send(row("How bad is it?", buttons=BUTTONS))

    await sender.send(row("How bad is it?\n→ Yes", edits=sent.message_id))

    assert (telegram.shown[0].text, telegram.shown[0].buttons) == ("How bad is it?\n→ Yes", [])


async def test_an_edit_that_changes_nothing_is_as_good_as_done(telegram, sender):
    sent = await sender.send(row())

    await sender.send(row(edits=sent.message_id))

    assert telegram.texts() == ["Well done."]


async def test_a_text_too_long_for_one_message_loses_only_its_keyboard_when_edited(telegram, sender):
    sent = await sender.send(row("Yes or no?", buttons=BUTTONS))

    await sender.send(row("long " * 1000, edits=sent.message_id))

    assert (telegram.shown[0].text, telegram.shown[0].buttons) == ("Yes or no?", [])


async def test_a_document_carries_its_text(telegram, sender):
    await sender.send(row("Here is your data.", document='{"pain": 4}', file_name="my-data.json"))

    shown = telegram.shown[0]
    assert (shown.text, shown.document, shown.file_name) == ("Here is your data.", '{"pain": 4}', "my-data.json")


async def test_a_text_too_long_for_a_caption_goes_before_its_document(telegram, sender):
    message = row("Here is your data. " * 100, document="{}", file_name="my-data.json")

    first = await sender.send(message)
    message.parts_sent = 1
    second = await sender.send(message)

    assert [(shown.text != "", shown.document) for shown in telegram.shown] == [(True, None), (False, "{}")]
    assert (first.parts_left, second.parts_left) == (1, 0)


async def test_a_picture_carries_its_text_as_caption_and_the_buttons(telegram, sender):
    await sender.send(drawn("Your weeks.\n\nWhat do you notice?", buttons=BUTTONS))

    shown = telegram.shown[0]
    assert (shown.text, shown.picture, shown.file_name) == ("Your weeks.\n\nWhat do you notice?", PNG, "weeks.png")
    assert shown.labels == ["Yes", "No"]


async def test_a_text_too_long_for_a_caption_follows_the_picture(telegram, sender):
    message = drawn("Your weeks.\n\n" + "One short sentence. " * 100, buttons=BUTTONS)

    first = await sender.send(message)
    message.parts_sent = 1
    second = await sender.send(message)

    assert [(shown.text[:12], shown.picture, shown.labels) for shown in telegram.shown] == [
        ("Your weeks.", PNG, []),
        ("One short se", None, ["Yes", "No"]),
    ]
    assert (first.parts_left, second.parts_left) == (1, 0)


async def test_a_second_copy_of_a_picture_with_a_long_text_keeps_every_word(telegram, sender):
    message = drawn("You may have had this.\n\nYour weeks.\n\n" + "One short sentence. " * 100)

    for part in range(2):
        message.parts_sent = part
        await sender.send(message)

    assert telegram.texts()[0] == "Your weeks."
    assert telegram.texts()[1].split()[:5] == ["You", "may", "have", "had", "this."]


async def test_a_tapped_keyboard_under_a_picture_gives_way_to_the_choice(telegram, sender):
    sent = await sender.send(drawn("Your weeks.", buttons=BUTTONS))

    for _ in range(2):
        await sender.send(row("Your weeks.\n→ Yes", edits=sent.message_id))

    assert (telegram.shown[0].text, telegram.shown[0].buttons) == ("Your weeks.\n→ Yes", [])
    assert telegram.shown[0].picture == PNG


REFUSALS = {
    "blocked": (403, "Forbidden: bot was blocked by the user", {}, ChatClosed(), (True, False, None)),
    "gone": (400, "Bad Request: chat not found", {}, ChatClosed(), (True, False, None)),
    "malformed": (400, "Bad Request: BUTTON_DATA_INVALID", {}, DeliveryError(""), (True, False, None)),
    "migrated": (400, "Bad Request: upgraded", {"migrate_to_chat_id": -100}, DeliveryError(""), (True, False, None)),
    "flood": (429, "Too Many Requests: retry after 7", {"retry_after": 7}, DeliveryError(""), (False, False, 7.0)),
    "token": (401, "Unauthorized", {}, DeliveryError(""), (False, False, 60.0)),
    "server": (500, "Internal Server Error", {}, DeliveryError(""), (False, False, None)),
    "gateway": (502, "Bad Gateway", {}, DeliveryError(""), (False, False, None)),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_each_refusal_says_whether_to_try_again(name, telegram, sender):
    status, description, parameters, kind, expected = REFUSALS[name]
    telegram.fails("sendMessage", status, description, **parameters)

    with pytest.raises(DeliveryError) as refused:
        await sender.send(row())

    error = refused.value
    assert type(error) is type(kind)
    assert (error.permanent, error.uncertain, error.retry_after_s) == expected


@pytest.mark.parametrize("cause", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_what_never_left_is_safe_to_send_again(cause, telegram, sender):
    telegram.drops("sendMessage", cause)

    with pytest.raises(DeliveryError) as refused:
        await sender.send(row())

    assert (refused.value.permanent, refused.value.uncertain) == (False, False)


@pytest.mark.parametrize("cause", [httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError])
async def test_a_lost_answer_leaves_it_uncertain(cause, telegram, sender):
    telegram.loses_reply("sendMessage", cause)

    with pytest.raises(DeliveryError) as refused:
        await sender.send(row())

    assert refused.value.uncertain
    assert telegram.texts() == ["Well done."]


async def test_no_error_repeats_our_words_or_the_token(telegram, sender):
    telegram.fails("sendMessage", 401, "Unauthorized")

    with pytest.raises(DeliveryError) as refused:
        await sender.send(row("a secret"))

    said = f"{refused.value!r} {refused.value.__cause__!r}"
    assert "secret" not in said
    assert "4242" not in said
