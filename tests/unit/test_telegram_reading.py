"""Every kind of update is read as what a person did, and nothing that JSON can hold raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.services.incoming import Incoming
from bot.telegram.reading import callback_of, chat_of, read_update, update_id_of

CHAT = 7_000_000_001


def message(**fields):
    return {"message_id": 5, "date": 1, "chat": {"id": CHAT, "type": "private"}, "from": {"id": CHAT}, **fields}


def read(**update):
    return read_update({"update_id": 9, **update})


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"text": "My back is sore"}, "text", "My back is sore"),
        ({"text": "7"}, "text", "7"),
        ({"text": "/help"}, "command", "/help"),
        ({"text": "/start AB-12"}, "command", "/start AB-12"),
        ({"text": "/Start@coach_bot AB-12"}, "command", "/start AB-12"),
        ({"text": "/goodbye"}, "command", "/goodbye"),
        ({"text": "/ 5 minutes"}, "text", "/ 5 minutes"),
        ({"text": "/half/half"}, "text", "/half/half"),
        ({"photo": [{}], "caption": "my scan"}, "caption", "my scan"),
        ({"voice": {}, "caption": "numb down below"}, "caption", "numb down below"),
        ({"photo": [{}]}, "photo", ""),
        ({"voice": {}}, "voice", ""),
        ({"video_note": {}}, "voice", ""),
        ({"audio": {}}, "voice", ""),
        ({"sticker": {}}, "sticker", ""),
        ({"animation": {}, "document": {}}, "sticker", ""),
        ({"document": {"file_id": "x"}}, "file", ""),
        ({"video": {"file_id": "x"}}, "file", ""),
        ({"location": {"latitude": 1}}, "location", ""),
        ({"venue": {"title": "x"}, "location": {"latitude": 1}}, "location", ""),
        ({"contact": {"phone_number": "x"}}, "contact", ""),
        ({"poll": {"id": "1"}}, "other", ""),
        ({"pinned_message": {}}, "other", ""),
    ],
)
def test_a_message_is_read_by_what_it_carries(fields, kind, text):
    fields = {name: value or {"file_id": "x"} for name, value in fields.items()}

    assert read(message=message(**fields)) == Incoming(9, CHAT, kind, text=text, message_id=5)


@pytest.mark.parametrize("fields", [{"text": "10 not 7"}, {"photo": [{}], "caption": "10 not 7"}])
def test_an_edit_carries_its_new_words(fields):
    assert read(edited_message=message(**fields)) == Incoming(9, CHAT, "edited", text="10 not 7", message_id=5)


def test_a_tap_carries_the_button_the_message_and_what_telegram_wants_answered():
    tap = {"id": "77", "from": {"id": CHAT}, "message": message(text="How bad?"), "data": "b-1"}

    assert read(callback_query=tap) == Incoming(9, CHAT, "tap", button_id="b-1", callback_id="77", message_id=5)
    assert callback_of({"callback_query": tap}) == "77"


def test_a_tap_on_a_message_too_old_to_show_is_still_a_tap():
    old = {"message_id": 5, "date": 0, "chat": {"id": CHAT, "type": "private"}}
    tap = {"id": "77", "from": {"id": CHAT}, "message": old, "data": "b-1"}

    assert read(callback_query=tap).kind == "tap"


@pytest.mark.parametrize(
    ("status", "chat_type", "kind"),
    [
        ("kicked", "private", "blocked"),
        ("member", "private", "unblocked"),
        ("member", "group", "group"),
        ("left", "supergroup", "blocked"),
    ],
)
def test_blocking_and_letting_in_again_are_told_apart(status, chat_type, kind):
    change = {"chat": {"id": CHAT, "type": chat_type}, "from": {"id": 1}, "new_chat_member": {"status": status}}

    assert read(my_chat_member=change).kind == kind


@pytest.mark.parametrize("chat_type", ["group", "supergroup", "channel"])
@pytest.mark.parametrize("name", ["message", "edited_message", "channel_post", "edited_channel_post"])
def test_what_is_said_among_others_is_of_the_group(chat_type, name):
    said = message(text="hello all") | {"chat": {"id": -100, "type": chat_type}}

    assert (read(**{name: said}).kind, read(**{name: said}).chat_id) == ("group", -100)


def test_half_an_emoji_and_a_null_byte_do_not_reach_the_database():
    text = read(message=message(text="sore \ud83d back\x00")).text

    assert text == "sore \ufffd back"


@pytest.mark.parametrize("update", [{"poll": {"id": "1"}}, {"inline_query": {"from": {"id": 5}}}, {}, {"message": []}])
def test_an_unknown_update_is_other(update):
    assert read(**update).kind == "other"


def test_an_update_without_a_chat_belongs_to_nobody():
    assert chat_of({"update_id": 1, "poll": {"id": "1"}}) is None
    assert chat_of({"update_id": 1, "inline_query": {"from": {"id": 5}}}) == 5


@pytest.mark.parametrize("update_id", [None, "7", True, 2**63, 1.5])
def test_only_a_whole_number_that_fits_is_an_update_id(update_id):
    assert update_id_of({"update_id": update_id}) is None


NAMES = """
update_id message edited_message callback_query my_chat_member channel_post chat from id type text caption data photo
voice new_chat_member status message_id entities private group kicked
"""
FIELDS = st.sampled_from(NAMES.split())
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | FIELDS
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6), max_leaves=30
)
KINDS = {
    "text",
    "command",
    "tap",
    "edited",
    "caption",
    "photo",
    "voice",
    "sticker",
    "file",
    "location",
    "contact",
    "other",
}


@settings(max_examples=400)
@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_no_json_makes_reading_raise(raw):
    incoming = read_update(raw)

    assert incoming.kind in KINDS | {"group", "blocked", "unblocked"}
    assert incoming.chat_id == (chat_of(raw) or 0)
    (incoming.text + incoming.button_id + incoming.callback_id).encode()
