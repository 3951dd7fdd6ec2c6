"""The worklist and the case, as a physio's browser gets them."""

import re
from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.content import Library
from data import accounts, alerts, concerns, patients, rota
from data.accounts import ConsoleRole
from data.alerts import AlertState
from data.at_risk import AtRiskFinding, AtRiskPrompt, PromptState
from data.audit import AuditEvent
from data.case_notes import CaseNote
from data.concerns import BeliefFlag
from data.database import Database
from data.messages import Direction, Message
from data.outbox import OutboxMessage
from data.patients import Patient
from data.physios import Physio
from tests.console import Browser, Desk
from tests.unit.ward import Ward

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"


class Clinic(Ward):
    """The ward, with a console in it."""

    def __init__(self, database: Database, clock: SimulatedClock, library: Library) -> None:
        super().__init__(database, clock, library)
        self.console = Desk(database, library, clock)

    def colleague(self, name: str, *, service: int = 1) -> Browser:
        """A physio with a console; the browser in which they have signed in."""
        number = self.physio(name)
        with self.database.transaction() as session:
            session.get_one(Physio, number).service_id = service
        self.console.colleague(name, ConsoleRole.PHYSIO, physio=number)
        return self.console.browser(name.lower())

    def says(self, patient: int, text: str, *, belief: str = "") -> int:
        """Something the patient wrote, with what was answered; flagged when `belief` is named."""
        now = self.clock.now()
        key = f"u{patient}-{len(text)}-{now.timestamp()}"
        message = Message(key=key, patient_id=patient, direction=Direction.FROM_PATIENT, kind="text", text=text, at=now)
        reply = {"key": f"{key}:reply", "direction": Direction.TO_PATIENT, "kind": "reply", "text": "Thanks."}
        with self.database.transaction() as session:
            session.add(message)
            session.add(Message(patient_id=patient, at=now, **reply))
            session.flush()
            flag = {"belief": belief, "confidence": 0.9, "model": "m", "at": now, "on": now.date()}
            if belief:
                session.add(BeliefFlag(patient_id=patient, message_id=message.id, **flag))
            return message.id

    def owner(self, alert: int) -> str:
        with self.database.transaction() as session:
            found = session.get_one(alerts.Alert, alert)
            return session.get_one(Physio, found.acknowledged_by).name if found.acknowledged_by else ""

    def other_service(self) -> int:
        with self.database.transaction() as session:
            service = rota.Service(name="Elsewhere")
            session.add(service)
            session.flush()
            return service.id


