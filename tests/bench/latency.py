"""How long a person waits for a reply, and how many replies a second there are when many talk at once."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from tests.bench.figures import percentile

THINKING_S = 0.05  # between a reply and the next person's message: below Telegram's 25 a second


class Bot(Protocol):
    async def say(self, chat: int, text: str) -> str:
        """Returns the first reply."""
        ...


async def latencies(bot: Bot, texts: Sequence[str], chats: Sequence[int]) -> dict[str, float]:
    """One message at a time, in one chat after the other."""
    waits = []
    for number, text in enumerate(texts):
        began = time.perf_counter()
        await bot.say(chats[number % len(chats)], text)
        waits.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(THINKING_S)
    return {"latency_p50": percentile(waits, 50), "latency_p95": percentile(waits, 95)}
