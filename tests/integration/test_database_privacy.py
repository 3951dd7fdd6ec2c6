"""Export and erasure, on both engines: all of one person, nothing of another, also when Rasa is away."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import RasaUnavailable
from bot.services.outgoing import Outgoing
from bot.services.privacy import Privacy
from data import audit, patients, privacy
from data.alerts import Alert, AlertState
from data.checkins import CheckIn, CheckInState
from data.concerns import RiskFlag
from data.database import Database
from data.export import export
from data.goals import ActivityGoal
from data.inbox import ChatTurn, InboxState, InboxUpdate
from data.messages import Direction, Message
from data.outbox import Button, OutboxMessage, OutboxState, Priority
from data.patients import Patient, PatientChat, PatientState
from data.personal import TABLES
from data.physios import Physio
from tests.conftest import NOW
from tests.people import everything, person, rows_naming


class Memory:
    """Rasa, as far as forgetting goes."""

    def __init__(self) -> None:
        self.up = True
        self.forgotten: list[str] = []

    async def forget(self, sender: str) -> None:
        if not self.up:
            raise RasaUnavailable
        self.forgotten.append(sender)


CONTENT = {
    "protocol/beliefs.yml": "B04: {name: structural_fate, says: my scan decides what I can do}",
    "safety/risks.yml": "risks: {RF01: {name: Possible cauda equina}, RF17: {name: Somebody hurts the patient}}",
    "protocol/conversation.yml": "buttons_live: 24",
    "protocol/thought_record.yml": "{undo_within: 24}",
    "protocol/wording.yml": "{one_of: {}, in_short: {}}",
    "protocol/console.yml": "{sessions_kept: 30}",
    "protocol/retention.yml": "{updates_kept: 3, sent_kept: 30, tracker_kept: 7, tracker_quiet: 60, "
    "strangers_kept: 30, upgrade_copies_kept: 14, purge_every: 60, withheld_from_chat: [RF17]}",
}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Library:
    root = tmp_path_factory.mktemp("dialogues")
    for folder in ("protocol", "safety"):
        (root / folder).mkdir()
    for name, content in CONTENT.items():
        (root / name).write_text(content)
    return Library.load(root)


@pytest.fixture
def rasa() -> Memory:
    return Memory()


@pytest.fixture
def service(database: Database, clock: SimulatedClock, rasa: Memory, words: Library) -> Privacy:
    return Privacy(database, clock, rasa, words, Outgoing(words))


def two_people(database: Database, **overrides: Any) -> tuple[Patient, Patient]:
    with database.transaction() as session:
        return person(session, "ann", 11, **overrides), person(session, "bob", 22)


def exported(database: Database, patient: Patient, **options: Any) -> dict[str, Any]:
    with database.transaction() as session:
        return export(session, session.get_one(Patient, patient.id), NOW, **options)


def erase(database: Database, service: Privacy, patient: Patient, now: datetime = NOW) -> None:
    with database.transaction() as session:
        service.erase(session, session.get_one(Patient, patient.id), now)


def spoken(patient: Patient, key: str, text: str, at: datetime = NOW) -> Message:
    direction = Direction.TO_PATIENT if ":" in key else Direction.FROM_PATIENT
    return Message(key=key, patient_id=patient.id, direction=direction, kind="text", text=text, at=at)


# Export ---------------------------------------------------------------------------------------------------------------


def test_an_export_holds_every_declared_column_of_its_own_person_and_nobody_else(database: Database) -> None:
    ann, _ = two_people(database)

    found = exported(database, ann)

    for table in TABLES.values():
        if table.section:
            rows = found[table.section] if isinstance(found[table.section], list) else [found[table.section]]
            wanted = {column.exported for column in table.columns.values() if column.exported}
            assert [set(row) for row in rows] == [wanted], table.section
    assert "ann-message-text" in json.dumps(found)
    assert "bob-" not in json.dumps(found)


def test_an_export_names_no_colleague(database: Database) -> None:
    ann, _ = two_people(database)
    with database.transaction() as session:
        physio = Physio(name="Alexandra Clinician")
        session.add(physio)
        session.flush()
        for alert in session.exec(select(Alert)):
            alert.acknowledged_by = alert.closed_by = physio.id

    found = json.dumps(exported(database, ann))

    assert "Alexandra" not in found
    assert "acknowledged_by" not in found


def test_instants_are_in_the_patients_own_zone(database: Database) -> None:
    ann, _ = two_people(database, patient__time_zone="Asia/Kolkata")

    found = exported(database, ann)

    assert found["messages"][0]["at"] == "2026-12-01T14:30:00+05:30"
    assert found["you"]["check_in_time"] == "08:30"
    assert found["check_ins"][0]["day"] == "2026-12-01"


def test_what_another_reader_of_the_phone_must_not_see_is_withheld(database: Database) -> None:
    ann, _ = two_people(database, riskflag__risk="RF17", alert__cause="RF17", safetyfollowup__risk="RF17")
    with database.transaction() as session:
        heard = session.exec(select(Message).where(col(Message.patient_id) == ann.id)).one()
        session.add(spoken(ann, f"{heard.key}:safety", "helpline"))
        session.add(spoken(ann, "u9", "other talk"))

    for_chat, whole = exported(database, ann, withheld=["RF17"]), exported(database, ann)

    assert [message["text"] for message in for_chat["messages"]] == ["other talk"]
    assert (for_chat["alerts"], for_chat["warning_signs_heard"], for_chat["thoughts_heard"]) == ([], [], [])
    assert "RF17" not in json.dumps(for_chat)
    assert len(whole["messages"]) == 3
    assert "RF17" in json.dumps(whole)


def test_an_export_leaves_as_a_file_for_its_patient_and_is_audited(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database, patientchat__blocked_at=None)

    with database.transaction() as session:
        service.export(session, session.get_one(Patient, ann.id), NOW)

    with database.transaction() as session:
        row = session.exec(select(OutboxMessage).where(col(OutboxMessage.kind) == "document")).one()
        events = [event.what for event in audit.about(session, ann.code)]
    assert (row.chat_id, row.file_name, row.text) == (11, "my-data.json", "")
    assert json.loads(row.document or "")["you"]["code"] == ann.code
    assert events == ["data_exported"]


@pytest.mark.parametrize(("whole", "meant"), [(False, {}), (True, {"RF17": "Somebody hurts the patient"})])
def test_an_export_says_what_its_classes_mean_and_no_more(
    database: Database, service: Privacy, whole: bool, meant: dict[str, str]
) -> None:
    ann, _ = two_people(database, beliefflag__belief="B04", riskflag__risk="RF17", riskflag__message_id=None)
    with database.transaction() as session:
        found = service.data_of(session, session.get_one(Patient, ann.id), NOW, whole=whole)

    assert found["what_classes_mean"] == {"B04": "my scan decides what I can do"} | meant


# Erasure --------------------------------------------------------------------------------------------------------------


async def test_an_erasure_removes_one_person_and_touches_nobody_else(database: Database, service: Privacy) -> None:
    ann, bob = two_people(database)
    before = exported(database, bob)
    of_bob = rows_naming(database, "bob")

    erase(database, service, ann)
    await service.finish_erasures()

    # In codes, and the lease of a chat that runs out: docs/privacy.md says why each is kept.
    assert rows_naming(database, "ann") == {"alert": 1, "auditevent": 1, "invitation": 1, "chatturn": 1}
    assert exported(database, bob) == before
    assert rows_naming(database, "bob") == of_bob
    with database.transaction() as session:
        assert session.get(PatientChat, 11) is None


def test_everything_that_was_to_be_sent_is_cancelled_but_safety_advice(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database)
    with database.transaction() as session:
        for key, priority in (("advice", Priority.SAFETY), ("reminder", Priority.CHECK_IN)):
            session.add(
                OutboxMessage(
                    key=key, chat_id=11, patient_id=ann.id, kind=key, priority=priority, text=key, created_at=NOW,
                    not_before=NOW,
                )
            )  # fmt: skip

    erase(database, service, ann)

    with database.transaction() as session:
        left = session.exec(select(OutboxMessage).where(col(OutboxMessage.chat_id) == 11)).all()
        buttons = session.exec(select(Button).where(col(Button.chat_id) == 11)).all()
    assert [(row.key, row.patient_id) for row in left] == [("advice", None)]
    assert buttons == []


def test_a_message_that_nobody_has_read_yet_is_still_read(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database)
    with database.transaction() as session:
        session.add(InboxUpdate(update_id=99, chat_id=11, raw="I feel numb between my legs", received_at=NOW))

    erase(database, service, ann)

    with database.transaction() as session:
        unread, read = session.get_one(InboxUpdate, 99), session.get_one(InboxUpdate, 11)
        assert (unread.chat_id, unread.raw, unread.state) == (11, "I feel numb between my legs", InboxState.NEW)
        assert (read.chat_id, read.raw) == (0, "")


def test_an_erasure_in_the_middle_of_a_turn_leaves_the_turn_able_to_end(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database, inboxupdate__state="new")
    with database.transaction() as session:
        patient = session.get_one(Patient, ann.id)
        message = session.exec(select(Message).where(col(Message.patient_id) == ann.id)).one()
        message.intent, patient.asks = "erase_my_data", None
        with session.begin_nested():
            service.erase(session, patient, NOW)

        assert session.get(Patient, patient.id) is None
        assert message.key == "ann-message-key"

    assert "message" not in rows_naming(database, "ann")


def test_an_erasure_that_fails_erases_nothing(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database)
    before = everything(database)

    def cut_short() -> None:
        with database.transaction() as session:
            service.erase(session, session.get_one(Patient, ann.id), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cut_short()

    assert everything(database) == before


def alert_of(session: Session, stand_in_id: int | None) -> tuple[str, int | None]:
    alert = session.exec(select(Alert).where(col(Alert.patient_id) == stand_in_id)).one()
    return session.get_one(Patient, alert.patient_id).code, alert.message_id


async def test_a_closed_alert_keeps_no_code_and_no_words(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database)

    erase(database, service, ann)

    with database.transaction() as session:
        code, message = alert_of(session, privacy.open_erasures(session)[0].stand_in_id)
    assert code.startswith("erased-")
    assert message is None


async def test_while_an_alert_is_open_a_physio_can_still_find_the_person(
    database: Database, service: Privacy, clock: SimulatedClock
) -> None:
    ann, _ = two_people(database, alert__closed_at=None, alert__state="open")
    with database.transaction() as session:
        alert_id = session.exec(select(Alert.id).where(col(Alert.patient_id) == ann.id)).one()
        session.add(
            OutboxMessage(
                key="card", chat_id=77, alert_id=alert_id, kind="card", priority=Priority.CARD, text=f"card {ann.code}",
                created_at=NOW, not_before=NOW,
            )
        )  # fmt: skip

    erase(database, service, ann)
    while_open = await service.finish_erasures()
    with database.transaction() as session:
        stand_in = privacy.open_erasures(session)[0].stand_in_id
        code_while_open = alert_of(session, stand_in)[0]
        assert session.exec(select(OutboxMessage).where(col(OutboxMessage.key) == "card")).first() is not None
        alert = session.get_one(Alert, alert_id)
        alert.state, alert.closed_at = AlertState.CLOSED, clock.now()
    once_closed = await service.finish_erasures()

    assert (while_open, once_closed) == (0, 1)
    assert code_while_open == ann.code
    with database.transaction() as session:
        assert alert_of(session, stand_in)[0].startswith("erased-")
        assert patients.by_code(session, ann.code) is None
        assert session.exec(select(OutboxMessage).where(col(OutboxMessage.kind) == "card")).all() == []


async def test_an_erasure_outlives_rasa_being_down_and_a_restart(
    database: Database, service: Privacy, clock: SimulatedClock, rasa: Memory, words: Library
) -> None:
    ann, _ = two_people(database)
    rasa.up = False
    erase(database, service, ann)

    first = await service.tidy()
    rasa.up = True
    restarted = Privacy(database, clock, rasa, words, Outgoing(words))
    second = await restarted.finish_erasures()
    third = await restarted.finish_erasures()

    assert (first, second, third) == (0, 1, 0)
    assert rasa.forgotten == [ann.sender]
    with database.transaction() as session:
        assert privacy.open_erasures(session) == []


def test_an_erasure_is_audited_in_codes(database: Database, service: Privacy) -> None:
    ann, _ = two_people(database)

    erase(database, service, ann)

    with database.transaction() as session:
        (event,) = audit.about(session, ann.code)
    assert (event.what, event.by) == ("patient_erased", "patient")


async def test_nothing_personal_is_left_in_the_sqlite_files(
    sqlite_database: Database, clock: SimulatedClock, rasa: Memory, words: Library
) -> None:
    service = Privacy(sqlite_database, clock, rasa, words, Outgoing(words))
    ann, _ = two_people(sqlite_database)
    file = sqlite_database.file
    assert file is not None

    def on_disk(needle: str) -> bool:
        return any(needle.encode() in path.read_bytes() for path in file.parent.glob(f"{file.name}*"))

    before = on_disk("ann-activitygoal-days")
    erase(sqlite_database, service, ann)
    await service.finish_erasures()

    assert before
    assert not on_disk("ann-activitygoal-days")
    assert on_disk("bob-activitygoal-days")


# Any person -----------------------------------------------------------------------------------------------------------

WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SAID = st.lists(WORD, max_size=4)


def life(session: Session, number: int, who: str, said: list[str], pains: list[int | None]) -> Patient:
    patient = Patient(code=f"{who}{number}", sender=f"s-{who}{number}", created_at=NOW, state=PatientState.ACTIVE)
    session.add(patient)
    session.flush()
    session.add(PatientChat(chat_id=hash((number, who)) >> 1, patient_id=patient.id))
    for n, each in enumerate(said):
        session.add(spoken(patient, f"{who}{number}.{n}", each))
        session.add(
            ActivityGoal(
                patient_id=patient.id, activity=each, place=each, days="Monday", at="09:30", minutes=5,
                start_minutes=5, confidence=8, importance=9, barrier=each, if_then=each, created_at=NOW,
            )
        )  # fmt: skip
    for n, pain in enumerate(pains):
        day = NOW + timedelta(days=n)
        session.add(
            CheckIn(
                patient_id=patient.id,
                on=day.date(),
                due_at=day,
                state=CheckInState.ANSWERED,
                pain=pain,
                noticed=said[0] if said else None,
            )
        )
    session.flush()
    return patient


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(1_000_000))


@given(
    mine=SAID, theirs=SAID, pains=st.lists(st.none() | st.integers(0, 10), max_size=3),
)  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_life_is_exported_as_it_was_said_and_erased_without_a_trace(
    database: Database, service: Privacy, numbers: Iterator[int], mine: list[str], theirs: list[str], pains: list[int]
) -> None:
    number = next(numbers)
    with database.transaction() as session:
        me, other = life(session, number, "me", mine, pains), life(session, number, "other", theirs, pains)
    before = exported(database, other)

    found = json.loads(json.dumps(exported(database, me)))
    erase(database, service, me)

    assert [message["text"] for message in found["messages"]] == mine
    assert [goal["if_then"] for goal in found["goals"]] == mine
    assert [check_in["pain"] for check_in in found["check_ins"]] == pains
    assert exported(database, other) == before
    with database.transaction() as session:
        left = [
            session.exec(select(t).where(col(t.patient_id) == me.id)).all() for t in (Message, ActivityGoal, CheckIn)
        ]
    assert left == [[], [], []]


# Retention ------------------------------------------------------------------------------------------------------------


def silent(session: Session, code: str, state: PatientState, *, wrote: datetime, asks: str | None = None) -> Patient:
    patient = Patient(code=code, sender=f"s-{code}", created_at=NOW, state=state, asks=asks)
    session.add(patient)
    session.flush()
    session.add(spoken(patient, code, "hello", wrote))
    return patient


async def test_rasa_forgets_old_talk_at_a_quiet_moment(
    database: Database, service: Privacy, clock: SimulatedClock, rasa: Memory
) -> None:
    later = NOW + timedelta(days=8)
    with database.transaction() as session:
        silent(session, "quiet", PatientState.ACTIVE, wrote=later - timedelta(hours=2))
        silent(session, "talking", PatientState.ACTIVE, wrote=later - timedelta(minutes=5))
        silent(session, "in-form", PatientState.ACTIVE, wrote=later - timedelta(hours=2), asks="goal_form.goal_place")
        silent(session, "gone", PatientState.ACTIVE, wrote=NOW + timedelta(hours=1), asks="goal_form.goal_place")
    clock.move_to(later)

    first, second = await service.forget_old_talk(), await service.forget_old_talk()

    assert rasa.forgotten == ["s-quiet", "s-gone"]
    assert (first, second) == (2, 0)
    with database.transaction() as session:
        asks = {each.code: each.asks for each in session.exec(select(Patient))}
    assert asks == {"quiet": None, "talking": None, "in-form": "goal_form.goal_place", "gone": None}


async def test_old_talk_waits_while_rasa_is_down(
    database: Database, service: Privacy, clock: SimulatedClock, rasa: Memory
) -> None:
    with database.transaction() as session:
        silent(session, "quiet", PatientState.ACTIVE, wrote=NOW + timedelta(hours=2))
    clock.move(timedelta(days=8))
    rasa.up = False

    down = await service.forget_old_talk()
    rasa.up = True
    up = await service.forget_old_talk()

    assert (down, up) == (0, 1)


def test_people_who_never_enrolled_are_erased_after_a_month(
    database: Database, service: Privacy, clock: SimulatedClock
) -> None:
    with database.transaction() as session:
        silent(session, "old-stranger", PatientState.STRANGER, wrote=NOW)
        silent(session, "new-stranger", PatientState.STRANGER, wrote=NOW + timedelta(days=20))
        silent(session, "patient", PatientState.ACTIVE, wrote=NOW)
        alerted = silent(session, "alerted", PatientState.INVITED, wrote=NOW)
        session.add(
            Alert(
                reference="A-1", patient_id=alerted.id, cause="RF01", severity="EAE", level="P0", told="MAE",
                raised_at=NOW, last_raised_at=NOW,
            )
        )  # fmt: skip
    clock.move(timedelta(days=31))

    service.purge()

    with database.transaction() as session:
        left = sorted(each.code for each in session.exec(select(Patient)))
    assert left == ["alerted", "new-stranger", "patient"]


def delivery(key: str, state: OutboxState, **values: Any) -> OutboxMessage:
    return OutboxMessage(
        key=key, chat_id=5, kind="reply", priority=Priority.REPLY, text=key, state=state, created_at=NOW,
        not_before=NOW, **values,
    )  # fmt: skip


def test_deliveries_go_after_a_month_but_what_waits_and_the_cards_of_open_alerts(
    database: Database, service: Privacy, clock: SimulatedClock
) -> None:
    two_people(database)
    with database.transaction() as session:
        closed = session.exec(select(Alert)).first()
        patient = silent(session, "p", PatientState.ACTIVE, wrote=NOW)
        alert = Alert(
            reference="A-1", patient_id=patient.id, cause="RF01", severity="EAE", level="P0", told="", raised_at=NOW,
            last_raised_at=NOW,
        )  # fmt: skip
        session.add(alert)
        session.flush()
        assert closed is not None
        session.add_all([
            delivery("sent", OutboxState.SENT),
            delivery("waiting", OutboxState.QUEUED),
            delivery("open-card", OutboxState.SENT, alert_id=alert.id),
            delivery("closed-card", OutboxState.SENT, alert_id=closed.id),
            Button(id="old", chat_id=5, outbox_key="sent", label="6", expires_at=NOW),
            Button(id="live", chat_id=5, outbox_key="waiting", label="6", expires_at=NOW),
        ])  # fmt: skip
    clock.move(timedelta(days=31))

    service.purge()

    with database.transaction() as session:
        keys = {row.key for row in session.exec(select(OutboxMessage).where(col(OutboxMessage.chat_id) == 5))}
        buttons = {row.id for row in session.exec(select(Button).where(col(Button.chat_id) == 5))}
    assert keys == {"waiting", "open-card"}
    assert buttons == {"live"}


def test_updates_go_after_three_days_and_those_given_up_after_a_month(
    database: Database, service: Privacy, clock: SimulatedClock
) -> None:
    with database.transaction() as session:
        for number, state in enumerate(InboxState):
            session.add(InboxUpdate(update_id=number, chat_id=1, raw="", received_at=NOW, state=state))
        session.add(ChatTurn(chat_id=1, owner="somebody", lease_until=NOW))

    def left() -> set[str]:
        service.purge()
        with database.transaction() as session:
            return {row.state.value for row in session.exec(select(InboxUpdate))}

    clock.move(timedelta(days=2))
    after_two = left()
    clock.move(timedelta(days=2))
    after_four = left()
    clock.move(timedelta(days=30))
    after_a_month = left()

    assert after_two == {"new", "waiting", "done", "dead"}
    assert after_four == {"new", "waiting", "dead"}
    assert after_a_month == {"new", "waiting"}


async def test_the_purge_runs_once_an_hour(database: Database, service: Privacy, clock: SimulatedClock) -> None:
    with database.transaction() as session:
        session.add(InboxUpdate(update_id=1, chat_id=1, raw="", received_at=NOW, state=InboxState.DONE))
    await service.tidy()
    clock.move(timedelta(days=4))

    due = await service.tidy()
    with database.transaction() as session:
        session.add(
            InboxUpdate(update_id=2, chat_id=1, raw="", received_at=NOW, state=InboxState.DONE)
        )  # fmt: skip
    at_once = await service.tidy()
    clock.move(timedelta(hours=1))
    next_hour = await service.tidy()

    assert (due, at_once, next_hour) == (1, 0, 1)


# Audit ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["update auditevent set by = 'nobody'", "delete from auditevent"])
def test_the_audit_can_only_be_added_to(database: Database, change: str) -> None:
    with database.transaction() as session:
        audit.record(session, "alert_raised", by="system", now=NOW, patient="P-1", alert="A-0001")

    with pytest.raises(SQLAlchemyError, match="the audit is append-only"), database.engine.begin() as connection:
        connection.execute(text(change))

    with database.transaction() as session:
        assert [event.by for event in audit.about(session, "P-1")] == ["system"]


@pytest.mark.postgres
def test_the_audit_can_not_be_truncated(postgres_database: Database) -> None:
    with pytest.raises(SQLAlchemyError, match="append-only"), postgres_database.engine.begin() as connection:
        connection.execute(text("truncate auditevent"))


def test_the_audit_withholds_words_and_keeps_codes(database: Database) -> None:
    with database.transaction() as session:
        audit.record(
            session, "alert_closed", by="physio:3", now=NOW, patient="P-1", outcome="seen_in_a_and_e", pain=7,
            at=NOW, note="my left leg is numb", risks=["RF01", "so numb"],
        )  # fmt: skip

    with database.transaction() as session:
        (event,) = audit.about(session, "P-1")
    assert event.detail == {
        "outcome": "seen_in_a_and_e", "pain": 7, "at": "2026-12-01T09:00:00+00:00", "note": "withheld",
        "risks": ["RF01", "withheld"],
    }  # fmt: skip


def test_a_risk_flag_of_a_message_survives_half_an_emoji(database: Database) -> None:
    with database.transaction() as session:
        patient = silent(session, "p", PatientState.ACTIVE, wrote=NOW)
        session.add(spoken(patient, "half", "\ud83d numb"))
        session.add(
            RiskFlag(patient_id=patient.id, risk="RF01", severity="EAE", action="advise", layer="rules", at=NOW)
        )

    found = exported(database, patient)

    assert found["messages"][1]["text"] == "\ud83d numb"
