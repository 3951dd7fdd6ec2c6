"""What a physio types, taps and sees when they look at the beliefs that were heard, and put one right."""

from typing import Any

import pytest
from sqlmodel import col, select

from data import audit, concerns, patients, physios
from data.concerns import BeliefCorrection, BeliefFlag, ForWriters, RiskFlag
from data.messages import Direction, Message
from data.outbox import OutboxMessage
from data.patients import PatientState
from data.physios import PhysioRole
from tests.chat import PATIENT, PHYSIO, Chat
from tests.fakes import FakeRasa

WORDS = "my back is crumbling and bending snaps it"
BEN = 9003


@pytest.fixture(autouse=True)
def dialogue(rasa: FakeRasa) -> None:
    rasa.hears(WORDS, says=["utter_belief_b03"], beliefs={"B03": 0.97})
    rasa.hears("rest is what it needs", says=["utter_belief_b05"], beliefs={"B05": 0.86})
    rasa.hears("yes, delete everything", says=["utter_erased"])


@pytest.fixture
async def heard(chat: Chat) -> Chat:
    """The patient has said it, and the physio's chat has been looked at."""
    await chat.patient_says(WORDS)
    chat.sees(PATIENT)
    chat.sees(PHYSIO)
    return chat


def text(chat: Chat, response: str, **values: Any) -> str:
    return chat.library.say(response, **values).text


def corrections(chat: Chat) -> list[BeliefCorrection]:
    return list(
        chat.rows(lambda session: list(session.exec(select(BeliefCorrection).order_by(col(BeliefCorrection.id)))))
    )


def stands_for(chat: Chat) -> list[str | None]:
    return chat.rows(lambda session: [each.belief for each in concerns.standing_flags(session, chat.patient.id)])


def recorded(chat: Chat) -> list[str]:
    """What the audit says of the patient's beliefs."""
    events = chat.rows(lambda session: audit.about(session, chat.patient.code))
    return [each.what for each in events if each.what.startswith("belief")]


def words_in_sight(chat: Chat, chat_id: int = PHYSIO) -> int:
    """How many messages of this chat show the patient's words now, after all edits."""
    return sum(WORDS in shown.text for shown in chat.telegram.in_chat(chat_id))


# Looking


async def test_the_list_names_class_day_and_certainty_and_not_a_word_of_the_patient(heard: Chat) -> None:
    await heard.patient_says("rest is what it needs")
    heard.sees(PHYSIO)

    await heard.physio_says(f"/beliefs {heard.patient.code}")

    head, newest, older = heard.last_words(PHYSIO).splitlines()
    not_asked = text(heard, "utter_flag_not_asked")
    assert head == text(heard, "utter_flag_list_head", patient=heard.patient.code)
    assert newest == f"1 · 1 Dec · B05 Rest until it settles · fairly sure · {not_asked}"
    assert older == f"2 · 1 Dec · B03 My back is weak or out of place · sure · {not_asked}"
    assert heard.buttons(PHYSIO) == ["1", "2"]
    assert words_in_sight(heard) == 0


async def test_a_tapped_flag_shows_the_words_and_what_the_coach_said(heard: Chat) -> None:
    answered = heard.last_words(PATIENT)
    await heard.physio_says(f"/beliefs {heard.patient.code.lower()}")

    await heard.physio_taps("1")

    heard.physio_sees(f"They wrote: “{WORDS}”", f"The coach said: “{answered}”", "B03 My back is weak", "delicate")
    assert heard.buttons(PHYSIO) == ["Right", "Not a belief", "Another one"]
    assert recorded(heard) == ["beliefs_listed", "belief_words_read"]


async def test_a_code_that_nobody_has_shows_nothing(heard: Chat) -> None:
    await heard.physio_says("/beliefs P-WRONG")

    assert heard.last_words(PHYSIO) == text(heard, "utter_flag_unknown_patient")
    assert heard.buttons(PHYSIO) == []
    assert recorded(heard) == []


