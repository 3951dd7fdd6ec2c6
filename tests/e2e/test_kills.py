"""kill -9 of the coach at random moments, while patients write: nothing is lost, nothing happens twice.

Telegram, Rasa and the database live on; `coach run` dies and is started again, as a supervisor would. Patients write on
meanwhile, and Telegram gives some updates twice. `make test` runs the short form, `make soak` the full one; both on the
real Rasa. The seed is printed: COACH_KILL_SEED=… runs the same plan again (not the same moments: the machine differs).
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time as wall_clock
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from bot.clock import SystemClock
from bot.content import Library
from bot.office import Office
from bot.services.checkins import CheckIns
from bot.services.enrolment import Enrolment
from bot.services.outgoing import Outgoing
from data import patients
from data.alerts import Alert
from data.checkins import CheckIn
from data.concerns import RiskFlag
from data.goals import ActivityGoal
from data.inbox import InboxState, InboxUpdate
from data.messages import Direction, Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Nation, PatientChat
from tests.e2e.coach import Coach, environment_of, office
from tests.e2e.telegram import LONGEST_WAIT_S, Person, Telegram, telegram_over_http
from tests.fake_telegram import PHYSIO
from tests.rasa_fixture import LiveRasa

pytestmark = pytest.mark.rasa
NOTICED = "a bit looser once I got going"
IS_SUNDAY = SystemClock().now().weekday() == 6  # then the last question is what was noticed, not how sure they are
CHECKS_IN = ["check in now", "6", "10", *([] if IS_SUNDAY else ["8"]), NOTICED]
SETS_A_GOAL = [
    "set a goal", "walking round the park", "about 10 minutes", "8 minutes", "skip", "mon and Thursday please",
    "after breakfast", "8", "9", "The weather", "I'll do it indoors", "Yes, save it",
]  # fmt: skip
IS_IN_DANGER = ["can't feel when I wipe since this morning", "hello?"]
EVERYTHING = [*CHECKS_IN, *SETS_A_GOAL, *IS_IN_DANGER]
FIRST_CHAT = 7_100_000_000


@dataclass(frozen=True)
class Plan:
    patients: int
    kills: int
    lives_s: tuple[
        float, float
    ]  # how long the coach lives before the next kill; every other life begins when it serves
    waits_s: tuple[float, float]  # how long a patient thinks before the next message
    repeats: float  # how likely an update is given twice


SHORT = Plan(patients=3, kills=8, lives_s=(0.2, 6.0), waits_s=(0.1, 1.0), repeats=0.1)
FULL = Plan(patients=12, kills=60, lives_s=(0.2, 10.0), waits_s=(1.0, 50.0), repeats=0.1)


@dataclass
class Account:
    """What happened, told at the end."""

    seed: int
    messages: int = 0
    kills: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counted = ", ".join(f"{name} {number}" for name, number in sorted(self.counts.items()))
        return (
            f"kills: seed {self.seed}: {self.kills} kills, {self.messages} messages in {self.seconds:.0f} s; "
            f"{counted}; problems {len(self.problems)}"
        )


Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Says it on the screen, whatever pytest captures: the figures are half of the proof."""

    def say(words: str) -> None:
        with capsys.disabled():
            print(f"\n{words}", flush=True)  # noqa: T201

    return say


async def test_nothing_is_lost_and_nothing_happens_twice_in_short(
    tmp_path: Path, encryption_key: str, library: Library, live_rasa: LiveRasa, tell: Tell
) -> None:
    await survives(SHORT, tmp_path, f"sqlite:///{tmp_path / 'coach.db'}", encryption_key, library, live_rasa, tell)


async def test_an_answer_that_was_on_its_way_when_the_coach_died_arrives(
    tmp_path: Path, encryption_key: str, library: Library, live_rasa: LiveRasa
) -> None:
    """Between the lease of an outgoing message and Telegram: random kills rarely hit it."""
    url = f"sqlite:///{tmp_path / 'coach.db'}"
    with office(tmp_path, database=url, key=encryption_key) as desk:
        enrolled(desk, FIRST_CHAT)
    async with telegram_over_http() as (telegram, address):
        environment = environment_of(tmp_path, database=url, key=encryption_key, telegram=address, rasa=live_rasa)
        coach, person = Coach(tmp_path, environment), Person(telegram, library, FIRST_CHAT)
        with live_rasa.lends_its_endpoint():
            await coach.start()
            try:
                telegram.swallows = 1
                await person.says("set a goal")
                await asyncio.wait_for(telegram.swallowed.wait(), LONGEST_WAIT_S)
                await coach.killed()
                await coach.start()

                await person.sees("utter_sent_again", "utter_goal_opening", "utter_ask_goal_activity")
            finally:
                await coach.stopped()


