"""Telegram on the simulated phones, and a notebook of what each message was, taken down as its rows are written."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import event

from bot.simulation.person import Button, Seen
from bot.telegram.terminal import Shown, TerminalTelegram
from data import messages, outbox


class Phones(TerminalTelegram):
    """Finds a message to edit by its number, so that a hundred patients' twelve weeks don't have to be gone through."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self._by_number: dict[tuple[int, int], Shown] = {}

    def _show(self, shown: Shown) -> dict[str, Any]:
        self._by_number[shown.chat_id, shown.message_id] = shown
        return self._announce(shown)

    def _target(self, fields: dict[str, Any]) -> Shown | None:
        return self._by_number.get((int(fields["chat_id"]), int(fields["message_id"])))


class Notebook:
    """Kind and response names of every message, and what every button asks: seen when the rows are written."""

    def __init__(self) -> None:
        self._responses: dict[str, str] = {}  # by key of the message
        self._keys: dict[tuple[int, str], tuple[str, str]] = {}  # by chat and text: key and kind
        self._buttons: dict[str, outbox.Button] = {}
        self._listeners: list[tuple[type[Any], Callable[..., None]]] = [
            (messages.Message, self._said),
            (outbox.OutboxMessage, self._written),
            (outbox.Button, self._offered),
        ]

    def __enter__(self) -> "Notebook":
        for table, listener in self._listeners:
            event.listen(table, "after_insert", listener)
        return self

    def __exit__(self, *_: object) -> None:
        for table, listener in self._listeners:
            event.remove(table, "after_insert", listener)

    def seen(self, shown: Shown) -> Seen:
        buttons = tuple(self._button(label, data) for row in shown.buttons for label, data in row)
        key, kind = self._keys.get((shown.chat_id, shown.text), ("", "reply"))
        responses = tuple(name for name in self._responses.get(key, "").split(",") if name)
        asks = next((button.asks for button in buttons if button.asks), None)
        return Seen(shown.message_id, shown.text, kind, responses, buttons, asks or _asked_in_words(responses))

    def effect(self, data: str) -> dict[str, Any]:
        """What the app does at a tap on this button; empty for a button that stands for words."""
        return dict(self._buttons[data].effect) if data in self._buttons else {}

    def _button(self, label: str, data: str) -> Button:
        row = self._buttons.get(data)
        if row is None:
            return Button(data, label, label, None)
        return Button(data, label, row.says, row.asks, ticks="tick" in row.effect)

    def _said(self, _mapper: object, _connection: object, row: messages.Message) -> None:
        if row.direction == messages.Direction.TO_PATIENT:
            self._responses[row.key] = row.responses

    def _written(self, _mapper: object, _connection: object, row: outbox.OutboxMessage) -> None:
        if row.edits is None:
            self._keys[row.chat_id, row.text] = (row.key, row.kind)

    def _offered(self, _mapper: object, _connection: object, row: outbox.Button) -> None:
        self._buttons[row.id] = row


def _asked_in_words(responses: tuple[str, ...]) -> str | None:
    """A question without a button: "utter_ask_thought_itself" asks for thought_itself."""
    asked = [name.removeprefix("utter_ask_") for name in responses if name.startswith("utter_ask_")]
    return asked[-1] if asked else None
