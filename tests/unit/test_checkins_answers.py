"""A check-in from question to thanks, without Rasa: taps, numbers, skips, and what is not understood here."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bot.clock import SimulatedClock
from bot.errors import EffectRefused
from data.checkins import CheckIn, CheckInState
from data.database import Database
from data.patients import Patient
from tests.unit.diary import Diary


@pytest.fixture
def diary(sqlite_database: Database, clock: SimulatedClock) -> Diary:
    """Wednesday, 09:00: the check-in has just come."""
    diary = Diary(sqlite_database, clock)
    diary.until("2026-12-02 09:00")
    assert diary.sees() == ["Wed 09:00 pain?"]
    return diary


@pytest.fixture
def sunday(sqlite_database: Database, clock: SimulatedClock) -> Diary:
    """The day on which the last question is what was noticed."""
    diary = Diary(sqlite_database, clock)
    diary.until("2026-12-06 08:59")
    diary.sees()
    diary.until("2026-12-06 09:00")
    return diary


def test_three_taps_make_a_check_in(database: Database, clock: SimulatedClock) -> None:
    diary = Diary(database, clock)
    diary.until("2026-12-02 09:00")

    for label in ("6", "20", "7"):
        diary.taps(label)
        diary.deliver()

    assert diary.sees() == [
        "Wed 09:00 pain?",
        "Wed 09:00 minutes?",
        "Wed 09:00 confidence?",
        "Wed 09:00 thanks for 20 minutes",
    ]
    row = diary.rows()[0]
    assert (row.state, row.pain, row.minutes, row.confidence, row.noticed) == (CheckInState.ANSWERED, 6, 20, 7, None)
    assert (row.skipped, row.asks, row.ended_at) == ("", None, clock.now())
    assert row.pain_at == clock.now()


@pytest.mark.parametrize(
    ("text", "pain"),
    [("6", 6), ("six", 6), ("it's a 6", 6), ("about a six", 6), ("6/10", 6), ("0", 0), ("10", 10), ("no pain", 0)],
)
def test_a_typed_score_counts(diary: Diary, text: str, pain: int) -> None:
    assert diary.says(text)

    assert (diary.rows()[0].pain, diary.rows()[0].asks) == (pain, "minutes")


@pytest.mark.parametrize("text", ["11", "-1", "6.5", "six and a half", "100", "11/10"])
def test_a_number_that_is_no_score_is_asked_again_and_not_rounded(diary: Diary, text: str) -> None:
    assert diary.says(text)

    assert diary.sees() == ["Wed 09:00 a whole number from 0 to 10, please. pain?"]
    assert (diary.rows()[0].pain, diary.rows()[0].asks) == (None, "pain")


def test_the_repeated_question_has_buttons_that_work(diary: Diary) -> None:
    diary.says("11")
    diary.deliver()

    assert diary.taps("4")

    assert diary.rows()[0].pain == 4


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("12 mins", 12),
        ("half an hour", 30),
        ("an hour and a half", 90),
        ("none", 0),
        ("20", 20),
        ("about ten minutes", 10),
    ],
)
def test_typed_minutes_count(diary: Diary, text: str, minutes: int) -> None:
    diary.says("6")

    assert diary.says(text)

    assert (diary.rows()[0].minutes, diary.rows()[0].asks) == (minutes, "confidence")


@pytest.mark.parametrize(
    "text",
    [
        "my back is worse",
        "worse than yesterday, maybe a 6 or 7",
        "I walked 20 minutes",
        "why do you ask?",
        "/skip",
    ],
)
def test_other_words_are_left_to_rasa_and_change_nothing(diary: Diary, text: str) -> None:
    assert not diary.says(text)

    assert diary.sees() == []
    assert (diary.rows()[0].pain, diary.rows()[0].asks, diary.rows()[0].skipped) == (None, "pain", "")


def test_once_a_week_the_third_question_is_what_was_noticed(sunday: Diary) -> None:
    for label in ("6", "20", "Skip"):
        sunday.taps(label)
        sunday.deliver()

    assert [words.partition(" 09:00 ")[2][:7] for words in sunday.sees()] == ["pain?", "minutes", "noticed", "thanks "]
    row = sunday.rows()[4]
    assert (row.state, row.confidence, row.skipped) == (CheckInState.ANSWERED, None, "noticed")


def test_the_patients_own_sentence_is_for_rasa(sunday: Diary) -> None:
    for text in ("6", "20"):
        sunday.says(text)

    assert not sunday.says("the walk went better than I thought")

    assert sunday.rows()[4].asks == "noticed"


def test_pain_can_be_skipped_in_words_too_and_is_then_missing(diary: Diary) -> None:
    assert diary.says("skip")

    assert (diary.rows()[0].pain, diary.rows()[0].skipped, diary.rows()[0].asks) == (None, "pain", "minutes")


def test_none_as_the_patients_own_sentence_is_a_skip(sunday: Diary) -> None:
    for text in ("6", "20"):
        sunday.says(text)

    assert sunday.says("None")

    assert (sunday.rows()[4].state, sunday.rows()[4].skipped) == (CheckInState.ANSWERED, "noticed")


@pytest.mark.parametrize("text", ["Skip", "skip", " SKIP "])
def test_a_question_with_a_skip_button_can_be_skipped_in_words(diary: Diary, text: str) -> None:
    diary.says("6")

    assert diary.says(text)

    row = diary.rows()[0]
    assert (row.minutes, row.skipped, row.asks) == (None, "minutes", "confidence")


def test_skipped_minutes_are_not_thanked_for_and_are_not_zero(diary: Diary) -> None:
    for text in ("6", "skip", "7", "skip"):
        diary.says(text)

    assert diary.sees()[-1] == "Wed 09:00 thanks"
    assert diary.rows()[0].minutes is None


def test_zero_minutes_are_recorded_and_not_praised(diary: Diary) -> None:
    for text in ("6", "none", "7", "skip"):
        diary.says(text)

    assert diary.sees()[-1] == "Wed 09:00 thanks"
    assert diary.rows()[0].minutes == 0


def test_not_today_ends_it_and_keeps_what_was_said(diary: Diary) -> None:
    diary.taps("Not today")

    assert diary.sees() == ["Wed 09:00 not today, fine"]
    assert diary.ended() == ["2026-12-02 skipped by_patient", "2026-12-03 planned"]


def test_a_button_answers_only_the_question_it_stands_under(diary: Diary) -> None:
    diary.taps("6")
    diary.deliver()

    assert not diary.taps("9", of=0)

    assert (diary.rows()[0].pain, diary.rows()[0].minutes) == (6, None)


def test_yesterdays_keyboard_never_answers_todays_check_in(diary: Diary) -> None:
    diary.until("2026-12-03 09:00")

    assert not diary.taps("9", of=0)

    assert [row.pain for row in diary.rows()] == [None, None, None]
    assert diary.ended()[:2] == ["2026-12-02 lapsed unanswered", "2026-12-03 sent"]


def test_another_patients_button_answers_nothing(diary: Diary) -> None:
    asks = diary.check_ins.asks_of(diary.rows()[0])

    other = Patient(id=999, code="P-22222", sender="s2", created_at=diary.clock.now())
    found = diary.does(lambda session, _patient: diary.check_ins.for_tap(session, other, asks))

    assert found is None


@pytest.mark.parametrize(
    "asks", ["", "check_in", "check_in.", "check_in.x.pain", "check_in.1.pain.1", "safety.1.pain", "goal_form.pain"]
)
def test_a_binding_that_is_not_a_check_ins_answers_nothing(diary: Diary, asks: str) -> None:
    assert diary.does(diary.check_ins.for_tap, asks) is None


def test_a_question_of_a_later_form_gets_the_number(diary: Diary) -> None:
    diary.is_asked("goal_form.goal_minutes")

    assert not diary.says("20")

    assert diary.rows()[0].pain is None


def test_a_form_that_was_left_before_the_check_in_came_does_not_get_the_number(
    sqlite_database: Database, clock: SimulatedClock
) -> None:
    diary = Diary(sqlite_database, clock)
    diary.is_asked("goal_form.goal_minutes")
    diary.until("2026-12-02 09:00")

    assert diary.says("6")

    assert diary.rows()[0].pain == 6


# What Rasa understood ---------------------------------------------------------------------------------------------


def record(diary: Diary, **values: str) -> None:
    diary.does(diary.check_ins.record, values, diary.clock.now())


def test_rasa_fills_the_rest_and_nothing_twice(diary: Diary) -> None:
    diary.says("6")
    diary.sees()

    record(diary, pain="9", minutes="20.0", confidence="7", noticed="the stairs were easier")

    row = diary.rows()[0]
    assert (row.pain, row.minutes, row.confidence, row.noticed) == (6, 20, 7, "the stairs were easier")
    assert row.state == CheckInState.ANSWERED
    assert diary.sees() == []  # Rasa has the words


def test_none_is_not_answered_and_skipped_is_skipped(diary: Diary) -> None:
    record(diary, pain="6", minutes="skipped", confidence="None", noticed="None")

    row = diary.rows()[0]
    assert (row.pain, row.minutes, row.confidence, row.skipped, row.asks) == (6, None, None, "minutes", "confidence")
    assert row.state == CheckInState.SENT


@pytest.mark.parametrize("values", [{"pain": "11"}, {"pain": "-1"}, {"minutes": "601"}, {"confidence": "much"}])
def test_what_is_outside_the_limits_is_refused_whole(diary: Diary, values: dict[str, str]) -> None:
    with pytest.raises(EffectRefused) as refused:
        record(diary, **({"noticed": "fine"} | values))

    assert refused.value.response == "utter_refused_check_in_answer"
    assert diary.rows()[0].noticed is None


def test_a_sentence_that_is_too_long_is_kept_as_far_as_it_fits(diary: Diary) -> None:
    record(diary, noticed="x" * 100)

    assert diary.rows()[0].noticed == "x" * 40


def test_an_answer_that_comes_after_the_day_is_refused_and_moves_no_other_day(diary: Diary) -> None:
    diary.says("6")
    diary.until("2026-12-03 08:30")

    with pytest.raises(EffectRefused) as refused:
        record(diary, pain="3", minutes="20")

    assert refused.value.response == "utter_refused_check_in_closed"
    assert [(row.pain, row.minutes) for row in diary.rows()] == [(6, None), (None, None)]


def test_an_answer_of_the_same_day_still_counts_after_it_lapsed(diary: Diary) -> None:
    diary.until("2026-12-02 19:30")
    assert diary.rows()[0].state == CheckInState.LAPSED

    record(diary, pain="6", minutes="20", confidence="7", noticed="skipped")

    assert (diary.rows()[0].state, diary.rows()[0].pain) == (CheckInState.ANSWERED, 6)


def test_rasa_gets_every_slot_so_that_no_old_answer_stays(diary: Diary) -> None:
    diary.says("6")
    diary.says("skip")

    form = diary.check_ins.rasa_form(diary.rows()[0])

    assert form == {
        "name": "check_in_form",
        "slots": {"pain_now": 6, "minutes_done": "skipped", "confidence": None, "noticed": "skipped"},
        "asks": "confidence",
    }


def test_rasa_is_told_that_the_form_is_over(sunday: Diary) -> None:
    for text in ("6", "20"):
        sunday.says(text)
    sunday.is_asked("check_in_form.noticed")

    sunday.says("skip")

    assert sunday.does(lambda session, patient: patient.asks) is None
    assert sunday.check_ins.rasa_form(sunday.rows()[4])["name"] is None


# The database keeps the limits too ----------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{"pain": 11}, {"pain": -1}, {"minutes": -1}, {"confidence": 11}])
def test_the_database_refuses_impossible_numbers(
    database: Database, clock: SimulatedClock, values: dict[str, int]
) -> None:
    diary = Diary(database, clock)

    planned = diary.rows()[0]

    def write(session: Session, _patient: Patient) -> None:
        row = session.get_one(CheckIn, planned.id)
        for name, value in values.items():
            setattr(row, name, value)

    with pytest.raises(IntegrityError):
        diary.does(write)
