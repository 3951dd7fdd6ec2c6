"""Who the synthetic patients are: declared in personas.yml. Their sentences are synthetic data, never content."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.content import read_yaml
from bot.simulation.rasa import Meaning

FILE = Path(__file__).with_name("personas.yml")
Share = float  # 0–1


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Course(Declared):
    """From the first day to the last, in a straight line, give or take `wobble` (a standard deviation)."""

    start: float
    end: float
    wobble: float = 1.0


class Activity(Declared):
    """Minutes on a day on which anything is done; `cycle`: shares of it by day, again and again."""

    start: float
    end: float
    chance: Share = 1.0
    cycle: tuple[float, ...] = (1.0,)


class Line(Declared):
    """A sentence said unasked: on one day of the programme (1 is the first), or every so many days, by chance."""

    words: tuple[str, ...]
    intent: str
    beliefs: dict[str, float] = Field(default_factory=dict)
    risks: dict[str, float] = Field(default_factory=dict)
    day: int | None = None
    every: int | None = None
    first: int = 2  # day, with `every`
    chance: Share = 1.0
    hour: int = 10


class Persona(Declared):
    about: str
    check_in_at: str = "09:00"
    answers_check_ins: tuple[Share, Share]  # in the first week, in the last
    takes_up: Share  # of what the coach asks or offers beside check-ins
    goes_on: Share = 0.98  # of the questions inside a talk: else it is left lying
    minutes_to_answer: tuple[int, int]  # after a message that nobody asked for
    pain: Course  # 0–10
    confidence: Course  # 0–10
    trouble: Course  # 0–1: how bad the answers to questionnaires are
    activity: Activity
    curious: Share = 0.5  # takes the first button of an offer rather than another
    ticks: str = "typed"  # or "tapped": how a list of statements is answered
    lines: tuple[Line, ...] = ()
    presses: tuple[str, ...] = ()  # buttons that they press wherever they see them
    notices: tuple[str, ...] = ()  # what is said to "what did you notice"
    answers: dict[str, str] = Field(default_factory=dict)  # by question, where it matters; "|" parts a series


class Physio(Declared):
    acknowledges_after: int  # minutes
    closes_after: int  # minutes
    outcome: str  # protocol/escalation.yml


class Cast(Declared):
    """Everybody who takes part. `free_words`: what is typed to a question that has no buttons; `usual`: everybody's
    answers, by question."""

    physio: Physio
    free_words: tuple[str, ...]
    usual: dict[str, str]
    personas: dict[str, Persona]

    def meanings(self) -> dict[str, Meaning]:
        return {
            words.lower(): Meaning(line.intent, line.beliefs, line.risks)
            for persona in self.personas.values()
            for line in persona.lines
            for words in line.words
        }


def read_cast(file: Path = FILE) -> Cast:
    document: dict[str, Any] = read_yaml(file)
    return Cast.model_validate(document)
