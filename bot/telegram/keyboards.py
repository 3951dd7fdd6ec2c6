"""Inline keyboards: how many buttons stand in a row. A button carries nothing but the id of our own record of it."""

from collections.abc import Sequence
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.errors import DeliveryError

FEWEST_NUMBERS = 5
MOST_DATA_BYTES = 64  # Telegram's limit on callback_data, which python-telegram-bot does not check


def keyboard(buttons: Sequence[dict[str, Any]]) -> InlineKeyboardMarkup | None:
    """`buttons` as the outbox keeps them: [{"id", "label"}]. None without buttons."""
    if not buttons:
        return None
    keys = [InlineKeyboardButton(text=each["label"], callback_data=_data(each["id"])) for each in buttons]
    markup, start = [], 0
    for part in parts([each["label"] for each in buttons]):
        width = row_width(part)
        end = start + len(part)
        markup += [keys[at : min(at + width, end)] for at in range(start, end, width)]
        start = end
    return InlineKeyboardMarkup(markup)


def parts(labels: Sequence[str]) -> list[Sequence[str]]:
    """Many numbers at the beginning, and short words at the end of longer ones, stand in rows of their own."""
    numbers = next((at for at, label in enumerate(labels) if len(label) > 3), len(labels))
    numbers = numbers if numbers >= FEWEST_NUMBERS else 0
    rest = labels[numbers:]
    short = next((at for at, label in enumerate(reversed(rest)) if len(label) > 6), len(rest))
    words = len(rest) - short if 2 <= short < len(rest) else len(rest)
    return [part for part in (labels[:numbers], rest[:words], rest[words:]) if part]


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
