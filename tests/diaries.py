"""Made-up diaries for the activity–pain verdict: what is true of each is known. Not patient data (clinical.md §9.6).

Pain is 5 with AR(1) noise, rounded to 0–10; activity is 20 minutes with AR(1) noise. One answer in twenty is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from bot.coaching.association import SAYS_HELP, Day, Figures, Numbers, Verdict, look

BEGINS = date(2026, 9, 1)
LOOKS = (28, 42, 56, 84)


@dataclass(frozen=True)
class World:
    """What is true of a patient. `drop`: how much less pain the morning after an active day; 0 is no effect."""

    drop: float = 0.0
    trend: float = 0.0  # points a day, of pain and (the other way) of minutes
    cuts: float = 0.0  # minutes less for each point of this morning's pain
    poor_sleep: float = 0.0  # share of nights: a sorer morning and a quieter day
    stress: float = 0.0  # points of pain, and ten times as many minutes less, from a stress that lasts for weeks
    missing_when_bad: float = 0.0  # chance that a day above 5 is not told
    booms: bool = False  # big days when it hurts less, hardly anything on the two days after
    tablets: float = 0.0  # points off the next morning after a morning of 7 or more, when little is done as well
    gaps: float = 0.05  # chance that an answer is missing
    favourites: bool = False  # scores and minutes in round numbers


NO_EFFECT = {
    "noise": World(),
    "trend": World(trend=-0.03),
    "pain cuts the same day's activity": World(cuts=5),
    "poor sleep": World(poor_sleep=0.3),
    "slow stress": World(stress=0.6),
    "missing on bad days": World(cuts=5, missing_when_bad=0.25),
    "boom and bust": World(cuts=3, booms=True),
    "tablets on bad days": World(cuts=5, tablets=1.5),
    "favourite numbers": World(cuts=5, favourites=True),
}
BEYOND = {"slow stress, twice as strong": World(stress=1.2)}  # where the rule no longer holds: said, not hidden
TRUE_EFFECT = {"a drop of 1.2": World(drop=1.2), "a drop of 2": World(drop=2.0)}


def diary(world: World, days: int, rng: np.random.Generator) -> list[Day]:
    """`days` days and the morning after the last."""
    noise = waves(rng, days + 1, keeps=0.4, spread=1.25)
    moves = waves(rng, days + 1, keeps=0.3, spread=10.0)
    stress = world.stress * waves(rng, days + 1, keeps=0.93, spread=1.0)
    poor_night = rng.random(days + 1) < world.poor_sleep
    pain, minutes = np.zeros(days + 1), np.zeros(days + 1)
    for d in range(days + 1):
        felt = 5 + noise[d] + stress[d] + world.trend * d + 1.5 * poor_night[d]
        if d:
            felt -= world.drop * (minutes[d - 1] > 20)
            felt -= world.tablets * (pain[d - 1] >= 7)
        pain[d] = np.clip(round(felt), 0, 10)
        does = 20 + moves[d] - 10 * stress[d] - 10 * world.trend * d - world.cuts * (pain[d] - 5) - 10 * poor_night[d]
        if world.booms:
            busting = d and max(minutes[max(0, d - 2) : d]) >= 45
            does = 5 + moves[d] / 4 if busting else does + 30 * (rng.random() < 0.3)
        minutes[d] = max(0, round(does))
    if world.favourites:
        pain, minutes = (
            np.array([nearest(score, (0, 2, 3, 5, 7, 8, 10)) for score in pain]),
            10 * np.round(minutes / 10),
        )
    return [told(d, pain[d], minutes[d], world, rng) for d in range(days + 1)]


def told(d: int, pain: float, minutes: float, world: World, rng: np.random.Generator) -> Day:
    silent = pain > 5 and rng.random() < world.missing_when_bad
    keeps = rng.random(2) >= world.gaps
    return Day(
        BEGINS + timedelta(days=d),
        minutes=int(minutes) if keeps[0] and not silent else None,
        pain=int(pain) if keeps[1] else None,
    )


def waves(rng: np.random.Generator, length: int, *, keeps: float, spread: float) -> np.ndarray:
    """AR(1) noise with this standard deviation."""
    steps = rng.normal(0, spread * (1 - keeps**2) ** 0.5, length)
    found = np.zeros(length)
    found[0] = rng.normal(0, spread)
    for n in range(1, length):
        found[n] = keeps * found[n - 1] + steps[n]
    return found


def nearest(value: float, favourites: Sequence[int]) -> int:
    return min(favourites, key=lambda each: abs(each - value))


# The whole protocol ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Over all patients of one world. `covered`: how many of `intervals` (95 %) held the truth."""

    patients: int
    clearer: int
    hinted: int
    sorer: int
    intervals: int
    covered: int

    @property
    def coverage(self) -> float:
        return self.covered / max(1, self.intervals)

    def row(self, name: str) -> str:
        shares = (self.clearer, self.hinted, self.sorer)
        return f"{name:34}" + "".join(f"{each / self.patients:>9.1%}" for each in shares) + f"{self.coverage:>10.1%}"


TABLE_HEAD = f"{'':34}{'clearer':>9}{'hint':>9}{'sorer':>9}{'coverage':>10}"


def protocol(world: World, patients: int, numbers: Numbers, *, seed: int) -> Outcome:
    """Every look of every patient, by the shipped rule: who was ever told what."""
    rng = np.random.default_rng(seed)
    at_95 = replace(numbers, clearer_interval=0.95)
    told_: list[set[Verdict]] = []
    judged: list[Figures] = []
    for n in range(patients):
        days = diary(world, LOOKS[-1], rng)
        told_.append({look(days[: at + 1], at, numbers).verdict for at in LOOKS})
        at = LOOKS[n % len(LOOKS)]
        if figures := look(days[: at + 1], at, at_95).figures:
            judged.append(figures)
    return Outcome(
        patients=patients,
        clearer=sum(Verdict.CLEARER_HELP in each for each in told_),
        hinted=sum(bool(each & set(SAYS_HELP)) for each in told_),
        sorer=sum(Verdict.MORE_PAIN in each for each in told_),
        intervals=len(judged),
        covered=sum(each.interval[0] <= world.drop <= each.interval[1] for each in judged),
    )