@pytest.mark.soak
async def test_nothing_is_lost_and_nothing_happens_twice(
    tmp_path: Path, empty_url: str, encryption_key: str, library: Library, live_rasa: LiveRasa, tell: Tell
) -> None:
    await survives(FULL, tmp_path, empty_url, encryption_key, library, live_rasa, tell)


async def survives(plan: Plan, folder: Path, url: str, key: str, library: Library, rasa: LiveRasa, tell: Tell) -> None:
    seed = int(os.environ.get("COACH_KILL_SEED") or random.SystemRandom().randrange(10**6))
    rng = random.Random(seed)
    account = Account(seed)
    tell(f"kills: seed {seed}")
    began = time.monotonic()
    with office(folder, database=url, key=key) as desk:
        desk.add_physio("Priya", lead=False, on_duty=True, chat_id=PHYSIO)
        chats = [enrolled(desk, FIRST_CHAT + number) for number in range(plan.patients)]
    async with telegram_over_http(repeats=plan.repeats, rng=rng) as (telegram, address):
        coach = Coach(folder, environment_of(folder, database=url, key=key, telegram=address, rasa=rasa))
        sent: dict[int, list[int]] = {chat: [] for chat in chats}
        with rasa.lends_its_endpoint():
            await coach.start()
            try:
                async with asyncio.TaskGroup() as everybody:
                    writing = [
                        everybody.create_task(
                            writes(Person(telegram, library, chat), plan, random.Random(chat ^ seed), sent[chat])
                        )
                        for chat in chats
                    ]
                    everybody.create_task(dies_and_lives(coach, plan, rng))
                assert all(each.done() for each in writing)
                await coach.serves()
                await settled(folder, url, key, sent, telegram)
            finally:
                await coach.stopped()
        account.counts["kills at work"] = coach.kills_at_work
        account.kills, account.messages = coach.kills, sum(map(len, sent.values()))
        account.seconds = time.monotonic() - began
        audit(account, folder, url, key, telegram, sent)
    tell(str(account))
    assert account.problems == []
    assert account.kills == plan.kills


def enrolled(desk: Office, chat_id: int) -> int:
    """A patient whose own check-in is not due today."""
    now = SystemClock().now()
    check_ins = CheckIns(desk.database, SystemClock(), desk.library, Outgoing(desk.library))
    enrolment = Enrolment(desk.database, desk.library, check_ins)
    with desk.database.transaction() as session:
        code = enrolment.invite(session, by="admin", now=now)
        patient = enrolment.stranger(session, chat_id, now)
        enrolment.redeem(session, patient, code, now)
        enrolment.enrol(
            session,
            patient,
            nation=Nation.ENGLAND,
            time_zone="UTC",
            check_in_at=wall_clock((now - timedelta(hours=2)).hour),
            activity_screen="",
            now=now,
        )
        patient.next_safety_screen_at = now + timedelta(days=365)
    return chat_id


async def writes(person: Person, plan: Plan, rng: random.Random, sent: list[int]) -> None:
    """Sends everything, whether it is answered or not; only the danger waits, so that the goal is saved before it."""
    for text in [*CHECKS_IN, *SETS_A_GOAL]:
        sent.append(await person.says(text))
        await asyncio.sleep(rng.uniform(*plan.waits_s))
    await person.sees("utter_goal_saved")
    for text in IS_IN_DANGER:
        sent.append(await person.says(text))
        await asyncio.sleep(rng.uniform(*plan.waits_s))


async def dies_and_lives(coach: Coach, plan: Plan, rng: random.Random) -> None:
    for number in range(plan.kills):
        if number % 2:
            await coach.serves()
        await asyncio.sleep(rng.uniform(*plan.lives_s))
        await coach.killed()
        await coach.start()


async def settled(folder: Path, url: str, key: str, sent: dict[int, list[int]], telegram: Telegram) -> None:
    """Every update is closed, and nothing waits to be sent."""
    wanted = {update for updates in sent.values() for update in updates}
    with office(folder, database=url, key=key) as desk:
        deadline = time.monotonic() + 120
        while True:
            with desk.database.transaction() as session:
                states = dict(session.exec(select(InboxUpdate.update_id, InboxUpdate.state)).all())
                on_the_way = (OutboxState.QUEUED, OutboxState.SENDING)
                leaving = session.exec(select(OutboxMessage.id).where(col(OutboxMessage.state).in_(on_the_way))).all()
            is_open = [update for update in wanted if states.get(update) not in (InboxState.DONE, InboxState.DEAD)]
            if not is_open and not leaving:
                return
            assert time.monotonic() < deadline, f"still open: {is_open}, still to be sent: {leaving}"
            await asyncio.sleep(0.25)


