"""A physio writes to a patient from their own Telegram chat: they see the words once more before these are sent.

The draft lives in the buttons of its preview, encrypted, and nowhere else. A patient's words stand in the chat only in
answer to a tap, and leave it when the next ones are opened, when they are answered, and with an erasure.
"""

from dataclasses import replace
from typing import Any

from bot.content import Choice, Library, Words
from bot.errors import EffectRefused, StaleAction
from bot.services.outgoing import Outgoing
from bot.services.takeovers import Takeovers, effect
from bot.services.visit import Visit
from data import case_file, outbox, takeovers, worklist
from data.messages import Direction
from data.outbox import Button, Channel
from data.patients import Patient


class TalkingDesk:
    """Called by PhysioDesk, which has looked at who asks and whether they may."""

    def __init__(self, library: Library, outgoing: Outgoing, takeovers: Takeovers) -> None:
        self._library = library
        self._outgoing = outgoing
        self._takeovers = takeovers

    # --- commands, and a reply to one of our messages ---

    def reply(self, visit: Visit, rest: str) -> None:
        """/reply P-7KQ4M words; without words the ready ones to choose from."""
        code, _, words = rest.partition(" ")
        if not code:
            self._say(visit, None, "utter_talk_how")
        elif (patient := self._patient(visit, code)) is None:
            self._say(visit, None, "utter_talk_unknown_patient")
        elif words.strip():
            self._preview(visit, patient, words)
        else:
            self._offer_templates(visit, patient)

    def reply_to_message(self, visit: Visit) -> bool:
        """Words in reply to a card, a notice or a preview of ours; False when it is about no patient."""
        if visit.incoming.reply_to is None:
            return False
        row = takeovers.message_in_chat(visit.session, visit.incoming.chat_id, visit.incoming.reply_to)
        patient = takeovers.patient_of(visit.session, row) if row else None
        if patient is None or patient.service_id != visit.physio.service_id:
            return False
        self._preview(visit, patient, visit.incoming.text)
        return True

    def back(self, visit: Visit, code: str) -> None:
        """/back P-7KQ4M"""
        if patient := self._patient(visit, code):
            self._hand_back(visit, patient)
        else:
            self._say(visit, None, "utter_talk_unknown_patient" if code else "utter_talk_how")

    # --- taps ---

    def use_template(self, visit: Visit, button: Button, _about: int) -> None:
        patient, name = self._of(visit, button), str(button.effect.get("template", ""))
        self._chosen(visit, button)
        words = self._takeovers.words.template(visit.session, patient, name)
        self._preview(visit, patient, words, template=name)

    def send(self, visit: Visit, button: Button, _about: int) -> None:
        """The draft of the preview, once however often it is tapped."""
        patient = self._of(visit, button)
        words, template = str(button.effect.get("words", "")), str(button.effect.get("template", ""))
        once = f"draft:{button.outbox_key}"
        self._takeovers.write(
            visit.session, visit.physio, patient, words, visit.now, once=once, template=template
        )  # fmt: skip
        self._chosen(visit, button)
        self._hide_words(visit)
        self._say(visit, patient, "utter_talk_sent", patient=patient.code)

    def drop(self, visit: Visit, button: Button, _about: int) -> None:
        patient = self._of(visit, button)
        self._chosen(visit, button)
        self._say(visit, patient, "utter_talk_dropped")

    def hand_back(self, visit: Visit, button: Button, _about: int) -> None:
        patient = self._of(visit, button)
        self._chosen(visit, button)
        self._hand_back(visit, patient)

    def read(self, visit: Visit, button: Button, _about: int) -> None:
        """What the patient has written since a physio last read."""
        patient = self._of(visit, button)
        takeover = takeovers.newest_of(visit.session, patient.id)
        since = takeover.unread_since if takeover else None
        self._chosen(visit, button)
        self._hide_words(visit)
        if since is None:
            self._say(visit, patient, "utter_talk_nothing_new", patient=patient.code)
            return
        most = int(self._library.number("talking.shown"))
        said = takeovers.words_since(visit.session, patient.id, since, most=most)
        discreet = case_file.with_risk(visit.session, patient.id, self._library.value("escalation.discreet"))
        kept_back = self._text("utter_talk_kept_back")
        theirs = [
            kept_back if each.id in discreet else each.text for each in said if each.direction == Direction.FROM_PATIENT
        ]
        words = self._library.say("utter_talk_words", patient=patient.code, words="\n\n".join(theirs))
        self._write(visit, patient, self._with_effects(words, patient), outbox.WORDS)
        self._takeovers.read(visit.session, visit.physio, patient, visit.now)

    # --- small parts ---

    def _preview(self, visit: Visit, patient: Patient, words: str, *, template: str = "") -> None:
        """As the patient would see it, with the draft in the button. Words that can't be sent are refused here."""
        said, gaps = words.strip(), self._takeovers.words.gaps(words)
        try:
            said = said if gaps else self._takeovers.words.checked(words)
            shown = self._takeovers.shown(visit.session, visit.physio, patient, said)
        except EffectRefused as refused:
            self._say(visit, patient, refused.response, **refused.values)
            return
        response = "utter_talk_fill_in" if gaps else "utter_talk_preview"
        preview = self._library.say(response, patient=patient.code, shown=shown, gaps=", ".join(gaps))
        self._write(visit, patient, self._with_effects(preview, patient, words=said, template=template), "reply")

    def _offer_templates(self, visit: Visit, patient: Patient) -> None:
        words = self._library.say("utter_talk_templates", patient=patient.code)
        choices = tuple(
            Choice(each.title, effect=effect("use_template", patient, template=each.name))
            for each in self._takeovers.words.templates()
        )
        self._write(visit, patient, replace(words, choices=choices), "reply")

    def _hand_back(self, visit: Visit, patient: Patient) -> None:
        done = self._takeovers.hand_back(visit.session, visit.physio, patient, visit.now)
        self._hide_words(visit)
        self._say(visit, patient, "utter_talk_handed_back" if done else "utter_talk_over", patient=patient.code)

    def _patient(self, visit: Visit, code: str) -> Patient | None:
        return worklist.patient(visit.session, visit.physio.service_id, code.strip().upper())

    def _of(self, visit: Visit, button: Button) -> Patient:
        """Raises StaleAction after an erasure."""
        patient = self._patient(visit, str(button.effect.get("patient", "")))
        if patient is None:
            raise StaleAction("utter_flag_gone")
        return patient

    def _with_effects(self, words: Words, patient: Patient, /, **more: object) -> Words:
        choices = tuple(Choice(each.label, effect=effect(each.says, patient, **more)) for each in words.choices)
        return replace(words, choices=choices)

    def _say(self, visit: Visit, patient: Patient | None, response: str, /, **values: Any) -> None:
        self._write(visit, patient, self._library.say(response, **values), "reply")

    def _write(self, visit: Visit, patient: Patient | None, words: Words, kind: str) -> None:
        """The row belongs to the patient too, so that an erasure finds it."""
        row = self._outgoing.to_physio(
            visit.session, visit.physio, [words], key=visit.key(kind), now=visit.now, kind=kind
        )
        if row and patient:
            row.patient_id = patient.id

    def _chosen(self, visit: Visit, button: Button) -> None:
        """The tapped keyboard gives way to what was chosen; words of a patient leave with it."""
        row = outbox.by_key(visit.session, button.outbox_key)
        if row and row.kind != outbox.WORDS and visit.incoming.message_id is not None:
            note = self._text("utter_card_chosen", label=button.label)
            self._edit(visit, row.chat_id, visit.incoming.message_id, f"{row.text}\n\n{note}", row.patient_id)

    def _hide_words(self, visit: Visit) -> None:
        """A patient's words leave this chat; those that were opened before have left in their turn."""
        row = outbox.newest_words_in(visit.session, visit.incoming.chat_id)
        patient = visit.session.get(Patient, row.patient_id) if row else None
        if row and patient and row.telegram_message_id is not None:
            gone = self._text("utter_flag_words_gone", patient=patient.code)
            self._edit(visit, row.chat_id, row.telegram_message_id, gone, row.patient_id, key=f"words:{row.key}")

    def _edit(
        self, visit: Visit, chat_id: int, message_id: int, text: str, patient_id: int | None, *, key: str = ""
    ) -> None:
        key = key or visit.key("edit")
        self._outgoing.replace_keyboard(
            visit.session, chat_id, message_id, text, key=key, now=visit.now, channel=Channel.STAFF
        )
        if edit := outbox.by_key(visit.session, key):
            edit.patient_id = patient_id

    def _text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text
