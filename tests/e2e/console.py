"""A real Chromium before a console that is served over HTTP: one server and one browser for all of its tests."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from bot.services.sign_in import DEMO_PASSWORD
from tests.console import Desk

WIDTHS = {"narrow": 320, "wide": 1280}
THEMES = ("light", "dark")
HEIGHT = 900
NO_CHROMIUM = "no chromium on this machine (Debian: apt install chromium)"


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The console over HTTP, in a thread of its own; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody at a browser. Whatever a page tries to run, or complains about, is kept."""

    def __init__(self, browser: Chromium, address: str, desk: Desk, *, javascript: bool = True) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1280, "height": HEIGHT}, java_script_enabled=javascript, base_url=address
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self._desk = desk

    def signs_in(self, name: str) -> None:
        self.page.goto("/sign-in")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password", exact=True).fill(DEMO_PASSWORD)
        self.page.get_by_label("Code").fill(self._desk.code(name))
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/*")

    def looks(self, *, width: str, theme: str) -> None:
        self.page.set_viewport_size({"width": WIDTHS[width], "height": HEIGHT})
        self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]

    def leaves(self) -> None:
        self.context.close()


def picture(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
