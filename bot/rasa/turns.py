"""What the app and Rasa say to each other: one turn there, its result back. nlu/README.md has the whole table."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Answer = Literal["shaped", "open"]


class Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class FormSync(Said):
    """The app's state is the truth: with `set`, Rasa's open form becomes `name` before it hears the message.

    `asks` is the slot that the form waits for; None leaves that to Rasa (the first empty one).
    """

    set: bool = False
    name: str | None = None
    slots: dict[str, Any] = {}
    asks: str | None = None


class Turn(Said):
    """One message of one patient: text, or an intent that only the app may give. A repeat moves nothing."""

    sender: str
    message_id: str
    text: str | None = None
    intent: str | None = None
    entities: dict[str, Any] = {}
    form: FormSync = FormSync()
    slots: dict[str, Any] = {}  # what the dialogue may show of this patient
    answer: Answer | None = None  # what answers.shape says about the text, for the question `asks`
    asks: str | None = None  # "goal_form.goal_minutes"


class Intent(Said):
    name: str | None
    confidence: float


class Label(Said):
    """A belief (B01…) or a risk (RF01…) that the model hears."""

    id: str
    confidence: float
    held: bool = True  # the speaker's own, now, affirmed and no question


class Frame(Said):
    """Who holds what is said, when, whether it is denied or asked, and whether it is long-standing."""

    holder: Literal["self", "other", "clinician"] = "self"
    time: Literal["now", "past", "conditional"] = "now"
    polarity: Literal["affirmed", "negated"] = "affirmed"
    form: Literal["statement", "question"] = "statement"
    onset: Literal["unsaid", "long_standing"] = "unsaid"


class Parse(Said):
    intent: Intent
    ranking: list[Intent] = []
    beliefs: list[Label] = []  # every one that scores at least 0.05, best first
    risks: list[Label] = []
    frame: Frame = Frame()
    entities: list[dict[str, Any]] = []
    model: str = ""


class ReplyButton(Said):
    title: str
    payload: str  # what the tap says: words, or "/intent"


class Reply(Said):
    """What one response says: its words, buttons and custom part together."""

    response: str | None = None
    text: str = ""
    buttons: list[ReplyButton] = []
    custom: dict[str, Any] = {}


class TurnResult(Said):
    handled: bool = True
    repeat: bool = False
    parse: Parse | None = None
    replies: list[Reply] = []
    asks: str | None = None  # "form.slot" that the open form waits for now
