"""Check-ins through days, weeks and downtime: once a day, at the patient's hour, and only while they are wanted."""

import threading
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from bot.clock import SimulatedClock
from bot.errors import EffectRefused
from bot.services.checkins import CheckIns
from bot.services.outgoing import Outgoing
from data.checkins import CheckIn, CheckInState
from data.concerns import SafetyQuestion
from data.database import Database
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientChat, PatientState
from tests.unit.diary import CHAT, Diary, little_library


@pytest.fixture
def diary(sqlite_database: Database, clock: SimulatedClock) -> Diary:
    """Tuesday, 09:00 in London, a patient of Tuesday morning who has chosen 09:00."""
    return Diary(sqlite_database, clock)


def starting(database: Database, local: str, zone: str, at: str) -> Diary:
    start = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    return Diary(database, SimulatedClock(start), zone=zone, at=at)


# The hour -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "at", "expected"),
    [
        ("Europe/London", "2026-10-24 12:00", "09:00", ["Sun 09:00", "Mon 09:00"]),
        ("Europe/London", "2026-10-24 12:00", "01:30", ["Sun 01:30", "Mon 01:30"]),
        ("Europe/London", "2027-03-27 12:00", "01:30", ["Sun 02:30", "Mon 01:30"]),
        ("Europe/Amsterdam", "2026-10-24 12:00", "02:30", ["Sun 02:30", "Mon 02:30"]),
        ("Europe/Amsterdam", "2027-03-27 12:00", "02:30", ["Sun 03:30", "Mon 02:30"]),
        ("America/New_York", "2026-10-31 12:00", "01:30", ["Sun 01:30", "Mon 01:30"]),
        ("America/New_York", "2027-03-13 12:00", "02:30", ["Sun 03:30", "Mon 02:30"]),
        ("Asia/Kolkata", "2026-10-24 12:00", "07:30", ["Sun 07:30", "Mon 07:30"]),
    ],
)
def test_both_clock_changes_send_once_a_day(
    sqlite_database: Database, zone: str, start: str, at: str, expected: list[str]
) -> None:
    diary = starting(sqlite_database, start, zone, at)

    diary.wait(days=2)

    assert [line for line in diary.sees() if "still there" not in line] == [f"{shown} pain?" for shown in expected]


def test_twelve_weeks_bring_one_check_in_a_day_at_the_local_hour(database: Database) -> None:
    diary = starting(database, "2026-09-14 10:00", "Europe/London", "18:30")

    diary.wait(weeks=12)

    arrived = diary.sees()
    assert arrived[:2] == ["Mon 18:30 pain?", "Tue 18:30 pain?"]
    assert Counter(line[4:] for line in arrived) == {"18:30 pain?": 84}
    days = [row.on for row in diary.rows()]
    assert [day - days[0] for day in days] == [timedelta(days=number) for number in range(85)]


