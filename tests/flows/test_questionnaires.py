"""Questionnaires: offered after the patient's hour, asked by buttons with Rasa down, gone on with days later."""

import re
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from bot.coaching.instruments import Texts, with_texts
from data import measures, patients
from data.export import export
from data.measures import MeasureRound, Sitting, SittingState
from data.outbox import OutboxMessage
from data.patients import PatientState
from data.physios import Physio
from data.rota import Service
from tests.chat import CODE, PATIENT, Chat
from tests.fakes import FakeRasa

NUMBERS = [str(number) for number in range(11)]
LATER = ["Skip", "Later"]
NAV = ["Back", *LATER]


@pytest.fixture
async def asked(chat: Chat) -> Chat:
    """Joined on Tuesday at 9; told of the first questions that evening, an hour after the check-in of 18:00."""
    begin(chat)
    await chat.time_passes(hours=10, minutes=30)
    chat.patient_sees("utter_ask_pain_now", "utter_measures_offer")
    return chat


@pytest.fixture
async def listed(chat: Chat) -> Chat:
    """The list of statements is before them, and pain comes after it."""
    await starts(chat, "rmdq", "nrs_pain")
    chat.patient_sees("utter_measures_waiting", "utter_measure_ticks")
    return chat


def begin(chat: Chat) -> None:
    """The tests' patients are asked for nothing unless it is begun, as it is for everybody who has joined."""
    patient = chat.patient
    chat.rows(lambda session: session.delete(session.get_one(MeasureRound, patient.id)))


def sittings(chat: Chat, *states: SittingState) -> list[Sitting]:
    query = select(Sitting).where(col(Sitting.patient_id) == chat.patient.id).order_by(col(Sitting.id))
    rows = chat.rows(lambda session: list(session.exec(query).all()))
    return [row for row in rows if not states or row.state in states]


def sitting(chat: Chat, measure: str, occasion: str = "week_0") -> Sitting:
    return next(row for row in sittings(chat) if (row.measure, row.occasion) == (measure, occasion))


def score(chat: Chat, measure: str, value: float, *, days_ago: int = 42, occasion: str = "week_0", **more: Any) -> None:
    """A sitting that was finished some time ago."""
    patient = chat.patient

    def write(session: Session) -> None:
        then = chat.clock.now() - timedelta(days=days_ago)
        measures.add(session, Sitting(
            patient_id=patient.id, measure=measure, occasion=occasion, due_on=then.date(), until_on=then.date(),
            state=SittingState.DONE, opened_at=then, ended_at=then, score=value, **more,
        ))  # fmt: skip

    chat.rows(write)


def due(chat: Chat, *names: str, occasion: str = "week_6") -> None:
    """Only these are open."""
    patient = chat.patient

    def write(session: Session) -> None:
        today = chat.clock.now().date()
        for name in names:
            row = Sitting(patient_id=patient.id, measure=name, occasion=occasion, due_on=today,
                          until_on=today + timedelta(days=13))  # fmt: skip
            measures.add(session, row)

    chat.rows(write)


async def taps(chat: Chat, *labels: str) -> None:
    for label in labels:
        await chat.patient_taps(label)


async def starts(chat: Chat, *names: str) -> None:
    due(chat, *names)
    await chat.patient_says("/questionnaires")
    await chat.patient_taps("Start now")


async def evening(chat: Chat, *, days: int = 1) -> None:
    """Past the time at which questions are offered, so many days on."""
    zone = ZoneInfo("Europe/London")
    local = chat.clock.now().astimezone(zone) + timedelta(days=days)
    until = datetime(local.year, local.month, local.day, 19, 30, tzinfo=zone)
    await chat.time_passes(seconds=(until - chat.clock.now()).total_seconds())


# The offer ------------------------------------------------------------------------------------------------------------


async def test_the_first_questions_come_an_hour_after_the_patients_own_hour_and_take_eight_minutes(asked: Chat) -> None:
    assert "about 8 minutes" in asked.last_words()
    assert asked.buttons() == ["Start now", "Ask me later", "Skip this time"]
    offered = [row.measure for row in sittings(asked) if row.offered_at]
    assert offered == ["rmdq", "nrs_pain", "psfs", "evs", "phq4"]


