"""The weekly talk, lived by tap, number and word: the rule suggests, the patient decides, and nothing is asked twice."""

from datetime import date, timedelta
from typing import Any

import pytest

from data import checkins, concerns, programme
from data.alerts import Alert
from data.checkins import CheckInState
from data.patients import Patient, PatientState
from data.programme import PlanState, TalkState, WordsKind
from tests.chat import Chat
from tests.fakes import FakeRasa
from tests.programme import comes, has_goal, said, the_plan, the_talk, told, was_sore, weeks

TUESDAY = date(2026, 12, 1)  # the day of joining
THURSDAY = TUESDAY + timedelta(days=2)
DAY = timedelta(days=1)


async def opened(chat: Chat, *, week: int = 2) -> None:
    await comes(chat, "weekly_review", week)
    await chat.patient_taps("Yes")


async def answers(chat: Chat, *labels: str) -> None:
    for label in labels:
        await chat.patient_taps(label)


async def test_a_week_from_the_prompt_to_the_decision(chat: Chat) -> None:
    has_goal(chat)
    told(chat, [(TUESDAY, 8), (THURSDAY, 9)])

    await comes(chat, "weekly_review", 2)
    chat.patient_sees("utter_weekly_review_offer")
    assert chat.buttons() == ["Yes", "Later", "Not this week"]
    await chat.patient_taps("Yes")
    assert "I've noted 2" in chat.last_words()
    assert chat.buttons() == ["0", "1", "2", "Skip"]
    await answers(chat, "2", "3")
    chat.patient_sees(
        "utter_ask_review_done", "utter_ask_review_function",
        "utter_review_feedback_all_fair", "utter_review_suggest_progress", "utter_ask_review_choice",
    )  # fmt: skip
    assert chat.buttons() == ["Up to 9 minutes", "Stay at 8 minutes", "Down to 7 minutes", "Something else", "Pause it"]
    await answers(chat, "Up to 9 minutes", "Skip")
    names = said(chat)
    assert names[:3] == ["utter_ask_review_noticed", "utter_review_decided_up", "utter_praise_all_done"]
    assert [name for name in names[3:] if name.startswith("utter_module_")] == names[3:]  # one module is offered
    assert len(names) == 4
    assert chat.buttons()[-1] == "Undo"

    assert the_plan(chat).minutes == 9
    row = weeks(chat)[0]
    assert (row.week, row.planned, row.done, row.function, row.suggested, row.choice) == (1, 2, 2, 3, "up", "up")
    assert the_talk(chat, "weekly_review").state == TalkState.DONE
    assert chat.patient.asks is None


async def test_it_works_with_rasa_down(chat: Chat, rasa: FakeRasa) -> None:
    has_goal(chat)
    rasa.down()

    await opened(chat)
    await chat.patient_says("2")
    await chat.patient_says("4")
    await answers(chat, "Stay at 8 minutes", "Skip")

    assert [row.choice for row in weeks(chat)] == ["same"]


@pytest.mark.parametrize(("typed", "state"), [("yes", TalkState.SENT), ("not this week", TalkState.DECLINED)])
async def test_the_offer_is_answered_in_a_word_too(chat: Chat, typed: str, state: TalkState) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)

    await chat.patient_says(typed)

    assert the_talk(chat, "weekly_review").state == state


async def test_later_comes_again_and_is_then_left(chat: Chat) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)
    offers = 0
    for _ in range(12):  # in quiet hours it waits for the morning
        if "utter_weekly_review_offer" in said(chat):
            offers += 1
            chat.patient_sees(*said(chat))
            await chat.patient_taps("Later")
            chat.patient_sees("utter_talk_later" if offers <= 3 else "utter_talk_left")
        elif the_talk(chat, "weekly_review").state == TalkState.PLANNED:
            chat.clock.move_to(the_talk(chat, "weekly_review").due_at + timedelta(seconds=1))
            chat.app.programme.talks.send_due()
            await chat.app.delivery.drain(chat.clock.move)

    assert offers == 4
    assert the_talk(chat, "weekly_review").state == TalkState.DECLINED


