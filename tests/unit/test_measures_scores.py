"""Scores, bands and changes of every questionnaire, against the published rules. Sources stand at each table."""

from typing import Any

import pytest

from bot.coaching import instruments, measures
from bot.coaching.instruments import Measure
from bot.coaching.measures import Verdict
from bot.content import Library


def of(library: Library, name: str) -> Measure:
    return library.measures[name]


def ticked(*numbers: int) -> dict[str, float]:
    """A list that was finished: what is ticked, and what is not."""
    return {str(number): float(number in numbers) for number in range(1, 25)}


def values(name: str, *given: float) -> dict[str, float]:
    return dict(zip(ITEMS[name], given, strict=True))


ITEMS: dict[str, list[str]] = {
    "phq4": ["nervous", "worrying", "interest", "down"],
    "start_back": [str(number) for number in range(1, 10)],
    "msk_hq": [str(number) for number in range(1, 15)],
    "pseq2": ["work", "normal_life"],
    "back_paq_10": ["6", "11", "13", "14", "25", "27", "30", "31", "32", "33"],
}
EXAMPLES: list[tuple[str, dict[str, Any], float | None, dict[str, float], str | None]] = [
    # Roland & Morris, Spine 1983;8:141: "the total number of items checked, from a minimum of 0 to a maximum of 24"
    ("rmdq", ticked(), 0, {}, None),
    ("rmdq", ticked(1, 2, 3, 9, 10, 13, 18, 21, 23), 9, {}, None),
    ("rmdq", ticked(*range(1, 25)), 24, {}, None),
    ("rmdq", {}, None, {}, None),  # not finished: no score, and not 0
    # clinical.md §7: 0–10 now, average 24 h, worst 24 h
    ("nrs_pain", {"average": 6, "now": 4, "worst": 9}, 6, {"now": 4, "worst": 9}, None),
    ("nrs_pain", {"now": 4}, None, {"now": 4}, None),
    # Stratford 1995: "total score = sum of the activity scores / number of activities"
    ("psfs", {"name_1": "a", "rate_1": 3, "name_2": "b", "rate_2": 5, "name_3": "c", "rate_3": 4}, 4, {}, None),
    ("psfs", {"name_1": "a", "rate_1": 3, "name_2": "b", "rate_2": 4}, 3.5, {}, None),
    ("psfs", {"name_1": "a", "rate_1": 3, "name_2": "b"}, None, {}, None),
    ("psfs", {"name_1": "a"}, None, {}, None),
    # Coleman 2012 and the Physical Activity Vital Sign form: "total minutes per week (multiply #1 by #2)"; 150 a week
    ("evs", {"days": 5, "minutes": 30}, 150, {}, "at the guideline"),
    ("evs", {"days": 3, "minutes": 20}, 60, {}, "below the guideline"),
    ("evs", {"days": 0}, 0, {}, "inactive"),  # the minutes are not asked then
    ("evs", {"days": 3}, None, {}, None),
    ("evs", {}, None, {}, None),
    # Kroenke 2009 (NINDS CDE F2495): 0–12; anxiety = items 1 and 2, depression = items 3 and 4;
    # none 0–2, mild 3–5, moderate 6–8, severe 9–12
    ("phq4", values("phq4", 1, 1, 0, 0), 2, {"gad2": 2, "phq2": 0}, "none"),
    ("phq4", values("phq4", 2, 1, 0, 0), 3, {"gad2": 3, "phq2": 0}, "mild"),
    ("phq4", values("phq4", 1, 1, 2, 2), 6, {"gad2": 2, "phq2": 4}, "moderate"),
    ("phq4", values("phq4", 3, 3, 3, 3), 12, {"gad2": 6, "phq2": 6}, "severe"),
    ("phq4", {"nervous": 3, "worrying": 3, "interest": 0}, None, {"gad2": 6}, None),  # one is missing
    # clinical.md §7: 1–2 important improvement; §6.2 AR15: 6 or 7 worse
    ("pgic", {"overall": 2}, 2, {}, "important improvement"),
    ("pgic", {"overall": 3}, 3, {}, "no important change"),
    ("pgic", {"overall": 6}, 6, {}, "worse"),
    # Nicholas 2015: two items 0–6, sum 0–12
    ("pseq2", values("pseq2", 2, 3), 5, {}, "low"),
    ("pseq2", values("pseq2", 6, 6), 12, {}, "not low"),
    ("pseq2", {"work": 6}, None, {}, None),
    # Hill 2008, Keele's scoring: 3 or less low; 4 or more with items 5–9 at 3 or less medium, at 4 or more high;
    # bothersomeness counts from "very much" (the fourth of five) on
    ("start_back", values("start_back", 1, 1, 1, 0, 0, 0, 0, 0, 2), 3, {"distress": 0}, "low"),
    ("start_back", values("start_back", 1, 1, 1, 0, 0, 0, 0, 0, 3), 4, {"distress": 1}, "medium"),
    ("start_back", values("start_back", 1, 1, 1, 1, 1, 1, 0, 0, 4), 7, {"distress": 3}, "medium"),
    ("start_back", values("start_back", 0, 0, 0, 0, 1, 1, 1, 1, 0), 4, {"distress": 4}, "high"),
    ("start_back", values("start_back", 1, 1, 1, 1, 1, 1, 1, 1, 4), 9, {"distress": 5}, "high"),
    # Hill 2016: 14 items 0–4, 0–56, higher is better health
    ("msk_hq", values("msk_hq", *[4] * 14), 56, {}, None),
    ("msk_hq", values("msk_hq", *[2] * 13, 1), 27, {}, None),
    # Darlow 2014 and clinical.md §7: −2…+2 an item, mean; the seven unhelpful sentences are turned round
    (
        "back_paq_10",
        values("back_paq_10", 2, 2, 2, 2, 2, -2, -2, -2, 2, 2),
        -2,
        {"vulnerability": -2, "injury": -2, "activity": -2, "mind": -2, "prognosis": -2},
        None,
    ),
    (
        "back_paq_10",
        values("back_paq_10", 0, 0, 0, 0, -2, 2, 0, 0, 0, 0),
        0.4,
        {"vulnerability": 0, "injury": 0, "activity": 2, "mind": 0, "prognosis": 0},
        None,
    ),
]


