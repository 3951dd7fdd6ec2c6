"""A patient's message, from the inbox to the reply. The order of the steps is the safety case: read it top to bottom.

1. `screen_first`  every word is screened by rules, in the second it arrives, with every other part down
2. `_alone`        what the app does by itself: taps, safety questions, check-in numbers, fixed answers
3. `_ask_rasa`     everything else goes to Rasa, which proposes replies and effects
4. `_commit`       effects, flags, replies and the end of the inbox row: one transaction, or nothing
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import answers
from bot.content import Library, Words
from bot.errors import EffectRefused, RasaUnavailable, StaleAction
from bot.rasa.client import Rasa
from bot.rasa.turns import Answer, FormSync, Parse, Turn, TurnResult
from bot.services import aftercare
from bot.services.aftercare import Aftercare
from bot.services.at_risk import AtRisk
from bot.services.calls import Calls
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.experiments import Experiments
from bot.services.explorations import Explorations
from bot.services.incoming import Incoming
from bot.services.links import Links
from bot.services.measures import Asked, Measures
from bot.services.outgoing import Outgoing
from bot.services.programme import Programme
from bot.services.referrals import Referrals
from bot.services.replies import Replies
from bot.services.safety import Safety
from bot.services.skills import Skills
from bot.services.takeovers import BACK, Takeovers
from data import inbox, messages, outbox, patients
from data.checkins import CheckInState
from data.database import Database
from data.inbox import InboxState
from data.messages import Direction, Message
from data.outbox import Button
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

UNDO = "undo"
# Messages whose buttons count while a physio and the patient write to each other.
MEANWHILE = ("safety", "safety_screen", "physio", "call", "referral")
WITH_WORDS = ("text", "command", "edited", "caption", "tap")
PAIN = "pain"  # the question of a check-in whose answer the at-risk rules look at at once
UNREADABLE = {
    "photo": "utter_cannot_photo",
    "voice": "utter_cannot_voice",
    "sticker": "utter_cannot_sticker",
    "file": "utter_cannot_file",
    "location": "utter_cannot_location",
    "caption": "utter_cannot_photo",
}


@dataclass
class Heard:
    """What one message comes to before Rasa is asked."""

    text: str = ""
    intent: str | None = None  # the app's own intent: a button, a command, an enrolment
    entities: dict[str, str] = field(default_factory=dict)
    asks: str | None = None  # what a tapped button was asking
    done: bool = False  # answered in full, nothing to ask Rasa
    for_physio: bool = False  # passed on: the model only listens, and nothing is said


class Conversation:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        rasa: Rasa,
        enrolment: Enrolment,
        safety: Safety,
        check_ins: CheckIns,
        replies: Replies,
        experiments: Experiments,
        explorations: Explorations,
        measures: Measures,
        skills: Skills,
        after: Aftercare,
        programme: Programme,
        links: Links,
        takeovers: Takeovers,
        at_risk: AtRisk,
        calls: Calls,
        referrals: Referrals,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._rasa = rasa
        self._enrolment = enrolment
        self._safety = safety
        self._check_ins = check_ins
        self._replies = replies
        self._experiments = experiments
        self._explorations = explorations
        self._measures = measures
        self._skills = skills
        self._aftercare = after
        self._programme = programme
        self._links = links
        self._takeovers = takeovers
        self._at_risk = at_risk
        self._calls = calls
        self._referrals = referrals
        self._commands = {name: command["intent"] for name, command in library.protocol["commands"]["patients"].items()}

    # 1 ─ in the second it arrives, also while an earlier turn of this chat still waits for Rasa

    async def screen_first(self, incoming: Incoming) -> bool:
        """Screens the words by rules alone. True when they were a danger, which is then answered in full."""
        now = self._clock.now()
        with self._database.transaction() as session:
            patient = self._enrolment.stranger(session, incoming.chat_id, now)
            return self._screened(session, patient, incoming, now)

    def _screened(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> bool:
        """Reads the words once, however often this is called. True when they were a danger: then the update is done."""
        if incoming.kind not in WITH_WORDS or incoming.kind == "tap":
            return False
        message = self._log(session, patient, incoming, incoming.text, now)
        if message.screened:
            return False
        message.screened = True
        if not self._safety.screen(session, patient, message, now):
            return False
        self._takeovers.heard(session, patient, message, now, receipt=False)
        inbox.finish(session, incoming.update_id, InboxState.DONE)
        return True

    # 2, 3, 4 ─ in the chat's turn

    async def respond(self, incoming: Incoming) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            patient = self._enrolment.stranger(session, incoming.chat_id, now)
            if self._screened(session, patient, incoming, now):
                return
            heard = self._alone(session, patient, incoming, now)
            if heard.done:
                inbox.finish(session, incoming.update_id, InboxState.DONE)
                return
            if inbox.waiting_before(session, incoming.chat_id, incoming.update_id):
                self._hold(session, patient, incoming, now)
                return
            held = patient.held_since is not None or heard.for_physio
            asked = None if held or heard.intent else self._measures.asking(session, patient, now)
            turn = self._turn(session, patient, incoming, heard, now, in_questionnaire=asked is not None)
        try:
            result = await self._ask_rasa(turn, only_listen=held or asked is not None)
            if asked and self._measures.gives_way(asked, result.parse):
                asked, result = None, await self._rasa.converse(turn)
        except RasaUnavailable:
            if asked == Asked.WORDS:  # the rules have read it, and a questionnaire goes on without Rasa
                with self._database.transaction() as session:
                    self._keep_words(session, patients.get(session, patient.id), incoming, turn)
                return
            with self._database.transaction() as session:
                self._hold(session, patients.get(session, patient.id), incoming, self._clock.now())
            return
        with self._database.transaction() as session:
            patient = patients.get(session, patient.id)
            for_physio = heard.for_physio
            self._commit(
                session, patient, incoming, turn, result, self._clock.now(), asked=asked, for_physio=for_physio
            )
            inbox.finish(session, incoming.update_id, InboxState.DONE)

    async def give_up(self, incoming: Incoming) -> None:
        """After too many tries: a truthful reply instead of silence."""
        now = self._clock.now()
        with self._database.transaction() as session:
            patient = self._enrolment.stranger(session, incoming.chat_id, now)
            words = self._library.say("utter_effect_failed", **self._safety.numbers(patient))
            self._outgoing.to_patient(session, patient, [words], key=f"{incoming.key}:sorry", kind="reply", now=now)

    def _alone(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> Heard:
        """Everything the app can do without Rasa, in order of precedence."""
        if incoming.kind in ("blocked", "unblocked"):
            patients.mark_blocked(session, incoming.chat_id, now if incoming.kind == "blocked" else None)
            return Heard(done=True)
        if incoming.kind not in WITH_WORDS:
            return self._fixed(session, patient, incoming, UNREADABLE.get(incoming.kind, "utter_cannot_other"), now)
        heard = Heard(text=incoming.text.strip())
        if incoming.kind == "tap":
            tapped = self._tap(session, patient, incoming, now)
            if tapped.done:
                return tapped
            heard = tapped
        message = self._log(session, patient, incoming, heard.text or heard.intent or "", now)
        self._explorations.step_aside(session, patient, now)
        to_physio = incoming.kind != "tap" and self._takeovers.spoke_last(session, patient)
        if not to_physio and self._safety.answer(session, patient, heard.text, message=message, now=now):
            if incoming.kind != "tap":
                self._takeovers.heard(session, patient, message, now, receipt=False)
            return self._after_safety_question(session, patient)
        if heard.intent == aftercare.INTENT:
            choice = heard.entities.get("choice", "")
            self._aftercare.answer(session, patient, choice, key=f"{incoming.key}:reply", now=now)
            return Heard(done=True)
        if heard.intent == BACK:
            self._takeovers.back_to_coach(session, patient, key=f"{incoming.key}:reply", now=now)
            return Heard(done=True)
        if self._answers_physio(session, patient, heard, key=f"{incoming.key}:reply", now=now):
            return Heard(done=True)
        if self._takeovers.is_open(session, patient):
            if not self._takeovers.wants_back(heard.text):
                self._takeovers.heard(session, patient, message, now)
                if incoming.kind == "caption":  # the physio gets its words, and no picture
                    return self._fixed(session, patient, incoming, "utter_cannot_photo", now)
                heard.for_physio = True
                return heard
            self._takeovers.back_to_coach(session, patient, key=f"{incoming.key}:back", now=now)
            if not heard.text.startswith("/"):
                return Heard(done=True)
        if incoming.kind == "edited":
            return self._fixed(session, patient, incoming, "utter_edited_seen", now)
        if incoming.kind == "caption":
            return self._fixed(session, patient, incoming, "utter_cannot_photo", now)
        if len(heard.text.encode("utf-16-le")) // 2 > self._library.number("conversation.longest_message"):
            return self._fixed(session, patient, incoming, "utter_too_long", now)
        if patient.held_since:
            return heard  # the model may still hear a danger; `_commit` answers with the fixed words
        if heard.text.startswith("/"):
            self._command(session, patient, heard, now)
        self._experiments.let_pass(session, patient, now)
        self._skills.modules.let_pass(session, patient, now)
        self._programme.talks.let_pass(session, patient, now)
        key = f"{incoming.key}:reply"
        if self._questionnaire(session, patient, heard, key=key, now=now):
            return Heard(done=True)
        if self._at_risk.prompts.answer(session, patient, heard.text, asks=heard.asks, key=key, now=now):
            return Heard(done=True)
        if self._plain_answer(session, patient, heard, message, key=key, now=now):
            self._explorations.offer_after(session, patient, key=f"{incoming.key}:offer", now=now)
            return Heard(done=True)
        if self._programme.talks.answer(session, patient, heard.text, asks=heard.asks, key=key, now=now):
            return Heard(done=True)
        if self._skills.alone(
            session, patient, text=heard.text, intent=heard.intent, entities=heard.entities, asks=heard.asks,
            message_id=message.id, key=key, now=now,
        ):  # fmt: skip
            return Heard(done=True)
        if not patient.asks and (words := self._diary(session, patient, heard, message, now)):
            self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now)
            return Heard(done=True)
        self._button_by_name(session, patient, heard)
        if passed := self._explorations.passed(session, patient, heard.intent):
            return self._fixed(session, patient, incoming, passed, now)
        if patient.state in (PatientState.STRANGER, PatientState.INVITED, PatientState.WITHDRAWN):
            self._enrolling(patient, heard)
        return heard

    def _answers_physio(self, session: Session, patient: Patient, heard: Heard, *, key: str, now: datetime) -> bool:
        """A tap on what a physio has offered: times for a call, a visit."""
        if patient.state not in (PatientState.ACTIVE, PatientState.PAUSED):
            return False
        given = heard.entities
        return self._calls.tapped(session, patient, heard.intent, given, key=key, now=now) or self._referrals.tapped(
            session, patient, heard.intent, given, key=key, now=now
        )

    def _questionnaire(self, session: Session, patient: Patient, heard: Heard, *, key: str, now: datetime) -> bool:
        """A tap on a questionnaire's button, a plain answer to its question, or the wish to see them."""
        if self._measures.answer(session, patient, heard.text, asks=heard.asks, key=key, now=now):
            return True
        joined = patient.state in (PatientState.ACTIVE, PatientState.PAUSED)
        if joined and self._measures.is_asked_for(heard.text, heard.intent):
            self._measures.show(session, patient, key=key, now=now)
            return True
        return False

    def _plain_answer(
        self, session: Session, patient: Patient, heard: Heard, message: Message, *, key: str, now: datetime
    ) -> bool:
        """To a check-in, a small test, or a look at the patient's days; its own button counts behind a later question."""
        if (heard.asks or "").startswith("link.") and self._links.answer(
            session, patient, heard.text, key=key, now=now
        ):
            return True
        if (heard.asks or "").startswith("talk."):  # its "8" is no pain score, whatever else is open
            return False
        return (
            self._check_in_answer(session, patient, heard, message, key=key, now=now)
            or self._experiments.answer(session, patient, heard.text, key=key, now=now)
            or self._links.answer(session, patient, heard.text, key=key, now=now)
        )

    def _check_in_answer(
        self, session: Session, patient: Patient, heard: Heard, message: Message, *, key: str, now: datetime
    ) -> bool:
        """A tap on a check-in's button, also on one behind a later question, or a plain answer to the open one."""
        tapped = self._check_ins.for_tap(session, patient, heard.asks) if heard.asks else None
        check_in = tapped or self._check_ins.open_for(session, patient)
        said = heard.text or (f"/{heard.intent}" if tapped else "")
        if check_in is None or not said:
            return False
        asked = check_in.asks
        if not self._check_ins.answer(session, patient, check_in, said, key=key, now=now, message_id=message.id):
            return False
        if asked == PAIN:
            self._at_risk.news(session, patient, ("pain",), now)
        if check_in.state == CheckInState.ANSWERED:
            self._at_risk.news(session, patient, ("words", "taps"), now)
            self._experiments.go_on_after_check_in(session, patient, key=f"{key}:experiment", now=now)
        return True

    def _diary(self, session: Session, patient: Patient, heard: Heard, message: Message, now: datetime) -> list[Words]:
        """A correction of what was just written down, or a tap that takes back what was; [] when it is neither."""
        if heard.intent != UNDO:
            return self._programme.diary.correct(session, patient, message, now)
        try:
            return self._programme.undo(session, patient, now)
        except EffectRefused as refusal:
            return [self._library.say(refusal.response)]

    def _button_by_name(self, session: Session, patient: Patient, heard: Heard) -> None:
        """A typed "not now" under an offer is a tap on it."""
        said = self._explorations.typed(session, patient, heard.text)
        if said != heard.text and said.startswith("/"):
            heard.text, heard.intent = "", said[1:]
        else:
            heard.text = said

    def _tap(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> Heard:
        """What the tapped button stands for; a stale tap is answered, and changes nothing."""
        try:
            button = self._usable(session, patient, incoming, now)
        except StaleAction as stale:
            return self._fixed(session, patient, incoming, stale.response, now)
        if "tick" in button.effect and not patient.held_since:  # its keyboard stays, and changes in place
            self._log(session, patient, incoming, button.label, now)
            self._measures.tick(session, patient, button, incoming.message_id, key=f"{incoming.key}:tick", now=now)
            return Heard(done=True)
        button.used_at = button.used_at or now
        if incoming.message_id is not None:
            row = outbox.by_key(session, button.outbox_key)
            text = self._measures.shown(session, patient, button.asks) or (row.text if row else "")
            words = self._library.say("utter_chosen", text=text, choice=button.label)
            self._outgoing.replace_keyboard(
                session, incoming.chat_id, incoming.message_id, words.text, key=f"{incoming.key}:chosen", now=now
            )
        if button.says.startswith("/"):
            return Heard(intent=button.says[1:], entities=dict(button.effect), asks=button.asks)
        return Heard(text=button.says, asks=button.asks)

    def _usable(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> Button:
        button = outbox.button(session, incoming.button_id)
        if button is None or button.chat_id != incoming.chat_id or button.expires_at <= now:
            raise StaleAction("utter_stale_button")
        if self._takeovers.is_open(session, patient) and not self._counts_meanwhile(session, button):
            raise StaleAction("utter_with_physio")
        taken = button.used_at or outbox.answered(session, button.outbox_key)
        if taken and not messages.by_key(session, incoming.key):  # the same update again is not a second tap
            raise StaleAction("utter_stale_button")
        if (button.asks or "").startswith("measure."):
            if self._safety.asks(session, patient):
                raise StaleAction("utter_question_passed")
            if not self._measures.still_asked(session, patient, button.asks or ""):
                raise StaleAction("utter_measure_over")
        elif (button.asks or "").startswith("check_in."):
            if self._check_ins.for_tap(session, patient, button.asks or "") is None:
                raise StaleAction(self._check_ins.why_stale(session, patient, button.asks or ""))
        elif (button.asks or "").startswith("talk."):
            passed = self._programme.talks.for_tap(session, patient, button.asks or "") is None
            if passed or self._safety.asks(session, patient):  # "no" to an offer is no answer to a safety question
                raise StaleAction("utter_question_passed")
        elif self._skills.still_asked(session, patient, button.asks or "", now):
            if self._safety.asks(session, patient):
                raise StaleAction("utter_question_passed")
        elif (button.asks or "").startswith("link."):
            if button.asks != self._links.asks_now(session, patient, now):
                raise StaleAction("utter_question_passed")
        elif (button.asks or "").startswith("at_risk."):
            if not self._at_risk.prompts.still_asked(session, patient, button.asks or ""):
                raise StaleAction("utter_at_risk_passed")
        elif button.asks and not button.says.startswith("/") and button.asks != self._asks_now(session, patient, now):
            raise StaleAction("utter_question_passed")
        return button

    def _counts_meanwhile(self, session: Session, button: Button) -> bool:
        """While physio and patient write to each other: what came with safety, or from a physio."""
        row = outbox.by_key(session, button.outbox_key)
        asked = (button.asks or "").startswith("safety.")
        return asked or button.says == f"/{BACK}" or (row is not None and row.kind in MEANWHILE)

    def _asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What is being asked: a safety question before a check-in, an experiment, a form."""
        check_in = self._check_ins.open_for(session, patient)
        return (
            self._safety.asks(session, patient)
            or (self._check_ins.asks_of(check_in) if check_in else None)
            or self._experiments.asks_now(session, patient, now)
            or self._skills.modules.asks_now(session, patient, now)
            or self._programme.talks.asks_now(session, patient, now)
            or self._links.asks_now(session, patient, now)
            or patient.asks
        )

    def _command(self, session: Session, patient: Patient, heard: Heard, now: datetime) -> None:
        """A Telegram command stands for an intent; anything else that begins with a slash is ordinary text."""
        name, _, rest = heard.text[1:].partition(" ")
        intent = self._commands.get(name.partition("@")[0].lower())
        if intent is None:
            return
        heard.text, heard.intent = "", intent
        if name == "start" and rest and patient.state == PatientState.STRANGER:
            heard.entities = {"invitation_code": rest.strip()}

    def _enrolling(self, patient: Patient, heard: Heard) -> None:
        """Until consent is given there is one dialogue: enrolment. Whatever opens the talk opens it."""
        if not (patient.asks or "").startswith("enrolment_form."):
            code = answers.find({"kind": "invitation_code"}, heard.text)
            heard.entities = heard.entities or ({"invitation_code": str(code)} if code else {})
            heard.text, heard.intent, heard.asks = "", "enrol", None

    def _after_safety_question(self, session: Session, patient: Patient) -> Heard:
        """A form that a safety question had interrupted goes on where it was."""
        if patient.held_since or self._safety.asks(session, patient) or self._takeovers.is_open(session, patient):
            return Heard(done=True)
        then, patient.then = patient.then, None
        intent = then or ("continue" if patient.asks else None)
        return Heard(intent=intent, done=intent is None)

    def _fixed(self, session: Session, patient: Patient, incoming: Incoming, response: str, now: datetime) -> Heard:
        words = self._library.say(response, **self._safety.numbers(patient))
        self._outgoing.to_patient(session, patient, [words], key=f"{incoming.key}:reply", kind="reply", now=now)
        return Heard(done=True)

    def _log(self, session: Session, patient: Patient, incoming: Incoming, text: str, now: datetime) -> Message:
        message = Message(
            key=incoming.key,
            patient_id=patient.id,
            direction=Direction.FROM_PATIENT,
            kind=incoming.kind,
            text=text,
            at=now,
        )
        return messages.record(session, message)

    # Rasa

    def _turn(
        self,
        session: Session,
        patient: Patient,
        incoming: Incoming,
        heard: Heard,
        now: datetime,
        *,
        in_questionnaire: bool = False,
    ) -> Turn:
        """`in_questionnaire`: its question came last, so what is said is not for the check-in that is open as well."""
        check_in = None if in_questionnaire else self._check_ins.open_for(session, patient)
        experiment = None if in_questionnaire else self._experiments.open_for(session, patient, now)
        talk = None if in_questionnaire else self._programme.talks.open_for(session, patient, now)
        link = None if in_questionnaire else self._links.open_for(session, patient, now)
        if check_in and (heard.intent is None or (patient.asks or "").startswith("check_in_form.")):
            form = FormSync.model_validate({"set": True, **self._check_ins.rasa_form(check_in)})
            asks = f"{form.name}.{form.asks}" if form.name else None
        elif experiment and (heard.intent is None or (patient.asks or "").startswith("experiment_form.")):
            form = FormSync.model_validate({"set": True, **self._experiments.rasa_form(experiment, patient, now)})
            asks = f"{form.name}.{form.asks}"
        elif self._skills.modules.open_for(session, patient, now):
            form = FormSync.model_validate({"set": True, **self._skills.modules.rasa_form()})
            asks = patient.asks
        elif talk:
            synced = self._programme.talks.rasa_form(session, patient, talk, now)
            form = FormSync.model_validate({"set": True, **synced})
            asks = f"{form.name}.{form.asks}"
        elif link and (heard.intent is None or (patient.asks or "").startswith("link_form.")):
            form = FormSync.model_validate({"set": True, **self._links.rasa_form(link)})
            asks = f"{form.name}.{form.asks}"
        else:
            asks = None if in_questionnaire and self._rows_ask(patient) else patient.asks
            form = FormSync(set=True, name=asks.partition(".")[0] if asks else None)
        return Turn(
            sender=patient.sender,
            message_id=incoming.key,
            text=None if heard.intent else heard.text,
            intent=heard.intent,
            entities=heard.entities,
            form=form,
            slots=self._replies.context(session, patient, now),
            answer=None if heard.intent else self._shape(heard.text, asks),
            asks=asks,
        )

    def _rows_ask(self, patient: Patient) -> bool:
        """Is Rasa's form one that the app opens afresh from a row whenever it is needed?"""
        return (patient.asks or "").partition(".")[0] in ("check_in_form", "experiment_form")

    def _shape(self, text: str, asks: str | None) -> Answer | None:
        """Whether the text has the shape of what is being asked, so that no intent can run away with an answer."""
        if asks is None:
            return None
        form, _, slot = asks.partition(".")
        shape = answers.shape(self._library.slot_spec(slot, form), text)
        return "shaped" if shape == "shaped" else "open" if shape == "open" else None

    async def _ask_rasa(self, turn: Turn, *, only_listen: bool) -> TurnResult:
        """Under a safety hold, and where a questionnaire takes words, the model only listens: no dialogue moves."""
        if not only_listen:
            return await self._rasa.converse(turn)
        parses = await self._rasa.parse([turn.text]) if turn.text else []
        return TurnResult(handled=True, repeat=False, parse=parses[0] if parses else None, replies=[], asks=None)

    def _hold(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> None:
        """Rasa is away: a truthful holding reply, once, and the message is kept until Rasa answers."""
        if self._takeovers.is_open(session, patient):  # a physio has it
            inbox.finish(session, incoming.update_id, InboxState.DONE)
            return
        if patient.held_since:  # the model can't listen now; the rules have
            self._say_held(session, patient, incoming, now)
            inbox.finish(session, incoming.update_id, InboxState.DONE)
            return
        if self._programme.diary.understands(patient, incoming.text, now) and not patient.asks:
            self._note(session, patient, incoming, now)
            return
        words = self._library.say("utter_holding", **self._safety.numbers(patient))
        self._outgoing.to_patient(session, patient, [words], key=f"{incoming.key}:holding", kind="reply", now=now)
        inbox.wait(session, incoming.update_id, now + timedelta(seconds=self._library.number("conversation.ask_again")))

    def _note(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> None:
        """A plain diary sentence is written down without Rasa. The model still hears it later, and then says no more."""
        message = messages.by_key(session, incoming.key)
        if message and outbox.by_key(session, f"{incoming.key}:reply") is None:
            words = self._programme.diary.log(session, patient, message, now)
            self._outgoing.to_patient(session, patient, words, key=f"{incoming.key}:reply", kind="reply", now=now)
        inbox.wait(session, incoming.update_id, now + timedelta(seconds=self._library.number("conversation.ask_again")))

    def _say_held(self, session: Session, patient: Patient, incoming: Incoming, now: datetime) -> None:
        words = self._safety.held(patient)
        self._outgoing.to_patient(session, patient, [words], key=f"{incoming.key}:reply", kind="reply", now=now)

    def _commit(
        self,
        session: Session,
        patient: Patient,
        incoming: Incoming,
        turn: Turn,
        result: TurnResult,
        now: datetime,
        *,
        asked: Asked | None = None,
        for_physio: bool = False,
    ) -> None:
        message = messages.by_key(session, incoming.key)
        assert message is not None  # logged by `_alone`, and never deleted while its inbox row lives
        self._heard_by_model(session, patient, message, turn, result.parse, now)
        if result.parse and self._safety.model_heard(session, patient, message, result.parse, now):
            if not patient.held_since:
                patient.asks = result.asks or patient.asks
            return
        if for_physio:
            return
        if self._takeovers.is_open(session, patient):  # a physio has written while Rasa was thinking
            self._takeovers.heard(session, patient, message, now)
            return
        if patient.held_since:
            self._say_held(session, patient, incoming, now)
            return
        if asked:
            self._measures.heard(session, patient, asked, turn.text or "", key=f"{incoming.key}:reply", now=now)
            return
        late = outbox.by_key(session, f"{incoming.key}:holding") is not None
        self._replies.give(session, patient, message, turn, result, late=late, now=now)

    def _keep_words(self, session: Session, patient: Patient, incoming: Incoming, turn: Turn) -> None:
        key, now = f"{incoming.key}:reply", self._clock.now()
        self._measures.heard(session, patient, Asked.WORDS, turn.text or "", key=key, now=now)
        inbox.finish(session, incoming.update_id, InboxState.DONE)

    def _heard_by_model(
        self, session: Session, patient: Patient, message: Message, turn: Turn, parse: Parse | None, now: datetime
    ) -> None:
        if parse is None:
            return
        message.intent = parse.intent.name
        message.scores = {each.id: round(each.confidence, 3) for each in [*parse.beliefs, *parse.risks]}
        self._replies.flag_beliefs(session, patient, message, turn, parse, now)
