"""What physios can do in their chat, and what nobody else can."""

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.services.incoming import Incoming
from data.alerts import AlertState
from data.audit import AuditEvent
from data.database import Database
from data.messages import Message
from data.outbox import Button, OutboxMessage, OutboxState
from data.physios import Physio, PhysioRole, link
from tests.unit.ward import Ward

UPDATES = count(1000)


@pytest.fixture
def ward(sqlite_database: Database, clock: SimulatedClock, library: Library) -> Ward:
    return Ward(sqlite_database, clock, library)


# --- acting on a card ---


def test_a_whole_incident_by_taps(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())

    said = ward.taps(anna, "Acknowledge")
    assert "A-0001 is yours" in said[0]

    said = ward.taps(anna, "Close")
    assert said == ["How did A-0001 end?"]

    ward.taps(anna, "Spoke with them: fine to go on")
    after = ward.alert(alert)
    assert (after.state, after.closed_by, after.outcome) == (AlertState.CLOSED, anna, "safe_to_go_on")


def test_closing_offers_every_coded_outcome_and_a_way_back(ward: Ward):
    anna = ward.physio("Anna")
    ward.raises(ward.patient())

    ward.taps(anna, "Close")

    question = ward.messages(anna)[-1]
    outcomes = ward.library.value("escalation.outcomes")
    assert [each["label"] for each in question.buttons] == [*outcomes.values(), "Back"]
    assert ward.button(question, "Being seen: A&E, 999, 111 or GP").effect["outcome"] == "being_seen"


def test_back_brings_the_card_again_and_closes_nothing(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())
    ward.taps(anna, "Close")

    said = ward.taps(anna, "Back")

    assert "This is how it stands." in said[0]
    assert ward.alert(alert).state == AlertState.OPEN
    assert [each["label"] for each in ward.messages(anna)[-1].buttons] == ["Acknowledge", "Close"]


def test_a_tapped_keyboard_gives_way_to_the_choice(ward: Ward):
    anna = ward.physio("Anna")
    ward.raises(ward.patient())

    ward.taps(anna, "Close")
    question = ward.messages(anna)[-1]
    card_after_close = ward.stands_as(ward.cards(anna)[0])
    ward.taps(anna, "Known already and not new")

    assert card_after_close.endswith("✓ Close")
    assert ward.stands_as(question).endswith("✓ Known already and not new")


def test_a_card_with_nobody_to_answer_its_sending_is_marked_after_its_tap(ward: Ward):
    """Telegram took the card and its answer was lost: the tap is what tells us where the card stands."""
    anna = ward.physio("Anna")
    ward.raises(ward.patient())
    with ward.database.transaction() as session:
        card = session.exec(select(OutboxMessage).where(OutboxMessage.physio_id == anna)).one()
        card.state, card.telegram_message_id = OutboxState.UNCERTAIN, None
        session.add(card)

    tap = Incoming(700, ward.chat(anna), "tap", button_id=card.buttons[0]["id"], message_id=4321)
    handle(ward, anna, tap)

    assert ward.cards(anna)[0].telegram_message_id == 4321
    assert "Acknowledged by Anna" in ward.stands_as(ward.cards(anna)[0])


def test_the_loser_of_a_race_reads_who_was_first_and_loses_the_buttons(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    ward.raises(ward.patient())
    card = ward.cards(ben)[0]
    ward.taps(anna, "Acknowledge")

    said = ward.taps(ben, "Acknowledge", on=card)

    assert said == ["A-0001: Anna acknowledged it first."]
    assert "Anna acknowledged it first" in ward.stands_as(card)


def test_tapping_twice_is_answered_kindly_and_changes_nothing(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())
    card = ward.cards(anna)[0]
    ward.taps(anna, "Acknowledge", on=card)
    before = ward.alert(alert)

    said = ward.taps(anna, "Acknowledge", on=card)

    assert "already yours" in said[0]
    assert ward.alert(alert) == before


def test_a_card_from_before_the_newest_message_brings_the_newest_instead(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient)
    old = ward.cards(anna)[0]
    ward.raises(patient)

    said = ward.taps(anna, "Acknowledge", on=old)

    assert ward.alert(alert).state == AlertState.OPEN
    assert any("was raised again after this card" in each for each in said)
    ward.taps(anna, "Acknowledge")
    assert ward.alert(alert).state == AlertState.ACKNOWLEDGED


def test_an_outcome_chosen_before_the_newest_message_does_not_close_it(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient)
    ward.taps(anna, "Close")
    question = ward.messages(anna)[-1]
    ward.raises(patient)

    ward.taps(anna, "Passed to another service", on=question)

    assert ward.alert(alert).state == AlertState.OPEN
    assert "was raised again" in ward.stands_as(question)


# --- whose button it is ---


def test_a_button_of_another_chat_does_nothing(ward: Ward):
    ward.physio("Anna")
    mallory = ward.physio("Mallory", on_duty=False)
    alert = ward.raises(ward.patient())
    stolen = first_button(ward)

    said = handle(ward, mallory, Incoming(700, ward.chat(mallory), "tap", button_id=stolen, message_id=1))

    assert said == [ward.library.say("utter_physio_stale").text]
    assert ward.alert(alert).state == AlertState.OPEN


def test_a_button_that_is_too_old_says_so(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient(), level="P3", severity="R")
    card = ward.cards(anna)[0]
    ward.clock.move(timedelta(hours=ward.library.number("conversation.buttons_live")))

    said = ward.taps(anna, "Acknowledge", on=card)

    assert said == [ward.library.say("utter_physio_stale").text]
    assert ward.alert(alert).state == AlertState.OPEN


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.text(max_size=80))
def test_any_callback_data_is_answered_and_moves_nothing(ward: Ward, data: str):
    anna = ward.physio("Anna", on_duty=False)

    said = handle(ward, anna, Incoming(next(UPDATES), ward.chat(anna), "tap", button_id=data, message_id=1))

    assert said == [ward.library.say("utter_physio_stale").text]


