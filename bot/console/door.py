"""Coming in and going out: sign-in, the first time, one's own sessions."""

from urllib.parse import quote

import segno
from markupsafe import Markup
from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit, local_path
from bot.services.sign_in import SetUpRefused, SignInRefused

HOMES = ((Needs.CASES, "/worklist"), (Needs.FIGURES, "/overview"), (Needs.STAFF, "/staff"))


def home(visit: Visit) -> Response:
    """Each role's first page."""
    return visit.go(next((path for needs, path in HOMES if needs in visit.may), "/me"))


def sign_in_form(visit: Visit) -> Response:
    if visit.signed_in:
        return visit.go("/")
    demo = visit.parts.sign_in.demo(visit.session) if visit.parts.demo else []
    to = local_path(visit.asked("to")) or ""
    return visit.page("sign_in.html", refused=bool(visit.asked("refused")), to=to, demo=demo)


def sign_in(visit: Visit) -> Response:
    form = visit.form
    try:
        visit.signs_in = visit.parts.sign_in.sign_in(
            form.get("name", ""), form.get("password", ""), form.get("code", ""), demo=visit.parts.demo
        ).token
    except SignInRefused:
        return visit.go(f"/sign-in?refused=1&to={quote(local_path(form.get('to', '')) or '')}")
    return visit.go(local_path(form.get("to", "")) or "/")


def set_up_form(visit: Visit, *, refused: str = "") -> Response:
    account = visit.parts.sign_in.waiting(visit.session, visit.path("token"))
    if account is None:
        raise NotFound
    return visit.page(
        "set_up.html", status=400 if refused else 200, account=account, refused=refused, secret=account.code_secret,
        picture=qr(visit.parts.sign_in.authenticator(account)),
        at_least=int(visit.parts.library.number("console.password_at_least")),
    )  # fmt: skip


def set_up(visit: Visit) -> Response:
    form = visit.form
    try:
        visit.signs_in = visit.parts.sign_in.set_up(
            visit.path("token"), form.get("password", ""), form.get("code", "")
        ).token
    except SetUpRefused as refused:
        return visit.go(f"{visit.request.url.path}?refused={quote(refused.reason)}")
    return visit.go("/")


def set_up_again(visit: Visit) -> Response:
    refused = visit.asked("refused")
    return set_up_form(visit, refused=refused if refused in ("short", "known", "code") else "")


def sign_out(visit: Visit) -> Response:
    if visit.signed_in:
        visit.parts.sign_in.sign_out(visit.session, visit.signed_in)
    visit.signs_out = True
    return visit.go("/sign-in")


def me(visit: Visit) -> Response:
    """One's own sign-in: what it may, where it is open."""
    return visit.page("me.html", sessions=visit.parts.sign_in.elsewhere(visit.session, visit.account))


def sign_out_everywhere(visit: Visit) -> Response:
    visit.parts.sign_in.sign_out_everywhere(visit.session, visit.account, by=visit.by)
    visit.signs_out = True
    return visit.go("/sign-in")


def qr(text: str) -> Markup:
    """A QR code as SVG that stands in the page: no style of its own, so that the policy lets it be drawn."""
    code = segno.make(text, error="m", micro=False)
    return Markup(
        code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    )


PAGES = (
    Page("GET", "/", home, Needs.SIGN_IN),
    Page("GET", "/sign-in", sign_in_form, Needs.NOTHING),
    Page("POST", "/sign-in", sign_in, Needs.NOTHING, alone=True),
    Page("GET", "/set-up/{token}", set_up_again, Needs.NOTHING),
    Page("POST", "/set-up/{token}", set_up, Needs.NOTHING, alone=True),
    Page("POST", "/sign-out", sign_out, Needs.SIGN_IN),
    Page("GET", "/me", me, Needs.SIGN_IN),
    Page("POST", "/sign-out-everywhere", sign_out_everywhere, Needs.SIGN_IN),
)
