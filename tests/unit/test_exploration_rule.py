"""When a belief is asked about: clinical.md §4.1, one sentence a test."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.coaching.exploration import Limits, Offered, Said, StrongWords, what_to_explore
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.services.safety import screening_rules

NOW = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
LIMITS = Limits(again_after=timedelta(days=28), rest=timedelta(hours=48))


def said(belief: str, days_ago: int = 0, *, strong: bool = False, blocks_plan: bool = False) -> Said:
    at = NOW - timedelta(days=days_ago, minutes=1)
    return Said(belief, at, at.date(), strong, blocks_plan)


def offered(belief: str, hours_ago: float, *, talked: bool = False, ended: float | None = None) -> Offered:
    at = NOW - timedelta(hours=hours_ago)
    ended_at = None if ended is None else NOW - timedelta(hours=ended)
    return Offered(belief, at.date(), at, talked, ended_at)


def explore(*what: Said, before: tuple[Offered, ...] = (), today: date = TODAY) -> tuple[str, str] | None:
    return what_to_explore(what, before, today, NOW, LIMITS)


def test_the_first_mention_is_only_acknowledged() -> None:
    assert explore(said("B04")) is None


def test_two_mentions_on_one_day_are_one() -> None:
    assert explore(said("B04"), said("B04")) is None


def test_a_mention_on_another_day_is_asked_about() -> None:
    assert explore(said("B04", 3), said("B04")) == ("B04", "another_day")


def test_days_without_a_mention_today_offer_nothing() -> None:
    assert explore(said("B04", 3), said("B04", 1)) is None


def test_one_mention_is_enough_when_it_was_certain() -> None:
    assert explore(said("B04", strong=True)) == ("B04", "strong")


def test_one_mention_is_enough_when_it_blocks_the_plan() -> None:
    assert explore(said("B04", blocks_plan=True)) == ("B04", "blocks_plan")


def test_certainty_of_another_day_does_not_count_today() -> None:
    assert explore(said("B04", 1, strong=True), said("B07")) is None


def test_what_blocks_the_plan_goes_first_then_certainty_then_the_other_day() -> None:
    again = (said("B04", 2), said("B04"))
    certain = said("B07", strong=True)
    blocking = said("B12", blocks_plan=True)

    assert explore(*again, certain, blocking) == ("B12", "blocks_plan")
    assert explore(*again, certain) == ("B07", "strong")


def test_of_two_that_press_alike_the_one_said_more_often_goes_first() -> None:
    assert explore(said("B04", 2), said("B04"), said("B07", 4), said("B07", 2), said("B07")) == ("B07", "another_day")


def test_there_is_one_offer_a_day() -> None:
    assert explore(said("B07", strong=True), before=(offered("B04", 5, talked=True, ended=5),)) is None


@pytest.mark.parametrize(("hours", "expected"), [(47, None), (48, ("B07", "strong"))])
def test_after_a_decline_nothing_is_offered_for_two_days(hours: float, expected: tuple[str, str] | None) -> None:
    assert explore(said("B07", strong=True), before=(offered("B04", hours + 1, ended=hours),)) == expected


@pytest.mark.parametrize(("hours", "expected"), [(47, None), (48, ("B07", "strong"))])
def test_an_offer_without_an_answer_rests_as_long(hours: float, expected: tuple[str, str] | None) -> None:
    assert explore(said("B07", strong=True), before=(offered("B04", hours),)) == expected


@pytest.mark.parametrize(("days", "expected"), [(27, None), (28, ("B04", "strong"))])
def test_a_belief_that_was_talked_about_rests_for_four_weeks(days: int, expected: tuple[str, str] | None) -> None:
    before = offered("B04", days * 24 + 1, talked=True, ended=days * 24)

    assert explore(said("B04", strong=True), before=(before,)) == expected


def test_other_beliefs_do_not_rest_with_it() -> None:
    before = offered("B04", 49, talked=True, ended=49)

    assert explore(said("B07", strong=True), before=(before,)) == ("B07", "strong")


def test_what_was_said_before_a_talk_is_not_another_day_after_it() -> None:
    before = offered("B04", 30 * 24, talked=True, ended=30 * 24)

    assert explore(said("B04", 40), said("B04"), before=(before,)) is None


def test_a_declined_belief_is_offered_again_when_it_comes_up_again() -> None:
    before = offered("B04", 72, ended=72)

    assert explore(said("B04", 3), said("B04"), before=(before,)) == ("B04", "another_day")


@pytest.fixture(scope="module")
def strong_words(library: Library) -> StrongWords:
    rules: ScreeningRules = screening_rules(library)
    return StrongWords(library.value("exploration.strong_words"), rules.spelling)


@pytest.mark.parametrize(
    "text",
    ["It's definitely worn out", "my discs are gone, end of", "100% the discs", "I'm absolutely sure of it",
     "there's nothing anyone can do", "it's bone on bone NO DOUBT about it", "and that’s that"],
)  # fmt: skip
def test_certainty_is_heard(strong_words: StrongWords, text: str) -> None:
    assert strong_words.heard(text)


@pytest.mark.parametrize(
    "text",
    ["I think it's worn out", "not sure, maybe the discs", "by the end of the day it's worn out", "my back's done", ""],
)
def test_an_ordinary_way_of_saying_it_is_not_certainty(strong_words: StrongWords, text: str) -> None:
    assert not strong_words.heard(text)
