"""Arrival: an update is committed here before Telegram is told that we have it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.clock import Clock
from data import inbox
from data.database import Database
from data.inbox import InboxUpdate

NO_CHAT = 0  # an update that belongs to no chat is kept all the same
SCREENING_LEASE = timedelta(seconds=3)  # who takes an update in screens it; after a crash somebody else does, this late


class Inbox:
    """`on_arrival` is given every new update after its commit: whoever it is screens the update at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.on_arrival: Callable[[InboxUpdate], None] | None = None

    def accept(self, update_id: int, chat_id: int | None, raw: dict[str, Any]) -> bool:
        """Commits one update; False for a repeat. A database error goes up: then Telegram must not be answered."""
        now = self._clock.now()
        row = InboxUpdate(
            update_id=update_id,
            chat_id=NO_CHAT if chat_id is None else chat_id,
            raw=json.dumps(raw),  # ASCII: half an emoji, which JSON allows, could not be stored as UTF-8
            received_at=now,
            screen_until=now + SCREENING_LEASE if self.on_arrival else None,
        )
        with self._database.transaction() as session:
            is_new = inbox.accept(session, row)
        if is_new and self.on_arrival:
            self.on_arrival(row)
        return is_new
