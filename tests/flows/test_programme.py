"""The programme round the weekly talk: baseline week, limits and gates, expectation, keeping going."""

from datetime import date, timedelta
from typing import Any

import pytest

from bot.services.plans import REVIEW
from data import alerts, experiments, programme
from data.patients import Patient
from data.programme import OwnWords, PlanState, TalkState, WordsKind
from tests.chat import Chat
from tests.fakes import FakeRasa
from tests.programme import comes, has_goal, only_talk, said, the_plan, the_talk, told

TUESDAY = date(2026, 12, 1)
GOAL = {
    "goal_activity": "walking", "goal_start_minutes": "10", "goal_minutes": "8", "goal_days": "Tuesday, Thursday",
    "goal_at": "09:00", "goal_confidence": "8", "goal_place": "skipped", "goal_importance": "skipped",
    "goal_barrier": "rain", "goal_if_then": "I'll do it indoors",
}  # fmt: skip


def changes(chat: Chat, **values: Any) -> None:
    patient_id = chat.patient.id

    def write(session: Any) -> None:
        for name, value in values.items():
            setattr(session.get(Patient, patient_id), name, value)

    chat.rows(write)


def words_of(chat: Chat, kind: WordsKind) -> list[OwnWords]:
    patient_id = chat.patient.id
    found: list[OwnWords] = chat.rows(lambda session: programme.own_words(session, patient_id, kind))
    return found


def keeps(chat: Chat, kind: WordsKind, words: str) -> None:
    patient, now = chat.patient, chat.clock.now()
    chat.rows(lambda session: chat.app.programme.plans.keep(session, patient, kind, words, now))


# The goal and its plan


async def test_a_goal_that_is_saved_becomes_a_plan_and_keeps_the_plan_for_its_barrier(
    chat: Chat, rasa: FakeRasa
) -> None:
    rasa.hears("save it", says=["utter_goal_saved"], values=GOAL)

    await chat.patient_says("save it")

    plan = the_plan(chat)
    assert (plan.state, plan.key, plan.baseline, plan.minutes, plan.sessions) == (PlanState.ACTIVE, "walking", 10, 8, 2)
    assert [(row.about, row.words) for row in words_of(chat, WordsKind.COPING)] == [("rain", "I'll do it indoors")]


async def test_my_goal_shows_the_amount_as_it_has_grown(chat: Chat, rasa: FakeRasa) -> None:
    has_goal(chat)
    patient_id = chat.patient.id
    chat.rows(lambda session: setattr(programme.plan_of(session, patient_id), "minutes", 11))
    rasa.hears("my goal", says=["utter_my_goals"])

    await chat.patient_says("my goal")

    assert "11 minutes" in chat.last_words()


# The baseline week


@pytest.fixture
async def trying(chat: Chat, rasa: FakeRasa) -> Chat:
    rasa.hears("try it first", says=["utter_baseline_started"], values={"goal_activity": "walking"})
    await chat.patient_says("try it first")
    chat.patient_sees("utter_baseline_started")
    return chat


async def test_tries_come_to_a_first_amount_below_them(trying: Chat, rasa: FakeRasa) -> None:
    told(trying, [(TUESDAY + timedelta(days=place), minutes) for place, minutes in enumerate((9, 12, 10, 11))])

    await comes(trying, "weekly_review", 2)

    trying.patient_sees("utter_baseline_found")
    assert "9, 12, 10, 11" in trying.last_words()
    assert trying.buttons() == ["Start with 8 minutes", "7 minutes, a bit easier", "Not now"]
    rasa.hears("/set_goal", says=["utter_goal_opening", "utter_ask_goal_place"], asks="goal_form.goal_place")
    await trying.patient_taps("Start with 8 minutes")
    assert rasa.turns[-1].entities == {
        "goal_activity": "walking", "goal_start_minutes": "10 minutes", "goal_minutes": "8 minutes",
    }  # fmt: skip


async def test_the_plan_keeps_the_baseline_of_the_tries(trying: Chat, rasa: FakeRasa) -> None:
    told(trying, [(TUESDAY, 9), (TUESDAY - timedelta(days=0), 0)])
    told(trying, [(TUESDAY + timedelta(days=place), minutes) for place, minutes in enumerate((12, 10, 11), start=1)])
    trying.clock.move(timedelta(days=4))
    rasa.hears("save it", says=["utter_goal_saved"], values=GOAL)

    await trying.patient_says("save it")

    assert the_plan(trying).baseline == 10.5


async def test_too_few_tries_ask_for_more_or_for_what_the_patient_knows(trying: Chat) -> None:
    told(trying, [(TUESDAY, 9)])

    await comes(trying, "weekly_review", 2)

    trying.patient_sees("utter_baseline_few")
    assert trying.buttons() == ["I know how long I can do", "A few more days", "I can't do this activity"]
    assert the_plan(trying).state == PlanState.BASELINE


