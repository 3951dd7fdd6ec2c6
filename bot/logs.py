"""Structured logs: an event in the past tense plus ids, one JSON object a line. Never words, names, chats or tokens."""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

OURS = frozenset(vars(logging.makeLogRecord({})))  # what every record has: the rest came by `extra`
QUIET = ("httpx", "httpcore", "telegram", "apscheduler", "uvicorn", "asyncio", "rasa_sdk", "sanic")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in OURS and name != "message"},
        }
        if record.exc_info:  # the class and the place; an exception's own words may quote a patient
            error = record.exc_info[1]
            at = error.__traceback__ if error else None
            while at and at.tb_next:
                at = at.tb_next
            event["error"] = type(error).__name__
            event["place"] = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
        return json.dumps(event, default=str, ensure_ascii=False)


def configure(level: str, *, file: Path | None = None) -> None:
    """To standard error, or to `file` when a person is chatting in the terminal. Libraries speak from WARNING on."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
