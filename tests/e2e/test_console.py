"""The console in a real Chromium: journeys, no fault that axe calls serious, and no word of a patient that runs."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlmodel import Session, col, select

from bot import demo
from bot.clock import SimulatedClock
from bot.content import Library
from bot.settings import ROOT
from data.alerts import Alert, AlertState
from data.case_notes import CaseNote
from data.concerns import BeliefFlag
from data.goals import ActivityGoal
from data.messages import Direction, Message
from data.patients import Patient
from data.support_calls import SupportCall
from tests.conftest import create_tables, opened
from tests.console import Desk
from tests.e2e.console import NO_CHROMIUM, THEMES, WIDTHS, Person, chromium, picture, served
from tests.e2e.payloads import PAYLOADS

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason=NO_CHROMIUM)
NOW = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)  # a Tuesday
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
SERIOUS = ("serious", "critical")
PICTURES = ROOT / "var" / "screenshots"
PLAYED = (
    "hurt means harm",
    "numb since this morning",
    "asked for a person",
    "heart, to be looked at",
    "invited, not joined",
)


def short() -> dict[str, Any]:
    """The demo with fewer people and fewer days: enough for every page to have something on it."""
    told = demo.stories()
    people = [each for each in told["patients"] if each["name"] in PLAYED]
    for each in people:
        each["joined"] = min(each["joined"], 13)
        each["days"] = dict(list(each.get("days", {}).items())[:2])
        each["says"] = [line | {"day": min(line["day"], 10)} for line in each.get("says", ())][-2:]
    return {**told, "patients": people}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, library: Library, encryption_key: str) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path_factory.mktemp('console') / 'demo.db'}"
    create_tables(url, encryption_key)
    for database in opened(url, encryption_key):
        made = Desk(database, library, SimulatedClock(NOW), demo=True)
        asyncio.run(demo.seed(database, library, made.sign_in, NOW, told=short()))
        yield made


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    with served(desk) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def person(browser: Browser, address: str, desk: Desk) -> Iterator[Person]:
    """Somebody at a browser; at the end nothing may have gone wrong in it."""
    person = Person(browser, address, desk)
    yield person
    person.leaves()
    assert person.complaints == []


def row(desk: Desk, query: Any) -> Any:
    with desk.database.transaction() as session:
        return session.exec(query).first()


def code_of(desk: Desk, cause: str) -> str:
    query = select(Patient.code).join(Alert, col(Alert.patient_id) == col(Patient.id)).where(col(Alert.cause) == cause)
    return str(row(desk, query))


# Looks: before the journeys, which change what is there ---------------------------------------------------------------


def pages(desk: Desk) -> dict[str, dict[str, str]]:
    numb, belief = code_of(desk, "RF01"), ""
    with desk.database.transaction() as session:
        flag = session.exec(select(BeliefFlag)).first()
        belief = session.get_one(Patient, flag.patient_id).code if flag else ""
    return {
        "": {"sign-in": "/sign-in", "not-found": "/nowhere"},
        "priya": {
            "worklist": "/worklist", "patients": "/patients", "case": f"/patients/{numb}", "beliefs": f"/patients/{belief}",
            "calls": "/support-calls", "sheet": f"/patients/{belief}/support-calls/1",
            "timeline": f"/patients/{numb}/timeline", "why": f"/patients/{numb}/why", "rota": "/rota",
            "contacts": "/contacts",
            "write": f"/patients/{belief}/write?template=smaller", "call": f"/patients/{belief}/call",
            "refer": f"/patients/{belief}/refer", "invitations": "/invitations", "me": "/me", "refused": "/overview",
        },
        "marion": {"overview": "/overview", "planning": "/rota", "invitations-manager": "/invitations"},
        "helen": {"staff": "/staff"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "priya", "marion", "helen"])
def test_no_page_has_a_serious_fault_at_any_width_and_theme(desk: Desk, person: Person, name: str) -> None:
    """axe covers a part of WCAG 2.2 AA; that nothing has to be scrolled sideways is looked at here too."""
    axe, faults = Axe(), []
    if name:
        person.signs_in(name)
    for title, path in pages(desk)[name].items():
        person.page.goto(path)
        for details in person.page.locator("details").all():
            details.evaluate("each => each.open = true")
        for width in WIDTHS:
            for theme in THEMES:
                person.looks(width=width, theme=theme)
                if (width == "wide") is (theme == "light"):
                    picture(person.page, PICTURES, f"{title}-{width}-{theme}")
                found = axe.run(person.page, options=RULES).response["violations"]
                faults += [f"{title} {width} {theme}: {each['id']}" for each in found if each["impact"] in SERIOUS]
            if person.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{title} {width}: sideways")
    person.complaints = [each for each in person.complaints if "status of 40" not in each]  # asked for above

    assert faults == []


# Journeys -------------------------------------------------------------------------------------------------------------


def test_a_physio_takes_a_p0_from_the_worklist_notes_and_closes_it(desk: Desk, person: Person) -> None:
    code, page = code_of(desk, "RF01"), person.page
    page.goto(f"/patients/{code}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    person.signs_in("priya")
    page.goto("/worklist")
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("Possible cauda equina syndrome")

    first.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("status").first).to_contain_text("It is yours now")
    page.get_by_role("row").nth(1).get_by_role("link", name=code, exact=True).click()
    expect(page.get_by_text("can't feel when I wipe since this morning").first).to_be_visible()
    page.get_by_label("New note").fill("Rang: her husband is driving her to A&E.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_text("her husband is driving her to A&E")).to_be_visible()
    page.get_by_text("Close it").click()
    page.get_by_label("Being seen: A&E, 999, 111 or GP").check()
    page.get_by_role("button", name="Close A-").click()
    expect(page.get_by_role("status").first).to_contain_text("Closed.")

    alert = row(desk, select(Alert).where(col(Alert.cause) == "RF01"))
    assert (alert.state, alert.outcome) == (AlertState.CLOSED, "being_seen")


def test_an_alert_is_read_and_taken_by_keyboard_alone_and_without_javascript(
    desk: Desk, browser: Browser, address: str
) -> None:
    person = Person(browser, address, desk, javascript=False)
    person.signs_in("tom")
    page = person.page
    page.goto("/worklist?level=P1")
    for _ in range(40):
        page.keyboard.press("Tab")
        if "Acknowledge" in (page.locator(":focus").text_content() or ""):
            break

    page.keyboard.press("Enter")

    expect(page.get_by_role("status").first).to_contain_text("It is yours now")
    assert row(desk, select(Alert.state).where(col(Alert.cause) == "AR11")) == AlertState.ACKNOWLEDGED
    person.leaves()


def test_the_list_refreshes_itself_and_keeps_the_focus(desk: Desk, person: Person) -> None:
    person.signs_in("priya")
    page = person.page
    page.goto("/worklist")
    link = page.get_by_role("link", name=code_of(desk, "AR08")).first
    link.focus()

    with page.expect_response("**/worklist/rows*"):
        page.evaluate("htmx.ajax('GET', document.querySelector('#rows').getAttribute('hx-get'), '#rows')")

    expect(link).to_be_focused()


def test_the_manager_reads_the_overview_and_sees_no_patient(desk: Desk, person: Person) -> None:
    person.signs_in("marion")
    page = person.page
    expect(page.get_by_role("heading", name="Demo service")).to_be_visible()
    expect(page.get_by_text("System alive")).to_be_visible()

    with page.expect_download() as file:
        page.get_by_role("link", name="Figures as CSV").click()

    text = Path(file.value.path()).read_text()
    assert "alerts not closed" in text
    codes = [str(each) for each in desk_codes(desk)]
    assert [code for code in codes if code in text + page.content()] == []


def desk_codes(desk: Desk) -> list[str]:
    with desk.database.transaction() as session:
        return list(session.exec(select(Patient.code)).all())


# Words of patients ----------------------------------------------------------------------------------------------------


def test_two_hundred_hostile_texts_are_shown_and_none_runs(desk: Desk, person: Person) -> None:
    assert len(PAYLOADS) >= 200
    with desk.database.transaction() as session:
        code = _hostile(session)
    person.signs_in("priya")
    page = person.page
    shown = 0

    for path in (
        f"/patients/{code}",
        f"/patients/{code}/timeline?kind=message",
        f"/patients/{code}/why",
        f"/patients/{code}/support-calls/1",
        f"/patients/{code}/timeline?kind=call",
    ):
        page.goto(path)
        while True:
            for details in page.locator("details").all():
                details.evaluate("each => each.open = true")
            page.wait_for_timeout(30)  # what would run has had its moment
            shown += page.locator(".words").count()
            assert page.evaluate("window.ran === undefined")
            assert (
                page.locator("main script, main iframe, main img, main object, main [onerror], main [onload]").count()
                == 0
            )
            older = page.get_by_role("link", name="Older")
            if not older.count():
                break
            older.click()

    assert shown >= len(PAYLOADS)


def _hostile(session: Session) -> str:
    """One patient who writes nothing but attacks: as messages, as beliefs, as a goal; and a colleague's note."""
    patient = session.exec(select(Patient).order_by(col(Patient.id))).first()
    assert patient is not None
    for number, text in enumerate(PAYLOADS):
        message = Message(
            key=f"hostile{number}", patient_id=patient.id, direction=Direction.FROM_PATIENT, kind="text", text=text,
            at=NOW - timedelta(seconds=number),
        )  # fmt: skip
        session.add(message)
        session.flush()
        if number < 16:
            flag = {"belief": f"B{number + 1:02}", "confidence": 0.9, "model": "m", "at": NOW, "on": NOW.date()}
            session.add(BeliefFlag(patient_id=patient.id, message_id=message.id, **flag))
    texts = dict(zip(("activity", "place", "days", "at", "barrier", "if_then"), PAYLOADS, strict=False))
    numbers = {"minutes": 5, "start_minutes": 5, "confidence": 5}
    session.add(ActivityGoal(patient_id=patient.id, created_at=NOW, **texts, **numbers))
    words = {"agreed": PAYLOADS[1], "notes": PAYLOADS[2]}
    session.add(SupportCall(patient_id=patient.id, number=1, outcome=PAYLOADS[3], ended=True, at=NOW, **words))
    session.add(CaseNote(patient_id=patient.id, words=PAYLOADS[0], at=NOW))
    return patient.code
