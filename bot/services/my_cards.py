"""The cards a patient has made, in their own words: fairer thoughts, and what they keep of modules. For a harder day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from data import modules, thoughts
from data.modules import Keepsake
from data.patients import Patient, PatientState
from data.thoughts import ThoughtRecord

MORE = "more_cards"  # the intent of the button that shows older ones; the app answers it by itself


@dataclass(frozen=True)
class Card:
    """`ref` is what its buttons carry: "t12" a thought record, "k3" a keepsake."""

    ref: str
    at: datetime
    words: Words


class MyCards:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def save(self, session: Session, patient: Patient, said: dict[str, Any], now: datetime) -> list[Words]:
        """A thought record; returns its card, to be shown back. Raises EffectRefused before consent."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            raise EffectRefused("utter_refused_not_enrolled")
        record = thoughts.add(session, ThoughtRecord(patient_id=patient.id, at=now, **said))
        return [self._of_thought(record).words]

    def show(self, session: Session, patient: Patient, *, skip: int = 0) -> list[Words]:
        """The newest cards after `skip`, and a button to delete each. Raises EffectRefused when there is none."""
        cards = self._all(session, patient)
        most = int(self._library.number("thought_record.cards_shown"))
        shown = list(enumerate(cards, start=1))[skip : skip + most]
        if not shown:
            raise EffectRefused("utter_refused_no_cards")
        words = [self._library.say("utter_my_card_numbered", number=i, card=card.words.text) for i, card in shown]
        choices = [self._choice("utter_my_card_delete_label", "delete_card", card.ref, number=i) for i, card in shown]
        if len(cards) > skip + most:
            label = self._library.say("utter_more_cards_label").text
            choices.append(Choice(label=label, says=f"/{MORE}", effect={"skip": str(skip + most)}))
        return [*words[:-1], Words(words[-1].response, words[-1].text, tuple(choices))]

    def delete(self, session: Session, patient: Patient, ref: str | None, now: datetime) -> list[Words]:
        """Gone from the list at once, for good after a while: returns the button that brings it back."""
        row = self._row(session, patient, ref)
        if row is None or row.deleted_at:
            raise EffectRefused("utter_refused_no_card")
        row.deleted_at = now
        hours = int(self._library.number("thought_record.undo_within"))
        words = self._library.say("utter_my_card_can_come_back", hours=hours)
        undo = self._choice("utter_my_card_back_label", "card_back", ref or "")
        return [Words(words.response, words.text, (undo,))]

    def bring_back(self, session: Session, patient: Patient, ref: str | None) -> list[Words]:
        """Returns the card. Raises EffectRefused when it is gone for good."""
        row = self._row(session, patient, ref)
        if row is None:
            raise EffectRefused("utter_refused_no_card")
        row.deleted_at = None
        return [self._of(row).words]

    def _all(self, session: Session, patient: Patient) -> list[Card]:
        """Newest first."""
        rows: list[ThoughtRecord | Keepsake] = [
            *thoughts.of_patient(session, patient.id),
            *modules.keepsakes(session, patient.id),
        ]
        return sorted((self._of(row) for row in rows), key=lambda card: card.at, reverse=True)

    def _row(self, session: Session, patient: Patient, ref: str | None) -> ThoughtRecord | Keepsake | None:
        kind, number = (ref or "")[:1], (ref or "")[1:]
        if not number.isdecimal():
            return None
        if kind == "k":
            return modules.keepsake(session, patient.id, int(number))
        return thoughts.card(session, patient.id, int(number)) if kind == "t" else None

    def _of(self, row: ThoughtRecord | Keepsake) -> Card:
        return self._of_thought(row) if isinstance(row, ThoughtRecord) else self.of_keepsake(row)

    def _of_thought(self, record: ThoughtRecord) -> Card:
        name = "utter_my_card_to_try" if record.to_try else "utter_card"
        words = self._library.say(name, fairer_thought=record.fairer_thought, to_try=record.to_try)
        return Card(f"t{record.id}", record.at, words)

    def of_keepsake(self, row: Keepsake) -> Card:
        return Card(f"k{row.id}", row.at, self._library.say("utter_my_card_kept", title=row.title, words=row.words))

    def _choice(self, label: str, intent: str, ref: str, **values: int) -> Choice:
        """The card's number stays with the coach: the button carries it as the intent's entity."""
        text = self._library.say(label, variation=0, **values).text
        return Choice(label=text, says=f"/{intent}", effect={"thought_card": ref})
