"""Writing to a patient from the case, as a physio's browser gets it."""

import re

import pytest
from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.content import Library
from data import takeovers
from data.database import Database
from data.messages import Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientChat
from tests.console import Browser
from tests.unit.test_console_cases import HOSTILE, Clinic

CASE = "/patients/P-7KQ4M"
ONCE = re.compile(r'name="once" value="(\w+)"')


@pytest.fixture
def clinic(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(sqlite_database, clock, library)


def writes(browser: Browser, words: str, **form: str) -> str:
    """Writes, looks at it, and sends; where that leads."""
    preview = browser.sends(f"{CASE}/write", f"{CASE}/write", step="preview", words=words, **form).text
    once = ONCE.search(preview)
    assert once, "there is nothing to send"
    done = browser.sends(f"{CASE}/write", f"{CASE}/write", step="send", words=words, once=once[1], **form)
    return done.headers["location"]


def written(clinic: Clinic) -> list[str]:
    with clinic.database.transaction() as session:
        query = select(Message).where(col(Message.kind) == takeovers.WRITTEN).order_by(col(Message.id))
        return [each.text for each in session.exec(query)]


def answers(clinic: Clinic, patient: int, text: str) -> None:
    said = clinic.says(patient, text)
    with clinic.database.transaction() as session:
        message = session.get_one(Message, said)
        clinic.takeovers.heard(session, session.get_one(Patient, patient), message, message.at)


def test_words_are_seen_as_the_patient_will_then_sent_once(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    preview = priya.sends(f"{CASE}/write", f"{CASE}/write", step="preview", words="How is the leg?")
    assert "From your physiotherapist:\n\nHow is the leg?" in preview.text
    assert written(clinic) == []
    once = ONCE.search(preview.text)
    assert once
    for _ in range(2):
        done = priya.sends(f"{CASE}/write", f"{CASE}/write", step="send", words="How is the leg?", once=once[1])

    assert len(written(clinic)) == 1
    page = priya.opens(done.headers["location"]).text
    assert "The coach is quiet there now" in page
    assert "How is the leg?" in page
    assert "Hand back to the coach" in page
    assert clinic.console.woken


def test_what_can_not_be_sent_says_why_and_is_still_on_the_page(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    for words, why in (("See you on [day]", "still to be filled in"), ("x" * 1501, "too long"), ("   ", "no words")):
        for step in ("preview", "send"):
            form = {"step": step, "words": words, "once": "0" * 16}
            page = priya.sends(f"{CASE}/write", f"{CASE}/write", **form).text
            assert why in page
            assert words.strip() in page
            assert 'value="send"' not in page
    assert written(clinic) == []


def test_ready_words_come_with_what_is_known_and_gaps_for_the_rest(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    page = priya.opens(f"{CASE}/write?template=smaller").text

    assert "do [how much] of [activity] and see" in page
    assert page.count("?template=") >= 8
    assert 'required maxlength="1500"></textarea>' in priya.opens(f"{CASE}/write?template=made_up").text


def test_an_answer_stands_on_the_case_and_is_read_there(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    writes(priya, "How is the leg?")
    answers(clinic, patient, "much better, thanks")

    assert "not read for" in priya.opens("/contacts").text
    assert "has written to you; not read for" in priya.opens("/worklist/rows").text
    page = priya.opens(CASE).text

    assert "much better, thanks" in page
    contacts = priya.opens("/contacts").text
    assert "P-7KQ4M" in contacts
    assert "not read for" not in contacts
    assert "not read for" not in priya.opens("/worklist").text
    assert "not answered for" in contacts
    assert "words_read" in clinic.history()


def test_the_coach_comes_back_from_the_case(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    writes(priya, "How is the leg?")

    done = priya.sends(f"{CASE}/hand-back", CASE)
    again = priya.sends(f"{CASE}/hand-back", CASE)

    assert "Handed back to the coach" in priya.opens(done.headers["location"]).text
    assert "with the coach already" in priya.opens(again.headers["location"]).text
    assert "It's the coach again" in clinic.patient_sees(patient)[-1]
    assert "P-7KQ4M" not in priya.opens("/contacts").text


def test_a_message_that_did_not_arrive_says_so(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()
    writes(priya, "How is the leg?")
    assert "on its way" in priya.opens(CASE).text
    with clinic.database.transaction() as session:
        for row in session.exec(select(OutboxMessage).where(col(OutboxMessage.kind) == takeovers.WRITTEN)):
            row.state = OutboxState.BLOCKED

    assert "not delivered" in priya.opens(CASE).text


def test_who_has_blocked_the_coach_can_not_be_written_to(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()
    with clinic.database.transaction() as session:
        session.exec(select(PatientChat)).one().blocked_at = clinic.clock.now()

    page = priya.sends(f"{CASE}/write", f"{CASE}/write", step="preview", words="Hello.").text

    assert "written to through the coach" in page


def test_words_are_text_and_nothing_else(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()
    preview = priya.sends(f"{CASE}/write", f"{CASE}/write", step="preview", words=HOSTILE).text
    writes(priya, HOSTILE)
    answers(clinic, patient, HOSTILE)

    for page in (preview, priya.opens(CASE).text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "{{7*7}}" in page


def test_another_services_physio_can_write_to_nobody_here(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    omar = clinic.colleague("Omar", service=clinic.other_service())
    clinic.patient()
    writes(priya, "How is the leg?")

    assert omar.opens(f"{CASE}/write").status_code == 404
    assert omar.sends(f"{CASE}/write", step="send", words="Hello.", once="0" * 16).status_code == 404
    assert omar.sends(f"{CASE}/hand-back").status_code == 404
    assert "P-7KQ4M" not in omar.opens("/contacts").text
    assert len(written(clinic)) == 1


# Calls and referrals --------------------------------------------------------------------------------------------------

REFERRAL = {"reason": "doubt", "place": "Room 4, Hill Clinic", "bring": "your medicines", "at": "2026-12-08T11:00"}


def sends(browser: Browser, page: str, **form: str) -> str:
    """Looks at it and sends it; where that leads."""
    preview = browser.sends(f"{CASE}/{page}", f"{CASE}/{page}", step="preview", **form).text
    once = ONCE.search(preview.partition("h-preview")[2])
    assert once, "there is nothing to send"
    return browser.sends(f"{CASE}/{page}", f"{CASE}/{page}", step="send", once=once[1], **form).headers["location"]


def test_a_call_is_offered_from_the_case_and_its_outcome_kept(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    page = priya.opens(sends(priya, "call", time0="2026-12-02T10:30", time1="2026-12-03T14:00")).text
    assert "You hear which time" in page
    assert "no answer yet" in page
    assert "offered, no answer yet" in priya.opens("/contacts").text
    clinic.deliver()

    done = priya.sends(f"{CASE}/calls/1", CASE, outcome="no_answer")
    again = priya.sends(f"{CASE}/calls/1", CASE, outcome="spoke", back=CASE)

    assert "no answer on the phone" in priya.opens(done.headers["location"]).text
    assert "settled before" in priya.opens(again.headers["location"]).text


def test_times_that_can_not_be_offered_stay_on_the_page(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    for step in ("preview", "send"):
        page = priya.sends(f"{CASE}/call", f"{CASE}/call", step=step, time0="2026-12-01T09:05", once="0" * 16).text
        assert "too soon" in page
        assert 'value="2026-12-01T09:05"' in page
        assert 'id="send"' not in page
    assert "None to be made" in priya.opens("/contacts").text


def test_a_patient_is_referred_and_the_outcome_kept(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    patient = clinic.patient()

    page = priya.opens(sends(priya, "refer", words="Please come to us.", **REFERRAL)).text
    assert "Referred, and the patient has been told" in page
    assert "Please come to us." in clinic.patient_sees(patient)[-1]
    assert "Room 4, Hill Clinic" in page
    assert "P-7KQ4M" in priya.opens("/contacts").text

    done = priya.sends(f"{CASE}/referrals/1", CASE, outcome="attended", on="2026-12-01", findings=HOSTILE)

    page = priya.opens(done.headers["location"]).text
    assert "Attended, Tue 1 Dec · Priya" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "No referral is open" in priya.opens("/contacts").text


def test_a_form_that_is_not_complete_keeps_what_was_written(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    clinic.patient()

    blank = priya.opens(f"{CASE}/refer").text
    assert "[place and address]" in blank
    page = priya.sends(f"{CASE}/refer", f"{CASE}/refer", step="preview", **REFERRAL | {"place": "in [town]"}).text

    assert "without [square brackets] left" in page
    assert 'value="in [town]"' in page
    assert 'id="send"' not in page


def test_another_services_physio_can_settle_nothing_here(clinic: Clinic) -> None:
    priya = clinic.colleague("Priya")
    omar = clinic.colleague("Omar", service=clinic.other_service())
    clinic.patient()
    sends(priya, "call", time0="2026-12-02T10:30")
    sends(priya, "refer", **REFERRAL)

    for path in ("call", "calls/1", "refer", "referrals/1"):
        assert omar.sends(f"{CASE}/{path}", outcome="cancelled", step="send", once="0" * 16).status_code == 404
    assert "no answer yet" in priya.opens(CASE).text
