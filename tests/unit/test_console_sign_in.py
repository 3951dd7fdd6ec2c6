"""Who comes into the console, and who doesn't."""

from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select

from bot.clock import SimulatedClock
from bot.content import Library
from data import accounts
from data.accounts import Account, ConsoleRole
from data.audit import AuditEvent
from data.database import Database
from tests.console import PASSWORD, Browser, Desk

ADMIN = ConsoleRole.ADMIN


@pytest.fixture
def desk(sqlite_database: Database, library: Library, clock: SimulatedClock) -> Desk:
    return Desk(sqlite_database, library, clock)


def link(desk: Desk, name: str = "anna") -> tuple[str, str]:
    """A one-time link and the secret behind its QR code."""
    with desk.database.transaction() as session:
        account, token = desk.sign_in.open_account(session, name, {ADMIN}, by="admin", now=desk.real.now())
        return f"/set-up/{token}", account.code_secret


def tries(desk: Desk, browser: Browser, name: str = "anna", password: str = PASSWORD, code: str = "") -> bool:
    """Whether that signs them in."""
    done = browser.sends("/sign-in", "/sign-in", name=name, password=password, code=code or desk.code(name))
    return done.headers.get("location") == "/"


def recorded(desk: Desk) -> list[str]:
    with desk.database.transaction() as session:
        return list(session.exec(select(AuditEvent.what)))


def test_a_link_sets_up_the_sign_in_once(desk: Desk) -> None:
    path, secret = link(desk)
    browser = desk.browser()
    page = browser.opens(path)
    assert page.status_code == 200
    assert secret in page.text
    assert "<svg" in page.text
    assert "style=" not in page.text

    done = browser.sends(path, path, password=PASSWORD, code=pyotp.TOTP(secret).at(desk.real.now()))

    assert done.headers["location"] == "/"
    assert browser.opens("/me").status_code == 200
    assert desk.browser().opens(path).status_code == 404


@pytest.mark.parametrize(
    ("password", "reason"),
    [("short", "short"), ("aaaaaaaaaaaaaa", "known"), ("qwertyuiopasdf", "known"), ("anna anna anna", "known")],
)
def test_a_password_that_is_easily_guessed_is_refused(desk: Desk, password: str, reason: str) -> None:
    path, secret = link(desk)
    browser = desk.browser()

    done = browser.sends(path, path, password=password, code=pyotp.TOTP(secret).at(desk.real.now()))

    assert done.headers["location"] == f"{path}?refused={reason}"
    assert browser.opens(path).status_code == 200  # the link still works


def test_a_link_does_not_live_for_ever(desk: Desk) -> None:
    path, _ = link(desk)
    desk.real.move(timedelta(hours=49))

    assert desk.browser().opens(path).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"password": "not that one at all"}, "anna"),
        ({"code": "000000"}, "anna"),
        ({"name": "nobody", "code": "123456"}, ""),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(desk: Desk, wrong: dict[str, str], told: str) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser()
    form = {"name": "anna", "password": PASSWORD, "code": desk.code("anna")} | wrong

    done = browser.sends("/sign-in", "/sign-in", **form)

    assert (done.status_code, done.headers["location"]) == (303, "/sign-in?refused=1&to=")
    assert "That did not work" in browser.opens("/sign-in?refused=1").text
    assert ("sign_in_failed" in recorded(desk)) is bool(told)


