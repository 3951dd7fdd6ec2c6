"""What people say in a run: real and unseen sentences, each once, so that no vector is remembered from before."""

import json
import random

from bot.coaching.screening import screen
from bot.content import Library
from bot.services.safety import screening_rules
from bot.settings import ROOT

SOURCES = {"beliefs_unseen.jsonl": 1000, "real/back_pain_utterances.jsonl": 1000, "real/out_of_scope.jsonl": 400}


def sentences() -> list[str]:
    """In the same mixed order every time. Without red flags: after one, a chat is held and asks Rasa no more."""
    library = Library.load(ROOT / "dialogues")
    rules = screening_rules(library)
    found: dict[str, None] = {}
    for name, most in SOURCES.items():
        lines = (ROOT / "nlu" / "evaluation" / name).read_text().splitlines()[:most]
        found |= dict.fromkeys(json.loads(line)["text"] for line in lines)
    harmless = [text for text in found if not screen(text, rules)]
    random.Random(1).shuffle(harmless)
    return harmless
