"""Patients at risk of not getting on: what they see, what the physio sees, when nobody is told, and what a close does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from sqlmodel import Session, select

from bot.clock import SimulatedClock
from bot.coaching.graded_activity import Hindrance
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from data import at_risk, checkins
from data.activity import ActivityEntry, ActivitySource
from data.at_risk import AtRiskFinding, AtRiskPrompt
from data.checkins import CheckIn, CheckInState
from data.database import Database
from data.goals import ActivityGoal, GoalState
from data.measures import Sitting, SittingState
from data.messages import Direction, Message
from data.patients import PatientState
from data.programme import ActivityPlan, PlanState, WeekReview
from tests.chat import Chat
from tests.fakes import FakeRasa

DAY = timedelta(days=1)
SEEN: WeakKeyDictionary[Chat, int] = WeakKeyDictionary()


@pytest.fixture
async def chat(
    sqlite_database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    async with watched(Chat(sqlite_database, library, rules, clock, rasa), rasa) as chat:
        yield chat


@pytest.fixture
async def either(
    database: Database, library: Library, rules: ScreeningRules, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    """On both databases: where what stands in the rows decides."""
    async with watched(Chat(database, library, rules, clock, rasa), rasa) as chat:
        yield chat


@asynccontextmanager
async def watched(chat: Chat, rasa: FakeRasa) -> AsyncIterator[Chat]:
    """Watched: Tuesday 1 December 2026, 09:00; check-ins at 18:00; looked at each day at 09:30."""
    async with chat.bot:
        chat.physio_is_on_duty()
        chat.patient_has_joined(watched=True)
        rasa.hears("hello", intent="greet", says=["utter_greet"])
        rasa.hears("/resume", intent="resume", says=["utter_resumed"])
        yield chat


def today(chat: Chat) -> date:
    return chat.clock.now().date()


def adds(chat: Chat, *rows: Any) -> None:
    patient = chat.patient.id
    for row in rows:
        row.patient_id = patient
    chat.rows(lambda session: session.add_all(rows))


def told(
    chat: Chat, pain: Sequence[int | None], minutes: Sequence[int | None] = (), *, last: date | None = None
) -> None:
    """What was told on the days up to `last` (yesterday)."""
    end = last or today(chat) - DAY
    for ago, score in enumerate(reversed(pain)):
        if score is not None:
            with chat.database.transaction() as session:
                rated(session, chat.patient.id, end - DAY * ago, score)
    for ago, amount in enumerate(reversed(minutes)):
        if amount is not None:
            adds(chat, ActivityEntry(on=end - DAY * ago, minutes=amount, source=ActivitySource.DIARY,
                                     activity="gardening", told_at=chat.clock.now() - DAY * ago))  # fmt: skip


def rated(session: Session, patient_id: int, on: date, score: int) -> None:
    """In that day's check-in, whatever else becomes of it."""
    row = next(iter(checkins.of_day(session, patient_id, on)), None)
    if row is None:
        row = CheckIn(
            patient_id=patient_id, on=on, due_at=datetime.combine(on, time(18), UTC), state=CheckInState.ANSWERED
        )
    row.pain = score
    session.add(row)


def scored(chat: Chat, measure: str, occasion: str, score: float, days_ago: float = 0, **parts: float) -> None:
    at = chat.clock.now() - timedelta(days=days_ago)
    adds(chat, Sitting(measure=measure, occasion=occasion, due_on=at.date(), until_on=at.date(), ended_at=at,
                       state=SittingState.DONE, score=score, subscales=parts))  # fmt: skip


def raised(chat: Chat) -> list[tuple[str, str]]:
    return [(alert.cause, alert.level) for alert in chat.alerts()]


def prompts(chat: Chat) -> list[AtRiskPrompt]:
    return chat.rows(lambda session: list(session.exec(select(AtRiskPrompt).order_by(AtRiskPrompt.id)).all()))


def responses(chat: Chat) -> list[str]:
    """The names of everything that was said to the patient."""
    query = select(Message.responses).where(Message.direction == Direction.TO_PATIENT).order_by(Message.id)
    return [name for names in chat.rows(lambda session: session.exec(query).all()) for name in names.split(",")]


def names_seen(chat: Chat) -> list[str]:
    """Those since the last look, without check-ins and their reminders."""
    named = responses(chat)
    new = named[SEEN.get(chat, 0) :]
    SEEN[chat] = len(named)
    of_check_ins = ("utter_ask_pain", "utter_check_in", "utter_ask_minutes", "utter_ask_conf", "utter_ask_noticed")
    return [name for name in new if not name.startswith(of_check_ins)]


