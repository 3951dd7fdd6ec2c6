"""Offering a patient times for a phone call, and what came of it."""

import secrets

from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.talking import once, patient_of
from bot.console.visit import Visit
from bot.errors import EffectRefused


def ask(visit: Visit) -> Response:
    return _page(visit, times=[])


def ask_or_send(visit: Visit) -> Response:
    """First as the patient will see it; sent when that was looked at. What was refused is still on the page."""
    patient, calls = patient_of(visit), visit.parts.calls
    given = [visit.form.get(f"time{number}", "") for number in range(calls.most_times)]
    try:
        times = calls.read_times(visit.session, visit.physio, given, visit.now)
        offer = calls.offer_words(patient, times)
        shown = visit.parts.takeovers.framed(visit.session, visit.physio, patient, offer.text)
        if visit.form.get("step") == "send":
            calls.offer(visit.session, visit.physio, patient, times, visit.now, once=once(visit))
            return visit.go(f"/patients/{patient.code}?notice=call_offered#calls")
    except EffectRefused as refused:
        return _page(visit, times=given, refused=refused.response)
    return _page(visit, times=given, shown=shown, labels=[each.label for each in offer.choices])


def _page(
    visit: Visit, *, times: list[str], refused: str = "", shown: str = "", labels: list[str] | None = None
) -> Response:
    patient, most = patient_of(visit), visit.parts.calls.most_times
    return visit.page(
        "talking_call.html", patient=patient, here=f"/patients/{patient.code}", once=secrets.token_hex(8),
        times=[*times, *[""] * most][:most], refused=refused, shown=shown, labels=labels or [], zone=visit.zone,
    )  # fmt: skip


def end(visit: Visit) -> Response:
    patient = patient_of(visit)
    outcome = visit.form.get("outcome", "")
    visit.parts.calls.end(visit.session, visit.physio, patient, int(visit.path("number")), outcome, visit.now)
    return visit.go(f"/patients/{patient.code}?notice=saved#calls")


PAGES = (
    Page("GET", "/patients/{code}/call", ask, Needs.ACT),
    Page("POST", "/patients/{code}/call", ask_or_send, Needs.ACT),
    Page("POST", "/patients/{code}/calls/{number:int}", end, Needs.ACT),
)
