"""The terminal door: a demo patient and a demo physio on the real coach, Telegram replaced at its own seam.

One line a message. Lines that begin with ":" move time, tap buttons, act as the physio, or stop Rasa.
"""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from bot import logs
from bot.clock import SimulatedClock, SystemClock
from bot.content import Library
from bot.demo import seed
from bot.office import open_database
from bot.rasa.process import RasaProcess
from bot.server import Progress, Running, running
from bot.services.sign_in import SignIn
from bot.settings import Settings
from bot.telegram.api import CoachBot
from bot.telegram.terminal import Shown, TerminalTelegram
from data import agenda, inbox, invitations, outbox, patients, physios
from data.patients import Nation
from data.physios import Physio, PhysioRole

PATIENT, PHYSIO = 100_001, 900_001  # chat ids
DEMO_CODE = "ABCD-EFGH-JKMN"  # the one invitation of a scratch database
LEAST_STEP = timedelta(seconds=1)
SPAN = re.compile(r"(\d+)\s*([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HELP = """\
:tap LABEL            tap the newest button with that label
:wait 1d | 3h | 90m   let time pass; what is due happens
:at 2026-12-01T09:00  let time pass until then (the patient's clock)
:physio ack           acknowledge the newest alert
:physio close [CODE]  close it; the codes stand in dialogues/protocol/escalation.yml
:physio tap LABEL     tap the physio's newest button with that label
:physio reply WORDS   reply to the newest message about the patient; then :physio tap Send it
:physio TEXT          write as the physio, for instance :physio /alerts
:rasa down | :rasa up stop and start Rasa
:quit                 leave"""


class Mistake(Exception):
    """A control line that can't be carried out; the words say why."""


class Door:
    """One patient's chat and one physio's, on one running coach."""

    def __init__(
        self,
        coach: Running,
        telegram: TerminalTelegram,
        clock: SimulatedClock,
        show: Callable[[dict[str, Any]], None],
        pictures: Path,
    ) -> None:
        self._coach = coach
        self.app = self._app = coach.app
        self.coach = coach
        self.has_quit = False
        self._telegram = telegram
        self._clock = clock
        self._show = show
        self._pictures = pictures
        self._one_at_a_time = asyncio.Lock()
        telegram.on_shown = self._shown

    async def follow_real_time(self) -> None:
        """For a person at the keyboard: a second is a second, and what comes due is shown."""
        while True:
            await asyncio.sleep(1)
            async with self._one_at_a_time:
                self._clock.move(timedelta(seconds=1))
                await self.settle()

    async def line(self, line: str) -> bool:
        """Carries out one line; False at `:quit`. Raises Mistake."""
        async with self._one_at_a_time:
            return await self._carry_out(line)

    async def _carry_out(self, line: str) -> bool:
        if not line.strip():
            return True
        if not line.startswith(":"):
            self._take(self._telegram.says(PATIENT, line))
            await self.settle()
            return True
        name, _, rest = line[1:].strip().partition(" ")
        match name, rest.strip():
            case "quit", _:
                return False
            case "help", _:
                print(HELP, file=sys.stderr)
            case "tap", label if label:
                self._tap(PATIENT, label)
                await self.settle()
            case "wait", span:
                await self.pass_time(self._clock.now() + _span(span))
            case "at", instant:
                await self.pass_time(self._instant(instant))
            case "physio", "ack":
                self._tap_effect(effect="acknowledge_alert")
                await self.settle()
            case "physio", words if words.partition(" ")[0] == "close":
                self._tap_effect(effect="close_alert")
                await self.settle()
                self._tap_effect(effect="close_alert", outcome=words.partition(" ")[2].strip() or self._first_outcome())
                await self.settle()
            case "physio", words if words.partition(" ")[0] == "tap" and words.partition(" ")[2].strip():
                self._tap(PHYSIO, words.partition(" ")[2].strip())
                await self.settle()
            case "physio", words if words.partition(" ")[0] == "reply" and words.partition(" ")[2].strip():
                self._reply_as_physio(words.partition(" ")[2].strip())
                await self.settle()
            case "physio", words if words:
                self._take(self._telegram.says(PHYSIO, words))
                await self.settle()
            case "rasa", "down":
                await self._rasa().pause()
            case "rasa", "up":
                await self._rasa().resume()
                await self.pass_time(self._clock.now() + timedelta(seconds=self._number("conversation.ask_again") + 1))
            case _:
                raise Mistake(f"{line.strip()!r} is no control line. :help lists them.")
        return True

    async def settle(self) -> None:
        """Everything that is due now happens: turns, ticks, deliveries."""
        while True:
            await self._app.turns.drain()
            done = await self._app.tick.run()
            done += await self._app.delivery.drain(self._clock.move)
            if not done:
                return

    async def pass_time(self, until: datetime) -> None:
        """From one due thing to the next, so that a day takes a moment."""
        while True:
            await self.settle()
            with self._app.database.transaction() as session:
                due = agenda.next_due(session, after=self._clock.now())
            if due is None or due >= until:
                break
            self._clock.move_to(max(due, self._clock.now() + LEAST_STEP))
        self._clock.move_to(until)
        await self.settle()

    def _take(self, update: dict[str, Any]) -> None:
        self._coach.intake.take(update)

    def _tap(self, chat_id: int, label: str) -> None:
        """The newest message's button that says or begins with `label`; else the newest one anywhere that says it."""
        newest = next((shown for shown in reversed(self._telegram.in_chat(chat_id)) if shown.buttons), None)
        labels = newest.labels if newest else []
        beginning = [each for each in labels if each.casefold().startswith(label.casefold())]
        exact = [each for each in labels if each.casefold() == label.casefold()]
        try:
            self._take(self._telegram.taps(chat_id, (exact or beginning or [label])[0]))
        except LookupError as error:
            raise Mistake(f"{error}; the newest ones say: {', '.join(labels) or 'nothing'}") from error

    def _tap_effect(self, **wanted: str) -> None:
        """The physio's newest button that does this."""
        with self._app.database.transaction() as session:
            tap = next(
                (
                    self._telegram.tap(PHYSIO, shown.message_id, data)
                    for shown in reversed(self._telegram.in_chat(PHYSIO))
                    for row in shown.buttons
                    for _label, data in row
                    if (button := outbox.button(session, data)) and wanted.items() <= button.effect.items()
                ),
                None,
            )
        if tap is None:
            raise Mistake(f"the physio has no button for {' '.join(wanted.values())}")
        self._take(tap)

    def _reply_as_physio(self, words: str) -> None:
        """As Telegram does it, to the newest message that names the patient."""
        with self._app.database.transaction() as session:
            patient = patients.by_chat(session, PATIENT)
        about = patient.code if patient else ""
        shown = next((each for each in reversed(self._telegram.in_chat(PHYSIO)) if about and about in each.text), None)
        if shown is None:
            raise Mistake("the physio has no message about the patient yet; :physio /reply CODE WORDS needs none")
        self._take(self._telegram.says(PHYSIO, words, reply_to_message={"message_id": shown.message_id}))

    def _first_outcome(self) -> str:
        return str(next(iter(self._app.library.value("escalation.outcomes"))))

    def _number(self, path: str) -> float:
        return self._app.library.number(path)

    def _rasa(self) -> RasaProcess:
        if self._coach.process is None:
            raise Mistake("this Rasa was started by somebody else (COACH_RASA_URL): stop it there")
        return self._coach.process

    def _instant(self, words: str) -> datetime:
        """A date and time on the patient's clock."""
        try:
            local = datetime.fromisoformat(words)
        except ValueError as error:
            raise Mistake(f"{words!r} is no time: write :at 2026-12-01T09:00") from error
        with self._app.database.transaction() as session:
            patient = patients.by_chat(session, PATIENT)
        zone = ZoneInfo(patient.time_zone if patient else "Europe/London")
        instant = local if local.tzinfo else local.replace(tzinfo=zone)
        if instant <= self._clock.now():
            raise Mistake(f"{words} is not in the future: time only goes forward")
        return instant

    def _shown(self, shown: Shown) -> None:
        if shown.is_edited and not shown.buttons:  # it only takes a used keyboard away
            return
        if shown.chat_id not in (PATIENT, PHYSIO):  # one of the demo's people
            return
        message: dict[str, Any] = {
            "at": self._clock.now().isoformat(timespec="seconds"),
            "to": "physio" if shown.chat_id == PHYSIO else "patient",
            "text": shown.text,
            "buttons": shown.labels,
        }
        if shown.is_edited:
            message["edited"] = True
        if shown.picture is not None:
            message["picture"] = str(self._keep(shown.picture, shown.file_name or "picture.png"))
        self._show(message)

    def _keep(self, png: bytes, name: str) -> Path:
        """A picture as a file to look at, named by the moment; it outlives the chat."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        moment = f"{self._clock.now():%Y-%m-%dT%H%M}"
        names = (f"{moment}-{n}-{name}" if n else f"{moment}-{name}" for n in count())
        file = next(path for each in names if not (path := self._pictures / each).exists())
        file.write_bytes(png)
        return file


def _span(words: str) -> timedelta:
    match = SPAN.fullmatch(words.strip())
    if not match:
        raise Mistake(f"{words!r} is no span of time: write :wait 1d, :wait 3h or :wait 90m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


async def talk(settings: Settings, progress: Progress, *, new: bool, as_json: bool, database: str) -> int:
    """A chat on a scratch database; the exit code: 2 after a control line that could not be carried out from a pipe."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chat-", dir=settings.var) as scratch:
        own = settings.model_copy(update={"database_url": database or f"sqlite:///{scratch}/coach.db"})
        tracker = f"sqlite:///{scratch}/rasa.db"
        async with _open(own, progress, tracker_url=tracker, new=new, as_json=as_json) as door:
            return await _converse(door, progress)


async def stay(settings: Settings, progress: Progress) -> int:
    """`coach run` without a token: the same chat beside a demo service with its console, until Ctrl-C or `:quit`.

    Its people live in a database of their own, var/demo.db, unless DATABASE_URL names one: there nobody is made up.
    """
    progress("no TELEGRAM_BOT_TOKEN: this is a chat in the terminal, as a demo patient with a demo physio beside you")
    own, demo = settings, not settings.database_url
    if demo:
        own = settings.model_copy(update={"database_url": f"sqlite:///{settings.var / 'demo.db'}"})
        await _people_of_the_demo(own, progress)
    async with _open(own, progress, tracker_url=None, new=False, as_json=False, console=True, demo=demo) as door:
        progress(f"console: {door.coach.console}")
        with door.app.database.transaction() as session:
            for each in door.app.sign_in.demo(session) if demo else []:
                progress(f"  sign in as {each.name} ({each.sees}), password: {each.password}, code now: {each.code}")
        if demo:
            progress("  codes change every 30 seconds; the sign-in page of a demo shows the present ones")
        code = await _converse(door, progress, live=True)
        if door.has_quit or code:
            return code
        progress("standard input has ended; the console goes on. Ctrl-C stops")
        await door.follow_real_time()
        return 0


async def _people_of_the_demo(settings: Settings, progress: Progress) -> None:
    """Once: it takes some seconds."""
    library = Library.load(settings.dialogues)
    database = open_database(settings)
    clock = SystemClock()
    try:
        if await seed(database, library, SignIn(database, library, clock), clock.now()):
            progress("demo: a service with patients in different states was made")
    finally:
        database.close()


@asynccontextmanager
async def _open(
    settings: Settings,
    progress: Progress,
    *,
    tracker_url: str | None,
    new: bool,
    as_json: bool,
    console: bool = False,
    demo: bool = False,
) -> AsyncIterator[Door]:
    own = settings.model_copy(
        update={"telegram_bot_token": SecretStr("0:terminal"), "telegram_webhook_url": "", "port": 0}
    )
    logs.configure(settings.log_level, file=settings.var / "log" / "chat.log")
    clock = SimulatedClock(SystemClock().now())
    telegram = TerminalTelegram(now=clock.now)
    bot = CoachBot("0:terminal", request=telegram)
    served = running(
        own, progress, clock=clock, bot=bot, tracker_url=tracker_url, console=console, demo=demo
    )  # fmt: skip
    async with bot, served as coach:
        _furnish(coach, clock, new=new)
        telegram.number_from(_last_update(coach) + 1)
        yield Door(coach, telegram, clock, _printer(as_json=as_json), settings.var / "pictures")


async def _converse(door: Door, progress: Progress, *, live: bool = False) -> int:
    """`live`: time goes on by itself, also when the lines come from a pipe."""
    piped = not sys.stdin.isatty()
    progress("Write as the patient. :help lists the controls, :quit leaves.")
    flow = None if piped and not live else asyncio.create_task(door.follow_real_time())
    try:
        while line := await asyncio.to_thread(_next_line, piped):
            try:
                if not await door.line(line.rstrip("\n")):
                    door.has_quit = True
                    break
            except Mistake as mistake:
                progress(f"coach chat: {mistake}")
                if piped:
                    return 2
        return 0
    finally:
        if flow:
            flow.cancel()


def _last_update(coach: Running) -> int:
    """Where the numbers of an earlier chat on this database ended: a number is never used twice."""
    with coach.app.database.transaction() as session:
        return inbox.last_update_id(session)


def _next_line(piped: bool) -> str:
    if not piped:
        print("you> ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _printer(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    console = Console(highlight=False)

    def show(message: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
            return
        style = "cyan" if message["to"] == "patient" else "yellow"
        who = "coach" if message["to"] == "patient" else "to the physio"
        picture = f"\n[picture: {message['picture']}]" if "picture" in message else ""
        buttons = "\n" + "  ".join(f"[ {label} ]" for label in message["buttons"]) if message["buttons"] else ""
        console.print(
            Panel(
                Text(message["text"] + picture + buttons),
                title=f"{who} · {message['at'][:16]}{' · changed' if 'edited' in message else ''}",
                title_align="left",
                border_style=style,
            )
        )

    return show


def _furnish(coach: Running, clock: SimulatedClock, *, new: bool) -> None:
    """A physio on duty, an invitation with a known code, and, unless `new`, a patient who has joined with it."""
    app, now = coach.app, clock.now()
    with app.database.transaction() as session:
        if physios.by_chat(session, PHYSIO) is None:
            physio = Physio(name="Demo physio", role=PhysioRole.LEAD)
            session.add(physio)
            session.flush()
            physios.link(session, physio, PHYSIO)
            physios.start_duty(session, physio, now)
        if invitations.find(session, DEMO_CODE) is None:
            app.enrolment.invite(session, by="admin", now=now, code=DEMO_CODE)
        patient = patients.by_chat(session, PATIENT)
        if patient is None and not new:
            patient = app.enrolment.stranger(session, PATIENT, now)
            app.enrolment.redeem(session, patient, DEMO_CODE, now)
            app.enrolment.enrol(
                session,
                patient,
                nation=Nation.ENGLAND,
                time_zone="Europe/London",
                check_in_at=time(9),
                activity_screen="",
                now=now,
            )
            app.programme.joined(session, patient, now)
