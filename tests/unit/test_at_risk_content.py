"""`make content` on the at-risk rules: one that nothing feeds, or a number nobody stands for, is named with its line."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.coaching.at_risk import Rule, read_rules
from bot.content import Library
from bot.content_checks import at_risk, protocol
from bot.content_checks.sources import Source, Sources
from bot.services.at_risk_evidence import EvidenceBook
from bot.services.safety import screening_rules
from bot.settings import ROOT

PATH = ROOT / "dialogues" / "protocol" / "at_risk.yml"


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources.read(ROOT / "dialogues")


def problems(sources: Sources, before: str, after: str) -> tuple[list[str], int]:
    """What is said of the rules with one change in them, and the line of the change."""
    text = PATH.read_text(encoding="utf-8")
    assert text.count(before) == 1, before
    changed = text.replace(before, after)
    source = Source(Path("dialogues/protocol/at_risk.yml"), changed, yaml.safe_load(changed))
    with_change = replace(sources, protocol=sources.protocol | {"at_risk": source})
    found = [*at_risk.check(with_change), *protocol.check(with_change)]
    return [str(each) for each in found], text[: text.index(before)].count("\n") + 1


def test_the_rules_of_this_repository_are_in_order(sources: Sources) -> None:
    assert list(at_risk.check(sources)) == []


AR01 = "  AR01:  # sustained pain rise\n    version: 1\n    holds_progression: true\n    feeds:\n"
AR01_FED = AR01 + "      pain: {asked_by: utter_ask_pain_now, every: day}\n"
LEG = "{asked_by: utter_ask_at_risk_leg, every: five weeks}"
RISE = 'points: {value: 2, unit: points 0–10, source: "clinical.md §6.2 AR01: MIC 2 points [S33], by symmetry"'
NOT_YET = ', approved: "not yet: awaiting the clinical safety officer"'

# (what stands there, what a writer makes of it, lines below it on which the fault stands, what is said)
FAULTS = [
    (AR01_FED, AR01.replace("    feeds:\n", ""), 0, "AR01 has no feeds: nothing would ever fire it"),
    (AR01_FED, AR01 + "      word: {asked_by: greet, every: day}\n", 3, "AR01 rests on pain, and nothing feeds it"),
    (AR01_FED, AR01_FED.replace("_now", "_soon"), 4, "AR01: nothing feeds pain: utter_ask_pain_soon is neither a"),
    (AR01_FED, AR01_FED.replace("day}", '""}'), 4, "AR01: pain doesn't say how often it is asked"),
    (AR01_FED, AR01_FED + "      moods: {asked_by: greet, every: day}\n", 5, "AR01: no trigger of it rests on moods"),
    (LEG, LEG.replace("_leg", "_arm"), 0, "AR16: nothing feeds questions/leg: utter_ask_at_risk_arm is not the question"),
    ("[leg, harm, sleep,", "[harm, sleep,", None, "AR16: nothing feeds questions/leg: leg is not in the rotation"),
    ("measures/tsk_11: {asked_by: tsk_11,", "measures/tsk_11: {asked_by: tsk,", 0, "AR06: nothing feeds measures/tsk_11"),
    ("measures/msk_hq: {asked_by: msk_hq,", "measures/mskhq: {asked_by: mskhq,", 0, "there is no dialogues/measures/mskhq"),
    ("rules/AR10: {asked_by: AR10,", "rules/AR10: {asked_by: AR23,", 0, "AR21: nothing feeds rules/AR10: AR23 is not AR10"),
    ("asked_by: talk_to_physio", "asked_by: talk_to_nobody", 0, "AR11: nothing feeds intents: talk_to_nobody is neither"),
    ("trigger: pain_up", "trigger: pain_down", None, "the rules can't be read: AR01.rise: there is no trigger"),
    ("then: [pain_up]", "then: [pain_down]", 0, "AR01.rise: there is no prompt pain_down"),
    (RISE, "points: 2 #", 0, "AR01.rise.points has no 'value'"),
    (RISE, RISE.replace("value: 2, ", ""), 0, "AR01.rise.points has no 'value'"),
    (RISE, RISE.replace("unit: points 0–10, ", ""), 0, "rules.AR01.when.rise.points has no 'unit'"),
    (RISE, RISE.partition(", source")[0], 0, "rules.AR01.when.rise.points has no 'source'"),
    (RISE + NOT_YET, RISE, 0, "AR01.when.rise.points has no 'approved'"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "below", "says"), FAULTS)
def test_a_fault_in_a_rule_is_found_on_its_line(
    sources: Sources, before: str, after: str, below: int | None, says: str
) -> None:
    found, line = problems(sources, before, after)

    named = [each for each in found if says in each]
    assert named, found
    if below is not None:
        assert named[0].startswith(f"dialogues/protocol/at_risk.yml:{line + below} ")


def test_a_rule_that_is_left_out_is_missed(sources: Sources) -> None:
    found, _ = problems(sources, "  AR22:  # contradictory", "  AR23:  # contradictory")

    assert any("AR22 is missing" in each for each in found)
    assert any("AR23 is unknown" in each for each in found)


def test_whatever_a_rule_rests_on_is_looked_up(library: Library) -> None:
    declared: dict[str, Rule] = read_rules(library.protocol["at_risk"]["rules"])

    rested_on = {need.partition("/")[0] for rule in declared.values() for need in rule.needs}

    assert rested_on <= EvidenceBook(library, screening_rules(library).spelling).kinds
