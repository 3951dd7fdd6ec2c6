"""How likely is it that doing more will help? Asked four times; a low answer opens a tiny test with honest odds.

Source: clinical.md §0.2 (negative expectations: a small personal experiment), §4.4 B09 (honest odds, no overselling).
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.coaching.answers import SKIPPED
from bot.content import Library, Words
from bot.services.experiments import Experiments
from bot.services.talk_topics import Topic
from data import programme
from data.patients import Patient
from data.programme import ExpectationRating, Talk

CHOSEN = ("first", "second")


class Expectation(Topic):
    kind, form = "expectation", "expectation_form"

    def __init__(self, library: Library, experiments: Experiments) -> None:
        self._library = library
        self._experiments = experiments

    def shown(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        return {f"expect_{which}_test": self._test(which) for which in CHOSEN}

    def finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        said = talk.answers.get("expect_help")
        rating = said if isinstance(said, int) else None
        before = [each for each in programme.expectations(session, patient.id) if each.rating is not None]
        session.add(ExpectationRating(patient_id=patient.id, week=talk.week, rating=rating, at=now))
        session.flush()
        agreed = self._agree(session, patient, talk, now)
        if agreed:
            return agreed
        if rating is None:
            return [self._library.say("utter_expectation_skipped")]
        if before:
            return [
                self._library.say("utter_expectation_again", variation=talk.week, before=before[0].rating, now=rating)
            ]
        return [self._library.say("utter_expectation_noted", variation=talk.week)]

    def _agree(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        chosen, expected = talk.answers.get("expect_try", SKIPPED), talk.answers.get("expect_sore")
        if chosen not in CHOSEN or not isinstance(expected, int):
            return []
        return self._experiments.agree(
            session, patient, what=self._test(str(chosen)), expected=expected, belief="B09", now=now
        )

    def _test(self, which: str) -> str:
        return self._library.say(f"utter_expectation_test_{which}").text
