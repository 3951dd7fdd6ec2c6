"""A patient's weeks as a picture for a phone: bars of activity, the goal, a line of pain below, flare-ups marked.

1080 × 1350 pixels. Colour never carries a meaning alone: bars are bars, pain is a line with round dots, the goal is
dashed, a flare-up has a diamond and stripes, and a week of which nothing was told is a dotted gap, never a zero.
No arrows, and two panels instead of two scales on one: nothing suggests that one line moves the other (clinical.md §9.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from bot.content import Picture

WIDTH, HEIGHT, DPI = 1080, 1350, 100  # pixels
FEWEST = 4  # weeks there is room for: a first week is no wall
FEW = 13  # weeks up to which each bar carries its number and each gap its words
BAR, BAR_EDGE, PAIN, GOAL, FLARE, INK, FAINT = (
    "#8ab6d6",
    "#1f4e79",
    "#b3541e",
    "#2b6b4f",
    "#7b5ea7",
    "#222222",
    "#8a8a8a",
)
ON_WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}  # words that a line may cross
TEXT, SMALL, TITLE = 21, 17, 32  # points; at 100 dpi a point is 1.39 pixels


@dataclass(frozen=True)
class Week:
    """From Monday `begins`. `minutes` None: nothing was told; `pain`: the mean of the week's scores, 0–10."""

    begins: date
    minutes: int | None
    pain: float | None
    goal: int | None = None  # minutes a week
    flare: bool = False


@dataclass(frozen=True)
class Labels:
    """The words in the picture, from dialogues/progress.yml."""

    title: str
    span: str
    minutes: str
    pain: str
    goal: str
    flare: str
    no_entry: str


