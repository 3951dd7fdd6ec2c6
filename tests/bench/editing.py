"""How long it takes from saving an edit of one response until a patient reads the new words."""

import re
import time

from tests.bench.coach import FIRST, Coach
from tests.bench.workshop import Workshop

RESPONSE = re.compile(r"(  utter_help:\n  - text: \|\n +)")  # what /help says


async def edit_to_live(shop: Workshop, coach: Coach) -> float:
    """Only in the copy. RuntimeError when the new words don't come."""
    topic = shop.folder / "dialogues" / "menu.yml"
    edited, found = RESPONSE.subn(r"\1Edited. ", topic.read_text())
    if not found:
        raise RuntimeError("utter_help is written in another form now: see tests/bench/editing.py")
    began = time.perf_counter()
    topic.write_text(edited)
    _, model = await shop.train()
    await coach.swap(str(model))
    reply = await coach.say(FIRST, "/help")
    if not reply.startswith("Edited."):
        raise RuntimeError("the new words did not come after the swap")
    return time.perf_counter() - began
