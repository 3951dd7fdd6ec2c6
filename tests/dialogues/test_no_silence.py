"""No message may meet silence: about eighty odd, short, wordless and ordinary ones, outside and at every question.

`make test` takes every message outside all forms and each question with its share; `make soak` takes all of both.
"""

import re
from typing import Any

import pytest

from bot.content import Library
from bot.rasa.client import Rasa
from bot.rasa.turns import TurnResult
from tests.dialogues.walk import Walk

MESSAGES = (
    *("?", "!", "...", "-", "/", "//", "@", "#", "_", "%s", "{}", "{goal_minutes}", "\u200b", "\u00a0", "\n", "''"),
    *("👍", "😀😀😀", "🤷‍♀️", "🇬🇧", "❤️", "1️⃣", "ok", "k", "y", "n", "hm", "lol", "asdfghjkl", "flurb goblins"),
    *("/start", "/stop", "/goodbye", "/restart", "/session_start", "/belief", "/set_goal{}", "/nonsense", "a" * 4000),
    *("0", "5", "-3", "11", "1000000", "3.5", "3,5", "7/10", "ten", "½", "10 minutes", "an hour", "18:30", "half nine"),
    *("yes", "no", "maybe", "not sure", "skip", "back", "stop", "why?", "help", "menu", "cancel", "later", "Monday"),
    *("how are you?", "what's the weather like?", "are you a robot?", "how long will this take?", "do I need a scan?"),
    *("hello", "thanks", "good morning", "I hate this", "you're useless", "I walked to the shop", "ibuprofen?"),
    *("it's wear and tear", "bending will do more damage", "I must rest until it stops hurting", "delete my data"),
    *("set a goal", "talk to a person", "<b>bold</b>", "1; drop table patient", "a\tb\tc", "/set_goal now"),
    *("Ich verstehe nicht", "je ne comprends pas", "我的背疼", "ظهري يؤلمني", "never mind"),
)  # fmt: skip
HOLE = re.compile(r"\{\w+\}")  # a placeholder that nobody filled
SHARE = 16  # each question of a form takes every sixteenth message, beginning at another one
BEFORE_CONSENT = "enrolment_form"
pytestmark = pytest.mark.rasa


def questions(library: Library) -> list[tuple[str, str]]:
    return [(form, slot) for form, declared in library.forms.items() for slot in declared["required_slots"]]


def words_of(result: TurnResult) -> str:
    return "".join(reply.text for reply in result.replies).strip()


async def failures(rasa: Rasa, library: Library, form: str | None, slot: str | None, messages: Any) -> list[str]:
    """The messages that met no words, or words with a hole in them; before each the question is asked afresh."""
    walk = Walk(rasa, library, "invited" if form == BEFORE_CONSENT else "active")
    failed = []
    for message in messages:
        if form and slot:
            walk.opens(form, answers_before(library, form, slot), asks=slot)
        else:
            walk.asks = None
        words = words_of(await walk.says(message))
        if not words or HOLE.search(words.replace(message, "")):
            failed.append(f"{message} → {words}")
    return failed


def answers_before(library: Library, form: str, slot: str) -> dict[str, Any]:
    """Every earlier question of the form as if it had been answered; the rest empty, whatever was said a turn ago."""
    required: list[str] = library.forms[form]["required_slots"]
    earlier = required[: required.index(slot)]
    return dict.fromkeys(required) | {name: plausible(library.slot_spec(name, form)) for name in earlier}


def plausible(spec: dict[str, Any]) -> Any:
    kind = spec.get("kind", "text")
    if kind == "choice":
        return next(iter(spec["options"]))
    values = {
        "number": 8, "minutes": 8, "scale": 8, "days": "Monday", "time": "18:30", "day_or_time": "09:00",
        "yes_no_unsure": "yes", "nation": "england", "time_zone": "Europe/London",
        "invitation_code": "ABCD-EFGH-JKMN", "text": "walking",
    }  # fmt: skip
    return values[kind]


def test_there_are_enough_messages_and_no_two_alike() -> None:
    assert len(set(MESSAGES)) == len(MESSAGES) >= 80


async def test_no_message_outside_a_form_meets_silence(rasa: Rasa, library: Library) -> None:
    assert await failures(rasa, library, None, None, MESSAGES) == []


async def test_no_message_at_any_question_meets_silence(rasa: Rasa, library: Library) -> None:
    failed = {}
    for number, (form, slot) in enumerate(questions(library)):
        share = MESSAGES[number % SHARE :: SHARE]
        failed[f"{form}.{slot}"] = await failures(rasa, library, form, slot, share)

    assert {question: messages for question, messages in failed.items() if messages} == {}


@pytest.mark.soak
async def test_no_message_meets_silence_in_full(rasa: Rasa, library: Library) -> None:
    failed = {
        f"{form}.{slot}": await failures(rasa, library, form, slot, MESSAGES) for form, slot in questions(library)
    }

    assert {question: messages for question, messages in failed.items() if messages} == {}
