"""What an exploration says: each class's own words in the place of the general ones of dialogues/exploration.yml."""

from sqlmodel import Session

from bot.coaching import answers
from bot.content import Choice, Library, Words
from bot.rasa.turns import Reply
from data import checkins
from data.explorations import Exploration, ExplorationState
from data.patients import Patient

FORM = "exploration_form"
OFFERS = ("utter_explore_offer", "utter_explore_offer_later")
ROLL = "utter_explore_roll"
ASK = "utter_ask_explore_"
HOLDING = "utter_holding"
ENDS = {
    ExplorationState.DECLINED: "utter_explore_not_now",
    ExplorationState.NOT_HELD: "utter_explore_not_held",
}


class ExplorationWords:
    def __init__(self, library: Library) -> None:
        self._library = library

    def of_class(self, row: Exploration, step: str) -> Words | None:
        """utter_explore_b04_view; of several wordings another one each time."""
        name = f"utter_explore_{row.belief.lower()}_{step}"
        return self._library.say(name, variation=row.id) if self._library.has(name) else None

    def instead_of(self, reply: Reply, row: Exploration) -> list[Words]:
        """[] when the reply's own words are the ones to say."""
        match reply.custom.get("slot_in"):
            case "exploration":
                own = self.of_class(row, (reply.response or "").removeprefix(ASK))
                return [Words(own.response, own.text, own.choices or plain(reply).choices)] if own else []
            case "exploration_end":
                return self._ending(row)
            case "exploration_roll" if row.state == ExplorationState.UNRESOLVED:
                return [self._library.say("utter_explore_parked")]
        return []

    def _ending(self, row: Exploration) -> list[Words]:
        if row.state in ENDS:
            return [self._library.say(ENDS[row.state])]
        return [*self._summary(row), self.of_class(row, "done") or self._library.say("utter_explore_done")]

    def _summary(self, row: Exploration) -> list[Words]:
        """In the patient's words; a long answer is not read back."""
        longest = self._library.number("exploration.longest_quote")
        said = {name: getattr(row, name) for name in ("view", "unlike")}
        lines = [
            self._library.say(f"utter_explore_summary_{name}", **{name: words.rstrip(". ")})
            for name, words in said.items()
            if words and len(words) <= longest
        ]
        if row.strength is not None:
            lines.append(self._library.say("utter_explore_summary_strength", strength=row.strength))
        return lines

    # What typed words mean under a message with buttons

    def last_said(self, session: Session, patient: Patient) -> str:
        """The last response before which nothing but a holding reply came."""
        said = (names for _, names in checkins.last_said(session, patient.id) if names != HOLDING)
        return next(said, "").rpartition(",")[2]

    def meant(self, response: str, text: str) -> str | None:
        """The button that a plain yes, a plain no, or the name of a button stands for: yes is the first one."""
        choices = self._library.say(response).choices
        options = self._library.slot_spec("explore_answer")["options"]
        for choice, words in zip(choices, options.values(), strict=True):
            if answers.is_one_of([choice.label, *words], text):
                return choice.says
        return None

    def button(self, row: Exploration, step: str, text: str) -> str | None:
        own = self.of_class(row, step)
        choices = own.choices if own else ()
        return next((choice.says for choice in choices if answers.is_one_of([choice.label], text)), None)


def plain(reply: Reply) -> Words:
    choices = tuple(Choice(label=button.title, says=button.payload) for button in reply.buttons)
    return Words(response=reply.response or "", text=reply.text.strip(), choices=choices)
