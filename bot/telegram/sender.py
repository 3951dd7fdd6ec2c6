"""Sends one outbox row through the Bot API: in parts, with its keyboard, as an edit, with a document or a picture.

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
NO_TEXT = "no text in the message"  # it is a photo or a file: its words are a caption


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
        """A document goes last and a picture first, with the text as its caption when that fits."""
        parts = _parts(row)
        index = min(row.parts_sent, len(parts) - 1)
        left = len(parts) - 1 - index
        if row.picture is not None and index == 0:
            message = await self._bot.send_photo(
                chat_id=row.chat_id,
                photo=InputFile(row.picture, filename=row.file_name or "picture.png"),
                caption=parts[0] or None,
                reply_markup=None if left else keyboard(row.buttons),
            )
        elif row.document is not None and left == 0:
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
            if NO_TEXT in error.message.lower():
                await self._edit_caption(row, target)
            elif NOT_MODIFIED not in error.message.lower():
                raise
        return Sent(message_id)

    async def _edit_caption(self, row: OutboxMessage, target: dict[str, Any]) -> None:
        buttons = keyboard(row.buttons)
        try:
            if units(row.text) > LONGEST_CAPTION:
                await self._bot.edit_message_reply_markup(**target, reply_markup=buttons)
            else:
                await self._bot.edit_message_caption(**target, caption=row.text, reply_markup=buttons)
        except BadRequest as error:
            if NOT_MODIFIED not in error.message.lower():
                raise


def _parts(row: OutboxMessage) -> list[str]:
    """The texts of the messages that this row becomes, in order."""
    if (row.picture or row.document) and units(row.text) <= LONGEST_CAPTION:
        return [row.text]
    if row.picture is not None:
        caption = row.picture_description or ""
        return [caption, *split(row.text.replace(caption, "", 1))]
    return [*split(row.text), ""] if row.document is not None else split(row.text)
