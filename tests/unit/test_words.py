"""Small matters of how a sentence reads."""

import pytest

from bot.content import Library


@pytest.mark.parametrize(
    ("filled_in", "read"),
    [
        ("Up to 1 minutes", "Up to 1 minute"),
        ("21 minutes, 0.1 minutes, 5-1 minutes, 1 of 5", "21 minutes, 0.1 minutes, 5-1 minutes, 1 of 5"),
    ],
)
def test_one_of_a_thing_is_said_in_the_singular(library: Library, filled_in: str, read: str) -> None:
    assert library.smooth(filled_in) == read
