"""`coach rota` and `coach service`: who works when, closed days, and the services themselves."""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from bot.errors import RotaRefused

if TYPE_CHECKING:
    from bot.office import Office
    from bot.services.rota_desk import RotaDesk

rota = typer.Typer(help="Who is on duty when: the weekly pattern, cover, swaps, closed days.", no_args_is_help=True)
service = typer.Typer(help="The services: physios see the patients of their own alone.", no_args_is_help=True)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BY = "admin"
Who = Annotated[str, typer.Argument(help="A physio's number or name.")]
Days = Annotated[str, typer.Argument(help="Weekdays: mon-fri, or mon,wed,fri.")]
In = Annotated[str | None, typer.Option("--service", help="Which service, when there are several.")]


@rota.command()
def show(
    first: Annotated[str, typer.Argument(help="First day, 2026-12-01; default: today.")] = "",
    days: int = 7,
    service: In = None,
) -> None:
    """Who works when, with gaps, cover and closed days."""
    with _office() as office, office.database.transaction() as session:
        here, now = office.service(session, service), office.now()
        start = _day(first) if first else now.astimezone(ZoneInfo(here.time_zone)).date()
        _say(f"{here.name}: {here.nation}, {here.time_zone}; open {_hours(here.hours)}")
        for day in _desk().days(session, here, start, days, now):
            _say(f"{day.on:%a %d %b}  {f'closed: {day.closed}' if day.closed else '' if day.spans else 'nobody'}")
            for span in day.spans:
                who = f"{span.name or 'NOBODY'}{f' for {span.instead_of}' if span.instead_of else ''}"
                _say(f"    {span.starts:%H:%M}-{span.ends:%H:%M}  {who}")
        from data import rota as rows

        for cover in rows.covers(session, here.id, after=now):
            zone = ZoneInfo(here.time_zone)
            between = f"{cover.starts_at.astimezone(zone):%d %b %H:%M} to {cover.ends_at.astimezone(zone):%d %b %H:%M}"
            _say(f"cover {cover.id}: {between}, physio {cover.physio_id}, by {cover.by_id or 'nobody'}")
        for closure in rows.closures(session, here.id):
            kind = "open" if closure.is_open else "closed"
            _say(f"closure {closure.id}: {closure.first_on} to {closure.last_on}, {kind}: {closure.name}")


@rota.command()
def add(
    who: Who,
    days: Days,
    span: Annotated[str, typer.Argument(help="09:00-17:00; 20:00-08:00 ends on the next day.")],
    first: Annotated[str, typer.Option("--from", help="First day; default: today.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day; default: until further notice.")] = "",
) -> None:
    """Add a weekly shift."""
    with _office() as office, office.database.transaction() as session:
        physio = office.physio(session, who)
        weekdays = [WEEKDAYS.index(day) for day in _weekdays(days)]
        made = _desk().add_shifts(
            session, physio, weekdays, span, first_on=_day(first) if first else office.now().date(),
            last_on=_day(last) if last else None, by=BY, now=office.now(),
        )  # fmt: skip
        _say(f"{physio.name}: {len(made)} shifts a week added")


@rota.command()
def end(who: Who, last: Annotated[str, typer.Option(help="Last day that still counts; default: today.")] = "") -> None:
    """End somebody's weekly pattern."""
    with _office() as office, office.database.transaction() as session:
        physio = office.physio(session, who)
        last_on = _day(last) if last else office.now().date()
        ended = _desk().end_shifts(session, physio, last_on=last_on, by=BY, now=office.now())
        _say(f"{physio.name}: {ended} shifts end with {last_on}")


@rota.command()
def cover(
    who: Who,
    first: Annotated[str, typer.Argument(help="From: 2026-12-01, or 2026-12-01T12:00.")],
    last: Annotated[str, typer.Argument(help="To: a day (inclusive) or a moment.")],
    by: Annotated[str, typer.Option(help="Who works instead; without: nobody does.")] = "",
) -> None:
    """Somebody is away, and another works instead."""
    with _office() as office, office.database.transaction() as session:
        physio = office.physio(session, who)
        zone = office.service(session, str(physio.service_id)).time_zone
        edges = _moment(first, zone, is_end=False), _moment(last, zone, is_end=True)
        instead = office.physio(session, by) if by else None
        made = _desk().cover(session, physio, instead, edges, by=BY, now=office.now())
        _say(f"cover {made.id}: {instead.name if instead else 'nobody'} for {physio.name}")


@rota.command()
def swap(who: Who, day: str, other: Who, other_day: str) -> None:
    """Two people swap a day of theirs."""
    with _office() as office, office.database.transaction() as session:
        one, two = office.physio(session, who), office.physio(session, other)
        made = _desk().swap(session, one, _day(day), two, _day(other_day), by=BY, now=office.now())
        _say(f"swapped: covers {', '.join(str(each.id) for each in made)}")


