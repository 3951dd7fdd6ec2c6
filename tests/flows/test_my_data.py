"""What patients may do with their own data, in the chat."""

import json

import pytest

from bot.errors import RasaUnavailable
from data import privacy
from data.patients import PatientState
from tests.chat import PATIENT, Chat
from tests.fakes import FakeRasa


@pytest.fixture(autouse=True)
def dialogue(rasa: FakeRasa) -> None:
    rasa.hears("my back feels stiff", says=["utter_default"])
    rasa.hears("send me my data", says=["utter_exported"])
    rasa.hears("yes, delete everything", says=["utter_erased"])


async def test_a_patient_gets_their_data_as_a_file(chat: Chat) -> None:
    await chat.patient_says("my back feels stiff")

    await chat.patient_says("send me my data")

    (file,) = [shown for shown in chat.sees(PATIENT) if shown.document]
    data = json.loads(file.document or "")
    assert file.file_name == "my-data.json"
    assert data["you"]["code"] == chat.patient.code
    assert "my back feels stiff" in [message["text"] for message in data["messages"]]
    assert chat.last_words() == chat.library.say("utter_exported").text


async def test_an_erased_patient_is_told_so_and_is_a_stranger_afterwards(chat_on: Chat, rasa: FakeRasa) -> None:
    await chat_on.patient_says("my back feels stiff")
    before = chat_on.patient

    await chat_on.patient_says("yes, delete everything")
    told = chat_on.last_words()
    await chat_on.time_passes(minutes=1)
    await chat_on.patient_says("hello")

    assert told.startswith(chat_on.library.say("utter_erased").text[:20])
    assert rasa.forgotten == [before.sender]
    assert chat_on.patient.code != before.code
    assert chat_on.patient.state == PatientState.STRANGER
    assert chat_on.rows(privacy.open_erasures) == []


async def test_rasa_forgets_as_soon_as_it_can(chat: Chat, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = chat.patient.sender

    async def away(_: str) -> None:
        raise RasaUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(rasa, "forget", away)
        await chat.patient_says("yes, delete everything")
        waiting = [request.sender for request in chat.rows(privacy.open_erasures)]
    await chat.time_passes(minutes=1)

    assert waiting == [sender]
    assert rasa.forgotten == [sender]
    assert chat.rows(privacy.open_erasures) == []