@pytest.mark.parametrize(("name", "answers", "total", "subscales", "band"), EXAMPLES)
def test_a_score_is_as_published(
    library: Library,
    name: str,
    answers: dict[str, Any],
    total: float | None,
    subscales: dict[str, float],
    band: str | None,
) -> None:
    scored = measures.score(of(library, name), answers)

    assert scored.total == pytest.approx(total)
    assert scored.subscales == pytest.approx(subscales)
    assert scored.band == band


@pytest.mark.parametrize("name", ["phq4", "pseq2", "start_back", "msk_hq", "back_paq_10"])
def test_any_one_missing_answer_leaves_the_total_open(library: Library, name: str) -> None:
    measure = of(library, name)
    full = dict.fromkeys(measure.items, 1.0)

    assert measures.score(measure, full).total is not None
    for key in full:
        assert measures.score(measure, {k: v for k, v in full.items() if k != key}).total is None, key


def test_a_mean_of_the_rest_stands_in_for_as_many_as_the_rule_allows(library: Library) -> None:
    phq4 = of(library, "phq4")
    lenient = phq4.model_copy(
        update={"total": phq4.total.model_copy(update={"missing": "mean of the rest", "most_missing": 1})}
    )

    assert measures.score(lenient, {"nervous": 3, "worrying": 3, "interest": 0}).total == 8
    assert measures.score(lenient, {"nervous": 3, "worrying": 3}).total is None


