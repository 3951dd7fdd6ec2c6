"""A physio's own words to a patient: what may be sent, how it is framed, and the ready words to begin with."""

import re
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bot.content import PLACEHOLDER, Library, Words
from bot.errors import EffectRefused
from data import goals, rota
from data.patients import Patient
from data.physios import Physio
from data.rota import ShownAs

TEMPLATE = "utter_template_"
GAP = re.compile(r"\[[^\[\]\n]{1,40}\]")


@dataclass(frozen=True)
class Template:
    """`name` as the audit and addresses know it, `title` as a physio finds it."""

    name: str
    title: str


class PhysioWords:
    def __init__(self, library: Library) -> None:
        self._library = library

    def templates(self) -> list[Template]:
        """In the order of the file."""
        return [
            Template(name.removeprefix(TEMPLATE), str(self._library.say(name).custom["title"]))
            for name in self._library.responses
            if name.startswith(TEMPLATE)
        ]

    def template(self, session: Session, patient: Patient, name: str) -> str:
        """The ready words for this patient; "" when there are none of that name. What isn't known becomes a gap."""
        response = f"{TEMPLATE}{name}"
        if not self._library.has(response):
            return ""
        goal = goals.active(session, patient.id)
        values: dict[str, Any] = {**self._library.numbers(patient.nation)}
        if goal:
            values["activity"] = goal.activity
        return PLACEHOLDER.sub(r"[\1]", self._library.say(response, **values).text)

    def gaps(self, words: str) -> list[str]:
        """What is still to be filled in."""
        return GAP.findall(words)

    def checked(self, words: str) -> str:
        """Raises EffectRefused for words that say nothing, or too much, or have a gap."""
        said = words.replace("\r\n", "\n").strip()
        most = int(self._library.number("talking.words_at_most"))
        if not said:
            raise EffectRefused("utter_talk_empty")
        if len(said) > most:
            raise EffectRefused("utter_talk_too_long", count=len(said), most=most)
        if self.gaps(said):
            raise EffectRefused("utter_talk_gaps")
        return said

    def shown(self, session: Session, physio: Physio, patient: Patient, words: str, *, first: bool) -> list[Words]:
        """As the patient sees it: whose words they are, the words, and, under the `first`, what happens now."""
        shown_as = rota.service(session, physio.service_id).shown_as
        name = physio.name.partition(" ")[0] if shown_as is ShownAs.FIRST_NAME else ""
        framed = [self._library.say(f"utter_from_physio_{shown_as.value}", words=words, name=name)]
        if first:
            framed.append(self._library.say("utter_physio_writes_now", **self._library.numbers(patient.nation)))
        return framed
