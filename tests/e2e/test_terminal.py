"""`coach chat --new --json` through a pipe, with its own real Rasa: the script a physiotherapist would try first."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.clock import SystemClock
from bot.content import Library
from bot.settings import ROOT
from tests.e2e.telegram import saying
from tests.rasa_fixture import LiveRasa

pytestmark = pytest.mark.rasa
COACH = Path(sys.executable).with_name("coach")
LONGEST_S = 300  # half a minute on a quiet machine
NUMB = "can't feel when I wipe since this morning"

# What is typed, who sees something then, and which responses stand in it, in order.
Step = tuple[str, str, tuple[str, ...]]


def patient(line: str, *responses: str) -> Step:
    return line, "patient", responses


def physio(line: str, *responses: str) -> Step:
    return line, "physio", responses


JOINS = [
    patient("hello", "utter_ask_invitation_code"),
    patient("ABCD-EFGH-JKMN", "utter_invitation_accepted", "utter_ask_read_what_i_am"),
    patient("ok", "utter_ask_read_about_telegram"),
    patient("ok", "utter_ask_age_ok"),
    patient(":tap Yes", "utter_ask_consent"),
    patient("Yes, I agree", "utter_ask_nation"),
    patient("Scotland", "utter_ask_time_zone"),
    patient("Yes, UK time", "utter_ask_check_in_at"),
    patient("9 in the morning", "utter_ask_screen_heart"),
    patient("no", "utter_ask_screen_operation_or_bones"),
    patient("no", "utter_ask_screen_pregnancy"),
    patient("no", "utter_ask_screen_other_condition"),
    patient("no", "utter_enrolled", "utter_q_ce_feeling"),
    patient(":tap No", "utter_q_ce_peeing"),
    patient(":tap No", "utter_q_ce_pooing"),
    patient(":tap No", "utter_q_ce_sex"),
    patient(":tap No", "utter_q_ce_legs"),
    patient(":tap No", "utter_screen_clear"),
]
SETS_A_GOAL = [
    patient("set a goal", "utter_goal_opening", "utter_ask_goal_activity"),
    patient("dunno", "utter_goal_needs_activity", "utter_ask_goal_activity"),
    patient("I'd like to walk my dog round the park again", "utter_ask_goal_start_minutes"),
    patient("about 10 minutes", "utter_ask_goal_minutes"),
    patient("it's wear and tear, walking will just wear it out", "utter_belief_b04_in_form", "utter_ask_goal_minutes"),
    patient("8 minutes", "utter_ask_goal_place"),
    patient("skip", "utter_ask_goal_days"),
    patient("mon and Thursday please", "utter_ask_goal_at"),
    patient("after breakfast", "utter_ask_goal_importance"),
    patient(":tap 8", "utter_ask_goal_confidence"),
    patient(":tap 9", "utter_ask_goal_barrier"),
    patient("The weather", "utter_ask_goal_if_then"),
    patient("I'll do it indoors", "utter_ask_goal_confirm"),
    patient(":tap Yes, save it", "utter_goal_saved"),
]


def days_later(number: int) -> str:
    """Twenty past nine, where the patient lives: the check-in has just been asked. Never a Sunday, nor is the day after:
    then the last question is another."""
    today: datetime = SystemClock().now().astimezone(ZoneInfo("Europe/London"))
    first = next(n for n in (2, 4) if (today.weekday() + n) % 7 not in (5, 6))
    return f":at {today + timedelta(days=first + number - 2):%Y-%m-%d}T09:20"


CHECKS_IN = [
    patient(":wait 1d", "utter_ask_pain_now"),
    patient(days_later(2), "utter_ask_pain_now"),
    patient(":tap 6", "utter_ask_minutes_done"),
    patient("10", "utter_ask_confidence"),
    patient(":tap 8", "utter_check_in_done_minutes"),
]
IN_DANGER = [
    patient(NUMB, "utter_mae"),
    physio("", "utter_card_raised"),
    physio(":physio ack", "utter_card_yours"),
    patient(":physio close", "utter_safety_cleared", "utter_resume_offer"),
    patient(":tap Go on now", "utter_resume_now"),
]
WITHOUT_RASA = [
    patient(":rasa down"),
    patient(days_later(3), "utter_ask_pain_now"),
    patient(":tap 4", "utter_ask_minutes_done"),
    patient("12", "utter_ask_confidence"),
    patient("now I can't pee at all and both my legs are numb", "utter_mae"),
    physio("", "utter_card_raised"),
    physio(":physio ack", "utter_card_yours"),
    patient(":physio close", "utter_safety_cleared", "utter_resume_offer"),
    patient("hello", "utter_holding"),
    patient(":rasa up", "utter_answered_late", "utter_greet"),
]
SCRIPT = [*JOINS, *SETS_A_GOAL, *CHECKS_IN, *IN_DANGER, *WITHOUT_RASA]


@pytest.fixture(scope="module")
def shown(live_rasa: LiveRasa) -> list[dict[str, Any]]:
    """What the pipe printed. (`live_rasa` has trained the model that this chat starts from.)"""
    lines = [line for line, _, _ in SCRIPT if line]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COACH_", "TELEGRAM_"))}
    run = subprocess.run(
        [COACH, "chat", "--new", "--json"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, cwd=ROOT, env=environment, timeout=LONGEST_S,
    )  # fmt: skip
    assert run.returncode == 0, f"{run.stderr[-2000:]}\n{run.stdout[-2000:]}"
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_the_script_is_answered_as_a_physiotherapist_would_wish(shown: list[dict[str, Any]], library: Library) -> None:
    read = 0
    for line, who, responses in SCRIPT:
        if not responses:
            continue
        wanted = saying(library, *responses)
        unread = enumerate(shown[read:], start=read + 1)
        found = next((number for number, each in unread if each["to"] == who and wanted.search(each["text"])), None)
        after = "\n".join(f"{each['to']}: {each['text']}" for each in shown[read : read + 4])
        assert found, f"after {line!r} the {who} was to see {responses}; what came was\n{after}"
        read = found


def test_time_goes_forward_and_nobody_sees_an_empty_message(shown: list[dict[str, Any]]) -> None:
    assert [each["at"] for each in shown] == sorted(each["at"] for each in shown)
    assert [each for each in shown if not each["text"].strip()] == []
    assert {frozenset(each) - {"picture", "edited"} for each in shown} == {frozenset({"at", "to", "text", "buttons"})}


def test_the_physio_never_reads_the_patients_words(shown: list[dict[str, Any]]) -> None:
    cards = [each["text"] for each in shown if each["to"] == "physio"]

    assert len(cards) >= 4
    assert [card for card in cards if "wipe" in card or "pee at all" in card] == []
