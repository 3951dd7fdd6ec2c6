"""The Telegram edge: the only code that imports `telegram`."""

import logging
import os

# python-telegram-bot 22 warns on every RetryAfter until told that we take durations as timedelta.
os.environ.setdefault("PTB_TIMEDELTA", "true")

# At DEBUG and INFO these write whole updates and addresses with the token in them. They stay quiet whatever we log.
for library in ("telegram", "httpx", "httpcore"):
    logging.getLogger(library).setLevel(logging.WARNING)
