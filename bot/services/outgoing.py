"""Everything that leaves is written here, in the transaction of the change that caused it."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.content import Library, Words
from data import messages, outbox, patients, physios
from data.alerts import Alert
from data.messages import Direction, Message
from data.outbox import Button, Channel, OutboxMessage, OutboxState, Priority
from data.patients import Patient
from data.physios import Physio


class Outgoing:
    """Writes outbox rows, the buttons they carry and the message log. The same `key` is never written twice."""

    def __init__(self, library: Library, *, console: str = "") -> None:
        """`console`: its public address, for e-mails; empty: nobody outside can open it."""
        self._library = library
        self._console = console

    def to_patient(
        self,
        session: Session,
        patient: Patient,
        words: Sequence[Words],
        *,
        key: str,
        kind: str,
        now: datetime,
        priority: Priority = Priority.REPLY,
        asks: str | None = None,
        check_in_id: int | None = None,
        alert_id: int | None = None,
    ) -> OutboxMessage | None:
        """One message to the patient: the texts in order, the buttons of the last that has any, the first picture.

        A picture's description comes before every text: it is the caption.

        Advice and replies must arrive: nobody's message stays unanswered. A prompt nobody asked for is not sent twice.

        None when the patient has blocked the bot or has no chat: the log still holds the words.
        """
        picture = next((each.picture for each in words if each.picture), None)
        texts = [picture.description if picture else "", *(each.text for each in words)]
        text = self._library.smooth("\n\n".join(each for each in texts if each))
        if not text or outbox.by_key(session, key):
            return outbox.by_key(session, key)
        messages.record(
            session,
            Message(
                key=key, patient_id=patient.id, direction=Direction.TO_PATIENT, kind=kind, text=text, at=now,
                screened=True, responses=",".join(each.response for each in words), content=self._library.version,
            ),
        )  # fmt: skip
        chat = patients.chat_of(session, patient)
        if chat is None or chat.blocked_at:
            return None
        row = OutboxMessage(
            key=key, chat_id=chat.chat_id, patient_id=patient.id, alert_id=alert_id, check_in_id=check_in_id, kind=kind,
            priority=priority, text=text, must_arrive=priority <= Priority.REPLY, created_at=now, not_before=now,
        )  # fmt: skip
        if picture:
            row.picture, row.picture_description, row.file_name = (
                picture.png,
                picture.description,
                f"{picture.name}.png",
            )
        return self._write(session, row, words, asks=asks, now=now)

    def last_key(self, session: Session, patient: Patient) -> str | None:
        """The key of the last thing that was said to the patient."""
        return messages.last_key(session, patient.id)

    def document_to_patient(
        self, session: Session, patient: Patient, *, document: str, file_name: str, key: str, now: datetime
    ) -> OutboxMessage | None:
        """A text file; the words to it come with the reply of the turn. None when the patient can't be reached."""
        named = Words(response="", text=file_name)  # what the log says was sent
        row = self.to_patient(session, patient, [named], key=key, kind="document", now=now)
        if row is not None:
            row.text, row.document, row.file_name = "", document, file_name
            session.flush()
        return row

    def to_physio(
        self,
        session: Session,
        physio: Physio,
        words: Sequence[Words],
        *,
        key: str,
        now: datetime,
        kind: str = "card",
        alert: Alert | None = None,
        priority: Priority = Priority.CARD,
        must_arrive: bool = True,
    ) -> OutboxMessage | None:
        """One message to a physio; None when there is no chat to send it to, so that the next rung can be climbed."""
        if physio.chat_id is None or physio.blocked_at:
            return None
        if existing := outbox.by_key(session, key):
            return existing
        row = OutboxMessage(
            key=key, chat_id=physio.chat_id, physio_id=physio.id, alert_id=alert.id if alert else None, kind=kind,
            channel=Channel.STAFF,
            priority=priority, text="\n\n".join(each.text for each in words), must_arrive=must_arrive,
            created_at=now, not_before=now,
        )  # fmt: skip
        return self._write(session, row, words, asks=None, now=now)

    def alert_to_physio(
        self,
        session: Session,
        physio: Physio,
        words: Sequence[Words],
        *,
        key: str,
        now: datetime,
        alert: Alert,
        code: str,
    ) -> None:
        """A card on every channel of theirs that works, each with the same reference. `code`: of the patient.

        By e-mail it has no buttons; at the console nothing leaves, and the row says that it was shown there.
        """
        self.to_physio(session, physio, words, key=key, now=now, alert=alert)
        text = "\n\n".join(each.text for each in words)
        common: dict[str, Any] = {
            "chat_id": -physio.id, "physio_id": physio.id, "alert_id": alert.id, "kind": "card", "text": text,
            "priority": Priority.CARD, "must_arrive": True, "created_at": now, "not_before": now,
        }  # fmt: skip
        if physios.by_email(physio) and not outbox.by_key(session, f"{key}:mail"):
            response = "utter_mail_how_console" if self._console else "utter_mail_how"
            how = self._library.say(response, reference=alert.reference, link=f"{self._console}/patients/{code}")
            mail = {**common, "text": f"{self._subject(alert)}\n{text}\n\n{how.text}"}
            session.add(OutboxMessage(key=f"{key}:mail", channel=Channel.EMAIL, **mail))
        if physios.at_console(physio, now) and not outbox.by_key(session, f"{key}:console"):
            shown = {**common, "state": OutboxState.SENT, "sent_at": now}
            session.add(OutboxMessage(key=f"{key}:console", channel=Channel.CONSOLE, **shown))
        session.flush()

    def mail_note(
        self, session: Session, mail: OutboxMessage, alert: Alert, note: str, *, key: str, now: datetime
    ) -> None:
        """What happened to an alert that was sent by e-mail: an e-mail can't be edited, so a short one follows it."""
        if not outbox.by_key(session, key):
            session.add(
                OutboxMessage(
                    key=key, channel=Channel.EMAIL, chat_id=mail.chat_id, physio_id=mail.physio_id, alert_id=alert.id,
                    kind="note", priority=Priority.CARD, text=f"{self._subject(alert)}\n{alert.reference}: {note}",
                    created_at=now, not_before=now,
                )
            )  # fmt: skip

    def _subject(self, alert: Alert) -> str:
        return self._library.say("utter_mail_subject", reference=alert.reference, level=alert.level).text

    def to_chat(self, session: Session, chat_id: int, words: Words, *, key: str, now: datetime) -> OutboxMessage:
        """A reply to a chat that is neither a patient nor a physio (a group, an unlinked chat)."""
        if existing := outbox.by_key(session, key):
            return existing
        row = OutboxMessage(
            key=key, chat_id=chat_id, kind="reply", priority=Priority.REPLY, text=words.text, created_at=now, not_before=now
        )  # fmt: skip
        return self._write(session, row, [words], asks=None, now=now)

    def change(
        self,
        session: Session,
        changed: str,
        words: Sequence[Words],
        *,
        key: str,
        now: datetime,
        keeps_buttons: bool = True,
    ) -> None:
        """Other words in the place of a message that was sent with the key `changed`. Nothing happens before it was."""
        sent = outbox.by_key(session, changed)
        if sent is None or sent.telegram_message_id is None or outbox.by_key(session, key):
            return
        session.add(
            OutboxMessage(
                key=key, chat_id=sent.chat_id, patient_id=sent.patient_id, kind="edit", priority=Priority.REPLY,
                text="\n\n".join(each.text for each in words if each.text), edits=sent.telegram_message_id,
                buttons=list(sent.buttons) if keeps_buttons else [], created_at=now, not_before=now,
            )
        )  # fmt: skip

    def replace_keyboard(
        self,
        session: Session,
        chat_id: int,
        message_id: int,
        text: str,
        *,
        key: str,
        now: datetime,
        channel: Channel = Channel.TELEGRAM,
    ) -> None:
        """A tapped keyboard gives way to the choice made, so that it can't be tapped again."""
        if not outbox.by_key(session, key):
            session.add(
                OutboxMessage(
                    key=key, chat_id=chat_id, kind="edit", priority=Priority.REPLY, text=text, edits=message_id,
                    channel=channel, created_at=now, not_before=now,
                )
            )  # fmt: skip

    def edit(
        self, session: Session, original: OutboxMessage, message_id: int, words: Words, *, key: str, now: datetime
    ) -> None:
        """New words in the same message; the same buttons stay, in their order, with new labels.

        What was to be changed before and hasn't left yet is overtaken by this.
        """
        if outbox.by_key(session, key):
            return
        outbox.drop_edits(session, original.chat_id, message_id)
        labels = [choice.label for choice in words.choices]
        buttons = [{**button, "label": label} for button, label in zip(original.buttons, labels, strict=False)]
        session.add(
            OutboxMessage(
                key=key, chat_id=original.chat_id, patient_id=original.patient_id, kind="edit", priority=Priority.REPLY,
                text=words.text, buttons=buttons, edits=message_id, created_at=now, not_before=now,
            )
        )  # fmt: skip

    def _write(
        self, session: Session, row: OutboxMessage, words: Sequence[Words], *, asks: str | None, now: datetime
    ) -> OutboxMessage:
        choices = next((each.choices for each in reversed(words) if each.choices), ())
        expires_at = now + timedelta(hours=self._library.number("conversation.buttons_live"))
        for choice in choices:
            button = Button(
                id=secrets.token_urlsafe(16), chat_id=row.chat_id, outbox_key=row.key,
                label=self._library.smooth(choice.label),
                says=choice.says, effect=dict(choice.effect), asks=asks, expires_at=expires_at,
            )  # fmt: skip
            session.add(button)
            row.buttons = [*row.buttons, {"id": button.id, "label": button.label}]
        session.add(row)
        session.flush()
        return row
