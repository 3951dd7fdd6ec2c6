"""The support calls: whose is due, the sheet of one, and what was made of it."""

from starlette.responses import Response

from bot.coaching.support_calls import Call
from bot.console.case import done, number, patient_of
from bot.console.chart import chart
from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit
from bot.console.worklist import address_of
from data import case_file


def waiting(visit: Visit) -> Response:
    calls = visit.parts.support_calls
    listed = int(visit.parts.library.number("console.listed"))
    page = max(1, int(visit.asked("page"))) if visit.asked("page").isdigit() else 1
    found, late = calls.count_due(visit.session, visit.service_id, visit.now)
    return visit.page(
        "support_calls.html", lines=calls.due(visit.session, visit.service_id, visit.now, page=page), number=found, late=late,
        outcomes=calls.outcomes, page=page, pages=max(1, -(-found // listed)), zone=visit.zone,
        address=lambda **changes: address_of("/support-calls", changes), all_calls=calls.calls,
    )  # fmt: skip


def sheet(visit: Visit) -> Response:
    parts, patient = visit.parts, patient_of(visit)
    found = parts.sheets.read(visit.session, patient, _call(visit), visit.now, by=visit.by)
    if found is None:
        raise NotFound
    callers = {each.physio_id for line in [found.line, *found.before] for each in line.tries if each.physio_id}
    return visit.page(
        "support_call_sheet.html", sheet=found, case=found.case, patient=patient, chart=chart(found.case.days),
        zone=visit.zone,
        here=f"/patients/{patient.code}/support-calls/{found.call.number}", outcomes=parts.support_calls.outcomes,
        referrals=parts.support_calls.referrals, names=case_file.names(visit.session, callers),
        limit_name=parts.cases.limit_name,
        longest=int(parts.library.number("console.note_at_most")), notice=visit.asked("notice"),
    )  # fmt: skip


def write(visit: Visit) -> Response:
    patient = patient_of(visit)
    visit.parts.support_calls.record(
        visit.session, visit.physio, patient, _call(visit), visit.form, visit.now, seen=number(visit, "seen")
    )
    return done(visit, "call_kept", "")


def _call(visit: Visit) -> Call:
    call = visit.parts.support_calls.call(int(visit.path("call")))
    if call is None:
        raise NotFound
    return call


PAGES = (
    Page("GET", "/support-calls", waiting, Needs.CASES),
    Page("GET", "/patients/{code}/support-calls/{call:int}", sheet, Needs.CASES),
    Page("POST", "/patients/{code}/support-calls/{call:int}", write, Needs.ACT),
)