@pytest.fixture
def clinic(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(sqlite_database, clock, library)


def order(page: str) -> list[str]:
    return re.findall(r'id="case-(A-\d+)"', page)


def test_the_most_urgent_comes_first_and_then_the_one_with_least_time(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient("P-00001"), "AR04", level="P2", severity="R")
    clinic.clock.move(timedelta(minutes=1))
    clinic.raises(clinic.patient("P-00002"), "RF01")
    clinic.clock.move(timedelta(minutes=1))
    clinic.raises(clinic.patient("P-00003"), "RF02")
    clinic.raises(clinic.patient("P-00004"), "AR11", level="P1", severity="R")

    page = priya.opens("/worklist").text

    assert order(page) == ["A-0002", "A-0003", "A-0004", "A-0001"]
    assert "Possible cauda equina syndrome" in page
    assert "Check that they went" in page
    assert "goes to everyone" in page


def test_filters_show_a_part_and_the_counts_stay_whole(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient("P-00001"), "RF01")
    clinic.raises(clinic.patient("P-00002"), "AR11", level="P1", severity="R")

    page = priya.opens("/worklist?level=P1").text

    assert order(page) == ["A-0002"]
    assert "1 alert shown of 2" in page
    assert order(priya.opens("/worklist?owner=mine").text) == []
    assert order(priya.opens("/worklist/rows?owner=nobody").text) == ["A-0001", "A-0002"]


def test_an_alert_is_taken_from_the_list_and_every_copy_says_so(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient(), "RF01")

    done = priya.sends("/alerts/A-0001/acknowledge", seen="1", back="/worklist?level=P0")

    assert done.headers["location"] == "/worklist?level=P0&notice=acknowledged&about=A-0001"
    assert "It is yours now" in priya.opens(done.headers["location"]).text
    assert clinic.console.woken
    with clinic.database.transaction() as session:
        alert = alerts.get(session, 1)
        assert alert is not None
        assert alert.state == AlertState.ACKNOWLEDGED
        edits = session.exec(select(OutboxMessage.text).where(col(OutboxMessage.kind) == "edit")).all()
    assert any("Acknowledged by Priya" in text for text in edits)


def test_who_comes_second_is_told_and_changes_nothing(clinic: Clinic) -> None:
    priya, omar = clinic.colleague("Priya"), clinic.colleague("Omar")
    clinic.raises(clinic.patient(), "RF01")
    priya.sends("/alerts/A-0001/acknowledge", seen="1", back="/worklist")

    done = omar.sends("/alerts/A-0001/acknowledge", seen="1", back="/worklist")

    assert "Somebody was first" in omar.opens(done.headers["location"]).text
    assert clinic.owner(1) == "Priya"


def test_a_page_older_than_the_patients_last_message_takes_nothing(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    clinic.raises(patient, "RF01", message=clinic.message(patient))
    clinic.raises(patient, "RF01", message=clinic.message(patient))

    done = priya.sends("/alerts/A-0001/acknowledge", seen="1", back="/worklist")

    assert "has written again" in priya.opens(done.headers["location"]).text
    assert clinic.owner(1) == ""


def test_a_case_is_closed_with_an_outcome_and_a_note(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient(held_for="RF01"), "RF01")

    refused = priya.sends("/alerts/A-0001/close", seen="1", outcome="made_up", back="/patients/P-7KQ4M")
    assert "Please choose how it ended" in priya.opens(refused.headers["location"]).text
    done = priya.sends(
        "/alerts/A-0001/close", seen="1", outcome="being_seen", note="In A&E with her son", back="/patients/P-7KQ4M"
    )

    page = priya.opens(done.headers["location"]).text
    assert "Being seen: A&amp;E, 999, 111 or GP" in page
    assert "In A&amp;E with her son" in page
    assert "coaching held" not in page


def test_words_of_patients_and_colleagues_are_text_and_nothing_else(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    clinic.raises(patient, "RF01", message=clinic.says(patient, HOSTILE, belief="B03"))
    priya.sends("/patients/P-7KQ4M/notes", note=HOSTILE, back="/patients/P-7KQ4M")

    for path in ("/patients/P-7KQ4M", "/patients/P-7KQ4M/timeline", "/patients/P-7KQ4M/why"):
        page = priya.opens(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "49" not in re.findall(r"alert\(1\).{0,80}", page.text)
    assert "&lt;script&gt;alert(1)" in priya.opens("/patients/P-7KQ4M").text


def test_a_belief_stands_with_the_words_the_answer_and_what_to_ask(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.says(clinic.patient(), "my discs slip in and out", belief="B03")

    page = priya.opens("/patients/P-7KQ4M").text

    assert "my discs slip in and out" in page
    assert "my back is weak, out of place or unstable" in page
    assert "What does your back do every day that shows it is strong?" in page
    assert "Words such as weak, out of place" in page
    assert "It has not been explored yet" in page


def test_a_belief_is_put_right_and_the_second_to_do_so_is_told(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    clinic.says(patient, "the physio says backs are strong", belief="B03")

    priya.sends("/patients/P-7KQ4M/beliefs/1", belief="none", seen="0", share="yes", back="/patients/P-7KQ4M")
    late = priya.sends("/patients/P-7KQ4M/beliefs/1", belief="B04", seen="0", back="/patients/P-7KQ4M")

    assert "put this right in the meantime" in priya.opens(late.headers["location"]).text
    page = priya.opens("/patients/P-7KQ4M").text
    assert "None heard that stands" in page
    assert "put right by Priya" in page
    with clinic.database.transaction() as session:
        correction = concerns.correction_of(session, 1)
        assert correction is not None
        assert (correction.belief, correction.words) == ("none", "the physio says backs are strong")


def test_what_was_said_about_safety_at_home_stands_on_no_page(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    said = clinic.says(patient, "he hits me when I rest", belief="B05")
    clinic.raises(patient, "RF17", message=said)
    with clinic.database.transaction() as session:
        session.add(
            concerns.RiskFlag(
                patient_id=patient, message_id=said, risk="RF17", severity="U48", action="advise", layer="rules",
                at=clinic.clock.now(),
            )
        )  # fmt: skip

    for path in ("/worklist", "/patients/P-7KQ4M", "/patients/P-7KQ4M/timeline"):
        page = priya.opens(path).text
        assert "he hits me" not in page
        assert "afeguarding" in page


def test_another_services_patients_are_not_even_there(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    omar = clinic.colleague("Omar", service=clinic.other_service())
    clinic.raises(clinic.patient(), "RF01")

    assert order(omar.opens("/worklist").text) == []
    assert "P-7KQ4M" not in omar.opens("/patients?code=P-7").text
    for path in ("", "/timeline", "/why"):
        assert omar.opens(f"/patients/P-7KQ4M{path}").status_code == 404
        assert priya.opens(f"/patients/P-7KQ4M{path}").status_code == 200
    assert omar.sends("/patients/P-7KQ4M/notes", note="x").status_code == 404
    gone = omar.sends("/alerts/A-0001/acknowledge", seen="1", back="/worklist")
    assert "notice=utter_alert_gone" in gone.headers["location"]
    assert clinic.owner(1) == ""


def test_every_look_at_a_case_is_recorded(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()
    for path in ("", "/timeline", "/why"):
        priya.opens(f"/patients/P-7KQ4M{path}")

    with clinic.database.transaction() as session:
        looks = session.exec(select(AuditEvent).where(col(AuditEvent.what) == "case_viewed")).all()
    assert [(each.by, each.patient, each.detail["part"]) for each in looks] == [
        ("physio:1", "P-7KQ4M", part) for part in ("summary", "timeline", "why")
    ]


def test_an_at_risk_alert_says_which_figures_fired_it_and_what_to_do(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    alert = clinic.raises(patient, "AR01", level="P2", severity="R")
    evidence = {"why": "mean pain 8 over 7 days", "did": "asks Tier B questions"}
    now = clinic.clock.now()
    with clinic.database.transaction() as session:
        row = {"rule": "AR01", "version": 2, "evidence": evidence, "on": now.date(), "newest_on": now.date(), "at": now}
        session.add(AtRiskFinding(patient_id=patient, alert_id=alert, **row))

    page = priya.opens("/patients/P-7KQ4M").text

    assert "mean pain 8 over 7 days" in page
    assert "rule AR01, version 2" in page
    assert "Ask what has changed, look at the flare plan" in page
    assert "Ask what has changed" in priya.opens("/worklist").text


def test_the_counts_renew_themselves_with_the_list(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.raises(clinic.patient(), "RF01")

    page = priya.opens("/worklist/rows").text

    assert "<title>Worklist (1)" in page
    assert re.search(r'id="filters" hx-swap-oob="true".*?P0 <span class="number">1<', page, re.DOTALL)
    assert "hx-swap-oob" not in priya.opens("/worklist").text


def test_why_lists_what_the_at_risk_rules_asked_or_called_off(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient, now = clinic.patient(), clinic.clock.now()
    with clinic.database.transaction() as session:
        row = {"name": "quiet_note", "cause": "week 2", "rule": "AR04", "state": PromptState.DROPPED}
        session.add(AtRiskPrompt(patient_id=patient, due_at=now, on=now.date(), **row))

    assert "quiet note (AR04): called off" in priya.opens("/patients/P-7KQ4M/why").text


def test_a_note_needs_words(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    done = priya.sends("/patients/P-7KQ4M/notes", note="  ", back="/patients/P-7KQ4M")

    assert "A note needs some words" in priya.opens(done.headers["location"]).text
    with clinic.database.transaction() as session:
        assert session.exec(select(CaseNote)).all() == []


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    statuses = []
    for _ in range(4):
        clinic.console.real.move(timedelta(minutes=5))
        statuses.append(priya.opens("/worklist/rows", **{"hx-request": "true"}))

    assert [each.status_code for each in statuses] == [200, 200, 401, 401]
    assert statuses[-1].headers["hx-redirect"] == "/sign-in"


def test_a_physio_who_has_left_sees_nothing(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    with clinic.database.transaction() as session:
        account = accounts.by_name(session, "priya")
        assert account is not None
        session.get_one(Physio, account.physio_id).left_at = clinic.clock.now()

    assert priya.opens("/worklist").status_code == 404


def test_why_says_what_holds_messages_back(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient(held_for="RF01")
    with clinic.database.transaction() as session:
        row: Patient = patients.get(session, patient)
        row.paused_until, row.state = clinic.clock.now() + timedelta(days=3), patients.PatientState.PAUSED

    page = priya.opens("/patients/P-7KQ4M/why").text

    assert "paused by the patient until Fri 4 Dec" in page
    assert "held since Tue 1 Dec 09:00 for RF01" in page
    assert "Only safety is sent until" in page


def test_there_is_a_cue_for_each_belief(library: Library) -> None:
    cues = library.protocol["belief_cues"]

    assert sorted(cues) == sorted(library.protocol["beliefs"])
    assert [name for name, cue in cues.items() if not cue["ask"] or not cue["avoid"] or not cue["source"]] == []
