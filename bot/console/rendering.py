"""Templates: everything that is filled in is escaped; nothing runs but our own file."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.coaching.alerts import age

if TYPE_CHECKING:
    from bot.console.visit import Visit

HERE = Path(__file__).parent
STATIC = HERE / "static"
HTMX = "htmx-2.0.10.min.js"


class Pages:
    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"asset": asset, "htmx": HTMX, "csrf": csrf_field}
        self._environment.filters |= {"span": span, "local": local, "day": day}

    def render(self, template: str, visit: "Visit", values: dict[str, Any]) -> str:
        return self._environment.get_template(template).render(visit=visit, now=visit.now, **values)


def asset(name: str) -> str:
    """Its address changes with its content, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def csrf_field(visit: "Visit") -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(visit.csrf)


def span(since: datetime, until: datetime) -> str:
    """How long, as "3 h 5 min", from one instant to the other."""
    _unit, figures = age(since, until)
    letters = {"days": "d", "hours": "h", "minutes": "min"}
    parts = [f"{figures[each]} {letters[each]}" for each in ("days", "hours", "minutes") if figures.get(each)]
    return " ".join(parts) if parts else "under 1 min"


def local(instant: datetime | None, zone: str, pattern: str = "%a %-d %b %H:%M") -> str:
    """An instant on that zone's wall clock."""
    return f"{instant.astimezone(ZoneInfo(zone)):{pattern}}" if instant else ""


def day(on: Any, pattern: str = "%a %-d %b") -> str:
    return f"{on:{pattern}}"
