"""Column types: aware UTC instants, enums by their value, and text and bytes that are unreadable in the file."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import DateTime, Dialect, Integer, String, Text, TypeDecorator


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


class Coded(TypeDecorator[Any]):
    """An enum by its value: text sorts as its code, an IntEnum as its number, on both engines.

    SQLAlchemy's own Enum stores names: SQLite would send CARD before SAFETY, and PostgreSQL needs a type
    that a migration can hardly change.
    """

    impl = String
    cache_ok = True

    def __init__(self, values: type[Enum]) -> None:
        super().__init__()
        self.values = values

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Integer() if issubclass(self.values, int) else String())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.values(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.values(value)


def coded(values: type[Enum]) -> Any:
    """For `Field(sa_type=coded(AlertState))`."""
    return Coded(values)


HALVES = "surrogatepass"  # JSON can carry half an emoji: what a patient sent is never refused for it


class Vault:
    """The keys of each open database: the first one writes, all of them read."""

    def __init__(self) -> None:
        self._sources: WeakKeyDictionary[Dialect, Sequence[str]] = WeakKeyDictionary()
        self._keys: WeakKeyDictionary[Dialect, list[Fernet]] = WeakKeyDictionary()

    def open(self, dialect: Dialect, keys: Sequence[str]) -> None:
        """`dialect` stands for one engine; Fernet keys, newest first. ValueError when one is malformed.

        `keys` is read again when a text can't be read: another process may have added a key to the file.
        """
        self._keys[dialect] = [Fernet(key) for key in keys]
        self._sources[dialect] = keys

    def encrypt(self, dialect: Dialect, text: str) -> str:
        return self._keys[dialect][0].encrypt(text.encode("utf-8", HALVES)).decode()

    def decrypt(self, dialect: Dialect, token: str) -> str:
        try:
            return self._read(dialect, token)
        except InvalidToken:
            self.open(dialect, self._sources[dialect])
        try:
            return self._read(dialect, token)
        except InvalidToken as error:
            raise RuntimeError("a stored text can't be read with the present encryption keys") from error

    def renew(self, dialect: Dialect, token: str) -> str:
        """The same text encrypted with the newest key; the token itself when it is already."""
        try:
            self._keys[dialect][0].decrypt(token)
        except InvalidToken:
            return self.encrypt(dialect, self.decrypt(dialect, token))
        return token

    def _read(self, dialect: Dialect, token: str) -> str:
        return MultiFernet(self._keys[dialect]).decrypt(token).decode("utf-8", HALVES)


vault = Vault()


class Encrypted(TypeDecorator[Any]):
    """Text that only this process can read: Fernet (AES-128-CBC + HMAC), rotating keys. No equality search."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else vault.encrypt(dialect, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else vault.decrypt(dialect, value)


class EncryptedJson(Encrypted):
    """Lists and dicts that may hold somebody's words. Assign a new value: a change in place is not seen."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return super().process_bind_param(None if value is None else json.dumps(value), dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        text = super().process_result_value(value, dialect)
        return None if text is None else json.loads(text)


class EncryptedBytes(Encrypted):
    """A file, encrypted like the texts: one way of writing and of changing keys for both."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return super().process_bind_param(None if value is None else base64.b64encode(value).decode(), dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        text = super().process_result_value(value, dialect)
        return None if text is None else base64.b64decode(text)
