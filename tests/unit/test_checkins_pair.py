"""A pair of check-ins: pain before the day's activity, the activity in the evening; three taps a day."""

from collections.abc import Callable
from datetime import date, time

import pytest

from bot.clock import SimulatedClock
from bot.errors import EffectRefused
from data import activity, checkins, programme
from data.checkins import CheckInState
from data.database import Database
from tests.unit.diary import Diary

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 31)


@pytest.fixture
def diary(sqlite_database: Database, clock: SimulatedClock) -> Diary:
    """Wednesday, 08:00: the first morning's question has just come. The evening's is at six."""
    return paired(sqlite_database, clock)


def paired(database: Database, clock: SimulatedClock) -> Diary:
    diary = Diary(database, clock, at="08:30")
    diary.until("2026-12-01 19:00")
    diary.change(morning_at=time(8), check_in_at=time(18))
    diary.until("2026-12-02 08:00")
    return diary


def taps(diary: Diary, *labels: str) -> None:
    for label in labels:
        assert diary.taps(label)
        diary.deliver()


def test_a_day_of_the_pair_takes_three_taps(database: Database, clock: SimulatedClock) -> None:
    diary = paired(database, clock)

    taps(diary, "6")
    diary.until("2026-12-02 18:00")
    taps(diary, "20", "7")

    assert diary.sees() == [
        "Wed 08:00 pain?",
        "Wed 08:00 until the evening",
        "Wed 18:00 minutes?",
        "Wed 18:00 confidence?",
        "Wed 18:00 thanks for 20 minutes",
    ]
    with database.transaction() as session:
        assert checkins.morning_pain(session, diary.patient_id, FIRST, LAST) == {date(2026, 12, 2): 6}
        assert activity.minutes_by_day(session, diary.patient_id, FIRST, LAST) == {date(2026, 12, 2): 20}
        assert checkins.confidence_by_day(session, diary.patient_id, FIRST, LAST) == {date(2026, 12, 2): 7}
        assert checkins.first_morning(session, diary.patient_id) == date(2026, 12, 2)


def test_on_the_noticing_day_it_is_three_taps_too(diary: Diary) -> None:
    diary.until("2026-12-06 08:00")
    taps(diary, "6")
    diary.until("2026-12-06 18:00")
    taps(diary, "20", "Skip")

    assert [row.state for row in diary.rows() if row.on == date(2026, 12, 6)] == [CheckInState.ANSWERED] * 2


def test_both_come_every_day_once(diary: Diary) -> None:
    diary.until("2026-12-04 23:00")

    asked = [words for words in diary.sees() if "still there" not in words]
    assert asked == [f"{day} {what}" for day in ("Wed", "Thu", "Fri") for what in ("08:00 pain?", "18:00 minutes?")]


def test_the_morning_is_over_when_the_evening_comes(diary: Diary) -> None:
    diary.until("2026-12-02 18:00")

    assert not diary.taps("6", of=0)

    assert diary.ended()[:2] == ["2026-12-02 lapsed unanswered", "2026-12-02 sent"]


@pytest.mark.parametrize(("answered_at", "counts"), [("08:30", True), ("11:00", True), ("11:01", False)])
def test_pain_told_hours_later_is_no_morning_pain(diary: Diary, answered_at: str, counts: bool) -> None:
    diary.until(f"2026-12-02 {answered_at}")
    taps(diary, "6")

    found = diary.does(lambda session, patient: checkins.morning_pain(session, patient.id, FIRST, LAST))

    assert found == ({date(2026, 12, 2): 6} if counts else {})
    assert diary.rows()[0].pain == 6


def test_pain_of_one_check_in_a_day_is_no_morning_pain(sqlite_database: Database, clock: SimulatedClock) -> None:
    diary = Diary(sqlite_database, clock)
    diary.until("2026-12-02 09:00")
    taps(diary, "6")

    assert diary.does(lambda session, patient: checkins.morning_pain(session, patient.id, FIRST, LAST)) == {}
    pain = diary.does(lambda session, patient: programme.pain_by_day(session, patient.id, FIRST, LAST))
    assert pain == {date(2026, 12, 2): 6}


def test_not_today_in_the_morning_is_for_the_evening_too(diary: Diary) -> None:
    taps(diary, "Not today")
    diary.until("2026-12-02 23:00")

    assert diary.sees() == ["Wed 08:00 pain?", "Wed 08:00 not today, fine"]


def test_who_chooses_the_pair_in_the_middle_of_a_day_is_asked_nothing_twice(
    sqlite_database: Database, clock: SimulatedClock
) -> None:
    diary = Diary(sqlite_database, clock)
    diary.until("2026-12-02 09:00")
    taps(diary, "6", "20", "7")
    diary.sees()

    diary.change(morning_at=time(8), check_in_at=time(18))
    diary.until("2026-12-03 08:00")

    assert diary.sees() == ["Thu 08:00 pain?"]


def test_who_gives_the_pair_up_is_asked_once_a_day_again(diary: Diary) -> None:
    taps(diary, "6")
    diary.change(morning_at=None)
    diary.sees()

    diary.until("2026-12-03 18:00")

    assert [words for words in diary.sees() if "still" not in words] == ["Thu 18:00 pain?"]


NOW: list[tuple[str, str, Callable[[Diary], None] | None]] = [
    ("2026-12-02 09:30", "pain", None),
    ("2026-12-02 09:30", "minutes", lambda diary: taps(diary, "6")),
    ("2026-12-02 14:00", "minutes", None),
]


@pytest.mark.parametrize(("at", "asks", "before"), NOW)
def test_check_in_now_is_the_one_of_the_hour(
    diary: Diary, at: str, asks: str, before: Callable[[Diary], None] | None
) -> None:
    if before:
        before(diary)
    diary.until(at)

    row = diary.does(diary.check_ins.start_now, diary.clock.now())

    assert row.asks == asks


def test_a_finished_day_has_no_more_to_ask(diary: Diary) -> None:
    taps(diary, "6")
    diary.until("2026-12-02 18:00")
    taps(diary, "20", "7")

    with pytest.raises(EffectRefused):
        diary.does(diary.check_ins.start_now, diary.clock.now())


def test_a_day_of_illness_is_marked_by_one_tap(diary: Diary) -> None:
    taps(diary, "6")
    diary.until("2026-12-02 18:00")

    taps(diary, "I'm ill today")

    assert diary.sees()[-1] == "Wed 18:00 get well confidence?"
    flagged = diary.does(lambda session, patient: checkins.flagged_days(session, patient.id, FIRST, LAST))
    assert flagged == {date(2026, 12, 2): "illness"}
    assert diary.rows()[1].minutes is None


def test_a_plan_that_was_lost_comes_back_for_either(diary: Diary) -> None:
    taps(diary, "6")
    diary.does(lambda session, patient: checkins.drop_planned(session, patient.id))

    diary.wait(minutes=2)

    assert sorted((row.kind, row.on.day) for row in diary.rows() if row.state == CheckInState.PLANNED) == [
        ("evening", 2),
        ("morning", 3),
    ]
