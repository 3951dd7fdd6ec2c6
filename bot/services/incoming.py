"""One update as the services see it: Telegram's shapes stay at the edge."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Incoming:
    """`kind` says how it came:

    text, command (text begins with "/"), tap (button_id), edited, caption (a picture's words), photo, voice, sticker,
    file, location, contact, other; group (any chat that is not private); blocked, unblocked (the bot, by this person).
    """

    update_id: int
    chat_id: int
    kind: str
    text: str = ""
    button_id: str = ""
    callback_id: str = ""  # Telegram wants every tap answered
    reply_to: int | None = None  # Telegram's id of the message that this one replies to
    message_id: int | None = None  # Telegram's id of the message, or of the one whose button was tapped

    @property
    def key(self) -> str:
        return f"u{self.update_id}"
