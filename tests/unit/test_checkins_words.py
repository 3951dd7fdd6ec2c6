"""The check-in with the words and numbers of dialogues/: every button of every question does what it says."""

import pytest

from bot.clock import SimulatedClock
from bot.coaching.check_in import STEPS
from bot.content import Library
from data.database import Database
from tests.unit.diary import Diary


@pytest.fixture
def diary(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Diary:
    """The first question has just come."""
    diary = Diary(sqlite_database, clock, at="08:30", library=library)
    diary.until("2026-12-02 08:40")
    assert len(diary.sees()) == 1
    return diary


def buttons_of(library: Library, slot: str) -> list[str]:
    return [choice.label for choice in library.say(f"utter_ask_{slot}").choices]


def test_a_whole_check_in_by_taps(diary: Diary, library: Library) -> None:
    for label in ("6", "20", "7"):
        assert diary.taps(label)
        diary.deliver()

    row = diary.rows()[0]
    assert (row.state, row.pain, row.minutes, row.confidence, row.skipped) == ("answered", 6, 20, 7, "")
    thanks = {words["text"] for words in library.responses["utter_check_in_done"]}
    thanks |= {
        words["text"].replace("{minutes_done}", "20")
        for words in library.responses.get("utter_check_in_done_minutes", [])
    }
    assert diary.sees()[-1].removeprefix("Wed 08:40 ") in thanks


@pytest.mark.parametrize(("step", "before"), [("pain", ()), ("minutes", ("6",)), ("confidence", ("6", "20"))])
def test_every_button_of_a_question_needs_no_rasa(
    sqlite_database: Database, clock: SimulatedClock, library: Library, step: str, before: tuple[str, ...]
) -> None:
    labels = buttons_of(library, STEPS[step].slot)
    diary = Diary(sqlite_database, clock, at="08:30", library=library)

    days = [day for day in range(2, 32) if day % 7 != 6]  # without Sundays, when the last question is another
    for day, label in zip(days, labels, strict=False):
        diary.until(f"2026-12-{day:02d} 08:40")
        for answer in before:
            diary.taps(answer)
            diary.deliver()
        assert diary.taps(label), label

    rows = [row for row in diary.rows() if row.on.day in days][: len(labels)]
    numbers = [int(label) for label in labels if label.isdecimal()]
    assert [getattr(row, step) for row in rows][: len(numbers)] == numbers
    assert all(row.asks != step for row in rows)


@pytest.mark.parametrize("step", list(STEPS))
def test_every_question_that_may_be_skipped_says_so_or_takes_the_word(diary: Diary, step: str) -> None:
    if step == "noticed":
        diary.until("2026-12-06 08:40")
    for answer in ("6", "20")[: list(STEPS).index(step)]:
        diary.says(answer)

    assert diary.says("skip")

    assert [row.skipped for row in diary.rows() if row.state == "sent" or row.skipped] == [step]


def test_the_noticing_question_changes_from_week_to_week(
    sqlite_database: Database, clock: SimulatedClock, library: Library
) -> None:
    diary = Diary(sqlite_database, clock, at="08:30", library=library)
    asked = []
    for day in (6, 13, 20, 27):
        diary.until(f"2026-12-{day:02d} 08:40")
        for answer in ("6", "20"):
            diary.says(answer)
        asked.append(diary.sees()[-1].partition(":40 ")[2])

    assert len(set(asked)) == 4


def test_a_number_out_of_range_gets_the_refusal_and_the_question_again(diary: Diary, library: Library) -> None:
    diary.says("11")

    refusal = library.say("utter_check_in_out_of_range").text
    question = library.say("utter_ask_pain_now").text
    assert diary.sees() == [f"Wed 08:40 {refusal} {question}"]


@pytest.mark.parametrize(
    "response",
    [
        "utter_check_in_done", "utter_check_in_reminder", "utter_check_in_snoozed", "utter_check_in_skipped",
        "utter_check_in_lapsed", "utter_check_in_out_of_range", "utter_question_passed", "utter_refused_no_check_in",
        "utter_refused_check_in_done", "utter_refused_check_in_closed", "utter_refused_snooze_too_late",
        "utter_refused_check_in_answer", "utter_refused_not_enrolled",
    ],
)  # fmt: skip
def test_every_response_that_check_ins_name_exists(library: Library, response: str) -> None:
    assert library.has(response)


def test_the_protocol_numbers_fit_together(diary: Diary) -> None:
    limits = diary.check_ins._moves.limits

    assert limits.on_time_within > limits.spread
    assert limits.wait * limits.most_waits < limits.missed_after
    assert limits.remind_after < limits.lapse_after
    assert limits.snooze <= limits.longest_snooze
    assert limits.quiet_from > limits.quiet_until
