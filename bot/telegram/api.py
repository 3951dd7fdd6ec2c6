"""The Bot API client: python-telegram-bot's own, kept quiet, with updates as Telegram sent them."""

import hashlib
import json
from typing import Any

from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import BaseRequest, HTTPXRequest

from bot.errors import ConfigurationError

WRONG_TOKEN = (
    "Telegram refuses TELEGRAM_BOT_TOKEN. Copy the whole token that @BotFather gave you (digits, a colon, letters), "
    "or leave it empty to talk in the terminal."
)
NO_TELEGRAM = "The Bot API at COACH_TELEGRAM_API can't be reached ({reason}). Check the network, then start again."
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
SPARE_S = 10.0  # on top of a long poll, before its connection counts as dead


class QuietRequest(HTTPXRequest):
    """The stock client logs an answer it can't read in full, with our text in it."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            raise TelegramError("Invalid server response") from None
        return answer


class CoachBot(Bot):
    """`request` replaces HTTP at python-telegram-bot's own seam: in the terminal and in tests."""

    def __init__(
        self, token: str, *, api: str = "https://api.telegram.org", request: BaseRequest | None = None
    ) -> None:
        clients = (
            request or QuietRequest(connection_pool_size=1),
            request or QuietRequest(connection_pool_size=32, read_timeout=15, pool_timeout=5),
        )
        try:
            super().__init__(
                token,
                base_url=f"{api}/bot",
                base_file_url=f"{api}/file/bot",
                get_updates_request=clients[0],
                request=clients[1],
            )
        except InvalidToken:
            raise ConfigurationError(WRONG_TOKEN) from None

    async def initialize(self) -> None:
        """Asks Telegram who we are. Raises ConfigurationError in plain words; the token stands in none of them."""
        try:
            await super().initialize()
        except TelegramError as error:
            await self.shutdown()  # its connections are open all the same
            reason = type(error.__cause__ or error).__name__
            wrong_token = isinstance(error, InvalidToken)
            raise ConfigurationError(WRONG_TOKEN if wrong_token else NO_TELEGRAM.format(reason=reason)) from None

    async def raw_updates(self, offset: int | None, timeout_s: int) -> list[dict[str, Any]]:
        """One long poll. Raw: an update of a kind that the library can't read must not hold up the next ones."""
        updates: list[dict[str, Any]] = await self._post(
            "getUpdates",
            {"offset": offset, "timeout": timeout_s, "limit": 100, "allowed_updates": ALLOWED_UPDATES},
            read_timeout=timeout_s + SPARE_S,
        )
        return updates


def token_hash(token: str) -> str:
    """Names a bot in the sender's lease without giving its token away."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
