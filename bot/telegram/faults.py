"""What python-telegram-bot raises, as what the outbox needs to know: never, perhaps arrived, or later.

BadRequest is a NetworkError and TimedOut is too: the order of the cases is the point.
"""

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.errors import DeliveryError
from bot.services.delivery import ChatClosed

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TOKEN_REFUSED_S = 60.0  # until somebody has put the token right
NOT_THERE = ("chat not found", "user is deactivated", "bot was blocked", "bot can't initiate conversation")


def delivery_error(error: TelegramError) -> DeliveryError:
    match error:
        case RetryAfter():
            return DeliveryError("429 flood control", retry_after_s=_seconds(error))
        case Forbidden():
            return ChatClosed(f"403 {error.message}")
        case BadRequest() if any(words in error.message.lower() for words in NOT_THERE):
            return ChatClosed(f"400 {error.message}")
        case BadRequest() | ChatMigrated():
            return DeliveryError(f"400 {error.message}", permanent=True)
        case InvalidToken():  # its message may hold the token
            return DeliveryError("the token was refused", retry_after_s=TOKEN_REFUSED_S)
        case NetworkError() if isinstance(error.__cause__, NEVER_LEFT):
            return DeliveryError(type(error.__cause__).__name__)
        case NetworkError() if not isinstance(error.__cause__, Exception) or isinstance(
            error.__cause__, TelegramError
        ):  # Telegram answered with 5xx: by its own account it did nothing
            return DeliveryError("5xx from Telegram")
        case _:  # a reply that was lost or can't be read: the message may have arrived
            return DeliveryError(type(error.__cause__ or error).__name__, uncertain=True)


def _seconds(error: RetryAfter) -> float:
    after = error.retry_after
    return float(after) if isinstance(after, int) else after.total_seconds()