async def looks(chat: Chat) -> None:
    """The next daily look, and what it sends in the hour after it."""
    now = chat.clock.now()
    until = now.replace(hour=10, minute=30)
    await chat.time_passes(seconds=((until if until > now else until + DAY) - now).total_seconds())


async def joined_for(chat: Chat, days: int, *, heard: bool = True) -> None:
    """Days go by in which the patient says hello now and then, and no question of the week is asked."""
    chat.rows(
        lambda session: setattr(session.merge(chat.patient), "enrolled_at", chat.clock.now() - timedelta(days=days))
    )
    if heard:
        await chat.patient_says("hello")
    names_seen(chat)


# AR04: silence


async def test_three_check_ins_without_an_answer_bring_one_gentle_note(chat: Chat) -> None:
    await chat.time_passes(days=4, hours=2)

    assert names_seen(chat) == ["utter_at_risk_quiet_note"]
    assert raised(chat) == []

    await chat.time_passes(days=6)

    assert names_seen(chat) == []


async def test_after_a_fortnight_a_physio_hears_of_it_and_after_three_weeks_it_pauses(
    chat: Chat, rasa: FakeRasa
) -> None:
    await chat.time_passes(days=14, hours=2)
    assert raised(chat) == [("AR04", "P3")]
    chat.physio_sees("AR04 Silence", "nothing heard for 14 days", "Suggested: Try another way to reach them.")
    names_seen(chat)

    await chat.time_passes(days=7)

    assert names_seen(chat) == ["utter_at_risk_quiet_pause"]
    assert chat.patient.state == PatientState.PAUSED
    assert chat.buttons() == ["Start again", "Talk to a person"]

    await chat.time_passes(days=4)
    assert names_seen(chat) == []

    await chat.patient_taps("Start again")

    assert chat.patient.state == PatientState.ACTIVE
    assert names_seen(chat) == ["utter_resumed"]


async def test_who_writes_anything_is_not_silent(chat: Chat) -> None:
    await chat.time_passes(days=3)
    await chat.patient_says("hello")
    names_seen(chat)

    await chat.time_passes(days=2, hours=2)

    assert names_seen(chat) == []


async def test_a_note_that_waited_is_not_sent_to_somebody_who_has_come_back(chat: Chat) -> None:
    await chat.time_passes(days=2)
    adds(chat, Message(key="now", direction=Direction.FROM_PATIENT, kind="text", text="hi", at=chat.clock.now()))
    adds(
        chat,
        AtRiskPrompt(name="quiet_note", cause="since 2026-12-01", rule="AR04", on=today(chat), due_at=chat.clock.now()),
    )

    await chat.settle()

    assert names_seen(chat) == []
    assert [each.state for each in prompts(chat)] == ["dropped"]


async def test_silence_after_a_flag_that_nobody_has_seen_is_told_the_same_day(chat: Chat) -> None:
    await chat.patient_says("I'm numb between my legs and I can't pee")
    assert [cause for cause, _ in raised(chat)] == ["RF01"]

    await chat.time_passes(hours=9)

    assert ("AR04", "P0") in raised(chat)


async def test_silence_after_a_flag_that_a_physio_has_acknowledged_is_not(chat: Chat) -> None:
    await chat.patient_says("I'm numb between my legs and I can't pee")
    await chat.time_passes(hours=7)
    await chat.physio_taps("Acknowledge")

    await chat.time_passes(hours=1, minutes=30)

    assert [cause for cause, _ in raised(chat)] == ["RF01"]


# AR01: pain that has risen and stays up


async def test_a_rise_of_pain_is_told_asked_about_and_holds_the_amount(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/flare_first_aid", intent="flare_first_aid", says=["utter_flare_first_aid"])
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [None] * 3 + [6] * 3)

    await chat.time_passes(hours=9, minutes=5)
    await chat.patient_taps("6")
    await answer_rest(chat)

    assert raised(chat) == [("AR01", "P2")]
    chat.physio_sees("AR01 Pain has risen", "mean pain 6 over 7 days (4 ratings), before it was 3.",
                     "Pain: 3 3 3", "Goal: none open", "Known limits: none told")  # fmt: skip
    assert holds_the_amount(chat)


def holds_the_amount(chat: Chat) -> bool:
    plan = ActivityPlan(patient_id=chat.patient.id, state=PlanState.ACTIVE, activity="walking", minutes=10, sessions=3,
                        from_on=today(chat), created_at=chat.clock.now())  # fmt: skip
    plans, now = chat.app.programme.plans, chat.clock.now()
    found = chat.rows(lambda session: plans.hindrance(session, session.merge(chat.patient), plan, now))
    return bool(found == Hindrance.PHYSIO_FIRST)


