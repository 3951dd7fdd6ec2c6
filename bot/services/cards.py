"""The words of an alert as staff read it: a patient code, a class, what was told; never the patient's own words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.coaching.alerts import age, told_codes
from bot.content import Choice, Library, Words
from data.alerts import Alert
from data.at_risk import AtRiskFinding


class Cards:
    def __init__(self, library: Library) -> None:
        self._library = library

    def card(
        self,
        alert: Alert,
        headline: str,
        *,
        patient: str,
        owner: str | None,
        now: datetime,
        finding: AtRiskFinding | None = None,
        **values: Any,
    ) -> list[Words]:
        """The first line says why the card comes; the body says how the alert stands. `patient` is the code.

        `finding`: what an at-risk rule has found; its lines take the place of advice that was given.
        """
        facts = self.facts(alert, patient=patient, owner=owner, now=now)
        body = "utter_card_body_discreet" if self.discreet(alert) else "utter_card_body"
        if finding is not None:
            body, facts = "utter_card_body_at_risk", {**facts, "version": finding.version, **finding.evidence}
        said = self.with_effects(self._library.say(body, **facts), alert)
        return [self._library.say(headline, **{**facts, **values}), replace(said, text=said.text.strip())]

    def line(self, alert: Alert, *, patient: str, owner: str | None, now: datetime) -> str:
        """One line of the list."""
        return self._library.say("utter_alerts_line", **self.facts(alert, patient=patient, owner=owner, now=now)).text

    def yours(self, alert: Alert, *, due_at: datetime, now: datetime, given_by: str | None = None) -> Words:
        """What the owner gets: it is theirs, until when, and how to close it. `given_by`: a colleague's name."""
        unit, figures = age(now, due_at)
        due = self.text(f"utter_within_{unit}", **figures)
        response = "utter_card_given" if given_by else "utter_card_yours"
        words = self._library.say(response, reference=alert.reference, due=due, by=given_by or "")
        return self.with_effects(words, alert)

    def nobody_here(self, nation: str | None, when: str) -> Words:
        """For the patient: nobody on duty can be reached, and when somebody will look."""
        return self._library.say("utter_nobody_on_duty", **self._library.numbers(nation), physio_when=when)

    def is_red_flag(self, alert: Alert) -> bool:
        return bool(self._risk(alert.cause))

    def has(self, response: str) -> bool:
        return self._library.has(response)

    def ask_outcome(self, alert: Alert) -> Words:
        """The coded outcomes as buttons, and a way back."""
        question = self.with_effects(self._library.say("utter_choose_outcome", reference=alert.reference), alert)
        outcomes = tuple(
            Choice(label=label, effect=self._effect("close_alert", alert, outcome=code))
            for code, label in self.outcomes().items()
        )
        return replace(question, choices=outcomes + question.choices)

    def with_effects(self, words: Words, alert: Alert) -> Words:
        """The payload of a card's button names the effect; here it learns of which alert, and what its reader saw."""
        choices = tuple(Choice(label=each.label, effect=self._effect(each.says, alert)) for each in words.choices)
        return replace(words, choices=choices)

    def facts(self, alert: Alert, *, patient: str, owner: str | None, now: datetime) -> dict[str, Any]:
        unit, figures = age(alert.raised_at, now)
        hidden = self.discreet(alert)
        severity = f"utter_severity_{alert.severity.lower()}"
        return {
            "reference": alert.reference,
            "level": alert.level,
            "patient": patient,
            "cause": "" if hidden else alert.cause,
            "name": self.text("utter_cause_safeguarding") if hidden else self._name(alert.cause),
            "advice": str(self._risk(alert.cause).get("staff", "")),
            "severity": self.text(severity) if self._library.has(severity) else alert.severity,
            "told": ", ".join(told_codes(alert.told)) or self.text("utter_told_nothing"),
            "age": self.text(f"utter_age_{unit}", **figures),
            "times": alert.times_raised,
            "owner": owner or self.text("utter_owner_nobody"),
        }

    def outcomes(self) -> Mapping[str, str]:
        """Code → label."""
        outcomes: Mapping[str, str] = self._library.value("escalation.outcomes")
        return outcomes

    def discreet(self, alert: Alert) -> bool:
        """Somebody else may be reading (RF17): no detail on the card, no word to the patient afterwards."""
        return alert.cause in self._library.value("escalation.discreet")

    def text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text

    def _name(self, cause: str) -> str:
        """A risk by its name in safety/risks.yml, a rule by its words in physio.yml, else by its id."""
        if name := self._risk(cause).get("name"):
            return str(name)
        response = f"utter_cause_{cause.lower()}"
        return self.text(response) if self._library.has(response) else cause

    def _risk(self, cause: str) -> Mapping[str, Any]:
        risk: Mapping[str, Any] = self._library.safety.get("risks", {}).get("risks", {}).get(cause, {})
        return risk

    def _effect(self, effect: str, alert: Alert, **more: object) -> dict[str, object]:
        return {"effect": effect, "alert": alert.id, "raised": alert.times_raised, **more}
