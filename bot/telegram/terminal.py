"""Telegram without Telegram: a small Bot API in memory, at python-telegram-bot's own seam. Everything above is real.

The terminal chat and the fast tests talk through it. It keeps Telegram's limits, so that what it takes Telegram
takes; tests/contract holds it against an emulator that was not written by us.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from telegram.request import BaseRequest, RequestData

from bot.clock import SystemClock
from bot.telegram.keyboards import MOST_DATA_BYTES
from bot.telegram.splitting import LONGEST_CAPTION, LONGEST_TEXT, units

PNG = b"\x89PNG\r\n\x1a\n"
BOT = {"id": 42, "is_bot": True, "first_name": "Coach", "username": "coach_bot"}


class Refused(Exception):
    """The Bot API's answer to a bad request."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


@dataclass
class Shown:
    """One message as a chat shows it; `buttons` are (label, callback data), row by row."""

    chat_id: int
    message_id: int
    text: str
    buttons: list[list[tuple[str, str]]] = field(default_factory=list)
    document: str | None = None
    picture: bytes | None = None
    file_name: str | None = None
    is_edited: bool = False

    @property
    def labels(self) -> list[str]:
        return [label for row in self.buttons for label, _ in row]


class TerminalTelegram(BaseRequest):
    """`on_shown` is called for every message that is sent or edited."""

    def __init__(self, *, now: Callable[[], datetime] = SystemClock().now) -> None:
        self.shown: list[Shown] = []  # every message there is, in the order in which they were sent
        self.on_shown: Callable[[Shown], None] | None = None
        self.commands: dict[str, list[dict[str, str]]] = {}  # by scope
        self.webhook: dict[str, Any] = {}
        self._now = now
        self._pending: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._confirmed = asyncio.Event()
        self._message_ids = count(1)
        self._update_ids = count(1)

    def number_from(self, first: int) -> None:
        """For a chat that goes on with an earlier one's database: no number of an update or a message comes twice."""
        self._update_ids = count(first)
        self._message_ids = count(10 * first)

    # What people do

    def says(self, chat_id: int, text: str, **extra: Any) -> dict[str, Any]:
        """The update of a person's message; `extra` are further fields of the message."""
        return self.update(message=self._message(chat_id, text=text, **extra))

    def sends(self, chat_id: int, **fields: Any) -> dict[str, Any]:
        """The update of a message that is no text: `sends(7, voice={...})`."""
        return self.update(message=self._message(chat_id, **fields))

    def edits(self, chat_id: int, message_id: int, text: str) -> dict[str, Any]:
        edited = self._message(chat_id, text=text, edit_date=self._date())
        return self.update(edited_message=edited | {"message_id": message_id})

    def taps(self, chat_id: int, label: str) -> dict[str, Any]:
        """The update of a tap on the newest button of that label. Raises LookupError when none shows it."""
        for shown in reversed(self.shown):
            for row in shown.buttons if shown.chat_id == chat_id else ():
                for name, data in row:
                    if name.casefold() == label.casefold():
                        return self.tap(chat_id, shown.message_id, data)
        raise LookupError(f"no button says {label!r}")

    def tap(self, chat_id: int, message_id: int, data: str) -> dict[str, Any]:
        message = self._message(chat_id, text="") | {"message_id": message_id}
        person = {"id": chat_id, "is_bot": False, "first_name": "Person"}
        tap = {
            "id": str(next(self._update_ids)),
            "from": person,
            "message": message,
            "chat_instance": "1",
            "data": data,
        }
        return self.update(callback_query=tap)

    def blocks(self, chat_id: int, *, again: bool = False) -> dict[str, Any]:
        """The person blocks the bot, or (`again`) lets it in again."""
        old, new = ("kicked", "member") if again else ("member", "kicked")
        change = {
            "chat": {"id": chat_id, "type": "private"},
            "from": {"id": chat_id, "is_bot": False, "first_name": "Person"},
            "date": self._date(),
            "old_chat_member": {"user": BOT, "status": old},
            "new_chat_member": {"user": BOT, "status": new},
        }
        return self.update(my_chat_member=change)

    def update(self, **fields: Any) -> dict[str, Any]:
        return {"update_id": next(self._update_ids), **fields}

    def queue(self, update: dict[str, Any]) -> None:
        """For long polling: kept until it is confirmed."""
        self._pending.append(update)
        self._confirmed.clear()
        self._arrived.set()

    async def confirmed(self) -> None:
        """Returns when every queued update has been fetched and confirmed."""
        await self._confirmed.wait()

    def in_chat(self, chat_id: int) -> list[Shown]:
        return [shown for shown in self.shown if shown.chat_id == chat_id]

    # The Bot API

    @property
    def read_timeout(self) -> float | None:
        return 5.0

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        name = url.rpartition("/")[2]
        fields = dict(request_data.parameters) if request_data else {}
        files = request_data.multipart_data if request_data and request_data.contains_files else {}
        try:
            answer = {"ok": True, "result": await self.call(name, fields, dict(files))}
            return 200, json.dumps(answer).encode()
        except Refused as refused:
            answer = {"ok": False, "error_code": refused.status, "description": refused.description}
            if refused.parameters:
                answer["parameters"] = refused.parameters
            return refused.status, json.dumps(answer).encode()

    async def call(self, name: str, fields: dict[str, Any], files: dict[str, Any]) -> Any:
        """One method of the Bot API."""
        method = getattr(self, f"_{name}", None)
        if method is None:
            raise Refused(404, "Not Found: this stand-in has no such method")
        if name == "getUpdates":
            return await self._getUpdates(fields)
        return method(fields, files)

    async def _getUpdates(self, fields: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        if self.webhook.get("url"):
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(fields.get("offset") or 0)
        self._pending = [update for update in self._pending if update["update_id"] >= offset]
        if not self._pending:
            self._confirmed.set()
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), float(fields.get("timeout") or 0))
            except TimeoutError:
                return []
        return self._pending[: int(fields.get("limit") or 100)]

    def _getMe(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return BOT

    def _sendMessage(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        text = self._checked(fields["text"], LONGEST_TEXT)
        return self._show(Shown(int(fields["chat_id"]), next(self._message_ids), text, self._buttons(fields)))

    def _sendDocument(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        shown, content = self._with_file(fields, files)
        shown.document = content.decode()
        return self._show(shown)

    def _sendPhoto(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        shown, content = self._with_file(fields, files)
        if not content.startswith(PNG):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        shown.picture = content
        return self._show(shown)

    def _with_file(self, fields: dict[str, Any], files: dict[str, Any]) -> tuple[Shown, bytes]:
        file_name, content, *_ = next(iter(files.values()))
        caption = self._caption(fields)
        shown = Shown(int(fields["chat_id"]), next(self._message_ids), caption, self._buttons(fields))
        shown.file_name = file_name
        return shown, content

    def _caption(self, fields: dict[str, Any]) -> str:
        caption = str(fields.get("caption") or "")
        if units(caption) > LONGEST_CAPTION:
            raise Refused(400, "Bad Request: message caption is too long")
        return caption

    def _editMessageCaption(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._edit(fields, self._caption(fields))

    def _editMessageText(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        shown = self._target(fields)
        if shown and shown.file_name:
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        return self._edit(fields, self._checked(fields["text"], LONGEST_TEXT))

    def _editMessageReplyMarkup(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._edit(fields, None)

    def _answerCallbackQuery(self, fields: dict[str, Any], files: dict[str, Any]) -> bool:  # noqa: N802
        return True

    def _setMyCommands(self, fields: dict[str, Any], files: dict[str, Any]) -> bool:  # noqa: N802
        scope = fields.get("scope") or {"type": "default"}
        self.commands[f"{scope['type']}:{scope['chat_id']}" if "chat_id" in scope else scope["type"]] = fields[
            "commands"
        ]
        return True

    def _setWebhook(self, fields: dict[str, Any], files: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = fields
        return True

    def _deleteWebhook(self, fields: dict[str, Any], files: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = {}
        return True

    def _getWebhookInfo(self, fields: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self._pending),
        }

    # How a chat changes

    def _edit(self, fields: dict[str, Any], text: str | None) -> dict[str, Any]:
        shown = self._target(fields)
        if shown is None:
            raise Refused(400, "Bad Request: message to edit not found")
        buttons = self._buttons(fields)
        if (text is None or text == shown.text) and buttons == shown.buttons:
            raise Refused(400, "Bad Request: message is not modified")
        shown.text = shown.text if text is None else text
        shown.buttons, shown.is_edited = buttons, True
        return self._announce(shown)

    def _target(self, fields: dict[str, Any]) -> Shown | None:
        target = (int(fields["chat_id"]), int(fields["message_id"]))
        return next((each for each in self.shown if (each.chat_id, each.message_id) == target), None)

    def _show(self, shown: Shown) -> dict[str, Any]:
        self.shown.append(shown)
        return self._announce(shown)

    def _announce(self, shown: Shown) -> dict[str, Any]:
        if self.on_shown:
            self.on_shown(shown)
        message = self._message(shown.chat_id, text=shown.text)
        return message | {"message_id": shown.message_id, "from": BOT}

    def _checked(self, text: str, limit: int) -> str:
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > limit:
            raise Refused(400, "Bad Request: message is too long")
        return text

    def _buttons(self, fields: dict[str, Any]) -> list[list[tuple[str, str]]]:
        markup = fields.get("reply_markup") or {}
        rows = [
            [(key["text"], key.get("callback_data", "")) for key in row] for row in markup.get("inline_keyboard", ())
        ]
        if any(not 1 <= len(data.encode()) <= MOST_DATA_BYTES for row in rows for _, data in row):
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return rows

    def _message(self, chat_id: int, **fields: Any) -> dict[str, Any]:
        return {
            "message_id": next(self._message_ids),
            "date": self._date(),
            "chat": {"id": chat_id, "type": "private", "first_name": "Person"},
            "from": {"id": chat_id, "is_bot": False, "first_name": "Person"},
            **fields,
        }

    def _date(self) -> int:
        return int(self._now().timestamp())
