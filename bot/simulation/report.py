"""What came of it: figures by persona, bars for the terminal and a picture for a note."""

from collections.abc import Iterator
from pathlib import Path

from bot.simulation.run import Outcome

BAR = 40  # characters


def lines(outcome: Outcome, *, weeks: int, took_s: float) -> Iterator[str]:
    everybody = sum(outcome.patients.values())
    yield f"{everybody} patients · {weeks} weeks · {took_s:.1f} s"
    yield ""
    width = max(len(name) for name in outcome.patients) + 2
    yield f"{'':34}{'all':>8}" + "".join(f"{name:>{width}}" for name in outcome.patients)
    for name, counts in outcome.tallies.items():
        yield f"{name:34}{sum(counts.values()):8}" + "".join(f"{counts[each]:{width}}" for each in outcome.patients)
    yield f"{'messages a patient-week':34}{_a_week(outcome, weeks):8.1f}" + "".join(
        f"{_a_week(outcome, weeks, persona):{width}.1f}" for persona in outcome.patients
    )
    yield ""
    yield "check-ins answered, of those sent"
    yield from _bars({each: 100 * share for each, share in answered(outcome).items()}, " %")
    yield ""
    yield "alerts by rule"
    yield from _bars(dict(sorted(outcome.alerts.items())), "") if outcome.alerts else ["  none"]
    yield ""
    if not outcome.found.counts:
        yield "problems: none"
    for problem, count in outcome.found.counts.items():
        yield f"problem: {count} {problem}"
        yield f"  for example {outcome.found.examples[problem]}"


def answered(outcome: Outcome) -> dict[str, float]:
    """Persona → share of check-ins."""
    sent, done = outcome.tallies["check-ins sent"], outcome.tallies["check-ins answered"]
    return {persona: done[persona] / max(1, sent[persona]) for persona in outcome.patients}


def draw(outcome: Outcome, file: Path, *, weeks: int) -> None:
    """Check-ins answered and messages a week, by persona, as a PNG."""
    from matplotlib.figure import Figure

    names = list(outcome.patients)
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.barh(names, [100 * share for share in answered(outcome).values()], color="#1f6f8b")
    left.set_xlabel("check-ins answered, %")
    left.set_xlim(0, 100)
    right.barh(names, [_a_week(outcome, weeks, name) for name in names], color="#b5651d", hatch="//")
    right.set_xlabel("messages a patient-week")
    left.invert_yaxis()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def _a_week(outcome: Outcome, weeks: int, persona: str | None = None) -> float:
    counts, patients = outcome.tallies["messages"], outcome.patients
    if persona:
        return counts[persona] / patients[persona] / weeks
    return sum(counts.values()) / sum(patients.values()) / weeks


def _bars(values: dict[str, float] | dict[str, int], unit: str) -> Iterator[str]:
    most = max([*values.values(), 1])
    for name, value in values.items():
        yield f"  {name:14} {'█' * round(BAR * value / most)} {value:.0f}{unit}"
