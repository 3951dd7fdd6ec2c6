"""Hypothesis raises, takes, hands on, closes, edits the rota, kills, spoils channels and lets time pass, in any order.

Each run is a fresh service near a change of the clocks or on an ordinary day. What must hold is said in the invariants;
docs/safety/escalation_proof.md names them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import col, select

from bot.clock import SimulatedClock
from bot.coaching import policy
from bot.content import Library
from bot.errors import EffectRefused, RotaRefused, StaleAction
from bot.services.audit_check import check
from bot.services.rota_desk import RotaDesk
from data import alerts, physios, rota
from data.alerts import Alert, AlertState
from data.database import Database
from data.physios import Physio
from data.rota import FIRST, Cover
from tests.proof.station import Fate, Station

STARTS = (
    datetime(2026, 3, 27, 16, 20, tzinfo=UTC),  # Friday afternoon, two days before the clocks go forward
    datetime(2026, 3, 28, 23, 50, tzinfo=UTC),  # an hour before they do
    datetime(2026, 10, 24, 23, 50, tzinfo=UTC),  # and back
    datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
)
WORDS, RULES = ("RF01", "RF13", "RF17", "AR11"), ("AR03",)  # each message counts; one open alert, whatever fires
LEVELS = ("P0", "P1", "P2")
LATEST = timedelta(seconds=60)
SPANS = ("09:00-17:00", "20:00-08:00", "00:00-24:00")
PASSED = timedelta(minutes=16)  # longer than the last rung of a P0


class Incidents(RuleBasedStateMachine):
    def __init__(self, fresh: Callable[[], AbstractContextManager[Database]], library: Library, told: Any) -> None:
        super().__init__()
        self._fresh, self._library, self._figures = fresh, library, told
        self._open = ExitStack()

    @initialize(start=st.sampled_from(STARTS))
    def opens(self, start: datetime) -> None:
        database = self._open.enter_context(self._fresh())
        self.station = self._open.enter_context(Station(database, SimulatedClock(start), self._library))
        self.ward = self.station.ward
        self.rota_desk = RotaDesk(self.ward.escalation.rotas)
        self.team = [self.ward.physio("Anna"), self.ward.physio("Ben", on_duty=False), self.ward.lead()]
        self.patients = [self.ward.patient("P-AAAAA"), self.ward.patient("P-BBBBB")]
        self.closed: dict[int, dict[str, Any]] = {}
        self.ward.raises(self.patients[0])

    # --- what happens to a patient ---

    @rule(
        patient=st.integers(0, 1), cause=st.sampled_from(WORDS + RULES), level=st.sampled_from(LEVELS),
        fate=st.sampled_from([Fate.ARRIVES, Fate.ARRIVES, *Fate]),
    )  # fmt: skip
    def raise_it(self, patient: int, cause: str, level: str, fate: Fate) -> None:
        """`fate` is what becomes of its first message; a process that dies with it is followed by another."""
        before = self._unclosed_of(self.patients[patient], cause)
        self.station.fate = fate

        alert = self.ward.raises(self.patients[patient], cause, level=level)

        self.station.recover()
        after = self.ward.alert(alert)
        joins = before is not None and (cause in WORDS or level < before.level)
        assert alert not in self.closed
        assert before is None or after.id == before.id
        assert after.level == min(level, before.level if before else level)
        if before is None or joins:
            assert after.times_raised == (before.times_raised + 1 if before else 1)
            assert after.state == AlertState.OPEN
        else:
            assert (after.state, after.times_raised) == (before.state, before.times_raised)

    @rule(patient=st.integers(0, 1), cause=st.sampled_from(WORDS))
    def dies_before_its_commit(self, patient: int, cause: str) -> None:
        """Nothing of it is left: Telegram gives the message again."""
        before = self.station.everything()

        self.station.dies_while_raising(self.patients[patient], cause)

        assert self.station.everything() == before

    # --- what physios do ---

    @rule(who=st.integers(0, 2), which=st.integers(0, 30), old_card=st.booleans())
    def acknowledge(self, who: int, which: int, old_card: bool) -> None:
        alert = self._pick(which)
        if alert is None:
            return
        free = alert.state == AlertState.OPEN and not old_card

        done = self._tries(lambda: self.ward.acknowledges(self.team[who], alert.id, seen=alert.times_raised - old_card))

        assert done == free
        assert self.ward.alert(alert.id).acknowledged_by == (self.team[who] if free else alert.acknowledged_by)

    @rule(who=st.integers(0, 2), to=st.integers(0, 2), which=st.integers(0, 30))
    def assign(self, who: int, to: int, which: int) -> None:
        alert = self._pick(which)
        if alert is None:
            return
        can = self.team[to] in self._reachable() and alert.state != AlertState.CLOSED

        done = self._tries(lambda: self.station.assigns(self.team[who], self.team[to], alert.id))

        assert done == can
        assert self.ward.alert(alert.id).acknowledged_by == (self.team[to] if can else alert.acknowledged_by)

    @rule(who=st.integers(0, 2), which=st.integers(0, 30), outcome=st.sampled_from(["referred", "being_seen"]))
    def close(self, who: int, which: int, outcome: str) -> None:
        alert = self._pick(which)
        if alert is None:
            return

        done = self._tries(lambda: self.ward.closes(self.team[who], alert.id, outcome))

        assert done == (alert.state != AlertState.CLOSED)
        self.closed.setdefault(alert.id, self.ward.alert(alert.id).model_dump())

    # --- time ---

    @rule(minutes=st.sampled_from([1, 6, 16, 70]), late_s=st.integers(0, 59))
    def time_passes(self, minutes: int, late_s: int) -> None:
        """The tick looks up to a minute after something was due."""
        self.station.stays_up(timedelta(minutes=minutes), late=timedelta(seconds=late_s))
        self._figures["most seconds late"] = max(
            self._figures.get("most seconds late", 0), int(self.station.latest.total_seconds())
        )

    @rule(minutes=st.sampled_from([1, 120, 24 * 60, 3 * 24 * 60]), workers=st.integers(1, 2))
    def is_down(self, minutes: int, workers: int) -> None:
        """Killed; hours later one process or two go on: what came due happens once, the worst first."""
        self.ward.clock.move(timedelta(minutes=minutes))
        overdue = self.station.overdue()
        last = self.station.last_event()

        self.station.starts()
        taken = [self.station.escalates() for _ in range(workers)]

        steps = self.station.events_after(last)
        first = list(dict.fromkeys(event.alert for event in steps if event.alert))
        rungs = [(event.alert, event.what, event.detail.get("who")) for event in steps if "step" in event.detail]
        assert first == [each.reference for each in overdue if each.reference in first]
        assert {each.reference for each in overdue if each.unreachable_since is None} <= set(first)
        assert len(rungs) == len(set(rungs))
        assert taken[1:] == [0] * (workers - 1)
        self.ward.deliver()

    # --- who is there ---

    @rule(who=st.integers(0, 2), on=st.booleans())
    def change_duty(self, who: int, on: bool) -> None:
        self.ward.writes(self.team[who], "/duty on" if on else "/duty off")

    @rule(
        edit=st.sampled_from(["shifts", "end shifts", "leave", "cover", "back early", "closed days"]),
        who=st.integers(0, 2), by=st.integers(0, 2), days=st.sets(st.integers(0, 6), min_size=1),
        span=st.sampled_from(SPANS), hours=st.integers(1, 48),
    )  # fmt: skip
    def edit_the_rota(self, edit: str, who: int, by: int, days: set[int], span: str, hours: int) -> None:
        """What can't be is refused; from the next step on the rest counts."""
        now, desk = self.ward.clock.now(), self.rota_desk
        today, noted = now.date(), {"by": "admin", "now": now}
        with self.ward.database.transaction() as session, suppress(RotaRefused):
            physio, other = (session.get_one(Physio, self.team[each]) for each in (who, by))
            match edit:
                case "shifts":
                    desk.add_shifts(session, physio, sorted(days), span, first_on=today, **noted)
                case "end shifts":
                    desk.end_shifts(session, physio, last_on=today, **noted)
                case "leave" | "cover":
                    instead = other if edit == "cover" else None
                    desk.cover(session, physio, instead, (now, now + timedelta(hours=hours)), **noted)
                case "back early":
                    for cover in session.exec(select(Cover).where(col(Cover.cancelled_at).is_(None))).all():
                        desk.cancel(session, cover.id, **noted)
                case "closed days":
                    last = today + timedelta(days=hours // 24)
                    desk.close(session, rota.service(session, FIRST), today, last, "Training", **noted)

    # --- channels ---

    @rule(who=st.integers(0, 2), lost=st.booleans())
    def change_channel(self, who: int, lost: bool) -> None:
        """Blocked: noticed by the next message that is refused. Back: by the first word."""
        self.station.refuses(self.team[who], lost)
        if not lost:
            with self.ward.database.transaction() as session:
                physio = session.get_one(Physio, self.team[who])
                self.ward.escalation.channel_back(session, physio, self.ward.clock.now())
            self.station.escalates()
            assert [alert.reference for alert in self._unclosed() if alert.unreachable_since] == []
            self.ward.deliver()

    @rule(away=st.booleans())
    def change_network(self, away: bool) -> None:
        self.station.network(away)

    # --- what must hold ---

    @invariant()
    def nothing_ends_silently(self) -> None:
        """I3, I10: what is not closed has a next step, not further off than its level's longest wait."""
        now = self.ward.clock.now()
        with self.ward.database.transaction() as session:
            hours = self.ward.escalation.rotas.hours(session, FIRST)
            for alert in alerts.unclosed(session):
                kept = policy.of(alert.policy, alert.level)
                waits = [*(each.wait for each in kept.rungs), kept.acknowledged_for]
                assert alert.next_step_at is not None
                assert alert.next_step_at <= max(wait.after(now, hours) for wait in waits)

    @invariant()
    def an_open_alert_has_reached_somebody_or_says_that_it_could_not(self) -> None:
        """I3: since its latest message, on a phone and not only in a table."""
        if self.station.away:
            return
        with self.ward.database.transaction() as session:
            for alert in alerts.unclosed(session):
                if alert.state == AlertState.OPEN and alert.unreachable_since is None:
                    assert self.station.arrived(alert.reference, alert.last_raised_at), alert.reference

    @invariant()
    def a_second_copy_says_that_it_is_one(self) -> None:
        """I4"""
        assert self.station.unmarked_copies() == []

    @invariant()
    def closed_never_moves(self) -> None:
        assert {each: self.ward.alert(each).model_dump() for each in self.closed} == self.closed

    @invariant()
    def an_alert_has_one_owner_or_none(self) -> None:
        """I9; a thousand at once: test_one_owner.py."""
        for alert in self._unclosed():
            assert (alert.acknowledged_by is not None) == (alert.state == AlertState.ACKNOWLEDGED)

    @invariant()
    def a_patient_has_one_alert_of_a_cause(self) -> None:
        """I2"""
        kinds = [(alert.patient_id, alert.cause) for alert in self._unclosed()]
        assert len(kinds) == len(set(kinds))

    @invariant()
    def the_audit_is_whole_and_tells_the_same(self) -> None:
        """I10"""
        with self.ward.database.transaction() as session:
            assert check(session).well

    @invariant()
    def no_step_was_late(self) -> None:
        """I5"""
        assert self.station.latest <= LATEST

    def teardown(self) -> None:
        """In the end, with one phone that works, everything reaches it, and goes on until somebody takes it."""
        try:
            if hasattr(self, "station"):
                self._ends()
        finally:
            self._open.close()

    def _ends(self) -> None:
        self.station.network(False)
        self.change_channel(2, lost=False)
        for alert in self._unclosed():
            if alert.level != "P0":  # they wait for days
                self.ward.closes(self.team[2], alert.id)
        for alert in self._unclosed():
            if alert.state == AlertState.ACKNOWLEDGED and alert.next_step_at:
                self.station.stays_up(alert.next_step_at - self.ward.clock.now() + LATEST)
        open_p0 = self._unclosed()
        assert [alert.state for alert in open_p0] == [AlertState.OPEN] * len(open_p0)
        for _ in range(3):
            since = self.ward.clock.now()
            self.station.stays_up(PASSED)
            for alert in open_p0:
                assert self.station.arrived(alert.reference, since), alert.reference
        self._figures["runs"] = self._figures.get("runs", 0) + 1
        self._figures["alerts"] = self._figures.get("alerts", 0) + self.station.raised()

    # --- small parts ---

    def _tries(self, act: Callable[[], Any]) -> bool:
        try:
            act()
        except (StaleAction, EffectRefused):
            return False
        return True

    def _pick(self, which: int) -> Alert | None:
        with self.ward.database.transaction() as session:
            everything = alerts.everything(session)
        return everything[which % len(everything)] if everything else None

    def _unclosed(self) -> list[Alert]:
        with self.ward.database.transaction() as session:
            return alerts.unclosed(session)

    def _unclosed_of(self, patient: int, cause: str) -> Alert | None:
        return next((each for each in self._unclosed() if (each.patient_id, each.cause) == (patient, cause)), None)

    def _reachable(self) -> set[int]:
        with self.ward.database.transaction() as session:
            now = self.ward.clock.now()
            return {each.id for each in physios.staff(session) if physios.reachable(each, now)}