def test_a_patients_button_in_a_physios_chat_is_refused(ward: Ward):
    anna = ward.physio("Anna")
    with ward.database.transaction() as session:
        session.add(
            Button(
                id="stray", chat_id=session.get(Physio, anna).chat_id, outbox_key="none", label="6", says="6",
                expires_at=ward.clock.now() + timedelta(hours=1),
            )
        )  # fmt: skip

    said = handle(ward, anna, Incoming(700, ward.chat(anna), "tap", button_id="stray"))

    assert said == [ward.library.say("utter_physio_cannot").text]
    assert "action_refused" in audit(ward)


def test_somebody_who_left_can_do_nothing(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())
    with ward.database.transaction() as session:
        physio = session.get(Physio, anna)
        physio.left_at = ward.clock.now()
        session.add(physio)

    answers = [ward.taps(anna, "Acknowledge"), ward.writes(anna, "/alerts"), ward.writes(anna, "/duty on")]

    assert answers == [[ward.library.say("utter_physio_cannot").text]] * 3
    assert ward.alert(alert).state == AlertState.OPEN
    assert ward.on_duty() == []


def test_a_chat_that_is_no_longer_the_physios_gets_nothing(ward: Ward):
    """The caller's idea of who this is may be old: the database decides."""
    anna, ben = ward.physio("Anna"), ward.physio("Ben")

    handle(ward, anna, Incoming(700, ward.chat(ben), "command", text="/duty off"))

    assert sorted(ward.on_duty()) == ["Anna", "Ben"]


@pytest.mark.parametrize("role", list(PhysioRole))
def test_every_role_may_act_on_alerts(ward: Ward, role: PhysioRole):
    person = ward.physio("Sam", role=role)
    alert = ward.raises(ward.patient())

    ward.taps(person, "Acknowledge")

    assert ward.alert(alert).acknowledged_by == person


