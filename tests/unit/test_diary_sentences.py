"""A sentence about what was done: minutes, activity, day. What isn't certain is left alone."""

from datetime import date, timedelta

import pytest

from bot.coaching import diary
from bot.coaching.catalogue import Catalogue
from bot.coaching.diary import Lists, Told
from bot.content import Library

TUESDAY = date(2026, 12, 1)
MONDAY = TUESDAY - timedelta(days=1)
SUNDAY = TUESDAY - timedelta(days=2)


@pytest.fixture(scope="module")
def lists(library: Library) -> Lists:
    words = {name: library.value(f"diary.{name}") for name in ("done", "not_done", "no_activity", "sore", "corrects")}
    return Lists(**words, most_entries=5, most_days_back=6)


@pytest.fixture(scope="module")
def catalogue(library: Library) -> Catalogue:
    return Catalogue(library.protocol["activities"])


def read(text: str, lists: Lists, catalogue: Catalogue, **more: bool) -> list[Told]:
    def named(words: str) -> str | None:
        found = catalogue.find(words)
        return found.says if found else None

    return diary.read(text, TUESDAY, lists, named, **more)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("did 12 mins round the park, sore after", [(12, TUESDAY, "walking")]),
        ("12 minutes walking", [(12, TUESDAY, "walking")]),
        ("walked half an hour yesterday", [(30, MONDAY, "walking")]),
        ("did 10 mins", [(10, TUESDAY, None)]),
        ("went for a stroll, 15 mins", [(15, TUESDAY, "walking")]),
        ("walked the dog 20 mins and gardened for 30 mins", [(20, TUESDAY, "walking"), (30, TUESDAY, "gardening")]),
        ("yesterday 10 min walk, today 15 min swim", [(10, MONDAY, "walking"), (15, TUESDAY, "swimming")]),
        ("did my exercises for an hour and a half on sunday", [(90, SUNDAY, "gentle exercises at home")]),
        ("managed 8 minutes on monday", [(8, MONDAY, None)]),
        ("pushed my chair for 20 minutes", [(20, TUESDAY, "pushing my chair a set way")]),
    ],
)
def test_what_was_done(text: str, told: list[tuple[int, date, str | None]], lists: Lists, catalogue: Catalogue) -> None:
    assert [(each.minutes, each.on, each.activity) for each in read(text, lists, catalogue)] == told


@pytest.mark.parametrize(
    "text",
    [
        "I'll walk 20 minutes tomorrow", "can I walk 20 minutes?", "want to do 20 minutes", "didn't do my 20 minutes",
        "sat for 20 minutes and it hurt", "it hurt for 20 minutes", "10 to 15 minutes walking", "did my walk",
        "my goal is 10 minutes", "the bus was 20 minutes late", "walked", "I walk 20 minutes every day", "20 minutes",
        "if I walk 10 minutes it hurts", "used to do 40 mins", "hurt my back 20 minutes ago",
    ],
)  # fmt: skip
def test_what_is_no_diary_sentence(text: str, lists: Lists, catalogue: Catalogue) -> None:
    assert read(text, lists, catalogue) == []


def test_when_it_is_known_to_tell_of_something_done_the_minutes_are_enough(lists: Lists, catalogue: Catalogue) -> None:
    assert [each.minutes for each in read("20 minutes", lists, catalogue, sure=True)] == [20]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("no, 15", 15),
        ("sorry meant 20 mins", 20),
        ("make that half an hour", 30),
        ("no", None),
        ("no, I can't feel my 2 legs at all since today", None),
        ("15", None),
        ("actually was it 15?", None),
    ],
)
def test_a_correction(text: str, minutes: int | None, lists: Lists) -> None:
    assert diary.corrected(text, lists) == minutes


@pytest.mark.parametrize(
    ("text", "sore"), [("12 mins, sore after", True), ("12 mins, not sore", False), ("12 mins, fine", False)]
)
def test_soreness_is_heard(text: str, sore: bool, lists: Lists) -> None:
    assert diary.is_sore(text, lists) is sore
