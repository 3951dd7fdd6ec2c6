"""Buttons stand in rows that a thumb can hit, and carry only an id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DeliveryError
from bot.telegram.keyboards import MOST_DATA_BYTES, keyboard


def rows(labels):
    markup = keyboard([{"id": f"b{index}", "label": label} for index, label in enumerate(labels)])
    return [[button.text for button in row] for row in markup.inline_keyboard]


def test_a_message_without_buttons_has_no_keyboard():
    assert keyboard([]) is None


def test_pain_scores_stand_in_two_rows():
    assert rows([str(number) for number in range(11)]) == [list("012345"), ["6", "7", "8", "9", "10"]]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["Yes", "No"], [["Yes", "No"]]),
        (["Yes", "No", "Not sure"], [["Yes", "No", "Not sure"]]),
        (["Acknowledge", "Close"], [["Acknowledge", "Close"]]),
        (["Talk to my physio team", "Carry on"], [["Talk to my physio team"], ["Carry on"]]),
        ([*"01234567", "Skip"], [list("012345"), ["6", "7"], ["Skip"]]),
        (
            ["Several days", "Nearly every day", "Back", "Skip"],
            [["Several days", "Nearly every day"], ["Back", "Skip"]],
        ),
    ],
)
def test_the_width_of_a_row_follows_the_longest_label(labels, expected):
    assert rows(labels) == expected


@given(st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable()))
def test_a_button_leaves_only_with_an_id_that_telegram_takes(button_id):
    button = [{"id": button_id, "label": "Yes"}]

    if len(button_id.encode()) > MOST_DATA_BYTES:
        with pytest.raises(DeliveryError) as refused:
            keyboard(button)
        assert refused.value.permanent
    else:
        assert keyboard(button).inline_keyboard[0][0].callback_data == button_id
