"""AR01 to AR22 as they are declared: when each fires, when it does not, where the boundary lies, what missing means."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.coaching.at_risk import Rule, hits, may_fire, read_rules, worst
from bot.coaching.at_risk_known import (
    Answered,
    Asked,
    CannotDo,
    Evidence,
    Found,
    Said,
    Scored,
    Talked,
    Week,
)
from bot.coaching.boom_bust import Diary
from bot.content import Library
from bot.errors import ContentError
from tests.unit.test_boom_bust import FOUR_WEEKS, SORE_WEEKS

NOW = datetime(2026, 12, 20, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def rules(library: Library) -> dict[str, Rule]:
    return read_rules(library.protocol["at_risk"]["rules"])


def ago(days: int) -> date:
    return TODAY - DAY * days


def at(days: float) -> datetime:
    return NOW - timedelta(days=days)


def seen(**known: Any) -> Evidence:
    return replace(Evidence(now=NOW, today=TODAY), **known)


def pain(before: float, now: int, *, ratings: int = 7) -> Evidence:
    """A fortnight at `before` (two values for a half), then a week at `now` with so many ratings."""
    low, high = int(before), int(before + 0.5)
    first = {ago(day): (low if day % 2 else high) for day in range(8, 22)}
    return seen(pain=first | {ago(day): now for day in range(ratings)})


def score(measure: str, *values: float, weeks: int = 6, **parts: float) -> Evidence:
    series = [Scored(ago(7 * weeks * (len(values) - 1 - at)), value, parts) for at, value in enumerate(values)]
    return seen(scores={measure: series})


def scores(psfs: tuple[float, float], rmdq: tuple[float, float], pgic: float | None, *, days: int = 42) -> Evidence:
    def pair(values: tuple[float, float]) -> list[Scored]:
        return [Scored(ago(days), values[0]), Scored(TODAY, values[1])]

    own = [] if pgic is None else [Scored(TODAY, pgic)]
    return seen(scores={"psfs": pair(psfs), "rmdq": pair(rmdq), "pgic": own})


def answer(question: str, said: str, detail: str | None = None, *, days: int = 0) -> Evidence:
    return seen(answers={question: [Answered(ago(days), said, detail)]})


def check_ins(*answered: bool, heard_days: float = 5) -> Evidence:
    """Of the last days, oldest first, one a day."""
    asked = [Asked(ago(len(answered) - at_), at(len(answered) - at_), each) for at_, each in enumerate(answered)]
    return seen(check_ins=asked, heard_at=at(heard_days), heard_on=at(heard_days).date())


def silence(days: float, **more: Any) -> Evidence:
    return seen(heard_at=at(days), heard_on=at(days).date(), **more)


def weeks(*done: int | None, planned: int = 4) -> Evidence:
    return seen(weeks=[Week(at + 2, ago(7 * (len(done) - at - 1)), planned, each) for at, each in enumerate(done)])


def belief(said_days: tuple[int, ...], talks: tuple[tuple[int, int | None], ...], name: str = "B04") -> Evidence:
    """Days ago it was said; (days ago, strength) of each talk about it."""
    said = [Said(name, ago(day)) for day in said_days]
    return seen(said=said, talked=[Talked(name, ago(day), strength) for day, strength in talks])


BOOMS = Diary(FOUR_WEEKS, SORE_WEEKS, {})
FOUND = (Found("AR06", ago(3)), Found("AR10", ago(13)))
FLAG = {"flag_level": "P1"}
TAPS = tuple((NOW + timedelta(seconds=0.6 * tap), "5") for tap in range(3))

# rule, what is known, the level of the alert: None when it does not fire, "" when it does and nobody is told
TABLE: list[tuple[str, str, Evidence, str | None]] = [
    ("AR01", "two points up and 30 % higher", pain(4, 6), "P2"),
    ("AR01", "a mean of 8 is more urgent", pain(5, 8), "P1"),
    ("AR01", "two points, and not 30 %", pain(7, 9), None),
    ("AR01", "30 %, and not two points", pain(3, 4), None),
    ("AR01", "half a point short of two", pain(4.5, 6), None),
    ("AR01", "four ratings will do", pain(4, 6, ratings=4), "P2"),
    ("AR01", "three are too few", pain(4, 6, ratings=3), None),
    ("AR01", "no ratings are no pain and no rise", pain(4, 9, ratings=0), None),
    ("AR01", "no baseline, no rise", seen(pain={ago(day): 9 for day in range(7)}), None),
    ("AR02", "five points", score("rmdq", 8, 13), "P1"),
    ("AR02", "four points", score("rmdq", 8, 12), "P2"),
    ("AR02", "three points of eight", score("rmdq", 8, 11), None),
    ("AR02", "three points of ten are 30 %", score("rmdq", 10, 13), "P2"),
    ("AR02", "better", score("rmdq", 13, 4), None),
    ("AR02", "one score is none to compare", score("rmdq", 20), None),
    ("AR02", "up and down again", score("rmdq", 8, 14, 9), None),
    ("AR03", "six points down", score("msk_hq", 30, 24), "P2"),
    ("AR03", "five points down", score("msk_hq", 30, 25), None),
    ("AR03", "up is better", score("msk_hq", 24, 36), None),
    ("AR04", "three days of check-ins", check_ins(True, False, False, False), ""),
    ("AR04", "two days of check-ins", check_ins(True, False, False), None),
    ("AR04", "the third was answered", check_ins(False, False, True), None),
    ("AR04", "they wrote something else since", check_ins(False, False, False, heard_days=0.5), None),
    ("AR04", "seven days", silence(7), ""),
    ("AR04", "six days", silence(6.9), None),
    ("AR04", "fourteen days", silence(14), "P3"),
    ("AR04", "thirteen days", silence(13.9), ""),
    ("AR04", "after a flag nobody has seen, the same day", silence(0.4, **FLAG), "P1"),
    ("AR04", "as urgent as the flag", silence(0.4, flag_level="P0"), "P0"),
    ("AR04", "at least P1", silence(0.4, flag_level="P3"), "P1"),
    ("AR04", "a flag, and they have just written", silence(0.2, **FLAG), None),
    ("AR04", "hours without a flag are nothing", silence(0.4), None),
    ("AR05", "said on three days over a fortnight after two talks", belief((0, 7, 14), ((60, 5), (20, 5))), "P2"),
    ("AR05", "said on two days", belief((0, 14), ((60, 3), (20, 2))), None),
    ("AR05", "said on three days of a week", belief((0, 3, 7), ((60, 3), (20, 2))), None),
    ("AR05", "said before the talks", belief((25, 32, 40), ((60, 3), (20, 2))), None),
    ("AR05", "one talk so far", belief((0, 7, 14), ((20, 8),)), None),
    ("AR05", "as true as before, 7 of 10", belief((), ((60, 7), (20, 7))), "P2"),
    ("AR05", "still strong, and less than before", belief((), ((60, 9), (20, 7))), None),
    ("AR05", "unchanged, and not strong", belief((), ((60, 6), (20, 6))), None),
    ("AR05", "strength not told", belief((), ((60, 8), (20, None))), None),
    ("AR05", "not one of these classes", belief((0, 7, 14), ((60, 8), (20, 8)), "B12"), None),
    ("AR06", "36", score("tsk_11", 36), "P1"),
    ("AR06", "29", score("tsk_11", 29), "P2"),
    ("AR06", "28", score("tsk_11", 28), None),
    ("AR06", "no fall of four by week 6, from high to middling", score("tsk_11", 30, 27), "P2"),
    ("AR06", "a fall of four", score("tsk_11", 30, 26), None),
    ("AR06", "before week 6", score("tsk_11", 30, 28, weeks=5), None),
    ("AR07", "PSEQ 19", score("pseq", 19), "P1"),
    ("AR07", "PSEQ 20", score("pseq", 20), "P2"),
    ("AR07", "PSEQ 30", score("pseq", 30), "P2"),
    ("AR07", "PSEQ 31", score("pseq", 31), None),
    ("AR07", "PSEQ-2 5", score("pseq2", 5), "P2"),
    ("AR07", "PSEQ-2 6", score("pseq2", 6), None),
    ("AR07", "never asked is not low", seen(), None),
    ("AR08", "two different activities", seen(cannot=[CannotDo("walking", ago(9)), CannotDo("swimming", TODAY)]), "P2"),
    ("AR08", "nothing fits",
     seen(cannot=[CannotDo("walking", ago(9)), CannotDo("swimming", TODAY)], something_fits=False), "P1"),
    ("AR08", "the same one twice", seen(cannot=[CannotDo("walking", ago(9)), CannotDo("Walking", TODAY)]), None),
    ("AR08", "a yes to the functional screen", answer("body", "frame"), "P2"),
    ("AR08", "none of these", answer("body", "none"), None),
    ("AR09", "distress 4", score("start_back", 6, distress=4), "P1"),
    ("AR09", "distress 3", score("start_back", 6, distress=3), None),
    ("AR09", "distress not known", score("start_back", 9), None),
    ("AR10", "PHQ-4 9", score("phq4", 9, phq2=4), "P1"),
    ("AR10", "PHQ-4 6", score("phq4", 6, phq2=2), "P2"),
    ("AR10", "PHQ-4 5", score("phq4", 5, phq2=2), None),
    ("AR10", "PHQ-2 3, and nobody is told", score("phq4", 4, phq2=3), ""),
    ("AR10", "not answered in full", seen(scores={"phq4": []}), None),
    ("AR11", "raised where it is asked", seen(), None),
    ("AR12", "under half for three weeks", weeks(1, 1, 1), "P3"),
    ("AR12", "under half for five weeks", weeks(1, 1, 1, 1, 1), "P2"),
    ("AR12", "half is not under half", weeks(1, 2, 1), None),
    ("AR12", "two weeks", weeks(4, 1, 1), None),
    ("AR12", "a week that was not told of breaks the row", weeks(1, 1, None, 1, 1), None),
    ("AR12", "a week without a plan", weeks(0, 0, 0, planned=0), None),
    ("AR12", "dropped twice", seen(dropped=[ago(20), ago(2)]), "P3"),
    ("AR12", "dropped once", seen(dropped=[ago(2)]), None),
    ("AR13", "two of four weeks", seen(diary=BOOMS), "P3"),
    ("AR13", "one fortnight is asked about, nobody is told", seen(diary=BOOMS, denied=[ago(14)]), ""),
    ("AR13", "denied", seen(diary=BOOMS, denied=[TODAY, ago(14)]), None),
    ("AR13", "nothing told", seen(), None),
    ("AR14", "less than 30 % in both, and no change", scores((4, 5), (12, 10), 4), "P2"),
    ("AR14", "worse in their own view", scores((4, 3), (12, 14), 6), "P2"),
    ("AR14", "PSFS up 30 %", scores((4, 5.2), (12, 12), 4), None),
    ("AR14", "RMDQ down 30 %", scores((4, 4), (10, 7), 4), None),
    ("AR14", "a little better in their own view", scores((4, 4), (12, 12), 3), None),
    ("AR14", "their own view is not known", scores((4, 4), (12, 12), None), None),
    ("AR14", "too early", scores((4, 4), (12, 12), 4, days=28), None),
    ("AR14", "a first score of 0 leaves no share", scores((4, 4), (0, 0), 4), None),
    ("AR15", "6", score("pgic", 6), "P1"),
    ("AR15", "5", score("pgic", 5), None),
    ("AR15", "it was worse once, and is not now", score("pgic", 7, 4), None),
    ("AR16", "above the knee", answer("leg", "above"), "P2"),
    ("AR16", "below the knee", answer("leg", "below", "no"), "P2"),
    ("AR16", "below the knee and numb", answer("leg", "below", "yes"), "P1"),
    ("AR16", "not sure is the safe side", answer("leg", "below", "unsure"), "P1"),
    ("AR16", "no", answer("leg", "no"), None),
    ("AR16", "an answer of weeks ago", answer("leg", "below", days=8), None),
    ("AR16", "not asked is not no, and not yes", seen(), None),
    ("AR17", "raised where it happens", seen(), None),
    ("AR18", "a fall", answer("harm", "fall"), "P2"),
    ("AR18", "new pain for more than two days", answer("harm", "pain"), "P2"),
    ("AR18", "none of these", answer("harm", "no"), None),
    ("AR19", "off work", answer("work", "off"), "P2"),
    ("AR19", "fit note ends", answer("work", "note"), "P2"),
    ("AR19", "no", answer("work", "no"), None),
    ("AR20", "four nights or more", answer("sleep", "most"), "P2"),
    ("AR20", "two or three", answer("sleep", "some"), None),
    ("AR21", "two of the three within a fortnight", seen(found=FOUND), "P1"),
    ("AR21", "one of them", seen(found=FOUND[:1]), None),
    ("AR21", "one of them twice", seen(found=(FOUND[0], Found("AR06", TODAY))), None),
    ("AR21", "the other is older", seen(found=(FOUND[0], Found("AR10", ago(15)))), None),
    ("AR21", "other rules", seen(found=(Found("AR02", TODAY), Found("AR15", TODAY))), None),
    ("AR22", "no pain, and agony", seen(pain={TODAY: 0}, agony_on={TODAY}), ""),
    ("AR22", "some pain, and agony", seen(pain={TODAY: 1}, agony_on={TODAY}), None),
    ("AR22", "agony on another day", seen(pain={TODAY: 0}, agony_on={ago(1)}), None),
    ("AR22", "agony, and no number", seen(agony_on={TODAY}), None),
    ("AR22", "three answers alike within two seconds", seen(taps=TAPS), ""),
    ("AR22", "two answers", seen(taps=TAPS[:2]), None),
    ("AR22", "not alike", seen(taps=(*TAPS[:2], (TAPS[2][0], "4"))), None),
    ("AR22", "slower", seen(taps=(*TAPS[:2], (NOW + timedelta(seconds=2), "5"))), None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "case", "known", "level"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_a_rule(rule: str, case: str, known: Evidence, level: str | None, rules: dict[str, Rule]) -> None:
    found = hits([rules[rule]], known)

    told = worst(found)
    assert (told.fired.level if told else ("" if found else None)) == level


def test_every_rule_has_a_case() -> None:
    assert {row[0] for row in TABLE} == {f"AR{number:02}" for number in range(1, 23)}


@pytest.mark.parametrize("rule", sorted({row[0] for row in TABLE}))
def test_nothing_known_fires_nothing(rule: str, rules: dict[str, Rule]) -> None:
    assert hits([rules[rule]], seen()) == []


@pytest.mark.parametrize(("rule", "case", "known", "level"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_the_words_of_why_are_filled(
    rule: str, case: str, known: Evidence, level: str | None, rules: dict[str, Rule], library: Library
) -> None:
    for hit in hits([rules[rule]], known):
        words = library.say(f"utter_at_risk_why_{rule.lower()}_{hit.when.name}", **hit.fired.values)
        assert "{" not in words.text


# AR01: what the pain is held against


def test_after_a_better_time_the_last_stable_fortnight_is_the_baseline(rules: dict[str, Rule]) -> None:
    first = {ago(day): 6 for day in range(36, 50)}
    better = {ago(day): 3 for day in range(7, 36)}

    assert hits([rules["AR01"]], seen(pain=first | better | {ago(day): 5 for day in range(7)}))


def test_a_slow_drift_does_not_become_the_baseline(rules: dict[str, Rule]) -> None:
    drift = {ago(day): 3 + (63 - day) // 14 for day in range(64)}

    assert hits([rules["AR01"]], seen(pain=drift))


def test_the_level_that_a_physio_knows_of_does(rules: dict[str, Rule]) -> None:
    known = seen(pain={ago(day): 3 if day > 40 else 6 for day in range(60)}, settled_on=ago(30))

    assert not hits([rules["AR01"]], known)
    assert hits([rules["AR01"]], replace(known, settled_on=None))


# AR21 sees what fires beside it


def test_two_that_hold_now_are_two_together(rules: dict[str, Rule]) -> None:
    known = replace(pain(4, 6), scores={"phq4": [Scored(ago(2), 7, {"phq2": 2})]})

    found = hits([rules[name] for name in ("AR01", "AR10", "AR21")], known)

    assert [hit.rule.id for hit in found if hit.fired.level == "P1"] == ["AR21"]


# When it may fire again

AGAIN: list[tuple[str, dict[str, Any], bool]] = [
    ("never before", {}, True),
    ("open at the same level", {"open_level": "P2"}, False),
    ("open at a lower level: it is superseded", {"open_level": "P3"}, True),
    ("open at a higher level", {"open_level": "P1"}, False),
    ("closed six days ago", {"closed_level": "P2", "closed_on": ago(6)}, False),
    ("closed seven days ago", {"closed_level": "P2", "closed_on": ago(7)}, True),
    ("closed yesterday, and now more urgent", {"closed_level": "P3", "closed_on": ago(1)}, True),
    ("closed long ago, and nothing is newer", {"closed_level": "P2", "closed_on": ago(9), "newest": ago(9)}, False),
    ("more urgent, on figures from before", {"closed_level": "P3", "closed_on": ago(1), "newest": ago(2)}, False),
]


@pytest.mark.parametrize(("case", "known", "fires"), AGAIN, ids=[row[0] for row in AGAIN])
def test_firing_again(case: str, known: dict[str, Any], fires: bool) -> None:
    facts = {"open_level": None, "closed_level": None, "closed_on": None, "newest": TODAY} | known

    assert may_fire("P2", facts.pop("newest"), today=TODAY, rest_days=7, **facts) is fires


def test_a_trigger_nobody_knows_is_refused() -> None:
    with pytest.raises(ContentError, match=r"AR01\.rise: there is no trigger 'moon'"):
        read_rules({"AR01": {"version": 1, "when": {"rise": {"trigger": "moon"}}}})
