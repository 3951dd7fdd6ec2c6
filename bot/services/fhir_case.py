"""A case as a FHIR R4 bundle: a pseudonym, numbers and codes. No name, no words of a chat (docs/adr/0011).

Systems and codes stand in dialogues/protocol/fhir.yml. What is missing is told as missing, never as nought.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching.identifying import may_identify
from bot.content import Library
from bot.services import fhir_check
from bot.services.cards import Cards
from data import activity, audit, case_file, concerns, goals, measures
from data.alerts import Alert
from data.checkins import CheckIn
from data.goals import ActivityGoal, GoalState
from data.measures import Score
from data.patients import Patient

Resource = dict[str, Any]
FIRST_DAY = date(2000, 1, 1)


class FhirCase:
    def __init__(self, library: Library) -> None:
        self._library = library
        self._cards = Cards(library)

    def bundle(self, session: Session, patient: Patient, now: datetime, *, by: str) -> str:
        """JSON, read by the library's own models before it leaves. Raises ContentError when it isn't R4."""
        entries = list(self._resources(session, patient, now))
        made = {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": now.isoformat(),
            "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in entries],
        }
        text = fhir_check.checked(made)
        audit.record(session, "case_exported", by=by, now=now, patient=patient.code, resources=len(entries))
        return text

    def _resources(self, session: Session, patient: Patient, now: datetime) -> Iterator[Resource]:
        who = Subject(patient)
        yield who.resource("Patient", patient.id) | {
            "identifier": [{"system": self._system("patient"), "value": patient.code}],
            "active": patient.enrolled_at is not None,
        }
        yield who.resource("Device", 0) | {
            "deviceName": [{"name": self._words("coach"), "type": "model-name"}],
            "version": [{"value": self._library.version}],
        }
        for goal in goals.history(session, patient.id):
            yield self._goal(who, goal)
        last = now.astimezone(who.zone).date()
        for check_in in reversed(case_file.check_ins(session, patient.id, FIRST_DAY, last)):
            if check_in.pain is not None or (check_in.sent_at and check_in.state.value in self._value("absent")):
                yield self._pain(who, check_in)
        for on, minutes in activity.minutes_by_day(session, patient.id, FIRST_DAY, last).items():
            yield self._observation(who, "minutes", on.isoformat()) | {
                "effectiveDateTime": on.isoformat(),
                "valueQuantity": self._quantity("minutes", minutes),
            }
        for measure in self._library.measures.values():
            for score in measures.series(session, patient.id, measure.measure):
                yield self._score(who, measure.name, score)
        yield from self._beliefs(session, who)
        for alert in reversed(case_file.alerts_of(session, patient.id)):
            yield from self._alert(who, alert, now)

    # --- one resource each ---

    def _goal(self, who: "Subject", goal: ActivityGoal) -> Resource:
        said = self._words("kept_back") if may_identify(goal.activity) else goal.activity
        made = who.resource("Goal", goal.id) | {
            "lifecycleStatus": self._value("goal")[goal.state.value],
            "description": {"text": said},
            "subject": who.reference("Patient", who.patient.id),
            "startDate": goal.created_at.astimezone(who.zone).date().isoformat(),
            "target": [
                {
                    "measure": {"text": self._words("goal_minutes")},
                    "detailQuantity": self._quantity("minutes", goal.minutes),
                }
            ],
        }
        if goal.state == GoalState.ACTIVE:
            made["achievementStatus"] = self._concept("achievement", self._value("achievement"))
        return made

    def _pain(self, who: "Subject", check_in: CheckIn) -> Resource:
        at = check_in.pain_at or check_in.sent_at or check_in.ended_at
        made = self._observation(who, "pain", str(check_in.id))
        made["effectiveDateTime"] = at.isoformat() if at else check_in.on.isoformat()
        if check_in.pain is not None:
            return made | {"valueQuantity": self._quantity("pain", check_in.pain)}
        return made | {"dataAbsentReason": self._concept("absent", self._value("absent")[check_in.state.value])}

    def _score(self, who: "Subject", name: str, score: Score) -> Resource:
        made = self._observation(who, "measure", f"{score.measure}:{score.occasion}")
        return made | {
            "code": self._concept("own", score.measure, name),
            "effectiveDateTime": score.at.isoformat(),
            "valueQuantity": self._quantity("measure", score.value),
        }

    def _beliefs(self, session: Session, who: "Subject") -> Iterator[Resource]:
        """Of those that stand: which, when, and whether anybody but the model says so. Never the words."""
        corrected = case_file.corrections(session, who.patient.id)
        for each in concerns.standing_flags(session, who.patient.id):
            if each.belief is None:
                continue
            sure = each.flag.held is True or each.flag.id in corrected
            says = str(self._library.protocol["beliefs"][each.belief]["says"])
            yield self._observation(who, "belief", str(each.flag.id)) | {
                "status": "final" if sure else "preliminary",
                "code": self._concept("own", each.belief, says),
                "effectiveDateTime": each.flag.at.isoformat(),
                "valueBoolean": True,
                "interpretation": [{"text": self._words("confirmed" if sure else "model_suggested")}],
                "device": who.reference("Device", 0),
            }

    def _alert(self, who: "Subject", alert: Alert, now: datetime) -> Iterator[Resource]:
        """A danger sign is a flag too; every alert is a request to a physiotherapist, `about` that flag."""
        facts = self._cards.facts(alert, patient=who.patient.code, owner=None, now=now)
        about = self._concept("own", facts["cause"] or self._words("safeguarding"), facts["name"])
        closed = alert.closed_at.isoformat() if alert.closed_at else None
        request = who.resource("CommunicationRequest", alert.id) | {
            "status": "completed" if closed else "active",
            "priority": self._value("priority")[alert.level],
            "subject": who.reference("Patient", who.patient.id),
            "requester": who.reference("Device", 0),
            "authoredOn": alert.raised_at.isoformat(),
            "reasonCode": [about],
            "payload": [{"contentString": self._words("request").format(**facts).strip()}],
        }
        if self._cards.is_red_flag(alert):
            period = {"start": alert.raised_at.isoformat()} | ({"end": closed} if closed else {})
            yield who.resource("Flag", alert.id) | {
                "status": "inactive" if closed else "active",
                "category": [self._concept("flag", self._value("flag_category"))],
                "code": about,
                "subject": who.reference("Patient", who.patient.id),
                "period": period,
                "author": who.reference("Device", 0),
            }
            request["about"] = [who.reference("Flag", alert.id)]
        yield request

    # --- small parts ---

    def _observation(self, who: "Subject", kind: str, name: str) -> Resource:
        told = self._value("observations")[kind]
        made = who.resource("Observation", f"{kind}:{name}") | {
            "status": "final",
            "category": [self._concept("category", told["category"])],
            "subject": who.reference("Patient", who.patient.id),
        }
        return made | ({"code": self._concept(told["system"], told["code"], told["display"])} if "code" in told else {})

    def _quantity(self, kind: str, value: float) -> Resource:
        told = self._value("observations")[kind]
        return {"value": value, "unit": told["unit"], "system": self._system("ucum"), "code": told["ucum"]}

    def _concept(self, system: str, code: str, display: str = "") -> Resource:
        coding = {"system": self._system(system), "code": code} | ({"display": display} if display else {})
        return {"coding": [coding]} | ({"text": display} if display else {})

    def _system(self, name: str) -> str:
        return str(self._value("systems")[name])

    def _words(self, name: str) -> str:
        return str(self._value("words")[name])

    def _value(self, name: str) -> Any:
        return self._library.value(f"fhir.{name}")


class Subject:
    """Ids of one patient's resources: the same for the same row, and of no use without the code."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self.zone = ZoneInfo(patient.time_zone)

    def resource(self, kind: str, number: object) -> Resource:
        return {"resourceType": kind, "id": self._id(kind, number)}

    def reference(self, kind: str, number: object) -> Resource:
        return {"reference": f"urn:uuid:{self._id(kind, number)}", "type": kind}

    def _id(self, kind: str, number: object) -> str:
        return str(uuid5(NAMESPACE_URL, f"urn:back-coach:{self.patient.code}:{kind}:{number}"))