async def test_what_is_more_than_eight_minutes_waits_for_another_day(asked: Chat) -> None:
    await taps(asked, "Start now", "None of these")
    while "Skip" in asked.buttons():
        await asked.patient_taps("Skip")
    assert [row.measure for row in sittings(asked, SittingState.DUE)] == ["back_paq_10"]
    asked.sees(PATIENT)

    await evening(asked)

    assert "about 2 minutes" in asked.last_words()
    assert asked.buttons() == ["Start now", "Ask me later", "Skip this time"]


async def test_what_needs_a_licence_is_not_asked(asked: Chat) -> None:
    assert {"pseq2", "start_back", "msk_hq"} & {row.measure for row in sittings(asked)} == set()


async def test_a_licensed_text_has_it_asked(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    full = with_texts(
        chat.library.measures["pseq2"],
        Texts(measure="pseq2", licence="for this test only", items={"work": "Work, 0 to 6?", "normal_life": "Life?"}),
    )
    monkeypatch.setitem(chat.library.measures, "pseq2", full)
    await starts(chat, "pseq2")

    assert chat.last_words() == "Work, 0 to 6?"
    await taps(chat, "6", "5")

    assert sitting(chat, "pseq2", "week_6").score == 11


async def test_later_means_tomorrow_and_counts_as_no_prompt(asked: Chat) -> None:
    await asked.patient_taps("Ask me later")
    assert asked.last_words().startswith("That's fine. I'll ask again tomorrow.")

    await evening(asked)

    assert "about 8 minutes" in asked.last_words()
    kinds = asked.rows(lambda session: session.exec(select(OutboxMessage.kind)).all())
    assert (kinds.count("prompt"), kinds.count("prompt_again")) == (1, 1)


async def test_no_answer_is_asked_three_times_two_days_apart_and_then_it_rests_in_silence(asked: Chat) -> None:
    for _ in range(2):
        await evening(asked, days=1)
        assert not offered_now(asked)
        await evening(asked, days=1)
        assert offered_now(asked)
    asked.sees(PATIENT)

    for _ in range(3):
        await evening(asked)

    rested = [row for row in sittings(asked) if row.measure == "rmdq"]
    assert [(row.state, row.score) for row in rested] == [(SittingState.LAPSED, None)]


def offered_now(chat: Chat) -> bool:
    return any("Start now" in shown.labels for shown in chat.sees(PATIENT))


async def test_skip_this_time_leaves_them_without_blame(asked: Chat) -> None:
    await asked.patient_taps("Skip this time")

    assert asked.last_words() in {each["text"] for each in asked.library.responses["utter_measures_skipped"]}
    assert sitting(asked, "rmdq").state == SittingState.SKIPPED
    assert sitting(asked, "rmdq").score is None


@pytest.mark.parametrize("hindrance", ["held", "paused", "quiet_until", "form"])
async def test_nothing_is_offered_at_a_bad_moment(chat: Chat, hindrance: str) -> None:
    patient_id = chat.patient.id

    def write(session: Session) -> None:
        patient = patients.get(session, patient_id)
        match hindrance:
            case "held":
                patient.held_since = chat.clock.now()
            case "paused":
                patient.state = PatientState.PAUSED
            case "quiet_until":
                patient.quiet_until = chat.clock.now() + timedelta(days=3)
            case "form":
                patient.asks = "goal_form.goal_activity"

    begin(chat)
    await chat.time_passes(hours=9, minutes=50)
    chat.rows(write)
    if hindrance == "form":
        await chat.patient_says("hmm")
        chat.rows(write)
    chat.sees(PATIENT)

    await chat.time_passes(hours=1)

    assert not offered_now(chat)


async def test_a_day_has_one_prompt_whatever_it_is_about(chat: Chat) -> None:
    patient = chat.patient

    def write(session: Session) -> None:
        words = [chat.library.say("utter_noted")]
        chat.app.prompts.send(session, patient, words, key="other", now=chat.clock.now())

    begin(chat)
    await chat.time_passes(hours=8)
    chat.rows(write)

    await chat.time_passes(hours=3)
    assert not offered_now(chat)
    await evening(chat)
    assert offered_now(chat)


async def test_a_check_in_hour_in_the_evening_has_them_offered_in_the_morning(stranger: Chat) -> None:
    stranger.patient_has_joined(check_in_at=time(19, 30))
    begin(stranger)

    await stranger.time_passes(hours=26, minutes=30)

    assert offered_now(stranger)  # at 11:00 of the next day: 20:30 is in quiet hours


async def test_both_databases_offer_ask_and_score(chat_on: Chat) -> None:
    begin(chat_on)
    await evening(chat_on, days=0)

    await taps(chat_on, "Start now", "3", "Done", "6", "4", "9")

    assert (sitting(chat_on, "rmdq").score, sitting(chat_on, "nrs_pain").score) == (1, 6)


async def test_what_is_erased_takes_them_along(chat: Chat) -> None:
    score(chat, "rmdq", 12)
    patient = chat.patient

    chat.rows(lambda session: chat.app.privacy.erase(session, patients.get(session, patient.id), chat.clock.now()))

    assert chat.rows(lambda session: session.exec(select(Sitting)).all()) == []


async def test_the_copy_of_their_data_holds_answers_and_scores(chat: Chat) -> None:
    await starts(chat, "nrs_pain")
    await taps(chat, "6", "4", "9")
    patient = chat.patient

    data = chat.rows(lambda session: export(session, patient, chat.clock.now()))

    shown = data["questionnaires"][0]
    assert (shown["measure"], shown["score"], shown["answers"]) == ("nrs_pain", 6, {"average": 6, "now": 4, "worst": 9})


# The list of ticks ----------------------------------------------------------------------------------------------------


async def test_the_list_is_one_message_with_a_button_for_each_statement(listed: Chat) -> None:
    assert "☐ 1. I stay at home most of the time because of my back." in listed.last_words()
    assert "☐ 24. I stay in bed most of the time because of my back." in listed.last_words()
    numbers = [str(number) for number in range(1, 25)]
    assert listed.buttons() == [*numbers, "None of these", "Done", "Skip", "Later"]
    rows = listed.telegram.in_chat(PATIENT)[-1].buttons
    assert [len(row) for row in rows] == [6, 6, 6, 6, 1, 3]


async def test_a_tick_changes_the_message_in_place_and_can_be_taken_back(listed: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    before = len(listed.telegram.in_chat(PATIENT))

    await taps(listed, "3", "12", "20", "☑12")

    assert len(listed.telegram.in_chat(PATIENT)) == before
    assert "☑ 3. " in listed.last_words()
    assert "☐ 12. " in listed.last_words()
    assert listed.buttons()[:4] == ["1", "2", "☑3", "4"]
    assert sitting(listed, "rmdq", "week_6").answers == {"3": 1, "20": 1}
    assert sitting(listed, "rmdq", "week_6").score is None  # not finished


async def test_done_counts_the_ticks_and_the_rest_are_a_no(listed: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await taps(listed, "3", "12", "20")

    await listed.patient_taps("Done")

    row = sitting(listed, "rmdq", "week_6")
    assert (row.state, row.score, row.answers["3"], row.answers["4"]) == (SittingState.DONE, 3, 1, 0)
    listed.patient_sees("utter_measure_first", "utter_measure_next", "utter_measure_question")
    list_message = next(shown for shown in listed.telegram.in_chat(PATIENT) if "☑ 12." in shown.text)
    assert list_message.buttons == []
    assert list_message.text.endswith("Done")


async def test_none_of_these_is_a_score_of_nought(listed: Chat) -> None:
    await taps(listed, "None of these")

    assert sitting(listed, "rmdq", "week_6").score == 0


async def test_skipping_the_list_leaves_no_score(listed: Chat) -> None:
    await taps(listed, "3", "Skip")

    row = sitting(listed, "rmdq", "week_6")
    assert (row.state, row.score) == (SittingState.SKIPPED, None)


async def test_done_with_nothing_ticked_asks_what_is_meant(listed: Chat) -> None:
    await taps(listed, "Done")

    listed.patient_sees("utter_measure_none_ticked", "utter_measure_ticks")
    assert sitting(listed, "rmdq", "week_6").state == SittingState.OPEN


async def test_numbers_can_be_typed(listed: Chat, rasa: FakeRasa) -> None:
    rasa.down()

    await listed.patient_says("3, 12 and 20")
    assert listed.last_words().startswith("Ticked so far: 3.")
    await listed.patient_says("done")

    assert sitting(listed, "rmdq", "week_6").score == 3


async def test_the_same_update_again_ticks_once(listed: Chat) -> None:
    shown = listed.telegram.in_chat(PATIENT)[-1]
    update = listed.telegram.tap(PATIENT, shown.message_id, shown.buttons[0][4][1])

    for _ in range(2):
        listed.intake.take(update)
        await listed.settle()

    assert sitting(listed, "rmdq", "week_6").answers == {"5": 1}


async def test_after_the_end_its_buttons_change_nothing(listed: Chat) -> None:
    await taps(listed, "3")
    shown = listed.telegram.in_chat(PATIENT)[-1]
    stale = listed.telegram.tap(PATIENT, shown.message_id, shown.buttons[0][4][1])
    await listed.patient_taps("Done")

    listed.intake.take(stale)
    await listed.intake.close()
    await listed.settle()

    assert sitting(listed, "rmdq", "week_6").score == 1
    assert listed.last_words() == listed.library.say("utter_stale_button").text


# Questions one by one -------------------------------------------------------------------------------------------------


async def test_pain_takes_taps_and_numbers_without_rasa(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await starts(chat, "nrs_pain")
    assert chat.buttons() == [*NUMBERS, *LATER]

    await chat.patient_taps("6")
    await chat.patient_says("four")
    assert chat.buttons() == [*NUMBERS, *NAV]
    await chat.patient_says("9/10")

    row = sitting(chat, "nrs_pain", "week_6")
    assert (row.score, row.subscales) == (6, {"now": 4, "worst": 9})


async def test_a_number_out_of_range_is_asked_again_and_changes_nothing(chat: Chat) -> None:
    await starts(chat, "nrs_pain")

    await chat.patient_says("12")

    assert chat.last_words().startswith("I couldn't use that. A whole number from 0 to 10, please.")
    assert sitting(chat, "nrs_pain", "week_6").answers == {}


async def test_back_puts_the_question_before_and_the_new_answer_counts(chat: Chat) -> None:
    await starts(chat, "nrs_pain")
    await taps(chat, "6", "Back", "7", "4", "9")

    assert sitting(chat, "nrs_pain", "week_6").answers == {"average": 7, "now": 4, "worst": 9}


async def test_a_skipped_question_is_missing_and_never_nought(chat: Chat) -> None:
    await starts(chat, "phq4")
    await taps(chat, "Not at all", "Skip", "Several days", "Nearly every day")

    row = sitting(chat, "phq4", "week_6")
    assert (row.state, row.score, row.subscales) == (SittingState.DONE, None, {"phq2": 4})


async def test_worry_and_mood_show_the_stem_and_the_options_and_name_no_label(chat: Chat) -> None:
    await starts(chat, "phq4")
    assert chat.last_words() == (
        "Over the last 2 weeks, how often have you been bothered by the following problem?\n\n"
        "Feeling nervous, anxious or on edge\n\n(1 of 4)"
    )
    assert chat.buttons() == ["Not at all", "Several days", "More than half the days", "Nearly every day", *LATER]

    await taps(chat, *["Nearly every day"] * 4)

    assert sitting(chat, "phq4", "week_6").score == 12
    ended, offered = (shown.text for shown in chat.telegram.in_chat(PATIENT)[-2:])
    assert "severe" not in ended + offered
    assert 'Say "physio"' in ended
    assert "mood has been low" in offered  # an at-risk rule looks at the score at once
    assert [alert.cause for alert in chat.alerts()] == ["AR10"]  # no item asks about self-harm: not RF13


async def test_exercise_multiplies_days_and_minutes_and_asks_no_minutes_for_no_days(chat: Chat) -> None:
    await starts(chat, "evs")
    await chat.patient_taps("3")
    await chat.patient_says("half an hour")
    assert sitting(chat, "evs", "week_6").score == 90

    due(chat, "evs", occasion="week_7")
    await chat.patient_says("my questionnaires")
    await taps(chat, "Start now", "0")

    assert sitting(chat, "evs", "week_7").score == 0


# Their own activities -------------------------------------------------------------------------------------------------


async def test_activities_are_named_in_their_own_words_and_rated(chat: Chat, rasa: FakeRasa) -> None:
    await starts(chat, "psfs")
    assert chat.buttons() == LATER
    await chat.patient_says("lifting my grandson")
    await chat.patient_says("digging the allotment")
    await chat.patient_says("sitting through a film")
    await chat.patient_taps("That's all")
    assert chat.last_words().startswith("lifting my grandson\nHow well can you do this today?")
    await taps(chat, "3", "4", "8")

    row = sitting(chat, "psfs", "week_6")
    assert (row.score, row.answers["name_2"]) == (5, "digging the allotment")
    assert [turn.text for turn in rasa.turns] == []  # the model listened; no dialogue moved


async def test_the_next_time_the_same_ones_are_rated(chat: Chat) -> None:
    names = {"name_1": "lifting my grandson", "name_2": "digging", "name_3": "films"}
    score(chat, "psfs", 3, answers={**names, "rate_1": 3, "rate_2": 3, "rate_3": 3}, skipped="name_4", days_ago=7)
    await starts(chat, "psfs")

    assert chat.last_words().startswith("lifting my grandson\nHow well")
    assert chat.last_words().endswith("(1 of 3)")
    await taps(chat, "5", "6", "4")

    assert sitting(chat, "psfs", "week_6").score == 5
    assert "Last time your things came to 3 out of 10, now 5. You can clearly do more of them." in chat.last_words()


async def test_words_are_kept_with_rasa_down_too(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await starts(chat, "psfs")

    await chat.patient_says("lifting my grandson")

    assert sitting(chat, "psfs", "week_6").answers == {"name_1": "lifting my grandson"}
    chat.patient_sees("utter_measures_waiting", "utter_measure_naming", "utter_measure_naming_more")


async def test_a_danger_in_the_name_of_an_activity_is_met_first(chat: Chat) -> None:
    await starts(chat, "psfs")

    await chat.patient_says("walking, my legs went numb and I've wet myself")

    assert sitting(chat, "psfs", "week_6").answers == {}
    assert "A&E" in chat.last_words() or "999" in chat.last_words()


async def test_a_danger_that_only_the_model_hears_is_met_too(chat: Chat, rasa: FakeRasa) -> None:
    said = "it has gone all funny down there"
    rasa.hears(said, intent="risk", risks={"RF01": 0.99})
    await starts(chat, "psfs")

    await chat.patient_says(said)

    assert "name_1" not in sitting(chat, "psfs", "week_6").answers


async def test_stop_is_no_activity(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("I want to speak to a physio", intent="talk_to_physio", says=["utter_noted"])
    await starts(chat, "psfs")

    await chat.patient_says("I want to speak to a physio")

    assert sitting(chat, "psfs", "week_6").answers == {}
    assert chat.last_words().startswith(chat.library.say("utter_noted").text)


async def test_a_long_story_is_no_name(chat: Chat) -> None:
    await starts(chat, "psfs")

    await chat.patient_says("when I get up in the morning and then try to put on my socks and my shoes before work")

    chat.patient_sees(
        "utter_measures_waiting", "utter_measure_naming", "utter_measure_words_too_long", "utter_measure_naming"
    )


# Going on later -------------------------------------------------------------------------------------------------------


async def test_it_is_gone_on_with_days_later_where_it_stopped(chat: Chat) -> None:
    begin(chat)
    await starts(chat, "phq4")
    await taps(chat, "Not at all", "Several days", "Later")
    assert chat.last_words().startswith("That's fine. What you've answered is kept.")

    await chat.time_passes(days=3)
    await chat.patient_says("my questionnaires")
    await chat.patient_taps("Start now")

    assert "(3 of 4)" in chat.last_words()
    await taps(chat, "Not at all", "Not at all")
    assert sitting(chat, "phq4", "week_6").score == 1


async def test_its_old_buttons_count_for_days(chat: Chat) -> None:
    await starts(chat, "phq4")
    await chat.patient_taps("Not at all")

    await chat.time_passes(days=4)
    await chat.patient_taps("Several days")

    assert sitting(chat, "phq4", "week_6").answers == {"nervous": 0, "worrying": 1}


async def test_a_typed_number_of_the_next_day_is_no_answer(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("5", says=["utter_noted"])
    await starts(chat, "nrs_pain")

    await chat.time_passes(hours=13)
    await chat.patient_says("5")

    assert sitting(chat, "nrs_pain", "week_6").answers == {}


async def test_what_was_begun_and_left_lapses_without_a_score(chat: Chat) -> None:
    await starts(chat, "phq4")
    await chat.patient_taps("Not at all")
    begin(chat)

    await chat.time_passes(days=8)

    row = sitting(chat, "phq4", "week_6")
    assert (row.state, row.score) == (SittingState.LAPSED, None)


async def test_a_word_in_between_is_answered_and_the_question_put_again(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("are you a robot", intent="are_you_a_robot", says=["utter_are_you_a_robot"])
    await starts(chat, "phq4")

    await chat.patient_says("are you a robot")

    assert chat.last_words().startswith(chat.library.say("utter_are_you_a_robot").text)
    assert "(1 of 4)" in chat.last_words()
    await chat.patient_taps("Not at all")
    assert sitting(chat, "phq4", "week_6").answers == {"nervous": 0}


async def test_a_text_that_is_no_answer_has_the_question_put_again(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("flurb goblins", says=["utter_noted"])
    await starts(chat, "phq4")

    await chat.patient_says("flurb goblins")

    assert rasa.turns == []  # no dialogue moved

    chat.patient_sees(
        "utter_measures_waiting", "utter_measure_question", "utter_measure_unreadable", "utter_measure_question"
    )
    await chat.patient_taps("Not at all")
    assert sitting(chat, "phq4", "week_6").answers == {"nervous": 0}


async def test_a_check_in_that_comes_in_between_takes_the_next_number(chat: Chat) -> None:
    await starts(chat, "nrs_pain")
    await chat.time_passes(hours=9, minutes=5)

    await chat.patient_says("3")

    assert sitting(chat, "nrs_pain", "week_6").answers == {}
    assert chat.last_words() == chat.library.say("utter_ask_minutes_done").text


async def test_beside_an_open_check_in_words_are_for_the_question_that_came_last(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("are you a robot", intent="are_you_a_robot", says=["utter_are_you_a_robot"])
    await chat.time_passes(hours=9, minutes=5)
    await starts(chat, "nrs_pain")

    await chat.patient_says("are you a robot")
    assert rasa.turns[-1].form.name is None
    assert "average over the last 24 hours" in chat.last_words()
    await chat.patient_says("7")

    assert sitting(chat, "nrs_pain", "week_6").answers == {"average": 7}


async def test_a_talk_that_was_open_in_rasa_stays_as_it_was(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("set a goal", intent="set_goal", says=["utter_ask_goal_activity"], asks="goal_form.goal_activity")
    await chat.patient_says("set a goal")
    await starts(chat, "nrs_pain")

    await chat.patient_says("hmm")
    await taps(chat, "6", "4", "9")

    assert chat.patient.asks == "goal_form.goal_activity"
    assert [turn.text for turn in rasa.turns] == ["set a goal"]


async def test_nothing_is_answered_during_a_safety_hold(chat: Chat) -> None:
    await starts(chat, "nrs_pain")
    await chat.patient_says("I can't feel when I wipe and I've wet myself")

    await chat.patient_says("3")

    assert chat.patient.held_since
    assert sitting(chat, "nrs_pain", "week_6").answers == {}


# What is said at the end ----------------------------------------------------------------------------------------------

ENDS = [
    (12, 7, ["utter_measure_better_rmdq"]),
    (12, 11, ["utter_measure_same_rmdq"]),
    (7, 12, ["utter_measure_worse_rmdq"]),  # and an at-risk rule offers more, at once
    (3, 3, ["utter_measure_same_rmdq", "utter_measure_little_room"]),
]


@pytest.mark.parametrize(("before", "now", "says"), ENDS)
async def test_the_change_since_last_time_is_said_in_plain_words(
    chat: Chat, before: int, now: int, says: list[str]
) -> None:
    score(chat, "rmdq", before)
    await starts(chat, "rmdq")

    await taps(chat, *map(str, range(1, now + 1)), "Done")

    asked = ("utter_measures_answered", "utter_measures_waiting", "utter_measure_ticks")
    offered = ["utter_at_risk_worse"] if now > before else []
    chat.patient_sees(*asked, *says, "utter_measures_all_done", *offered)
    assert any(re.search(rf"{before}\b.*\b{now}\b", shown.text) for shown in chat.telegram.in_chat(PATIENT))


async def test_one_that_got_worse_calls_for_another_where_that_is_declared(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = chat.library.measures["start_back"]
    texts = {key: f"Sentence {key}" for key in tool.items}
    labels = {"0": "Disagree", "1": "Agree"}
    last = {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}
    full = with_texts(
        tool, Texts(measure="start_back", licence="for this test only", items=texts, options=labels, options_of={"9": last})
    )  # fmt: skip
    monkeypatch.setitem(chat.library.measures, "start_back", full)
    score(chat, "rmdq", 7)
    await starts(chat, "rmdq")

    await taps(chat, *map(str, range(1, 13)), "Done")

    extra = [row for row in sittings(chat) if row.measure == "start_back"]
    assert [row.occasion[:6] for row in extra] == ["worse_"]


# Over the year --------------------------------------------------------------------------------------------------------


async def test_week_six_asks_again_and_compares(chat: Chat) -> None:
    begin(chat)
    await evening(chat, days=0)
    await taps(chat, "Start now", *map(str, range(1, 13)), "Done", "Later")

    chat.clock.move(timedelta(days=42))
    await chat.settle()
    await taps(chat, "Start now", *map(str, range(1, 7)), "Done")

    assert "12" in chat.last_words()
    assert sitting(chat, "rmdq", "week_6").score == 6
    patient = chat.patient
    found = chat.rows(lambda session: [each.value for each in measures.series(session, patient.id, "rmdq")])
    newest = chat.rows(lambda session: measures.latest(session, patient.id, "rmdq"))
    assert (found, newest.value, newest.occasion) == ([12, 6], 6, "week_6")


# Looking at them ------------------------------------------------------------------------------------------------------


async def test_my_questionnaires_shows_what_is_open_and_what_was_told(chat: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    score(chat, "rmdq", 12)
    score(chat, "phq4", 3)
    due(chat, "rmdq", "phq4")

    await chat.patient_says("my questionnaires")

    assert chat.last_words().splitlines() == [
        "What you've told me, the last two times:",
        "how your back affects your day: 12 ticked (20 Oct)",
        "worry and mood: 20 Oct",
        "",
        "Open for you: how your back affects your day, worry and mood. It takes about 4 minutes.",
    ]
    assert chat.buttons() == ["Start now", "Skip this time"]


async def test_with_none_it_says_so(chat: Chat) -> None:
    await chat.patient_says("/questionnaires")

    chat.patient_sees("utter_measures_none_yet")


async def test_a_stranger_is_asked_nothing(stranger: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/enrol", says=["utter_stranger"])
    stranger.has_invitation()

    await stranger.patient_says("/questionnaires")

    stranger.patient_sees("utter_stranger")
    assert CODE not in stranger.last_words()


async def test_a_physio_reads_scores_bands_and_change(chat: Chat) -> None:
    score(chat, "rmdq", 12)
    score(chat, "rmdq", 6, occasion="week_6", days_ago=0)
    score(chat, "phq4", 7, subscales={"gad2": 3, "phq2": 4})
    due(chat, "pgic")

    await chat.physio_says(f"/measures {chat.patient.code}")

    chat.physio_sees(
        "Roland-Morris Disability Questionnaire: 6 (week 6, 1 Dec) · since week 0, 20 Oct −6: "
        "important change for the better",
        "PHQ-4: 7 (week 0, 20 Oct) · moderate · gad2 3, phq2 4",
        "Not answered: Patient Global Impression of Change (due)",
    )


async def test_a_physio_without_a_code_is_told_how(chat: Chat) -> None:
    await chat.physio_says("/measures")
    chat.physio_sees("Write /measures and the patient's code")

    await chat.physio_says("/measures P-NNNNN")
    chat.physio_sees("There is no patient with that code.")


async def test_a_physio_of_another_service_reads_nothing(chat: Chat) -> None:
    score(chat, "rmdq", 12)
    with chat.database.transaction() as session:
        elsewhere = Service(name="Elsewhere")
        session.add(elsewhere)
        session.flush()
        session.exec(select(Physio)).one().service_id = elsewhere.id

    await chat.physio_says(f"/measures {chat.patient.code}")

    chat.physio_sees("There is no patient with that code.")
