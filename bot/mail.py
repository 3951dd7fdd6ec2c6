"""Alerts by e-mail: a code, a class, a reference and a link; never a name, never a patient's words.

The first line of a row is the subject. An e-mail that may have arrived already goes once more with the same
Message-ID, so that a mail program shows it once; all e-mails of an alert are one thread.
"""

import hashlib
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from bot.clock import Clock
from bot.errors import DeliveryError
from bot.services.delivery import ChatClosed, Sent
from bot.settings import Settings
from data.outbox import OutboxMessage

TIMEOUT_S = 20.0
AddressOf = Callable[[int], str | None]


class EmailSender:
    """`address_of` finds a physio's address by their number, at the last moment."""

    def __init__(self, settings: Settings, clock: Clock, address_of: AddressOf) -> None:
        self._settings = settings
        self._clock = clock
        self._address_of = address_of
        self._domain = settings.smtp_from.rpartition("@")[2].strip(" >") or "coach"

    async def send(self, row: OutboxMessage) -> Sent:
        """Raises DeliveryError; ChatClosed when the address is refused for good."""
        to = self._address_of(row.physio_id or 0)
        if not to:
            raise DeliveryError("no address", permanent=True)
        message = self._message(row, to)
        server = self._server()
        try:
            await self._open(server)
            await self._hand_over(server, message, to)
        finally:
            server.close()
        return Sent(None)

    async def answers(self) -> bool:
        """Is the mail server there, and does it know us? Raises DeliveryError when not."""
        server = self._server()
        try:
            await self._open(server)
            await server.quit()
        finally:
            server.close()
        return True

    async def _open(self, server: aiosmtplib.SMTP) -> None:
        """Nothing has left yet, whatever goes wrong here: it is tried again."""
        user, password = self._settings.smtp_user, self._settings.smtp_password.get_secret_value()
        try:
            await server.connect()
            if user:
                await server.login(user, password)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(_reason(error)) from None

    async def _hand_over(self, server: aiosmtplib.SMTP, message: EmailMessage, to: str) -> None:
        try:
            await server.mail(self._sender())
            await server.rcpt(to)
        except aiosmtplib.SMTPResponseException as error:
            if 500 <= error.code < 600:
                raise ChatClosed(f"{error.code} from the mail server") from None
            raise DeliveryError(f"{error.code} from the mail server") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(_reason(error)) from None
        try:
            await server.data(message.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            raise DeliveryError(f"{error.code} from the mail server", permanent=500 <= error.code < 600) from None
        except (aiosmtplib.SMTPException, OSError) as error:  # its "250" was lost: it may have been taken
            raise DeliveryError(_reason(error), uncertain=True) from None

    def _server(self) -> aiosmtplib.SMTP:
        security = self._settings.smtp_security
        return aiosmtplib.SMTP(
            hostname=self._settings.smtp_host,
            port=self._settings.smtp_port,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            timeout=TIMEOUT_S,
        )

    def _sender(self) -> str:
        return self._settings.smtp_from

    def _message(self, row: OutboxMessage, to: str) -> EmailMessage:
        subject, _, body = row.text.partition("\n")
        message = EmailMessage()
        message["Subject"] = " ".join(subject.split())
        message["From"] = self._sender()
        message["To"] = Address(addr_spec=to)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = self._name(row.key)
        thread = self._name(f"alert:{row.alert_id}")
        message["References"], message["In-Reply-To"] = thread, thread
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        return message

    def _name(self, what: str) -> str:
        """The same every time for the same thing, and nobody else's."""
        return f"<{hashlib.sha256(what.encode()).hexdigest()[:32]}@{self._domain}>"


def _reason(error: Exception) -> str:
    """Its class: a server's own words may repeat the address."""
    return type(error).__name__
