"""`coach chat`: what the control lines do, and what a pipe gets. Rasa is a stand-in here; tests/e2e has the real."""

import io
import json
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot import chat as doors
from bot.chat import DEMO_CODE, PATIENT, Door, Mistake
from bot.clock import SimulatedClock
from bot.content import Choice, Library, Picture, Words
from bot.services.outgoing import Outgoing
from bot.services.safety import screening_rules
from bot.telegram.terminal import PNG
from data import patients
from data.alerts import AlertState
from data.database import Database
from tests.chat import Chat
from tests.conftest import NOW
from tests.fakes import FakeRasa

FIELDS = {"at", "to", "text", "buttons"}
NUMB = "can't feel when I wipe since this morning"
CHECK_IN = ":at 2026-12-02T09:30"  # it was asked at nine


class Terminal:
    """A door on the real services, and everything that was shown."""

    def __init__(self, chat: Chat, rasa: FakeRasa, *, new: bool = False) -> None:
        self.chat = chat
        self.shown: list[dict[str, Any]] = []
        self._read = 0
        coach: Any = SimpleNamespace(app=chat.app, intake=chat.intake, process=RasaSwitch(rasa), console="")
        doors._furnish(coach, chat.clock, new=new)
        self.pictures = Path(tempfile.mkdtemp())
        self.door = Door(coach, chat.telegram, chat.clock, self.shown.append, self.pictures)

    async def types(self, *lines: str) -> list[str]:
        """Writes lines; what is shown then, as "to: text"."""
        for line in lines:
            await self.door.line(line)
        await self.chat.intake.close()
        new, self._read = self.shown[self._read :], len(self.shown)
        return [f"{each['to']}: {each['text']}" for each in new]


class RasaSwitch:
    """What `:rasa down` and `:rasa up` turn."""

    def __init__(self, rasa: FakeRasa) -> None:
        self._rasa = rasa

    async def pause(self) -> None:
        self._rasa.down()

    async def resume(self) -> None:
        self._rasa.up()


@pytest.fixture
def rasa(library: Library) -> FakeRasa:
    rasa = FakeRasa(library)
    rasa.hears("hello", says=["utter_greet"])
    rasa.hears("/enrol", says=["utter_ask_invitation_code"], asks="enrolment_form.invitation_code")
    return rasa


@pytest.fixture
async def world(
    sqlite_database: Database, library: Library, clock: SimulatedClock, rasa: FakeRasa
) -> AsyncIterator[Chat]:
    chat = Chat(sqlite_database, library, screening_rules(library), clock, rasa)
    async with chat.bot:
        yield chat


@pytest.fixture
def terminal(world: Chat, rasa: FakeRasa) -> Terminal:
    return Terminal(world, rasa)


def words(library: Library, response: str) -> str:
    return library.say(response, **library.numbers("england")).text


async def test_a_picture_is_named_and_kept_as_a_file(terminal: Terminal) -> None:
    picture = Picture(png=PNG, description="Three weeks of walking.", name="progress")
    await terminal.types("hello")
    with terminal.chat.database.transaction() as session:
        patient = patients.by_chat(session, doors.PATIENT)
        words = [Words("utter_x", "What do you notice?", picture=picture)]
        for key in ("one", "two"):
            Outgoing(terminal.chat.library).to_patient(
                session, patient, words, key=key, kind="reply", now=terminal.chat.clock.now()
            )

    seen = await terminal.types(":wait 1m")

    assert seen[:2] == ["patient: Three weeks of walking.\n\nWhat do you notice?"] * 2
    files = [Path(each["picture"]) for each in terminal.shown if "picture" in each]
    assert [file.read_bytes() for file in files] == [PNG, PNG]
    assert len(set(files)) == 2
    assert files[0].name.endswith("progress.png")


async def test_a_list_is_shown_again_with_each_tick(terminal: Terminal) -> None:
    for _ in range(3):  # the questionnaires begin on the third day
        await terminal.types(":wait 1d")
    await terminal.types("/questionnaires", ":tap Start now")

    (seen,) = await terminal.types(":tap 2")

    assert "☑ 2." in seen
    assert "☐ 3." in seen
    assert terminal.shown[-1]["edited"] is True


async def test_one_minute_is_no_minutes_and_seven_days_are_every_day(terminal: Terminal) -> None:
    await terminal.types("hello")
    with terminal.chat.database.transaction() as session:
        patient = patients.by_chat(session, doors.PATIENT)
        words = [
            Words(
                "utter_x",
                "1 minutes next week, 21 minutes now. Days: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.",
                (Choice("Down to 1 minutes", says="down"),),
            )
        ]
        Outgoing(terminal.chat.library).to_patient(
            session, patient, words, key="one", kind="reply", now=terminal.chat.clock.now()
        )

    seen = await terminal.types(":wait 1m")

    assert "patient: 1 minute next week, 21 minutes now. Days: every day." in seen
    assert ["Down to 1 minute"] in [each["buttons"] for each in terminal.shown]


