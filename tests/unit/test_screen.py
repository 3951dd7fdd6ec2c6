"""`coach screen --rules-only` through a pipe: one answer a line, in order, and no line stops the run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.settings import ROOT

NUMB = "I can't feel when I wipe since this morning"
LONGEST = 4096  # UTF-16 units: Telegram's own limit


def screened(*lines: str | bytes) -> list[dict[str, Any]]:
    """What the real command prints for these lines."""
    given = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    command = [Path(sys.executable).with_name("coach"), "screen", "--rules-only"]
    run = subprocess.run(command, input=given, capture_output=True, cwd=ROOT, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    return [json.loads(line) for line in run.stdout.splitlines()]


def risks(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(risk["id"], risk["action"], risk["layer"]) for risk in result["risks"]]


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    return screened(
        json.dumps({"text": NUMB}),
        NUMB,
        "I walked to the shop",
        '{"text": "half an obj',
        "",
        "   ",
        '{"text": ""}',
        '{"text": 7}',
        '{"words": "hello"}',
        "[1, 2]",
        "a" * LONGEST,
        "a" * (LONGEST + 1),
        "😀" * (LONGEST // 2),
        "😀" * (LONGEST // 2) + "!",
        json.dumps({"text": "half an emoji \ud83d"}),
        json.dumps({"text": "I want to end my life", "id": 12}),
    )


def test_every_line_has_one_answer_and_the_last_is_still_read(results: list[dict[str, Any]]) -> None:
    assert len(results) == 16
    assert [risk for risk, *_ in risks(results[-1])] == ["RF13"]


def test_a_json_line_and_a_plain_line_are_read_alike(results: list[dict[str, Any]]) -> None:
    assert results[0] == results[1]
    assert risks(results[0]) == [("RF01", "advise", "rules")]


def test_a_result_has_exactly_the_promised_fields(results: list[dict[str, Any]]) -> None:
    assert set(results[0]) == {"text", "intent", "beliefs", "risks"}
    assert set(results[0]["risks"][0]) == {"id", "severity", "action", "layer"}
    assert (results[0]["text"], results[0]["intent"], results[0]["beliefs"]) == (NUMB, None, [])


def test_a_harmless_line_has_no_risk(results: list[dict[str, Any]]) -> None:
    assert results[2] == {"text": "I walked to the shop", "intent": None, "beliefs": [], "risks": []}


def test_what_is_no_message_gets_an_error_in_its_place(results: list[dict[str, Any]]) -> None:
    errors = {number for number, result in enumerate(results) if set(result) == {"error"}}

    assert errors == {3, 4, 5, 6, 7, 8, 11, 13}


def test_a_message_is_measured_as_telegram_measures_it(results: list[dict[str, Any]]) -> None:
    assert (len(results[10]["text"]), len(results[12]["text"])) == (LONGEST, LONGEST // 2)


def test_half_an_emoji_does_not_end_the_run(results: list[dict[str, Any]]) -> None:
    assert results[14]["text"] == "half an emoji \ufffd"


def test_bytes_that_are_no_text_do_not_end_the_run() -> None:
    broken, after = screened(b"\xff\xfe caf\xe9", NUMB)

    assert broken["text"] == "\ufffd\ufffd caf\ufffd"
    assert risks(after) == [("RF01", "advise", "rules")]


def test_nothing_given_is_nothing_printed() -> None:
    assert screened() == []
