"""A verdict in words: days counted, one other explanation, what the patient did beside it (clinical.md §9.4)."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching.association import Verdict
from bot.content import Library, Words
from data import concerns
from data.links import LinkLook
from data.patients import Patient

FEARS = ("B01", "B02")  # hurt means harm; moving is dangerous


class LinkWords:
    def __init__(self, library: Library) -> None:
        self._library = library

    def verdict(self, row: LinkLook, *, guess: str, afraid: bool, next_day: int | None) -> list[Words]:
        """`guess`: what the patient said before anything was counted; `next_day`: of the look that comes."""
        found = Verdict(row.verdict)
        if found == Verdict.NOT_ENOUGH:
            return [self._say(f"utter_link_lacks_{row.figures['lacks']}", row), self._goes_on(next_day)]
        card = afraid or found == Verdict.MORE_PAIN
        words = [self._say("utter_link_card", row)] if card else []
        if label := self._guess(guess):
            words.append(self._library.say("utter_link_guessed", guess=label))
        words.append(self._say(f"utter_link_{found}", row))
        if found == Verdict.CLEARER_HELP and self._adjusted_differs(row):
            words.append(self._say("utter_link_adjusted", row))
        if found == Verdict.MORE_PAIN and row.figures["sorer"]:
            words.append(self._say("utter_link_settled", row))
        if found == Verdict.NO_CLEAR_LINK and not card:
            words.append(self._say("utter_link_did", row))
        return words

    def meaning(self, row: LinkLook) -> Words:
        """The last question; a person is offered when the days went against activity."""
        against = row.verdict == Verdict.MORE_PAIN
        words = self._library.say("utter_link_meaning_with_physio" if against else "utter_ask_link_meaning")
        return Words("utter_ask_link_meaning", words.text, words.choices)

    def fears(self, session: Session, patient: Patient, now: datetime) -> bool:
        """The patient has said lately that hurt means harm, or that moving is dangerous: then what they did comes first."""
        since = now - timedelta(days=self._library.number("association.fear_within"))
        standing = concerns.standing_flags(session, patient.id)
        return any(each.belief in FEARS and each.flag.at >= since for each in standing)

    def _goes_on(self, next_day: int | None) -> Words:
        if next_day is None:
            return self._library.say("utter_link_last_look")
        return self._library.say("utter_link_next_look", next_day=next_day)

    def _guess(self, guess: str) -> str:
        """In the words of the button that was tapped then."""
        choices = self._library.say("utter_ask_link_guess").choices
        return next((choice.label.lower() for choice in choices if guess and choice.says == guess), "")

    def _adjusted_differs(self, row: LinkLook) -> bool:
        plain = row.figures["mean_quiet"] - row.figures["mean_active"]
        return bool(abs(row.figures["drop"] - plain) > self._library.number("association.differs_by"))

    def _say(self, response: str, row: LinkLook) -> Words:
        values: dict[str, Any] = shown(row.figures)
        return self._library.say(response, **values)


def shown(figures: dict[str, Any]) -> dict[str, str]:
    """Figures as people read them: one decimal, and a whole number without any."""
    values = figures | {"rise": -figures.get("drop", 0), "days": figures.get("days", figures["pairs"])}
    return {name: decimal(value) if isinstance(value, float) else str(value) for name, value in values.items()}


def decimal(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