# What a line does -----------------------------------------------------------------------------------------------------


async def test_a_line_is_what_the_patient_says(terminal: Terminal, library: Library) -> None:
    (seen,) = await terminal.types("hello")

    assert seen in {f"patient: {each['text'].strip()}" for each in library.responses["utter_greet"]}


async def test_an_empty_line_is_nothing(terminal: Terminal) -> None:
    assert await terminal.types("", "   ") == []


async def test_what_is_shown_has_exactly_the_promised_fields(terminal: Terminal) -> None:
    await terminal.types(NUMB)

    assert [set(each) for each in terminal.shown] == [FIELDS] * len(terminal.shown)
    assert {each["to"] for each in terminal.shown} == {"patient", "physio"}
    assert all(re.fullmatch(r"2026-12-01T09:00:0\d\+00:00", each["at"]) for each in terminal.shown)
    assert [label for each in terminal.shown if each["to"] == "physio" for label in each["buttons"]] == [
        "Acknowledge",
        "Close",
    ]


async def test_a_tap_presses_the_newest_button_of_that_label(terminal: Terminal) -> None:
    await terminal.types(CHECK_IN)
    await terminal.types(":tap 6")

    assert await asked(terminal) == "minutes"


async def test_the_beginning_of_a_label_is_enough(terminal: Terminal) -> None:
    await terminal.types(NUMB)

    assert len(await terminal.types(":tap I'm doing")) == 1


async def test_a_tap_on_a_button_that_is_not_there_names_those_that_are(terminal: Terminal) -> None:
    await terminal.types(CHECK_IN)

    with pytest.raises(Mistake, match="Purple"):
        await terminal.types(":tap Purple")
    with pytest.raises(Mistake, match="10"):
        await terminal.types(":tap Purple")