def draw(weeks: Sequence[Week], labels: Labels, *, description: str) -> Picture:
    """At least one week, in order, none left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 2), left=0.12, right=0.96, top=0.83, bottom=0.13, hspace=0.3)
    above, below = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    figure.text(0.06, 0.945, labels.title, fontsize=TITLE, fontweight="bold", color=INK)
    figure.text(0.06, 0.91, labels.span, fontsize=TEXT, color=INK)
    _minutes(above, weeks, labels)
    _pain(below, weeks, labels)
    for axes in (above, below):
        _frame(axes, weeks)
    if any(week.flare for week in weeks):
        _flare_key(figure, labels)
    file = BytesIO()
    figure.savefig(file, format="png")
    return Picture(png=file.getvalue(), description=description, name="progress")


def _minutes(axes: Any, weeks: Sequence[Week], labels: Labels) -> None:
    told = [(n, week.minutes) for n, week in enumerate(weeks) if week.minutes is not None]
    axes.bar(
        [n for n, _ in told], [minutes for _, minutes in told], width=0.7, color=BAR, edgecolor=BAR_EDGE, linewidth=1.5
    )  # fmt: skip
    top = max([minutes for _, minutes in told] + [week.goal or 0 for week in weeks] + [10])
    axes.set_ylim(0, top * 1.3)
    axes.set_title(labels.minutes, fontsize=TEXT, color=BAR_EDGE, loc="left", fontweight="bold", pad=12)
    if len(weeks) <= FEW:
        for n, minutes in told:  # at the foot of the bar, where no goal line crosses it
            foot = 0 if minutes > top * 0.12 else minutes
            axes.annotate(
                str(minutes), (n, foot), textcoords="offset points", xytext=(0, 7), ha="center", fontsize=SMALL, color=INK
            )  # fmt: skip
    _goal(axes, weeks, labels)
    _gaps(axes, weeks, labels, top)
    for n, week in enumerate(weeks):
        if week.flare:
            axes.plot(n, top * 1.23, marker="D", markersize=15 if len(weeks) <= FEW else 8, color=FLARE, clip_on=False)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _goal(axes: Any, weeks: Sequence[Week], labels: Labels) -> None:
    """A dashed step line, where there was a goal; named once, at its end."""
    runs: list[list[int]] = []
    for n, week in enumerate(weeks):
        if week.goal is None:
            continue
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    for run in runs:
        x = [edge for n in run for edge in (n - 0.5, n + 0.5)]
        y = [weeks[n].goal for n in run for _ in range(2)]
        axes.plot(x, y, color=GOAL, linewidth=3.5, linestyle=(0, (4, 2)))
    if runs:
        last = runs[-1][-1]
        axes.annotate(
            labels.goal, (last + 0.5, weeks[last].goal), textcoords="offset points", xytext=(0, 8), ha="right",
            fontsize=SMALL, color=GOAL, fontweight="bold", bbox=ON_WHITE,
        )  # fmt: skip


def _gaps(axes: Any, weeks: Sequence[Week], labels: Labels, top: float) -> None:
    for n, week in enumerate(weeks):
        if week.minutes is not None:
            continue
        axes.bar([n], [top * 0.04], width=0.7, fill=False, edgecolor=FAINT, linestyle=":", linewidth=1.5)
        if len(weeks) <= FEW:
            axes.text(
                n, top * 0.08, labels.no_entry, rotation=90, ha="center", va="bottom", fontsize=SMALL, color="#5a5a5a"
            )


def _pain(axes: Any, weeks: Sequence[Week], labels: Labels) -> None:
    """The line breaks where nothing was told."""
    scores = [float("nan") if week.pain is None else week.pain for week in weeks]
    size = 13 if len(weeks) <= FEW else 6
    axes.plot(
        range(len(weeks)), scores, color=PAIN, linewidth=3.5, marker="o", markersize=size, markeredgecolor="white"
    )
    axes.set_ylim(0, 10)
    axes.set_yticks([0, 2, 4, 6, 8, 10])
    axes.set_title(labels.pain, fontsize=TEXT, color=PAIN, loc="left", fontweight="bold", pad=12)
    if len(weeks) <= FEW:
        for n, week in enumerate(weeks):
            if week.pain is not None:
                above = week.pain < 8.5
                axes.annotate(
                    f"{week.pain:.1f}".removesuffix(".0"), (n, week.pain), textcoords="offset points",
                    xytext=(0, 14 if above else -28), ha="center", fontsize=SMALL, color=INK, bbox=ON_WHITE,
                )  # fmt: skip


def _frame(axes: Any, weeks: Sequence[Week]) -> None:
    axes.set_xlim(-0.6, max(len(weeks), FEWEST) - 0.4)
    places = _ticks(weeks)
    axes.set_xticks([n for n, _ in places], [name for _, name in places])
    axes.tick_params(labelsize=SMALL, colors=INK, length=0, pad=8)
    axes.grid(axis="y", color="#e2e2e2", linewidth=1)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for n, week in enumerate(weeks):
        if week.flare:
            axes.axvspan(n - 0.5, n + 0.5, facecolor="none", edgecolor="#cfc2e2", hatch="//", linewidth=0, zorder=0)


def _ticks(weeks: Sequence[Week]) -> list[tuple[int, str]]:
    """Mondays while they fit; in a long time the months."""
    if len(weeks) <= FEW:
        step = 1 if len(weeks) <= 6 else 2 if len(weeks) <= 10 else 3
        return [(n, f"{week.begins.day} {week.begins:%b}") for n, week in enumerate(weeks) if n % step == 0]
    months = [n for n, week in enumerate(weeks) if week.begins.day <= timedelta(days=7).days]
    step = 1 if len(months) <= 7 else 2
    return [(n, f"{weeks[n].begins:%b}") for n in months[::step]]


def _flare_key(figure: Any, labels: Labels) -> None:
    from matplotlib.lines import Line2D

    mark = Line2D([], [], color=FLARE, marker="D", markersize=13, linestyle="none", label=labels.flare)
    figure.legend(
        handles=[mark], loc="lower left", bbox_to_anchor=(0.05, 0.02), fontsize=TEXT, frameon=False, handletextpad=0.4
    )