def test_a_role_that_is_not_listed_may_do_nothing(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    anna = ward.physio("Anna")
    monkeypatch.setattr("bot.services.physio_desk.MAY", {})
    alert = ward.raises(ward.patient())

    answers = [ward.taps(anna, "Acknowledge"), ward.writes(anna, "/alerts"), ward.writes(anna, "/duty off")]

    assert answers == [[ward.library.say("utter_physio_cannot").text]] * 3
    assert ward.alert(alert).state == AlertState.OPEN
    assert ward.on_duty() == ["Anna"]


# --- commands ---


def test_the_list_names_the_worst_first_with_age_level_and_owner(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    ward.raises(ward.patient("P-ASKED"), "AR11", level="P1", severity="R", told="")
    ward.clock.move(timedelta(minutes=90))
    first = ward.raises(ward.patient("P-NUMB1"), "RF01")
    ward.acknowledges(ben, first)

    (said,) = ward.writes(anna, "/alerts")

    head, worst, other = said.splitlines()
    assert head.startswith("Not closed yet: 2")
    assert all(each in worst for each in ("A-0002", "P0", "cauda equina", "P-NUMB1", "just now", "Ben"))
    assert all(each in other for each in ("A-0001", "P1", "Asked to talk", "P-ASKED", "1 h 30 min ago", "nobody yet"))
    assert [each["label"] for each in ward.messages(anna)[-1].buttons] == ["A-0002", "A-0001"]


def test_the_list_opens_a_card_and_keeps_its_buttons(ward: Ward):
    anna = ward.physio("Anna")
    ward.raises(ward.patient("P-AAAAA"))
    ward.raises(ward.patient("P-BBBBB"))
    ward.writes(anna, "/alerts")
    listed = ward.messages(anna)[-1]

    (card,) = ward.taps(anna, "A-0002", on=listed)

    assert "P-BBBBB" in card
    assert ward.stands_as(listed) == listed.text
    ward.taps(anna, "Acknowledge")
    assert ward.alert(2).acknowledged_by == anna


def test_a_long_list_stops_and_counts_the_rest(ward: Ward):
    anna = ward.physio("Anna", on_duty=False)
    for number in range(13):
        ward.raises(ward.patient(f"P-{number:05}"))

    (said,) = ward.writes(anna, "/alerts")

    assert said.splitlines()[-1].startswith("And 3 more")
    assert len(ward.messages(anna)[-1].buttons) == 10


def test_a_safeguarding_alert_is_only_that_in_the_list_too(ward: Ward):
    anna = ward.physio("Anna")
    ward.raises(ward.patient(), "RF17", severity="E999", told="utter_mabuse")

    (said,) = ward.writes(anna, "/alerts")

    assert "Safeguarding" in said
    assert "RF17" not in said


def test_an_empty_list_says_so(ward: Ward):
    anna = ward.physio("Anna")

    assert ward.writes(anna, "/alerts") == [ward.library.say("utter_no_alerts").text]


def test_going_on_duty_opens_a_shift_and_shows_what_waits(ward: Ward):
    anna = ward.physio("Anna", on_duty=False)
    ward.raises(ward.patient())

    said = ward.writes(anna, "/duty on")

    assert ward.on_duty() == ["Anna"]
    assert said[0] == ward.library.say("utter_duty_on").text
    assert "A-0001" in said[1]


def test_going_on_duty_twice_is_one_shift(ward: Ward):
    anna = ward.physio("Anna", on_duty=False)
    ward.writes(anna, "/duty on")
    ward.writes(anna, "/DUTY@coach_bot ON")

    ward.writes(anna, "/duty off")

    assert ward.on_duty() == []
    assert audit(ward).count("duty_started") == 1


def test_going_off_duty_says_what_is_left_lying(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    (said,) = ward.writes(anna, "/duty off")

    assert "Nobody is on duty now" in said
    assert "Still yours: A-0001" in said


def test_duty_alone_says_who_is_on(ward: Ward):
    anna = ward.physio("Anna")
    ward.physio("Ben")

    (said,) = ward.writes(anna, "/duty")

    assert "On duty now: Anna, Ben." in said


@pytest.mark.parametrize("kind", ["text", "photo", "voice", "edited", "sticker", "other"])
def test_what_a_physio_writes_is_answered_with_help_and_never_a_patients_message(ward: Ward, kind: str):
    anna = ward.physio("Anna")

    said = ward.writes(anna, "I feel numb between my legs", kind=kind)

    assert said == [ward.library.say("utter_physio_help").text]
    with ward.database.transaction() as session:
        assert session.exec(select(Message)).all() == []
    assert audit(ward) == []


@pytest.mark.parametrize("text", ["/help", "/start", "/start SOMECODE", "/nonsense", "/", "/alertsx"])
def test_other_commands_bring_the_help(ward: Ward, text: str):
    anna = ward.physio("Anna")

    assert ward.writes(anna, text) == [ward.library.say("utter_physio_help").text]


def test_a_repeated_update_is_answered_once(ward: Ward):
    anna = ward.physio("Anna")
    update = Incoming(700, ward.chat(anna), "command", text="/alerts")

    first, second = handle(ward, anna, update), handle(ward, anna, update)

    assert (len(first), len(second)) == (1, 0)


# --- channels ---


def test_blocking_the_bot_passes_the_alert_on_and_coming_back_shows_what_waits(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    ward.raises(ward.patient())

    handle(ward, anna, Incoming(700, ward.chat(anna), "blocked"))
    assert len(ward.cards(ben)) == 1

    said = handle(ward, anna, Incoming(701, ward.chat(anna), "unblocked"))
    assert "A-0001" in said[0]
    assert audit(ward)[-1] == "channel_restored"


def test_a_lost_channel_is_recorded_once_however_many_messages_it_stops(ward: Ward):
    anna = ward.physio("Anna")
    with ward.database.transaction() as session:
        physio = session.get(Physio, anna)
        physio.blocked_at = ward.clock.now()
        for _ in range(3):
            ward.escalation.channel_lost(session, physio, ward.clock.now())

    assert audit(ward) == ["channel_lost"]


def test_linking_a_chat_welcomes_and_brings_what_waited_for_anybody(ward: Ward):
    anna = ward.physio("Anna", linked=False)
    ward.raises(ward.patient())

    with ward.database.transaction() as session:
        physio = session.get(Physio, anna)
        link(session, physio, 5999)
        ward.desk.welcome(session, physio, Incoming(700, 5999, "command", text="/start CODE"))
    ward.time_passes(seconds=1)

    welcome, listed, card = ward.sees(anna)
    assert "Welcome, Anna" in welcome
    assert "A-0001" in listed
    assert "New alert" in card


def test_linking_takes_the_chat_from_whoever_had_it(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", linked=False)
    chat = ward.chat(anna)

    with ward.database.transaction() as session:
        link(session, session.get(Physio, ben), chat)

    assert (ward.chat(anna), ward.chat(ben)) == (None, chat)


# --- small parts ---


def handle(ward: Ward, physio: int, incoming: Incoming) -> list[str]:
    return ward._handle(physio, incoming)


def first_button(ward: Ward) -> str:
    with ward.database.transaction() as session:
        return session.exec(select(Button)).first().id


def audit(ward: Ward) -> list[str]:
    with ward.database.transaction() as session:
        return [each.what for each in session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()]
