"""The three support calls: when they are due, what the sheet says, what is kept of them."""

import json
import re
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from bot.clock import SimulatedClock
from bot.coaching import support_calls as rule
from bot.coaching.support_calls import Standing
from bot.content import Library
from bot.services.support_calls import SupportCalls
from data import activity, erasure, experiments, export, flares, programme, support_calls
from data.audit import AuditEvent
from data.case_notes import CaseNote
from data.checkins import CheckIn, CheckInState
from data.concerns import RiskFlag
from data.database import Database
from data.experiments import Experiment, ExperimentState
from data.flares import Flare, FlareEnd
from data.goals import ActivityGoal
from data.measures import Sitting, SittingState
from data.patients import Patient, PatientState
from data.programme import BodyLimit, OwnWords, WeekReview, WordsKind
from data.support_calls import SupportCall
from data.timeline import entries
from tests.console import Browser
from tests.unit.test_console_cases import HOSTILE, Clinic

SHEET = "/patients/P-7KQ4M/support-calls/1"
KEPT = {"outcome": "talked", "referral": "not_now", "agreed": "Ten minutes on Tuesdays", "notes": "Worried about work"}


@pytest.fixture
def clinic(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(sqlite_database, clock, library)


def joined(clinic: Clinic, days_ago: int, code: str = "P-7KQ4M") -> int:
    patient = clinic.patient(code)
    with clinic.database.transaction() as session:
        session.get_one(Patient, patient).enrolled_at = clinic.clock.now() - timedelta(days=days_ago)
    return patient


def writes(browser: Browser, path: str = SHEET, *, seen: int = 0, **told: str) -> str:
    """What the page says after the form was sent."""
    done = browser.sends(path, path, seen=str(seen), back=path, **(KEPT | told))
    return browser.opens(done.headers["location"]).text


# When -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "ended", "standings"),
    [
        (0, 0, ["due", "planned", "planned"]),
        (13, 0, ["due", "planned", "planned"]),
        (14, 0, ["late", "planned", "planned"]),
        (14, 1, ["over", "due", "planned"]),
        (21, 1, ["over", "late", "planned"]),
        (21, 2, ["over", "over", "planned"]),
        (28, 2, ["over", "over", "due"]),
        (35, 2, ["over", "over", "late"]),
        (35, 3, ["over", "over", "over"]),
        (56, 1, ["over", "by_need", "by_need"]),
    ],
)
def test_the_next_call_is_the_one_after_the_last_that_ended(
    library: Library, day: int, ended: int, standings: list[str]
) -> None:
    calls = SupportCalls(library).calls
    today = date(2026, 12, 1) + timedelta(days=day)

    found = [rule.standing(each, ended, date(2026, 12, 1), today, last_week=8) for each in calls]

    assert found == standings


def test_the_list_and_the_case_agree_on_every_day(database: Database, clock: SimulatedClock, library: Library) -> None:
    """The list asks the database, the case counts days: on both engines they mean the same."""
    calls = SupportCalls(library)
    now = clock.now()
    with database.transaction() as session:
        for day in range(-1, 60):
            for ended in range(4):
                patient = Patient(
                    code=f"P-{day + 1:02}-{ended}", sender=f"s{day}-{ended}", state=PatientState.ACTIVE, created_at=now,
                    enrolled_at=now - timedelta(days=day, hours=day % 10),
                )  # fmt: skip
                session.add(patient)
                session.flush()
                for number in range(1, ended + 1):
                    row = {"outcome": "talked", "ended": True, "referral": "not_now", "at": now}
                    support_calls.add(session, SupportCall(patient_id=patient.id, number=number, **row))

    with database.transaction() as session:
        expected = {
            (patient.code, line.call.number, line.standing is Standing.LATE)
            for patient in session.exec(select(Patient))
            for line in calls.of_patient(session, patient, now)
            if line.standing in (Standing.DUE, Standing.LATE)
        }
        pages = [calls.due(session, 1, now, page=page) for page in (1, 2, 3, 4)]
        listed = {(each.patient.code, each.call.number, each.is_late) for page in pages for each in page}
        counted = calls.count_due(session, 1, now)

    assert listed == expected
    assert counted == (len(expected), sum(late for _, _, late in expected))
    assert [each.is_late for page in pages for each in page] == sorted((late for *_, late in expected), reverse=True)


def test_only_active_patients_of_ones_own_service_are_called(clinic: Clinic) -> None:
    priya, omar = clinic.colleague("Priya"), clinic.colleague("Omar", service=clinic.other_service())
    joined(clinic, 3, "P-00001")
    for code, state in (("P-00002", PatientState.PAUSED), ("P-00003", PatientState.WITHDRAWN)):
        patient = joined(clinic, 3, code)
        with clinic.database.transaction() as session:
            session.get_one(Patient, patient).state = state

    assert re.findall(r"P-0000\d(?=/support-calls)", priya.opens("/support-calls").text) == ["P-00001"]
    assert "No call is due" in omar.opens("/support-calls").text


