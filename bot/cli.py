"""`coach` on the command line: one command a job, plain words, exit code 2 for a mistake of the caller."""

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import rota_commands
from bot.errors import CoachError

cli = typer.Typer(
    help="A conversational coach for physical-activity self-management of low back pain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
physio = typer.Typer(help="The physiotherapists who receive alerts.", no_args_is_help=True)
cli.add_typer(physio, name="physio")
audit = typer.Typer(help="The record of who did what.", no_args_is_help=True)
cli.add_typer(audit, name="audit")
cli.add_typer(rota_commands.rota, name="rota")
cli.add_typer(rota_commands.service, name="service")

Roles = Annotated[list[str] | None, typer.Option("--as", help="physio, manager or admin; may be given more than once.")]
InService = Annotated[str | None, typer.Option("--service", help="Which service, when there are several.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def progress(text: str) -> None:
    """Progress goes to standard error: standard output is for results."""
    print(text, file=sys.stderr, flush=True)


@cli.command()
def run() -> None:
    """Start the coach: on Telegram when TELEGRAM_BOT_TOKEN is set, else a chat in the terminal."""
    from bot.chat import stay
    from bot.server import serve
    from bot.settings import read_settings

    settings = read_settings()
    if settings.telegram_bot_token.get_secret_value():
        asyncio.run(serve(settings, progress))
    else:
        raise typer.Exit(asyncio.run(stay(settings, progress)))


@cli.command()
def chat(
    new: Annotated[bool, typer.Option("--new", help="Talk as a stranger, before the invitation.")] = False,
    as_json: Json = False,
    database: Annotated[str, typer.Option(help="Database address; default: a scratch file.")] = "",
) -> None:
    """Talk with the coach as a demo patient, with a demo physio beside you. `:help` lists the controls."""
    from bot.chat import talk
    from bot.settings import read_settings

    raise typer.Exit(asyncio.run(talk(read_settings(), new=new, as_json=as_json, database=database, progress=progress)))


@cli.command()
def screen(
    rules_only: Annotated[bool, typer.Option("--rules-only", help="Without the model (and without Rasa).")] = False,
) -> None:
    """Screen lines from standard input (JSON Lines {"text"} or plain): beliefs and risks, one JSON object a line."""
    from bot.screen import screen_lines
    from bot.settings import read_settings

    for result in screen_lines(read_settings(), sys.stdin, rules_only=rules_only, progress=progress):
        print(json.dumps(result, ensure_ascii=False), flush=True)


@cli.command()
def doctor() -> None:
    """Say in plain words what is missing or misconfigured."""
    from bot.doctor import examine
    from bot.settings import read_settings

    findings = asyncio.run(examine(read_settings()))
    for finding in findings:
        print(finding)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@cli.command()
def content() -> None:
    """Check everything under dialogues/ and list every problem with its file and line."""
    from bot.content_checks import check
    from bot.settings import read_settings

    problems = check(read_settings().dialogues)
    for problem in problems:
        print(problem)
    print(f"content: {len(problems)} problems" if problems else "content: everything is in order")
    raise typer.Exit(1 if problems else 0)


@cli.command()
def simulate(
    patients: Annotated[int, typer.Option(min=1, help="How many synthetic patients.")] = 8,
    weeks: Annotated[int, typer.Option(min=1, help="How long they live with the coach.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weeks.")] = 1,
    persona: Annotated[str, typer.Option(help="Only this one; bot/simulation/personas.yml lists them.")] = "",
    transcript: Annotated[bool, typer.Option("--transcript", help="Print every message; with --persona.")] = False,
    rasa: Annotated[bool, typer.Option("--rasa", help="With the real Rasa, which takes far longer.")] = False,
) -> None:
    """Let synthetic patients live with the coach for weeks, in seconds. Exit code 1 when something went wrong in a chat."""
    from bot.settings import read_settings
    from bot.simulation.command import run_simulation

    well = run_simulation(
        read_settings(), patients=patients, weeks=weeks, seed=seed, persona=persona, transcript=transcript, rasa=rasa,
        progress=progress,
    )  # fmt: skip
    raise typer.Exit(0 if well else 1)


@cli.command()
def migrate() -> None:
    """Bring the database up to date."""
    with _office() as office:
        print(f"the database is up to date: {office.database.url.rpartition('@')[2] or office.database.url}")


@cli.command()
def invite(service: InService = None) -> None:
    """Make a one-time invitation for a patient. The code is shown once."""
    with _office() as office:
        print(office.invite_patient(service))


@physio.command("add")
def physio_add(
    name: str,
    lead: Annotated[bool, typer.Option(help="The service lead: the last one an alert climbs to.")] = False,
    on_duty: Annotated[bool, typer.Option(help="On duty from now on.")] = True,
    chat_id: Annotated[int | None, typer.Option(help="Telegram chat, if known; else a linking code is made.")] = None,
    console: Annotated[
        bool, typer.Option("--console", help="With a sign-in to the web console: a one-time link.")
    ] = False,
    roles: Roles = None,
    service: InService = None,
) -> None:
    """Add a physiotherapist and show the code that links their Telegram chat. The first administrator comes so too."""
    with _office() as office:
        if console:
            print(
                office.add_colleague(
                    name, _roles(roles), lead=lead, on_duty=on_duty, chat_id=chat_id, service=service
                )
            )  # fmt: skip
        else:
            print(office.add_physio(name, lead=lead, on_duty=on_duty, chat_id=chat_id, service=service))


@physio.command("console")
def physio_console(number: int, roles: Roles = None) -> None:
    """Make a fresh one-time link to the console for a physiotherapist (the number of `coach physio list`)."""
    with _office() as office:
        print(office.console_link(number, _roles(roles)))


@physio.command("change")
def physio_change(
    who: Annotated[str, typer.Argument(help="Their number or name.")],
    email: Annotated[str | None, typer.Option(help="Alerts go there too; an empty word takes it away.")] = None,
    named_lead: Annotated[bool | None, typer.Option(help="Whom a rung named_lead of the policy means.")] = None,
    service: Annotated[str | None, typer.Option(help="The service they work in from now on.")] = None,
    left: Annotated[bool, typer.Option("--left", help="They no longer work here; their shifts end.")] = False,
) -> None:
    """Change what is known of a physiotherapist."""
    with _office() as office:
        print(office.change_physio(who, email=email, named_lead=named_lead, service=service, left=left))


@physio.command("list")
def physio_list() -> None:
    """Who there is, who is on duty, and who can be reached."""
    with _office() as office:
        for line in office.physios():
            print(line)


@cli.command()
def corrections(
    out: Annotated[Path | None, typer.Option(help="File to write, for you alone; default: standard output.")] = None,
) -> None:
    """What physios made of the beliefs that were heard, as YAML for writers: no code, no day, words only when passed on."""
    from bot.corrections import write

    with _office() as office:
        text = office.corrections()
    if out is None:
        print(text, end="")
    else:
        write(text, out)
        print(f"written: {out}")


@cli.command()
def fhir(
    code: Annotated[str, typer.Argument(help="The patient's code: P-7KQ4M.")],
    out: Annotated[Path | None, typer.Option(help="File to write, for you alone; default: standard output.")] = None,
) -> None:
    """One case as a FHIR R4 bundle: a pseudonym, numbers and codes, no name. That it was made is recorded."""
    from bot.corrections import write

    with _office() as office:
        text = office.case_as_fhir(code)
    if out is None:
        print(text)
    else:
        write(text, out)
        print(f"written: {out}")


@audit.command("verify")
def audit_verify() -> None:
    """Is the audit whole, and does it say what the alerts say? Names the first event that isn't as it was written."""
    with _office() as office:
        well, lines = office.verify_audit()
    for line in lines:
        print(line)
    raise typer.Exit(0 if well else 1)


@cli.command("rotate-key")
def rotate_key() -> None:
    """Make a new encryption key and write every encrypted text again with it."""
    with _office() as office:
        print(f"{office.rotate_key()} texts are now encrypted with the newest key")


def _roles(names: list[str] | None) -> Any:
    from bot.errors import ConfigurationError
    from data.accounts import ConsoleRole

    try:
        return {ConsoleRole(name) for name in names or [ConsoleRole.PHYSIO]}
    except ValueError as error:
        raise ConfigurationError(f"{error}: say physio, manager or admin.") from None


def _office() -> Any:
    from bot.office import Office
    from bot.settings import read_settings

    return Office(read_settings())


def main() -> None:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # one odd byte must not end a run of a thousand lines
    try:
        cli()
    except CoachError as error:
        print(f"coach: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