@pytest.mark.parametrize(
    ("span", "passed"),
    [
        ("1d", timedelta(days=1)),
        ("3h", timedelta(hours=3)),
        ("90m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("2 h", timedelta(hours=2)),
    ],
)
async def test_waiting_moves_the_clock(span: str, passed: timedelta, terminal: Terminal) -> None:
    before = terminal.chat.clock.now()

    await terminal.types(f":wait {span}")

    assert passed <= terminal.chat.clock.now() - before < passed + timedelta(minutes=1)


async def test_what_is_due_on_the_way_happens_at_its_own_time(terminal: Terminal) -> None:
    await terminal.types(":wait 2d")

    asked_at = [each["at"][:14] for each in terminal.shown if each["buttons"][:3] == ["0", "1", "2"]]
    assert "2026-12-02T09:" in asked_at
    assert asked_at == sorted(asked_at)


async def test_a_moment_is_on_the_patients_clock(terminal: Terminal) -> None:
    await terminal.types(":at 2026-12-03T18:30")

    assert terminal.chat.clock.now().isoformat().startswith("2026-12-03T18:30")


@pytest.mark.parametrize(
    "line", [":at 2026-12-01T08:00", ":at yesterday", ":at", ":wait", ":wait long", ":wait 1", ":wait -1d"]
)
async def test_time_only_goes_forward_and_by_spans(line: str, terminal: Terminal) -> None:
    with pytest.raises(Mistake):
        await terminal.types(line)

    assert terminal.chat.clock.now() - NOW < timedelta(seconds=5)


# The physio -----------------------------------------------------------------------------------------------------------


async def test_the_physio_acknowledges_and_closes(terminal: Terminal) -> None:
    await terminal.types(NUMB, ":physio ack")
    assert [alert.state for alert in terminal.chat.alerts()] == [AlertState.ACKNOWLEDGED]

    await terminal.types(":physio close")
    (alert,) = terminal.chat.alerts()
    assert (alert.state, alert.outcome) == (AlertState.CLOSED, "safe_to_go_on")


async def test_the_outcome_is_a_code_of_the_protocol(terminal: Terminal) -> None:
    await terminal.types(NUMB, ":physio ack", ":physio close being_seen")

    assert [alert.outcome for alert in terminal.chat.alerts()] == ["being_seen"]


@pytest.mark.parametrize("line", [":physio ack", ":physio close", ":physio close being_seen"])
async def test_without_an_alert_the_physio_has_no_button(line: str, terminal: Terminal) -> None:
    with pytest.raises(Mistake, match="the physio has no button"):
        await terminal.types(line)


async def test_an_outcome_that_does_not_exist_closes_nothing(terminal: Terminal) -> None:
    await terminal.types(NUMB, ":physio ack")

    with pytest.raises(Mistake, match="nonsense"):
        await terminal.types(":physio close nonsense")
    assert [alert.state for alert in terminal.chat.alerts()] == [AlertState.ACKNOWLEDGED]


async def test_other_words_are_the_physios_own(terminal: Terminal, library: Library) -> None:
    assert await terminal.types(":physio /alerts") == [f"physio: {words(library, 'utter_no_alerts')}"]


async def test_the_physio_can_tap_by_label(terminal: Terminal, library: Library) -> None:
    await terminal.types(NUMB)

    seen = await terminal.types(":physio tap acknow")

    assert [alert.state for alert in terminal.chat.alerts()] == [AlertState.ACKNOWLEDGED]
    assert "is yours" in seen[0]


async def test_a_label_the_physio_does_not_have_is_a_mistake(terminal: Terminal) -> None:
    with pytest.raises(Mistake, match="no button says 'Right'"):
        await terminal.types(":physio tap Right")


# Rasa -----------------------------------------------------------------------------------------------------------------


async def test_with_rasa_down_a_message_is_held_and_answered_when_it_is_up(
    terminal: Terminal, library: Library
) -> None:
    assert await terminal.types(":rasa down", "hello") == [f"patient: {words(library, 'utter_holding')}"]

    seen = await terminal.types(":rasa up")  # the check-in may come due in the same moment

    late = f"patient: {words(library, 'utter_answered_late')}"
    assert [each.startswith(late) for each in seen].count(True) == 1


async def test_with_rasa_down_danger_and_check_ins_go_on(terminal: Terminal) -> None:
    await terminal.types(":rasa down", CHECK_IN, ":tap 6", "10")
    assert await asked(terminal) == "confidence"

    seen = await terminal.types(NUMB)

    assert [each.partition(":")[0] for each in seen] == ["patient", "physio"]


async def test_a_rasa_of_somebody_else_can_not_be_stopped(terminal: Terminal) -> None:
    terminal.door._coach.process = None  # type: ignore[misc]

    with pytest.raises(Mistake, match="COACH_RASA_URL"):
        await terminal.types(":rasa down")


# The pipe -------------------------------------------------------------------------------------------------------------


async def test_a_stranger_has_not_joined_and_the_code_is_known(world: Chat, rasa: FakeRasa) -> None:
    terminal = Terminal(world, rasa, new=True)

    await terminal.types("hello")

    with world.database.transaction() as session:
        stranger = patients.by_chat(session, PATIENT)
    assert stranger is not None
    assert stranger.state == "stranger"
    assert DEMO_CODE == "ABCD-EFGH-JKMN"


async def piped(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, lines: Sequence[str]) -> tuple[int, list[str]]:
    """The exit code, and what went to standard error."""
    said: list[str] = []
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    return await doors._converse(terminal.door, said.append), said[1:]  # the first says how it goes


@pytest.mark.parametrize("line", [":dance", ":rasa sideways", ":wait long", ":tap Purple", ":physio", ":tap"])
async def test_a_control_line_that_means_nothing_ends_a_pipe_with_2(
    line: str, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    code, said = await piped(monkeypatch, terminal, ["hello", line, NUMB])

    assert code == 2
    assert len(said) == 1
    assert said[0].startswith("coach chat: ")
    assert terminal.chat.alerts() == []  # what follows is not read any more


@pytest.mark.parametrize("lines", [["hello", ":quit", ":dance"], ["hello"], [], [":help"], ["   "]])
async def test_a_pipe_that_ends_well_ends_with_0(
    lines: list[str], monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    assert await piped(monkeypatch, terminal, lines) == (0, [])


def test_json_is_one_object_a_line_with_letters_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    message = {"at": "2026-12-01T09:00:00+00:00", "to": "patient", "text": "Zwölf\nMinuten 👍", "buttons": ["Ja"]}

    doors._printer(as_json=True)(message)

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == message
    assert "Zwölf" in line


def test_without_json_the_words_and_the_buttons_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    doors._printer(as_json=False)(
        {"at": "2026-12-01T09:00:00+00:00", "to": "physio", "text": "A card", "buttons": ["Close"]}
    )

    out = capsys.readouterr().out
    assert all(part in out for part in ("A card", "[ Close ]", "physio"))


async def asked(terminal: Terminal) -> str | None:
    with terminal.chat.database.transaction() as session:
        patient = patients.by_chat(session, PATIENT)
        assert patient is not None
        check_in = terminal.chat.app.check_ins.open_for(session, patient)
        return check_in.asks if check_in else None


async def test_the_physio_replies_to_the_newest_message_about_the_patient(terminal: Terminal) -> None:
    with pytest.raises(Mistake, match="no message about the patient"):
        await terminal.types(":physio reply Hello.")
    await terminal.types(NUMB)

    said = await terminal.types(":physio reply Are you on your way?", ":physio tap Send it")

    assert any(each.startswith("patient: From your physiotherapist:\n\nAre you on your way?") for each in said)
    assert any("has written to you" in each for each in await terminal.types("yes I am"))
