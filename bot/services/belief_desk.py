"""What a physio sees of the beliefs that were heard, and how they put one right.

A patient's words stand in one message of the physio's own chat at a time: in the flag that was tapped. They leave it when
the physio has answered, when the next flag is opened, and when the patient is erased.
"""

from dataclasses import replace
from typing import Any

from bot.coaching.identifying import may_identify
from bot.content import Choice, Library, Words
from bot.services.outgoing import Outgoing
from bot.services.visit import Visit
from data import audit, concerns, messages, outbox, patients, physios
from data.concerns import NO_BELIEF, BeliefCorrection, BeliefFlag, StandingFlag
from data.messages import Message
from data.outbox import Button, Channel, OutboxMessage
from data.patients import Patient, PatientState

NEVER = 0  # stands for the correction that a flag does not have yet


class BeliefDesk:
    """Called by PhysioDesk, which has looked at who asks and whether they may."""

    def __init__(self, library: Library, outgoing: Outgoing) -> None:
        self._library = library
        self._outgoing = outgoing

    # --- the list ---

    def heard_from(self, visit: Visit, code: str) -> None:
        """The newest flags of one patient; without a code, the patients to choose from."""
        patient = patients.by_code(visit.session, code.upper())
        if patient and patient.service_id == visit.physio.service_id:
            self._list(visit, patient)
        elif code:
            self._say(visit, None, "utter_flag_unknown_patient")
        else:
            self._which_patient(visit)

    def pick(self, visit: Visit, button: Button, flag_id: int) -> None:
        """The patient whose newest flag this was when they could be chosen."""
        if found := self._find(visit, button, flag_id):
            self._list(visit, found[1])

    def _which_patient(self, visit: Visit) -> None:
        most = int(self._library.number("corrections.listed_at_most"))
        lately = concerns.heard_lately(visit.session, visit.physio.service_id, most)
        theirs = [(flag, patients.get(visit.session, flag.patient_id)) for flag in lately]
        choices = tuple(Choice(patient.code, effect=_effect("pick_patient", flag, patient)) for flag, patient in theirs)
        self._write(visit, None, replace(self._library.say("utter_flag_which_patient"), choices=choices), "list")

    def _list(self, visit: Visit, patient: Patient) -> None:
        """Not a word of the patient's, and a button for each flag."""
        self._audit(visit, patient, "beliefs_listed")
        newest = concerns.standing_flags(visit.session, patient.id)[::-1]
        if not newest:
            self._say(visit, patient, "utter_flag_list_empty", patient=patient.code)
            return
        most = int(self._library.number("corrections.listed_at_most"))
        lines = [self._text("utter_flag_list_head", patient=patient.code)]
        lines += [self._line(visit, number, each) for number, each in enumerate(newest[:most], start=1)]
        if newest[most:]:
            lines.append(self._text("utter_flag_list_more", count=len(newest[most:])))
        choices = tuple(
            Choice(label=str(number), effect=_effect("show_flag", each.flag, patient))
            for number, each in enumerate(newest[:most], start=1)
        )
        self._write(visit, patient, Words("utter_flag_list_head", "\n".join(lines), choices), "list")

    def _line(self, visit: Visit, number: int, each: StandingFlag) -> str:
        return self._text("utter_flag_line", number=number, **self._facts(visit, each.flag))

    # --- one flag ---

    def show(self, visit: Visit, button: Button, flag_id: int) -> None:
        """The flag with the words it was heard in. The list keeps its buttons, any other question is answered by it."""
        if (found := self._find(visit, button, flag_id)) is None:
            return
        flag, patient = found
        row = outbox.by_key(visit.session, button.outbox_key)
        if row is None or row.kind != "list":
            self._answered(visit, button)
        self._hide_words(visit)
        message = messages.get(visit.session, flag.message_id)
        if message is None or self._is_discreet(visit, flag):
            self._say(visit, patient, "utter_flag_discreet", patient=patient.code)
            return
        body = self._library.say("utter_flag_body", **self._facts(visit, flag), **self._talk(visit, message))
        choices = tuple(
            Choice(each.label, effect=_answer(each.says, flag, patient, seen=_newest(visit, flag)))
            for each in body.choices
        )
        self._write(visit, patient, replace(body, choices=choices), outbox.WORDS)
        self._audit(visit, patient, "belief_words_read", flag=flag.id)

    def choose(self, visit: Visit, button: Button, flag_id: int) -> None:
        """Which belief is it then? The words stay in sight."""
        if (found := self._find(visit, button, flag_id)) is None:
            return
        flag, patient = found
        seen = button.effect.get("seen")
        question = self._library.say("utter_flag_choose")
        others = tuple(
            Choice(self._name(belief), effect=_effect("correct_flag", flag, patient, belief=belief, seen=seen))
            for belief in self._library.protocol["beliefs"]
            if belief != flag.belief
        )
        back = tuple(Choice(each.label, effect=_effect(each.says, flag, patient)) for each in question.choices)
        self._answered(visit, button)
        self._write(visit, patient, replace(question, choices=others + back), "reply")

    def correct(self, visit: Visit, button: Button, flag_id: int) -> None:
        """Counts when nobody has put the flag right since the button was made."""
        if (found := self._find(visit, button, flag_id)) is None:
            return
        flag, patient = found
        before = concerns.correction_of(visit.session, flag.id)
        if button.effect.get("seen") != _newest(visit, flag):
            self._overtaken(visit, button, patient, flag, before)
            return
        belief = str(button.effect.get("belief", flag.belief))
        correction = concerns.correct(visit.session, flag, belief, physio_id=visit.physio.id, now=visit.now)
        self._audit(visit, patient, "belief_corrected", flag=flag.id, heard=flag.belief, belief=belief)
        self._answered(visit, button)
        self._ask_for_words(visit, patient, flag, correction)

    def _ask_for_words(self, visit: Visit, patient: Patient, flag: BeliefFlag, correction: BeliefCorrection) -> None:
        """May writers have them? Not asked about words that may say who it is, nor after consent was withdrawn."""
        kind = _kind(flag, correction.belief)
        noted = self._text(f"utter_flag_noted_{kind}", now=self._name(correction.belief))
        message = messages.get(visit.session, flag.message_id)
        if message is None or may_identify(message.text) or patient.state == PatientState.WITHDRAWN:
            self._hide_words(visit)
            stay = self._text("utter_flag_words_stay")
            self._write(visit, patient, Words("utter_flag_words_stay", f"{noted}\n\n{stay}"), "reply")
            return
        question = self._library.say("utter_flag_share")
        choices = tuple(
            Choice(each.label, effect=_effect("share_words", flag, patient, correction=correction.id, share=each.says))
            for each in question.choices
        )
        self._write(visit, patient, replace(question, text=f"{noted}\n\n{question.text}", choices=choices), "reply")

    def share(self, visit: Visit, button: Button, flag_id: int) -> None:
        """Keeps the words for the writers, or not; either way they leave this chat."""
        if (found := self._find(visit, button, flag_id)) is None:
            return
        flag, patient = found
        correction = concerns.correction_of(visit.session, flag.id)
        if correction is None or correction.id != button.effect.get("correction"):
            self._overtaken(visit, button, patient, flag, correction)
            return
        message = messages.get(visit.session, flag.message_id)
        shared = button.effect.get("share") == "yes" and message is not None
        correction.words = self._clipped(message, "words_shown") if message and shared else ""
        self._audit(visit, patient, "belief_words_shared" if shared else "belief_words_kept", flag=flag.id)
        self._answered(visit, button)
        self._hide_words(visit)
        self._say(visit, patient, "utter_flag_shared" if shared else "utter_flag_kept", patient=patient.code)

    # --- what a tap is about, and whether it still counts ---

    def _find(self, visit: Visit, button: Button, flag_id: int) -> tuple[BeliefFlag, Patient] | None:
        """None, and said so, after an erasure. The code is compared too: a database may give a number twice."""
        flag = concerns.belief_flag(visit.session, flag_id)
        patient = patients.by_code(visit.session, str(button.effect.get("patient", "")))
        theirs = flag is not None and patient is not None and flag.patient_id == patient.id
        if flag is None or patient is None or not theirs or patient.service_id != visit.physio.service_id:
            self._say(visit, None, "utter_flag_gone")
            return None
        return flag, patient

    def _overtaken(
        self, visit: Visit, button: Button, patient: Patient, flag: BeliefFlag, correction: BeliefCorrection | None
    ) -> None:
        self._answered(visit, button)
        by = physios.get(visit.session, correction.physio_id) if correction else None
        self._say(
            visit, patient, "utter_flag_overtaken", by=by.name if by else self._text("utter_owner_nobody"),
            patient=patient.code, standing=self._standing(flag, correction),
        )  # fmt: skip

    def _is_discreet(self, visit: Visit, flag: BeliefFlag) -> bool:
        """Something was said in the same message that stands on no card: it is not read here either, nor passed on."""
        return any(
            concerns.risk_flagged(visit.session, flag.message_id, risk)
            for risk in self._library.value("escalation.discreet")
        )

    # --- words ---

    def _facts(self, visit: Visit, flag: BeliefFlag) -> dict[str, Any]:
        patient = patients.get(visit.session, flag.patient_id)
        sure = flag.confidence >= self._library.number("corrections.sure_from")
        return {
            "patient": patient.code,
            "day": f"{flag.on.day} {flag.on:%b}",
            "heard": self._name(flag.belief),
            "meaning": self._library.protocol["beliefs"][flag.belief]["definition"],
            "sure": self._text("utter_flag_sure" if sure else "utter_flag_fairly_sure"),
            "standing": self._standing(flag, concerns.correction_of(visit.session, flag.id)),
        }

    def _standing(self, flag: BeliefFlag, correction: BeliefCorrection | None) -> str:
        """The patient's own word goes before a physio's, as in `concerns.standing_flags`."""
        if flag.held is False:
            return self._text("utter_flag_not_held")
        if correction is not None:
            kind = _kind(flag, correction.belief)
            return self._text(f"utter_flag_stands_{kind}", now=self._name(correction.belief))
        return self._text("utter_flag_held" if flag.held else "utter_flag_not_asked")

    def _talk(self, visit: Visit, message: Message) -> dict[str, Any]:
        answer = messages.reply_to(visit.session, message)
        return {
            "words": self._clipped(message, "words_shown"),
            "said": self._clipped(answer, "answer_shown") if answer else self._text("utter_flag_no_answer"),
        }

    def _clipped(self, message: Message, limit: str) -> str:
        """What fits into one message with the rest: a keyboard's words are edited as one."""
        most = int(self._library.number(f"corrections.{limit}"))
        return message.text if len(message.text) <= most else f"{message.text[:most].rstrip()}…"

    def _name(self, belief: str) -> str:
        return "" if belief == NO_BELIEF else self._text(f"utter_flag_class_{belief.lower()}")

    def _text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text

    # --- messages ---

    def _say(self, visit: Visit, patient: Patient | None, response: str, /, **values: Any) -> None:
        self._write(visit, patient, self._library.say(response, **values), "reply")

    def _write(self, visit: Visit, patient: Patient | None, words: Words, kind: str) -> None:
        """The row belongs to the patient too, so that an erasure finds it."""
        key, patient_id = visit.key(kind), patient.id if patient else None
        row = self._outgoing.to_physio(visit.session, visit.physio, [words], key=key, now=visit.now, kind=kind)
        if row:
            row.patient_id = patient_id

    def _answered(self, visit: Visit, button: Button) -> None:
        """The tapped keyboard gives way to what was chosen."""
        row = outbox.by_key(visit.session, button.outbox_key)
        if row and visit.incoming.message_id is not None:
            note = self._text("utter_card_chosen", label=button.label)
            self._edit(visit, row, f"{row.text}\n\n{note}", key=visit.key("edit"))

    def _hide_words(self, visit: Visit) -> None:
        """The words leave the newest flag of this chat; those before it have lost theirs in their turn."""
        row = outbox.newest_words_in(visit.session, visit.incoming.chat_id)
        patient = visit.session.get(Patient, row.patient_id) if row else None
        if row and patient:
            gone = self._text("utter_flag_words_gone", patient=patient.code)
            self._edit(visit, row, gone, key=f"words:{row.key}")

    def _edit(self, visit: Visit, row: OutboxMessage, text: str, *, key: str) -> None:
        """The copy belongs to the patient like the message itself."""
        if row.telegram_message_id is not None:
            message_id = row.telegram_message_id
            self._outgoing.replace_keyboard(
                visit.session, row.chat_id, message_id, text, key=key, now=visit.now, channel=Channel.STAFF
            )
            if edit := outbox.by_key(visit.session, key):
                edit.patient_id = row.patient_id

    def _audit(self, visit: Visit, patient: Patient, what: str, **detail: Any) -> None:
        by = f"physio:{visit.physio.id}"
        audit.record(visit.session, what, by=by, now=visit.now, patient=patient.code, **detail)


def _effect(name: str, flag: BeliefFlag, patient: Patient, **more: object) -> dict[str, object]:
    return {"effect": name, "flag": flag.id, "patient": patient.code, **more}


def _answer(payload: str, flag: BeliefFlag, patient: Patient, *, seen: int) -> dict[str, object]:
    """What a button under a flag does: right, none, or other, which asks on. `seen`: the correction its reader knew."""
    if payload == "other":
        return _effect("choose_belief", flag, patient, seen=seen)
    belief = flag.belief if payload == "right" else NO_BELIEF
    return _effect("correct_flag", flag, patient, belief=belief, seen=seen)


def _newest(visit: Visit, flag: BeliefFlag) -> int:
    correction = concerns.correction_of(visit.session, flag.id)
    return correction.id if correction else NEVER


def _kind(flag: BeliefFlag, belief: str) -> str:
    """Ending of the responses that say how a flag was corrected."""
    return "none" if belief == NO_BELIEF else "right" if belief == flag.belief else "other"
