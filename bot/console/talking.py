"""Writing to a patient from the case: choose or write words, see them as the patient will, send; hand back."""

import re
import secrets
from typing import Any

from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit
from bot.errors import EffectRefused
from data import worklist
from data.patients import Patient

ONCE = re.compile(r"[0-9a-f]{16}")


def patient_of(visit: Visit) -> Patient:
    """Raises NotFound for one of another service too."""
    patient = worklist.patient(visit.session, visit.service_id, visit.path("code"))
    if patient is None:
        raise NotFound
    return patient


def once(visit: Visit) -> str:
    """What makes a form count once, however often it is sent. Raises NotFound for what no form of ours sends."""
    value = visit.form.get("once", "")
    if not ONCE.fullmatch(value):
        raise NotFound
    return value


def write(visit: Visit) -> Response:
    """Ready words to choose from, and a page to write on."""
    patient, template = patient_of(visit), visit.asked("template")
    words = visit.parts.takeovers.words.template(visit.session, patient, template)
    return _page(visit, patient, words=words, template=template if words else "")


def write_or_send(visit: Visit) -> Response:
    """First as the patient will see it; sent when that was looked at. What was refused is still on the page."""
    patient, words = patient_of(visit), visit.form.get("words", "")
    template = visit.form.get("template", "")
    takeovers = visit.parts.takeovers
    if template not in {each.name for each in takeovers.words.templates()}:
        template = ""
    try:
        if visit.form.get("step") == "send":
            takeovers.write(
                visit.session, visit.physio, patient, words, visit.now, once=once(visit), template=template
            )  # fmt: skip
            return visit.go(f"/patients/{patient.code}?notice=written#talking")
        said = takeovers.words.checked(words)
        shown = takeovers.shown(visit.session, visit.physio, patient, said)
    except EffectRefused as refused:
        return _page(visit, patient, words=words, template=template, refused=refused.response)
    return _page(visit, patient, words=said, template=template, shown=shown)


def _page(visit: Visit, patient: Patient, *, words: str, template: str, refused: str = "", shown: str = "") -> Response:
    values: dict[str, Any] = {"refused": refused, "shown": shown, "words": words, "chosen": template}
    return visit.page(
        "talking_write.html", patient=patient, templates=visit.parts.takeovers.words.templates(),
        here=f"/patients/{patient.code}", once=secrets.token_hex(8),
        longest=int(visit.parts.library.number("talking.words_at_most")), **values,
    )  # fmt: skip


def hand_back(visit: Visit) -> Response:
    patient = patient_of(visit)
    done = visit.parts.takeovers.hand_back(visit.session, visit.physio, patient, visit.now)
    return visit.go(f"/patients/{patient.code}?notice={'handed_back' if done else 'utter_talk_over'}#talking")


def contacts(visit: Visit) -> Response:
    """Whom somebody of the service is writing with, calls to be made, visits to come."""
    found, here = visit.parts.contacts, visit.service_id
    return visit.page(
        "talking_contacts.html", talking=found.talking(visit.session, here), calls=found.calls(visit.session, here),
        referrals=found.referrals(visit.session, here), reasons=visit.parts.referrals.reasons, zone=visit.zone,
    )  # fmt: skip


PAGES = (
    Page("GET", "/contacts", contacts, Needs.CASES),
    Page("GET", "/patients/{code}/write", write, Needs.ACT),
    Page("POST", "/patients/{code}/write", write_or_send, Needs.ACT),
    Page("POST", "/patients/{code}/hand-back", hand_back, Needs.ACT),
)