async def test_without_a_goal_one_is_offered_and_nothing_is_waited_for(chat: Chat) -> None:
    await comes(chat, "weekly_review", 2)

    chat.patient_sees("utter_weekly_no_goal")
    assert the_talk(chat, "weekly_review").state == TalkState.DONE


# What got in the way


@pytest.mark.parametrize(
    ("reason", "says", "suggests", "buttons_first"),
    [
        ("Pain", "utter_review_pain", "utter_review_suggest_pain", "Down to 7 minutes"),
        ("I was ill", "utter_review_illness", "utter_review_suggest_illness", "Stay at 8 minutes"),
        ("My body can't do it", "utter_review_unable", "utter_review_suggest_unable", "Something else"),
    ],
)
async def test_the_answer_goes_by_the_reason_not_by_the_result(
    chat: Chat, reason: str, says: str, suggests: str, buttons_first: str
) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "1", "2")
    chat.patient_sees(*said(chat))

    await chat.patient_taps(reason)

    chat.patient_sees(says, "utter_review_feedback_some_fair", suggests, "utter_ask_review_choice")
    assert chat.buttons()[0] == buttons_first


def test_every_reason_has_an_answer_of_its_own(library: Any) -> None:
    spec = library.slot_spec("review_reason")

    assert set(spec["says"]) == set(spec["options"]) - {"nothing"}
    assert len(set(spec["says"].values())) == len(spec["says"])


async def test_nothing_is_asked_about_what_got_in_the_way_when_nothing_did(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)

    await answers(chat, "2", "2", "Stay at 8 minutes")

    assert "utter_ask_review_reason" not in said(chat)
    assert the_talk(chat, "weekly_review").asks == "review_noticed"


async def test_a_skipped_count_is_unknown_and_never_zero(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)

    await answers(chat, "Skip", "2")

    assert "utter_review_suggest_unknown" in said(chat)
    await answers(chat, "Stay at 8 minutes", "Skip")
    assert weeks(chat)[0].done is None


async def test_a_coping_plan_is_kept_and_quoted_back_a_week_later(chat: Chat, rasa: FakeRasa) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "1", "2", "I forgot", "Stay at 8 minutes", "I'll do it earlier", "Skip")
    chat.patient_sees(*said(chat))

    await opened(chat, week=3)

    chat.patient_sees("utter_weekly_review_offer", "utter_review_quote_plan", "utter_ask_review_done")
    assert "I forget" in chat.last_words()
    assert "I'll do it earlier in the day" in chat.last_words()


async def test_what_they_noticed_is_kept_in_their_words(chat: Chat, rasa: FakeRasa) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "2", "2", "Stay at 8 minutes")
    words = "easier after the walk than before it"
    values = {**dict.fromkeys(("review_reason", "review_coping"), "skipped"), "review_noticed": words}
    rasa.hears(words, intent="inform", says=["utter_review_ended"], values=values)

    await chat.patient_says(words)

    assert [form.asks for form in (rasa.turns[-1].form,)] == ["review_noticed"]
    patient_id = chat.patient.id
    kept = chat.rows(lambda session: programme.own_words(session, patient_id, WordsKind.NOTICED))
    assert [row.words for row in kept] == [words]
    assert "utter_review_decided_same" in said(chat)
    assert the_talk(chat, "weekly_review").state == TalkState.DONE


# The rule limits, the patient decides


