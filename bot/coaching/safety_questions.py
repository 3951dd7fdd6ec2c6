"""Safety question sets: one plain question at a time, and what the answers decide. The content declares everything.

Sets, words and decisions: dialogues/safety/questions.yml; the questions' texts: dialogues/safety/question_texts.yml.
Source: clinical.md §5.2 nos. 1–4 and 11. "Not sure" counts as yes for Tier A, and escalates in Tier B.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.errors import ContentError

Outcome = Literal["advise", "note", "clear"]
NOT_SURE = "not_sure"  # also what silence stands for
_LONGEST_TAIL = 3  # words after "no" that may be ignored: "no, I can't feel a thing down there" is no plain no
_WORD = re.compile(r"[a-z']+|\d+")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "`": "'", "\u00b4": "'"})


@dataclass(frozen=True)
class Decision:
    """What a set came to. `advise`: say `responses`, raise the alert for `risk` · `note`: say them, record it for
    the physio · `clear`: say them. `asks_next`: sets that follow; don't add the risk's `asks_after` to them."""

    outcome: Outcome
    risk: str
    severity: str
    responses: tuple[str, ...]
    symptom: str = ""
    asks_next: tuple[str, ...] = ()
    because: str = ""  # set and question, never the words


@dataclass(frozen=True)
class Question:
    """`response` is its text, with the buttons; `counts` what a yes adds: feature, risk_factor or nothing."""

    id: str
    response: str
    counts: str
    decides: Mapping[str, Decision]  # answers that end the set at once


@dataclass(frozen=True)
class QuestionSet:
    id: str
    risk: str
    intro: tuple[str, ...]  # responses said before the first question
    questions: tuple[Question, ...]
    answers: Mapping[str, tuple[str, ...]]  # answer → the words it may be given in
    starts_with: Mapping[str, int]  # what the message that opened the set already counts as
    escalate_when: tuple[Mapping[str, int], ...]
    escalated: Decision | None
    otherwise: Decision


def question_sets(content: Mapping[str, Any]) -> dict[str, QuestionSet]:
    """The sets of questions.yml by id. Raises ContentError."""
    try:
        answers = {name: answer_words(kinds) for name, kinds in content["answers"].items()}
        return {name: _question_set(name, entry, answers) for name, entry in content["sets"].items()}
    except (KeyError, TypeError) as error:
        raise ContentError(f"dialogues/safety/questions.yml: {error!r} is missing or misplaced") from error


def next_step(question_set: QuestionSet, answers: Mapping[str, str]) -> Question | Decision:
    """The question to ask now, or the decision. `answers`: question id → answer, as far as they have come."""
    for question in question_set.questions:
        decided = question.decides.get(answers.get(question.id, ""))
        if decided is not None:
            return decided
    if question_set.escalated is not None and _escalates(question_set, answers):
        return question_set.escalated
    for question in question_set.questions:
        if question.id not in answers:
            return question
    return question_set.otherwise


def read_answer(question_set: QuestionSet, text: str) -> str | None:
    """The answer that typed words (or a button's) stand for; None when they are none of the declared ones."""
    return read_words(question_set.answers, text)


def read_words(answers: Mapping[str, Sequence[str]], text: str) -> str | None:
    """As `read_answer`, for answers outside a set; their words are those `answer_words` gives."""
    said = _plain(text)
    for answer, phrases in answers.items():
        if said in phrases:
            return answer
    best: tuple[int, str] | None = None
    for answer, phrases in answers.items():
        for phrase in phrases:
            if not said.startswith(phrase + " ") or (best is not None and len(phrase) <= best[0]):
                continue
            if answer != "no" or len(said.split()) - len(phrase.split()) <= _LONGEST_TAIL:
                best = (len(phrase), answer)
    return best[1] if best else None


def answer_words(kinds: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """One entry of `answers` in questions.yml: answer → the words it may be given in, made comparable."""
    return {answer: tuple(_plain(words) for words in entry["words"]) for answer, entry in kinds.items()}


def approval_hash(response: Mapping[str, Any]) -> str:
    """sha256 of what a patient would read: the text and the button titles of one response. Line breaks don't count."""
    shown = [
        " ".join(str(response.get("text", "")).split()),
        *(str(button["title"]) for button in response.get("buttons") or []),
    ]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


def _escalates(question_set: QuestionSet, answers: Mapping[str, str]) -> bool:
    counted = {"feature": 0, "risk_factor": 0, NOT_SURE: 0, **question_set.starts_with}
    for question in question_set.questions:
        answer = answers.get(question.id)
        if answer == "yes" and question.counts in counted:
            counted[question.counts] += 1
        elif answer == NOT_SURE:
            counted[NOT_SURE] += 1
    return any(
        all(counted[what] >= least for what, least in condition.items()) for condition in question_set.escalate_when
    )


def _question_set(
    name: str, entry: Mapping[str, Any], answers: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> QuestionSet:
    risk = str(entry["risk"])
    known = answers[str(entry.get("answers", "yes_no"))]
    questions = tuple(
        _question(name, question, risk, known, bool(entry.get("not_sure_is_yes"))) for question in entry["questions"]
    )
    escalated = entry.get("escalated")
    return QuestionSet(
        id=name,
        risk=risk,
        intro=tuple(entry.get("intro") or ()),
        questions=questions,
        answers=known,
        starts_with=dict(entry.get("starts_with") or {}),
        escalate_when=tuple(entry.get("escalate_when") or ()),
        escalated=_decision(escalated, risk, name) if escalated else None,
        otherwise=_decision(entry["otherwise"], risk, name),
    )


def _question(
    name: str, entry: Mapping[str, Any], risk: str, known: Mapping[str, Any], not_sure_is_yes: bool
) -> Question:
    identity = str(entry["id"])
    decides = {
        answer: _decision(decision, risk, f"{name}.{identity}")
        for answer, decision in (entry.get("decides") or {}).items()
    }
    if not_sure_is_yes and "yes" in decides:
        decides.setdefault(NOT_SURE, decides["yes"])
    if unknown := set(decides) - set(known):
        raise ContentError(
            f"dialogues/safety/questions.yml: {name}.{identity} decides on unknown answers: {sorted(unknown)}"
        )
    return Question(identity, str(entry["response"]), str(entry.get("counts", "")), decides)


def _decision(entry: Mapping[str, Any], risk: str, because: str) -> Decision:
    outcome = entry["outcome"]
    if outcome not in ("advise", "note", "clear"):
        raise ContentError(f"dialogues/safety/questions.yml: {because} has the unknown outcome {outcome!r}")
    return Decision(
        outcome,
        str(entry.get("risk", risk)),
        str(entry.get("severity", "R")),
        _names(entry["responses"]),
        str(entry.get("symptom", "")),
        _names(entry.get("asks_next") or ()),
        because,
    )


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(name) for name in names)


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(str(text).casefold().translate(_QUOTES)))
