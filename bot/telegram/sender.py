"""Sends one outbox row through the Bot API: in parts, with its keyboard, as an edit or with a document.

Plain text, without a parse mode: nothing that a patient or a writer typed can be read as markup or break a message.
"""

from typing import Any

from telegram import Bot, InputFile, LinkPreviewOptions, Message
from telegram.error import BadRequest, TelegramError

from bot.services.delivery import Sent
from bot.telegram.faults import delivery_error
from bot.telegram.keyboards import keyboard
from bot.telegram.splitting import LONGEST_CAPTION, LONGEST_TEXT, split, units
from data.outbox import OutboxMessage

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
NOT_MODIFIED = "message is not modified"


class TelegramSender:
    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, row: OutboxMessage) -> Sent:
        """One message of the row; the last one carries its keyboard. Raises DeliveryError."""
        try:
            if row.edits is not None:
                return await self._edit(row, row.edits)
            return await self._send_part(row)
        except TelegramError as error:
            raise delivery_error(error) from None  # the library's message may quote ours

    async def _send_part(self, row: OutboxMessage) -> Sent:
        """A document goes last, with the text as its caption when that fits."""
        parts = split(row.text) if row.text else []
        if row.document is not None:
            parts = [row.text] if units(row.text) <= LONGEST_CAPTION else [*parts, ""]
        index = min(row.parts_sent, len(parts) - 1)
        left = len(parts) - 1 - index
        if row.document is not None and left == 0:
            message = await self._send_document(row, row.document, caption=parts[index] or None)
        else:
            message = await self._bot.send_message(
                chat_id=row.chat_id,
                text=parts[index],
                reply_markup=None if left else keyboard(row.buttons),
                link_preview_options=NO_PREVIEW,
            )
        return Sent(message.message_id, parts_left=left)

    async def _send_document(self, row: OutboxMessage, document: str, *, caption: str | None) -> Message:
        return await self._bot.send_document(
            chat_id=row.chat_id,
            document=InputFile(document.encode(), filename=row.file_name or "document.txt"),
            caption=caption,
            reply_markup=keyboard(row.buttons),
        )

    async def _edit(self, row: OutboxMessage, message_id: int) -> Sent:
        """A text too long for one message keeps its words; its keyboard changes all the same."""
        target: dict[str, Any] = {"chat_id": row.chat_id, "message_id": message_id}
        buttons = keyboard(row.buttons)
        try:
            if units(row.text) > LONGEST_TEXT:
                await self._bot.edit_message_reply_markup(**target, reply_markup=buttons)
            else:
                await self._bot.edit_message_text(
                    row.text, **target, reply_markup=buttons, link_preview_options=NO_PREVIEW
                )
        except BadRequest as error:
            if NOT_MODIFIED not in error.message.lower():
                raise
        return Sent(message_id)