async def test_an_open_p1_alert_holds_the_step_and_nothing_else(chat: Chat) -> None:
    has_goal(chat)
    now = chat.clock.now()
    alert = Alert(
        reference="x", patient_id=chat.patient.id, cause="AR11", severity="R", level="P1", told="", raised_at=now,
        last_raised_at=now,
    )  # fmt: skip
    chat.rows(lambda session: session.add(alert))
    await opened(chat)

    await answers(chat, "2", "2")

    assert "utter_review_suggest_physio_first" in said(chat)
    assert chat.buttons() == ["Stay at 8 minutes", "Down to 7 minutes", "Something else", "Pause it"]
    await chat.patient_says("up")
    assert "utter_review_no_step_physio_first" in said(chat)
    assert the_talk(chat, "weekly_review").asks == "review_choice"


async def test_more_is_not_offered_where_it_would_be_refused(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)

    await answers(chat, "2", "8")

    assert chat.buttons() == ["Stay at 8 minutes", "Down to 7 minutes", "Something else", "Pause it"]
    await chat.patient_says("up")
    assert "utter_review_no_step_low_function" in said(chat)


async def test_a_tap_on_it_is_no_answer_to_a_check_in_that_is_open_too(chat: Chat) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)
    chat.rows(
        lambda session: chat.app.check_ins.start_now(
            session, session.get_one(Patient, chat.patient.id), chat.clock.now()
        )
    )

    await chat.patient_taps("Yes")
    chat.patient_sees("utter_weekly_review_offer", "utter_ask_review_done")
    await chat.patient_taps("2")
    await answers(chat, "3")

    asked = chat.rows(lambda session: checkins.in_state(session, chat.patient.id, CheckInState.SENT))
    assert [row.pain for row in asked] == [None]
    assert the_talk(chat, "weekly_review").answers["review_function"] == 3


async def test_its_no_is_no_answer_to_a_safety_question(chat: Chat) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)
    await chat.patient_says("every week it gets worse and worse")
    asked = chat.rows(lambda session: concerns.question(session, chat.patient.id))
    assert asked is not None

    await chat.patient_taps("Not this week")

    chat.patient_sees("utter_weekly_review_offer", "utter_q_rf19_nerves", "utter_question_passed")
    still = chat.rows(lambda session: concerns.question(session, chat.patient.id))
    assert still == asked


async def test_low_function_holds_the_step_for_two_weeks(chat: Chat) -> None:
    has_goal(chat)
    found = []
    for week in (2, 3, 4):
        await opened(chat, week=week)
        await answers(chat, "2", "8" if week == 2 else "2")
        found += [name for name in said(chat) if name.startswith("utter_review_suggest")]
        chat.patient_sees(*said(chat))
        await answers(chat, "Stay at 8 minutes", "Skip")

    assert found == [
        "utter_review_suggest_low_function",
        "utter_review_suggest_low_function",
        "utter_review_suggest_progress",
    ]


async def test_pain_that_stays_up_for_days_suggests_a_smaller_amount(chat: Chat) -> None:
    has_goal(chat)
    before = [(TUESDAY - place * DAY, 3) for place in range(1, 6)]
    was_sore(chat, [*before, (TUESDAY + DAY, 6), (TUESDAY + 2 * DAY, 7)])
    await opened(chat)

    await answers(chat, "2", "2")

    assert "utter_review_suggest_pain_rise" in said(chat)
    await answers(chat, "Down to 6 minutes", "Skip")
    assert the_plan(chat).minutes == 6


async def test_one_sore_day_suggests_nothing_smaller(chat: Chat) -> None:
    has_goal(chat)
    was_sore(chat, [*[(TUESDAY - place * DAY, 3) for place in range(1, 6)], (TUESDAY + DAY, 8), (TUESDAY + 2 * DAY, 3)])
    await opened(chat)

    await answers(chat, "2", "2")

    assert "utter_review_suggest_progress" in said(chat)


async def test_a_pause_is_taken_up_again_by_the_next_look_back(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "2", "2", "Pause it", "Skip")
    assert the_plan(chat).state == PlanState.PAUSED
    chat.patient_sees(*said(chat))

    await opened(chat, week=3)
    chat.patient_sees("utter_weekly_review_offer_paused", "utter_ask_review_function")
    await answers(chat, "2", "Stay at 8 minutes", "Skip")

    assert the_plan(chat).state == PlanState.ACTIVE


