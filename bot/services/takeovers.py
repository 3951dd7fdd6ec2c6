"""A physio and a patient write to each other through the coach, which is silent meanwhile, but for safety.

The physio's first words open a takeover. Either side hands back; so does silence. What a patient writes waits for a
physio until one has opened it: the one who wrote is told, and when nobody looks the team gets an alert.
"""

import logging
from datetime import datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, schedule
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from bot.services.checkins import CheckIns
from bot.services.escalation import Escalation
from bot.services.outgoing import Outgoing
from bot.services.physio_words import PhysioWords
from data import alerts, audit, concerns, messages, patients, physios, takeovers
from data.database import Database
from data.messages import Message
from data.patients import Patient, PatientState
from data.physios import Physio
from data.takeovers import Takeover

logger = logging.getLogger(__name__)

BATCH = 50  # rows a tick
BACK = "back_to_coach"  # what the button says: "/back_to_coach"
MAY_BE_WRITTEN_TO = (PatientState.ACTIVE, PatientState.PAUSED)


class Takeovers:
    """Methods that take `session` run in the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        escalation: Escalation,
        check_ins: CheckIns,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._escalation = escalation
        self._check_ins = check_ins
        self.words = PhysioWords(library)

    # --- a physio's side ---

    def is_open(self, session: Session, patient: Patient) -> bool:
        return takeovers.open_of(session, patient.id) is not None

    def shown(self, session: Session, physio: Physio, patient: Patient, words: str) -> str:
        """What the patient would see. Raises EffectRefused when they can't be written to."""
        self.refuse_unreachable(session, patient)
        framed = self.words.shown(session, physio, patient, words, first=not self.is_open(session, patient))
        return "\n\n".join(each.text for each in framed)

    def write(
        self, session: Session, physio: Physio, patient: Patient, words: str, now: datetime, *, once: str, template: str = ""
    ) -> Message:  # fmt: skip
        """Sends a physio's words; the first ones open a takeover. The same `once` is sent once.

        Raises EffectRefused, in words for staff, for what can't be sent, and for a patient who can't be written to.
        """
        key = f"physio:{physio.id}:{once}"
        if sent := messages.by_key(session, key):
            return sent
        said = self.words.checked(words)
        self.refuse_unreachable(session, patient)
        alerts.lock_patient(session, patient)  # two physios who begin at once share one takeover
        takeover = takeovers.open_of(session, patient.id)
        framed = self.words.shown(session, physio, patient, said, first=takeover is None)
        takeover = takeover or self._begin(session, physio, patient, now)
        takeover.physio_id, takeover.last_at = physio.id, now
        takeover.unread_since = takeover.unanswered_since = takeover.alerted_at = None
        takeover.due_at = self._due(takeover)
        self._outgoing.to_patient(session, patient, framed, key=key, kind=takeovers.WRITTEN, now=now)
        message = messages.by_key(session, key)
        assert message is not None  # written a line above
        message.physio_id = physio.id
        self._audit(session, patient, "physio_wrote", _by(physio), now, message=message.id, template=template or None)
        return message

    def say_as(
        self, session: Session, physio: Physio, patient: Patient, words: Words, *, key: str, kind: str, now: datetime
    ) -> None:
        """One message of a physio's with buttons of its own, framed as theirs; it opens no takeover.

        Raises EffectRefused for a patient who can't be written to.
        """
        self.refuse_unreachable(session, patient)
        framed = self.words.shown(session, physio, patient, words.text, first=False)[0]
        said = Words(words.response, framed.text, words.choices)
        self._outgoing.to_patient(session, patient, [said], key=key, kind=kind, now=now)
        if message := messages.by_key(session, key):
            message.physio_id = physio.id

    def framed(self, session: Session, physio: Physio, patient: Patient, words: str) -> str:
        """As `say_as` would show it. Raises EffectRefused for a patient who can't be written to."""
        self.refuse_unreachable(session, patient)
        return self.words.shown(session, physio, patient, words, first=False)[0].text

    def read(self, session: Session, physio: Physio, patient: Patient, now: datetime) -> None:
        """A physio has the patient's words before them."""
        takeover = takeovers.open_of(session, patient.id)
        if takeover and takeover.unread_since:
            takeover.unread_since = None
            takeover.due_at = self._due(takeover)
            self._audit(session, patient, "words_read", _by(physio), now)

    def hand_back(self, session: Session, physio: Physio, patient: Patient, now: datetime) -> bool:
        """The coach goes on, and the patient is told. False when nobody was writing."""
        takeover = takeovers.open_of(session, patient.id)
        if takeover is None:
            return False
        self._end(session, patient, takeover, "physio", _by(physio), now)
        self._tell_patient(session, patient, takeover, "utter_back_from_physio", now)
        return True

    def _begin(self, session: Session, physio: Physio, patient: Patient, now: datetime) -> Takeover:
        """What the coach was asking is put away."""
        self._check_ins.cancel_open(session, patient, now, reason="physio_writes")
        patient.asks = None
        row = Takeover(patient_id=patient.id, physio_id=physio.id, began_at=now, last_at=now, due_at=now)
        takeover = takeovers.add(session, row)
        self._audit(session, patient, "takeover_began", _by(physio), now, takeover=takeover.id)
        return takeover

    def refuse_unreachable(self, session: Session, patient: Patient) -> None:
        """Raises EffectRefused for a patient whom nobody can write to here."""
        chat = patients.chat_of(session, patient)
        if patient.state not in MAY_BE_WRITTEN_TO or chat is None or chat.blocked_at:
            raise EffectRefused("utter_talk_unreachable")

    # --- the patient's side ---

    def wants_back(self, text: str) -> bool:
        """In words, or by any command: a command is for the coach."""
        return text.startswith("/") or answers.is_one_of(self._library.value("talking.back_words"), text)

    def spoke_last(self, session: Session, patient: Patient) -> bool:
        """A physio, after any safety question that is open: what is typed now is for them, and answers no question.

        A "no" that was meant for the physio must clear no danger; buttons still answer.
        """
        if not self.is_open(session, patient):
            return False
        question, wrote_at = concerns.question(session, patient.id), takeovers.last_written(session, patient.id)
        return question is None or (wrote_at is not None and wrote_at > question.asked_at)

    def back_to_coach(self, session: Session, patient: Patient, *, key: str, now: datetime) -> None:
        """The patient has the coach back; also says so when they had it already (an old button)."""
        takeover = takeovers.open_of(session, patient.id)
        if takeover is None:
            words = self._library.say("utter_already_back")
            self._outgoing.to_patient(session, patient, [words], key=key, kind="reply", now=now)
            return
        self._end(session, patient, takeover, "patient", "patient", now)
        words = self._library.say("utter_back_to_coach")
        self._outgoing.to_patient(session, patient, [words], key=key, kind="reply", now=now)
        self._tell_physio(session, patient, takeover, "utter_talk_ended_patient", now)

    def heard(
        self, session: Session, patient: Patient, message: Message, now: datetime, *, receipt: bool = True
    ) -> None:
        """Their words wait for a physio, who is told; the patient hears so once a takeover."""
        takeover = takeovers.open_of(session, patient.id)
        if takeover is None:
            return
        news = takeover.unread_since is None
        takeover.last_at = now
        takeover.unread_since = takeover.unread_since or now
        takeover.unanswered_since = takeover.unanswered_since or now
        takeover.due_at = self._due(takeover)
        if receipt and takeover.told_at is None:
            takeover.told_at = now
            words = self._library.say("utter_passed_on", **self._library.numbers(patient.nation))
            self._outgoing.to_patient(session, patient, [words], key=f"{message.key}:passed_on", kind="reply", now=now)
        if news:
            self._notify(session, patient, takeover, message, now)

    def _notify(self, session: Session, patient: Patient, takeover: Takeover, message: Message, now: datetime) -> None:
        """Without the words: phones are seen. Whoever can't be reached has colleagues."""
        physio = physios.get(session, takeover.physio_id)
        if physio is None or not (_on_phone(physio) or physios.at_console(physio, now)):
            self._alert(session, patient, takeover, now)
            return
        notice = self._library.say("utter_talk_notice", patient=patient.code)
        choices = tuple(Choice(each.label, effect=effect(each.says, patient)) for each in notice.choices)
        said = Words(notice.response, notice.text, choices)
        self.notify(session, patient, physio, said, f"takeover:{takeover.id}:{message.key}", now)

    # --- the tick ---

    def look(self) -> int:
        """Words that lie unread bring the team; silence brings the coach back. How many rows it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = takeovers.claim_due(session, now, most=BATCH)
            for takeover in due:
                try:
                    with session.begin_nested():
                        self._look_at(session, patients.get(session, takeover.patient_id), takeover, now)
                except Exception:
                    logger.exception("takeover_failed", extra={"takeover": takeover.id})
                if takeover.ended_at is None and takeover.due_at <= now:  # that went wrong
                    takeover.due_at = now + timedelta(minutes=self._library.number("prompts.wait"))
            return len(due)

    def _look_at(self, session: Session, patient: Patient, takeover: Takeover, now: datetime) -> None:
        if takeover.unread_since and takeover.alerted_at is None and takeover.unread_since + self._patience <= now:
            self._alert(session, patient, takeover, now)
        if takeover.last_at + self._silence > now:
            takeover.due_at = self._due(takeover)
        elif self._check_ins.is_quiet(patient, now):
            opens = time.fromisoformat(str(self._library.value("check_in.quiet_until")))
            takeover.due_at = schedule.next_local(now, patient.time_zone, opens)
        else:
            self._end_in_silence(session, patient, takeover, now)

    def _end_in_silence(self, session: Session, patient: Patient, takeover: Takeover, now: datetime) -> None:
        response = "utter_back_after_silence"
        if takeover.unanswered_since:
            response = "utter_back_unanswered"
            self._alert(session, patient, takeover, now)
        self._end(session, patient, takeover, "silence", "system", now)
        self._tell_patient(session, patient, takeover, response, now)
        self._tell_physio(session, patient, takeover, "utter_talk_ended_silence", now)

    def _alert(self, session: Session, patient: Patient, takeover: Takeover, now: datetime) -> None:
        """Somebody of the team has to look. Once until a physio answers."""
        if takeover.alerted_at is None:
            takeover.alerted_at = now
            self._escalation.raise_declared(session, patient, "talk_unanswered", message_id=None, now=now)
            takeover.due_at = self._due(takeover)

    # --- small parts ---

    def _end(self, session: Session, patient: Patient, takeover: Takeover, how: str, by: str, now: datetime) -> None:
        takeover.ended_at, takeover.ended_by = now, how
        session.flush()
        self._check_ins.plan_next(session, patient, now)
        self._audit(session, patient, "takeover_ended", by, now, takeover=takeover.id, how=how)

    def _tell_patient(
        self, session: Session, patient: Patient, takeover: Takeover, response: str, now: datetime
    ) -> None:
        when = self._escalation.when_seen(session, patient, "P1", now)
        words = self._library.say(response, **self._library.numbers(patient.nation), physio_when=when)
        self._outgoing.to_patient(session, patient, [words], key=f"takeover:{takeover.id}:over", kind="reply", now=now)

    def _tell_physio(
        self, session: Session, patient: Patient, takeover: Takeover, response: str, now: datetime
    ) -> None:
        if physio := physios.get(session, takeover.physio_id):
            words = self._library.say(response, patient=patient.code)
            self.notify(session, patient, physio, words, f"takeover:{takeover.id}:ended", now)

    def notify(self, session: Session, patient: Patient, physio: Physio, words: Words, key: str, now: datetime) -> None:
        """A notice in the physio's chat, without the patient's words. It belongs to the patient too: an erasure finds it."""
        if physio.left_at is None:
            row = self._outgoing.to_physio(session, physio, [words], key=key, now=now, kind="notice")
            if row:
                row.patient_id = patient.id

    def _due(self, takeover: Takeover) -> datetime:
        over = takeover.last_at + self._silence
        waits = takeover.unread_since if takeover.alerted_at is None else None
        return min(over, waits + self._patience) if waits else over

    @property
    def _silence(self) -> timedelta:
        return timedelta(hours=self._library.number("talking.silence"))

    @property
    def _patience(self) -> timedelta:
        return timedelta(hours=self._library.number("talking.unread"))

    def _audit(self, session: Session, patient: Patient, what: str, by: str, now: datetime, **detail: Any) -> None:
        audit.record(session, what, by=by, now=now, patient=patient.code, **detail)


def effect(name: str, patient: Patient, **more: object) -> dict[str, object]:
    """What a button in a physio's chat does; by code: a database may give a number twice."""
    return {"effect": name, "patient": patient.code, **more}


def _on_phone(physio: Physio) -> bool:
    return physio.left_at is None and physios.on_telegram(physio)


def _by(physio: Physio) -> str:
    return f"physio:{physio.id}"
