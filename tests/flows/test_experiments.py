"""Small tests of a prediction: asked about after the check-in, by tap, number or words, and quoted back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from data import experiments
from data.experiments import Experiment, ExperimentState
from tests.chat import Chat
from tests.fakes import FakeRasa

CHECK_IN = ("utter_ask_pain_now", "utter_ask_minutes_done", "utter_ask_confidence")
DONE = (*CHECK_IN, "utter_check_in_done")


@pytest.fixture
async def agreed(chat: Chat) -> Chat:
    """Agreed on Tuesday, to be tried on Wednesday; Tuesday's check-in is over, and asked nothing more."""
    agree(chat)
    await next_check_in(chat, days=0)
    chat.patient_sees(*DONE)
    return chat


def agree(chat: Chat, *, expected: int = 7, belief: str = "B02") -> None:
    patient = chat.patient

    def write(session: Session) -> None:
        chat.app.experiments.agree(
            session, patient, what="walk to the corner", expected=expected, belief=belief, now=chat.clock.now()
        )

    chat.rows(write)


def tried(chat: Chat, *scores: tuple[int, int, int | None]) -> None:
    """Finished ones: expected, just after, the next morning."""
    patient = chat.patient

    def write(session: Session) -> None:
        now = chat.clock.now()
        for expected, actual, morning in scores:
            row = Experiment(
                patient_id=patient.id, belief="B02", what="walk to the corner", expected=expected, agreed_at=now,
                try_on=now.date(), tried_on=now.date(), actual=actual, next_morning=morning, state=ExperimentState.DONE,
            )  # fmt: skip
            experiments.add(session, row)

    chat.rows(write)


def the_last(chat: Chat) -> Experiment:
    query = select(Experiment).order_by(col(Experiment.id).desc()).limit(1)
    row: Experiment = chat.rows(lambda session: session.exec(query).one())
    return row


async def next_check_in(chat: Chat, *, days: int = 1, skips: int = 2) -> None:
    """The check-in of 18:00, every question answered by a tap, or all but the last."""
    at_six = chat.clock.now().replace(hour=18, minute=3) + timedelta(days=days)
    await chat.time_passes(seconds=(at_six - chat.clock.now()).total_seconds())
    for label in ("3", *["Skip"] * skips):
        await chat.patient_taps(label)


# After the check-in


async def test_the_next_day_the_question_follows_the_check_in_in_a_message_of_its_own(agreed: Chat) -> None:
    await next_check_in(agreed)

    agreed.patient_sees(*DONE, "utter_ask_experiment_tried")
    assert agreed.last_words() == "One more thing. You wanted to try this: walk to the corner. Did you?"
    assert agreed.buttons() == ["Yes", "Not yet", "No, leave it"]


