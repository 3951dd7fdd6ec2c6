"""Which question comes next, how a try is told, and from when on several are summed up."""

from datetime import date

import pytest

from bot.coaching.experiments import Leans, Question, Tried, Try, Verdict, due, follows, question_of_slot, summary

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)


@pytest.mark.parametrize(
    ("tried_on", "today", "asked"),
    [
        (None, MONDAY, None),
        (None, TUESDAY, Question.TRIED),
        (None, WEDNESDAY, Question.TRIED),
        (TUESDAY, TUESDAY, None),
        (TUESDAY, WEDNESDAY, Question.NEXT_MORNING),
    ],
)
def test_what_is_due_of_a_test_for_tuesday(tried_on: date | None, today: date, asked: Question | None) -> None:
    assert due(TUESDAY, tried_on, today) == asked


@pytest.mark.parametrize(
    ("question", "answer", "a_night_later", "then"),
    [
        (Question.TRIED, Tried.YES, False, Question.ACTUAL),
        (Question.TRIED, Tried.NOT_YET, False, None),
        (Question.TRIED, Tried.NO, True, None),
        (Question.ACTUAL, 0, False, None),
        (Question.ACTUAL, 4, True, Question.NEXT_MORNING),
        (Question.NEXT_MORNING, "skipped", True, Question.MADE_OF_IT),
        (Question.MADE_OF_IT, "not so bad", True, None),
    ],
)
def test_what_follows_an_answer(question: Question, answer: object, a_night_later: bool, then: Question | None) -> None:
    assert follows(question, answer, a_night_later=a_night_later) == then


def test_every_question_is_found_by_its_slot() -> None:
    assert [question_of_slot(question.slot) for question in Question] == list(Question)
    assert question_of_slot("goal_minutes") is None


@pytest.mark.parametrize(
    ("expected", "actual", "next_morning", "verdict"),
    [
        (7, 4, 4, Verdict.LESS),
        (7, 4, None, Verdict.LESS),
        (7, 7, 2, Verdict.SAME),
        (7, 4, 7, Verdict.SAME),
        (7, 9, 1, Verdict.MORE),
        (7, 2, 8, Verdict.MORE),
        (0, 0, 0, Verdict.SAME),
    ],
)
def test_a_try_is_told_by_the_worse_of_its_scores(
    expected: int, actual: int, next_morning: int | None, verdict: Verdict
) -> None:
    assert Try(expected, actual, next_morning).verdict == verdict


def test_nothing_is_summed_up_before_there_are_enough() -> None:
    assert summary([Try(7, 4)] * 4, least=5, **TESTED) is None
    assert summary([], least=0, **TESTED) is None


def test_the_summary_counts_the_bad_ones_too() -> None:
    found = summary([Try(7, 4), Try(8, 8), Try(6, 9), Try(5, 2, 6), Try(9, 2, 3)], least=5, **TESTED)

    assert found is not None
    assert (found.less, found.all) == (2, 5)
    assert (found.mean_expected, found.mean_actual) == (7, 5)


TESTED = {"tested_from": 10, "level": 0.95}
LEAN = [
    ([Try(7, 4)] * 9, None),
    ([Try(7, 4)] * 9 + [Try(4, 7)], Leans.LESS),
    ([Try(7, 4)] * 8 + [Try(4, 7)] * 2, Leans.CHANCE),
    ([Try(4, 7)] * 9 + [Try(7, 4)], Leans.MORE),
    ([Try(5, 5)] * 12, Leans.CHANCE),
    ([Try(7, 4, 8)] * 10, Leans.MORE),  # the bad mornings count
]


@pytest.mark.parametrize(("tries", "leans"), LEAN)
def test_from_ten_tries_on_a_sign_test_says_which_way_they_lean(tries: list[Try], leans: Leans | None) -> None:
    found = summary(tries, least=5, **TESTED)

    assert found is not None
    assert found.leans == leans
