"""The worklist and the list of patients."""

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from bot.coaching.alerts import LEVELS
from bot.console.pages import Needs, Page
from bot.console.visit import Visit
from data import worklist
from data.worklist import Wanted


def show(visit: Visit) -> Response:
    return visit.page("worklist.html", polled=False, **_content(visit))


def rows(visit: Visit) -> Response:
    """The same list without its frame, for the page that refreshes itself."""
    return visit.page("worklist_rows.html", polled=True, **_content(visit))


def _content(visit: Visit) -> dict[str, Any]:
    parts, me = visit.parts, visit.physio
    worklist.note_seen(visit.session, me, visit.now)
    level = visit.asked("level") if visit.asked("level") in LEVELS else ""
    owner = {"mine": str(me.id), "nobody": "nobody"}.get(visit.asked("owner"), "")
    late = visit.asked("late") == "1"
    page = max(1, int(visit.asked("page"))) if visit.asked("page").isdigit() else 1
    wanted = Wanted(level=level, owner=owner, late=late)
    lines, number = parts.worklist.lines(visit.session, visit.service_id, visit.now, wanted, page=page)
    query = {"level": level, "owner": visit.asked("owner") if owner else "", "late": "1" if late else ""}
    query = {name: value for name, value in query.items() if value}
    listed = int(parts.library.number("console.listed"))
    calls_due, calls_late = parts.support_calls.count_due(visit.session, visit.service_id, visit.now)
    return {
        "lines": lines, "number": number, "me": me, "page": page, "pages": max(1, -(-number // listed)),
        "counts": parts.worklist.counts(visit.session, visit.service_id, visit.now, me),
        "query": query, "here": address_of("/worklist", query | ({"page": page} if page > 1 else {})),
        "address": lambda **changes: address_of("/worklist", query | changes), "level": level,
        "refresh": int(parts.library.number("console.refresh")), "poll": address_of("/worklist/rows", query | {"page": page}),
        "calls_due": calls_due, "calls_late": calls_late, "notice": visit.asked("notice"), "about": visit.about,
        "zone": visit.zone,
        "unread": parts.contacts.unread(visit.session, visit.service_id),
    }  # fmt: skip


def address_of(path: str, query: dict[str, Any]) -> str:
    kept = {name: value for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(kept)}" if kept else path


def people(visit: Visit) -> Response:
    """Everybody of the service, by code: also those of whom nothing is heard."""
    code, state = visit.asked("code").strip()[:12], visit.asked("state")
    page = max(1, int(visit.asked("page"))) if visit.asked("page").isdigit() else 1
    listed = int(visit.parts.library.number("console.listed"))
    found, number = worklist.people(
        visit.session, visit.service_id, code=code, state=state, most=listed, skip=listed * (page - 1)
    )
    return visit.page(
        "patients.html", people=found, number=number, code=code, state=state, page=page, pages=max(1, -(-number // listed)),
        states=worklist.SHOWN, zone=visit.zone,
        address=lambda **changes: address_of("/patients", {"code": code, "state": state, **changes}),
    )  # fmt: skip


PAGES = (
    Page("GET", "/worklist", show, Needs.CASES),
    Page("GET", "/worklist/rows", rows, Needs.CASES, polls=True),
    Page("GET", "/patients", people, Needs.CASES),
)