async def answer_rest(chat: Chat) -> None:
    """The rest of the check-in is skipped."""
    for _ in range(3):
        if "Skip" in chat.buttons():
            await chat.patient_taps("Skip")


async def test_the_questions_come_with_the_note_and_a_no_goes_on_to_what_helps(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/flare_first_aid", intent="flare_first_aid", says=["utter_flare_first_aid"])
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [6] * 7)
    await looks(chat)
    assert names_seen(chat) == ["utter_at_risk_pain_up", "utter_q_rf19_nerves"]

    for _ in range(3):
        await chat.patient_taps("No")

    assert names_seen(chat)[-3:] == ["utter_question_set_clear", "utter_flare_first_aid", "utter_flare_card_1"]
    assert raised(chat) == [("AR01", "P2")]


async def test_missing_ratings_are_no_rise(chat: Chat) -> None:
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [9, None, None, 9, None, None, 9])

    await looks(chat)

    assert raised(chat) == []


async def test_it_is_told_once_and_again_only_a_week_after_the_close(either: Chat) -> None:
    chat = either
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [6] * 7)
    await looks(chat)
    await answer_no(chat)
    await looks(chat)
    assert raised(chat) == [("AR01", "P2")]

    await closes(chat)
    for days in range(1, 8):
        told(chat, [6], last=today(chat))
        await chat.patient_says("hello")
        await looks(chat)
        assert len(raised(chat)) == (1 if days < 7 else 2), days


async def test_a_higher_level_takes_the_place_of_the_open_one(either: Chat) -> None:
    chat = either
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [6] * 7)
    await looks(chat)
    await answer_no(chat)
    chat.sees(9001)
    chat.rows(lambda session: [setattr(row, "pain", 9) for row in session.exec(select(CheckIn)) if row.pain == 6])

    await looks(chat)

    assert raised(chat) == [("AR01", "P1")]
    chat.physio_sees("P1", "mean pain 9 over 7 days")
    assert len(chat.rows(lambda session: session.exec(select(AtRiskFinding)).all())) == 2


async def test_a_red_flag_is_told_again_each_time_also_right_after_a_close(either: Chat) -> None:
    chat = either
    await chat.patient_says("I'm numb between my legs and I can't pee")
    await chat.physio_taps("Acknowledge")
    await chat.patient_says("it's still all numb between my legs")
    assert [(alert.cause, alert.times_raised, alert.state) for alert in chat.alerts()] == [("RF01", 2, "open")]

    await chat.physio_taps("Close")
    await chat.physio_taps("Known already and not new")
    await chat.patient_says("I'm numb between my legs and I can't pee")

    assert raised(chat) == [("RF01", "P0"), ("RF01", "P0")]


async def answer_no(chat: Chat) -> None:
    for _ in range(3):
        if "No" in chat.buttons():
            await chat.patient_taps("No")


async def closes(chat: Chat) -> None:
    await chat.physio_says("/alerts")
    await chat.physio_taps(next(label for label in chat.buttons(9001) if "AR" in label or "A-" in label))
    await chat.physio_taps("Close")
    await chat.physio_taps("Known already and not new")


# AR08: what the body can't do


async def test_a_yes_to_the_functional_screen_offers_other_ways_and_tells_a_physio(chat: Chat) -> None:
    await asked(chat, "body", week=6)

    await chat.patient_taps("I use a walking frame")
    await looks(chat)

    assert raised(chat) == [("AR08", "P2")]
    assert names_seen(chat)[:1] == ["utter_at_risk_noted"]
    assert "utter_at_risk_other_ways" in responses(chat)
    chat.physio_sees("AR08 Can't do the activity", "functional screen: uses a walking frame")


# AR12: goals missed


async def test_three_weeks_under_half_ask_what_would_help_and_five_are_more_urgent(chat: Chat) -> None:
    await joined_for(chat, 40)
    weeks(chat, 1, 1, 1)

    await looks(chat)

    assert raised(chat) == [("AR12", "P3")]
    assert "utter_at_risk_barriers" in names_seen(chat)
    chat.physio_sees("3 of 12 planned sessions in 3 weeks", "Review what gets in the way, not the effort.")

    weeks(chat, 1, 1, first=4)
    await looks(chat)

    assert raised(chat) == [("AR12", "P2")]


