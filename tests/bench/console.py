"""How fast the worklist comes with 10,000 patients and 500 open alerts: `python -m tests.bench.console`."""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from cryptography.fernet import Fernet

from bot.clock import SimulatedClock
from bot.coaching import policy
from bot.content import Library
from bot.settings import ROOT
from data.accounts import ConsoleRole
from data.alerts import Alert, AlertState
from data.database import Database
from data.patients import Patient, PatientState
from data.physios import Physio
from data.tables import metadata
from tests.conftest import NOW
from tests.console import Desk

PATIENTS, OPEN, CLOSED, LOADS = 10_000, 500, 5_000, 60
PATHS = (
    "/worklist",
    "/worklist/rows",
    "/worklist?level=P2&owner=nobody",
    "/patients",
    "/patients/P-00042",
    "/overview",
)
MOST_MS = 150.0


def fill(database: Database, library: Library) -> int:
    """A service as large as it may get; the number of its one physio."""
    kept = policy.snapshot(library.protocol["escalation"])
    with database.transaction() as session:
        physio = Physio(name="Priya")
        session.add(physio)
        session.flush()
        for number in range(PATIENTS):
            joined = NOW - timedelta(days=number % 300)
            session.add(
                Patient(
                    code=f"P-{number:05}",
                    sender=f"s{number}",
                    state=PatientState.ACTIVE,
                    created_at=joined,
                    enrolled_at=joined,
                )
            )
        session.flush()
        for number in range(OPEN + CLOSED):
            closed, level = number >= OPEN, f"P{min(3, number % 7)}"
            at = NOW - timedelta(minutes=number)
            session.add(
                Alert(
                    reference=f"A-{number:04}", patient_id=1 + number % PATIENTS, cause=f"RF{1 + number % 19:02}",
                    severity="U111", level=level, told="utter_m111", policy=kept, rung=1, raised_at=at, last_raised_at=at,
                    state=AlertState.CLOSED if closed else AlertState.OPEN,
                    next_step_at=None if closed else NOW + timedelta(minutes=number),
                    closed_at=at if closed else None, closed_by=physio.id if closed else None,
                    outcome="safe_to_go_on" if closed else None,
                )
            )  # fmt: skip
        return physio.id


def main() -> int:
    library = Library.load(ROOT / "dialogues")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'big.db'}", encryption_keys=[Fernet.generate_key().decode()])
        metadata.create_all(database.engine)
        physio = fill(database, library)
        desk = Desk(database, library, SimulatedClock(NOW))
        roles = (ConsoleRole.PHYSIO, ConsoleRole.MANAGER)
        browser = desk.browser(desk.colleague("priya", *roles, physio=physio))
        slow = 0
        for path in PATHS:
            p50, p95 = figures([timed(browser, path) for _ in range(LOADS)])
            sys.stdout.write(f"{path:40} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms\n")
            slow += path.startswith("/worklist") and p95 > MOST_MS
        database.close()
    return 1 if slow else 0


def timed(browser: object, path: str) -> float:
    begun = perf_counter()
    answer = browser.opens(path)  # type: ignore[attr-defined]
    spent = (perf_counter() - begun) * 1000
    assert answer.status_code == 200, (path, answer.status_code)
    return spent


def figures(spent: list[float]) -> tuple[float, float]:
    spent = sorted(spent[5:])  # the first ones load templates
    return spent[len(spent) // 2], spent[int(len(spent) * 0.95)]


if __name__ == "__main__":
    sys.exit(main())
