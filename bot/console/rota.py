"""Who works when: the next two weeks, and what was agreed otherwise."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit
from bot.errors import EffectRefused, RotaRefused
from data import physios, rota, worklist
from data.physios import Physio

DAYS = 14
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show(visit: Visit) -> Response:
    service = rota.service(visit.session, visit.service_id)
    today = visit.now.astimezone(ZoneInfo(service.time_zone)).date()
    return visit.page(
        "rota.html", service=service, days=visit.parts.rota.days(visit.session, service, today, DAYS, visit.now),
        on_duty=visit.parts.rotas.on_duty(visit.session, service.id, visit.now), weekdays=WEEKDAYS, today=today,
        staff=worklist.colleagues(visit.session, service.id), shifts=rota.shifts(visit.session, service.id),
        covers=rota.covers(visit.session, service.id, after=visit.now), closures=rota.closures(visit.session, service.id),
        zone=service.time_zone, notice=visit.asked("notice"), plans="plan" in visit.may,
    )  # fmt: skip


def add_shifts(visit: Visit) -> Response:
    form = visit.form
    days = [number for number in range(len(WEEKDAYS)) if form.get(f"day{number}") == "yes"]
    span = f"{form.get('starts', '')}-{form.get('ends', '')}"
    physio, first_on = _member(visit, "physio"), _date(form.get("first_on", ""))
    if not days:
        raise EffectRefused("rota_refused")
    try:
        visit.parts.rota.add_shifts(
            visit.session, physio, days, span, first_on=first_on, by=visit.by, now=visit.now
        )  # fmt: skip
    except RotaRefused as refused:
        raise EffectRefused("rota_refused") from refused
    return visit.go("/rota?notice=saved")


def end_shifts(visit: Visit) -> Response:
    physio = _member(visit, "physio")
    last_on = _date(visit.form.get("last_on", ""))
    visit.parts.rota.end_shifts(visit.session, physio, last_on=last_on, by=visit.by, now=visit.now)
    return visit.go("/rota?notice=saved")


def cover(visit: Visit) -> Response:
    physio = _member(visit, "physio")
    instead = _member(visit, "instead") if visit.form.get("instead") else None
    zone = ZoneInfo(visit.zone)
    edges = _instant(visit.form.get("starts_at", ""), zone), _instant(visit.form.get("ends_at", ""), zone)
    try:
        visit.parts.rota.cover(visit.session, physio, instead, edges, by=visit.by, now=visit.now)
    except RotaRefused as refused:
        raise EffectRefused("rota_refused") from refused
    return visit.go("/rota?notice=saved")


def close(visit: Visit) -> Response:
    form = visit.form
    first_on, last_on = _date(form.get("first_on", "")), _date(form.get("last_on", ""))
    service = rota.service(visit.session, visit.service_id)
    name = " ".join(form.get("name", "").split())[:60]
    try:
        visit.parts.rota.close(visit.session, service, first_on, last_on, name or "Closed", by=visit.by, now=visit.now)
    except RotaRefused as refused:
        raise EffectRefused("rota_refused") from refused
    return visit.go("/rota?notice=saved")


def _member(visit: Visit, field: str) -> Physio:
    """Raises NotFound for somebody who doesn't work in this service."""
    value = visit.form.get(field, "")
    physio = physios.get(visit.session, int(value)) if value.isascii() and value.isdigit() else None
    if physio is None or physio.service_id != visit.service_id or physio.left_at is not None:
        raise NotFound
    return physio


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EffectRefused("rota_refused") from error


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """What a browser's field for a day and a time says, on the service's wall clock."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise EffectRefused("rota_refused") from error
    return found if found.tzinfo else found.replace(tzinfo=zone)


PAGES = (
    Page("GET", "/rota", show, Needs.ROTA),
    Page("POST", "/rota/shifts", add_shifts, Needs.PLAN),
    Page("POST", "/rota/shifts/end", end_shifts, Needs.PLAN),
    Page("POST", "/rota/cover", cover, Needs.PLAN),
    Page("POST", "/rota/closures", close, Needs.PLAN),
)
