"""The figures of a run: what each is called, what we aim for, the table, and the file."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    key: str
    what: str
    unit: str
    aim: float | None = None
    at_least: bool = False  # else the aim is a most


ROWS = (
    Row("training_cold", "training, nothing cached", "s", 40),
    Row("training_warm", "training, vectors of known sentences kept", "s"),
    Row("edit_to_live", "edit of one response to its words in a chat", "s"),
    Row("start", "start to first reply", "s", 25),
    Row("latency_p50", "reply latency, half are faster", "ms", 100),
    Row("latency_p95", "reply latency, 95 in 100 are faster", "ms", 200),
    Row("replies_a_second", "replies a second, 50 chats at once", "/s", 35, at_least=True),
    Row("alarm_p50", "red flag to the physio's chat while 100 chats talk, half are faster", "ms"),
    Row("alarm_p95", "… 95 in 100 are faster", "ms"),
    Row("alarm_max", "… the slowest", "ms"),
    Row("cpu_app", "processor time of a reply, app", "ms"),
    Row("cpu_rasa", "processor time of a reply, Rasa", "ms"),
    Row("delivery", "messages a second past Telegram's limits", "/s"),
    Row("memory_app", "resident memory, app", "MB", 200),
    Row("memory_rasa", "resident memory, Rasa", "MB", 800),
)


@dataclass
class Figures:
    """`failed`: the parts that gave no figure, and why. `notes`: what belongs beside the figures."""

    ours: dict[str, float] = field(default_factory=dict)
    stock: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def table(self) -> str:
        lines = [("", "ours", "stock Rasa", "aim")]
        for row in ROWS:
            ours, stock = self.ours.get(row.key), self.stock.get(row.key)
            mark = " (missed)" if misses(row, ours) else ""
            lines.append((row.what, shown(ours, row.unit), shown(stock, row.unit), aim_of(row) + mark))
        widths = [max(len(line[column]) for line in lines) for column in range(3)]
        return "\n".join(
            f"{what:<{widths[0]}}  {ours:>{widths[1]}}  {stock:>{widths[2]}}  {aim}".rstrip()
            for what, ours, stock, aim in lines
        )

    def save(self, path: Path, **about: Any) -> None:
        figures = {
            row.key: {
                "what": row.what,
                "unit": row.unit,
                "ours": self.ours.get(row.key),
                "stock": self.stock.get(row.key),
                "aim": aim_of(row) or None,
            }
            for row in ROWS
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {**about, "figures": figures, "failed": self.failed, "notes": self.notes}
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def percentile(values: Sequence[float], percent: int) -> float:
    """Between the two nearest values where none stands at that place."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def misses(row: Row, value: float | None) -> bool:
    if row.aim is None or value is None:
        return False
    return value < row.aim if row.at_least else value > row.aim


def aim_of(row: Row) -> str:
    if row.aim is None:
        return ""
    return f"{'≥' if row.at_least else '≤'} {row.aim:g} {row.unit}"


def shown(value: float | None, unit: str) -> str:
    """Three digits that count; no figure is a dash."""
    if value is None:
        return "–"
    return f"{value:.1f} {unit}" if abs(value) < 99.95 else f"{value:.0f} {unit}"
