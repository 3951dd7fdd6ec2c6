"""`coach corrections`: what writers learn from physios, and what they never learn about a patient."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import select
from typer.testing import CliRunner

from bot.cli import cli
from bot.coaching.identifying import may_identify
from bot.corrections import as_yaml, write
from data import concerns, keys
from data.audit import AuditEvent
from data.concerns import NO_BELIEF, BeliefFlag, ForWriters
from data.database import Database
from data.messages import Direction, Message
from data.migrations import upgrade
from data.patients import Patient, PatientState
from data.physios import Physio

AT = datetime(2026, 12, 17, 9, 41, tzinfo=UTC)
CODE = "P-7KQ4M"
SHARED, KEPT = "my spine is on its last legs", "the wife says I am made of glass"


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The database that `coach` finds, with three corrected flags of one patient."""
    url = f"sqlite:///{tmp_path / 'coach.db'}"
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("COACH_VAR", str(tmp_path))
    monkeypatch.delenv("COACH_ENCRYPTION_KEYS", raising=False)
    database = Database(url, encryption_keys=keys.read("", tmp_path, url))
    upgrade(database)
    with database.transaction() as session:
        physio = Physio(name="Priya")
        patient = Patient(code=CODE, sender="s1", state=PatientState.ACTIVE, created_at=AT)
        session.add_all([physio, patient])
        session.flush()
        for number, (said, heard, right, shared) in enumerate(
            [(SHARED, "B03", "B04", True), (KEPT, "B03", "B03", False), ("nice walk", "B01", NO_BELIEF, False)]
        ):
            message = Message(
                key=f"u{number}", patient_id=patient.id, direction=Direction.FROM_PATIENT, kind="text", text=said, at=AT
            )
            session.add(message)
            session.flush()
            flag = BeliefFlag(
                patient_id=patient.id, message_id=message.id, belief=heard, confidence=0.9, model="m1.tar.gz", at=AT,
                on=date(2026, 12, 17),
            )  # fmt: skip
            session.add(flag)
            session.flush()
            correction = concerns.correct(session, flag, right, physio_id=physio.id, now=AT)
            correction.words = said if shared else ""
    yield database
    database.close()


def exported(*arguments: str) -> str:
    found = CliRunner().invoke(cli, ["corrections", *arguments])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_writers_get_classes_month_model_and_shared_words(database: Database) -> None:
    document = yaml.safe_load(exported())

    assert document["summary"] == {"B01": {"none": 1}, "B03": {"B03": 1, "B04": 1}}
    assert document["corrections"] == [
        {"heard": "B01", "right": "none", "month": "2026-12", "model": "m1.tar.gz"},
        {"heard": "B03", "right": "B03", "month": "2026-12", "model": "m1.tar.gz"},
        {"heard": "B03", "right": "B04", "month": "2026-12", "model": "m1.tar.gz", "words": SHARED},
    ]


def test_nothing_in_it_says_who_it_was_or_on_which_day(database: Database) -> None:
    text = exported()

    found = [
        each for each in (CODE, "7KQ4M", "2026-12-17", "17 Dec", "09:41", "Priya", KEPT, "nice walk") if each in text
    ]
    assert found == []


def test_a_file_is_for_its_owner_alone_also_when_it_was_there_before(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "corrections.yml"
    path.write_text("what stood here before, and was rather longer than what comes now" * 50)
    path.chmod(0o644)

    said = exported("--out", str(path))

    assert SHARED not in said
    assert len(yaml.safe_load(path.read_text())["corrections"]) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_audit_knows_that_it_left(database: Database) -> None:
    exported()

    with database.transaction() as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.what == "corrections_exported")).all()
    assert (event.by, event.patient, event.detail) == ("admin", None, {"flags": 3, "with_words": 1})


def test_the_order_says_nothing_of_when_it_was_said() -> None:
    one = ForWriters("B01", "none", "2026-12", "m", "b")
    other = ForWriters("B01", "none", "2026-12", "m", "a")

    assert as_yaml([one, other]) == as_yaml([other, one])


def test_nothing_corrected_yet_is_an_empty_list_and_half_an_emoji_does_no_harm(tmp_path: Path) -> None:
    odd = ForWriters("B01", "none", "2026-12", "m", "ow \ud83d: yes\n- no")
    write(as_yaml([odd]), tmp_path / "odd.yml")

    assert yaml.safe_load(as_yaml([])) == {"summary": {}, "corrections": []}
    assert yaml.safe_load((tmp_path / "odd.yml").read_text())["corrections"][0]["words"].endswith(": yes\n- no")


@pytest.mark.parametrize(
    "text",
    [
        "call me on 07700 900123",
        "nhs 943 476 5919",
        "dob 03/04/1951",
        "a.b@c.uk",
        "@annab",
        "www.me.uk",
        "bs1 4dj",
        CODE,
    ],
)
def test_words_that_may_say_who_it_is_are_seen(text: str) -> None:
    assert may_identify(text)


@pytest.mark.parametrize(
    "text",
    ["did 10-15 minutes", "L4/5 and S1", "8/10 at 18:30", "it's been 3 years", "walked 12,000 steps", "B12 tablets"],
)
def test_ordinary_numbers_are_not(text: str) -> None:
    assert not may_identify(text)
