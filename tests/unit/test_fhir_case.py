"""A case as FHIR R4: read back by the library, every reference followed, every code known, and nobody's name in it."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import ContentError
from bot.services import fhir_check
from data import activity, concerns
from data.audit import AuditEvent
from data.checkins import CheckIn, CheckInState
from data.concerns import RiskFlag
from data.database import Database
from data.goals import ActivityGoal, GoalState
from data.measures import Sitting, SittingState
from data.patients import Patient
from tests.unit.test_console_cases import Clinic

FILE = "/patients/P-7KQ4M/fhir.json"


@pytest.fixture
def clinic(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Clinic:
    return Clinic(sqlite_database, clock, library)


def lived(clinic: Clinic) -> int:
    """Somebody with a goal, two of three check-ins answered, a questionnaire, two beliefs, a danger sign, a request."""
    patient = clinic.patient()
    now = clinic.clock.now()
    with clinic.database.transaction() as session:
        session.get_one(Patient, patient).enrolled_at = now - timedelta(days=20)
        texts = dict.fromkeys(("place", "barrier", "if_then"), "") | {"days": "Monday", "at": "09:30"}
        numbers = {"minutes": 12, "start_minutes": 10, "confidence": 8}
        for said, state in (("walk, ring 07700 900123", GoalState.REPLACED), ("walking to the park", GoalState.ACTIVE)):
            goal = ActivityGoal(patient_id=patient, activity=said, state=state, created_at=now, **texts, **numbers)
            session.add(goal)
        for days_ago, pain, state in ((3, 6, "answered"), (2, None, "lapsed"), (1, 4, "answered")):
            at = now - timedelta(days=days_ago)
            row = CheckIn(
                patient_id=patient, on=at.date(), pain=pain, minutes=10 if pain else None, state=CheckInState(state),
                planned_at=at, due_at=at, sent_at=at,
            )  # fmt: skip
            session.add(row)
            session.flush()
            activity.follow_check_in(session, row, at)
        sat = {
            "measure": "nrs_pain",
            "occasion": "week_0",
            "due_on": now.date(),
            "until_on": now.date(),
            "ended_at": now,
        }
        session.add(Sitting(patient_id=patient, state=SittingState.DONE, score=6, **sat))
    clinic.says(patient, "my discs slip in and out", belief="B03")
    clinic.says(patient, "every step wrecks it", belief="B01")
    with clinic.database.transaction() as session:
        flag = concerns.belief_flag(session, 2)
        assert flag is not None
        flag.held = True
    closed = clinic.raises(patient, "RF01", message=clinic.message(patient))
    clinic.closes(clinic.physio("Priya Shah"), closed, "being_seen")
    clinic.raises(patient, "AR11", level="P1", severity="R")
    return patient


def exported(clinic: Clinic) -> dict[str, Any]:
    answer = clinic.colleague("Omar").opens(FILE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of(bundle: dict[str, Any], kind: str, **values: Any) -> list[dict[str, Any]]:
    found = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind]
    return [each for each in found if all(each.get(name) == value for name, value in values.items())]


def code(resource: dict[str, Any]) -> tuple[str, str]:
    coding = resource["code"]["coding"][0]
    return coding["system"], coding["code"]


def test_every_part_of_the_case_is_there_once(clinic: Clinic) -> None:
    lived(clinic)

    bundle = exported(clinic)

    kinds = [each["resource"]["resourceType"] for each in bundle["entry"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "Patient": 1, "Device": 1, "Goal": 2, "Observation": 8, "Flag": 1, "CommunicationRequest": 2,
    }  # fmt: skip
    assert of(bundle, "Patient")[0]["identifier"] == [{"system": "urn:back-coach:patient-code", "value": "P-7KQ4M"}]


def test_the_library_reads_it_back_and_every_reference_leads_to_what_may_stand_there(clinic: Clinic) -> None:
    lived(clinic)
    bundle = exported(clinic)

    read = Bundle.model_validate(bundle)

    there = {each.fullUrl: each.resource.get_resource_type() for each in read.entry}
    followed = [(found["type"], there[found["reference"]]) for found in references(bundle)]
    assert len(followed) == 19
    assert all(told == real for told, real in followed)
    assert len(there) == len(bundle["entry"])
    fhir_check.checked(bundle)


def references(node: Any) -> list[dict[str, str]]:
    if isinstance(node, dict):
        here = [node] if "reference" in node else []
        return here + [found for each in node.values() for found in references(each)]
    return [found for each in node for found in references(each)] if isinstance(node, list) else []


def test_numbers_carry_the_codes_of_the_protocol_and_what_is_missing_says_so(clinic: Clinic, library: Library) -> None:
    lived(clinic)
    bundle = exported(clinic)

    told = library.value("fhir.observations")
    pain = [each for each in of(bundle, "Observation") if code(each) == ("http://loinc.org", told["pain"]["code"])]
    minutes = [
        each for each in of(bundle, "Observation") if code(each) == ("http://loinc.org", told["minutes"]["code"])
    ]
    assert [each.get("valueQuantity", {}).get("value") for each in pain] == [6, None, 4]
    assert [each.get("dataAbsentReason", {}).get("coding", [{}])[0].get("code") for each in pain] == [
        None,
        "unknown",
        None,
    ]
    assert [each["valueQuantity"] for each in minutes] == [
        {"value": 10, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"}
    ] * 2
    assert [each["effectiveDateTime"] for each in minutes] == ["2026-11-28", "2026-11-30"]
    assert [each["valueQuantity"]["value"] for each in of(bundle, "Observation") if code(each)[1] == "nrs_pain"] == [6]


def test_a_belief_is_an_observation_and_a_guess_until_somebody_says_so(clinic: Clinic) -> None:
    lived(clinic)
    bundle = exported(clinic)

    found = {code(each)[1]: each for each in of(bundle, "Observation") if code(each)[1].startswith("B")}
    assert {name: each["status"] for name, each in found.items()} == {"B03": "preliminary", "B01": "final"}
    assert "Model-suggested" in found["B03"]["interpretation"][0]["text"]
    assert of(bundle, "Condition") == []


def test_a_danger_sign_is_a_flag_and_each_alert_a_request_about_it(clinic: Clinic) -> None:
    lived(clinic)
    bundle = exported(clinic)

    flag = of(bundle, "Flag")[0]
    danger, person = of(bundle, "CommunicationRequest")
    assert (flag["status"], code(flag)[1], set(flag["period"])) == ("inactive", "RF01", {"start", "end"})
    assert danger["about"] == [{"reference": f"urn:uuid:{flag['id']}", "type": "Flag"}]
    assert [(each["status"], each["priority"]) for each in (danger, person)] == [
        ("completed", "stat"),
        ("active", "urgent"),
    ]
    assert "about" not in person
    assert person["payload"][0]["contentString"].startswith("P1 A-0002: Asked to talk to a person")


def test_the_goal_stands_in_the_patients_words_unless_they_say_who_somebody_is(clinic: Clinic) -> None:
    lived(clinic)
    bundle = exported(clinic)

    old, new = of(bundle, "Goal")
    assert (new["lifecycleStatus"], new["description"]["text"]) == ("active", "walking to the park")
    assert (old["lifecycleStatus"], old["description"]["text"]) == (
        "cancelled",
        "Kept back: it may say who somebody is.",
    )
    assert new["target"][0]["detailQuantity"]["value"] == 12


def test_nobodys_name_chat_or_words_leave(clinic: Clinic) -> None:
    lived(clinic)
    text = json.dumps(exported(clinic))

    for kept in ("Priya", "Omar", "discs slip", "numb down below", "07700", "1001", "sender"):
        assert kept not in text, kept
    for patient in of(json.loads(text), "Patient"):
        assert set(patient) == {"resourceType", "id", "identifier", "active"}


def test_safeguarding_leaves_without_its_kind(clinic: Clinic) -> None:
    patient = clinic.patient()
    said = clinic.says(patient, "he hits me")
    clinic.raises(patient, "RF17", message=said)
    with clinic.database.transaction() as session:
        flag = {"risk": "RF17", "severity": "U48", "action": "advise", "layer": "rules", "at": clinic.clock.now()}
        session.add(RiskFlag(patient_id=patient, message_id=said, **flag))

    bundle = exported(clinic)

    assert [code(each)[1] for each in of(bundle, "Flag")] == ["safeguarding"]
    assert "RF17" not in json.dumps(bundle)


def test_the_file_is_dated_and_that_it_was_taken_is_recorded(clinic: Clinic) -> None:
    clinic.patient()

    answer = clinic.colleague("Omar").opens(FILE)

    assert answer.headers["content-type"] == "application/fhir+json; fhirVersion=4.0"
    assert answer.headers["content-disposition"] == 'attachment; filename="P-7KQ4M-2026-12-01.fhir.json"'
    with clinic.database.transaction() as session:
        taken = session.exec(select(AuditEvent).where(col(AuditEvent.what) == "case_exported")).one()
    assert (taken.by, taken.patient, taken.detail) == ("physio:1", "P-7KQ4M", {"resources": 2})


def test_another_services_case_does_not_leave(clinic: Clinic) -> None:
    clinic.patient()

    assert clinic.colleague("Omar", service=clinic.other_service()).opens(FILE).status_code == 404


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (("priority", "at once"), "CommunicationRequest.priority is none of routine, urgent, asap, stat"),
        (("subject", {"reference": "urn:uuid:gone"}), "CommunicationRequest.subject leads nowhere"),
        (("status", None), "faults"),
    ],
)
def test_what_is_not_r4_does_not_leave(clinic: Clinic, broken: tuple[str, Any], fault: str) -> None:
    lived(clinic)
    bundle = exported(clinic)
    of(bundle, "CommunicationRequest")[0][broken[0]] = broken[1]

    with pytest.raises(ContentError, match=re.escape(fault)):
        fhir_check.checked(bundle)


def test_a_request_may_not_give_a_flag_as_its_reason(clinic: Clinic) -> None:
    """R4 allows a Flag under `about` alone (docs/adr/0011)."""
    lived(clinic)
    bundle = exported(clinic)
    request = of(bundle, "CommunicationRequest")[0]
    request["reasonReference"] = request.pop("about")

    with pytest.raises(ContentError, match=r"CommunicationRequest\.reasonReference may not be a Flag"):
        fhir_check.checked(bundle)


def test_every_level_and_every_state_has_its_code(library: Library) -> None:
    assert set(library.value("fhir.priority")) == {"P0", "P1", "P2", "P3"}
    assert set(library.value("fhir.goal")) == set(GoalState)