def test_late_calls_come_first_and_the_worklist_counts_them(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    joined(clinic, 2, "P-00001")
    joined(clinic, 16, "P-00002")

    page = priya.opens("/support-calls").text

    assert re.findall(r"P-0000\d(?=/support-calls)", page) == ["P-00002", "P-00001"]
    assert "Late: was to be by Sat 28 Nov" in page
    for path in ("/worklist", "/worklist/rows"):
        assert re.search(
            r'Support calls due <span class="number">2</span> <span class="late">1 late', priya.opens(path).text
        )


# The sheet ------------------------------------------------------------------------------------------------------------


def test_the_timeline_holds_the_programme_too(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 16)
    with clinic.database.transaction() as session:
        _fortnight(session, patient, clinic)

    page = priya.opens("/patients/P-7KQ4M/timeline?kind=programme").text

    for said in (
        "Week 1 looked back on: 2 of 3 sessions", "Questionnaire nrs_pain, week 6: done, score 7",
        "Small test, expected 8, came 5", "Flare-up begun", "Limit told: can&#39;t walk far",
    ):  # fmt: skip
        assert said in page, said


def test_an_empty_sheet_still_says_what_to_ask(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    joined(clinic, 1)

    page = priya.opens(SHEET).text

    assert "Before anything else" in page
    assert "numbness or weakness" in page
    assert "No goal yet" in page
    assert "The data show little to praise yet" in page
    assert "The coach has examined nobody" in page


def test_the_agenda_is_made_from_the_data(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 16)
    clinic.says(patient, "is it safe to bend?")
    clinic.says(patient, "my discs slip in and out", belief="B03")
    clinic.raises(patient, "AR08", level="P2", severity="R")
    with clinic.database.transaction() as session:
        _fortnight(session, patient, clinic)

    page = priya.opens(SHEET).text

    for said in (
        "P2 A-0001 is not closed: Can&#39;t do the activity", "walking to the shop", "5 of 10 sure",
        "Week 1: 2 of 3 sessions",
        "reached in 1 of 2 weeks", "Minutes on a day they told: 5 in the first week, 10 in the last 7 days",
        "Mean pain (0–10): 7 in the first week, 5.5 in the last 7 days", "is it safe to bend?",
        "my discs slip in and out", "What does your back do every day that shows it is strong?",
        "“Can&#39;t” is not “afraid to”", "can&#39;t walk far", "In week 2 they did 3 of 3 sessions",
        "easier after the stairs",
        "walk to the gate", "a hot bath", "They expect activity to help 3 of 10", "this got in the way: time runs short",
        "Limits that nobody has examined: can&#39;t walk far", "is worse by 3 points",
    ):  # fmt: skip
        assert said in page, said
    assert "little to praise" not in page


def _fortnight(session: Session, patient: int, clinic: Clinic) -> None:
    now, today = clinic.clock.now(), clinic.clock.now().date()
    texts = dict.fromkeys(("place", "barrier", "if_then"), "") | {"activity": "walking to the shop", "at": "09:30"}
    numbers = {"minutes": 8, "start_minutes": 8, "confidence": 5}
    session.add(ActivityGoal(patient_id=patient, days="Monday", created_at=now, **texts, **numbers))
    for week, done, reason in ((1, 2, ""), (2, 3, "time")):
        session.add(WeekReview(patient_id=patient, week=week, planned=3, done=done, reason=reason, at=now))
    for days_ago, pain, minutes in ((15, 8, 4), (14, 6, 6), (2, 6, 8), (1, 5, 12)):
        on = today - timedelta(days=days_ago)
        row = {"state": CheckInState.ANSWERED, "planned_at": now, "due_at": now}
        session.add(CheckIn(patient_id=patient, on=on, pain=pain, minutes=minutes, **row))
        session.flush()
        told = session.exec(select(CheckIn).where(col(CheckIn.on) == on)).one()
        activity.follow_check_in(session, told, now)
    session.add(BodyLimit(patient_id=patient, kind="cannot_walk_far", at=now))
    programme.keep_words(
        session, OwnWords(patient_id=patient, kind=WordsKind.NOTICED, words="easier after the stairs", week=2, at=now)
    )
    session.add(programme.ExpectationRating(patient_id=patient, week=2, rating=3, at=now))
    test = {"expected": 8, "actual": 5, "agreed_at": now, "try_on": today, "state": ExperimentState.DONE}
    experiments.add(session, Experiment(patient_id=patient, what="walk to the gate", **test))
    over = {"ended_at": now, "ended_on": today, "ended_how": FlareEnd.GONE, "helped": "a hot bath"}
    flares.add(session, Flare(patient_id=patient, started_at=now, started_on=today, **over))
    for occasion, score, days_ago in (("week_0", 4, 15), ("week_6", 7, 1)):
        at = now - timedelta(days=days_ago)
        session.add(
            Sitting(
                patient_id=patient, measure="nrs_pain", occasion=occasion, due_on=at.date(), until_on=at.date(),
                state=SittingState.DONE, score=score, ended_at=at,
            )
        )  # fmt: skip


def test_words_that_came_with_safeguarding_stand_on_no_sheet(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 3)
    said = clinic.says(patient, "he hits me, what can I do?", belief="B05")
    with clinic.database.transaction() as session:
        flag = {"risk": "RF17", "severity": "U48", "action": "advise", "layer": "rules", "at": clinic.clock.now()}
        session.add(RiskFlag(patient_id=patient, message_id=said, **flag))

    assert "he hits me" not in priya.opens(SHEET).text


def test_a_sheet_for_somebody_who_has_not_joined_is_not_there(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    assert priya.opens(SHEET).status_code == 404
    assert priya.opens("/patients/P-7KQ4M/support-calls/4").status_code == 404


# What is kept ---------------------------------------------------------------------------------------------------------


def test_what_came_of_a_call_is_kept_and_the_next_one_is_due(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 15)

    page = writes(priya)

    assert "What came of the call is kept" in page
    assert "Ten minutes on Tuesdays" in page
    assert "Worried about work" in page
    assert re.search(r"Second call</a>.*?due by", priya.opens("/patients/P-7KQ4M").text, re.DOTALL)
    assert "We talked" in priya.opens("/patients/P-7KQ4M/timeline?kind=call").text
    with clinic.database.transaction() as session:
        row = support_calls.of_patient(session, patient)[0]
        told = session.exec(select(AuditEvent).where(col(AuditEvent.what) == "support_call_written")).one()
    assert (row.number, row.outcome, row.ended, row.content) == (1, "talked", True, clinic.library.version)
    assert (told.by, told.detail) == ("physio:1", {"call": 1, "outcome": "talked", "referral": "not_now"})


def test_nobody_answered_so_the_call_stays_due(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    joined(clinic, 15)

    writes(priya, outcome="no_answer", agreed="", notes="")

    assert re.search(
        r"First call.*?Late.*?No answer; I&#39;ll try again", priya.opens("/support-calls").text, re.DOTALL
    )


@pytest.mark.parametrize("told", [{"outcome": ""}, {"outcome": "made_up"}, {"referral": ""}, {"notes": "x" * 5000}])
def test_a_form_that_is_not_filled_in_keeps_nothing(clinic: Clinic, told: dict[str, str]) -> None:
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 3)

    assert "Please say how the call went" in writes(priya, **told)
    with clinic.database.transaction() as session:
        assert support_calls.of_patient(session, patient) == []


def test_the_second_to_write_is_told_and_changes_nothing(clinic: Clinic) -> None:
    priya, omar = clinic.colleague("Priya"), clinic.colleague("Omar")
    patient = joined(clinic, 3)
    writes(priya)

    assert "A colleague has written about this call" in writes(omar, notes="mine")
    with clinic.database.transaction() as session:
        assert [each.physio_id for each in support_calls.of_patient(session, patient)] == [1]


def test_another_services_call_is_not_even_there(clinic: Clinic) -> None:
    omar = clinic.colleague("Omar", service=clinic.other_service())
    joined(clinic, 3)

    assert omar.opens(SHEET).status_code == 404
    assert omar.sends(SHEET, seen="0", **KEPT).status_code == 404


def test_reading_a_sheet_is_recorded(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    joined(clinic, 3)

    priya.opens(SHEET)

    with clinic.database.transaction() as session:
        looks = session.exec(select(AuditEvent).where(col(AuditEvent.what) == "case_viewed")).all()
    assert [each.detail["part"] for each in looks] == ["call_1"]


def test_what_physios_and_patients_wrote_is_text_and_nothing_else(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.says(joined(clinic, 3), HOSTILE + "?", belief="B03")
    page = writes(priya, agreed=HOSTILE, notes=HOSTILE) + priya.opens("/patients/P-7KQ4M/timeline").text

    assert page.count("&lt;script&gt;alert(1)") >= 6
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_an_erasure_takes_the_calls_and_an_export_has_no_colleagues_words(
    database: Database, clock: SimulatedClock, library: Library
) -> None:
    clinic = Clinic(database, clock, library)
    priya = clinic.colleague("Priya")
    patient = joined(clinic, 3)
    writes(priya)

    with database.transaction() as session:
        told = export.export(session, session.get_one(Patient, patient), clock.now())
        assert [(each["which"], each["how_it_went"]) for each in told["support_calls"]] == [(1, "talked")]
        assert "Worried about work" not in json.dumps(told)
        assert [each.kind for each in entries(session, session.get_one(Patient, patient), kind="call", most=5)] == [
            "call"
        ]
        erasure.erase(session, session.get_one(Patient, patient), clock.now())
    with database.transaction() as session:
        assert session.exec(select(SupportCall)).all() == []
        assert session.exec(select(CaseNote)).all() == []


def test_the_words_of_the_sheet_fit_its_sections(library: Library) -> None:
    told = library.protocol["support_calls"]

    sections = set(told["sections"])
    assert set(library.value("support_calls.points")) <= sections
    for each in library.value("support_calls.always").values():
        assert set(each) <= sections
    assert {each.number for each in SupportCalls(library).calls} == set(library.value("support_calls.always"))