# clinical.md §7 and §6.2. RMDQ: 5 points or 30 %, worse 5 points or 30 % from 10 on. NRS: 2 or 30 %. MSK-HQ 5.5,
# down 6. PSFS 2.
CHANGES = [
    ("rmdq", 12, 7, Verdict.BETTER, False),
    ("rmdq", 12, 9, Verdict.SAME, False),  # 3 points, 25 %
    ("rmdq", 10, 7, Verdict.BETTER, False),  # 30 %
    ("rmdq", 9, 12, Verdict.SAME, False),  # 33 % more, but from under 10
    ("rmdq", 10, 13, Verdict.WORSE, False),
    ("rmdq", 9, 14, Verdict.WORSE, False),
    ("rmdq", 12, 12, Verdict.SAME, False),
    ("rmdq", 3, 2, Verdict.BETTER, True),  # 33 %, and hardly any room
    ("rmdq", 21, 22, Verdict.SAME, True),
    ("rmdq", 0, 4, Verdict.SAME, True),
    ("nrs_pain", 6, 4, Verdict.BETTER, False),
    ("nrs_pain", 3, 2, Verdict.BETTER, False),
    ("nrs_pain", 6, 5, Verdict.SAME, False),
    ("nrs_pain", 4, 6, Verdict.WORSE, False),
    ("msk_hq", 30, 36, Verdict.BETTER, False),
    ("msk_hq", 30, 35, Verdict.SAME, False),
    ("msk_hq", 30, 24, Verdict.WORSE, False),
    ("psfs", 4.0, 6.0, Verdict.BETTER, False),
    ("psfs", 4.0, 5.9, Verdict.SAME, False),
    ("psfs", 6.0, 4.0, Verdict.WORSE, False),
]


@pytest.mark.parametrize(("name", "before", "now", "verdict", "little_room"), CHANGES)
def test_a_change_counts_from_its_threshold_on(
    library: Library, name: str, before: float, now: float, verdict: Verdict, little_room: bool
) -> None:
    found = measures.changed(of(library, name).change, before, now)

    assert found is not None
    assert (found.verdict, found.little_room, found.points) == (verdict, little_room, now - before)


@pytest.mark.parametrize("name", ["phq4", "pgic", "evs", "pseq2", "start_back", "back_paq_10"])
def test_where_no_change_is_known_to_count_none_is_claimed(library: Library, name: str) -> None:
    assert measures.changed(of(library, name).change, 1, 9) is None


# Whose words are carried ----------------------------------------------------------------------------------------------


def test_what_needs_a_licence_has_no_words_and_is_off(library: Library) -> None:
    off = {"pseq2", "pseq", "tsk_11", "start_back", "msk_hq"}

    assert {name for name, each in library.measures.items() if not each.on} == off
    for name in off:
        assert of(library, name).licence.needed
        assert not any(item.text for item in of(library, name).items.values())


def texts(name: str, measure: Measure) -> dict[str, Any]:
    return {
        "measure": name,
        "licence": "granted for this test, and for nobody",
        "items": {key: f"words {key}" for key in measure.items},
        "options": {f"{each.value:g}": f"option {each.value:g}" for each in measure.options},
        "options_of": {
            key: {f"{each.value:g}": f"option {each.value:g}" for each in item.options}
            for key, item in measure.items.items()
            if item.options
        },
    }


@pytest.mark.parametrize("name", ["pseq2", "start_back", "msk_hq"])
def test_a_deployers_words_switch_it_on(library: Library, name: str) -> None:
    measure = of(library, name)

    full = instruments.with_texts(measure, instruments.Texts.model_validate(texts(name, measure)))

    assert full.on
    assert full.total == measure.total


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"items": {"work": "words"}}, "without words for normal_life"),
        ({"items": {"work": "a", "normal_life": "b", "sleep": "c"}}, "no item sleep"),
        ({"measure": "rmdq"}, "has its words already"),
    ],
)
def test_words_that_do_not_fit_are_refused(library: Library, change: dict[str, Any], says: str) -> None:
    given = instruments.Texts.model_validate(texts("pseq2", of(library, "pseq2")) | change)

    with pytest.raises(ValueError, match=says):
        instruments.with_texts(of(library, given.measure), given)
