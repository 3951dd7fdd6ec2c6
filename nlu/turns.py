"""Takes one turn of one conversation: whole or not at all, and once however often it is asked.

Rasa's own `handle_message` loads and saves in one go, with no place to set the form and the slots in
between, so its steps are taken one by one here (Rasa is pinned; tests/contract watches them).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Dict, List, Optional
from weakref import WeakValueDictionary

from pydantic import BaseModel, Field, root_validator
from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from .hearing import asked, heard
from .memory import Memory, replies, unwrapped
from .strict_actions import StrictActions

CHANNEL = "coach"
NOT_FROM_OUTSIDE = {"restart", "session_start", "back", "nlu_fallback"}  # Rasa runs these outside of all rules


class Unusable(Exception):
    """The request can't be carried out as it stands; the words say why."""


class NotReady(Exception):
    """No model is loaded."""


class FormState(BaseModel):
    set: bool = False
    name: Optional[str] = None
    slots: Dict[str, Any] = {}
    asks: Optional[str] = None  # the slot that the form waits for; None: the first empty one

    class Config:
        extra = "forbid"


class Turn(BaseModel):
    sender: str = Field(min_length=1, max_length=255)
    message_id: str = Field(min_length=1, max_length=200)
    text: Optional[str] = None
    intent: Optional[str] = None
    entities: Dict[str, Any] = {}
    form: FormState = FormState()
    slots: Dict[str, Any] = {}
    answer: Optional[str] = Field(default=None, regex="^(shaped|open)$")
    asks: Optional[str] = None

    class Config:
        extra = "forbid"

    @root_validator(skip_on_failure=True)
    def _one_message(cls, values: Dict[str, Any]) -> Dict[str, Any]:  # noqa: N805
        if (values["text"] is None) == (values["intent"] is None):
            raise ValueError("give text or intent, and not both")
        return values


class Silent(OutputChannel):
    """Sends nothing: replies are read from the events, the same way for a new turn and for a repeat."""

    @classmethod
    def name(cls) -> str:
        return CHANNEL

    async def send_response(self, recipient_id: str, message: Dict[str, Any]) -> None:
        pass


class Conversations:
    """The conversations of the loaded model. `session_s`: a pause after which a new session may begin."""

    def __init__(self, agent: Agent, session_s: float) -> None:
        self._agent = agent
        self._session_s = session_s
        self._locks: "WeakValueDictionary[str, asyncio.Lock]" = WeakValueDictionary()

    async def take(self, turn: Turn) -> Dict[str, Any]:
        processor = self._processor()
        self._refuse_unknown_names(turn, processor)
        async with self._alone(turn.sender):
            known = self._memory().turn(turn.sender, turn.message_id)
            if known is not None:
                return self._result(known, await self._retrieved(turn.sender), repeat=True)
            tracker = await processor.get_tracker(turn.sender)
            if self._is_new_session(turn, tracker):
                tracker.update_with_events(_session(tracker), processor.domain)
            tracker.update_with_events(_prepare(turn, tracker, processor.domain), processor.domain)
            tracker.update(await self._message(turn, tracker, processor), processor.domain)
            new = len(tracker.events) - 1
            await processor.run_action_extract_slots(Silent(), tracker)
            await processor._run_prediction_loop(Silent(), tracker)
            await processor.save_tracker(tracker)
            events = [event.as_dict() for event in list(tracker.events)[new:]]
            return self._result(events, tracker, repeat=False)

    async def parse(self, text: str) -> Dict[str, Any]:
        return parse_of(await self._parsed(text, self._processor()), self.model())

    async def state(self, sender: str) -> Dict[str, Any]:
        tracker = await self._retrieved(sender)
        return {
            "form": tracker.active_loop_name if tracker else None,
            "asks": asked(tracker) if tracker else None,
        }

    async def erase(self, sender: str) -> None:
        async with self._alone(sender):
            self._memory().erase(sender)

    def forget_before(self, moment: float) -> None:
        self._memory().forget_before(moment)

    def swap(self, path: str) -> None:
        """Loads another model in place; the old one stays when that fails."""
        self._processor()
        self._agent.load_model(path)

    def model(self) -> str:
        return str(self._processor().model_filename)

    def _processor(self) -> MessageProcessor:
        """The loaded model, with Rasa's two lenient wrappers taken off; again each time, a swap puts them back."""
        processor = self._agent.processor
        if processor is None:
            raise NotReady()
        self._agent.tracker_store = processor.tracker_store = unwrapped(self._agent)
        if self._agent.action_endpoint is not None:
            self._agent.action_endpoint = processor.action_endpoint = StrictActions.over(self._agent.action_endpoint)
        return processor

    def _memory(self) -> Memory:
        return Memory(unwrapped(self._agent))

    def _alone(self, sender: str) -> "_Alone":
        lock = self._locks.setdefault(sender, asyncio.Lock())
        return _Alone(lock, self._agent.lock_store, sender)

    async def _retrieved(self, sender: str) -> Optional[DialogueStateTracker]:
        return await unwrapped(self._agent).retrieve(sender)

    def _refuse_unknown_names(self, turn: Turn, processor: MessageProcessor) -> None:
        domain = processor.domain
        if turn.intent is not None and (turn.intent in NOT_FROM_OUTSIDE or turn.intent not in domain.intents):
            raise Unusable(f"there is no intent {turn.intent}")
        if turn.form.name is not None and turn.form.name not in domain.form_names:
            raise Unusable(f"there is no form {turn.form.name}")
        unknown = sorted(set(turn.form.slots) - {slot.name for slot in domain.slots})
        if unknown:
            raise Unusable(f"there is no slot {', '.join(unknown)}")

    def _is_new_session(self, turn: Turn, tracker: DialogueStateTracker) -> bool:
        """True for a new conversation, and after a pause, but never while a form is open.

        Only the current session is loaded in a turn, so sessions keep turns quick; Rasa's own expiry
        would let an open form die in silence.
        """
        if not tracker.events:
            return True
        form = turn.form.name if turn.form.set else tracker.active_loop_name
        last = tracker.get_last_event_for(UserUttered)
        return form is None and last is not None and time.time() - last.timestamp > self._session_s

    async def _message(self, turn: Turn, tracker: DialogueStateTracker, processor: MessageProcessor) -> UserUttered:
        """What the patient said, or pressed. A leading slash is text: Rasa would run it as an intent.

        With an intent there is no text: a `from_text` slot would take "/check_in" as the answer.
        """
        if turn.intent is not None:
            found = [{"entity": name, "value": value} for name, value in turn.entities.items()]
            parse = {"text": None, "intent": {"name": turn.intent, "confidence": 1.0}, "entities": found}
        else:
            parse = await self._parsed(turn.text or "", processor)
            asks = asked(tracker)
            answer = turn.answer if turn.asks in (None, asks) else None
            parse["intent"] = heard(parse, answer, asks, processor.domain)
            parse = {**parse_of(parse, self.model()), "text": turn.text}
        return UserUttered(
            turn.text,
            parse["intent"],
            parse["entities"],
            parse,
            input_channel=CHANNEL,
            message_id=turn.message_id,
        )

    async def _parsed(self, text: str, processor: MessageProcessor) -> Dict[str, Any]:
        bare = text.lstrip("/ \t\r\n").strip()
        return await processor.parse_message(UserMessage(bare, Silent(), "parse"))

    def _result(
        self, events: List[Dict[str, Any]], tracker: Optional[DialogueStateTracker], *, repeat: bool
    ) -> Dict[str, Any]:
        parse = events[0].get("parse_data") or {}
        return {
            "handled": True,
            "repeat": repeat,
            "parse": parse_of(parse, "") if parse.get("text") is not None else None,
            "replies": replies(events),
            "asks": asked(tracker) if tracker else None,
        }


