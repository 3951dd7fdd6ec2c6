"""A physio offers times for a phone call, the patient picks one or says that none suits; or the patient asks for one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching import call_times
from bot.coaching.call_times import CallLimits, TimesRefused
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused, StaleAction
from bot.services.outgoing import Outgoing
from bot.services.takeovers import MAY_BE_WRITTEN_TO, Takeovers
from data import alerts, audit, calls, messages, physios, rota
from data.calls import Call, CallState
from data.patients import Patient
from data.physios import Physio

CHOOSE, WISH = "choose_call", "wish_call"  # what buttons say: "/choose_call", with which one beside it
NONE = "none"


class Calls:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, outgoing: Outgoing, takeovers: Takeovers) -> None:
        self._library = library
        self._outgoing = outgoing
        self._takeovers = takeovers

    # --- a physio's side ---

    def read_times(self, session: Session, physio: Physio, texts: Sequence[str], now: datetime) -> list[datetime]:
        """On the service's clock. Raises EffectRefused: call_none, call_soon …"""
        zone = rota.service(session, physio.service_id).time_zone
        try:
            return call_times.read(texts, zone, now, self._limits)
        except TimesRefused as refused:
            raise EffectRefused(f"call_{refused.reason}") from refused

    def offer_words(self, patient: Patient, times: Sequence[datetime]) -> Words:
        """The offer, with a button for each time on the patient's clock."""
        offer = self._library.say("utter_call_offer")
        labels = [*(Choice(self.when(patient, each), says=str(n)) for n, each in enumerate(times)), *offer.choices]
        return replace(offer, choices=tuple(labels))

    def offer(
        self, session: Session, physio: Physio, patient: Patient, times: Sequence[datetime], now: datetime, *, once: str
    ) -> None:
        """Takes the place of what was offered or asked for before. The same `once` is sent once.

        Raises EffectRefused for a patient who can't be written to.
        """
        key = f"call:{physio.id}:{once}"
        if messages.by_key(session, key):
            return
        self._takeovers.refuse_unreachable(session, patient)
        alerts.lock_patient(session, patient)
        before = calls.live_of(session, patient.id)
        if before:
            before.state, before.ended_at, before.outcome = CallState.ENDED, now, "replaced"
        call = calls.add(
            session,
            Call(
                patient_id=patient.id, physio_id=physio.id, state=CallState.OFFERED, made_at=now,
                times=[each.isoformat() for each in times], preferred=before.preferred if before else "",
            ),
        )  # fmt: skip
        words = _bound(self.offer_words(patient, times), CHOOSE, call=str(call.id))
        self._takeovers.say_as(session, physio, patient, words, key=key, kind="call", now=now)
        self._audit(session, patient, "call_offered", _by(physio), now, call=call.id, times=call.times)

    def end(
        self, session: Session, physio: Physio, patient: Patient, call_id: int, outcome: str, now: datetime
    ) -> None:
        """How it ended. Raises EffectRefused for an unknown outcome, StaleAction when it was over before."""
        if outcome not in self._library.value("talking.call_outcomes"):
            raise EffectRefused("call_outcome")
        call = calls.get(session, patient.id, call_id)
        if call is None or call.state not in calls.LIVE:
            raise StaleAction("call_over")
        told = call.state in (CallState.OFFERED, CallState.AGREED)
        call.state, call.ended_at, call.outcome = CallState.ENDED, now, outcome
        self._audit(session, patient, "call_ended", _by(physio), now, call=call.id, outcome=outcome)
        if outcome == "cancelled" and told and patient.state in MAY_BE_WRITTEN_TO:
            words = self._library.say("utter_call_cancelled")
            self._outgoing.to_patient(session, patient, [words], key=f"call:{call.id}:off", kind="reply", now=now)

    # --- the patient's side ---

    def tapped(
        self,
        session: Session,
        patient: Patient,
        intent: str | None,
        given: Mapping[str, str],
        *,
        key: str,
        now: datetime,
    ) -> bool:
        """A tap on a time, or on when a call would suit; False when it is neither."""
        if intent == CHOOSE:
            words = self._choose(session, patient, given, now)
        elif intent == WISH:
            words = self._wish(session, patient, given, now)
        else:
            return False
        self._outgoing.to_patient(session, patient, [words], key=key, kind="call", now=now)
        return True

    def _choose(self, session: Session, patient: Patient, given: Mapping[str, str], now: datetime) -> Words:
        call = calls.get(session, patient.id, int(given.get("call", "0")))
        if call is None or call.state is not CallState.OFFERED:
            return self._library.say("utter_call_over")
        if given.get("choice") == NONE:
            call.state, call.answered_at = CallState.NONE_SUIT, now
            self._audit(session, patient, "call_times_refused", "patient", now, call=call.id)
            self._tell(session, patient, call, "utter_talk_call_none_suit", now)
            return self._ask_when()
        chosen = call.offered[int(given.get("choice", "0"))]
        if chosen <= now:
            still = self.offer_words(patient, call.offered)
            return _bound(replace(still, text=self._library.say("utter_call_past").text), CHOOSE, call=str(call.id))
        call.state, call.call_at, call.answered_at = CallState.AGREED, chosen, now
        self._audit(session, patient, "call_agreed", "patient", now, call=call.id, at=chosen)
        zone = rota.of_patient(session, patient.id).time_zone
        self._tell(session, patient, call, "utter_talk_call_agreed", now, when=_when(chosen, zone))
        return self._library.say("utter_call_agreed", when=self.when(patient, chosen))

    def _wish(self, session: Session, patient: Patient, given: Mapping[str, str], now: datetime) -> Words:
        """First when it suits, then kept for the physio; a wish without a call live begins one."""
        preferred = given.get("choice", "")
        if not preferred:
            return self._ask_when()
        call = calls.live_of(session, patient.id)
        if preferred == NONE:
            if call and call.state in (CallState.ASKED, CallState.NONE_SUIT):
                call.state, call.ended_at, call.outcome = CallState.ENDED, now, "not_wanted"
                self._audit(session, patient, "call_not_wanted", "patient", now, call=call.id)
            return self._library.say("utter_call_no_wish")
        if call is None:
            call = calls.add(session, Call(patient_id=patient.id, state=CallState.ASKED, made_at=now))
        call.preferred = preferred
        self._audit(session, patient, "call_wished", "patient", now, call=call.id, preferred=preferred)
        self._tell(session, patient, call, "utter_talk_call_wished", now, preferred=self.preference(preferred))
        return self._library.say("utter_call_wished", **self._library.numbers(patient.nation))

    def _ask_when(self) -> Words:
        return _bound(self._library.say("utter_call_wish"), WISH)

    # --- small parts ---

    def when(self, patient: Patient, at: datetime) -> str:
        """On the patient's clock."""
        return _when(at, patient.time_zone)

    def preference(self, code: str) -> str:
        """As the patient has tapped it."""
        labels = {each.says: each.label for each in self._library.say("utter_call_wish").choices}
        return labels.get(code, "")

    @property
    def most_times(self) -> int:
        return int(self._library.number("talking.call_times"))

    def _tell(
        self, session: Session, patient: Patient, call: Call, response: str, now: datetime, **values: Any
    ) -> None:
        """The physio who offered; a wish that nobody has taken up has an alert, or stands on the case."""
        if physio := physios.get(session, call.physio_id):
            words = self._library.say(response, patient=patient.code, **values)
            key = f"call:{call.id}:{call.state.value}:{call.preferred}"
            self._takeovers.notify(session, patient, physio, words, key, now)

    @property
    def _limits(self) -> CallLimits:
        number, value = self._library.number, self._library.value
        return CallLimits(
            most=self.most_times,
            at_least=timedelta(minutes=number("talking.call_at_least")),
            at_most=timedelta(days=number("talking.call_at_most")),
            earliest=time.fromisoformat(str(value("talking.call_earliest"))),
            latest=time.fromisoformat(str(value("talking.call_latest"))),
        )

    def _audit(self, session: Session, patient: Patient, what: str, by: str, now: datetime, **detail: Any) -> None:
        audit.record(session, what, by=by, now=now, patient=patient.code, **detail)


def _bound(words: Words, intent: str, **more: str) -> Words:
    """Each button says the intent, with what it stands for beside it."""
    choices = tuple(Choice(each.label, f"/{intent}", {"choice": each.says, **more}) for each in words.choices)
    return replace(words, choices=choices)


def _when(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def _by(physio: Physio) -> str:
    return f"physio:{physio.id}"
