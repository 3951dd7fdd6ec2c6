"""A thousand acknowledgements of one alert at once: one owner, everybody else is told who, and it is on record once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy.exc import OperationalError

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import StaleAction
from bot.services.audit_check import check
from bot.services.escalation import Escalation
from bot.services.outgoing import Outgoing
from data.database import Database
from data.physios import Physio
from tests.unit.ward import Ward

TAPS, PHYSIOS, AT_ONCE = 1000, 20, 40


def test_a_thousand_acknowledgements_at_once_give_one_owner(
    database: Database, clock: SimulatedClock, library: Library
):
    """Forty threads that begin together, each its own process's services, tap twenty-five times."""
    ward = Ward(database, clock, library)
    team = [ward.physio(f"Physio {number}") for number in range(PHYSIOS)]
    alert = ward.raises(ward.patient())
    start = Barrier(AT_ONCE)

    def taps(thread: int) -> list[str]:
        escalation = Escalation(database, clock, library, Outgoing(library))
        start.wait()
        return [tap(escalation, team[(thread + number) % PHYSIOS]) for number in range(TAPS // AT_ONCE)]

    def tap(escalation: Escalation, who: int) -> str:
        while True:
            try:
                with database.transaction() as session:
                    escalation.acknowledge(session, alert, session.get_one(Physio, who), clock.now())
                return f"owner {who}"
            except StaleAction as late:
                return late.response
            except OperationalError:  # the database is busy: a turn that failed is tried again
                continue

    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = Counter(word for words in pool.map(taps, range(AT_ONCE)) for word in words)

    owners = [word for word in said if word.startswith("owner")]
    assert owners == [f"owner {ward.alert(alert).acknowledged_by}"]
    assert said[owners[0]] == 1
    assert said["utter_too_late"] + said["utter_already_yours"] == TAPS - 1
    assert ward.history().count("alert_acknowledged") == 1
    with database.transaction() as session:
        assert check(session).well