async def test_a_check_in_that_ends_in_words_brings_the_question_too(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("pretty sure I can", says=["utter_check_in_done"], values=SURE)
    await next_check_in(agreed, skips=1)

    await agreed.patient_says("pretty sure I can")

    agreed.patient_sees(*DONE, "utter_ask_experiment_tried")
    await agreed.patient_taps("Yes")
    agreed.patient_sees("utter_ask_experiment_actual")


async def test_without_rasa_the_whole_of_it_is_asked_told_and_quoted_back(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.down()
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.patient_says("4")
    assert agreed.last_words().splitlines()[2] == "You expected 7. It was 4."
    agreed.patient_sees(*DONE, "utter_ask_experiment_tried", "utter_ask_experiment_actual", "utter_experiment_noted",
                        "utter_experiment_quote", "utter_experiment_less", "utter_experiment_morning_next")  # fmt: skip

    await next_check_in(agreed)
    await agreed.patient_taps("4")
    assert agreed.last_words() == "You expected 7, and it was 4. What do you make of that?"
    await agreed.patient_taps("Skip")

    assert "You expected 7. It was 4, and 4 the next morning." in agreed.last_words()
    agreed.patient_sees(*DONE, "utter_ask_experiment_next_morning", "utter_ask_experiment_made_of_it",
                        "utter_experiment_noted", "utter_experiment_quote_morning", "utter_experiment_less")  # fmt: skip
    row = the_last(agreed)
    assert (row.state, row.actual, row.next_morning, row.asks) == (ExperimentState.DONE, 4, 4, None)


async def test_a_try_that_was_worse_is_told_too(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.patient_says("9/10")
    await next_check_in(agreed)
    await agreed.patient_taps("Skip")

    await agreed.patient_taps("Skip")

    assert "You expected 7. It was 9." in agreed.last_words()
    assert "It was worse than you expected. Thank you for testing it honestly." in agreed.last_words()


async def test_an_easy_try_with_a_bad_morning_is_not_told_as_good_news(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.patient_taps("2")
    await next_check_in(agreed)
    await agreed.patient_taps("8")

    await agreed.patient_taps("Skip")

    assert "It was 2, and 8 the next morning." in agreed.last_words()
    assert "It was worse than you expected." in agreed.last_words()


async def test_a_number_out_of_range_changes_nothing_and_is_asked_again(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")

    await agreed.patient_says("12")

    assert agreed.last_words().startswith("I couldn't use that number.")
    assert (the_last(agreed).asks, the_last(agreed).actual) == ("actual", None)


async def test_not_yet_asks_again_three_times_and_then_it_rests(agreed: Chat) -> None:
    for _ in range(2):
        await next_check_in(agreed)
        await agreed.patient_taps("Not yet")
        assert agreed.last_words().endswith("I'll ask again after your next check-in.")
    await next_check_in(agreed)

    await agreed.patient_taps("Not yet")

    assert "we let this one go for now" in agreed.last_words()
    assert the_last(agreed).state == ExperimentState.LAPSED
    await next_check_in(agreed)
    assert agreed.last_words().splitlines()[0] != "One more thing. You wanted to try this: walk to the corner. Did you?"


async def test_silence_is_asked_three_times_and_then_it_rests(agreed: Chat) -> None:
    for _ in range(3):
        await next_check_in(agreed)
        assert agreed.last_words().startswith("One more thing.")

    await next_check_in(agreed)

    assert not agreed.last_words().startswith("One more thing.")
    assert the_last(agreed).state == ExperimentState.LAPSED


async def test_no_ends_it_without_blame(agreed: Chat) -> None:
    await next_check_in(agreed)

    await agreed.patient_taps("No, leave it")

    assert agreed.last_words().endswith("That's fine, we leave it. It was something to try, and you decide.")
    assert the_last(agreed).state == ExperimentState.NOT_TRIED


# Words


async def test_an_answer_in_words_goes_to_rasa_with_the_form_open_at_that_question(
    agreed: Chat, rasa: FakeRasa
) -> None:
    said = "sort of a four, less than I thought"
    rasa.hears(said, says=["utter_experiment_noted"], values=said_so(actual=4))
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")

    await agreed.patient_says(said)

    form = rasa.turns[-1].form
    assert (form.name, form.asks, form.slots["experiment_tried"]) == ("experiment_form", "experiment_actual", "yes")
    assert form.slots["experiment_next_morning"] == "skipped"  # that is asked another day
    assert "You expected 7. It was 4." in agreed.last_words()
    assert (the_last(agreed).actual, the_last(agreed).asks) == (4, None)


async def test_their_own_words_for_it_are_kept(agreed: Chat, rasa: FakeRasa) -> None:
    said = "I can do more than I thought"
    rasa.hears(said, says=["utter_experiment_noted"], values=said_so(actual=4, next_morning=3, made_of_it=said))
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.patient_taps("4")
    await next_check_in(agreed)
    await agreed.patient_taps("3")

    await agreed.patient_says(said)

    assert the_last(agreed).made_of_it == said
    assert "You expected 7. It was 4, and 3 the next morning." in agreed.last_words()


async def test_saying_that_it_was_tried_asks_at_once(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("I tried it", says=["utter_experiment_tried"])

    await agreed.patient_says("I tried it")
    await agreed.patient_taps("5")

    agreed.patient_sees("utter_experiment_tried", "utter_ask_experiment_actual", "utter_experiment_noted",
                        "utter_experiment_quote", "utter_experiment_less", "utter_experiment_morning_next")  # fmt: skip


async def test_without_a_small_test_it_is_good_news_all_the_same(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("I tried it", says=["utter_experiment_tried"])

    await chat.patient_says("I tried it")

    chat.patient_sees("utter_refused_no_experiment")


async def test_stop_leaves_it_until_the_next_check_in(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("stop", says=["utter_experiment_stopped"])
    await next_check_in(agreed)
    await agreed.patient_says("stop")

    assert the_last(agreed).asks is None
    await next_check_in(agreed)

    assert agreed.last_words().startswith("One more thing.")


async def test_back_puts_the_question_before_and_its_buttons_work(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("back", says=["utter_ask_experiment_tried"], asks="experiment_form.experiment_tried")
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")

    await agreed.patient_says("back")
    await agreed.patient_taps("Not yet")

    assert agreed.last_words().endswith("I'll ask again after your next check-in.")


async def test_a_question_of_yesterday_takes_no_number_any_more(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("5", says=["utter_noted"])
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")

    await agreed.time_passes(hours=13)
    await agreed.patient_says("5")

    assert the_last(agreed).actual is None
    assert rasa.turns[-1].form.name is None


async def test_an_old_button_answers_nothing(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_says("yes")

    await agreed.patient_taps("Not yet")

    assert agreed.last_words() == agreed.library.say("utter_question_passed").text
    assert the_last(agreed).asks == "actual"


async def test_the_next_check_in_comes_before_an_open_question(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.time_passes(hours=24)

    await agreed.patient_says("5")

    assert the_last(agreed).actual is None  # it was the pain of that hour
    assert agreed.last_words() == agreed.library.say("utter_ask_minutes_done").text


async def test_a_danger_in_the_answer_is_met_first(agreed: Chat) -> None:
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")

    await agreed.patient_says("8, and I'm numb between my legs and I've wet myself")

    assert the_last(agreed).actual is None
    assert "A&E" in agreed.last_words() or "999" in agreed.last_words()


# Looking back


async def test_from_the_fifth_on_all_of_them_are_summed_up(agreed: Chat) -> None:
    tried(agreed, (8, 5, 4), (7, 6, 6), (6, 8, 8), (9, 4, None))
    await next_check_in(agreed)
    await agreed.patient_taps("Yes")
    await agreed.patient_taps("4")
    await next_check_in(agreed)
    await agreed.patient_taps("4")

    await agreed.patient_taps("Skip")

    assert "less sore than you feared on 4 of 5 tries" in agreed.last_words()
    assert "you expected 7.4, and it was 5.4 just after" in agreed.last_words()


async def test_from_ten_on_it_is_said_whether_that_could_be_chance(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/my_experiments", says=["utter_my_experiments"])
    tried(agreed, *[(8, 5, 4)] * 10)

    await agreed.patient_says("/experiments")

    assert "less sore than you feared on 10 of 10 tries" in agreed.last_words()
    assert "It doesn't show that activity lowers pain." in agreed.last_words()


async def test_the_tests_so_far_are_shown_good_and_bad(agreed: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/my_experiments", says=["utter_my_experiments"])
    tried(agreed, (7, 4, 4), (6, 9, None))

    await agreed.patient_says("/experiments")

    lines = agreed.last_words().split("\n\n")
    assert lines[1:] == [
        "walk to the corner. You expected 7, it was 4, and 4 the next morning.",
        "walk to the corner. You expected 6, it was 9.",
        "Still to try: walk to the corner. You expect 7.",
    ]
    assert agreed.buttons() == ["I tried it", "Menu"]


async def test_with_none_the_list_says_so(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("/my_experiments", says=["utter_my_experiments"])

    await chat.patient_says("/experiments")

    chat.patient_sees("utter_refused_no_experiments")


def test_a_later_talk_about_the_belief_quotes_the_last_one(chat: Chat) -> None:
    tried(chat, (7, 5, 5), (7, 4, 4))

    patient = chat.patient

    def quoted(belief: str) -> list[str]:
        words = chat.rows(lambda session: chat.app.experiments.last_time(session, patient, belief))
        return [each.text for each in words]

    assert quoted("B02") == ["Last time you expected 7, and it was 4."]
    assert quoted("B05") == []


SURE = {"pain_now": "3", "minutes_done": "skipped", "confidence": "8", "noticed": "skipped"}


def said_so(**values: Any) -> dict[str, Any]:
    """The slots of the form as Rasa has them; what is missing is not answered."""
    names = ("tried", "actual", "next_morning", "made_of_it")
    return {"experiment_tried": "yes"} | {f"experiment_{name}": values[name] for name in names if name in values}
