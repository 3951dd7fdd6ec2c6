"""A thought looked at from both sides becomes a card, which can be called up and deleted."""

from sqlmodel import col, select

from data.thoughts import ThoughtRecord
from tests.chat import PATIENT, STRANGER, Chat
from tests.fakes import FakeRasa

SLOTS = {
    "thought_situation": "on the stairs at work",
    "thought_itself": "my back will never hold again",
    "thought_feeling": "8",
    "thought_did": "sat down",
    "thought_facts_for": "it hurt",
    "thought_facts_against": "I got up them yesterday",
    "thought_to_a_friend": "give it time",
    "thought_fairer": "Some days are hard, and I get up the stairs on most",
    "thought_to_try": "one flight, slowly",
    "thought_feeling_after": "5",
}
SKIPPED = dict.fromkeys(SLOTS, "skipped") | {
    "thought_itself": "it's hopeless",
    "thought_fairer": "it's hard today",
}


def records(chat: Chat) -> list[ThoughtRecord]:
    query = select(ThoughtRecord).order_by(col(ThoughtRecord.id))
    return list(chat.rows(lambda session: list(session.exec(query))))


def dialogue(rasa: FakeRasa) -> None:
    rasa.hears("/my_cards", says=["utter_my_cards"])


async def test_what_was_written_is_kept_whole_and_the_card_is_shown_back(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("5", says=["utter_thought_record_saved"], values=SLOTS)

    await chat.patient_says("5")

    row = records(chat)[0]
    said = {name: str(getattr(row, COLUMNS.get(name, name.removeprefix("thought_")))) for name in SLOTS}
    assert said == SLOTS
    assert chat.last_words().endswith(
        "“Some days are hard, and I get up the stairs on most”\nTo try: one flight, slowly"
    )


async def test_what_was_skipped_is_empty_and_is_not_shown(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("skip", says=["utter_thought_record_saved"], values=SKIPPED)

    await chat.patient_says("skip")

    row = records(chat)[0]
    assert (row.situation, row.did, row.to_try, row.feeling, row.feeling_after) == ("", "", "", None, None)
    assert chat.last_words().endswith("“it's hard today”")
    assert "skipped" not in chat.last_words()


async def test_a_feeling_out_of_range_saves_and_confirms_nothing(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("5", says=["utter_thought_record_saved"], values=SLOTS | {"thought_feeling": "11"})

    await chat.patient_says("5")

    chat.patient_sees("utter_effect_failed")
    assert records(chat) == []


async def test_cards_are_shown_by_command_newest_first_three_at_most(chat: Chat, rasa: FakeRasa) -> None:
    dialogue(rasa)
    for number in range(1, 5):
        rasa.hears(
            f"card {number}",
            says=["utter_thought_record_saved"],
            values=SKIPPED | {"thought_fairer": f"fairer {number}"},
        )
        await chat.patient_says(f"card {number}")

    await chat.patient_says("/cards")

    assert chat.last_words().split("\n\n")[1:] == ["1. “fairer 4”", "2. “fairer 3”", "3. “fairer 2”"]
    assert chat.buttons() == ["Delete card 1", "Delete card 2", "Delete card 3", "Older cards"]


async def test_with_no_card_the_coach_offers_to_make_one(chat: Chat, rasa: FakeRasa) -> None:
    dialogue(rasa)

    await chat.patient_says("/cards")

    chat.patient_sees("utter_refused_no_cards")
    assert chat.buttons() == ["Look at a thought", "Menu"]


async def two_cards(chat: Chat, rasa: FakeRasa) -> None:
    dialogue(rasa)
    for fairer in ("the older", "the newer"):
        rasa.hears(fairer, says=["utter_thought_record_saved"], values=SKIPPED | {"thought_fairer": fairer})
        await chat.patient_says(fairer)


async def test_the_card_of_the_button_is_deleted_and_can_be_brought_back(chat: Chat, rasa: FakeRasa) -> None:
    await two_cards(chat, rasa)
    await chat.patient_says("/cards")
    ref = f"t{records(chat)[0].id}"
    rasa.hears("/delete_card", says=["utter_my_card_deleted"], values={"thought_card": ref})
    rasa.hears("/card_back", says=["utter_my_card_brought_back"], values={"thought_card": ref})

    await chat.patient_taps("Delete card 2")
    assert rasa.turns[-1].entities == {"thought_card": ref}
    await chat.patient_says("/cards")
    assert "the older" not in chat.last_words()
    await chat.patient_taps("Bring it back")

    assert rasa.turns[-1].entities == {"thought_card": ref}
    assert chat.last_words() == "Here it is again.\n\n“the older”"
    await chat.patient_says("/cards")
    assert "2. “the older”" in chat.last_words()


async def test_a_deleted_card_is_erased_when_it_can_no_longer_come_back(chat: Chat, rasa: FakeRasa) -> None:
    await two_cards(chat, rasa)
    card = {"thought_card": f"t{records(chat)[0].id}"}
    rasa.hears("delete it", says=["utter_my_card_deleted"], values=card)
    rasa.hears("bring it back", says=["utter_my_card_brought_back"], values=card)
    await chat.patient_says("delete it")
    assert len(records(chat)) == 2

    await chat.time_passes(days=2)

    assert [each.fairer_thought for each in records(chat)] == ["the newer"]
    await chat.patient_says("bring it back")
    assert "I can't find that card" in chat.last_words()


async def test_nobody_deletes_another_patients_card(chat: Chat, rasa: FakeRasa) -> None:
    await two_cards(chat, rasa)
    chat.patient_has_joined(chat_id=STRANGER)
    rasa.hears("delete it", says=["utter_my_card_deleted"], values={"thought_card": f"t{records(chat)[0].id}"})

    await chat.patient_says("delete it", chat_id=STRANGER)

    chat.patient_sees("utter_refused_no_card", chat_id=STRANGER)
    assert [each.deleted_at for each in records(chat)] == [None, None]


async def test_in_a_flare_the_cards_are_on_offer(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("first aid", says=["utter_flare_first_aid"])

    await chat.patient_says("first aid")

    assert "My cards" in chat.buttons(PATIENT)


async def test_the_words_of_a_thought_record_are_not_readable_in_the_database(chat: Chat, rasa: FakeRasa) -> None:
    rasa.hears("5", says=["utter_thought_record_saved"], values=SLOTS)
    await chat.patient_says("5")

    with chat.database.engine.begin() as connection:
        stored = connection.exec_driver_sql("select * from thoughtrecord").all()

    assert "never hold again" not in str(stored)


COLUMNS = {
    "thought_itself": "thought",
    "thought_fairer": "fairer_thought",
    "thought_facts_for": "facts_for",
    "thought_facts_against": "facts_against",
}