class _Alone:
    """One turn of a sender at a time: first in first out here, Rasa's lock store against other processes."""

    def __init__(self, here: asyncio.Lock, everywhere: Any, sender: str) -> None:
        self._here = here
        self._everywhere = everywhere.lock(sender, wait_time_in_seconds=0.05)  # its default polls each second

    async def __aenter__(self) -> None:
        await self._here.acquire()
        try:
            await self._everywhere.__aenter__()
        except BaseException:
            self._here.release()
            raise

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._everywhere.__aexit__(*error)
        finally:
            self._here.release()


def parse_of(parse: Dict[str, Any], model: str) -> Dict[str, Any]:
    """The part of Rasa's parse that the app sees, and all of it that is stored."""
    return {
        "intent": {"name": parse["intent"]["name"], "confidence": round(float(parse["intent"]["confidence"]), 4)},
        "ranking": [
            {"name": one["name"], "confidence": round(float(one["confidence"]), 4)}
            for one in parse.get("ranking") or parse.get("intent_ranking") or []
        ],
        "beliefs": parse.get("beliefs") or [],
        "risks": parse.get("risks") or [],
        "frame": parse.get("frame") or {},
        "entities": parse.get("entities") or [],
        "model": parse.get("model") or model,
    }


def _session(tracker: DialogueStateTracker) -> List[Event]:
    """The events that open a session; slots go with it.

    Rasa's own session start copies every earlier SlotSet, so the events would grow with each session.
    """
    kept = {name: slot.value for name, slot in tracker.slots.items() if slot.value is not None}
    kept.pop(REQUESTED_SLOT, None)
    started = SessionStarted()  # first: what is older than it is not loaded again
    return [
        ActionExecuted(ACTION_SESSION_START_NAME),
        started,
        *(SlotSet(name, value) for name, value in kept.items()),
        ActionExecuted(ACTION_LISTEN_NAME),
    ]


def _prepare(turn: Turn, tracker: DialogueStateTracker, domain: Domain) -> List[Event]:
    """The app's state, put into the tracker before the message: context slots, then form and its slots.

    A context slot that no topic declares is left out: nothing could show it.
    """
    wanted = {name: value for name, value in turn.slots.items() if name in tracker.slots} | turn.form.slots
    events: List[Event] = [SlotSet(name, value) for name, value in wanted.items() if tracker.get_slot(name) != value]
    if not turn.form.set:
        return events
    if tracker.active_loop_name != turn.form.name:
        events.append(ActiveLoop(turn.form.name))
    asks = _asks(turn, tracker, domain)
    if tracker.get_slot(REQUESTED_SLOT) != asks:
        events.append(SlotSet(REQUESTED_SLOT, asks))
    return events


def _asks(turn: Turn, tracker: DialogueStateTracker, domain: Domain) -> Optional[str]:
    """The slot that the form waits for now: what the app says, else what is asked already, else the first empty."""
    form = turn.form
    if form.name is None:
        return None
    required = domain.required_slots_for_form(form.name)
    asked_form, _, asked_slot = (turn.asks or "").partition(".")
    known = tracker.get_slot(REQUESTED_SLOT) if tracker.active_loop_name == form.name else None
    for slot in (form.asks, known, asked_slot if asked_form == form.name else None):
        if slot in required and form.slots.get(slot) is None:
            return str(slot)
    return next((slot for slot in required if form.slots.get(slot, tracker.get_slot(slot)) is None), None)
