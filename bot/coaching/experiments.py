"""Small tests of a prediction: which question comes next, and what all of them together came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

FORM = "experiment_form"


class Question(StrEnum):
    """In the order of asking; the name of the column it fills, but for `tried`."""

    TRIED = "tried"
    ACTUAL = "actual"
    NEXT_MORNING = "next_morning"
    MADE_OF_IT = "made_of_it"

    @property
    def slot(self) -> str:
        return f"experiment_{self.value}"

    @property
    def response(self) -> str:
        return f"utter_ask_{self.slot}"


class Tried(StrEnum):
    """The answers to the first question."""

    YES = "yes"
    NOT_YET = "not_yet"
    NO = "no"


def question_of_slot(slot: str) -> Question | None:
    return next((question for question in Question if question.slot == slot), None)


def due(try_on: date, tried_on: date | None, today: date) -> Question | None:
    """What is to be asked today; the next morning is asked about once a night has passed."""
    if tried_on is None:
        return Question.TRIED if today >= try_on else None
    return Question.NEXT_MORNING if today > tried_on else None


def follows(question: Question, answer: object, *, a_night_later: bool) -> Question | None:
    """The question after this answer in the same talk; None when the rest waits for another day, or there is none."""
    match question:
        case Question.TRIED:
            return Question.ACTUAL if answer == Tried.YES else None
        case Question.ACTUAL:
            return Question.NEXT_MORNING if a_night_later else None
        case Question.NEXT_MORNING:
            return Question.MADE_OF_IT
        case Question.MADE_OF_IT:
            return None


class Verdict(StrEnum):
    LESS = "less"
    SAME = "same"
    MORE = "more"


@dataclass(frozen=True)
class Try:
    """One finished test, in pain scores 0–10."""

    expected: int
    actual: int
    next_morning: int | None = None

    @property
    def verdict(self) -> Verdict:
        """By the worse of the two scores: a bad morning after an easy try is not told as good news."""
        worst = max(self.actual, self.next_morning if self.next_morning is not None else self.actual)
        if worst == self.expected:
            return Verdict.SAME
        return Verdict.LESS if worst < self.expected else Verdict.MORE


class Leans(StrEnum):
    """Which way all tries together lean, by a sign test; what could be chance leans nowhere."""

    LESS = "less"
    MORE = "more"
    CHANCE = "chance"


@dataclass(frozen=True)
class Summary:
    """`leans` is None while there are too few tries to ask."""

    all: int
    less: int
    more: int
    mean_expected: float
    mean_actual: float
    leans: Leans | None = None


def summary(tries: Sequence[Try], *, least: int, tested_from: int, level: float) -> Summary | None:
    """Of every try, good or bad; None while there are fewer than `least` (clinical.md §9.5).

    From `tested_from` tries on it is said which way they lean, when chance would do that in less than 1 − `level`.
    """
    if not tries or len(tries) < least:
        return None
    less = sum(each.verdict == Verdict.LESS for each in tries)
    more = sum(each.verdict == Verdict.MORE for each in tries)
    return Summary(
        all=len(tries),
        less=less,
        more=more,
        leans=_leans(less, more, level) if len(tries) >= tested_from else None,
        mean_expected=sum(each.expected for each in tries) / len(tries),
        mean_actual=sum(each.actual for each in tries) / len(tries),
    )


def _leans(less: int, more: int, level: float) -> Leans:
    """The sign test, two-sided: a try that came as expected leans neither way."""
    from scipy.stats import binomtest  # costs memory: only who has tried ten times pays

    if not less + more or binomtest(less, less + more).pvalue > 1 - level:
        return Leans.CHANCE
    return Leans.LESS if less > more else Leans.MORE
