"""The talks that the app opens in the course of the programme: weekly review, rating, look back, monthly check-in.

As with a check-in the row is the truth: the tick opens it, taps and numbers move it here, also with Rasa down; what
Rasa understood in words comes back through `record`. The questions are the forms of dialogues/, in their order.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers, schedule, talks
from bot.coaching.answers import SKIPPED, Spec, Value
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.rasa.turns import Reply
from bot.services.outgoing import Outgoing
from bot.services.prompts import Prompts
from bot.services.talk_topics import OFFER, Topic
from data import patients, programme
from data.database import Database
from data.patients import Patient, PatientState
from data.programme import Talk, TalkState

logger = logging.getLogger(__name__)

BATCH = 50
UNSET = "None"
YES, LATER, NO = "yes", "later", "no"


class Talks:
    """Methods that take `session` run in the caller's transaction, with the patient of that session."""

    def __init__(
        self, database: Database, clock: Clock, library: Library, outgoing: Outgoing, prompts: Prompts,
        topics: Iterable[Topic],
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._prompts = prompts
        self._topics = {topic.kind: topic for topic in topics}
        self._forms = {topic.form: topic for topic in self._topics.values() if topic.form}

    # When they come

    def plan(self, session: Session, patient: Patient, kind: str, week: int, now: datetime) -> None:
        """One a kind and week; one that is there already stays as it is."""
        programme.add_talk(
            session, Talk(patient_id=patient.id, kind=kind, week=week, due_at=self._due(patient, kind, week, now))
        )

    def plan_all(self, session: Session, patient: Patient, now: datetime) -> None:
        """The talks of the year, from now on; to be called when a patient joins."""
        this_week = max(1, programme.week_of(patient, now))
        weeks = {
            "weekly_review": range(2, int(self._number("weeks")) + 2),
            "expectation": self._weeks("expectation_weeks"),
            "maintenance": self._weeks("maintenance_weeks"),
            "monthly": self._weeks("monthly_weeks"),
        }
        for kind, each in weeks.items():
            for week in each:
                if week >= this_week:
                    self.plan(session, patient, kind, week, now)

    def _due(self, patient: Patient, kind: str, week: int, now: datetime) -> datetime:
        """At the hour of the check-in and a little later, on its day of the week; the first one soon after joining."""
        if week <= 1:
            return (patient.enrolled_at or now) + timedelta(minutes=self._number("first_talk_after"))
        into = int(self._library.number(f"programme.days_into_week.{kind}"))
        day = programme.first_day(patient, week) + into * schedule.DAY
        hour = patient.check_in_at or time.fromisoformat(str(self._library.value("check_in.quiet_until")))
        return schedule.instant_on(day, patient.time_zone, hour) + timedelta(
            minutes=self._number("talk_after_check_in")
        )

    # The tick

    def send_due(self) -> int:
        """Opens what is due and closes what nobody answered. Returns how many rows it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = programme.claim_due(session, now, most=BATCH)
            for talk in due:
                try:
                    with session.begin_nested():
                        self._look_at(session, patients.get(session, talk.patient_id), talk, now)
                except Exception:
                    logger.exception("talk_failed", extra={"talk": talk.id})
                if talk.state in programme.LIVE_TALKS and talk.due_at <= now:  # that went wrong
                    talk.due_at = now + timedelta(minutes=self._library.number("prompts.wait"))
            return len(due)

    def _look_at(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> None:
        if talk.state == TalkState.SENT:
            self._lapse(session, patient, talk, now)
            return
        topic, wished = self._topics[talk.kind], talk.sends > 0
        wanted = talk.due_at if wished or not topic.at_its_hour else self._due(patient, talk.kind, talk.week, now)
        late = now - wanted > timedelta(hours=self._number("talk_lapses_after"))
        if late or patient.state == PatientState.WITHDRAWN or not topic.fits(session, patient, talk, now):
            self._end(talk, TalkState.DROPPED, now)
        elif wanted > now:  # the patient has chosen another hour since
            talk.due_at = wanted
        elif until := self._prompts.look_again(session, patient, now, wished=wished):
            talk.due_at = until
        else:
            self._send(session, patient, talk, now, wished=wished)

    def _send(self, session: Session, patient: Patient, talk: Talk, now: datetime, *, wished: bool) -> None:
        topic = self._topics[talk.kind]
        talk.state, talk.sends, talk.sent_at = TalkState.SENT, talk.sends + 1, now
        talk.due_at = now + timedelta(hours=self._number("talk_lapses_after"))
        words = topic.offer(session, patient, talk, now)
        if words:
            talk.asks, talk.asked_at = OFFER, now
            if topic.ends_with_offer(session, patient, talk, now):
                self._end(talk, TalkState.DONE, now)
        else:
            words = self._ask_next(session, patient, talk, now)
        session.flush()
        self._prompts.send(
            session, patient, words, key=f"talk:{talk.id}:{talk.sends}", now=now, asks=self._binding(talk), wished=wished
        )  # fmt: skip
        logger.info("talk_sent", extra={"talk": talk.id, "kind": talk.kind, "week": talk.week})

    def _lapse(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> None:
        """What was answered counts, also when the rest never was."""
        if talk.answers:
            self._topics[talk.kind].finish(session, patient, talk, now)
        self._leave_form(patient, talk)
        self._end(talk, TalkState.LAPSED, now)

    # What is being asked

    def open_for(self, session: Session, patient: Patient, now: datetime) -> Talk | None:
        """The talk whose question the patient has before them."""
        talk = programme.asking(session, patient.id)
        if talk is None or talk.asks == OFFER or talk.asked_at is None or patient.asks != self._slot_asked(talk):
            return None
        return talk if now - talk.asked_at < timedelta(hours=self._number("question_open")) else None

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What its buttons are bound to: "talk.12.review_done"."""
        talk = self.open_for(session, patient, now)
        return self._binding(talk) if talk else None

    def for_tap(self, session: Session, patient: Patient, asks: str) -> Talk | None:
        """The talk that a button bound to `asks` still answers; None when it is stale, or another patient's."""
        kind, _, rest = asks.partition(".")
        number = rest.partition(".")[0]
        talk = programme.talk(session, int(number)) if kind == "talk" and number.isdecimal() else None
        if talk is None or talk.patient_id != patient.id or talk.state != TalkState.SENT:
            return None
        in_another = patient.asks is not None and patient.asks != self._slot_asked(talk)
        return talk if self._binding(talk) == asks and not in_another else None

    def question(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        """The words of the question being asked; of several wordings another one each week."""
        if talk.asks in (None, OFFER):
            return []
        topic, slot = self._topics[talk.kind], str(talk.asks)
        question = self._library.say(
            f"utter_ask_{slot}", variation=talk.week, **self._shown(session, patient, talk, now)
        )
        return list(topic.put(session, patient, talk, slot, question, now))

    def let_pass(self, session: Session, patient: Patient, now: datetime) -> None:
        """A question that has grown old is no longer asked, in Rasa's form neither."""
        if self._in_a_form(patient) and self.open_for(session, patient, now) is None:
            patient.asks = None

    # The patient's side

    def answer(
        self, session: Session, patient: Patient, said: str, *, asks: str | None, key: str, now: datetime
    ) -> bool:
        """A tap (`asks`), or a typed answer that can be understood without Rasa; False when it can't."""
        tapped = self.for_tap(session, patient, asks) if asks else None
        talk = tapped or self.open_for(session, patient, now) or self._offered(session, patient)
        if talk is None or not said or (asks and tapped is None):
            return False
        if talk.asks == OFFER:
            words = self._answer_offer(session, patient, talk, said, now)
        else:
            words = self._answer_question(session, patient, talk, said, tapped is not None, now)
        if not words:
            return False
        session.flush()
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now, asks=self._binding(talk))
        return True

    def _answer_offer(self, session: Session, patient: Patient, talk: Talk, said: str, now: datetime) -> list[Words]:
        offer = self._topics[talk.kind].offer(session, patient, talk, now)
        named = {
            label.casefold(): choice.says
            for words in offer
            for choice in words.choices
            for label in (choice.label, choice.says)
        }
        match named.get(said.strip().rstrip(".!").casefold()):
            case "yes":
                return self.begin(session, patient, talk, now)
            case "later" if talk.sends <= self._number("most_laters"):
                talk.state, talk.asks = TalkState.PLANNED, None
                talk.due_at = now + timedelta(minutes=self._number("later"))
                return [self._library.say("utter_talk_later", variation=talk.week)]
            case "later" | "no":
                self._end(talk, TalkState.DECLINED, now)
                return [self._library.say("utter_talk_left", variation=talk.week)]
        return []

    def begin(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        """The patient wants it: the first question, or all there is to say."""
        talk.state, talk.sent_at = TalkState.SENT, talk.sent_at or now
        talk.due_at = now + timedelta(hours=self._number("talk_lapses_after"))
        if self._topics[talk.kind].form:
            return self._ask_next(session, patient, talk, now)
        self._end(talk, TalkState.DONE, now)
        return self._topics[talk.kind].finish(session, patient, talk, now)

    def begin_now(self, session: Session, patient: Patient, kind: str, now: datetime) -> list[Words]:
        """The patient asks for one that was offered and not answered. Raises EffectRefused when there is none."""
        for talk in programme.talks_of(session, patient.id):
            if talk.kind == kind and talk.state == TalkState.SENT:
                return self.begin(session, patient, talk, now)
        raise EffectRefused("utter_refused_no_talk")

    def _answer_question(
        self, session: Session, patient: Patient, talk: Talk, said: str, tapped: bool, now: datetime
    ) -> list[Words]:
        try:
            value = self._read(session, patient, talk, said, tapped, now)
            if value is None:
                return []
            self._topics[talk.kind].check(session, patient, talk, str(talk.asks), value, now)
        except EffectRefused as refusal:
            patient.asks = self._slot_asked(talk)
            return [self._refusal(refusal), *self.question(session, patient, talk, now)]
        spoken = self._accept(talk, value)
        return [*spoken, *self._go_on(session, patient, talk, now)]

    def _read(
        self, session: Session, patient: Patient, talk: Talk, said: str, tapped: bool, now: datetime
    ) -> Value | None:
        """None when it takes Rasa to understand it. Raises EffectRefused for a number out of range."""
        slot = str(talk.asks)
        spec = self._spec(slot)
        for words in self.question(session, patient, talk, now):
            for choice in words.choices:
                if said.strip().casefold() in (choice.label.casefold(), choice.says.casefold()):
                    said, tapped = choice.says, True
        if said == SKIPPED or (said.strip().casefold() == "skip" and spec.get("optional")):
            return SKIPPED
        kind = spec.get("kind", "text")
        if kind == "text":
            return said[: int(spec.get("max_chars", len(said)))] if tapped else None  # a danger may be in typed words
        if kind == "choice":
            known = ((name, [name, *words]) for name, words in spec["options"].items())
            return next((name for name, words in known if answers.is_one_of(words, said)), None)
        values = self._shown(session, patient, talk, now)
        value = answers.read(spec, said)
        if value is None and answers.read({"kind": "number"}, said) is None:
            return None
        if not isinstance(value, int) or not talks.fits(spec, value, values, self._library.number):
            raise EffectRefused("utter_talk_out_of_range", **talks.bounds(spec, values, self._library.number))
        return value

    def _accept(self, talk: Talk, value: Value) -> list[Words]:
        """Takes the answer to the open question; what the form says to it."""
        slot = str(talk.asks)
        talk.answers = talks.taken(slot, value, self._required(talk), self._spec, talk.answers)
        says = self._spec(slot).get("says")
        says = says.get(value) if isinstance(says, Mapping) else says
        names = [says] if isinstance(says, str) else list(says or ())
        logger.info("talk_answered", extra={"talk": talk.id, "step": slot})
        return [self._library.say(name, variation=talk.week) for name in names]

    def _go_on(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        """The next question, or the end."""
        return self._ask_next(session, patient, talk, now) or self._finish(session, patient, talk, now)

    def _ask_next(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        values = self._shown(session, patient, talk, now)
        talk.asks = talks.next_slot(self._required(talk), self._spec, values, self._library.number)
        talk.asked_at = now
        if talk.asks is None:
            return []
        patient.asks = self._slot_asked(talk)
        return self.question(session, patient, talk, now)

    def _finish(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> list[Words]:
        self._leave_form(patient, talk)
        self._end(talk, TalkState.DONE, now)
        return self._topics[talk.kind].finish(session, patient, talk, now)

    def _offered(self, session: Session, patient: Patient) -> Talk | None:
        """The one whose offer is the last thing that was said."""
        talk = programme.asking(session, patient.id)
        if talk is None or talk.asks != OFFER or patient.asks:
            return None
        return talk if self._outgoing.last_key(session, patient) == f"talk:{talk.id}:{talk.sends}" else None

    # Rasa's side

    def rasa_form(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        """For Turn.form: every slot as the row has it; a question that does not apply counts as skipped."""
        values, required = self._shown(session, patient, talk, now), self._required(talk)
        slots = dict(values)
        for slot in required:
            left_out = not talks.applies(slot, required, self._spec, values, self._library.number)
            slots[slot] = values.get(slot, SKIPPED if left_out else None)
        slots[str(talk.asks)] = None
        return {"name": self._topics[talk.kind].form, "slots": slots, "asks": talk.asks}

    def record(
        self, session: Session, patient: Patient, form: str, given: Mapping[str, str], now: datetime
    ) -> list[Words]:
        """Answers that Rasa understood, from the question being asked on. Returns what ends the talk, or refuses.

        Raises EffectRefused when no question of this form is open.
        """
        talk = programme.asking(session, patient.id)
        if talk is None or talk.asks == OFFER or self._topics[talk.kind].form != form:
            raise EffectRefused("utter_refused_talk_closed")
        while talk.asks and (said := given.get(talk.asks)) not in (None, UNSET, ""):
            spec, values = self._spec(talk.asks), self._shown(session, patient, talk, now)
            value = talks.canonical(spec, str(said))
            try:
                if value is None or (value != SKIPPED and not talks.fits(spec, value, values, self._library.number)):
                    raise EffectRefused("utter_talk_not_understood")
                self._topics[talk.kind].check(session, patient, talk, talk.asks, value, now)
            except EffectRefused as refusal:
                patient.asks = self._slot_asked(talk)
                return [self._refusal(refusal), *self.question(session, patient, talk, now)]
            self._accept(talk, value)
            values = self._shown(session, patient, talk, now)
            talk.asks = talks.next_slot(self._required(talk), self._spec, values, self._library.number)
            talk.asked_at = now
        if talk.asks is None:
            return self._finish(session, patient, talk, now)
        return []

    def words(self, session: Session, patient: Patient, reply: Reply, now: datetime) -> list[Words] | None:
        """The question as it is put to this patient; None when the reply is no question of a talk."""
        slot = (reply.response or "").removeprefix("utter_ask_")
        form = (patient.asks or "").partition(".")[0]
        talk = programme.asking(session, patient.id)
        if reply.custom.get("slot_in") != "talk" or talk is None or slot not in self._required(talk):
            return None
        if form != self._topics[talk.kind].form or talk.asks == OFFER:
            return None
        if self._is_before(talk, slot):
            self._ask_again(talk, slot, now)
        return self.question(session, patient, talk, now) if talk.asks == slot else []

    def follow(self, session: Session, patient: Patient, now: datetime) -> None:
        """Rasa asks something else now: after "back" an earlier question; after a refusal the same one again."""
        form, _, slot = (patient.asks or "").partition(".")
        talk = programme.asking(session, patient.id)
        if talk is None or talk.asks == OFFER or form != self._topics[talk.kind].form:
            return
        if self._is_before(talk, slot):
            self._ask_again(talk, slot, now)
        patient.asks = self._slot_asked(talk)

    def leave(self, session: Session, patient: Patient, now: datetime) -> None:
        """Stopped by the patient: what was answered counts."""
        talk = programme.asking(session, patient.id)
        if talk and talk.asks != OFFER:
            self._lapse(session, patient, talk, now)

    def _is_before(self, talk: Talk, slot: str) -> bool:
        required = self._required(talk)
        return slot in required and talk.asks in required and required.index(slot) < required.index(str(talk.asks))

    def _ask_again(self, talk: Talk, slot: str, now: datetime) -> None:
        talk.answers = {name: value for name, value in talk.answers.items() if name != slot}
        talk.asks, talk.asked_at = slot, now

    # The declarations, and the row

    def _required(self, talk: Talk) -> list[str]:
        form = self._topics[talk.kind].form
        return list(self._library.forms[form]["required_slots"]) if form else []

    def _spec(self, slot: str) -> Spec:
        return self._library.slot_spec(slot)

    def _shown(self, session: Session, patient: Patient, talk: Talk, now: datetime) -> dict[str, Any]:
        return {**self._topics[talk.kind].shown(session, patient, talk, now), **talk.answers}

    def _refusal(self, refusal: EffectRefused) -> Words:
        values: dict[str, Any] = refusal.values
        return self._library.say(refusal.response, **values)

    def _slot_asked(self, talk: Talk) -> str | None:
        return f"{self._topics[talk.kind].form}.{talk.asks}" if talk.asks not in (None, OFFER) else None

    def _binding(self, talk: Talk) -> str | None:
        return f"talk.{talk.id}.{talk.asks}" if talk.state == TalkState.SENT and talk.asks else None

    def _in_a_form(self, patient: Patient) -> bool:
        return (patient.asks or "").partition(".")[0] in self._forms

    def _leave_form(self, patient: Patient, talk: Talk) -> None:
        if (patient.asks or "").partition(".")[0] == self._topics[talk.kind].form:
            patient.asks = None

    def _end(self, talk: Talk, state: TalkState, now: datetime) -> None:
        talk.state, talk.asks, talk.ended_at = state, None, now
        logger.info("talk_ended", extra={"talk": talk.id, "kind": talk.kind, "state": state.value})

    def _number(self, name: str) -> float:
        return self._library.number(f"programme.{name}")

    def _weeks(self, name: str) -> list[int]:
        return [int(week) for week in self._library.value(f"programme.{name}")]