async def test_the_last_decision_is_undone(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "2", "2", "Up to 9 minutes", "Skip")

    await chat.patient_taps("Undo")

    assert said(chat)[-1] == "utter_review_undone"
    assert the_plan(chat).minutes == 8
    assert weeks(chat)[0].undone_at is not None


async def test_two_activities_that_the_body_cannot_do_go_to_a_human(chat: Chat) -> None:
    for week, name in ((2, "walking"), (3, "swimming")):
        has_goal(chat, name)
        await opened(chat, week=week)
        await answers(chat, "0", "2", "My body can't do it", "Something else", "Skip", "Skip")

    assert [(alert.cause, alert.level) for alert in chat.alerts()] == [("AR08", "P2")]
    assert "utter_physio_will_look" in said(chat)


# When it comes, and how it ends


async def test_it_stays_away_while_paused_held_or_with_another_prompt_that_day(chat: Chat) -> None:
    has_goal(chat)
    patient_id = chat.patient.id
    chat.rows(lambda session: setattr(session.get(Patient, patient_id), "state", PatientState.PAUSED))

    await comes(chat, "weekly_review", 2)

    chat.patient_sees()
    assert the_talk(chat, "weekly_review").state == TalkState.PLANNED


async def test_one_prompt_a_day(chat: Chat) -> None:
    has_goal(chat)
    await comes(chat, "weekly_review", 2)
    only_one = said(chat)
    chat.patient_sees(*only_one)
    now, patient = chat.clock.now(), chat.patient
    chat.rows(lambda session: chat.app.programme.talks.plan(session, patient, "maintenance", 2, now))
    chat.rows(lambda session: setattr(_live(session, "maintenance"), "due_at", now))

    chat.app.programme.talks.send_due()
    await chat.app.delivery.drain(chat.clock.move)

    chat.patient_sees()
    assert the_talk(chat, "maintenance").due_at > now


def _live(session: Any, kind: str) -> Any:
    from sqlmodel import select

    return session.exec(select(programme.Talk).where(programme.Talk.kind == kind)).one()


async def test_nobody_answers_and_what_was_said_counts(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)
    await answers(chat, "1")

    chat.clock.move(timedelta(hours=80))
    chat.app.programme.talks.send_due()

    assert the_talk(chat, "weekly_review").state == TalkState.LAPSED
    assert [(row.done, row.choice) for row in weeks(chat)] == [(1, "")]
    assert the_plan(chat).minutes == 8
    assert chat.patient.asks is None


async def test_a_number_out_of_range_changes_nothing(chat: Chat) -> None:
    has_goal(chat)
    await opened(chat)

    await chat.patient_says("5")

    assert said(chat)[-2:] == ["utter_talk_out_of_range", "utter_ask_review_done"]
    assert the_talk(chat, "weekly_review").answers == {}


def test_six_weeks_do_not_read_alike(library: Any) -> None:
    names = ("utter_weekly_review_offer", "utter_ask_review_done", "utter_ask_review_choice", "utter_ask_review_noticed",
             "utter_review_feedback_all_fair", "utter_review_suggest_progress", "utter_review_decided_up")  # fmt: skip
    read = [[library.say(name, variation=week).text for name in names] for week in range(2, 8)]

    assert len({tuple(texts) for texts in read}) == 6
    assert len(set(next(zip(*read, strict=True)))) == 6  # no two weeks open alike


def test_what_comes_weekly_has_three_wordings_at_least(library: Any) -> None:
    weekly = ("utter_weekly_", "utter_review_feedback_", "utter_review_suggest_", "utter_praise_", "utter_review_decided_",
              "utter_ask_review_", "utter_review_quote_plan")  # fmt: skip
    few = {name for name, texts in library.responses.items() if name.startswith(weekly) and len(texts) < 3}

    assert few == set()