async def test_a_try_told_in_words_is_counted_and_the_fifth_ends_the_week(trying: Chat, rasa: FakeRasa) -> None:
    for place, minutes in enumerate((9, 12, 10, 11, 10)):
        text = f"walked {minutes} minutes"
        rasa.hears(text, intent="log_activity", says=["utter_log_activity"])
        trying.patient_sees(*said(trying))
        await trying.patient_says(text)
        expected = "utter_baseline_try" if place < 4 else "utter_baseline_found"
        assert expected in said(trying)
        trying.clock.move(timedelta(days=1))


# What the body can't do


async def test_i_cannot_leads_to_other_activities_and_then_to_a_human(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/limits_wheelchair", says=["utter_limits_wheelchair"])
    rasa.hears("/none_fits", says=["utter_none_fits"])
    rasa.hears("i use a wheelchair", says=["utter_functional_limitation"])
    await chat.patient_says("I use a wheelchair")
    await chat.patient_taps("I use a wheelchair")

    assert chat.buttons()[0] == "Pushing my chair a set way"
    assert not [label for label in chat.buttons() if "walk" in label.lower()]
    await chat.patient_taps("None of these fit")

    assert [(alert.cause, alert.level) for alert in chat.alerts()] == [("AR08", "P1")]
    chat.patient_sees("utter_functional_limitation", "utter_limits_wheelchair", "utter_limits_which", "utter_none_fits")


async def test_a_chosen_activity_opens_the_goal(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/limits_cannot_stand", says=["utter_limits_cannot_stand"])
    rasa.hears("i cannot stand", says=["utter_functional_limitation"])
    rasa.hears("/set_goal", says=["utter_ask_goal_start_minutes"], asks="goal_form.goal_start_minutes")
    await chat.patient_says("I cannot stand")
    await chat.patient_taps("I can't stand for long")

    await chat.patient_taps("Exercises sitting down")

    assert rasa.turns[-1].entities == {"goal_activity": "exercises sitting down"}


async def test_after_a_limit_the_goal_offers_what_fits(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/limits_cannot_stand", says=["utter_limits_cannot_stand"])
    rasa.hears("i cannot stand", says=["utter_functional_limitation"])
    rasa.hears("set a goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await chat.patient_says("I cannot stand")
    await chat.patient_taps("I can't stand for long")

    await chat.patient_says("set a goal")

    assert "Walking" not in chat.buttons()
    assert "Exercises sitting down" in chat.buttons()


async def test_behind_the_gate_only_light_goals_are_saved_until_a_physio_has_closed_the_alert(
    chat: Chat, rasa: FakeRasa
) -> None:
    changes(chat, needs_activity_review=True, activity_screen="heart: yes, pregnancy: no")
    patient, now = chat.patient, chat.clock.now()
    chat.rows(
        lambda session: chat.app.escalation.raise_declared(
            session, patient, "activity_review", message_id=None, now=now
        )
    )
    rasa.hears("set a goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    rasa.hears("save it", says=["utter_goal_saved"], values=GOAL)
    rasa.hears("sitting then", says=["utter_goal_saved"], values=GOAL | {"goal_activity": "exercises sitting down"})

    await chat.patient_says("set a goal")
    assert "Walking" not in chat.buttons()
    assert "pedals" in str(rasa.turns[-1].slots["activities_allowed"])
    await chat.patient_says("save it")
    assert said(chat)[-1] == "utter_refused_goal_needs_review"
    await chat.patient_says("sitting then")
    assert "utter_goal_saved" in said(chat)

    chat.rows(lambda session: setattr(alerts.unclosed_of(session, patient, REVIEW), "closed_at", chat.clock.now()))
    await chat.patient_says("save it")
    assert said(chat)[-1] == "utter_goal_saved"
    assert chat.patient.needs_activity_review is False


async def test_another_illness_closes_the_gate_and_asks_a_physio_at_once(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/limits_other_illness", says=["utter_limits_other_illness"])
    rasa.hears("i have copd", says=["utter_functional_limitation"])
    await chat.patient_says("I have COPD")

    await chat.patient_taps("I have another illness")

    assert chat.patient.needs_activity_review
    assert [(alert.cause, alert.level) for alert in chat.alerts()] == [("AR08", "P2")]
    assert "Walking" not in chat.buttons()


# Expectation


async def test_the_expectation_is_asked_and_a_low_one_opens_a_tiny_test(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await comes(chat, "expectation", 2)
    await chat.patient_taps("2")
    chat.patient_sees("utter_ask_expect_help", "utter_ask_expect_try")
    assert "We won't know for you until we look" in chat.last_words()

    await chat.patient_taps("The first")
    await chat.patient_taps("6")

    chat.patient_sees("utter_ask_expect_sore", "utter_experiment_agreed")
    patient_id = chat.patient.id
    running = chat.rows(lambda session: experiments.running(session, patient_id))
    assert [(row.expected, row.belief) for row in running] == [(6, "B09")]
    ratings = chat.rows(lambda session: programme.expectations(session, patient_id))
    assert [(row.week, row.rating) for row in ratings] == [(2, 2)]


async def test_a_fair_expectation_opens_nothing_and_is_told_beside_the_first(chat: Chat) -> None:
    await comes(chat, "expectation", 1)
    await chat.patient_taps("5")
    assert said(chat)[-1] == "utter_expectation_noted"
    await comes(chat, "expectation", 6)

    await chat.patient_taps("8")

    assert said(chat)[-1] == "utter_expectation_again"
    assert "5" in chat.last_words()
    assert "8" in chat.last_words()


async def test_no_test_is_fine(chat: Chat) -> None:
    await comes(chat, "expectation", 2)
    await chat.patient_taps("1")

    await chat.patient_taps("No thanks")

    assert "utter_expect_no_test" in said(chat)
    assert the_talk(chat, "expectation").state == TalkState.DONE


# The year


async def test_the_talks_of_the_year_are_planned_when_a_patient_joins(chat: Chat) -> None:
    patient, now = chat.patient, chat.clock.now()
    chat.rows(lambda session: chat.app.programme.joined(session, patient, now))
    chat.rows(lambda session: chat.app.programme.joined(session, patient, now))  # again writes nothing

    talks = chat.rows(lambda session: programme.talks_of(session, patient.id))
    weeks: dict[str, list[int]] = {}
    for talk in talks:
        weeks.setdefault(talk.kind, []).append(talk.week)
    assert weeks == {
        "weekly_review": list(range(2, 14)), "expectation": [1, 2, 6, 12], "maintenance": [11, 12],
        "monthly": list(range(16, 53, 4)),
    }  # fmt: skip


async def test_the_last_weeks_write_a_setback_plan_that_is_shown_in_a_flare(chat: Chat, rasa: FakeRasa) -> None:
    for week, answers in ((11, ("kept_learnt", "kept_signs")), (12, ("kept_keepers", "kept_setback"))):
        await comes(chat, "maintenance", week)
        await chat.patient_taps("Yes")
        given: dict[str, str] = {}
        for slot in answers:
            given[slot] = f"my {slot}"
            last = slot == answers[-1]
            follows = "utter_maintenance_ended" if last else f"utter_ask_{answers[-1]}"
            asks = None if last else f"maintenance_form.{answers[-1]}"
            rasa.hears(f"my {slot}", intent="inform", says=[follows], asks=asks, values=dict(given))
            await chat.patient_says(f"my {slot}")
    assert said(chat)[-4:-2] == ["utter_setback_setback", "utter_setback_warning_sign"]

    keeps(chat, WordsKind.NOTICED, "walking eases it by evening")
    rasa.hears("first aid", says=["utter_flare_first_aid"])
    await chat.patient_says("first aid")

    quotes = [name for name in said(chat) if name.startswith("utter_quote_")]
    assert quotes == ["utter_quote_noticed", "utter_quote_setback"]
    assert "walking eases it by evening" in chat.last_words()
    assert "my kept_setback" in chat.last_words()


async def test_the_month_asks_lightly_and_a_flare_brings_a_booster(chat: Chat) -> None:
    await comes(chat, "monthly", 16)
    for label in ("A bit", "Yes", "No, I'm fine"):
        await chat.patient_taps(label)
    assert said(chat)[-1] == "utter_monthly_flare"
    chat.patient_sees(*said(chat))

    await chat.time_passes(days=1)
    assert said(chat).count("utter_booster_offer") == 1
    for label in ("Yes",):
        await chat.patient_taps(label)

    assert said(chat)[-1] == "utter_booster_planned"
    patient_id = chat.patient.id
    reviews = chat.rows(
        lambda session: [t for t in programme.talks_of(session, patient_id) if t.kind == "weekly_review"]
    )
    assert [talk.week for talk in reviews] == [17, 18]


async def test_a_flare_after_the_weekly_talks_brings_a_booster_a_week_later(chat: Chat, rasa: FakeRasa) -> None:
    chat.clock.move(timedelta(weeks=20))
    rasa.hears("flare", says=["utter_flare_started"])

    await chat.patient_says("flare")

    talk = the_talk(chat, "booster")
    assert talk.due_at - chat.clock.now() >= timedelta(days=6, hours=23)


async def test_a_kill_between_the_tick_and_the_reply_repeats_nothing(chat: Chat) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)
    chat.app.programme.talks.send_due()
    chat.app.programme.talks.send_due()
    await chat.app.delivery.drain(chat.clock.move)

    assert said(chat) == ["utter_weekly_review_offer"]


async def test_when_we_were_down_for_too_long_the_talk_is_left_out(chat: Chat) -> None:
    has_goal(chat)
    only_talk(chat, "weekly_review", 2)
    chat.clock.move_to(the_talk(chat, "weekly_review").due_at + timedelta(days=4))

    chat.app.programme.talks.send_due()

    assert the_talk(chat, "weekly_review").state == TalkState.DROPPED
