"""What a bot is told at the start: its commands, and how it wants its updates."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import InvalidToken, TelegramError

from bot.content import Library
from bot.errors import ConfigurationError
from bot.services.trail import trail
from bot.telegram.api import ALLOWED_UPDATES

logger = logging.getLogger(__name__)

WRONG_TOKEN = (
    "Telegram refuses TELEGRAM_BOT_TOKEN. Copy the whole token that @BotFather gave you (digits, a colon, letters); "
    "leave it empty to talk in the terminal."
)
NO_TELEGRAM = "The Bot API at COACH_TELEGRAM_API can't be reached ({reason}). Check the network, then start again."


async def check_token(bot: Bot) -> str:
    """The bot's user name. Raises ConfigurationError in plain words; the token stands in none of them."""
    try:
        await bot.initialize()
        return str(bot.username)
    except InvalidToken:
        raise ConfigurationError(WRONG_TOKEN) from None
    except TelegramError as error:
        reason = type(error.__cause__ or error).__name__
        raise ConfigurationError(NO_TELEGRAM.format(reason=reason)) from None


async def publish_commands(bot: Bot, library: Library, physio_chats: Iterable[int] = ()) -> None:
    """Patients' commands for every private chat; a physio's chat has its own."""
    commands = library.protocol["commands"]
    await bot.set_my_commands(_menu(commands["patients"]), scope=BotCommandScopeAllPrivateChats())
    for chat_id in physio_chats:
        await publish_physio_commands(bot, library, chat_id)


async def publish_physio_commands(bot: Bot, library: Library, chat_id: int) -> None:
    """The menu is a convenience: when it can't be set (the chat is blocked), the commands work all the same."""
    menu = _menu(library.protocol["commands"]["physios"])
    try:
        await bot.set_my_commands(menu, scope=BotCommandScopeChat(chat_id))
    except TelegramError as error:
        logger.warning("physio_commands_not_set", extra=trail(error))


async def use_polling(bot: Bot) -> None:
    """Telegram refuses long polling while a webhook is set. What waits there is kept."""
    await bot.delete_webhook(drop_pending_updates=False)


async def use_webhook(bot: Bot, url: str, secret: str) -> None:
    await bot.set_webhook(url=url, secret_token=secret, allowed_updates=ALLOWED_UPDATES, drop_pending_updates=False)


def _menu(commands: Mapping[str, Mapping[str, Any]]) -> list[BotCommand]:
    return [BotCommand(name, command["description"]) for name, command in commands.items()]
