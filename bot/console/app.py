"""The console as one ASGI app. Every request passes here: who is it, may they, is the form ours; then the page."""

from collections.abc import Mapping
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from bot.console import calls, case, door, figures, people, referrals, rota, support_calls, talking, worklist
from bot.console.entrance import Entrance
from bot.console.headers import SecurityHeaders, Static
from bot.console.pages import Page
from bot.console.parts import Parts

AREAS = (door, worklist, case, support_calls, talking, calls, referrals, figures, people, rota)
PAGES: tuple[Page, ...] = tuple(page for area in AREAS for page in area.PAGES)


def console_app(parts: Parts) -> Starlette:
    """Serves `PAGES` and the files that they need; nothing else has an address."""
    entrance = Entrance(parts)
    routes: list[BaseRoute] = [
        Route(page.path, partial(_answer, entrance, page), methods=[page.method], name=f"{page.method} {page.path}")
        for page in PAGES
    ]
    routes.append(Mount("/static", Static(), name="static"))

    async def problem(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return await run_in_threadpool(entrance.problem, request, status)

    app = Starlette(routes=routes, exception_handlers={HTTPException: problem, 500: problem})
    app.add_middleware(SecurityHeaders, is_https=parts.is_https)
    return app


async def _answer(entrance: Entrance, page: Page, request: Request) -> Response:
    form: Mapping[str, str] = await entrance.read_form(request) if page.method == "POST" else {}
    response = await run_in_threadpool(entrance.answer, page, request, form)
    if page.method == "POST":
        entrance.parts.wake()  # on the loop's own thread
    return response
