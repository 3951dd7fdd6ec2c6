"""Inline keyboards: how many buttons stand in a row. A button carries nothing but the id of our own record of it."""

from collections.abc import Sequence
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.errors import DeliveryError

MOST_DATA_BYTES = 64  # Telegram's limit on callback_data, which python-telegram-bot does not check


def keyboard(buttons: Sequence[dict[str, Any]]) -> InlineKeyboardMarkup | None:
    """`buttons` as the outbox keeps them: [{"id", "label"}]. None without buttons."""
    if not buttons:
        return None
    keys = [InlineKeyboardButton(text=each["label"], callback_data=_data(each["id"])) for each in buttons]
    width = row_width([each["label"] for each in buttons])
    return InlineKeyboardMarkup([keys[start : start + width] for start in range(0, len(keys), width)])


def row_width(labels: Sequence[str]) -> int:
    """Numbers 0–10 as 6 and 5, short words side by side, anything longer on a line of its own."""
    longest = max(map(len, labels))
    if longest <= 3:
        return 6
    if longest <= 10:
        return 2 if len(labels) in (2, 4) else 3
    return 2 if longest <= 16 else 1


def _data(button_id: str) -> str:
    if not 1 <= len(button_id.encode()) <= MOST_DATA_BYTES:
        raise DeliveryError("a button id is empty or too long for Telegram", permanent=True)
    return button_id