@rota.command()
def holiday(
    first: str,
    last: Annotated[str, typer.Argument(help="Inclusive; default: the same day.")] = "",
    name: Annotated[str, typer.Option(help="Why, as staff read it.")] = "closed",
    is_open: Annotated[bool, typer.Option("--open", help="Worked, although it is a bank holiday.")] = False,
    service: In = None,
) -> None:
    """Close the service for some days (bank holidays are known), or work on a bank holiday."""
    with _office() as office, office.database.transaction() as session:
        here = office.service(session, service)
        made = _desk().close(
            session, here, _day(first), _day(last or first), name, is_open=is_open, by=BY, now=office.now()
        )  # fmt: skip
        _say(f"closure {made.id}: {here.name} is {'open' if is_open else 'closed'}")


@rota.command()
def undo(
    what: Annotated[str, typer.Argument(help="cover or closure.")],
    number: Annotated[int, typer.Argument(help="As `coach rota show` lists it.")],
) -> None:
    """Take back a cover or a closure."""
    with _office() as office, office.database.transaction() as session:
        if what not in ("cover", "closure"):
            raise RotaRefused("Write cover or closure, and its number.")
        act = _desk().cancel if what == "cover" else _desk().undo_closure
        act(session, number, by=BY, now=office.now())
        _say(f"{what} {number} is taken back")


@rota.command()
def hours(
    days: Days,
    spans: Annotated[list[str], typer.Argument(help="09:00-12:30 13:00-17:00, or closed.")],
    zone: Annotated[str | None, typer.Option(help="Time zone, Europe/London.")] = None,
    nation: Annotated[
        str | None, typer.Option(help="Whose bank holidays: england, scotland, wales, northern_ireland")
    ] = None,
    service: In = None,
) -> None:
    """Set opening hours: working time of the escalation policy is counted in them."""
    with _office() as office, office.database.transaction() as session:
        here = office.service(session, service)
        open_spans = [] if spans == ["closed"] else spans
        _desk().set_hours(
            session, here, weekdays=_weekdays(days), spans=open_spans, zone=zone, nation=nation, by=BY, now=office.now()
        )  # fmt: skip
        _say(f"{here.name}: open {_hours(here.hours)}, {here.time_zone}, holidays of {here.nation}")


@service.command("add")
def service_add(name: str, nation: str = "england", zone: str = "Europe/London") -> None:
    """Add a service, open Monday to Friday from 9 to 5 until `coach rota hours` says otherwise."""
    from data.rota import Service

    with _office() as office, office.database.transaction() as session:
        made = Service(name=name)
        session.add(made)
        session.flush()
        _desk().set_hours(session, made, zone=zone, nation=nation, by=BY, now=office.now())
        _say(f"{name} is added (number {made.id})")


@service.command("list")
def service_list() -> None:
    """The services there are."""
    from data import rota as rows

    with _office() as office, office.database.transaction() as session:
        for each in rows.services(session):
            _say(f"{each.id}  {each.name}  {each.nation}  {each.time_zone}  {_hours(each.hours)}")


@service.command("signs")
def service_signs(
    shown_as: Annotated[str, typer.Argument(help="role (your physiotherapist) or first_name (Priya, your ...).")],
    service: In = None,
) -> None:
    """Choose how patients see who of the service writes to them."""
    with _office() as office, office.database.transaction() as session:
        here = office.service(session, service)
        _desk().set_shown_as(session, here, shown_as, by=BY, now=office.now())
        _say(f"{here.name}: patients see the {here.shown_as.value.replace('_', ' ')}")


def _weekdays(written: str) -> list[str]:
    """ "mon-fri" or "mon,wed"."""
    found: list[str] = []
    for part in written.lower().split(","):
        first, _, last = part.strip().partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise RotaRefused(f"{written!r} names no weekdays; write them like mon-fri, or mon,wed.")
        begin, finish = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found += WEEKDAYS[begin : finish + 1] if begin <= finish else (*WEEKDAYS[begin:], *WEEKDAYS[: finish + 1])
    return list(dict.fromkeys(found))


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise RotaRefused(f"{written!r} is no day; write it like 2026-12-01.") from error


def _moment(written: str, zone: str, *, is_end: bool) -> datetime:
    """A moment on the service's clock; a day alone means all of it."""
    if "T" in written:
        try:
            return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone))
        except ValueError as error:
            raise RotaRefused(f"{written!r} is no moment; write it like 2026-12-01T12:00.") from error
    day = _day(written) + (timedelta(days=1) if is_end else timedelta(0))
    return datetime.combine(day, time.min, ZoneInfo(zone))


def _hours(weekly: dict[str, list[str]]) -> str:
    return "; ".join(f"{day} {' '.join(weekly[day])}" for day in WEEKDAYS if weekly.get(day)) or "never"


def _desk() -> "RotaDesk":
    from bot.services.rota import Rotas
    from bot.services.rota_desk import RotaDesk

    return RotaDesk(Rotas())


def _office() -> "Office":
    from bot.office import Office
    from bot.settings import read_settings

    return Office(read_settings())


def _say(line: str) -> None:
    print(line)
