"""Referring a patient for a physical assessment: the form, the message as the patient will see it, what came of it."""

import secrets

from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.talking import once, patient_of
from bot.console.visit import Visit
from bot.errors import EffectRefused
from bot.services import referrals


def refer(visit: Visit) -> Response:
    return _page(visit, visit.parts.referrals.blank())


def refer_or_send(visit: Visit) -> Response:
    """First the message as the patient will see it, to be changed; then it is kept and sent."""
    patient, service = patient_of(visit), visit.parts.referrals
    form = visit.form
    asked = referrals.Visit(
        reason=form.get("reason", ""), place=form.get("place", ""), bring=form.get("bring", ""), at=form.get("at", "")
    )
    words = form.get("words", "")
    try:
        words = words or service.message(visit.session, visit.physio, patient, asked, visit.now)
        if form.get("step") == "send":
            service.refer(visit.session, visit.physio, patient, asked, words, visit.now, once=once(visit))
            return visit.go(f"/patients/{patient.code}?notice=referred#referrals")
        said = visit.parts.takeovers.words.checked(words)
        shown = visit.parts.takeovers.framed(visit.session, visit.physio, patient, said)
    except EffectRefused as refused:
        return _page(visit, asked, words=words, refused=refused.response)
    return _page(visit, asked, words=words, shown=shown)


def _page(visit: Visit, asked: referrals.Visit, *, words: str = "", refused: str = "", shown: str = "") -> Response:
    patient, number = patient_of(visit), visit.parts.library.number
    return visit.page(
        "talking_refer.html", patient=patient, here=f"/patients/{patient.code}", once=secrets.token_hex(8), asked=asked,
        words=words, refused=refused, shown=shown, reasons=visit.parts.referrals.reasons, zone=visit.zone,
        longest=int(number("talking.words_at_most")), longest_place=int(number("referral.place_at_most")),
        longest_bring=int(number("referral.bring_at_most")),
    )  # fmt: skip


def end(visit: Visit) -> Response:
    patient, form = patient_of(visit), visit.form
    visit.parts.referrals.end(
        visit.session, visit.physio, patient, int(visit.path("number")), form.get("outcome", ""), visit.now,
        on=form.get("on", ""), findings=form.get("findings", ""),
    )  # fmt: skip
    return visit.go(f"/patients/{patient.code}?notice=saved#referrals")


PAGES = (
    Page("GET", "/patients/{code}/refer", refer, Needs.ACT),
    Page("POST", "/patients/{code}/refer", refer_or_send, Needs.ACT),
    Page("POST", "/patients/{code}/referrals/{number:int}", end, Needs.ACT),
)