async def test_without_a_code_the_patients_heard_lately_can_be_tapped(heard: Chat) -> None:
    heard.patient_has_joined(chat_id=1003)
    await heard.patient_says("rest is what it needs", chat_id=1003)
    await heard.patient_says("rest is what it needs", chat_id=1003)

    await heard.physio_says("/beliefs")
    which, codes = heard.last_words(PHYSIO), heard.buttons(PHYSIO)
    await heard.physio_taps(codes[1])

    assert which == text(heard, "utter_flag_which_patient")
    assert len(codes) == 2
    assert codes[1] == heard.patient.code
    assert "B03" in heard.last_words(PHYSIO)
    assert "B05" not in heard.last_words(PHYSIO)


async def test_a_patient_of_whom_nothing_was_heard(chat: Chat) -> None:
    await chat.physio_says(f"/beliefs {chat.patient.code}")

    assert chat.last_words(PHYSIO) == text(chat, "utter_flag_list_empty", patient=chat.patient.code)


async def test_a_long_list_stops_and_counts_the_rest(heard: Chat) -> None:
    for number in range(11):
        await heard.patient_says("rest is what it needs")
        await heard.time_passes(minutes=number)

    await heard.physio_says(f"/beliefs {heard.patient.code}")

    assert heard.buttons(PHYSIO) == [str(number) for number in range(1, 11)]
    assert heard.last_words(PHYSIO).splitlines()[-1] == text(heard, "utter_flag_list_more", count=2)


async def test_words_said_with_a_disclosure_of_abuse_are_shown_to_nobody_here(heard: Chat) -> None:
    with heard.database.transaction() as session:
        flag = session.exec(select(BeliefFlag)).one()
        values = {"severity": "E999", "action": "advise", "layer": "rules", "at": flag.at}
        session.add(RiskFlag(patient_id=flag.patient_id, message_id=flag.message_id, risk="RF17", **values))
    await heard.physio_says(f"/beliefs {heard.patient.code}")

    await heard.physio_taps("1")

    assert heard.last_words(PHYSIO) == text(heard, "utter_flag_discreet", patient=heard.patient.code)
    assert heard.buttons(PHYSIO) == []
    assert words_in_sight(heard) == 0


async def test_a_very_long_message_is_cut_so_that_the_flag_stays_one_message(chat: Chat, rasa: FakeRasa) -> None:
    said = "it hurts so it must be harm 😖 " * 120
    rasa.hears(said.strip(), says=["utter_belief_b01"], beliefs={"B01": 0.9})
    await chat.patient_says(said)
    chat.sees(PHYSIO)

    await chat.physio_says(f"/beliefs {chat.patient.code}")
    await chat.physio_taps("1")

    _, flag = chat.sees(PHYSIO)
    assert "…”" in flag.text
    assert flag.labels == ["Right", "Not a belief", "Another one"]


# Putting it right


async def opened(chat: Chat, *, by: int = PHYSIO, number: str = "1") -> None:
    await chat.physio_says(f"/beliefs {chat.patient.code}", chat_id=by)
    await chat.physio_taps(number, chat_id=by)


async def test_right_confirms_the_flag_and_asks_about_the_words(heard: Chat) -> None:
    await opened(heard)

    await heard.physio_taps("Right")

    heard.physio_sees("Noted as right. B03 My back is weak or out of place.", text(heard, "utter_flag_share"))
    assert heard.buttons(PHYSIO) == ["Yes", "No"]
    assert [(each.belief, each.words) for each in corrections(heard)] == [("B03", "")]
    assert stands_for(heard) == ["B03"]
    assert recorded(heard)[-1] == "belief_corrected"


async def test_not_a_belief_takes_it_out_of_the_count(heard: Chat) -> None:
    await opened(heard)

    await heard.physio_taps("Not a belief")

    heard.physio_sees(text(heard, "utter_flag_noted_none"))
    assert stands_for(heard) == [None]


async def test_another_one_offers_the_other_fifteen_and_a_way_back(heard: Chat) -> None:
    await opened(heard)

    await heard.physio_taps("Another one")
    offered = heard.buttons(PHYSIO)
    await heard.physio_taps("B04 It's wear, so activity can't help")

    assert len(offered) == 16
    assert offered[-1] == "Back"
    assert not any(label.startswith("B03") for label in offered)
    heard.physio_sees("From now on it counts as B04 It's wear, so activity can't help.")
    assert stands_for(heard) == ["B04"]


