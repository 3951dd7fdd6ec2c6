"""One request of one person: who they are is read from the database, each time."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.pages import Needs, may
from bot.console.parts import Parts
from bot.services.sign_in import SignedIn
from bot.services.sign_in import by as named
from data import physios, rota
from data.accounts import Account
from data.physios import Physio

LONGEST_PATH = 500
REFERENCE = re.compile(r"A-\d{1,9}")


class NotFound(Exception):
    """There is no such thing, or it is not this service's: both look the same from outside."""


@dataclass
class Visit:
    """`now` is the coach's clock, which a demo moves; what is signed in goes by the machine's own."""

    parts: Parts
    request: Request
    session: Session
    form: Mapping[str, str]
    now: datetime
    door: str  # the token that the forms of this page are bound to
    signed_in: SignedIn | None = None
    is_new: bool = False  # `door` was made for this answer
    signs_in: str | None = None  # the token of a session that begins with this answer
    signs_out: bool = False

    @property
    def account(self) -> Account:
        if self.signed_in is None:
            raise NotFound
        return self.signed_in.account

    @property
    def service_id(self) -> int:
        """The only service whose patients and staff this person sees."""
        return self.account.service_id

    @property
    def zone(self) -> str:
        """The service's own wall clock."""
        return rota.service(self.session, self.service_id).time_zone

    @property
    def physio(self) -> Physio:
        """Who acts on a case. Raises NotFound for an account that treats nobody."""
        physio = physios.get(self.session, self.account.physio_id)
        if physio is None or physio.left_at is not None:
            raise NotFound
        return physio

    @property
    def by(self) -> str:
        """As the audit names them."""
        return named(self.account)

    @property
    def may(self) -> frozenset[Needs]:
        return may(self.account.may_be()) if self.signed_in else frozenset({Needs.NOTHING})

    @property
    def csrf(self) -> str:
        return csrf_of(self.door)

    @property
    def about(self) -> str:
        """The alert that a notice is about: a reference or nothing, whatever the address says."""
        reference = self.asked("about")
        return reference if REFERENCE.fullmatch(reference) else ""

    @property
    def is_htmx(self) -> bool:
        return self.request.headers.get("hx-request") == "true"

    def asked(self, name: str, default: str = "") -> str:
        """A value of the address's query."""
        return self.request.query_params.get(name, default)

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self.parts.pages.render(template, self, values), status_code=status)

    def go(self, path: str) -> Response:
        """After a form: the browser's "back" and "reload" repeat nothing."""
        return RedirectResponse(path, status_code=303)


def csrf_of(token: str) -> str:
    """Only who knows the cookie can make it, and it doesn't give the cookie away."""
    return hashlib.sha256(f"form:{token}".encode()).hexdigest()


def new_door() -> str:
    return secrets.token_urlsafe(32)


def local_path(path: str) -> str | None:
    """A path of the console's own; None for anything that could lead elsewhere."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and "\\" not in path and len(path) < LONGEST_PATH else None
