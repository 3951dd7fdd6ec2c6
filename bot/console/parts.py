"""What the console is handed: the services it acts through, and how its pages are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.clock import Clock
from bot.console.rendering import Pages
from bot.content import Library
from bot.services.sign_in import SignIn
from data.database import Database


@dataclass(frozen=True)
class Parts:
    """`wake`: something is in the outbox. `public_url`: where people reach the console, "" on this machine alone."""

    database: Database
    library: Library
    clock: Clock
    sign_in: SignIn
    pages: Pages
    wake: Callable[[], None]
    public_url: str = ""
    demo: bool = False

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")
