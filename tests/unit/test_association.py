"""The data rules, the statistic and the verdicts of clinical.md §9, one clause a line; then the whole protocol, simulated."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from bot.coaching.association import SAYS_HELP, Day, Numbers, Verdict, compare, is_active, look, pairs_of
from bot.content import Library
from tests.diaries import BEGINS, BEYOND, LOOKS, NO_EFFECT, TABLE_HEAD, TRUE_EFFECT, World, diary, protocol

MOST_WRONG, LEAST_COVERED = 0.025, 0.92  # clinical.md §9.6, release gate


@pytest.fixture(scope="session")
def numbers(library: Library) -> Numbers:
    return Numbers.of(library.protocol["association"])


def on(n: int) -> date:
    return BEGINS + timedelta(days=n)


def days(minutes: Sequence[int | None], pain: Sequence[int | None]) -> list[Day]:
    """Pain has one morning more."""
    return [Day(on(n), minutes=m, pain=p) for n, (m, p) in enumerate(zip([*minutes, None], pain, strict=True))]


def made(world: World, count: int, seed: int = 1) -> list[Day]:
    return diary(world, count, np.random.default_rng(seed))


# The data rules -------------------------------------------------------------------------------------------------------


def test_a_pair_is_a_day_with_its_minutes_and_two_mornings() -> None:
    told = days([10, None, 30, 40], [5, 6, 4, None, 3])

    assert [(pair.on, pair.minutes, pair.pain, pair.next_pain) for pair in pairs_of(told)] == [(on(0), 10, 5, 6)]


def test_a_day_left_out_spoils_both_pairs_it_stands_in() -> None:
    told = days([10, 20, 30, 40], [5, 6, 4, 5, 3])
    told[2] = replace(told[2], left_out=True)

    assert [pair.on for pair in pairs_of(told)] == [on(0), on(3)]


def test_an_active_day_is_above_the_patients_own_median() -> None:
    assert is_active(pairs_of(days([10, 20, 30, 20, 10], [5] * 6))) == [False, False, True, False, False]


def without(told: list[Day], *which: int) -> list[Day]:
    return [replace(day, minutes=None) if n in which else day for n, day in enumerate(told)]


def bad_days(told: list[Day], most: int) -> list[int]:
    return [n for n, day in enumerate(told[:-1]) if (day.pain or 0) >= 6][:most]


ALIKE = [20] * 21 + [40] * 7
LACKING: dict[str, tuple[str, Callable[[], list[Day]]]] = {
    "too few pairs": ("pairs", lambda: made(World(drop=3), 19)),
    "too few active days": ("groups", lambda: days(ALIKE, [4, 6] * 14 + [4])),
    "the same every morning": ("spread", lambda: days([10, 30] * 14, [5] * 29)),
    "too much missing": ("missing", lambda: without(made(World(drop=3, gaps=0), 40), *range(0, 40, 3))),
    "missing on bad days": ("missing_on_bad", lambda: without(full := whole(40), *bad_days(full, 8))),
    "only one day differs in pain": ("spread", lambda: days([10, 30] * 14, [5] * 27 + [0, 10])),
}


def whole(count: int) -> list[Day]:
    rng = np.random.default_rng(5)
    pain = [int(each) for each in rng.integers(2, 9, count + 1)]
    return days([int(each) for each in rng.integers(5, 40, count)], pain)


@pytest.mark.parametrize("name", LACKING)
def test_too_little_is_no_result(name: str, numbers: Numbers) -> None:
    lacks, told = LACKING[name]

    finding = look(told(), 28, numbers)

    assert (finding.verdict, finding.lacks) == (Verdict.NOT_ENOUGH, lacks)


def test_missing_is_never_zero(numbers: Numbers) -> None:
    told = whole(40)
    gaps = without(told, 3, 9, 21)

    finding = look(gaps, 28, numbers)

    assert finding.figures is not None
    assert finding.figures.days == 37


# The verdicts ---------------------------------------------------------------------------------------------------------


def steady(drop: float, *, count: int, cuts: float = 0) -> list[Day]:
    """Nothing is missing; the mornings after active days are lower by `drop`."""
    return made(World(drop=drop, cuts=cuts, gaps=0), count, seed=SEED)


SEED = 0
VERDICTS = [
    (Verdict.HINT, steady(2.5, count=28), 28),
    (Verdict.CLEARER_HELP, steady(2.5, count=42), 42),
    (Verdict.CLEARER_HELP, steady(2.5, count=84), 84),
    (Verdict.MORE_PAIN, steady(-2.5, count=42), 42),
    (Verdict.NO_CLEAR_LINK, steady(0, count=56), 56),
    (Verdict.DIRECTION_UNCLEAR, steady(0, count=56, cuts=8), 56),
]


@pytest.mark.parametrize(("verdict", "told", "at"), VERDICTS)
def test_each_verdict(verdict: Verdict, told: list[Day], at: int, numbers: Numbers) -> None:
    assert look(told, at, numbers).verdict == verdict


CLEAR = steady(2.5, count=42)


def test_before_day_42_it_is_never_more_than_a_hint(numbers: Numbers) -> None:
    assert look(CLEAR, 42, numbers).verdict == Verdict.CLEARER_HELP
    assert look(CLEAR, 28, numbers).verdict == Verdict.HINT


def test_less_than_a_point_is_never_more_than_a_hint(numbers: Numbers) -> None:
    assert look(CLEAR, 42, replace(numbers, clearer=9)).verdict == Verdict.HINT


def test_less_than_half_a_point_is_no_hint(numbers: Numbers) -> None:
    assert look(CLEAR, 42, replace(numbers, clearer=9, hint=9)).verdict == Verdict.NO_CLEAR_LINK


def test_the_halves_must_agree(numbers: Numbers) -> None:
    """The second half alone carries it; the first speaks against it."""
    first, second = made(World(drop=-1, gaps=0), 28, seed=12)[:-1], made(World(drop=4, gaps=0), 56, seed=12)
    told = [replace(day, on=on(n)) for n, day in enumerate([*first, *second])]

    finding = look(told, 84, numbers)

    assert finding.figures is not None
    assert finding.figures.interval[0] > 0
    assert finding.figures.drop >= numbers.clearer
    assert (finding.figures.halves_agree, finding.verdict) == (False, Verdict.HINT)


def test_the_wide_interval_holds_the_narrow_one(numbers: Numbers) -> None:
    figures = look(CLEAR, 42, numbers).figures

    assert figures is not None
    assert (
        figures.interval[0] < figures.hint_interval[0] < figures.drop < figures.hint_interval[1] < figures.interval[1]
    )


def test_sleep_is_taken_into_account_from_day_42_when_it_was_logged(numbers: Numbers) -> None:
    rng = np.random.default_rng(9)
    slept = [replace(day, sleep=float(rng.normal(7, 1))) for day in CLEAR]

    assert look(slept, 28, numbers).figures == look(CLEAR, 28, numbers).figures
    assert look(slept, 42, numbers).figures != look(CLEAR, 42, numbers).figures


# The same day ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(5, 10), st.booleans(), st.integers(0, 1)), min_size=21, max_size=42
    ),
    st.sampled_from(LOOKS),
    st.integers(2, 4),
)
@settings(max_examples=60, deadline=None)
def test_however_strong_the_same_day_is_no_word_of_help_comes_of_it(
    library: Library, told: list[tuple[int, int, bool, int]], at: int, rise: int
) -> None:
    """The less it hurts the more is done, to the minute; and the mornings after are sorer. Good and bad days are as many."""
    numbers = Numbers.of(library.protocol["association"])
    same_day = []
    pairs = [((bad, good) if bad_first else (good, bad), by_chance) for good, bad, bad_first, by_chance in told]
    for n, (pain, by_chance) in enumerate((pain, by_chance) for pair, by_chance in pairs for pain in pair):
        same_day.append(Day(on(2 * n), minutes=60 - 6 * pain, pain=pain))
        same_day.append(Day(on(2 * n + 1), minutes=None, pain=1 + rise * (pain < 5) + by_chance))

    assert look(same_day, at, replace(numbers, most_missing=0.6, missing_on_bad=1.1)).verdict not in SAYS_HELP


def test_what_is_said_of_the_same_day_claims_nothing(library: Library) -> None:
    words = " ".join(
        each["text"] for name in ("utter_progress_compared", "utter_progress_sure") for each in library.responses[name]
    )

    assert "can't say which came first" in words
    for claim in ("help", "because", "lower after", "better", "works", "prove", "thanks to"):
        assert claim not in words.lower()


@pytest.mark.parametrize("name", ["hint", "clearer_help", "no_clear_link", "more_pain", "direction_unclear"])
def test_every_verdict_names_its_days_and_another_explanation_and_no_cause(library: Library, name: str) -> None:
    text = library.responses[f"utter_link_{name}"][0]["text"]

    assert "{days}" in text
    assert re.search("sleep|night", text.lower())
    for word in ("because", "prove", "fixes", "danger", "p =", "significant"):
        assert word not in text.lower()


def test_a_plain_comparison_needs_its_days() -> None:
    rules = {"least": 14, "group": 5, "complete": 0.7}
    told = whole(30)

    assert compare(told[:13], **rules) is None
    assert compare(without(told, *range(0, 30, 2)), **rules) is None
    assert compare(days([20] * 26 + [40] * 4, [5] * 31), **rules) is None
    found = compare(told, **rules)
    assert found is not None
    assert found.active + found.quiet == 30


# The whole protocol, over made-up patients ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NO_EFFECT)
def test_without_an_effect_clearer_help_is_hardly_ever_said(name: str, numbers: Numbers) -> None:
    """The short form: what chance allows 1 time in 1,000. The full one is marked soak."""
    found = protocol(NO_EFFECT[name], 60, numbers, seed=19)

    assert found.clearer <= binom.ppf(0.999, found.patients, MOST_WRONG)
    assert found.covered >= binom.ppf(0.001, found.intervals, LEAST_COVERED)


@pytest.mark.soak
def test_the_whole_protocol_in_full(numbers: Numbers) -> None:
    say = sys.stdout.write
    say(f"\nlooks at {LOOKS}; ever told, of 1,500 patients; coverage of the 95 % interval at one look\n{TABLE_HEAD}\n")
    found = {
        name: protocol(world, 1500, numbers, seed=23) for name, world in (NO_EFFECT | TRUE_EFFECT | BEYOND).items()
    }
    for name, outcome in found.items():
        say(f"{outcome.row(name)}\n")

    for name in NO_EFFECT:
        assert found[name].clearer / found[name].patients <= MOST_WRONG, name
        assert found[name].coverage >= LEAST_COVERED, name
