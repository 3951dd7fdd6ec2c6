"""Everything real at once: `coach run` as a process, Rasa, database, HTTP to a Bot API. One patient's way."""

from pathlib import Path

import pytest
from sqlmodel import col, select

from bot.content import Library
from data import watchdog
from data.alerts import Alert
from data.checkins import CheckIn
from data.concerns import BeliefFlag, RiskFlag
from data.goals import ActivityGoal
from data.patients import Patient
from tests.e2e.coach import Coach, environment_of, office
from tests.e2e.telegram import Person, telegram_over_http
from tests.fake_telegram import PATIENT, PHYSIO
from tests.rasa_fixture import LiveRasa

pytestmark = pytest.mark.rasa
SECRET = "a-secret-that-only-telegram-knows"


async def test_a_patient_joins_sets_a_goal_and_is_sent_to_hospital(
    empty_url: str, tmp_path: Path, encryption_key: str, library: Library, live_rasa: LiveRasa
) -> None:
    """On SQLite by long polling, on PostgreSQL by webhook."""
    url, way_in = empty_url, "polling" if empty_url.startswith("sqlite") else "webhook"
    with office(tmp_path, database=url, key=encryption_key) as desk:
        desk.add_physio("Priya", lead=False, on_duty=True, chat_id=PHYSIO)
        code = desk.invite_patient().split()[2]

    async with telegram_over_http() as (telegram, address):
        environment = environment_of(tmp_path, database=url, key=encryption_key, telegram=address, rasa=live_rasa)
        if way_in == "webhook":
            door = f"http://127.0.0.1:{live_rasa.action_port}/telegram"
            environment |= {"COACH_TELEGRAM_WEBHOOK_URL": door, "COACH_TELEGRAM_WEBHOOK_SECRET": SECRET}
        coach = Coach(tmp_path, environment)
        patient, physio = Person(telegram, library, PATIENT), Person(telegram, library, PHYSIO)

        with live_rasa.lends_its_endpoint():
            await coach.start()
            try:
                await coach.serves()
                await joins(patient, code)
                await sets_a_goal(patient)
                await is_sent_to_hospital(patient, physio)
            finally:
                exit_code = await coach.stopped()

    assert exit_code == 0
    assert [method for method in ("setMyCommands", "setWebhook") if telegram.made(method)] == (
        ["setMyCommands", "setWebhook"] if way_in == "webhook" else ["setMyCommands"]
    )
    assert PATIENT_WORDS & set(coach.said.split()) == set()
    what_is_written_down(tmp_path, url, encryption_key)


async def joins(patient: Person, code: str) -> None:
    await patient.says(f"/start {code}")
    await patient.sees("utter_invitation_accepted", "utter_ask_read_what_i_am")
    await patient.says("ok")
    await patient.sees("utter_ask_read_about_telegram")
    await patient.says("ok")
    await patient.sees("utter_ask_age_ok")
    await patient.taps("Yes")
    await patient.sees("utter_ask_consent")
    await patient.says("Yes, I agree")
    await patient.sees("utter_ask_nation")
    await patient.says("Scotland")
    await patient.sees("utter_ask_time_zone")
    await patient.says("Yes, UK time")
    await patient.sees("utter_ask_check_in_at")
    await patient.says("half six in the evening")
    for question in ("heart", "operation_or_bones", "pregnancy", "other_condition"):
        await patient.sees(f"utter_ask_screen_{question}")
        await patient.says("no")
    await patient.sees("utter_enrolled", "utter_first_safety_screen", "utter_q_ce_feeling")
    for next_question in ("utter_q_ce_peeing", "utter_q_ce_pooing", "utter_q_ce_sex", "utter_q_ce_legs"):
        await patient.taps("No")
        await patient.sees(next_question)
    await patient.taps("No")
    await patient.sees("utter_screen_clear")
    await patient.sees("utter_first_step")


async def sets_a_goal(patient: Person) -> None:
    await patient.says("set a goal")
    await patient.sees("utter_goal_opening", "utter_ask_goal_activity")
    await patient.says("dunno")
    await patient.sees("utter_goal_needs_activity", "utter_ask_goal_activity")
    await patient.says("I'd like to walk my dog round the park again")
    await patient.sees("utter_ask_goal_start_minutes")
    await patient.says("about 10 minutes")
    await patient.sees("utter_ask_goal_minutes")
    await patient.says("it's wear and tear, walking will just wear it out faster")
    await patient.sees("utter_belief_b04_in_form", "utter_ask_goal_minutes")
    await patient.says("8 minutes")
    await patient.sees("utter_ask_goal_place")
    await patient.says("skip")
    await patient.sees("utter_ask_goal_days")
    await patient.says("mon and Thursday please")
    await patient.sees("utter_ask_goal_at")
    await patient.says("after breakfast")
    await patient.sees("utter_ask_goal_importance")
    await patient.taps("8")
    await patient.sees("utter_ask_goal_confidence")
    await patient.taps("9")
    await patient.sees("utter_ask_goal_barrier")
    await patient.says("The weather")
    await patient.sees("utter_ask_goal_if_then")
    await patient.says("I'll do it indoors")
    await patient.sees("utter_ask_goal_confirm")
    await patient.taps("Yes, save it")
    await patient.sees("utter_goal_saved")


async def is_sent_to_hospital(patient: Person, physio: Person) -> None:
    await patient.says("can't feel when I wipe since this morning")
    await patient.sees("utter_mae")
    card = await physio.reads("RF01")
    assert "wipe" not in card
    await patient.says("is it time for my walk?")
    await patient.sees("utter_safety_held")

    await physio.taps("Acknowledge")
    await physio.sees("utter_card_yours")
    await physio.finds("utter_card_acknowledged")
    await physio.taps("Close")
    await physio.sees("utter_choose_outcome")
    await physio.taps("Being seen: A&E, 999, 111 or GP")
    await physio.finds("utter_card_closed")
    await patient.sees("utter_safety_cleared", "utter_resume_offer")
    await patient.taps("Go on now")
    await patient.sees("utter_resume_now")


PATIENT_WORDS = {"wipe", "breakfast", "indoors", "park"}  # none of these may stand in a log


def what_is_written_down(folder: Path, url: str, key: str) -> None:
    with office(folder, database=url, key=key) as desk, desk.database.transaction() as session:
        (patient,) = session.exec(select(Patient).where(col(Patient.code) != watchdog.CODE)).all()
        (goal,) = session.exec(select(ActivityGoal)).all()
        (alert,) = session.exec(select(Alert).where(col(Alert.patient_id) == patient.id)).all()
        beliefs = [flag.belief for flag in session.exec(select(BeliefFlag))]
        risks = {(flag.risk, flag.action) for flag in session.exec(select(RiskFlag))}
        check_ins = session.exec(select(CheckIn)).all()

        assert (patient.state, patient.nation, f"{patient.check_in_at:%H:%M}") == ("active", "scotland", "18:30")
        assert (goal.minutes, goal.start_minutes, goal.days, goal.confidence) == (8, 10, "Monday, Thursday", 9)
        assert (alert.cause, alert.state, alert.outcome, alert.times_raised) == ("RF01", "closed", "being_seen", 1)
        assert "B04" in beliefs
        assert ("RF01", "advise") in risks
        assert len(check_ins) <= 1
