"""How long it takes from a red flag in one chat to the card in the physio's, while a hundred other chats talk."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle

from tests.bench.coach import ALARMED, DANGER, TALKERS, Coach
from tests.bench.figures import percentile
from tests.fake_telegram import PHYSIO

LONGEST_S = 120.0
A_CHATS_PACE_S = 1.1  # cards in one chat leave a second apart: that wait is Telegram's, not ours


async def seconds_to_the_physio(coach: Coach, texts: Sequence[str], count: int) -> dict[str, float]:
    """The hundred write again as soon as they are answered, from the first red flag to the last."""
    waits = []
    async with asyncio.TaskGroup() as everybody:
        talking = [everybody.create_task(talks(coach, chat, texts[number:])) for number, chat in enumerate(TALKERS)]
        await coach.answered(len(TALKERS))
        for chat in ALARMED[:count]:
            began = time.perf_counter()
            card = coach.telegram.expects(PHYSIO, coach.codes[chat])
            await coach.telegram.hears(chat, DANGER)
            waits.append((await asyncio.wait_for(card, LONGEST_S) - began) * 1000)
            await asyncio.sleep(A_CHATS_PACE_S)
        for each in talking:
            each.cancel()
    return {"alarm_p50": percentile(waits, 50), "alarm_p95": percentile(waits, 95), "alarm_max": max(waits)}


async def talks(coach: Coach, chat: int, texts: Sequence[str]) -> None:
    for text in cycle(texts):
        await coach.telegram.answers(chat, text, LONGEST_S)
