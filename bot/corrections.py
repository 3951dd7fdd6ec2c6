"""What physios put right, as writers get it: classes, the month, and words only where a physio passed them on."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import yaml

from data.concerns import ForWriters

HEAD = """\
# What physiotherapists made of the beliefs that were heard. How to use it: dialogues/README.md, "Learn from corrections".
# heard: what the model heard. right: what it is; none: not a belief. words: only where a physio said that writers may learn
# from them. They are a patient's: never copy them into a file that is kept, and delete this one afterwards.
"""


def as_yaml(found: Sequence[ForWriters]) -> str:
    """In an order that says nothing of who said it or when: by class, month and words."""
    counts: dict[str, Counter[str]] = {}
    for each in found:
        counts.setdefault(each.heard, Counter())[each.right] += 1
    document = {
        "summary": {heard: dict(sorted(right.items())) for heard, right in sorted(counts.items())},
        "corrections": [_entry(each) for each in sorted(found, key=astuple)],
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return HEAD + text.encode("utf-8", "replace").decode()  # half an emoji can be stored, not written


def write(text: str, path: Path) -> None:
    """Readable by its owner only, also when the file was there before."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def _entry(each: ForWriters) -> dict[str, Any]:
    entry = {"heard": each.heard, "right": each.right, "month": each.month, "model": each.model}
    return entry | ({"words": each.words} if each.words else {})
