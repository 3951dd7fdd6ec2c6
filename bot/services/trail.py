"""Where an error came from, without what it said: messages of libraries quote what a patient wrote."""

import traceback
from pathlib import Path

FRAMES = 4


def trail(error: BaseException, **ids: object) -> dict[str, object]:
    """For `extra=` of a log line: the error's class and the last places it passed, "conversation.py:120 respond"."""
    places = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return ids | {
        "error": type(error).__name__,
        "at": " < ".join(f"{Path(place.filename).name}:{place.lineno} {place.name}" for place in reversed(places)),
    }
