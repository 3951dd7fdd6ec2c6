"""How many messages a second get past Telegram's limits when there are more than enough."""

from bot.services.pacing import PER_SECOND
from tests.bench.coach import CHATS, Coach


async def messages_a_second(coach: Coach, count: int) -> float:
    """The first second's messages may leave at once: they are the start, not the pace."""
    arrivals = await coach.delivered(count, CHATS)
    return (len(arrivals) - PER_SECOND) / (arrivals[-1] - arrivals[0])
