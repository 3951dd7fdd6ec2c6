"""kill -9 before each commit and each send, one after the other: every danger reaches the physio all the same.

On SQLite a commit is an fdatasync, and what it makes lasting are pwrite64s; a send (to Telegram, to PostgreSQL) is a
sendto. Each round is a fresh clinic: its patients say that they are in danger, the coach is killed at the N-th call,
another one goes on ten seconds later. N counts up until a life ends by itself. What it can't show: power loss.
"""

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import NOW
from tests.e2e.telegram import telegram_over_http
from tests.proof import ledger
from tests.proof.conftest import PEOPLE, Clinics, Tell
from tests.proof.killing import STRACE, At, Lives, lives
from tests.proof.ledger import DANGER
from tests.proof.life import Birth

pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed: no system call to be killed at")
LATER = timedelta(seconds=10)  # longer than any lease that holds up another process


def calls(clinics: Clinics) -> tuple[str, ...]:
    return ("fdatasync", "pwrite64", "sendto") if clinics.is_sqlite else ("sendto",)


async def killed_once(life: Lives, clinics: Clinics, at: At, rng: random.Random) -> tuple[bool, Counter[str]]:
    """One round; False when that life ended before the call came."""
    with clinics.copy() as url:
        async with telegram_over_http(repeats=0.1, rng=rng) as (telegram, api):
            for chat in clinics.chats:
                await telegram.hears(chat, DANGER)
            birth = Birth(url, clinics.key, api, NOW.isoformat(), updates=PEOPLE)
            unhurt = await life.one(birth, killed=at)
            if not unhurt:
                assert await life.one(later(birth))
            with clinics.opened(url) as database:
                found = ledger.account(
                    database,
                    clinics.library,
                    lambda chat: [each.text for each in telegram.in_chat(chat)],
                    clinics.chats,
                )
            found["updates given twice"] = telegram.repeated
    return not unhurt, found


def later(birth: Birth) -> Birth:
    return Birth(
        birth.url, birth.key, birth.api, (datetime.fromisoformat(birth.now) + LATER).isoformat(), birth.updates
    )


async def test_a_kill_at_a_commit_or_a_send_loses_nobody(
    clinics: Clinics, tmp_path: Path, seed: int, tell: Tell
) -> None:
    """A dozen points, others every time; the seed is printed."""
    rng = random.Random(seed)
    points = [At(call, rng.randrange(1, 40)) for call in calls(clinics) for _ in range(12 // len(calls(clinics)))]
    total: Counter[str] = Counter()
    async with lives(tmp_path) as life:
        for at in points:
            killed, found = await killed_once(life, clinics, at, rng)
            assert not ledger.problems(found), f"seed {seed}, killed at {at}: {ledger.told(found)}"
            total += found + Counter(kills=killed)

    tell(f"kill points, in short: seed {seed}; {ledger.told(total)}")
    assert total["raised"] == PEOPLE * len(points)
    assert total["kills"] > 0


@pytest.mark.soak
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64", "sendto"])
async def test_a_kill_at_every_commit_and_every_send_loses_nobody(
    clinics: Clinics, tmp_path: Path, seed: int, tell: Tell, call: str
) -> None:
    if call not in calls(clinics):
        pytest.skip("PostgreSQL writes in a process of its own: what a client does is send")
    rng = random.Random(seed)
    total: Counter[str] = Counter()
    at_fault: list[str] = []
    engine = "SQLite" if clinics.is_sqlite else "PostgreSQL"
    async with lives(tmp_path) as life:
        for number in count(1):
            killed, found = await killed_once(life, clinics, At(call, number), rng)
            total += found + Counter(kills=killed)
            if problems := ledger.problems(found):
                at_fault.append(f"{call} {number}: {problems}")
            if not killed or number % 50 == 0:
                told = f"lost {total['lost']} of {total['raised']} alerts; {ledger.told(total)}"
                tell(f"kill points: {engine}, {call}, seed {seed}, {number} of them: {told}")
            if not killed:
                break
    assert at_fault == []
