"""Column types: instants that are always aware UTC, and text that is unreadable in the file."""

from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import DateTime, Dialect, Text, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant. SQLite drops the zone; a naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime can't be stored: pass an aware UTC instant")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Vault:
    """Holds the keys of the encrypted columns: the first one writes, all of them read."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None

    def open(self, keys: list[str]) -> None:
        """Fernet keys, newest first."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    @property
    def fernet(self) -> MultiFernet:
        if self._fernet is None:
            raise RuntimeError("the vault has no keys: data.database.Database opens it")
        return self._fernet


vault = Vault()


class Encrypted(TypeDecorator[str]):
    """Text that only this process can read: Fernet (AES-128-CBC + HMAC), rotating keys. No equality search."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else vault.fernet.encrypt(value.encode()).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        try:
            return vault.fernet.decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise RuntimeError("a stored text can't be read with the present encryption keys") from error
