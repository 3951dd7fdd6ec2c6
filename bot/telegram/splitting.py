"""Long texts in parts. Telegram counts UTF-16 units: an emoji is two or more."""

import re

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
BREAKS = (re.compile(r"\n\n+"), re.compile(r"\n"), re.compile(r"(?<=[.!?])\s+"), re.compile(r"\s+"))


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(text: str, limit: int = LONGEST_TEXT) -> list[str]:
    """Parts of at most `limit` units, cut at paragraphs, else lines, else sentences, else words.

    Only white space at a cut is lost. A word longer than a whole part is cut between characters.
    """
    parts: list[str] = []
    rest = text.strip()
    while units(rest) > limit:
        window = rest[: _reach(rest, limit)]
        end, start = _cut(window, rest)
        parts.append(rest[:end].rstrip())
        rest = rest[start:].lstrip()
    return [*parts, rest] if rest or not parts else parts


def _reach(text: str, limit: int) -> int:
    """How many characters from the beginning fit into `limit` units."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return index
    return len(text)


def _cut(window: str, rest: str) -> tuple[int, int]:
    """Where the part ends and the next begins: the last break in the second half, the best kind first."""
    if rest[len(window)].isspace():
        window += rest[len(window)]
    for kind in BREAKS:
        breaks = [found for found in kind.finditer(window) if found.start() > len(window) // 2]
        if breaks:
            return breaks[-1].start(), breaks[-1].end()
    words = [found for found in BREAKS[-1].finditer(window) if found.start() > 0]
    return (words[-1].start(), words[-1].end()) if words else (len(window), len(window))
