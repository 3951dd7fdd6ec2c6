"""Deployment facts, read once at the start. Clinical numbers are protocol, words are content.

Every field can be set by COACH_<NAME>, by a line in .env, or by a file whose path is in
COACH_<NAME>_FILE (as container secrets are). `.env.example` lists the same fields.
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="COACH_", env_file=".env", extra="ignore", populate_by_name=True)

    # Where things are
    var: Path = ROOT / "var"  # databases, models, keys, reports: git-ignored
    dialogues: Path = ROOT / "dialogues"  # what the coach says
    measure_texts: str = ""  # folder with the words of questionnaires that need a licence; empty: they are not asked
    database_url: str = Field(default="", alias="DATABASE_URL")  # empty: SQLite in var/coach.db
    encryption_keys: SecretStr = SecretStr("")  # comma-separated Fernet keys, newest first; empty: var/encryption.keys

    # Telegram
    telegram_bot_token: SecretStr = Field(default=SecretStr(""), alias="TELEGRAM_BOT_TOKEN")  # empty: terminal
    telegram_api: str = "https://api.telegram.org"  # base address of the Bot API
    telegram_webhook_url: str = ""  # public https address of /telegram; empty: long polling
    telegram_webhook_secret: SecretStr = SecretStr("")  # compared with X-Telegram-Bot-Api-Secret-Token

    alert_bot_token: SecretStr = SecretStr("")  # a second bot, for staff alone: bulk can't delay alerts; empty: one bot

    # Alerts by e-mail
    smtp_host: str = ""  # empty: none is sent
    smtp_port: int = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"  # none: on this machine alone
    smtp_user: str = ""  # empty: no login
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""  # the sender's address

    # The app's own HTTP server: Rasa's actions, the webhook, health
    host: str = "127.0.0.1"
    port: int = 8400  # 0: any free port

    # The physiotherapists' console
    console_host: str = "127.0.0.1"
    console_port: int = 8410  # 0: any free port
    console_url: str = ""  # public https address, behind a TLS proxy; empty: this machine alone

    # Rasa
    rasa_url: str = ""  # empty: the app starts and stops its own Rasa
    rasa_port: int = 0  # of the Rasa that the app starts; 0: any free port
    rasa_token: SecretStr = SecretStr("")  # bearer token app → Rasa; empty: a fresh one for the Rasa we start
    action_token: SecretStr = SecretStr("")  # bearer token Rasa → app; empty: a fresh one
    rasa_timeout_s: float = 8.0  # longest wait for one turn, in seconds

    # Is it alive?
    heartbeat_url: SecretStr = SecretStr("")  # an address outside, asked every minute while all is well; empty: none

    # Running
    tick_s: float = 1.0  # seconds between ticks
    log_level: str = "INFO"

    @property
    def texts_of_measures(self) -> Path | None:
        return Path(self.measure_texts) if self.measure_texts else None

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.var / 'coach.db'}"

    @property
    def console_address(self) -> str:
        """Where people find the console."""
        return self.console_url.rstrip("/") or f"http://{self.console_host}:{self.console_port}"


def read_settings() -> Settings:
    """The settings of this process; a COACH_<NAME>_FILE variable names a file that holds the value."""
    for name, path in list(os.environ.items()):
        if not name.endswith("_FILE") or not name.startswith(("COACH_", "TELEGRAM_", "DATABASE_")):
            continue
        try:
            os.environ.setdefault(name.removesuffix("_FILE"), Path(path).read_text().strip())
        except OSError as error:
            raise ConfigurationError(f"{name} names {path}, which can't be read: {error.strerror}") from error
    return Settings()
