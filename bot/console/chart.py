"""Activity and pain of the last days as figures for an SVG: the template draws it, and its table stands beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.services.case_file import Day

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 48, 22, 40
MOST_PAIN = 10


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True)
class Tick:
    at: float
    label: str
    minor: bool = False  # left out where the page is narrow


@dataclass(frozen=True)
class Chart:
    """Everything in the units of its viewBox. `lines`: pain of days in a row; a day without an answer breaks the line."""

    width: int
    height: int
    left: int
    right: int
    base: int
    bars: list[Bar]
    lines: list[str]
    dots: list[Point]
    minutes: list[Tick]
    pain: list[Tick]
    days: list[Tick]


def chart(days: Sequence[Day]) -> Chart | None:
    """None when there is nothing to draw."""
    if not any(each.minutes is not None or each.pain is not None for each in days):
        return None
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    step = (right - LEFT) / len(days)
    top = _round_up(max([each.minutes or 0 for each in days] + [10]))
    high = base - TOP

    def x(place: int) -> float:
        return round(LEFT + step * (place + 0.5), 1)

    def y(share: float) -> float:
        return round(base - high * share, 1)

    bars = [
        Bar(
            round(x(n) - step * 0.3, 1),
            y(each.minutes / top),
            round(step * 0.6, 1),
            round(high * each.minutes / top, 1),
        )
        for n, each in enumerate(days)
        if each.minutes is not None
    ]
    dots = [Point(x(n), y(each.pain / MOST_PAIN)) for n, each in enumerate(days) if each.pain is not None]
    return Chart(
        WIDTH, HEIGHT, LEFT, right, base, bars, _lines(days, x, y), dots,
        minutes=[Tick(y(share), f"{top * share:g}") for share in (0, 0.5, 1)],
        pain=[Tick(y(share), f"{MOST_PAIN * share:g}") for share in (0, 0.5, 1)],
        days=[Tick(x(n), _label(each.on), minor=n % 4 != 2) for n, each in enumerate(days) if n % 2 == len(days) % 2],
    )  # fmt: skip


def _lines(days, x, y) -> list[str]:  # type: ignore[no-untyped-def]
    runs: list[list[str]] = [[]]
    for n, each in enumerate(days):
        if each.pain is None:
            runs.append([])
        else:
            runs[-1].append(f"{x(n)},{y(each.pain / MOST_PAIN)}")
    return [" ".join(run) for run in runs if len(run) > 1]


def _round_up(minutes: int) -> int:
    """To a figure that halves well."""
    for unit in (10, 20, 40, 60, 80, 100, 120, 160, 200, 240, 300, 360, 480):
        if minutes <= unit:
            return unit
    return -(-minutes // 120) * 120


def _label(on: date) -> str:
    return f"{on:%-d %b}"
