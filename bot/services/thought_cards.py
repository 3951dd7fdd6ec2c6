"""Thought records and the cards they leave: a fairer thought in the patient's own words, for a harder day."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from data import thoughts
from data.patients import Patient, PatientState
from data.thoughts import ThoughtRecord


class ThoughtCards:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def save(self, session: Session, patient: Patient, said: dict[str, Any], now: datetime) -> list[Words]:
        """Returns the card, to be shown back. Raises EffectRefused before consent."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        record = thoughts.add(session, ThoughtRecord(patient_id=patient.id, at=now, **said))
        return [self._card(record)]

    def show(self, session: Session, patient: Patient) -> list[Words]:
        """The newest cards, and a button to delete each. Raises EffectRefused when there is none."""
        most = int(self._library.number("thought_record.cards_shown"))
        records = thoughts.of_patient(session, patient.id, most=most)
        if not records:
            raise EffectRefused("utter_refused_no_cards")
        numbered = list(enumerate(records, start=1))
        words = [self._library.say("utter_card_numbered", number=i, card=self._card(each).text) for i, each in numbered]
        choices = tuple(
            self._choice("utter_card_delete_label", "delete_card", record, number=i) for i, record in numbered
        )
        return [*words[:-1], Words(words[-1].response, words[-1].text, choices)]

    def delete(self, session: Session, patient: Patient, card: int | None, *, sure: bool) -> list[Words]:
        """Asks before it deletes: returns the card and two buttons. Raises EffectRefused when it is gone already."""
        record = thoughts.card(session, patient.id, card) if card else None
        if record is None:
            raise EffectRefused("utter_refused_no_card")
        if sure:
            thoughts.delete(session, record)
            return []
        words = self._card(record)
        delete = self._choice("utter_card_delete_sure_label", "delete_card_sure", record)
        keep = self._choice("utter_card_keep_label", "my_cards", record)
        return [Words(words.response, words.text, (delete, keep))]

    def _card(self, record: ThoughtRecord) -> Words:
        name = "utter_card_to_try" if record.to_try else "utter_card"
        return self._library.say(name, fairer_thought=record.fairer_thought, to_try=record.to_try)

    def _choice(self, label: str, intent: str, record: ThoughtRecord, **values: int) -> Choice:
        """The card's number stays with the coach: the button carries it as the intent's entity."""
        text = self._library.say(label, variation=0, **values).text
        return Choice(label=text, says=f"/{intent}", effect={"thought_card": str(record.id)})
