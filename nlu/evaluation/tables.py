"""Figures laid out for a terminal."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence


def percent(share: Optional[Dict[str, Any]]) -> str:
    """ "12.5 % (9.0-17.0; 25/200)": a share, its 95 % interval and its counts."""
    if not share or share["share"] is None:
        return "none"
    middle, low, high = (100 * share[name] for name in ("share", "low", "high"))
    return f"{middle:.1f} % ({low:.1f}-{high:.1f}; {share['hits']}/{share['of']})"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([title, "-" * len(title), *lines])