def test_a_new_hour_later_today_does_not_ask_twice(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.taps("Not today")

    diary.change(check_in_at=time(18))
    diary.until("2026-12-03 19:00")

    assert diary.sees() == ["Wed 09:00 pain?", "Wed 09:00 not today, fine", "Thu 18:00 pain?"]


def test_a_new_hour_before_todays_check_in_moves_it(diary: Diary) -> None:
    diary.until("2026-12-02 07:00")

    diary.change(check_in_at=time(18))
    diary.until("2026-12-02 20:00")

    assert diary.sees()[0] == "Wed 18:00 pain?"
    assert diary.ended() == ["2026-12-02 sent", "2026-12-03 planned"]


def test_a_journey_west_does_not_bring_the_same_day_twice(diary: Diary) -> None:
    diary.until("2026-12-02 10:00")
    assert diary.sees() == ["Wed 09:00 pain?"]

    diary.change(time_zone="America/New_York")  # 05:00 there
    diary.until("2026-12-03 09:30")

    assert diary.sees() == ["Thu 09:00 pain?"]
    assert [str(row.on) for row in diary.rows()] == ["2026-12-02", "2026-12-03", "2026-12-04"]


def test_a_journey_east_asks_at_the_new_clocks_hour(diary: Diary) -> None:
    diary.until("2026-12-02 10:00")
    diary.sees()

    diary.change(time_zone="Asia/Kolkata")
    diary.until("2026-12-03 10:00")

    assert "Thu 09:00 pain?" in diary.sees()
    assert [str(row.on) for row in diary.rows()] == ["2026-12-02", "2026-12-03", "2026-12-04"]


def test_patients_of_the_same_hour_are_spread_inside_the_protocol_number(
    sqlite_database: Database, clock: SimulatedClock
) -> None:
    library = little_library(spread=120)
    check_ins = CheckIns(sqlite_database, clock, library, Outgoing(library))

    with sqlite_database.transaction() as session:
        for number in range(40):
            patient = Patient(
                code=f"P-{number}", sender=f"s{number}", state=PatientState.ACTIVE, created_at=clock.now(),
                check_in_at=time(9),
            )  # fmt: skip
            session.add(patient)
            session.flush()
            check_ins.plan_next(session, patient, clock.now() + timedelta(minutes=5))
        due = session.exec(select(CheckIn.due_at)).all()

    nine = datetime(2026, 12, 2, 9, tzinfo=UTC)
    assert all(nine <= at <= nine + timedelta(seconds=120) for at in due)
    assert len(set(due)) > 20


def test_a_patient_without_a_plan_gets_one_at_the_next_tick(diary: Diary) -> None:
    with diary.database.transaction() as session:
        session.delete(session.exec(select(CheckIn)).one())

    diary.wait(minutes=1)

    assert diary.ended() == ["2026-12-02 planned"]


def test_a_patient_without_an_hour_has_no_plan(diary: Diary) -> None:
    diary.change(check_in_at=None)

    diary.wait(days=2)

    assert diary.rows() == []


# Downtime -------------------------------------------------------------------------------------------------------------


def test_after_three_hours_down_what_is_an_hour_late_still_goes_out(diary: Diary) -> None:
    diary.until("2026-12-02 07:00")

    diary.sleep(hours=3)
    diary.tick()

    assert diary.sees() == ["Wed 10:00 pain?"]


def test_after_three_hours_down_what_is_too_late_is_missed_and_the_next_is_planned(diary: Diary) -> None:
    diary.until("2026-12-02 08:59")

    diary.sleep(hours=3)
    diary.tick()

    assert diary.sees() == []
    assert diary.ended() == ["2026-12-02 missed too_late", "2026-12-03 planned"]


def test_three_days_down_bring_no_flood(diary: Diary) -> None:
    diary.until("2026-12-01 22:00")

    diary.sleep(days=3)
    diary.tick()
    diary.until("2026-12-05 09:30")

    assert diary.sees() == ["Sat 09:00 pain?"]
    assert diary.ended()[:2] == ["2026-12-02 missed too_late", "2026-12-05 sent"]


def test_a_late_check_in_does_not_come_at_night(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 19:00", "Europe/London", "19:30")

    diary.sleep(hours=2)
    diary.tick()

    assert diary.sees() == []
    assert diary.ended()[0] == "2026-12-02 missed quiet_hours"


def test_an_early_risers_late_check_in_waits_for_the_end_of_the_quiet_hours(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 05:00", "Europe/London", "06:30")

    diary.sleep(hours=2)
    diary.wait(hours=2)

    assert diary.sees() == ["Wed 08:00 pain?"]


def test_an_hour_chosen_inside_the_quiet_hours_is_kept(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 12:00", "Europe/London", "22:15")

    diary.wait(hours=12)

    assert diary.sees() == ["Wed 22:15 pain?"]


def test_a_question_that_never_left_is_missed_and_not_delivered_hours_later(diary: Diary) -> None:
    diary.telegram = False

    diary.until("2026-12-02 11:00")
    diary.telegram = True
    diary.tick()

    with diary.database.transaction() as session:
        states = session.exec(select(OutboxMessage.state)).all()
    assert states == [OutboxState.DROPPED]
    assert diary.ended()[0] == "2026-12-02 missed undelivered"


# Still wanted? --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"held_since": datetime(2026, 12, 1, tzinfo=UTC), "held_for": "RF01"}, "safety_hold"),
        ({"quiet_until": datetime(2026, 12, 8, tzinfo=UTC)}, "quiet_period"),
        ({"state": PatientState.PAUSED}, "paused"),
        ({"state": PatientState.PAUSED, "paused_until": datetime(2026, 12, 9, tzinfo=UTC)}, "paused"),
    ],
)
def test_what_is_not_wanted_is_skipped_and_the_next_is_planned(
    diary: Diary, fields: dict[str, object], reason: str
) -> None:
    diary.change(**fields)

    diary.until("2026-12-02 09:00")

    assert diary.sees() == []
    assert diary.ended() == [f"2026-12-02 skipped {reason}", "2026-12-03 planned"]


def test_a_pause_that_is_over_holds_nothing_back(diary: Diary) -> None:
    diary.change(state=PatientState.PAUSED, paused_until=datetime(2026, 12, 2, 8, tzinfo=UTC))

    diary.until("2026-12-02 09:00")

    assert diary.sees() == ["Wed 09:00 pain?"]


def test_a_blocked_chat_gets_nothing(diary: Diary) -> None:
    with diary.database.transaction() as session:
        session.get_one(PatientChat, CHAT).blocked_at = diary.clock.now()

    diary.until("2026-12-02 09:00")

    assert diary.ended()[0] == "2026-12-02 skipped unreachable"


def test_after_withdrawal_nothing_is_sent_or_planned(diary: Diary) -> None:
    with diary.database.transaction() as session:
        session.exec(select(Patient)).one().state = PatientState.WITHDRAWN

    diary.wait(days=3)

    assert diary.sees() == []
    assert diary.ended() == ["2026-12-02 skipped not_active"]


def test_a_check_in_waits_for_an_open_form(diary: Diary) -> None:
    diary.until("2026-12-02 08:55")
    diary.is_asked("goal_form.goal_minutes")

    diary.until("2026-12-02 09:30")

    assert diary.sees() == ["Wed 09:10 pain?"]


def test_a_check_in_comes_as_soon_as_the_form_is_done(diary: Diary) -> None:
    diary.until("2026-12-02 08:59")
    diary.is_asked("goal_form.goal_minutes")
    diary.until("2026-12-02 09:05")
    diary.is_asked(None)

    diary.until("2026-12-02 09:10")

    assert diary.sees() == ["Wed 09:10 pain?"]


def test_a_patient_who_talks_on_and_on_is_left_in_peace_that_day(diary: Diary) -> None:
    for minute in range(0, 40, 5):
        diary.until(f"2026-12-02 {8 + (55 + minute) // 60:02d}:{(55 + minute) % 60:02d}")
        diary.is_asked("goal_form.goal_minutes")

    assert diary.sees() == []
    assert diary.ended()[0] == "2026-12-02 skipped busy"


def test_waiting_for_a_form_does_not_carry_it_into_the_night(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 12:00", "Europe/London", "19:50")
    for at in ("19:45", "19:55", "20:05"):
        diary.until(f"2026-12-02 {at}")
        diary.is_asked("goal_form.goal_minutes")

    diary.until("2026-12-02 23:00")

    assert diary.sees() == []
    assert diary.ended()[0] == "2026-12-02 missed quiet_hours"


def test_a_form_that_was_left_hours_ago_does_not_hold_it_up(diary: Diary) -> None:
    diary.is_asked("goal_form.goal_minutes")

    diary.until("2026-12-02 09:00")

    assert diary.sees() == ["Wed 09:00 pain?"]


def test_safety_questions_come_first(diary: Diary) -> None:
    question = SafetyQuestion(patient_id=diary.patient_id, question_set="cauda_equina", asked_at=diary.clock.now())
    with diary.database.transaction() as session:
        session.add(question)

    diary.until("2026-12-02 09:05")
    assert diary.sees() == []
    with diary.database.transaction() as session:
        session.delete(session.exec(select(SafetyQuestion)).one())
    diary.until("2026-12-02 09:15")

    assert diary.sees() == ["Wed 09:10 pain?"]


def test_one_patients_broken_row_holds_up_nobody(diary: Diary) -> None:
    diary.until("2026-12-02 08:30")
    with diary.database.transaction() as session:
        for number, planned in ((1, True), (2, False)):
            broken = Patient(
                code=f"P-BAD{number}", sender=f"bad{number}", state=PatientState.ACTIVE, created_at=diary.clock.now(),
                time_zone="Europe/Atlantis", check_in_at=time(8),
            )  # fmt: skip
            session.add(broken)
            session.flush()
            session.add(PatientChat(chat_id=900 + number, patient_id=broken.id))
            if planned:
                at = diary.clock.now() + timedelta(minutes=5)
                session.add(CheckIn(patient_id=broken.id, on=at.date(), planned_at=at, due_at=at))

    diary.until("2026-12-02 09:00")

    assert diary.sees() == ["Wed 09:00 pain?"]


# Once -----------------------------------------------------------------------------------------------------------------


def test_two_processes_ask_once(
    database: Database, clock: SimulatedClock, database_url: str, encryption_key: str
) -> None:
    library = little_library()
    first = CheckIns(database, clock, library, Outgoing(library))
    with database.transaction() as session:
        for number in range(30):
            patient = Patient(
                code=f"P-{number}", sender=f"s{number}", state=PatientState.ACTIVE, created_at=clock.now(),
                check_in_at=time(10),
            )  # fmt: skip
            session.add(patient)
            session.flush()
            session.add(PatientChat(chat_id=1000 + number, patient_id=patient.id))
            first.plan_next(session, patient, clock.now())
    clock.move(timedelta(hours=1))
    other_database = Database(database_url, encryption_keys=[encryption_key])
    second = CheckIns(other_database, clock, library, Outgoing(library))
    start, looked_at, problems = threading.Barrier(2), [], []

    def tick(check_ins: CheckIns) -> None:
        try:
            start.wait()
            for _ in range(5):
                looked_at.append(check_ins.send_due())
        except Exception as problem:  # shown by the test below
            problems.append(problem)

    threads = [threading.Thread(target=tick, args=(each,)) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other_database.close()

    with database.transaction() as session:
        asked = session.exec(select(OutboxMessage.patient_id)).all()
        planned = session.exec(select(CheckIn.patient_id).where(col(CheckIn.state) == CheckInState.PLANNED)).all()
    assert problems == []
    assert sorted(asked) == sorted(planned) == sorted(set(asked))
    assert (len(asked), sum(looked_at)) == (30, 30)


def test_a_second_plan_for_the_same_day_is_never_written(database: Database, clock: SimulatedClock) -> None:
    diary = Diary(database, clock)

    for _ in range(3):
        diary.does(diary.check_ins.plan_next, clock.now())

    assert diary.ended() == ["2026-12-02 planned"]


# Reminder and lapse ---------------------------------------------------------------------------------------------------


def test_one_reminder_and_then_it_lapses(diary: Diary) -> None:
    diary.until("2026-12-02 22:00")

    assert diary.sees() == ["Wed 09:00 pain?", "Wed 10:30 still there? pain?"]
    assert diary.ended()[0] == "2026-12-02 lapsed unanswered"


def test_a_check_in_that_was_put_off_is_not_reminded_of_twice(diary: Diary) -> None:
    diary.until("2026-12-02 11:00")
    diary.taps("Later")
    diary.sees()

    diary.until("2026-12-02 19:00")

    assert diary.sees() == ["Wed 12:00 pain?"]
    assert str(diary.rows()[0].reminded_at) == "2026-12-02 10:30:00+00:00"


def test_a_new_day_ends_the_check_in_before_it(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 12:00", "Europe/London", "23:00")
    diary.until("2026-12-02 23:30")

    diary.change(check_in_at=time(7))
    diary.until("2026-12-03 07:00")

    assert diary.sees() == ["Wed 23:00 pain?", "Thu 07:00 pain?"]
    assert diary.ended()[:2] == ["2026-12-02 lapsed next_one_due", "2026-12-03 sent"]


def test_a_reminders_buttons_answer(diary: Diary) -> None:
    diary.until("2026-12-02 11:00")

    assert diary.taps("6")

    assert diary.rows()[0].pain == 6
    assert not diary.taps("3", of=0)


def test_no_reminder_after_the_answers(diary: Diary) -> None:
    diary.until("2026-12-02 09:05")
    for text in ("6", "20", "7", "skip"):
        diary.says(text)
    diary.sees()

    diary.until("2026-12-02 22:00")

    assert diary.sees() == []
    assert diary.ended()[0] == "2026-12-02 answered"


def test_the_reminder_counts_from_the_last_answer(diary: Diary) -> None:
    diary.until("2026-12-02 10:20")
    diary.says("6")
    diary.sees()

    diary.until("2026-12-02 12:00")

    assert diary.sees() == ["Wed 11:50 still there? minutes?"]


def test_no_reminder_inside_an_open_form(diary: Diary) -> None:
    diary.until("2026-12-02 10:25")
    diary.is_asked("goal_form.goal_minutes")

    diary.until("2026-12-02 10:35")

    assert diary.sees() == ["Wed 09:00 pain?"]


def test_no_reminder_while_the_patient_is_writing(diary: Diary) -> None:
    diary.until("2026-12-02 10:25")
    diary.says("what is this for?")

    diary.until("2026-12-02 10:50")

    assert diary.sees() == ["Wed 09:00 pain?", "Wed 10:40 still there? pain?"]


def test_no_reminder_at_night(sqlite_database: Database) -> None:
    diary = starting(sqlite_database, "2026-12-02 12:00", "Europe/London", "19:00")

    diary.wait(hours=20)

    assert diary.sees() == ["Wed 19:00 pain?"]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": PatientState.PAUSED},
        {"quiet_until": datetime(2026, 12, 8, tzinfo=UTC)},
        {"held_since": datetime(2026, 12, 2, tzinfo=UTC)},
    ],
)
def test_no_reminder_when_nothing_is_wanted_any_more(diary: Diary, fields: dict[str, object]) -> None:
    diary.until("2026-12-02 09:30")
    diary.change(**fields)

    diary.until("2026-12-02 12:00")

    assert diary.sees() == ["Wed 09:00 pain?"]


def test_a_tap_after_it_lapsed_changes_nothing(diary: Diary) -> None:
    diary.until("2026-12-02 20:00")

    assert not diary.taps("6", of=0)

    asks = f"check_in.{diary.rows()[0].id}.pain"
    assert diary.does(diary.check_ins.why_stale, asks) == "utter_check_in_lapsed"
    assert diary.rows()[0].pain is None


def test_a_tap_on_an_answered_question_is_passed_and_not_lapsed(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    asks = f"check_in.{diary.rows()[0].id}.pain"
    diary.taps("6")

    assert diary.does(diary.check_ins.why_stale, asks) == "utter_question_passed"


# Later, not today, now ------------------------------------------------------------------------------------------------


def test_later_asks_again_in_the_same_row(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")

    diary.taps("Later")
    diary.until("2026-12-02 10:30")

    assert diary.sees() == ["Wed 09:00 pain?", "Wed 09:00 again at 10:00, in 60", "Wed 10:00 pain?"]
    assert diary.ended() == ["2026-12-02 sent", "2026-12-03 planned"]
    assert diary.taps("6")


def test_later_goes_on_with_the_question_that_is_missing(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")
    diary.does(diary.check_ins.snooze, 30, diary.clock.now())
    diary.sees()

    diary.until("2026-12-02 09:31")

    assert diary.sees() == ["Wed 09:30 minutes?"]


def test_a_number_typed_while_it_is_put_off_is_for_rasa(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.taps("Later")

    assert not diary.says("6")


@pytest.mark.parametrize(("start", "minutes"), [("09:00", 0), ("09:00", -5), ("09:00", 361), ("18:45", 330)])
def test_a_snooze_that_is_too_long_or_ends_tomorrow_is_refused(diary: Diary, start: str, minutes: int) -> None:
    diary.until(f"2026-12-02 {start}")

    with pytest.raises(EffectRefused) as refused:
        diary.does(diary.check_ins.snooze, minutes, diary.clock.now())

    assert refused.value.response == "utter_refused_snooze_too_late"
    assert diary.ended()[0] == "2026-12-02 sent"


def test_skipping_ahead_of_the_hour_leaves_out_that_day_only(diary: Diary) -> None:
    diary.until("2026-12-02 08:00")

    diary.does(diary.check_ins.skip, diary.clock.now())
    diary.until("2026-12-03 09:00")

    assert diary.sees() == ["Thu 09:00 pain?"]
    assert diary.ended()[0] == "2026-12-02 skipped by_patient"


@pytest.mark.parametrize("wish", ["skip", "snooze"])
def test_with_nothing_open_there_is_nothing_to_skip_or_put_off(diary: Diary, wish: str) -> None:
    arguments = {"skip": (), "snooze": (30,)}[wish]

    with pytest.raises(EffectRefused) as refused:
        diary.does(getattr(diary.check_ins, wish), *arguments, diary.clock.now())

    assert refused.value.response == "utter_refused_no_check_in"
    assert diary.ended() == ["2026-12-02 planned"]


def start_now(diary: Diary) -> list[str]:
    row = diary.does(diary.check_ins.start_now, diary.clock.now())
    return [words.text for words in diary.check_ins.question(row)]


def test_check_in_now_uses_todays_row_and_leaves_the_hour_in_peace(diary: Diary) -> None:
    diary.until("2026-12-02 07:00")

    assert start_now(diary) == ["pain?"]
    for text in ("6", "20", "7", "skip"):
        diary.says(text)
    diary.sees()
    diary.until("2026-12-02 22:00")

    assert diary.sees() == []
    assert diary.ended() == ["2026-12-02 answered", "2026-12-03 planned"]


def test_check_in_now_makes_a_row_on_a_day_that_has_none(diary: Diary) -> None:
    assert start_now(diary) == ["pain?"]

    assert diary.ended() == ["2026-12-01 sent", "2026-12-02 planned"]


def test_check_in_now_goes_on_with_the_open_one(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")

    assert start_now(diary) == ["minutes?"]


def test_a_second_check_in_the_same_day_tells_what_was_recorded(diary: Diary) -> None:
    start_now(diary)
    for text in ("6", "skip", "7", "skip"):
        diary.says(text)

    with pytest.raises(EffectRefused) as refused:
        start_now(diary)

    assert refused.value.response == "utter_refused_check_in_done"
    assert refused.value.values == {"pain": 6, "minutes": None, "confidence": 7, "noticed": None}


@pytest.mark.parametrize("first", ["not today", "lapsed"])
def test_somebody_who_comes_back_the_same_day_can_still_check_in(diary: Diary, first: str) -> None:
    diary.until("2026-12-02 09:00")
    if first == "not today":
        diary.taps("Not today")
    else:
        diary.until("2026-12-02 19:30")

    assert start_now(diary) == ["pain?"]
    diary.says("4")

    assert (diary.rows()[0].state, diary.rows()[0].pain) == (CheckInState.SENT, 4)


def test_somebody_who_comes_back_is_asked_what_they_had_skipped(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("skip")
    diary.does(diary.check_ins.skip, diary.clock.now())

    assert start_now(diary) == ["pain?"]


def test_a_stranger_can_not_check_in(diary: Diary) -> None:
    diary.change(state=PatientState.INVITED)

    with pytest.raises(EffectRefused) as refused:
        start_now(diary)

    assert refused.value.response == "utter_refused_not_enrolled"


# Cut short ------------------------------------------------------------------------------------------------------------


def test_a_safety_hold_cuts_it_short_and_keeps_what_was_said(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")

    def hold(session: Session, patient: Patient) -> None:
        patient.held_since = diary.clock.now()
        diary.check_ins.cancel_open(session, patient, diary.clock.now())

    diary.does(hold)
    diary.until("2026-12-03 12:00")

    assert diary.sees() == ["Wed 09:00 pain?"]  # the next question had not left yet, and doesn't
    assert diary.ended()[:2] == ["2026-12-02 lapsed safety_hold", "2026-12-03 skipped safety_hold"]
    assert diary.rows()[0].pain == 6
    assert not diary.says("20")


def test_after_the_hold_check_ins_come_again(diary: Diary) -> None:
    diary.change(held_since=diary.clock.now())
    diary.until("2026-12-02 12:00")

    diary.change(held_since=None)
    diary.until("2026-12-03 09:00")

    assert diary.sees() == ["Thu 09:00 pain?"]


def test_rasa_going_back_opens_the_earlier_question_again(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")
    diary.says("20")

    diary.does(diary.check_ins.follow, "check_in_form.pain_now", diary.clock.now())

    assert diary.check_ins.asks_of(diary.rows()[0]) == f"check_in.{diary.rows()[0].id}.pain"
    assert diary.check_ins.rasa_form(diary.rows()[0])["slots"]["pain_now"] is None
    assert diary.says("4")
    assert (diary.rows()[0].pain, diary.rows()[0].minutes, diary.rows()[0].asks) == (4, 20, "confidence")


def test_an_answer_stands_until_there_is_another(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")
    diary.does(diary.check_ins.follow, "check_in_form.pain_now", diary.clock.now())

    diary.says("skip")

    assert (diary.rows()[0].pain, diary.rows()[0].skipped, diary.rows()[0].asks) == (6, "", "minutes")


def test_rasa_can_correct_the_answer_it_went_back_to(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")
    diary.says("6")
    diary.says("20")
    diary.does(diary.check_ins.follow, "check_in_form.pain_now", diary.clock.now())

    diary.does(diary.check_ins.record, {"pain": "4", "minutes": "30"}, diary.clock.now())

    assert (diary.rows()[0].pain, diary.rows()[0].minutes, diary.rows()[0].asks) == (4, 20, "confidence")


def test_rasa_going_past_a_question_leaves_it_missing(diary: Diary) -> None:
    diary.until("2026-12-02 09:00")

    diary.does(diary.check_ins.follow, "check_in_form.confidence", diary.clock.now())
    diary.says("7")

    row = diary.rows()[0]
    assert (row.pain, row.minutes, row.confidence, row.skipped) == (None, None, 7, "pain,minutes")


@pytest.mark.parametrize("asks", [None, "goal_form.goal_minutes", "check_in_form.pain_now", "check_in_form.requested"])
def test_rasa_asking_the_same_or_something_else_moves_nothing(diary: Diary, asks: str | None) -> None:
    diary.until("2026-12-02 09:00")

    diary.does(diary.check_ins.follow, asks, diary.clock.now())

    assert (diary.rows()[0].asks, diary.rows()[0].skipped) == ("pain", "")
