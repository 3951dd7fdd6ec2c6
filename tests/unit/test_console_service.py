"""Figures, colleagues, invitations and rota; and every page tried by every role."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.console.app import PAGES
from bot.console.pages import MAY, Needs, Page
from bot.content import Library
from data import accounts, rota
from data.accounts import ConsoleRole
from data.audit import AuditEvent
from data.checkins import CheckIn, CheckInState
from data.database import Database
from data.patients import Invitation, Patient
from data.physios import Physio
from tests.console import Browser
from tests.unit.test_console_cases import Clinic

MANAGER, ADMIN = ConsoleRole.MANAGER, ConsoleRole.ADMIN


@pytest.fixture
def clinic(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(sqlite_database, clock, library)


def manager(clinic: Clinic) -> Browser:
    return clinic.console.browser(clinic.console.colleague("marion", MANAGER))


def admin(clinic: Clinic) -> Browser:
    return clinic.console.browser(clinic.console.colleague("helen", ADMIN))


# Who may what ---------------------------------------------------------------------------------------------------------

PATHS = {
    "{code}": "P-7KQ4M", "{reference}": "A-0001", "{flag:int}": "1", "{number:int}": "99", "{call:int}": "1",
    "{token}": "nothing",
}  # fmt: skip


def address(page: Page) -> str:
    path = page.path
    for name, value in PATHS.items():
        path = path.replace(name, value)
    return path


def allowed(page: Page, roles: frozenset[ConsoleRole]) -> bool:
    return (page.needs is Needs.SIGN_IN and bool(roles)) or any(page.needs in MAY[role] for role in roles)


@pytest.mark.parametrize("role", ["nobody", *ConsoleRole])
def test_every_page_is_tried_by_every_role(clinic: Clinic, role: str) -> None:
    clinic.patient()
    clinic.raises(1, "RF01")
    if role == ConsoleRole.PHYSIO:
        browser = clinic.colleague("Priya")
        name = "priya"
    else:
        name = "" if role == "nobody" else clinic.console.colleague("x", ConsoleRole(role))
        browser = clinic.console.browser(name)
    roles = frozenset() if role == "nobody" else frozenset({ConsoleRole(role)})
    wrong = []
    for page in PAGES:
        if page.needs is Needs.NOTHING or page.path.startswith("/sign-out"):
            continue
        path = address(page)
        answer = browser.opens(path) if page.method == "GET" else browser.sends(path, back="/me")
        refused = answer.status_code == 403 or answer.headers.get("location", "").startswith("/sign-in")
        if refused is allowed(page, roles) or answer.status_code == 500:
            wrong.append((page.method, path, answer.status_code))

    assert wrong == []


def test_every_page_of_a_case_is_not_even_there_for_another_service(clinic: Clinic) -> None:
    omar = clinic.colleague("Omar", service=clinic.other_service())
    clinic.raises(clinic.patient(), "RF01")
    with clinic.database.transaction() as session:
        session.get_one(Patient, 1).enrolled_at = clinic.clock.now()
    there = []
    for page in PAGES:
        if "{code}" not in page.path and "{reference}" not in page.path:
            continue
        path = address(page)
        form = {
            "seen": "1",
            "to": "1",
            "outcome": "talked",
            "referral": "not_now",
            "note": "x",
            "words": "x",
            "belief": "none",
        }
        answer = omar.opens(path) if page.method == "GET" else omar.sends(path, back="/worklist", **form)
        gone = "notice=utter_alert_gone" in answer.headers.get("location", "")
        if answer.status_code != 404 and not gone and "colleague_refused" not in answer.headers.get("location", ""):
            there.append((page.method, path, answer.status_code))

    assert there == []
    with clinic.database.transaction() as session:
        assert session.exec(select(AuditEvent).where(col(AuditEvent.what) == "case_viewed")).all() == []


def test_no_form_is_taken_that_no_page_of_ours_made(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient(), "RF01")
    posts = [page for page in PAGES if page.method == "POST"]

    answers = {page.path: priya.posts(address(page), data={"csrf": "made up"}).status_code for page in posts}

    assert len(answers) > 15
    assert set(answers.values()) == {403}, answers


def test_no_need_is_met_by_nobody_and_no_page_needs_nothing_but_the_door() -> None:
    met = set().union(*MAY.values()) | {Needs.NOTHING, Needs.SIGN_IN}

    assert met == set(Needs)
    assert {page.path for page in PAGES if page.needs is Needs.NOTHING} == {"/sign-in", "/set-up/{token}"}


def test_a_refusal_is_recorded(clinic: Clinic) -> None:
    marion = manager(clinic)

    assert marion.opens("/worklist").status_code == 403
    with clinic.database.transaction() as session:
        assert "page_refused" in session.exec(select(AuditEvent.what)).all()


# Figures --------------------------------------------------------------------------------------------------------------


def test_the_manager_sees_how_long_alerts_waited_and_no_patient(clinic: Clinic) -> None:
    priya = clinic.physio("Priya")
    for minutes in (2, 4, 30):
        alert = clinic.raises(clinic.patient(f"P-0000{minutes % 9}"), "RF01")
        clinic.clock.move(timedelta(minutes=minutes))
        clinic.acknowledges(priya, alert)
    clinic.closes(priya, 1, "being_seen")
    marion = manager(clinic)

    page = marion.opens("/overview").text

    assert re.search(r"Half within.*?4 min.*?30 min", page, re.DOTALL)
    assert "Being seen: A&amp;E, 999, 111 or GP" in page
    assert re.search(r"Alerts not closed</dt><dd>2<", page)
    assert re.search(r"Priya</th><td[^>]*>2</td><td[^>]*>3</td><td[^>]*>1</td>", page)
    assert "System alive" in page
    assert "P-0000" not in page


def test_the_figures_as_a_file_name_nobody(clinic: Clinic) -> None:
    clinic.acknowledges(clinic.physio("Priya"), clinic.raises(clinic.patient(), "RF01"))
    marion = manager(clinic)

    answer = marion.opens("/overview.csv")

    rows = list(csv.reader(io.StringIO(answer.text)))
    assert ["alerts owned", "physio 1", "1"] in rows
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "Priya" not in answer.text
    assert "P-7KQ4M" not in answer.text


@pytest.fixture
def on_either(database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(database, clock, library)


def test_alerts_are_counted_by_rule_and_held_against_the_budget(on_either: Clinic) -> None:
    clinic = on_either
    clinic.physio("Priya")
    first, second = clinic.patient("P-7KQ4M"), clinic.patient("P-2ABCD")
    for patient in (first, second):
        clinic.raises(patient, "AR01", level="P2", severity="R", told="")
    clinic.raises(first, "AR01", level="P1", severity="R", told="")  # supersedes its own: no further alert
    clinic.raises(first, "AR12", level="P3", severity="R", told="")
    clinic.raises(second, "RF17", severity="E999", told="MABUSE")
    marion = manager(clinic)

    page = marion.opens("/overview").text
    rows = list(csv.reader(io.StringIO(marion.opens("/overview.csv").text)))

    assert re.search(r"AR01 Pain has risen and stayed up</th><td[^>]*>2</td><td[^>]*>0.25</td>", page)
    assert re.search(r"AR12 [^<]+</th><td[^>]*>1</td>", page)
    assert re.search(r"Red flags and other alerts</th><td[^>]*>1</td>", page)
    assert "RF17" not in page
    assert "budget 0.5 · 4 raised" in page
    assert ["alerts raised, 4 weeks", "AR01", "2"] in rows
    assert ["alerts a patient a week", "all", "0.50"] in rows

    clinic.raises(second, "AR12", level="P3", severity="R", told="")

    assert "over the budget of 0.5: look at the thresholds" in marion.opens("/overview").text


def test_engaged_is_who_answered_in_the_week_before_day_thirty(clinic: Clinic) -> None:
    for code, joined_ago, answered_on in (
        ("P-00001", 40, 27),
        ("P-00002", 40, 10),
        ("P-00003", 20, 15),
        ("P-00004", 40, 0),
    ):
        patient, joined = clinic.patient(code), clinic.clock.now() - timedelta(days=joined_ago)
        at = joined + timedelta(days=answered_on)
        with clinic.database.transaction() as session:
            session.get_one(Patient, patient).enrolled_at = joined
            told = {"state": CheckInState.ANSWERED, "planned_at": at, "due_at": at, "ended_at": at}
            session.add(CheckIn(patient_id=patient, on=at.date(), **told))

    page = manager(clinic).opens("/overview").text

    assert "1 of 3 answered a check-in in the week before" in page


def test_a_step_that_nobody_takes_is_seen(clinic: Clinic) -> None:
    clinic.raises(clinic.patient(), "RF01")
    clinic.clock.move(timedelta(hours=1))

    assert "alert steps are overdue" in manager(clinic).opens("/overview").text


# Invitations ----------------------------------------------------------------------------------------------------------


def test_an_invitation_is_shown_once_with_its_link_as_a_picture(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")

    page = priya.sends("/invitations").text

    code = re.search(r"<code>([A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4})</code>", page)
    assert code is not None
    assert f"https://t.me/coach_bot?start={code[1]}" in page
    assert "<svg" in page
    assert code[1] not in priya.opens("/invitations").text
    with clinic.database.transaction() as session:
        made = session.exec(select(Invitation)).one()
        assert (made.service_id, code[1] in made.code_hash) == (1, False)


# Staff ----------------------------------------------------------------------------------------------------------------


def test_a_new_colleague_gets_a_link_and_sets_up_their_sign_in(clinic: Clinic) -> None:
    helen = admin(clinic)

    page = helen.sends("/staff", name="Omar Aziz", physio="yes").text

    link = re.search(r"http://console\.test(/set-up/[\w-]+)", page)
    assert link is not None
    assert "omar aziz" in clinic.console.browser().opens(link[1]).text
    assert "waits for the link" in helen.opens("/staff").text
    with clinic.database.transaction() as session:
        assert session.exec(select(Physio.name)).all() == ["Omar Aziz"]


@pytest.mark.parametrize(
    ("form", "notice"),
    [
        ({"name": "", "physio": "yes"}, "staff_refused"),
        ({"name": "New"}, "staff_refused"),
        ({"name": "helen", "admin": "yes"}, "name_taken"),
    ],
)
def test_a_colleague_without_a_name_or_a_role_is_not_added(clinic: Clinic, form: dict[str, str], notice: str) -> None:
    helen = admin(clinic)

    done = helen.sends("/staff", back="/staff", **form)

    assert f"notice={notice}" in done.headers["location"]
    with clinic.database.transaction() as session:
        assert len(accounts.everybody(session)) == 1


def test_somebody_who_leaves_is_out_at_once(clinic: Clinic) -> None:
    priya, helen = clinic.colleague("Priya"), admin(clinic)

    helen.sends("/staff/1/end")

    assert priya.opens("/worklist").status_code == 303
    with clinic.database.transaction() as session:
        assert session.get_one(Physio, 1).left_at is not None
    assert helen.sends("/staff/2/end").status_code == 404  # not oneself


def test_a_new_link_ends_what_was_there(clinic: Clinic) -> None:
    priya, helen = clinic.colleague("Priya"), admin(clinic)

    page = helen.sends("/staff/1/link").text

    assert "/set-up/" in page
    assert priya.opens("/worklist").status_code == 303


def test_an_administrator_sees_the_staff_of_one_service(clinic: Clinic) -> None:
    helen = admin(clinic)
    clinic.colleague("Omar", service=clinic.other_service())

    assert "Omar" not in helen.opens("/staff").text
    with clinic.database.transaction() as session:
        omar = accounts.by_name(session, "omar")
        assert omar is not None
    assert helen.sends(f"/staff/{omar.id}/link").status_code == 404


# Rota -----------------------------------------------------------------------------------------------------------------


def test_a_manager_plans_shifts_cover_and_closed_days(clinic: Clinic) -> None:
    clinic.physio("Priya", on_duty=False)
    clinic.physio("Omar", on_duty=False)
    marion = manager(clinic)

    marion.sends(
        "/rota/shifts", physio="1", day1="yes", day2="yes", starts="09:00", ends="17:00", first_on="2026-12-01"
    )
    marion.sends("/rota/cover", physio="1", instead="2", starts_at="2026-12-02T08:00", ends_at="2026-12-02T18:00")
    marion.sends("/rota/closures", name="Moving house", first_on="2026-12-08", last_on="2026-12-08")

    page = marion.opens("/rota").text
    assert re.search(r"On duty now: <b>Priya</b>", page)
    assert re.search(r"Wed 2 Dec.*?09:00–17:00 Omar.*?instead of Priya", page, re.DOTALL)
    assert "Moving house" in page


def test_a_shift_that_cannot_be_is_refused(clinic: Clinic) -> None:
    clinic.physio("Priya", on_duty=False)
    marion = manager(clinic)

    done = marion.sends(
        "/rota/shifts", physio="1", day1="yes", starts="late", ends="17:00", first_on="2026-12-01", back="/rota"
    )

    assert "can&#39;t be planned" in marion.opens(done.headers["location"]).text
    with clinic.database.transaction() as session:
        assert rota.shifts(session, 1) == []


def test_physios_read_the_rota_and_do_not_change_it(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")

    assert "Change the week" not in priya.opens("/rota").text
    assert priya.sends("/rota/closures", name="x", first_on="2026-12-08", last_on="2026-12-08").status_code == 403


def test_an_alert_is_handed_on_to_a_colleague_of_the_same_service(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.physio("Omar")
    clinic.raises(clinic.patient(), "RF01")

    done = priya.sends("/alerts/A-0001/assign", seen="1", to="2", back="/patients/P-7KQ4M")

    assert "handed on" in priya.opens(done.headers["location"]).text
    assert clinic.owner(1) == "Omar"
    refused = priya.sends("/alerts/A-0001/assign", seen="1", to="99", back="/patients/P-7KQ4M")
    assert "notice=colleague_refused" in refused.headers["location"]
