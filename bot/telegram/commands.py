"""What a bot is told at the start: its commands, and how it wants its updates."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import TelegramError

from bot.content import Library
from bot.errors import ConfigurationError
from bot.services.trail import trail
from bot.settings import Settings
from bot.telegram.api import ALLOWED_UPDATES, CoachBot

logger = logging.getLogger(__name__)

STAFF_WEBHOOK = "/telegram/alerts"
NOT_SET_UP = (
    "Telegram refused the bot's commands or webhook ({reason}). Check COACH_TELEGRAM_WEBHOOK_URL: public, https."
)


async def introduce(bot: CoachBot, library: Library, settings: Settings, physio_chats: Iterable[int] = ()) -> str:
    """Checks the token, sets the menus and how updates come. The bot's user name. Raises ConfigurationError."""
    await bot.initialize()
    try:
        await publish_commands(bot, library, physio_chats)
        if settings.telegram_webhook_url:
            await use_webhook(bot, settings.telegram_webhook_url, settings.telegram_webhook_secret.get_secret_value())
        else:
            await use_polling(bot)
    except TelegramError as error:
        raise ConfigurationError(NOT_SET_UP.format(reason=trail(error)["error"])) from None
    return str(bot.username)


async def introduce_to_staff(bot: CoachBot, library: Library, settings: Settings, chats: Iterable[int]) -> str:
    """The alerts' own bot: it has the physios' commands, and nobody else's. Raises ConfigurationError."""
    await bot.initialize()
    try:
        for chat_id in chats:
            await publish_physio_commands(bot, library, chat_id)
        if settings.telegram_webhook_url:
            url = settings.telegram_webhook_url.rstrip("/") + STAFF_WEBHOOK.removeprefix("/telegram")
            await use_webhook(bot, url, settings.telegram_webhook_secret.get_secret_value())
        else:
            await use_polling(bot)
    except TelegramError as error:
        raise ConfigurationError(NOT_SET_UP.format(reason=trail(error)["error"])) from None
    return str(bot.username)


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