async def test_goals_dropped_twice(chat: Chat) -> None:
    await joined_for(chat, 40)
    for _ in range(2):
        adds(chat, dropped_goal(chat.clock.now()))

    await looks(chat)

    assert raised(chat) == [("AR12", "P3")]


def weeks(chat: Chat, *done: int, first: int = 1) -> None:
    for number, each in enumerate(done, start=first):
        adds(chat, WeekReview(week=number, planned=4, done=each, at=chat.clock.now()))


def dropped_goal(now: datetime) -> ActivityGoal:
    return ActivityGoal(
        state=GoalState.DROPPED, activity="walking", place="", days="Monday", at="9", minutes=5, start_minutes=5,
        confidence=7, barrier="", if_then="", created_at=now, ended_at=now,
    )  # fmt: skip


# AR13: big days and quiet ones

MINUTES = (20, 20, 20, 60, 5, 20, 20, 20, 20, 70, 0, 20, 20, 20)
PAIN = (4, 4, 4, 4, 7, 4, 4, 4, 4, 4, 6, 4, 4, 4)


async def test_the_pattern_is_asked_about_before_anything_is_made_of_it(chat: Chat) -> None:
    await joined_for(chat, 30)
    told(chat, PAIN, MINUTES)

    await looks(chat)

    assert names_seen(chat) == ["utter_at_risk_rings_true"]
    assert "On 2 big days this fortnight (gardening)" in chat.last_words()
    assert raised(chat) == []

    await chat.patient_taps("Yes, it does")

    assert names_seen(chat) == ["utter_at_risk_rang_true", "utter_at_risk_pacing"]
    assert chat.buttons() == ["Yes, let's try", "Not now"]


async def test_not_really_is_taken_as_said(chat: Chat) -> None:
    await joined_for(chat, 30)
    told(chat, PAIN * 2, MINUTES * 2)
    await looks(chat)
    assert raised(chat) == [("AR13", "P3")]
    names_seen(chat)

    await chat.patient_taps("Not really")
    await closes(chat)
    for _ in range(8):
        await chat.patient_says("hello")
        await looks(chat)

    assert "utter_at_risk_pacing" not in responses(chat)
    assert raised(chat) == [("AR13", "P3")]


async def test_two_of_four_weeks_are_told_to_a_physio(chat: Chat) -> None:
    await joined_for(chat, 40)
    told(chat, PAIN * 2, MINUTES * 2)

    await looks(chat)

    assert raised(chat) == [("AR13", "P3")]
    chat.physio_sees("AR13 Big days, then quiet ones", "of 4 weeks", "Go through one big day and plan it in blocks.")


# AR21: together


async def test_pain_and_low_mood_together_are_one_more_urgent_alert(chat: Chat) -> None:
    await joined_for(chat, 30)
    told(chat, [3] * 14 + [6] * 7)
    await looks(chat)
    await answer_no(chat)
    await chat.time_passes(days=5)
    assert raised(chat) == [("AR01", "P2")]

    scored(chat, "phq4", "week_6", 7, phq2=2, gad2=5)
    await chat.patient_says("hello")
    chat.rows(lambda session: at_risk.look_now(session, chat.patient.id, "measures/phq4", chat.clock.now()))
    await chat.settle()

    assert raised(chat) == [("AR01", "P2"), ("AR10", "P2"), ("AR21", "P1")]
    chat.physio_sees("AR21 Pain, fear and low mood together", "AR01, AR10 within 14 days")


# AR22: figures that don't fit together


async def test_no_pain_and_agony_on_one_day_flag_the_day_and_tell_nobody(chat: Chat) -> None:
    await joined_for(chat, 30)
    told(chat, [0], last=today(chat))
    rasa_hears_agony(chat)

    await chat.patient_says("honestly it's agony")
    await looks(chat)
    await looks(chat)

    assert raised(chat) == []
    found = chat.rows(lambda session: session.exec(select(AtRiskFinding)).all())
    assert [(each.rule, each.newest_on) for each in found] == [("AR22", date(2026, 12, 1))]


def rasa_hears_agony(chat: Chat) -> None:
    chat.app.rasa.hears("honestly it's agony", says=["utter_thanks"])  # type: ignore[attr-defined]


# The question of the week


async def asked(chat: Chat, question: str, week: int = 2) -> None:
    """Day 4 of that week; the question comes after the hour of the check-in."""
    await joined_for(chat, 7 * (week - 1) + 3)
    now = chat.clock.now()
    await chat.time_passes(seconds=(now.replace(hour=19) - now).total_seconds())
    assert f"utter_ask_at_risk_{question}" in names_seen(chat)


