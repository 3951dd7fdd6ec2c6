"""What Rasa remembers of a conversation: the rows of its SQL tracker store.

The tracker holds patients' words in clear, so it is erased on request and forgotten when old.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import sqlalchemy as sa
from rasa.core.agent import Agent
from rasa.core.tracker_store import FailSafeTrackerStore, SQLTrackerStore
from rasa.shared.core.events import BotUttered, SessionStarted, UserUttered
from rasa.shared.exceptions import RasaException


def unwrapped(agent: Agent) -> SQLTrackerStore:
    """The real store. Rasa's fail-safe wrapper answers from an empty memory when the database is away."""
    store = agent.tracker_store
    if isinstance(store, FailSafeTrackerStore):
        store = store._tracker_store
    if not isinstance(store, SQLTrackerStore):
        raise RasaException("The coach needs an SQL tracker store: set COACH_TRACKER_URL in nlu/endpoints.yml.")
    if store.engine.dialect.name == "sqlite" and not sa.event.contains(store.engine, "connect", _settle_sqlite):
        sa.event.listen(store.engine, "connect", _settle_sqlite)
    return store


def _settle_sqlite(connection: Any, _: Any) -> None:
    """A write-ahead log: kill -9 loses nothing, and a turn waits for no disk. Erased rows are overwritten."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")


class Memory:
    def __init__(self, store: SQLTrackerStore) -> None:
        self._store = store
        self._event = store.SQLEvent

    def turn(self, sender: str, message_id: str) -> Optional[List[Dict[str, Any]]]:
        """The events of the turn that handled this message, in any session; None when it is new.

        Looked up in SQL: `retrieve` loads the current session only, and a repeat may come later than that.
        """
        with self._store.session_scope() as session:
            rows = session.query(self._event).filter(
                self._event.sender_id == sender, self._event.type_name == UserUttered.type_name
            )
            # json.dumps gives the id the form in which Rasa wrote it.
            rows = rows.filter(self._event.data.contains(f'"message_id": {json.dumps(message_id)}', autoescape=True))
            for row in rows.order_by(self._event.id.desc()):
                if json.loads(row.data).get("message_id") == message_id:
                    return self._up_to_next_message(session, sender, row.id)
        return None

    def _up_to_next_message(self, session: Any, sender: str, first: int) -> List[Dict[str, Any]]:
        rows = session.query(self._event).filter(self._event.sender_id == sender, self._event.id >= first)
        events: List[Dict[str, Any]] = []
        for row in rows.order_by(self._event.id):
            if events and row.type_name == UserUttered.type_name:
                break
            events.append(json.loads(row.data))
        return events

    def erase(self, sender: str) -> None:
        with self._store.session_scope() as session:
            session.query(self._event).filter_by(sender_id=sender).delete()
            session.commit()
            self._empty_log(session)

    def _empty_log(self, session: Any) -> None:
        """Until then SQLite's write-ahead log still holds what was erased."""
        if self._store.engine.dialect.name == "sqlite":
            session.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def forget_before(self, moment: float) -> None:
        """Drops conversations silent since `moment` (Unix seconds), and the older sessions of the others."""
        event = self._event
        with self._store.session_scope() as session:
            senders = session.query(event.sender_id).group_by(event.sender_id)
            silent = senders.having(sa.func.max(event.timestamp) < moment)
            session.query(event).filter(event.sender_id.in_(silent)).delete(synchronize_session=False)
            current = sa.orm.aliased(event)
            started = (
                session.query(sa.func.max(current.timestamp))
                .filter(current.sender_id == event.sender_id, current.type_name == SessionStarted.type_name)
                .scalar_subquery()
            )
            session.query(event).filter(event.timestamp < moment, event.timestamp < started).delete(
                synchronize_session=False
            )
            session.commit()
            self._empty_log(session)


def replies(events: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """What was said in these events: one reply a response, its text, buttons and custom together."""
    said = []
    for event in events:
        if event.get("event") == BotUttered.type_name:
            data, metadata = event.get("data") or {}, event.get("metadata") or {}
            said.append(
                {
                    "response": metadata.get("utter_action"),
                    "text": event.get("text") or "",
                    "buttons": [
                        {"title": button["title"], "payload": button.get("payload", button["title"])}
                        for button in data.get("buttons") or []
                    ],
                    "custom": data.get("custom") or {},
                }
            )
    return said
