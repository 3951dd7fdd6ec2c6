"""A world of synthetic patients and one physio on a running coach: the clock jumps to whatever happens next."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from bot.app import App
from bot.clock import SimulatedClock
from bot.simulation.person import Move, Person, Seen
from bot.simulation.personas import Cast
from bot.simulation.phones import Notebook, Phones
from bot.simulation.problems import Watch
from bot.telegram.intake import Intake
from bot.telegram.terminal import Shown
from data import agenda, invitations, physios
from data.physios import Physio, PhysioRole

ZONE = "Europe/London"
PHYSIO = 900_001  # chat id
BEGINS = date(2026, 3, 2)  # a Monday; four weeks later the clocks change
THINKING = timedelta(seconds=20)  # between two messages of a talk
GRID = timedelta(minutes=15)  # people look at their phones on the quarter hour, so that a step is shared by many
A_MINUTE = timedelta(minutes=1)
MOST_ROUNDS = 200  # of one step: longer talks go in a circle

Told = Callable[[datetime, str, str, list[str]], None]  # when, who ("coach", a name), words, buttons
Lived = Callable[[int], None]  # how many days are over


class World:
    """`told` gets every message, for a transcript."""

    def __init__(
        self, app: App, phones: Phones, clock: SimulatedClock, notebook: Notebook, watch: Watch, cast: Cast,
        people: list[Person], *, told: Told | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._phones = phones
        self._clock = clock
        self._notebook = notebook
        self._watch = watch
        self._cast = cast
        self._told = told
        self._intake = Intake(app.bot, app.inbox)
        self._people = {person.chat_id: person for person in people}
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._moves: dict[int, deque[Move]] = {}  # by chat: what they do next, one a round
        self._spoke_at: dict[int, datetime] = {}
        self._newest: dict[int, Seen] = {}  # the question that lies on top
        self._tapped: set[tuple[Any, ...]] = set()  # what the physio has done or is going to do
        self._ticked_at = clock.now() - A_MINUTE
        phones.on_shown = self._shown

    def furnish(self) -> None:
        """A physio on duty, and everybody with an invitation; they join on the first morning."""
        now = self._clock.now()
        with self._app.database.transaction() as session:
            physio = Physio(name="Physio", role=PhysioRole.LEAD)
            session.add(physio)
            session.flush()
            physios.link(session, physio, PHYSIO)
            physios.start_duty(session, physio, now)
            for number, person in enumerate(self._people.values()):
                code = _code(number)
                self._app.enrolment.invite(session, by="simulation", now=now, code=code)
                patient = self._app.enrolment.stranger(session, person.chat_id, now)
                patient.code, patient.sender = person.name, f"sim-{person.name}"
                session.flush()
                self._watch.joins(person.chat_id, person.name, zone=ZONE, check_in_at=person.persona.check_in_at)
                self._at(now + GRID * (number % 3), partial(self._says, person, f"/start {code}"))
                for day in range(1, person.days + 1):
                    for line, words in person.lines(day):
                        self._at(_local(day, line.hour), partial(self._says, person, words))

    async def live(self, until: datetime, lived: Lived) -> None:
        while self._clock.now() < until:
            lived(self._day(self._clock.now()) - 1)
            while self._later and self._later[0][0] <= self._clock.now():
                heappop(self._later)[2]()
            due = await self._settle()
            coming = [until, *([self._later[0][0]] if self._later else []), *([_whole(due)] if due else [])]
            self._clock.move_to(max(min(coming), self._clock.now() + timedelta(seconds=1)))

    # One step

    async def _settle(self) -> datetime | None:
        """Everything that is due now happens, and every talk goes on until it rests. Returns what is due next."""
        for _ in range(MOST_ROUNDS):
            acted = self._act()
            if acted:
                await self._intake.close()
                await self._app.turns.drain()
            done = await self._app.delivery.drain(self._clock.move)
            if self._moves:
                self._clock.move(THINKING)
                continue
            due = self._next_due()
            if due and due <= self._clock.now():
                self._ticked_at = self._clock.now()
                done += await self._app.tick.run() + await self._app.delivery.drain(self._clock.move)
                await self._app.turns.drain()
            elif not done:
                break
        self._watch.look_round(self._clock.now())
        return self._next_due()

    def _next_due(self) -> datetime | None:
        with self._app.database.transaction() as session:
            return agenda.next_due(session, after=self._ticked_at)

    def _act(self) -> bool:
        """One move of everybody who has one."""
        for chat_id in list(self._moves):
            self._does(self._people[chat_id], self._moves[chat_id].popleft())
            if not self._moves[chat_id]:
                del self._moves[chat_id]
        acted, self._has_acted = self._has_acted, False
        return acted

    _has_acted = False

    # What people do

    def _says(self, person: Person, words: str) -> None:
        self._moves.setdefault(person.chat_id, deque()).append(Move(words))

    def _does(self, person: Person, move: Move) -> None:
        now = self._clock.now()
        self._watch.patient_did(person.chat_id, move.words, now, ticks=move.ticks)
        self._newest.pop(person.chat_id, None)
        self._spoke_at[person.chat_id] = now
        if self._told:
            self._told(now, person.name, f"[ {move.words} ]" if move.tap else move.words, [])
        self._take(
            self._phones.tap(person.chat_id, *move.tap) if move.tap else self._phones.says(person.chat_id, move.words)
        )

    def _take(self, update: dict[str, Any]) -> None:
        self._has_acted = True
        self._intake.take(update)

    def _shown(self, shown: Shown) -> None:
        if shown.chat_id == PHYSIO:
            self._physio_sees(shown)
            return
        person = self._people[shown.chat_id]
        if shown.is_edited:
            return
        now = self._clock.now()
        seen, day = self._notebook.seen(shown), self._day(now)
        self._watch.shown(person.chat_id, seen, now, week=(day - 1) // 7 + 1)
        if self._told:
            self._told(now, "coach", seen.text, [button.label for button in seen.buttons])
        in_talk = now - self._spoke_at.get(person.chat_id, self._ticked_at - GRID) < GRID
        wait = None if person.tired(day) else person.wait(seen, day, in_talk=in_talk)
        if wait is None:
            return
        self._newest[person.chat_id] = seen
        if wait <= 1:
            self._moves[person.chat_id] = deque(person.answer(seen, day))
        else:
            self._at(_on_grid(now + wait * A_MINUTE), lambda: self._answers(person, seen))

    def _answers(self, person: Person, seen: Seen) -> None:
        if self._newest.get(person.chat_id) is seen and person.chat_id not in self._moves:
            self._moves[person.chat_id] = deque(person.answer(seen, self._day(self._clock.now())))

    def _physio_sees(self, shown: Shown) -> None:
        for _label, data in (button for row in shown.buttons for button in row):
            effect = self._notebook.effect(data)
            done = tuple(sorted(effect.items()))
            wait = self._physio_waits(effect)
            if wait is None or done in self._tapped:
                continue
            self._tapped.add(done)
            self._at(_on_grid(self._clock.now() + wait), partial(self._physio_taps, shown.message_id, data))

    def _physio_taps(self, message_id: int, data: str) -> None:
        self._take(self._phones.tap(PHYSIO, message_id, data))

    def _physio_waits(self, effect: dict[str, Any]) -> timedelta | None:
        physio = self._cast.physio
        if effect.get("effect") == "acknowledge_alert":
            return physio.acknowledges_after * A_MINUTE
        if effect.get("effect") != "close_alert":
            return None
        if "outcome" not in effect:
            return physio.closes_after * A_MINUTE
        return A_MINUTE if effect["outcome"] == physio.outcome else None

    def _at(self, instant: datetime, act: Callable[[], None]) -> None:
        heappush(self._later, (instant, next(self._numbers), act))

    def _day(self, now: datetime) -> int:
        return (now.astimezone(ZoneInfo(ZONE)).date() - BEGINS).days + 1


def _local(day: int, hour: int, minute: int = 0) -> datetime:
    on = BEGINS + timedelta(days=day - 1)
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def begins() -> datetime:
    return _local(1, 8, 30)


def _code(number: int) -> str:
    """A different invitation for everybody, in the letters of invitations."""
    letters = invitations.ALPHABET
    last = "".join(letters[number // len(letters) ** place % len(letters)] for place in range(4))
    return "-".join((letters[:4], letters[4:8], last))


def _whole(instant: datetime) -> datetime:
    """The minute in which it is due is over: the ticks of that minute are one."""
    whole = instant.replace(second=0, microsecond=0)
    return whole if whole == instant else whole + A_MINUTE


def _on_grid(instant: datetime) -> datetime:
    since = instant - datetime(2026, 1, 1, tzinfo=UTC)
    return datetime(2026, 1, 1, tzinfo=UTC) + GRID * -(-since // GRID)
