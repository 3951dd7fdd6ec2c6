"""Invitations for patients, colleagues and their sign-ins. A code or a link is shown once, on the page that made it."""

from starlette.responses import Response

from bot.console.door import qr
from bot.console.pages import Needs, Page
from bot.console.visit import NotFound, Visit
from data.accounts import Account, ConsoleRole


def invitations(visit: Visit) -> Response:
    return visit.page("invitations.html", code="", link="", picture="", days=_days(visit))


def invite(visit: Visit) -> Response:
    """A leaflet to hand over: the code, the link, and the link as a picture for a phone."""
    code = visit.parts.people.invite(visit.session, visit.service_id, by=visit.by, now=visit.now)
    name = visit.parts.bot_name()
    link = f"https://t.me/{name}?start={code}" if name else ""
    return visit.page(
        "invitations.html", code=code, link=link, picture=qr(link) if link else "", days=_days(visit)
    )  # fmt: skip


def _days(visit: Visit) -> int:
    return int(visit.parts.library.number("enrolment.invitation_lives"))


def staff(visit: Visit, *, link: str = "", whose: str = "") -> Response:
    return visit.page(
        "staff.html", people=visit.parts.people.everybody(visit.session, visit.service_id), roles=list(ConsoleRole),
        link=link, whose=whose, hours=int(visit.parts.library.number("console.link_lives")), zone=visit.zone,
        notice=visit.asked("notice"), real_now=visit.parts.sign_in.clock.now(),
    )  # fmt: skip


def add(visit: Visit) -> Response:
    name = visit.form.get("name", "")
    roles = {each for each in ConsoleRole if visit.form.get(each.value) == "yes"}
    token = visit.parts.people.add(visit.session, visit.service_id, name, roles, by=visit.by, now=visit.now)
    return staff(visit, link=_set_up(visit, token), whose=name.strip())


def renew(visit: Visit) -> Response:
    account = _account(visit)
    return staff(
        visit, link=_set_up(visit, visit.parts.people.renew(visit.session, account, by=visit.by)), whose=account.name
    )


def end(visit: Visit) -> Response:
    account = _account(visit)
    if account.id == visit.account.id:
        raise NotFound  # nobody locks themselves out
    visit.parts.people.end(visit.session, account, by=visit.by, now=visit.now)
    return visit.go("/staff?notice=ended")


def sign_out(visit: Visit) -> Response:
    visit.parts.sign_in.sign_out_everywhere(visit.session, _account(visit), by=visit.by)
    return visit.go("/staff?notice=signed_out")


def _account(visit: Visit) -> Account:
    account = visit.parts.people.account(visit.session, visit.service_id, int(visit.path("number")))
    if account is None:
        raise NotFound
    return account


def _set_up(visit: Visit, token: str) -> str:
    where = visit.parts.public_url.rstrip("/") or f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    return f"{where}/set-up/{token}"


PAGES = (
    Page("GET", "/invitations", invitations, Needs.INVITE),
    Page("POST", "/invitations", invite, Needs.INVITE),
    Page("GET", "/staff", staff, Needs.STAFF),
    Page("POST", "/staff", add, Needs.STAFF),
    Page("POST", "/staff/{number:int}/link", renew, Needs.STAFF),
    Page("POST", "/staff/{number:int}/end", end, Needs.STAFF),
    Page("POST", "/staff/{number:int}/sign-out", sign_out, Needs.STAFF),
)
