"""The table and the percentiles of the benchmarks, on made-up numbers: nothing is measured here."""

import json

import pytest

from tests.bench.figures import ROWS, Figures, Row, aim_of, misses, percentile, shown

MOST = Row("wait", "waiting", "ms", 100)
LEAST = Row("rate", "replies", "/s", 35, at_least=True)


@pytest.mark.parametrize(("percent", "value"), [(50, 50.5), (95, 95.05), (1, 1.99)])
def test_a_percentile_lies_between_its_neighbours(percent, value):
    assert percentile(range(1, 101), percent) == pytest.approx(value)


def test_the_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 95) == 7.0


def test_the_order_of_the_values_does_not_matter():
    assert percentile([9, 1, 5], 50) == 5


@pytest.mark.parametrize(
    ("row", "value", "missed"),
    [(MOST, 100, False), (MOST, 100.1, True), (LEAST, 35, False), (LEAST, 34.9, True), (MOST, None, False)],
)
def test_an_aim_is_a_most_or_a_least(row, value, missed):
    assert misses(row, value) == missed


def test_an_aim_is_shown_with_its_direction_and_unit():
    assert [aim_of(row) for row in (MOST, LEAST, Row("x", "y", "s"))] == ["≤ 100 ms", "≥ 35 /s", ""]


@pytest.mark.parametrize(
    ("value", "words"), [(None, "–"), (0, "0.0 s"), (7.26, "7.3 s"), (99.96, "100 s"), (1116.4, "1116 s")]
)
def test_a_figure_is_shown_with_three_digits_that_count(value, words):
    assert shown(value, "s") == words


def figures() -> Figures:
    return Figures(
        ours={"latency_p50": 120.0, "start": 9.0}, stock={"latency_p50": 40.0}, failed={"ours: load": "away"}
    )


def test_the_table_has_a_line_for_every_figure_and_says_which_aim_is_missed():
    lines = figures().table().splitlines()
    line = {row.key: " ".join(lines[number].split()) for number, row in enumerate(ROWS, start=1)}

    assert len(lines) == 1 + len(ROWS)
    assert line["latency_p50"] == "reply latency, half are faster 120 ms 40.0 ms ≤ 100 ms (missed)"
    assert line["start"] == "start to first reply 9.0 s – ≤ 25 s"
    assert line["cpu_app"] == "processor time of a reply, app – –"


def test_the_columns_stand_below_each_other():
    lines = figures().table().splitlines()

    assert len({line.index("≤") for line in lines if "≤" in line}) == 1


def test_the_file_holds_every_figure_with_its_unit_and_what_failed(tmp_path):
    figures().save(tmp_path / "new" / "bench.json", commit="abc")

    saved = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert list(saved["figures"]) == [row.key for row in ROWS]
    assert saved["figures"]["latency_p50"] == {
        "what": "reply latency, half are faster",
        "unit": "ms",
        "ours": 120.0,
        "stock": 40.0,
        "aim": "≤ 100 ms",
    }
    assert (saved["commit"], saved["failed"]) == ("abc", {"ours: load": "away"})


def test_no_two_figures_have_one_name():
    assert len({row.key for row in ROWS}) == len(ROWS)