def test_a_code_counts_once(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    code = desk.code("anna")

    assert tries(desk, desk.browser(), code=code)
    assert not tries(desk, desk.browser(), code=code)


def test_five_wrong_tries_lock_the_sign_in_for_a_while(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser()
    for _ in range(5):
        assert not tries(desk, browser, password="wrong wrong wrong")

    assert not tries(desk, browser)
    desk.real.move(timedelta(minutes=16))
    assert tries(desk, browser)
    assert "account_locked" in recorded(desk)


def test_guessing_at_many_names_from_one_place_is_stopped(desk: Desk) -> None:
    browser = desk.browser()
    statuses = [
        browser.sends("/sign-in", "/sign-in", name=f"n{n}", password="p", code="1").status_code for n in range(32)
    ]

    assert statuses[:30] == [303] * 30
    assert statuses[30:] == [429, 429]


def test_a_session_that_is_left_alone_ends(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser("anna")
    desk.real.move(timedelta(minutes=14))
    assert browser.opens("/me").status_code == 200

    desk.real.move(timedelta(minutes=16))

    assert browser.opens("/me").headers["location"] == "/sign-in?to=/me"


def test_a_session_that_is_busy_ends_after_half_a_day(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser("anna")
    statuses = []
    for _ in range(12 * 6 + 1):
        desk.real.move(timedelta(minutes=10))
        statuses.append(browser.opens("/me").status_code)

    assert statuses.index(303) == 12 * 6 - 1


def test_signing_out_ends_the_session_and_not_only_the_cookie(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser("anna")
    cookie = browser.client.cookies["coach"]

    browser.sends("/sign-out")

    browser.client.cookies["coach"] = cookie
    assert browser.opens("/me").status_code == 303


def test_signing_out_everywhere_ends_the_other_browsers_too(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    here, there = desk.browser("anna"), desk.browser("anna")

    here.sends("/sign-out-everywhere")

    assert (here.opens("/me").status_code, there.opens("/me").status_code) == (303, 303)


def test_only_hashes_of_tokens_and_passwords_are_kept(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    token = desk.browser("anna").client.cookies["coach"]

    stored = desk.database.file
    assert stored is not None
    desk.database.overwrite_deleted()
    content = stored.read_bytes()
    with desk.database.transaction() as session:
        secret = session.exec(select(Account)).one().code_secret
        assert accounts.open_session(
            session, token, desk.real.now(), idle=timedelta(minutes=1), absolute=timedelta(hours=1)
        )
    assert [each for each in (token, PASSWORD, secret) if each.encode() in content] == []


def test_a_form_without_its_token_or_from_elsewhere_is_refused(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser("anna")

    assert browser.posts("/sign-out", data={"csrf": ""}).status_code == 403
    assert browser.sends("/sign-out", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.sends("/sign-out", headers={"origin": "https://evil.test"}).status_code == 403
    assert browser.posts("/sign-out", json={"csrf": "x"}).status_code == 400
    assert browser.opens("/me").status_code == 200


def test_a_form_of_one_browser_is_worth_nothing_in_another(desk: Desk) -> None:
    desk.colleague("anna", ADMIN)
    mine, theirs = desk.browser("anna"), desk.browser("anna")
    token = mine.opens("/me").text.split('name="csrf" value="')[1][:64]

    assert theirs.posts("/sign-out", data={"csrf": token}).status_code == 403


def test_every_answer_tells_the_browser_to_run_nothing_but_our_own_file(desk: Desk) -> None:
    browser = desk.browser()
    for path in ("/sign-in", "/nowhere", "/static/console.css"):
        headers = browser.opens(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert browser.opens("/sign-in").headers["cache-control"] == "no-store"
    assert "immutable" in browser.opens("/static/console.css").headers["cache-control"]


def test_behind_tls_the_cookie_goes_to_this_host_alone(
    sqlite_database: Database, library: Library, clock: SimulatedClock
) -> None:
    desk = Desk(sqlite_database, library, clock, public_url="https://console.example")
    answer = desk.browser().opens("/sign-in")

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-coach-door=")
    assert all(part in cookie for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"))
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("to", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\nx"])
def test_a_sign_in_leads_nowhere_else(desk: Desk, to: str) -> None:
    desk.colleague("anna", ADMIN)
    browser = desk.browser()

    done = browser.sends("/sign-in", "/sign-in", name="anna", password=PASSWORD, code=desk.code("anna"), to=to)

    assert done.headers["location"] == "/"


def test_the_demos_sign_ins_count_only_in_a_demo(
    sqlite_database: Database, library: Library, clock: SimulatedClock
) -> None:
    demo, real = Desk(sqlite_database, library, clock, demo=True), Desk(sqlite_database, library, clock)
    with sqlite_database.transaction() as session:
        account, _ = demo.sign_in.open_account(session, "demo", {ADMIN}, by="admin", now=clock.now(), demo=True)
        demo.sign_in.set_up_demo(session, account)
        shown = demo.sign_in.demo(session)[0]

    assert shown.password in demo.browser().opens("/sign-in").text
    assert shown.password not in real.browser().opens("/sign-in").text
    assert not tries(real, real.browser(), "demo", shown.password, shown.code)
    assert tries(demo, demo.browser(), "demo", shown.password, shown.code)