async def test_back_shows_the_flag_again_and_changes_nothing(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Another one")

    await heard.physio_taps("Back")

    assert heard.buttons(PHYSIO) == ["Right", "Not a belief", "Another one"]
    assert words_in_sight(heard) == 1
    assert corrections(heard) == []


async def test_what_a_patient_says_of_a_view_goes_to_the_flags_that_stand_for_it(heard: Chat) -> None:
    """Heard as B03, put right as B04: a no about B03 leaves it alone, a no about B04 settles it."""
    await opened(heard)
    await heard.physio_taps("Another one")
    await heard.physio_taps("B04 It's wear, so activity can't help")

    heard.rows(lambda session: concerns.set_held(session, heard.patient.id, "B03", False))
    after_the_first = stands_for(heard)
    heard.rows(lambda session: concerns.set_held(session, heard.patient.id, "B04", False))

    assert after_the_first == ["B04"]
    assert stands_for(heard) == [None]


async def test_the_list_says_how_each_one_stands(heard: Chat) -> None:
    await heard.patient_says("rest is what it needs")
    await opened(heard, number="2")
    await heard.physio_taps("Not a belief")
    with heard.database.transaction() as session:
        session.exec(select(BeliefFlag).where(BeliefFlag.belief == "B05")).one().held = False

    await heard.physio_says(f"/beliefs {heard.patient.code}")

    _, rest, fragile = heard.last_words(PHYSIO).splitlines()
    assert rest.endswith(text(heard, "utter_flag_not_held"))
    assert fragile.endswith(text(heard, "utter_flag_stands_none"))
    assert stands_for(heard) == [None, None]


async def test_a_second_correction_replaces_the_first_and_takes_its_words_back(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Right")
    await heard.physio_taps("Yes")

    await opened(heard)
    heard.physio_sees(text(heard, "utter_flag_stands_right"))
    await heard.physio_taps("Not a belief")

    assert stands_for(heard) == [None]
    assert [(each.belief, each.words) for each in corrections(heard)] == [("B03", ""), ("none", "")]
    assert [each.right for each in heard.rows(concerns.for_writers)] == ["none"]
    assert recorded(heard).count("belief_corrected") == 2


# The words


async def test_yes_keeps_the_words_for_the_writers_and_takes_them_out_of_the_chat(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Right")

    await heard.physio_taps("Yes")

    heard.physio_sees(text(heard, "utter_flag_shared", patient=heard.patient.code))
    assert [each.words for each in corrections(heard)] == [WORDS]
    assert words_in_sight(heard) == 0
    assert recorded(heard)[-1] == "belief_words_shared"


async def test_no_keeps_them_where_they_are(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Right")

    await heard.physio_taps("No")

    heard.physio_sees(text(heard, "utter_flag_kept"))
    assert [each.words for each in corrections(heard)] == [""]
    assert words_in_sight(heard) == 0
    assert recorded(heard)[-1] == "belief_words_kept"


@pytest.mark.parametrize("sign", ["ring 07700 900123", "I'm anna@example.org", "i live at bs1 4dj", "born 3/4/1951"])
async def test_words_that_may_say_who_it_is_are_not_asked_for(chat: Chat, rasa: FakeRasa, sign: str) -> None:
    rasa.hears(f"{WORDS} {sign}", says=["utter_belief_b03"], beliefs={"B03": 0.97})
    await chat.patient_says(f"{WORDS} {sign}")
    await opened(chat)

    await chat.physio_taps("Right")

    chat.physio_sees("Noted as right.", text(chat, "utter_flag_words_stay"))
    assert chat.buttons(PHYSIO) == []
    assert words_in_sight(chat) == 0
    assert stands_for(chat) == ["B03"]


async def test_who_has_withdrawn_passes_no_words_on(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Right")
    await heard.physio_taps("Yes")
    with heard.database.transaction() as session:
        patients.get(session, heard.patient.id).state = PatientState.WITHDRAWN

    assert [each.words for each in heard.rows(concerns.for_writers)] == [""]
    await opened(heard)
    await heard.physio_taps("Right")
    heard.physio_sees(text(heard, "utter_flag_words_stay"))


async def test_the_words_of_one_flag_at_most_are_in_sight(heard: Chat) -> None:
    await opened(heard)
    await opened(heard)
    await opened(heard)

    assert words_in_sight(heard) == 1


async def test_the_words_lie_encrypted_in_the_outbox_and_nowhere_in_the_log(
    heard: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        await opened(heard)
        await heard.physio_taps("Right")
        await heard.physio_taps("Yes")

    with heard.database.engine.connect() as connection:
        rows = [
            connection.exec_driver_sql(f"select * from {table}").all()
            for table in ("outboxmessage", "button", "beliefcorrection", "auditevent")
        ]
    assert "crumbling" not in str(rows)
    ours = [record for record in caplog.records if record.name.startswith(("bot", "data"))]
    assert not any("crumbling" in str(record.__dict__) for record in ours)


# Who may, and what is too old


async def test_a_patient_who_types_the_command_reads_no_list(heard: Chat) -> None:
    await heard.patient_says(f"/beliefs {heard.patient.code}")

    assert "B03" not in heard.last_words(PATIENT)
    assert "1" not in heard.buttons(PATIENT)
    assert recorded(heard) == []


async def test_a_physios_button_tapped_from_another_chat_shows_nothing(heard: Chat) -> None:
    heard.physio_is_on_duty(name="Ben", chat_id=BEN)
    await heard.physio_says(f"/beliefs {heard.patient.code}")
    listed = heard.telegram.in_chat(PHYSIO)[-1]

    for stranger in (BEN, PATIENT):
        await heard._arrives(heard.telegram.tap(stranger, listed.message_id, listed.buttons[0][0][1]))

    assert words_in_sight(heard, BEN) == 0
    assert "belief_words_read" not in recorded(heard)
    assert heard.last_words(BEN) == text(heard, "utter_physio_stale")


@pytest.mark.parametrize("role", list(PhysioRole))
async def test_every_role_that_is_listed_may_put_a_flag_right(heard: Chat, role: PhysioRole) -> None:
    heard.physio_is_on_duty(name="Ben", chat_id=BEN, role=role)
    await opened(heard, by=BEN)

    await heard.physio_taps("Right", chat_id=BEN)

    assert stands_for(heard) == ["B03"]
    assert len(corrections(heard)) == 1


async def test_a_role_that_is_not_listed_may_not_look_nor_correct(heard: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    await opened(heard)
    monkeypatch.setattr("bot.services.physio_desk.MAY", {PhysioRole.PHYSIO: frozenset({"/alerts"})})

    for attempt in ("Right", "Not a belief", "Another one"):
        await heard.physio_taps(attempt)
        assert heard.last_words(PHYSIO) == text(heard, "utter_physio_cannot")
    await heard.physio_says(f"/beliefs {heard.patient.code}")

    assert heard.last_words(PHYSIO) == text(heard, "utter_physio_cannot")
    assert corrections(heard) == []


async def test_a_physio_who_has_left_sees_nothing_any_more(heard: Chat) -> None:
    await opened(heard)
    with heard.database.transaction() as session:
        physio = physios.by_chat(session, PHYSIO)
        assert physio is not None
        physio.left_at = heard.clock.now()

    await heard.physio_taps("Right")
    await heard.physio_says(f"/beliefs {heard.patient.code}")

    assert heard.last_words(PHYSIO) == text(heard, "utter_physio_cannot")
    assert corrections(heard) == []


async def test_who_comes_second_is_told_what_stands_and_changes_nothing(heard: Chat) -> None:
    heard.physio_is_on_duty(name="Ben", chat_id=BEN)
    await opened(heard)
    await opened(heard, by=BEN)
    await heard.physio_taps("Not a belief", chat_id=BEN)

    await heard.physio_taps("Right")

    stands = text(heard, "utter_flag_stands_none")
    told = text(heard, "utter_flag_overtaken", by="Ben", standing=stands, patient=heard.patient.code)
    assert heard.last_words(PHYSIO) == told
    assert stands_for(heard) == [None]


async def test_the_answer_about_words_counts_only_for_the_correction_it_was_asked_for(heard: Chat) -> None:
    await opened(heard)
    await heard.physio_taps("Right")
    question = heard.telegram.in_chat(PHYSIO)[-1]
    yes = question.buttons[0][0][1]
    await opened(heard)
    await heard.physio_taps("Not a belief")

    await heard._arrives(heard.telegram.tap(PHYSIO, question.message_id, yes))

    assert "Priya was first" in heard.last_words(PHYSIO)
    assert [each.words for each in corrections(heard)] == ["", ""]


async def test_a_double_tap_is_one_correction(heard: Chat) -> None:
    await opened(heard)
    flag = heard.telegram.in_chat(PHYSIO)[-1]
    right = next(data for row in flag.buttons for label, data in row if label == "Right")

    for _ in range(2):
        await heard._arrives(heard.telegram.tap(PHYSIO, flag.message_id, right))

    assert len(corrections(heard)) == 1


async def test_a_button_of_last_week_asks_for_a_fresh_look(heard: Chat) -> None:
    await opened(heard)
    await heard.time_passes(hours=heard.library.number("conversation.buttons_live") + 1)

    await heard.physio_taps("Right")

    assert heard.last_words(PHYSIO) == text(heard, "utter_physio_stale")
    assert corrections(heard) == []


# Erasure


async def test_an_erased_patient_leaves_no_word_and_no_correction_behind(heard: Chat) -> None:
    code, number = heard.patient.code, heard.patient.id
    await opened(heard)
    await heard.physio_taps("Right")
    await heard.physio_taps("Yes")
    await opened(heard)

    await heard.patient_says("yes, delete everything")

    left = select(OutboxMessage).where(col(OutboxMessage.chat_id) == PHYSIO)
    texts = [row.text for row in heard.rows(lambda session: list(session.exec(left)))]
    assert corrections(heard) == []
    assert not any(WORDS in each or "B03" in each for each in texts)
    assert words_in_sight(heard) == 0
    assert heard.rows(lambda session: concerns.standing_flags(session, number)) == []
    await heard.physio_says(f"/beliefs {code}")
    assert heard.last_words(PHYSIO) == text(heard, "utter_flag_unknown_patient")


async def test_a_button_that_outlives_the_patient_opens_nobody_elses_flag(heard: Chat) -> None:
    """SQLite gives the number of an erased flag to the next one; an open alert keeps the erased patient's code."""
    with heard.database.transaction() as session:
        alert = {"cause": "AR11", "severity": "R", "level": "P1", "told": "", "message_id": None}
        patient = patients.get(session, heard.patient.id)
        heard.app.escalation.raise_alert(session, patient, now=heard.clock.now(), **alert)
    await heard.physio_says(f"/beliefs {heard.patient.code}")
    listed = heard.telegram.in_chat(PHYSIO)[-1]
    button = listed.buttons[0][0][1]
    await heard.patient_says("yes, delete everything")
    await heard.time_passes(minutes=1)
    heard.patient_has_joined(chat_id=1003)
    await heard.patient_says(WORDS, chat_id=1003)

    await heard._arrives(heard.telegram.tap(PHYSIO, listed.message_id, button))

    assert heard.last_words(PHYSIO) == text(heard, "utter_flag_gone")
    assert words_in_sight(heard) == 0


# On both engines


async def test_a_whole_correction_on_either_database(chat_on: Chat) -> None:
    await chat_on.patient_says(WORDS)
    await opened(chat_on)
    await chat_on.physio_taps("Another one")
    await chat_on.physio_taps("B04 It's wear, so activity can't help")
    await chat_on.physio_taps("Yes")

    assert chat_on.rows(concerns.for_writers) == [ForWriters("B03", "B04", "2026-12", "fake", WORDS)]
    said = select(Message).where(col(Message.direction) == Direction.TO_PATIENT)
    assert not any("B04" in row.text for row in chat_on.rows(lambda session: list(session.exec(said))))
