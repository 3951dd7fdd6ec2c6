"""Reads Telegram's JSON as what the services know. Never raises: what it can't make out is of kind "other"."""

import re
from collections.abc import Iterator
from typing import Any

from bot.services.incoming import Incoming

COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?=\s|$)")
LARGEST_ID = 2**63 - 1  # what the database's integers hold
GONE = ("kicked", "left")

# What a message carries, the first that fits; Telegram repeats an animation as a document.
CARRIES = (
    ("photo", "photo"),
    ("voice", "voice"),
    ("video_note", "voice"),
    ("audio", "voice"),
    ("sticker", "sticker"),
    ("animation", "sticker"),
    ("document", "file"),
    ("video", "file"),
    ("venue", "location"),
    ("location", "location"),
    ("contact", "contact"),
)


def read_update(raw: dict[str, Any]) -> Incoming:
    """`raw` as Telegram sent it. Texts come without the halves of broken emoji that JSON allows."""
    update_id = update_id_of(raw) or 0
    chat_id = chat_of(raw) or 0
    tap = _dict(raw, "callback_query")
    if tap:
        return _tap(update_id, chat_id, tap)
    if member := _dict(raw, "my_chat_member"):
        return Incoming(update_id, chat_id, _membership(member))
    for name in ("message", "edited_message"):
        if message := _dict(raw, name):
            return _message(update_id, chat_id, message, is_edit=name == "edited_message")
    is_post = bool(_dict(raw, "channel_post") or _dict(raw, "edited_channel_post"))
    return Incoming(update_id, chat_id, "group" if is_post else "other")


def update_id_of(raw: Any) -> int | None:
    return _id(raw.get("update_id")) if isinstance(raw, dict) else None


def chat_of(raw: Any) -> int | None:
    """The chat an update belongs to; for one without a chat the person's own, which has the same number."""
    for part in _parts(raw):
        message = _dict(part, "message")  # the one whose button was tapped
        for holder in (part, message):
            if (chat_id := _id(_dict(holder, "chat").get("id"))) is not None:
                return chat_id
        if (person := _id((_dict(part, "from") or _dict(part, "user")).get("id"))) is not None:
            return person
    return None


def callback_of(raw: Any) -> str:
    """The id by which a tap is answered; empty when the update is no tap."""
    return _text(_dict(raw, "callback_query"), "id")


def _tap(update_id: int, chat_id: int, tap: dict[str, Any]) -> Incoming:
    message = _dict(tap, "message")
    return Incoming(
        update_id,
        chat_id,
        "tap" if _is_private(message) else "group",
        button_id=_text(tap, "data"),
        callback_id=_text(tap, "id"),
        message_id=_id(message.get("message_id")),
    )


def _membership(member: dict[str, Any]) -> str:
    """Blocked and let in again; in a group only that we are out of it."""
    is_gone = _text(_dict(member, "new_chat_member"), "status") in GONE
    if is_gone:
        return "blocked"
    return "unblocked" if _is_private(member) else "group"


def _message(update_id: int, chat_id: int, message: dict[str, Any], *, is_edit: bool) -> Incoming:
    text, caption = _text(message, "text"), _text(message, "caption")
    kind = _kind(message, text, caption, is_edit=is_edit)
    if kind == "command":
        text = COMMAND.sub(lambda match: f"/{match[1].lower()}", text, count=1)
    reply_to = _id(_dict(message, "reply_to_message").get("message_id"))
    return Incoming(
        update_id, chat_id, kind, text=text or caption, message_id=_id(message.get("message_id")), reply_to=reply_to
    )


def _kind(message: dict[str, Any], text: str, caption: str, *, is_edit: bool) -> str:
    if not _is_private(message):
        return "group"
    if is_edit:
        return "edited"
    if text:
        return "command" if COMMAND.match(text) else "text"
    if caption:
        return "caption"
    return next((kind for field, kind in CARRIES if message.get(field)), "other")


def _is_private(holder: dict[str, Any]) -> bool:
    """A chat without a type is taken for private: somebody may be waiting for an answer."""
    return _text(_dict(holder, "chat"), "type") in ("private", "")


def _parts(raw: Any) -> Iterator[dict[str, Any]]:
    yield from (value for value in raw.values() if isinstance(value, dict)) if isinstance(raw, dict) else ()


def _dict(holder: Any, name: str) -> dict[str, Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _text(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str):
        return ""
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "")


def _id(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) <= LARGEST_ID else None
