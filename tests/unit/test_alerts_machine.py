"""Hypothesis raises, acknowledges, closes, blocks, changes duty and lets time pass, in any order it likes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import StaleAction
from bot.services.escalation import Escalation
from data import alerts, physios
from data.alerts import Alert, AlertState
from data.audit import AuditEvent
from data.database import Database
from data.physios import Physio
from tests.unit.ward import Ward

CAUSES = ("RF01", "RF13", "RF17", "AR11")
AFTERWARDS = {
    "alert_raised": AlertState.OPEN,
    "alert_raised_again": AlertState.OPEN,
    "alert_acknowledged": AlertState.ACKNOWLEDGED,
    "alert_reopened": AlertState.OPEN,
    "alert_closed": AlertState.CLOSED,
}


class Incidents(RuleBasedStateMachine):
    """What must hold whatever happens: somebody is told, one owns it, nothing is forgotten, closed is closed."""

    def __init__(self, ward: Ward) -> None:
        super().__init__()
        self.ward = ward
        run = ward.clock.now().strftime("%d%H%M%S")
        self.team = [ward.physio("Anna"), ward.physio("Ben", on_duty=False), ward.lead()]
        self.patients = [ward.patient(f"P-A{run}"), ward.patient(f"P-B{run}")]
        self.ids: list[int] = []  # every alert of this run, in the order it was first raised
        self.closed: dict[int, dict[str, Any]] = {}

    @rule(patient=st.integers(0, 1), cause=st.sampled_from(CAUSES), level=st.sampled_from(["P0", "P1"]))
    def raise_it(self, patient: int, cause: str, level: str) -> None:
        before = self._sent()

        alert = self.ward.raises(self.patients[patient], cause, level=level)

        if alert not in self.ids:
            self.ids.append(alert)
        after = self.ward.alert(alert)
        assert alert not in self.closed
        assert after.state == AlertState.OPEN
        assert (self._sent() > before) == bool(self._reachable())
        assert (after.unreachable_since is None) == bool(self._reachable())

    @precondition(lambda self: self.ids)
    @rule(who=st.integers(0, 2), which=st.integers(0, 30), old_card=st.booleans())
    def acknowledge(self, who: int, which: int, old_card: bool) -> None:
        alert = self.ward.alert(self.ids[which % len(self.ids)])
        seen = alert.times_raised - old_card
        free = alert.state == AlertState.OPEN and not old_card

        done = self._tries(lambda: self.ward.acknowledges(self.team[who], alert.id, seen=seen))

        after = self.ward.alert(alert.id)
        assert done == free
        assert after.acknowledged_by == (self.team[who] if free else alert.acknowledged_by)

    @precondition(lambda self: self.ids)
    @rule(who=st.integers(0, 2), which=st.integers(0, 30), outcome=st.sampled_from(["referred", "being_seen"]))
    def close(self, who: int, which: int, outcome: str) -> None:
        alert = self.ward.alert(self.ids[which % len(self.ids)])

        done = self._tries(lambda: self.ward.closes(self.team[who], alert.id, outcome))

        assert done == (alert.state != AlertState.CLOSED)
        self.closed.setdefault(alert.id, self.ward.alert(alert.id).model_dump())

    @rule(minutes=st.sampled_from([1, 5, 14, 121, 24 * 60, 3 * 24 * 60]), workers=st.integers(1, 2))
    def time_passes(self, minutes: int, workers: int) -> None:
        self.ward.clock.move(timedelta(minutes=minutes))
        taken = [
            Escalation(self.ward.database, self.ward.clock, self.ward.library, self.ward.outgoing).escalate_overdue()
            for _ in range(workers)
        ]
        self.ward.deliver()

        assert taken[1:] == [0] * (workers - 1)
        for alert in self._unclosed():
            assert alert.next_step_at is not None
            assert alert.next_step_at > self.ward.clock.now()
            assert alert.unreachable_since is None or not self._reachable()

    @rule(who=st.integers(0, 2), on=st.booleans())
    def change_duty(self, who: int, on: bool) -> None:
        self.ward.writes(self.team[who], "/duty on" if on else "/duty off")

    @rule(who=st.integers(0, 2), lost=st.booleans())
    def change_channel(self, who: int, lost: bool) -> None:
        with self.ward.database.transaction() as session:
            physio = session.get_one(Physio, self.team[who])
            change = self.ward.escalation.channel_lost if lost else self.ward.escalation.channel_back
            change(session, physio, self.ward.clock.now())
        self.ward.deliver()

    @invariant()
    def what_is_not_closed_has_a_next_step(self) -> None:
        assert all(alert.next_step_at is not None for alert in self._unclosed())

    @invariant()
    def closed_never_moves(self) -> None:
        assert {each: self.ward.alert(each).model_dump() for each in self.closed} == self.closed

    @invariant()
    def an_alert_has_one_owner_or_none(self) -> None:
        for alert in self._unclosed():
            assert (alert.acknowledged_by is not None) == (alert.state == AlertState.ACKNOWLEDGED)

    @invariant()
    def a_patient_has_one_alert_of_a_cause(self) -> None:
        kinds = [(alert.patient_id, alert.cause) for alert in self._unclosed()]
        assert len(kinds) == len(set(kinds))

    @invariant()
    def replaying_the_audit_gives_the_same_states(self) -> None:
        replayed: dict[str, AlertState] = {}
        with self.ward.database.transaction() as session:
            for event in session.exec(select(AuditEvent).order_by(AuditEvent.id)).all():
                if event.alert and event.what in AFTERWARDS:
                    replayed[event.alert] = AFTERWARDS[event.what]
            stored = {each.reference: each.state for each in session.exec(select(Alert)).all()}
        assert replayed == stored

    def teardown(self) -> None:
        """The next run starts with nothing open and nobody here."""
        for alert in self._unclosed():
            self.ward.closes(self.team[0], alert.id)
        with self.ward.database.transaction() as session:
            for physio in physios.staff(session):
                physio.left_at = self.ward.clock.now()
                session.add(physio)
        self.ward.clock.move(timedelta(seconds=1))

    def _tries(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except StaleAction:
            return False
        return True

    def _unclosed(self) -> list[Alert]:
        with self.ward.database.transaction() as session:
            return alerts.unclosed(session)

    def _reachable(self) -> list[Physio]:
        with self.ward.database.transaction() as session:
            return [each for each in physios.staff(session) if physios.reachable(each, self.ward.clock.now())]

    def _sent(self) -> int:
        return sum(len(self.ward.cards(each)) for each in self.team)


def test_whatever_happens_an_alert_is_owned_closed_or_on_its_way(
    database: Database, clock: SimulatedClock, library: Library, request: pytest.FixtureRequest
):
    ward = Ward(database, clock, library)
    examples = 5 if "postgres" in request.node.name else 12

    run_state_machine_as_test(
        lambda: Incidents(ward),
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )  # fmt: skip