def audit(account: Account, folder: Path, url: str, key: str, telegram: Telegram, sent: dict[int, list[int]]) -> None:
    """Reads the rows and what Telegram was given, and writes down every difference from what must be."""
    with office(folder, database=url, key=key) as desk, desk.database.transaction() as session:
        mark = desk.library.say("utter_sent_again").text  # goes before what may have arrived already
        for chat, updates in sent.items():
            patient = patients.by_chat(session, chat)
            assert patient is not None
            mine = [message for message in session.exec(select(Message)) if message.patient_id == patient.id]
            rows = session.exec(select(OutboxMessage).where(col(OutboxMessage.chat_id) == chat)).all()
            shown = [each.text for each in telegram.in_chat(chat)]
            unanswered = [each for each in updates if not any(row.key.startswith(f"u{each}:") for row in rows)]
            _expect(account, unanswered == [], f"{chat}: updates {unanswered} were never answered")
            overtaken = [row for row in rows if row.state == OutboxState.DROPPED and row.check_in_id]
            account.counts["check-in questions overtaken by their answer"] += len(overtaken)
            wanted = [row for row in rows if row not in overtaken and row.text]
            for text, times in Counter(row.text for row in wanted).items():
                arrived = sum(each == text or (each.startswith(mark) and each.endswith(text)) for each in shown)
                states = sorted(f"{row.key}: {row.state}" for row in wanted if row.text == text)
                _expect(account, arrived >= times, f"{chat}: {times - arrived} of {states} never arrived")
                account.counts["outgoing duplicates"] += max(0, arrived - times)
            asked = [each for each in mine if each.direction == Direction.FROM_PATIENT]
            _expect(account, len(asked) == len(updates), f"{chat}: {len(asked)} messages of {len(updates)} are logged")
            _effects(account, chat, session, patient.id)
        account.counts["updates given twice"] = telegram.repeated
        account.counts["uncertain"] = len(
            session.exec(select(OutboxMessage.id).where(col(OutboxMessage.state) == OutboxState.UNCERTAIN)).all()
        )
        account.counts["given up"] = len(
            session.exec(select(InboxUpdate.update_id).where(col(InboxUpdate.state) == InboxState.DEAD)).all()
        )
        _expect(account, account.counts["given up"] == 0, "an update was given up")
        theirs = select(Alert).join(PatientChat, col(PatientChat.patient_id) == col(Alert.patient_id))
        _alerts(account, session.exec(theirs.where(col(PatientChat.chat_id).in_(sent))).all(), len(sent), telegram)


def _effects(account: Account, chat: int, session: object, patient_id: int) -> None:
    def rows(table: type) -> list:
        return list(session.exec(select(table).where(col(table.patient_id) == patient_id)).all())  # type: ignore[attr-defined]

    goals = [(goal.minutes, goal.days, goal.confidence) for goal in rows(ActivityGoal)]
    _expect(account, goals == [(8, "Monday, Thursday", 9)], f"{chat}: goals {goals}")
    check_ins = [
        (each.pain, each.minutes, each.confidence, each.noticed) for each in rows(CheckIn) if each.pain is not None
    ]
    last = (None, NOTICED) if IS_SUNDAY else (8, None)
    _expect(account, check_ins == [(6, 10, *last)], f"{chat}: check-ins {check_ins}")
    flags = [flag.risk for flag in rows(RiskFlag) if flag.action == "advise"]
    _expect(account, flags == ["RF01"], f"{chat}: risk flags {flags}")


def _alerts(account: Account, alerts: object, expected: int, telegram: Telegram) -> None:
    raised = [(alert.cause, alert.times_raised) for alert in alerts]  # type: ignore[attr-defined]
    _expect(account, raised == [("RF01", 1)] * expected, f"alerts {raised}")
    cards = [each.text for each in telegram.in_chat(PHYSIO)]
    for alert in alerts:  # type: ignore[attr-defined]
        about = [card for card in cards if alert.reference in card]
        _expect(account, about != [], f"the physio never saw {alert.reference}")
        account.counts["cards"] += len(about)


def _expect(account: Account, holds: bool, problem: str) -> None:
    if not holds:
        account.problems.append(problem)
