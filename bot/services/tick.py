"""The heartbeat: every second, what is due is done. Rows say what is due; this only asks."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping

logger = logging.getLogger(__name__)

Step = Callable[[], int | Awaitable[int]]


class Tick:
    """`steps` by name, in order. A step that fails is logged and never keeps the others from running."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps

    async def run(self) -> int:
        """How much was done, over all steps."""
        done = 0
        for name, step in self._steps.items():
            try:
                result = step()
                done += await result if inspect.isawaitable(result) else result
            except Exception:
                logger.exception("tick_step_failed", extra={"step": name})
        return done
