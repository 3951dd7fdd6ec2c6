"""Turns Rasa's replies into what the patient gets: effects first, then the words that are true."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlmodel import Session

from bot.coaching import schedule
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from bot.rasa.effects import read_effect
from bot.rasa.turns import Parse, Reply, Turn, TurnResult
from bot.services.checkins import CheckIns
from bot.services.effects import Effects
from bot.services.escalation import Escalation
from bot.services.experiments import Experiments
from bot.services.explorations import Explorations
from bot.services.hearing import held_beliefs
from bot.services.links import Links
from bot.services.measures import Measures
from bot.services.modules import CANNOT_GO_BACK
from bot.services.outgoing import Outgoing
from bot.services.programme import Programme
from bot.services.safety import Safety
from bot.services.skills import Skills
from data import concerns, goals, patients
from data.concerns import BeliefFlag
from data.messages import Message
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)


class Replies:
    def __init__(
        self,
        library: Library,
        outgoing: Outgoing,
        effects: Effects,
        check_ins: CheckIns,
        escalation: Escalation,
        safety: Safety,
        experiments: Experiments,
        explorations: Explorations,
        measures: Measures,
        skills: Skills,
        programme: Programme,
        links: Links,
    ) -> None:
        self._library = library
        self._outgoing = outgoing
        self._effects = effects
        self._check_ins = check_ins
        self._escalation = escalation
        self._safety = safety
        self._experiments = experiments
        self._explorations = explorations
        self._measures = measures
        self._skills = skills
        self._programme = programme
        self._links = links

    def context(self, session: Session, patient: Patient, now: datetime) -> dict[str, Any]:
        """What the dialogue may show of this patient: the slots of dialogues/context.yml."""
        goal = goals.active(session, patient.id)
        shown = {name: getattr(goal, name) for name in GOAL_FIELDS} if goal else {}
        shown["minutes"] = self._programme.amount(session, patient) or shown.get("minutes")
        summary = (
            self._library.say("utter_goal_summary_line", **shown).text
            if goal
            else self._library.say("utter_no_goal_line").text
        )
        return {
            "patient_state": patient.state.value,
            "check_in_time": f"{patient.check_in_at:%H:%M}" if patient.check_in_at else "",
            "goal_summary": summary,
            "physio_when": self._escalation.when_seen(session, patient, "P1", now),
            "local_day": f"{now.astimezone(ZoneInfo(patient.time_zone)):%A}",
            "exploring": self._explorations.exploring(session, patient),
            "activities_allowed": self._programme.plans.allowed_words(session, patient),
            **self._safety.numbers(patient),
        }

    def flag_beliefs(
        self, session: Session, patient: Patient, message: Message, turn: Turn, parse: Parse, now: datetime
    ) -> None:
        """Logs each belief that scores above the threshold; before consent nothing is logged."""
        if patient.state in (PatientState.STRANGER, PatientState.INVITED):
            return
        for heard in held_beliefs(parse, self._library):
            if not concerns.flagged(session, message.id, heard.id):
                session.add(
                    BeliefFlag(
                        patient_id=patient.id,
                        message_id=message.id,
                        belief=heard.id,
                        confidence=heard.confidence,
                        model=parse.model,
                        at=now,
                        on=schedule.local_day(now, patient.time_zone),
                        strong=self._explorations.is_strong(message.text),
                        blocks_plan=self._explorations.blocks_plan(session, patient, turn, parse, now),
                    )
                )

    def give(
        self,
        session: Session,
        patient: Patient,
        message: Message,
        turn: Turn,
        result: TurnResult,
        *,
        late: bool,
        now: datetime,
    ) -> None:
        """Applies the effects of the replies in order and writes one message with the words that then hold."""
        chat = patients.chat_of(session, patient)
        spoken: list[Words] = [self._library.say("utter_answered_late")] if late else []
        patient.asks = result.asks
        for reply in result.replies:
            try:
                spoken += self._accept(session, patient, message, reply, result, now)
            except EffectRefused as refused:  # the rest of the turn rested on it
                patient.asks = None
                spoken.append(
                    self._library.say(refused.response, **{**self._safety.numbers(patient), **refused.values})
                )
                break
        if session.get(Patient, patient.id) is not None:
            self._check_ins.follow(session, patient, result.asks, now)
            self._experiments.follow(session, patient, result.asks)
            self._explorations.follow(session, patient, now)
            self._skills.modules.follow(session, patient)
            self._programme.talks.follow(session, patient, now)
            spoken = self._diary(session, patient, message, result, spoken, now)
            intent = result.parse.intent.name if result.parse else turn.intent
            spoken += self._explorations.offer(session, patient, spoken, intent=intent, now=now)
            if result.asks is None and not any(words.choices for words in spoken):
                spoken += self._measures.again(session, patient, now)
        if not any(words.text for words in spoken):
            logger.error("empty_reply", extra={"update": message.key})
            spoken = [self._library.say("utter_empty_reply", **self._safety.numbers(patient))]
        if session.get(Patient, patient.id) is None:  # erased: the last word goes to the chat
            if chat:
                self._outgoing.to_chat(session, chat.chat_id, spoken[-1], key=f"{message.key}:reply", now=now)
            return
        self._outgoing.to_patient(
            session,
            patient,
            spoken,
            key=f"{message.key}:reply",
            kind="reply",
            asks=self._asks(session, patient, spoken, result, now),
            now=now,
        )

    def _accept(
        self, session: Session, patient: Patient, message: Message, reply: Reply, result: TurnResult, now: datetime
    ) -> list[Words]:
        """The words of one reply, once its effect is accepted. Raises EffectRefused with the words that say why not."""
        try:
            effect = read_effect(reply.custom)
        except ValidationError as error:
            fields = [".".join(str(part) for part in problem["loc"]) for problem in error.errors()]
            logger.warning("effect_invalid", extra={"response": reply.response, "fields": fields})
            raise EffectRefused("utter_effect_failed") from error
        after: list[Words] = []
        if effect:
            with session.begin_nested():
                after = self._effects.apply(session, patient, effect, message_id=message.id, now=now)
        if after and reply.custom.get("slot_in") == "what_follows":
            return after
        return [*self._words(session, patient, reply, result, now), *after]

    def _diary(
        self,
        session: Session,
        patient: Patient,
        message: Message,
        result: TurnResult,
        spoken: list[Words],
        now: datetime,
    ) -> list[Words]:
        """A plain diary sentence that Rasa took for something else, outside of any form, is written down all the same."""
        intent = result.parse.intent.name if result.parse and result.asks is None and not patient.asks else None
        instead, beside = self._programme.diary.instead(intent), self._programme.diary.beside(intent)
        if not (instead or beside) or not self._programme.diary.understands(patient, message.text, now):
            return spoken
        written = self._programme.diary.log(session, patient, message, now)
        return written if instead else [*written, *spoken]

    def _words(
        self, session: Session, patient: Patient, reply: Reply, result: TurnResult, now: datetime
    ) -> list[Words]:
        slot_in = reply.custom.get("slot_in")
        if slot_in == "talk" and (words := self._programme.talks.words(session, patient, reply, now)) is not None:
            return words
        if slot_in == "activities":
            return [self._programme.ideas(session, patient, _words(reply), now)]
        if slot_in == "belief_reply":
            return self._belief_replies(session, patient, result) or [_words(reply)]
        if str(slot_in).startswith("link"):
            return self._links.words(session, patient, str(slot_in), now) or [_words(reply)]
        if slot_in == "check_in_done":
            return self._check_ins.closing(session, patient, now) or [_words(reply)]
        if str(slot_in).startswith("exploration"):
            return self._explorations.words(session, patient, reply) or [_words(reply)]
        if str(slot_in).startswith("module") or reply.response == CANNOT_GO_BACK:
            return self._skills.modules.in_place_of(session, patient, reply, now) or [_words(reply)]
        if reply.custom.get("did_you_mean"):
            return [self._did_you_mean(reply, result)]
        return [_words(reply)]

    def _belief_replies(self, session: Session, patient: Patient, result: TurnResult) -> list[Words]:
        """The first reply to each belief heard, most certain first; shorter and without a question inside a form."""
        if result.parse is None:
            return []
        most = int(self._library.number("conversation.belief_replies_a_message"))
        heard = [each.id for each in held_beliefs(result.parse, self._library)][:most]
        ending = "_in_form" if result.asks or len(heard) > 1 else ""
        return [
            self._library.say(
                f"utter_belief_{belief.lower()}{ending}", variation=concerns.count(session, patient.id, belief)
            )
            for belief in heard
        ]

    def _did_you_mean(self, reply: Reply, result: TurnResult) -> Words:
        """Buttons for the likeliest intents that have a label, `utter_did_you_mean_<intent>`, before the fixed ones."""
        most = int(self._library.number("fallback.most_choices"))
        ranked = [intent.name for intent in result.parse.ranking] if result.parse else []
        likely = [name for name in ranked if self._library.has(f"utter_did_you_mean_{name}")][:most]
        choices = [
            Choice(label=self._library.say(f"utter_did_you_mean_{name}").text, says=f"/{name}") for name in likely
        ]
        words = _words(reply)
        return Words(words.response, words.text, (*choices, *words.choices), words.custom)

    def _asks(
        self, session: Session, patient: Patient, spoken: Sequence[Words], result: TurnResult, now: datetime
    ) -> str | None:
        """What the buttons of this reply answer: a safety question before a check-in, an experiment, a form."""
        if question := self._safety.asks(session, patient):
            return question
        check_in = self._check_ins.open_for(session, patient)
        if check_in:
            asked = {words.response for words in self._check_ins.question(check_in)}
            if asked & {words.response for words in spoken}:
                return self._check_ins.asks_of(check_in)
        if asks := self._measures.asks_now(session, patient, now):
            asked = {words.response for words in self._measures.again(session, patient, now)}
            if asked & {words.response for words in spoken}:
                return asks
        experiment = self._experiments.open_for(session, patient, now)
        if experiment:
            asked = {words.response for words in self._experiments.question(experiment)}
            if asked & {words.response for words in spoken}:
                return self._experiments.asks_now(session, patient, now)
        talk = self._programme.talks.open_for(session, patient, now)
        if talk:
            asked = {words.response for words in self._programme.talks.question(session, patient, talk, now)}
            if asked & {words.response for words in spoken}:
                return self._programme.talks.asks_now(session, patient, now)
        link = self._links.open_for(session, patient, now)
        if link and {words.response for words in self._links.question(link)} & {words.response for words in spoken}:
            return self._links.asks_of(link)
        return self._skills.asked_by(session, patient, list(spoken), now) or result.asks


GOAL_FIELDS = ("activity", "place", "days", "at", "minutes", "start_minutes", "confidence", "if_then")


def _words(reply: Reply) -> Words:
    choices = tuple(Choice(label=button.title, says=button.payload) for button in reply.buttons)
    return Words(response=reply.response or "", text=reply.text.strip(), choices=choices, custom=reply.custom)
