"""What the console is handed: the services it acts through, and how its pages are drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.clock import Clock
from bot.console.rendering import Pages
from bot.content import Library
from bot.services.call_sheet import CallSheets
from bot.services.calls import Calls
from bot.services.case_desk import CaseDesk
from bot.services.case_file import CaseFiles
from bot.services.contacts import Contacts
from bot.services.fhir_case import FhirCase
from bot.services.overview import Overviews
from bot.services.people import People
from bot.services.referrals import Referrals
from bot.services.rota import Rotas
from bot.services.rota_desk import RotaDesk
from bot.services.sign_in import SignIn
from bot.services.support_calls import SupportCalls
from bot.services.takeovers import Takeovers
from bot.services.why import WhyMessages
from bot.services.worklist import Worklist
from data.database import Database


@dataclass(frozen=True)
class Parts:
    """`wake`: something is in the outbox. `bot_name`: on Telegram, "" until it is known.

    `public_url`: where people reach the console, "" on this machine alone.
    """

    database: Database
    library: Library
    clock: Clock
    sign_in: SignIn
    worklist: Worklist
    cases: CaseFiles
    case_desk: CaseDesk
    takeovers: Takeovers
    contacts: Contacts
    calls: Calls
    referrals: Referrals
    support_calls: SupportCalls
    sheets: CallSheets
    fhir: FhirCase
    why: WhyMessages
    overviews: Overviews
    people: People
    rota: RotaDesk
    rotas: Rotas
    pages: Pages
    wake: Callable[[], None]
    bot_name: Callable[[], str]
    public_url: str = ""
    demo: bool = False

    @property
    def outcomes(self) -> Mapping[str, str]:
        """How an alert may end: code and label."""
        found: Mapping[str, str] = self.library.value("escalation.outcomes")
        return found

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")