@pytest.mark.parametrize(
    ("week", "question"), [(2, "leg"), (3, "harm"), (4, "sleep"), (5, "work"), (6, "body"), (7, "leg")]
)
async def test_one_short_question_a_week_in_turn(chat: Chat, week: int, question: str) -> None:
    await asked(chat, question, week)

    assert chat.buttons()[-1] == "Skip"
    assert [each.name for each in prompts(chat)] == [question]


async def test_it_works_with_rasa_away_and_a_no_ends_it(chat: Chat, rasa: FakeRasa) -> None:
    await asked(chat, "leg")
    rasa.down()

    await chat.patient_taps("No")

    assert names_seen(chat) == ["utter_at_risk_thanks"]
    assert raised(chat) == []


async def test_a_typed_answer_is_one(chat: Chat, rasa: FakeRasa) -> None:
    await asked(chat, "sleep", week=4)
    rasa.down()

    await chat.patient_says("4 or more")

    assert names_seen(chat)[0] == "utter_at_risk_noted_sleep"
    assert raised(chat) == [("AR20", "P2")]


async def test_it_can_be_skipped_and_then_nothing_is_known(chat: Chat) -> None:
    await asked(chat, "leg")

    await chat.patient_taps("Skip")

    assert names_seen(chat) == ["utter_at_risk_skipped"]
    assert [(each.state, each.answer) for each in prompts(chat)] == [("skipped", None)]
    assert raised(chat) == []


async def test_a_new_symptom_below_the_knee_asks_once_more_and_then_for_dangers(chat: Chat) -> None:
    await asked(chat, "leg")

    await chat.patient_taps("Yes, below the knee")
    assert names_seen(chat) == ["utter_ask_at_risk_leg_numb"]
    assert raised(chat) == []
    await chat.patient_taps("Not sure")

    assert names_seen(chat) == ["utter_at_risk_noted", "utter_q_rf19_nerves"]
    assert raised(chat) == [("AR16", "P1")]
    chat.physio_sees("new symptom in a leg: below the knee. Numb or weaker: not sure.")


async def test_left_at_the_second_question_the_first_answer_counts(chat: Chat) -> None:
    await asked(chat, "leg")
    await chat.patient_taps("Yes, below the knee")

    await chat.time_passes(minutes=31)

    assert raised(chat) == [("AR16", "P2")]


async def test_an_old_button_answers_nothing(chat: Chat) -> None:
    await asked(chat, "leg")
    await chat.patient_says("hello")
    await chat.time_passes(hours=73)
    assert [each.state for each in prompts(chat)][:1] == ["lapsed"]
    names_seen(chat)

    await chat.patient_taps("Yes, below the knee")

    assert names_seen(chat) == ["utter_at_risk_passed"]
    assert raised(chat) == []


async def test_harm_from_an_activity_is_told(chat: Chat) -> None:
    await asked(chat, "harm", week=3)

    await chat.patient_taps("New pain over 2 days")

    assert names_seen(chat) == ["utter_at_risk_noted_rest"]
    assert raised(chat) == [("AR18", "P2")]
    assert holds_the_amount(chat)


LEFT_IN_PEACE = {
    "held": {"held_since": datetime(2026, 12, 1, 9, tzinfo=UTC), "held_for": "RF09"},
    "paused": {"state": PatientState.PAUSED},
    "left": {"state": PatientState.WITHDRAWN},
}


@pytest.mark.parametrize("why", LEFT_IN_PEACE)
async def test_nothing_is_asked_while_held_paused_or_after_leaving(chat: Chat, why: str) -> None:
    await joined_for(chat, 9)
    for column, value in LEFT_IN_PEACE[why].items():
        chat.rows(lambda session, column=column, value=value: setattr(session.merge(chat.patient), column, value))

    await chat.time_passes(days=3)

    assert names_seen(chat) == []


# The card


async def test_the_card_holds_no_word_of_the_patient(chat: Chat) -> None:
    await joined_for(chat, 40)
    told(chat, PAIN * 2, MINUTES * 2)
    await looks(chat)

    shown = "\n".join(each.text for each in chat.sees(9001))

    assert "gardening" not in shown
    assert "Minutes: 20 20 60 5 20" in shown


async def test_asking_for_a_person_shows_the_case_too(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("let me talk to someone", intent="talk_to_physio", says=["utter_physio_asked"])
    told(chat, [4, 5], [10, 12])

    await chat.patient_says("let me talk to someone")

    assert raised(chat) == [("AR11", "P1")]
    chat.physio_sees("AR11", "Why: they asked for a person.", "Suggested: Call or write")
