"""A minute of activity is told once, however it was told."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from data import activity
from data.activity import ActivityEntry, ActivitySource
from data.checkins import CheckIn, CheckInState
from data.database import Database
from data.patients import Patient
from tests.conftest import NOW

MONDAY = date(2026, 11, 30)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def patient(sqlite_database: Database) -> Patient:
    with sqlite_database.transaction() as session:
        patient = Patient(code="P-AAAAA", sender="s", created_at=NOW)
        session.add(patient)
    return patient


def tells(
    session: Session, patient: Patient, minutes: int, *, hour: int, on: date = MONDAY, planned: bool = True
) -> ActivityEntry:
    return activity.add(
        session,
        ActivityEntry(
            patient_id=patient.id, on=on, minutes=minutes, planned=planned, source=ActivitySource.DIARY,
            told_at=NOW + timedelta(hours=hour),
        ),
    )  # fmt: skip


def checks_in(session: Session, patient: Patient, minutes: int | None, *, hour: int, on: date = MONDAY) -> CheckIn:
    row = CheckIn(patient_id=patient.id, on=on, due_at=NOW, minutes=minutes, state=CheckInState.ANSWERED)
    session.add(row)
    session.flush()
    activity.follow_check_in(session, row, NOW + timedelta(hours=hour))
    return row


def of_days(session: Session, patient: Patient) -> dict[date, int]:
    return activity.minutes_by_day(session, patient.id, MONDAY, TUESDAY)


def test_a_day_of_which_nothing_was_told_is_absent_and_a_nought_is_there(
    sqlite_database: Database, patient: Patient
) -> None:
    with sqlite_database.transaction() as session:
        checks_in(session, patient, None, hour=1)
        checks_in(session, patient, 0, hour=2, on=TUESDAY)

        assert of_days(session, patient) == {TUESDAY: 0}


@pytest.mark.parametrize(
    ("before", "total", "after", "minutes"),
    [
        ([12], 12, [], 12),  # the total holds what was told before
        ([12, 8], 20, [], 20),
        ([12], 20, [], 20),  # 8 more that were not told
        ([12], 0, [], 12),  # what was told is not taken back by a hasty 0
        ([], 10, [5], 15),  # told after it: on top
        ([12], 12, [5], 17),
    ],
)
def test_the_total_of_the_check_in_covers_what_was_told_before_it(
    sqlite_database: Database, patient: Patient, before: list[int], total: int, after: list[int], minutes: int
) -> None:
    with sqlite_database.transaction() as session:
        for told in before:
            tells(session, patient, told, hour=1)
        checks_in(session, patient, total, hour=5)
        for told in after:
            tells(session, patient, told, hour=8)

        assert of_days(session, patient) == {MONDAY: minutes}


def test_another_activity_comes_on_top_of_the_planned_one(sqlite_database: Database, patient: Patient) -> None:
    with sqlite_database.transaction() as session:
        tells(session, patient, 30, hour=1, planned=False)
        checks_in(session, patient, 10, hour=5)

        assert of_days(session, patient) == {MONDAY: 40}
        assert activity.planned_by_day(session, patient.id, MONDAY, TUESDAY) == {MONDAY: 10}


def test_a_check_in_answered_again_changes_its_entry(sqlite_database: Database, patient: Patient) -> None:
    with sqlite_database.transaction() as session:
        row = checks_in(session, patient, 10, hour=5)
        row.minutes = 15
        activity.follow_check_in(session, row, NOW + timedelta(hours=6))

        assert of_days(session, patient) == {MONDAY: 15}


def test_what_was_taken_back_does_not_count(sqlite_database: Database, patient: Patient) -> None:
    with sqlite_database.transaction() as session:
        tells(session, patient, 12, hour=1).undone_at = NOW
        session.flush()

        assert of_days(session, patient) == {}
        assert activity.last_told(session, patient.id) == []
