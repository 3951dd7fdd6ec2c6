"""Which rung comes next, and what a policy file may say."""

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.coaching import policy, service_hours
from bot.coaching.policy import Policy, Rung, Wait, next_rung
from bot.content import read_yaml
from bot.errors import ContentError
from bot.settings import ROOT

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = Policy(
    rungs=(Rung("duty", Wait(5 * MINUTE)), Rung("everyone", Wait(10 * MINUTE)), Rung("lead", Wait(15 * MINUTE))),
    acknowledged_for=Wait(120 * MINUTE),
    retry_after=MINUTE,
)
ALL = {"duty": {1}, "everyone": {1, 2}, "lead": {9}}
FILE: Path = ROOT / "dialogues" / "protocol" / "escalation.yml"


def test_duty_is_told_first_and_the_rest_of_the_team_is_due_after_its_wait():
    step = next_rung(POLICY, 0, ALL, due_at=NOW, now=NOW)

    assert (step.who, step.then, step.next_at, step.climbed) == ("duty", 1, NOW + 5 * MINUTE, False)


def test_nobody_on_duty_means_the_next_rung_at_once():
    step = next_rung(POLICY, 0, {**ALL, "duty": set()}, due_at=NOW, now=NOW)

    assert (step.who, step.next_at) == ("everyone", NOW + 10 * MINUTE)


def test_a_rung_that_would_only_tell_the_same_people_again_is_passed():
    step = next_rung(POLICY, 1, {**ALL, "everyone": {1}}, due_at=NOW, now=NOW)

    assert step.who == "lead"


def test_the_last_rung_repeats_for_ever():
    first = next_rung(POLICY, 2, ALL, due_at=NOW, now=NOW)
    again = next_rung(POLICY, first.then, ALL, due_at=NOW, now=NOW)

    assert (first.who, first.repeated) == ("lead", False)
    assert (again.who, again.repeated, again.then) == ("lead", True, first.then)


def test_a_rung_that_came_due_while_we_were_down_leaves_the_next_one_due_too():
    down_since = NOW - timedelta(days=3)

    step = next_rung(POLICY, 1, ALL, due_at=down_since, now=NOW)

    assert step.next_at == down_since + 10 * MINUTE


def test_the_last_rung_is_not_repeated_for_each_time_it_was_missed():
    step = next_rung(POLICY, 2, ALL, due_at=NOW - timedelta(days=3), now=NOW)

    assert step.next_at == NOW + 15 * MINUTE


def test_whoever_can_be_reached_is_told_again_when_the_lead_cannot():
    step = next_rung(POLICY, 2, {**ALL, "lead": set()}, due_at=NOW, now=NOW)

    assert (step.who, step.then, step.repeated) == ("duty", 2, True)


def test_nobody_at_all_is_tried_again_soon_from_the_first_rung():
    step = next_rung(POLICY, 2, {"duty": set(), "everyone": set(), "lead": set()}, due_at=NOW, now=NOW)

    assert (step.who, step.then, step.next_at) == (None, 0, NOW + MINUTE)


people = st.fixed_dictionaries({who: st.sets(st.integers(1, 4)) for who in policy.WHO})


@given(rung=st.integers(0, 5), people=people, late_minutes=st.integers(0, 10_000))
def test_a_step_always_leads_on_and_reaches_somebody_when_anybody_can_be_reached(
    rung: int, people: dict[str, set[int]], late_minutes: int
):
    step = next_rung(POLICY, rung, people, due_at=NOW - late_minutes * MINUTE, now=NOW)

    assert (step.who is None) == (not any(people.values()))
    assert step.who is None or people[step.who]
    assert step.next_at > NOW or step.then > min(rung, 2)  # waits, or climbs: never the same step for ever


def test_the_file_says_something_that_works_for_every_level():
    kept = policy.snapshot(read_yaml(FILE))

    assert [policy.of(kept, level).rungs[-1].who for level in ("P0", "P1", "P2", "P3")] == ["lead"] * 4
    assert policy.of(kept, "P0").rungs[0] == Rung("duty", Wait(5 * MINUTE))


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            "levels.P0.rungs",
            [],
            "levels.P0.rungs must list some of one_on_duty, duty, everyone, named_lead, lead, each once",
        ),
        ("levels.P1.rungs", ["duty", "porter"], "levels.P1.rungs must list"),
        ("levels.P1.rungs", ["duty", "duty"], "levels.P1.rungs must list"),
        ("levels.P2.wait.lead", 0, "levels.P2.wait.lead must be a number above 0"),
        ("levels.P3.acknowledged_for", "soon", "levels.P3.acknowledged_for must be a number above 0"),
        ("levels.P0.rungs", ["duty", "everyone"], "levels.P0.rungs must end with lead"),
        ("retry_nobody", True, "retry_nobody must be a number above 0"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(path: str, value: Any, problem: str):
    protocol = edited(path, value)

    with pytest.raises(ContentError, match=problem):
        policy.snapshot(protocol)


def test_a_unit_that_is_no_time_is_refused():
    protocol = edited("levels.P1.wait.duty", 2)
    protocol["levels"]["P1"]["wait"]["duty"]["unit"] = "fortnights"

    with pytest.raises(ContentError, match="working minutes, working hours"):
        policy.snapshot(protocol)


def test_a_working_wait_from_friday_afternoon_ends_on_monday():
    hours = service_hours.hours("Europe/London", {day: ["09:00-17:00"] for day in ("mon", "fri")}, None)
    friday = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)
    slow = Policy((Rung("duty", Wait(4 * 60 * MINUTE, working=True)), Rung("lead", Wait(MINUTE))), Wait(MINUTE), MINUTE)

    step = next_rung(slow, 0, {"duty": {1}, "lead": {9}}, due_at=friday, now=friday, hours=hours)

    assert step.next_at == datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def test_an_alert_of_the_first_version_keeps_its_minutes():
    kept = {"retry_nobody": 1, "levels": {"P0": {"rungs": [["duty", 5.0], ["lead", 15.0]], "acknowledged_for": 120.0}}}

    assert policy.of(kept, "P0") == Policy(
        (Rung("duty", Wait(5 * MINUTE)), Rung("lead", Wait(15 * MINUTE))), Wait(120 * MINUTE), MINUTE
    )


def test_every_problem_is_named_at_once():
    protocol = edited("levels.P0.rungs", [])
    del protocol["levels"]["P3"], protocol["retry_nobody"]

    with pytest.raises(ContentError) as refused:
        policy.snapshot(protocol)

    assert all(part in str(refused.value) for part in ("levels.P0.rungs", "levels.P3.rungs", "retry_nobody"))


def edited(path: str, value: Any) -> dict[str, Any]:
    protocol: dict[str, Any] = copy.deepcopy(read_yaml(FILE))
    node = protocol
    for part in path.split("."):
        node = node[part]
    node["value"] = value
    return protocol
