"""Long texts leave in parts that Telegram takes, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.splitting import LONGEST_TEXT, split, units

WORDS = st.lists(st.text(st.characters(exclude_categories=("Cs", "Zs", "Cc", "Zl", "Zp")), min_size=1, max_size=12))
PROSE = st.builds(
    lambda words, gaps: "".join(word + gap for word, gap in zip(words, gaps * 99, strict=False)),
    WORDS,
    st.lists(st.sampled_from([" ", "\n", "\n\n", ". "]), min_size=1),
)


def test_a_short_text_stays_whole():
    assert split("Well done today.") == ["Well done today."]


def test_lengths_are_counted_as_telegram_counts_them():
    assert (units("abc"), units("é"), units("😀")) == (3, 1, 2)


@given(PROSE, st.integers(13, 60))
def test_every_part_fits_and_holds_whole_words_in_order(text, limit):
    words = text.split()

    parts = split(text, limit)

    assert all(units(part) <= limit for part in parts)
    if all(units(word) <= limit for word in words):
        assert [word for part in parts for word in part.split()] == words


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=200), st.integers(2, 40))
def test_no_character_is_lost_or_cut_in_half(text, limit):
    parts = split(text, limit)

    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(units(part) <= limit for part in parts)
    "".join(parts).encode()  # half an emoji would raise


def test_a_word_without_end_is_cut_between_characters():
    assert [units(part) for part in split("😀" * 3000)] == [LONGEST_TEXT, 6000 - LONGEST_TEXT]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two three.\n\nFour five six.", ["One two three.", "Four five six."]),
        ("One two three\nfour five six seven", ["One two three", "four five six seven"]),
        ("One two three. Four five six.", ["One two three.", "Four five six."]),
        ("One two three four five six", ["One two three four", "five six"]),
    ],
    ids=["paragraph", "line", "sentence", "word"],
)
def test_the_cut_is_at_the_best_break_near_the_end(text, expected):
    assert split(text, 20) == expected
