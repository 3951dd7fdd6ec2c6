"""Stand-ins for what runs elsewhere. tests/contract runs the same expectations against the real thing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.content import Library
from bot.errors import RasaUnavailable
from bot.rasa.turns import Intent, Label, Parse, Reply, ReplyButton, Turn, TurnResult


@dataclass
class Understanding:
    """What Rasa makes of one text or intent: its parse, the responses it gives, and what it asks next."""

    intent: str = "smalltalk"
    says: Sequence[str] = ("utter_default",)
    asks: str | None = None
    beliefs: dict[str, float] = field(default_factory=dict)
    risks: dict[str, float] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # slots, as Rasa would fill them into texts and effects


class FakeRasa:
    """Says what a test tells it to: `hears("hello", says=["utter_greet"])`. Idempotent by message id, like the channel."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[str, Understanding] = {}
        self._turns: dict[tuple[str, str], TurnResult] = {}
        self._asks: dict[str, str | None] = {}
        self._up = True
        self.turns: list[Turn] = []  # every turn that was really taken
        self.forgotten: list[str] = []

    def hears(self, text: str, **understanding: Any) -> None:
        """`text` is what the patient says, or "/intent" for an intent that the app sends."""
        self._known[text.lower()] = Understanding(**understanding)

    def down(self) -> None:
        self._up = False

    def up(self) -> None:
        self._up = True

    async def ready(self) -> bool:
        return self._up

    async def converse(self, turn: Turn) -> TurnResult:
        self._check()
        again = self._turns.get((turn.sender, turn.message_id))
        if again:
            return again.model_copy(update={"repeat": True})
        self.turns.append(turn)
        heard = self._understand(turn)
        asks = self._asks.get(turn.sender) if heard.asks == "same" else heard.asks
        self._asks[turn.sender] = asks
        result = TurnResult(
            handled=True,
            repeat=False,
            parse=self._parse(heard),
            replies=[self._reply(name, {**turn.slots, **heard.values}) for name in heard.says],
            asks=asks,
        )
        self._turns[turn.sender, turn.message_id] = result
        return result

    async def parse(self, texts: Sequence[str]) -> list[Parse]:
        self._check()
        return [self._parse(self._known.get(text.lower(), Understanding())) for text in texts]

    async def forget(self, sender: str) -> None:
        self._check()
        self.forgotten.append(sender)
        self._asks.pop(sender, None)

    def _check(self) -> None:
        if not self._up:
            raise RasaUnavailable

    def _understand(self, turn: Turn) -> Understanding:
        said = f"/{turn.intent}" if turn.intent else (turn.text or "").lower()
        return self._known.get(said, Understanding(intent="nlu_fallback"))

    def _parse(self, heard: Understanding) -> Parse:
        return Parse(
            intent=Intent(name=heard.intent, confidence=0.9),
            ranking=[Intent(name=heard.intent, confidence=0.9)],
            beliefs=[Label(id=name, confidence=score) for name, score in heard.beliefs.items()],
            risks=[Label(id=name, confidence=score) for name, score in heard.risks.items()],
            entities=[],
            model="fake",
        )

    def _reply(self, response: str, values: dict[str, Any]) -> Reply:
        words = self._library.say(response, **values)
        custom = self._filled_in(words.custom, values)
        buttons = [ReplyButton(title=choice.label, payload=choice.says) for choice in words.choices]
        return Reply(response=response, text=words.text, buttons=buttons, custom=custom)

    def _filled_in(self, node: Any, values: dict[str, Any]) -> Any:
        if isinstance(node, dict):
            return {key: self._filled_in(value, values) for key, value in node.items()}
        return self._filled(node, values) if isinstance(node, str) else node

    def _filled(self, template: str, values: dict[str, Any]) -> str:
        from bot.content import PLACEHOLDER

        return PLACEHOLDER.sub(lambda match: str(values.get(match[1])), template)
