"""One conversation with the real Rasa, turn by turn, as the app holds it: buttons say what their payload says."""

from collections.abc import Mapping
from itertools import count
from typing import Any

from bot.coaching import answers
from bot.content import Library
from bot.rasa.client import Rasa
from bot.rasa.turns import FormSync, Turn, TurnResult

NUMBERS = count(1)


class Walk:
    def __init__(self, rasa: Rasa, library: Library, state: str = "active") -> None:
        self._rasa = rasa
        self._library = library
        self._sender = f"walker-{next(NUMBERS)}"
        self._ids = count(1)
        self._opened: FormSync | None = None
        self._buttons: dict[str, str] = {}
        self.asks: str | None = None
        self._slots = {
            "patient_state": state,
            "check_in_time": "18:00",
            "goal_summary": "You haven't set a goal yet.",
            "physio_when": "today",
            "local_day": "Monday",
            "exploring": "B04",
            **library.numbers("england"),
        }

    def opens(self, form: str, slots: Mapping[str, Any], asks: str | None = None) -> None:
        """The app puts a form in place, as for a check-in; `asks` is the first empty slot unless given."""
        empty = (slot for slot in self._library.forms[form]["required_slots"] if slots.get(slot) is None)
        self.asks = f"{form}.{asks or next(empty)}"
        self._opened = FormSync(set=True, name=form, slots=dict(slots), asks=asks)

    async def says(self, text: str) -> TurnResult:
        """What is typed; or, when it is the title of a button of the last reply, tapped."""
        said = self._buttons.get(text, text)
        is_tap = text in self._buttons
        return await self.means(said[1:]) if is_tap and said.startswith("/") else await self._turn(text=said)

    async def means(self, intent: str, entities: Mapping[str, Any] | None = None) -> TurnResult:
        """What the app says by itself."""
        return await self._turn(intent=intent, entities=dict(entities or {}))

    async def _turn(self, text: str | None = None, **said: Any) -> TurnResult:
        form = self._opened or FormSync(set=True, name=self.asks.partition(".")[0] if self.asks else None)
        self._opened = None
        turn = Turn(
            sender=self._sender,
            message_id=f"m{next(self._ids)}",
            text=text,
            form=form,
            slots=self._slots,
            answer=self._shape(text),
            asks=self.asks,
            **said,
        )
        result = await self._rasa.converse(turn)
        self.asks = result.asks
        self._buttons = {button.title: button.payload for reply in result.replies for button in reply.buttons}
        return result

    def _shape(self, text: str | None) -> Any:
        if text is None or self.asks is None:
            return None
        form, _, slot = self.asks.partition(".")
        return answers.shape(self._library.slot_spec(slot, form), text)
