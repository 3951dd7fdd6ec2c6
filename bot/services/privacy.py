"""A patient's own data: handed out, erased everywhere, kept no longer than dialogues/protocol/retention.yml says."""

import json
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlmodel import Session

from bot.clock import Clock
from bot.content import Library
from bot.errors import RasaUnavailable
from bot.services.outgoing import Outgoing
from data import accounts, audit, erasure, migrations, modules, outbox, privacy, retention, thoughts
from data.database import Database
from data.export import export
from data.outbox import Channel
from data.patients import Patient
from data.privacy import Erasure

FILE_NAME = "my-data.json"
AT_ONCE = 50  # patients a tick: forgetting must not keep check-ins waiting


class Forgets(Protocol):
    """The part of bot.rasa.client.Rasa that is needed here."""

    async def forget(self, sender: str) -> None:
        """Raises RasaUnavailable; forgetting twice is fine."""
        ...


class Privacy:
    def __init__(self, database: Database, clock: Clock, rasa: Forgets, library: Library, outgoing: Outgoing) -> None:
        self._database = database
        self._clock = clock
        self._rasa = rasa
        self._library = library
        self._outgoing = outgoing
        self._purged_at: datetime | None = None

    # For a turn, in its transaction

    def data_of(self, session: Session, patient: Patient, now: datetime, *, whole: bool = False) -> dict[str, Any]:
        """`whole` includes what must not go into a chat that somebody else may read: for the clinic, in person."""
        withheld = () if whole else self._library.value("retention.withheld_from_chat")
        data = export(session, patient, now, withheld=withheld)
        return data | {"what_classes_mean": self._meanings(data)}

    def export(self, session: Session, patient: Patient, now: datetime) -> None:
        """Sends the patient their data as a file."""
        text = json.dumps(self.data_of(session, patient, now), ensure_ascii=False, indent=2)
        document = text.encode("utf-8", "replace").decode()  # half an emoji can be stored, not sent
        key = f"export:{patient.id}:{now.isoformat()}"
        self._outgoing.document_to_patient(session, patient, document=document, file_name=FILE_NAME, key=key, now=now)
        audit.record(session, "data_exported", by="patient", now=now, patient=patient.code)

    def erase(self, session: Session, patient: Patient, now: datetime, *, by: str = "patient") -> Erasure:
        """Everything here goes at once, also what a physio has open; Rasa's memory as soon as Rasa answers
        (`finish_erasures`).

        The caller says the last word to the chat: there is no patient to say it to any more.
        """
        code, read_by_staff = patient.code, outbox.words_shown_to_staff(session, patient.id)
        request = erasure.erase(session, patient, now)
        for chat_id, message_id in read_by_staff:
            gone, key = self._library.say("utter_flag_gone").text, f"erased:{chat_id}:{message_id}"
            self._outgoing.replace_keyboard(session, chat_id, message_id, gone, key=key, now=now, channel=Channel.STAFF)
        audit.record(session, "patient_erased", by=by, now=now, patient=code, erasure=request.id)
        return request

    # On the tick

    async def tidy(self) -> int:
        """How much was finished or removed."""
        done = await self.finish_erasures()
        every = timedelta(minutes=self._library.number("retention.purge_every"))
        if self._purged_at is None or self._clock.now() >= self._purged_at + every:
            self._purged_at = self._clock.now()
            done += self.purge() + await self.forget_old_talk()
        return done

    async def finish_erasures(self) -> int:
        """Tells Rasa, and frees the code of an alert that has been closed. Survives Rasa being down: rows remember."""
        with self._database.transaction() as session:
            waiting = [(each.id, each.sender) for each in privacy.open_erasures(session) if each.forgotten_at is None]
        told = []
        for number, sender in waiting:
            if not await self._forgotten(sender):
                break
            told.append(number)
        now, done = self._clock.now(), 0
        with self._database.transaction() as session:
            for request in privacy.open_erasures(session):
                if request.id in told:
                    request.forgotten_at = now
                done += erasure.finish(session, request, now)
        if done:
            self._database.overwrite_deleted()
        return done

    def purge(self) -> int:
        """Removes what has been kept for long enough in the database, and people who never enrolled."""
        now = self._clock.now()
        with self._database.transaction() as session:
            removed = retention.purge_updates(session, self._before("updates_kept", now))
            removed += retention.purge_sent(session, self._before("sent_kept", now))
            undone = now - timedelta(hours=self._library.number("thought_record.undo_within"))
            removed += thoughts.purge_deleted(session, undone) + modules.purge_deleted(session, undone)
            removed += accounts.purge_sessions(
                session, now - timedelta(days=self._library.number("console.sessions_kept"))
            )
            strangers = retention.silent_strangers(session, before=self._before("strangers_kept", now), most=AT_ONCE)
            for stranger in strangers:
                self.erase(session, stranger, now, by="system")
        copies = migrations.drop_backups(self._database, self._before("upgrade_copies_kept", now))
        return removed + len(strangers) + copies

    async def forget_old_talk(self) -> int:
        """Rasa's memory holds words in clear: it is emptied at a quiet moment, once it is old."""
        now = self._clock.now()
        quiet = now - timedelta(minutes=self._library.number("retention.tracker_quiet"))
        old = self._before("tracker_kept", now)
        with self._database.transaction() as session:
            due = retention.trackers_to_forget(session, before=old, quiet_since=quiet, most=AT_ONCE)
        forgotten = 0
        for patient in due:
            if not await self._forgotten(patient.sender):
                break
            with self._database.transaction() as session:
                forgotten += retention.mark_forgotten(session, patient.id, asked=patient.asks, now=now)
        return forgotten

    async def _forgotten(self, sender: str) -> bool:
        try:
            await self._rasa.forget(sender)
        except RasaUnavailable:
            return False
        return True

    def _meanings(self, data: dict[str, Any]) -> dict[str, str]:
        """The classes (B01, RF04) that stand in an export, in the words of dialogues/."""
        rows = [row for section in data.values() if isinstance(section, list) for row in section]
        beliefs = self._library.protocol.get("beliefs", {})
        risks = self._library.safety.get("risks", {}).get("risks", {})
        names = {code: entry["says"] for code, entry in beliefs.items()}
        names |= {code: entry["name"] for code, entry in risks.items()}
        return {code: names[code] for code in sorted({str(row.get("class")) for row in rows}) if code in names}

    def _before(self, name: str, now: datetime) -> datetime:
        return now - timedelta(days=self._library.number(f"retention.{name}"))
