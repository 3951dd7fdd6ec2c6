"""Activities by what a body can do. Source: clinical.md §8.6: a limit is never treated as fear; nobody is told to walk."""

import pytest

from bot.coaching.catalogue import Body, Catalogue
from bot.content import Library

WALKS = {"walking", "treadmill", "corridor_laps", "indoor_laps"}


@pytest.fixture(scope="module")
def catalogue(library: Library) -> Catalogue:
    return Catalogue(library.protocol["activities"])


def keys(found: list) -> list[str]:
    return [activity.key for activity in found]


def test_every_group_names_activities_and_every_limit_offers_groups(library: Library, catalogue: Catalogue) -> None:
    groups = library.protocol["activities"]["groups"]

    assert {key for group in groups.values() for key in group["activities"]} == set(catalogue.activities)
    assert {group for limit in catalogue.limits.values() for group in limit.offers} <= set(groups)
    assert all(len(activity.says) <= 40 for activity in catalogue.activities.values())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("walking to the shop", "walking"), ("did 12 mins round the park", "walking"), ("walking in water", "aqua_walking"),
        ("exercises sitting down", "chair_exercises"), ("gentle exercises at home", "gentle_exercises"),
        ("bit of weeding", "gardening"), ("swam 10 lengths", "swimming"), ("pushed my chair to the shop", "wheeling"),
        ("salah", "prayer_movement"), ("knitting", None), ("parking the car", None),
    ],
)  # fmt: skip
def test_what_a_patient_means(text: str, key: str | None, catalogue: Catalogue) -> None:
    found = catalogue.find(text)

    assert (found.key if found else None) == key


def test_a_button_means_the_activity_it_shows(catalogue: Catalogue) -> None:
    assert {key: catalogue.find(each.says).key for key, each in catalogue.activities.items()} == {  # type: ignore[union-attr]
        key: key for key in catalogue.activities
    }


def test_the_two_families_come_first(catalogue: Catalogue) -> None:
    assert keys(catalogue.offer(Body()))[:2] == ["walking", "gentle_exercises"]


def test_with_low_function_the_lighter_ones_come_first(catalogue: Catalogue) -> None:
    assert "walking" not in keys(catalogue.offer(Body(low_function=True)))


@pytest.mark.parametrize("kind", ["cannot_walk_far", "cannot_stand", "wheelchair", "other_illness", "me_cfs"])
def test_a_limit_leads_to_other_activities(kind: str, catalogue: Catalogue) -> None:
    body = Body(limits=(kind,), gated=catalogue.limits[kind].gate)
    offered = keys(catalogue.offer(body))

    assert len(offered) >= 3
    assert not {"walking", "treadmill"} & set(offered)


@pytest.mark.parametrize("kind", ["cannot_stand", "wheelchair"])
def test_nobody_who_cannot_stand_is_offered_a_walk_of_any_kind(kind: str, catalogue: Catalogue) -> None:
    assert not WALKS & set(keys(catalogue.offer(Body(limits=(kind,)))))


@pytest.mark.parametrize(
    "limits", [(), ("cannot_walk_far",), ("wheelchair",), ("pregnancy",), ("recent_surgery", "cannot_stand")]
)
def test_behind_the_gate_there_are_only_light_ones(limits: tuple[str, ...], catalogue: Catalogue) -> None:
    offered = catalogue.offer(Body(limits=limits, gated=True))

    assert offered != []
    assert all(activity.light for activity in offered)


def test_in_pregnancy_nothing_is_done_lying_on_the_back(catalogue: Catalogue) -> None:
    assert "bed_knee_bends" not in keys(catalogue.offer(Body(limits=("pregnancy",), gated=True)))


def test_what_was_said_to_be_impossible_is_not_offered_again(catalogue: Catalogue) -> None:
    assert "walking" not in keys(catalogue.offer(Body(cannot_do=frozenset({"walking"}))))


def test_the_health_questions_stand_for_limits(catalogue: Catalogue) -> None:
    said = "heart: no, operation_or_bones: unsure, pregnancy: yes, other_condition: no"

    assert catalogue.limits_of_screen(said) == ["recent_surgery", "pregnancy"]
    assert catalogue.limits_of_screen("") == []


def test_me_cfs_has_no_fixed_steps(catalogue: Catalogue) -> None:
    assert catalogue.no_fixed_steps(Body(limits=("me_cfs",)))
    assert not catalogue.no_fixed_steps(Body(limits=("other_illness",)))
