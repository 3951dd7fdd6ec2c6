"""What stands before every page: the sign-in, the form's own token, what the role may, and what goes wrong."""

import logging
import secrets
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bot.console.pages import Needs, Page
from bot.console.parts import Parts
from bot.console.visit import NotFound, Visit, csrf_of, local_path, new_door
from bot.errors import EffectRefused, StaleAction
from bot.services.trail import trail
from data import audit

log = logging.getLogger(__name__)

MOST_BODY = 64 * 1024  # bytes of a form
FORM = "application/x-www-form-urlencoded"


class Entrance:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._tries: dict[str, deque[datetime]] = defaultdict(deque)  # sign-ins and set-ups, by where they come from
        # Browsers send a __Host- cookie to this host alone and never without TLS; on this machine alone there is none.
        prefix = "__Host-" if parts.is_https else ""
        self._session_cookie, self._door_cookie = f"{prefix}coach", f"{prefix}coach-door"

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """Raises HTTPException for what no form of ours sends."""
        length = request.headers.get("content-length", "")
        if request.headers.get("content-type", "").partition(";")[0] != FORM or not length.isdigit():
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        if int(length) > MOST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        form = await request.form(max_fields=50)
        return {name: value for name, value in form.items() if isinstance(value, str)}

    def answer(self, page: Page, request: Request, form: Mapping[str, str]) -> Response:
        try:
            return self._answer(page, request, form)
        except NotFound:
            return self.problem(request, HTTPStatus.NOT_FOUND)
        except (StaleAction, EffectRefused) as refused:
            return _back(form, refused.response, str(refused.values.get("reference", "")))
        except HTTPException:
            raise
        except Exception as error:
            log.error("page_failed", extra=trail(error, page=f"{page.method} {page.path}"))
            return self.problem(request, HTTPStatus.INTERNAL_SERVER_ERROR)

    def problem(self, request: Request, status: int) -> Response:
        with self.parts.database.transaction() as session:
            visit = self._visit(session, request, {}, touched=False)
            return visit.page("problem.html", status=status, code=int(status))

    def _answer(self, page: Page, request: Request, form: Mapping[str, str]) -> Response:
        with self.parts.database.transaction() as session:
            visit = self._visit(session, request, form, touched=not page.polls)
            refused = self._refusal(page, visit)
            response = refused or (None if page.alone else page.show(visit))
        if response is None:
            response = page.show(visit)
        return self._with_cookies(visit, response)

    def _visit(self, session: Session, request: Request, form: Mapping[str, str], *, touched: bool) -> Visit:
        token = request.cookies.get(self._session_cookie, "")
        signed_in = self.parts.sign_in.whose(session, token, touched=touched, demo=self.parts.demo)
        door = token if signed_in else request.cookies.get(self._door_cookie, "")
        visit = Visit(self.parts, request, session, form, self.parts.clock.now(), door or new_door(), signed_in)
        if not signed_in and not door:
            visit.is_new = True
        return visit

    def _refusal(self, page: Page, visit: Visit) -> Response | None:
        if page.method == "POST" and not _is_ours(visit):
            raise HTTPException(HTTPStatus.FORBIDDEN)
        if page.needs is Needs.NOTHING:
            return self._too_many(visit) if page.method == "POST" else None
        if visit.signed_in is None:
            return _to_sign_in(visit)
        if page.needs not in visit.may:
            audit.record(visit.session, "page_refused", by=visit.by, now=visit.now, needs=page.needs)
            return visit.page("problem.html", status=HTTPStatus.FORBIDDEN, code=403)
        return None

    def _too_many(self, visit: Visit) -> Response | None:
        """Guessing at many names from one place is slow."""
        now = self.parts.sign_in.clock.now()
        since = now - timedelta(minutes=self.parts.library.number("console.locked_for"))
        for place in [place for place, tries in self._tries.items() if not tries or tries[-1] < since]:
            del self._tries[place]
        tries = self._tries[visit.request.client.host if visit.request.client else ""]
        while tries and tries[0] < since:
            tries.popleft()
        if len(tries) >= self.parts.library.number("console.tries_from_one_place"):
            return visit.page("problem.html", status=HTTPStatus.TOO_MANY_REQUESTS, code=429)
        tries.append(now)
        return None

    def _with_cookies(self, visit: Visit, response: Response) -> Response:
        if visit.signs_in is not None:
            self._set(response, self._session_cookie, visit.signs_in)
            response.delete_cookie(self._door_cookie, path="/", secure=self.parts.is_https, httponly=True)
        elif visit.signs_out:
            response.delete_cookie(self._session_cookie, path="/", secure=self.parts.is_https, httponly=True)
            response.headers["clear-site-data"] = '"cache", "storage"'
        elif visit.is_new:
            self._set(response, self._door_cookie, visit.door)
        return response

    def _set(self, response: Response, name: str, value: str) -> None:
        """Until the browser is closed; how long it counts is decided here, not there."""
        response.set_cookie(name, value, path="/", secure=self.parts.is_https, httponly=True, samesite="lax")


def _is_ours(visit: Visit) -> bool:
    """The form was made by a page of ours, and sent from one."""
    headers = visit.request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return False
    return secrets.compare_digest(visit.form.get("csrf", ""), csrf_of(visit.door))


def _to_sign_in(visit: Visit) -> Response:
    if visit.is_htmx:
        return PlainTextResponse("", status_code=401, headers={"hx-redirect": "/sign-in"})
    here = visit.request.url.path
    to = f"?to={quote(here)}" if visit.request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/sign-in{to}", status_code=303)


def _back(form: Mapping[str, str], notice: str, about: str) -> Response:
    """Nothing was changed: the page they came from says why, and how things stand now."""
    path = local_path(form.get("back", "")) or "/"
    sign = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{sign}notice={quote(notice)}&about={quote(about)}", status_code=303)
