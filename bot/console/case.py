"""One patient: the summary, everything that happened, and what a physio does about it."""

from datetime import datetime

from starlette.responses import Response

from bot.console.chart import chart
from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit, local_path
from bot.errors import EffectRefused
from data import physios, timeline, worklist
from data.concerns import NO_BELIEF
from data.patients import Patient
from data.physios import Physio


def patient_of(visit: Visit) -> Patient:
    patient = worklist.patient(visit.session, visit.service_id, visit.path("code"))
    if patient is None:
        raise NotFound
    return patient


def show(visit: Visit) -> Response:
    parts, patient = visit.parts, patient_of(visit)
    case = parts.cases.read(visit.session, patient, visit.now, by=visit.by)
    contact = parts.contacts.open_case(visit.session, visit.physio, patient, visit.now)
    return visit.page(
        "case.html", case=case, contact=contact,
        call_outcomes=parts.library.value("talking.call_outcomes"), referral_reasons=parts.referrals.reasons,
        referral_outcomes=parts.referrals.outcomes, patient=patient, me=visit.physio, chart=chart(case.days), zone=visit.zone,
        outcomes=parts.outcomes, beliefs=parts.library.protocol["beliefs"], no_belief=NO_BELIEF,
        risk_name=parts.cases.risk_name, limit_name=parts.cases.limit_name,
        colleagues=_colleagues(visit), here=f"/patients/{patient.code}",
        raised=case.raised, discreet=parts.library.value("escalation.discreet"),
        longest=int(parts.library.number("console.note_at_most")), notice=visit.asked("notice"), about=visit.about,
        support_calls=parts.support_calls.of_patient(visit.session, patient, visit.now),
        support_outcomes=parts.support_calls.outcomes,
    )  # fmt: skip


def _colleagues(visit: Visit) -> list[Physio]:
    return [each for each in worklist.colleagues(visit.session, visit.service_id) if each.id != visit.physio.id]


def past(visit: Visit) -> Response:
    """Everything that happened, a page at a time."""
    patient, kind = patient_of(visit), visit.asked("kind")
    kind = kind if kind in timeline.KINDS else ""
    visit.parts.cases.look(visit.session, patient, visit.now, by=visit.by, part="timeline")
    before = _instant(visit.asked("before"))
    entries = visit.parts.cases.timeline(visit.session, patient, before=before, kind=kind)
    return visit.page(
        "timeline.html", patient=patient, entries=entries, kind=kind, kinds=timeline.KINDS, zone=patient.time_zone,
        kept_back=visit.parts.cases.kept_back(visit.session, patient), risk_name=visit.parts.cases.risk_name,
        beliefs=visit.parts.library.protocol["beliefs"], people=visit.parts.cases.names(visit.session, entries),
        call_names={each.number: each.name for each in visit.parts.support_calls.calls},
        call_outcomes=visit.parts.support_calls.outcomes,
        limit_name=visit.parts.cases.limit_name, more=len(entries) >= int(visit.parts.library.number("console.listed")),
    )  # fmt: skip


def why(visit: Visit) -> Response:
    """Why this person got, or did not get, a message."""
    patient = patient_of(visit)
    visit.parts.cases.look(visit.session, patient, visit.now, by=visit.by, part="why")
    reasons = visit.parts.why.explain(visit.session, patient, visit.now)
    return visit.page("why.html", patient=patient, why=reasons, zone=patient.time_zone)


def as_fhir(visit: Visit) -> Response:
    """The case for another system; that it was taken out is recorded."""
    patient = patient_of(visit)
    text = visit.parts.fhir.bundle(visit.session, patient, visit.now, by=visit.by)
    name = f"{patient.code}-{visit.now:%Y-%m-%d}.fhir.json"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="application/fhir+json; fhirVersion=4.0", headers=headers)


def acknowledge(visit: Visit) -> Response:
    reference = visit.path("reference")
    visit.parts.case_desk.acknowledge(visit.session, visit.physio, reference, visit.now, seen=number(visit, "seen"))
    return done(visit, "acknowledged", reference)


def assign(visit: Visit) -> Response:
    to = physios.get(visit.session, number(visit, "to"))
    if to is None or to.service_id != visit.service_id:
        raise EffectRefused("colleague_refused")
    reference = visit.path("reference")
    visit.parts.case_desk.assign(visit.session, visit.physio, reference, to, visit.now, seen=number(visit, "seen"))
    return done(visit, "assigned", reference)


def close(visit: Visit) -> Response:
    reference = visit.path("reference")
    visit.parts.case_desk.close(
        visit.session, visit.physio, reference, visit.form.get("outcome", ""), visit.now, seen=number(visit, "seen"),
        note=visit.form.get("note", ""),
    )  # fmt: skip
    return done(visit, "closed", reference)


def note(visit: Visit) -> Response:
    patient = patient_of(visit)
    visit.parts.case_desk.note(visit.session, visit.physio, patient, visit.form.get("note", ""), visit.now)
    return done(visit, "noted", "")


def put_right(visit: Visit) -> Response:
    patient = patient_of(visit)
    visit.parts.case_desk.put_right(
        visit.session, visit.physio, patient, int(visit.path("flag")), visit.form.get("belief", ""), visit.now,
        seen=number(visit, "seen"), share=visit.form.get("share") == "yes",
    )  # fmt: skip
    return done(visit, "put_right", "")


def done(visit: Visit, what: str, about: str) -> Response:
    path = local_path(visit.form.get("back", "")) or "/worklist"
    return visit.go(f"{path}{'&' if '?' in path else '?'}notice={what}&about={about}")


def number(visit: Visit, name: str) -> int:
    """Raises NotFound for what no form of ours sends."""
    value = visit.form.get(name, "")
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise NotFound
    return int(value)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


PAGES = (
    Page("GET", "/patients/{code}", show, Needs.CASES),
    Page("GET", "/patients/{code}/timeline", past, Needs.CASES),
    Page("GET", "/patients/{code}/why", why, Needs.CASES),
    Page("GET", "/patients/{code}/fhir.json", as_fhir, Needs.CASES),
    Page("POST", "/patients/{code}/notes", note, Needs.ACT),
    Page("POST", "/patients/{code}/beliefs/{flag:int}", put_right, Needs.ACT),
    Page("POST", "/alerts/{reference}/acknowledge", acknowledge, Needs.ACT),
    Page("POST", "/alerts/{reference}/assign", assign, Needs.ACT),
    Page("POST", "/alerts/{reference}/close", close, Needs.ACT),
)
