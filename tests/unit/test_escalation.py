"""A person at risk reaches a human: transcripts of a service with a clock, on both databases."""

import copy
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlmodel import Session, select

from bot.clock import SimulatedClock
from bot.content import Library
from bot.errors import ContentError, EffectRefused, StaleAction
from bot.services.escalation import Escalation
from bot.services.outgoing import Outgoing
from data import alerts, messages
from data.alerts import Alert, AlertState
from data.concerns import SafetyFollowUp
from data.database import Database
from data.messages import Direction, Message
from data.outbox import OutboxMessage, OutboxState
from data.patients import Patient, PatientState
from data.physios import Physio
from data.rota import Service
from tests.unit.ward import Ward


@pytest.fixture
def ward(database: Database, clock: SimulatedClock, library: Library) -> Ward:
    return Ward(database, clock, library)


# --- the card ---


def test_the_duty_physio_gets_a_card_at_once_with_facts_and_no_words_of_the_patient(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient("P-7KQ4M")

    ward.raises(patient, "RF01", severity="EAE", told="MAE", message=ward.message(patient))

    (card,) = ward.cards(anna)
    for fact in ("A-0001", "P0", "P-7KQ4M", "RF01", "cauda equina", "EAE", "MAE", "just now", "nobody yet"):
        assert fact in card.text
    assert "numb down below" not in card.text
    assert [each["label"] for each in card.buttons] == ["Acknowledge", "Close"]


def test_the_buttons_say_which_alert_they_are_about(ward: Ward):
    anna = ward.physio("Anna")

    alert = ward.raises(ward.patient())

    (card,) = ward.cards(anna)
    assert ward.button(card, "Acknowledge").effect == {"effect": "acknowledge_alert", "alert": alert, "raised": 1}
    assert ward.button(card, "Close").effect == {"effect": "close_alert", "alert": alert, "raised": 1}


def test_a_safeguarding_card_says_nothing_but_safeguarding(ward: Ward):
    anna = ward.physio("Anna")

    ward.raises(ward.patient("P-7KQ4M"), "RF17", severity="E999", told="MABUSE")

    (card,) = ward.cards(anna)
    assert "Safeguarding" in card.text
    assert "P-7KQ4M" in card.text
    assert not any(each in card.text for each in ("RF17", "E999", "MABUSE", "buse", "iolence"))


def test_asking_for_a_person_is_an_alert_too(ward: Ward):
    anna = ward.physio("Anna")

    ward.raises(ward.patient(), "AR11", level="P1", severity="R", told="")

    (card,) = ward.cards(anna)
    assert "Asked to talk to a person" in card.text
    assert "Why: they asked for a person." in card.text
    assert "Patient was told" not in card.text


# --- climbing ---


def test_an_alert_climbs_from_duty_to_everyone_to_the_lead_until_somebody_acknowledges(ward: Ward):
    anna, ben, lena = ward.physio("Anna"), ward.physio("Ben", on_duty=False), ward.lead()
    alert = ward.raises(ward.patient())
    assert (len(ward.cards(anna)), len(ward.cards(ben)), len(ward.cards(lena))) == (1, 0, 0)

    ward.time_passes(minutes=5)
    assert (len(ward.cards(anna)), len(ward.cards(ben)), len(ward.cards(lena))) == (2, 1, 0)

    ward.time_passes(minutes=10)
    assert (len(ward.cards(anna)), len(ward.cards(ben)), len(ward.cards(lena))) == (2, 1, 1)

    ward.time_passes(minutes=15)
    assert "Still waiting" in ward.cards(lena)[-1].text

    ward.acknowledges(lena, alert)
    ward.time_passes(minutes=60)
    assert len(ward.cards(lena)) == 3  # two of the ladder, and the one that says it is hers


def test_nothing_happens_before_its_time(ward: Ward):
    ward.physio("Anna")
    ward.lead()
    ward.raises(ward.patient())

    taken = ward.time_passes(minutes=4, seconds=59)

    assert taken == 0


def test_a_night_with_nobody_on_duty_goes_to_the_whole_team_at_once(ward: Ward):
    anna, ben, lena = ward.physio("Anna", on_duty=False), ward.physio("Ben", on_duty=False), ward.lead()

    ward.raises(ward.patient())

    assert (len(ward.cards(anna)), len(ward.cards(ben)), len(ward.cards(lena))) == (1, 1, 0)
    assert "New alert" in ward.cards(ben)[0].text


def test_a_physio_on_duty_without_a_working_chat_is_passed_at_once(ward: Ward):
    ward.physio("Anna", linked=False)
    ben = ward.physio("Ben", on_duty=False)

    ward.raises(ward.patient())

    assert len(ward.cards(ben)) == 1


def test_an_alert_nobody_can_be_told_of_stays_open_and_finds_the_first_who_comes(ward: Ward):
    anna = ward.physio("Anna", on_duty=False, linked=False)
    alert = ward.raises(ward.patient())
    assert ward.alert(alert).state == AlertState.OPEN

    for _ in range(8 * 60):  # a night
        ward.time_passes(minutes=1)
    assert ward.history().count("nobody_reachable") == 1
    with ward.database.transaction() as session:
        physio = session.get(Physio, anna)
        physio.chat_id = 5999
        session.add(physio)

    ward.time_passes(minutes=1)

    (card,) = ward.cards(anna)
    assert "8 h 1 min ago" in card.text
    assert ward.alert(alert).unreachable_since is None


def test_three_days_of_downtime_skip_no_rung_and_repeat_none(ward: Ward):
    anna, ben, lena = ward.physio("Anna"), ward.physio("Ben", on_duty=False), ward.lead()
    alert = ward.raises(ward.patient())

    taken = ward.time_passes(days=3)

    assert taken == 2
    assert (len(ward.cards(anna)), len(ward.cards(ben)), len(ward.cards(lena))) == (2, 1, 1)
    assert ward.alert(alert).next_step_at == ward.clock.now() + timedelta(minutes=15)


def test_after_downtime_the_worst_level_goes_first(ward: Ward):
    ward.physio("Anna")
    lena = ward.lead()
    ward.raises(ward.patient("P-LATER"), "AR11", level="P1", severity="R", told="")
    ward.clock.move(timedelta(minutes=1))
    ward.raises(ward.patient("P-FIRST"), "RF01", level="P0")

    ward.time_passes(days=3)

    assert ["P-FIRST" in each.text for each in ward.cards(lena)] == [True, False]


def test_an_alert_that_fails_does_not_hold_up_the_others(ward: Ward):
    ward.physio("Anna")
    lena = ward.lead()
    broken = ward.raises(ward.patient("P-BROKE"))
    ward.raises(ward.patient("P-WHOLE"))
    with ward.database.transaction() as session:
        alert = session.get(Alert, broken)
        alert.policy = {}
        session.add(alert)

    ward.time_passes(minutes=5)

    assert ["P-WHOLE" in each.text for each in ward.cards(lena)] == [True]


def test_editing_the_policy_mid_incident_changes_nothing_that_is_running(ward: Ward):
    ward.physio("Anna")
    ward.physio("Ben", on_duty=False)
    alert = ward.raises(ward.patient())
    slower = Ward(ward.database, ward.clock, with_wait(ward.library, "duty", 300))

    taken = slower.time_passes(minutes=5)

    assert taken == 1
    other = slower.raises(slower.patient("P-LATER"))
    assert slower.alert(other).next_step_at == ward.clock.now() + timedelta(minutes=300)
    assert slower.alert(alert).next_step_at == ward.clock.now() + timedelta(minutes=10)


def test_a_policy_that_cannot_work_does_not_start(ward: Ward):
    with pytest.raises(ContentError, match=r"levels\.P0\.wait\.duty"):
        Ward(ward.database, ward.clock, with_wait(ward.library, "duty", 0))


# --- raised again ---


def test_a_new_message_joins_the_open_alert_and_reaches_duty_again(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    first = ward.raises(patient, severity="EAE", told="MAE", message=ward.message(patient))

    second = ward.raises(patient, severity="E999", told="M999", message=ward.message(patient))

    assert second == first
    card = ward.cards(anna)[-1]
    assert "raised 2 times" in card.text
    assert "E999" in card.text
    assert "MAE, M999" in card.text


def test_a_new_message_takes_the_alert_back_from_its_owner_and_tells_them_too(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    patient = ward.patient()
    alert = ward.raises(patient)
    ward.time_passes(minutes=5)
    ward.acknowledges(ben, alert)

    ward.raises(patient)

    after = ward.alert(alert)
    assert (after.state, after.acknowledged_by, after.rung) == (AlertState.OPEN, None, 1)
    assert "New message" in ward.cards(anna)[-1].text
    assert "New message" in ward.cards(ben)[-1].text
    assert "Open again" in ward.stands_as(ward.cards(anna)[1]) or "newer card" in ward.stands_as(ward.cards(anna)[1])


def test_each_new_message_restarts_the_ladder(ward: Ward):
    ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient)
    ward.clock.move(timedelta(minutes=4))

    ward.raises(patient)

    assert ward.alert(alert).next_step_at == ward.clock.now() + timedelta(minutes=5)


def test_the_same_message_heard_by_rules_and_model_is_counted_once(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    message = ward.message(patient)
    alert = ward.raises(patient, message=message)

    ward.raises(patient, message=message)

    assert ward.alert(alert).times_raised == 1
    assert len(ward.cards(anna)) == 1


def test_the_same_message_heard_as_something_worse_reaches_a_human_again(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    message = ward.message(patient)
    alert = ward.raises(patient, severity="U48", level="P1", message=message)

    ward.raises(patient, severity="EAE", level="P0", message=message)

    assert (ward.alert(alert).severity, ward.alert(alert).level) == ("EAE", "P0")
    assert len(ward.cards(anna)) == 2


def test_an_answer_that_brings_other_advice_reaches_a_human_again(ward: Ward):
    """ "I've taken something" answers the crisis text, and refers to the message that led to it."""
    anna = ward.physio("Anna")
    patient = ward.patient()
    message = ward.message(patient)
    alert = ward.raises(patient, "RF13", severity="E999", told="utter_mcrisis", message=message)
    ward.acknowledges(anna, alert)

    ward.raises(patient, "RF13", severity="E999", told="utter_m999", message=message)

    assert ward.alert(alert).state == AlertState.OPEN
    assert "MCRISIS, M999" in ward.cards(anna)[-1].text


def test_different_causes_are_different_alerts(ward: Ward):
    ward.physio("Anna")
    patient = ward.patient()

    first, second = ward.raises(patient, "RF01"), ward.raises(patient, "RF13")

    assert first != second


def test_after_closing_the_same_cause_is_a_new_alert(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    first = ward.raises(patient)
    ward.closes(anna, first)

    second = ward.raises(patient)

    assert second != first
    assert ward.alert(second).reference == "A-0002"
    assert ward.alert(first).state == AlertState.CLOSED


def test_a_card_older_than_the_newest_message_cannot_acknowledge_it(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient)
    ward.raises(patient)

    with pytest.raises(StaleAction) as refused:
        ward.acknowledges(anna, alert, seen=1)

    assert refused.value.response == "utter_raised_again"
    assert ward.alert(alert).state == AlertState.OPEN


# --- acknowledging ---


def test_acknowledging_gives_an_owner_a_deadline_and_marks_every_copy(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())

    ward.acknowledges(anna, alert)

    after = ward.alert(alert)
    assert (after.state, after.acknowledged_by) == (AlertState.ACKNOWLEDGED, anna)
    assert after.next_step_at == ward.clock.now() + timedelta(minutes=120)
    assert "Acknowledged by Anna" in ward.stands_as(ward.cards(anna)[0])
    assert "Acknowledged by Anna" in ward.stands_as(ward.cards(ben)[0])
    assert "within 2 h 0 min" in ward.cards(anna)[-1].text


def test_the_loser_of_a_race_is_told_who_was_first(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    with pytest.raises(StaleAction) as late:
        ward.acknowledges(ben, alert)

    assert late.value.response == "utter_too_late"
    assert late.value.values == {"reference": "A-0001", "by": "Anna", "what": "acknowledged it first"}


def test_the_owner_who_taps_twice_is_told_it_is_theirs(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    with pytest.raises(StaleAction) as again:
        ward.acknowledges(anna, alert)

    assert again.value.response == "utter_already_yours"


def test_two_acknowledging_at_the_same_moment_leave_one_owner(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())

    results = at_once(ward, alert, [anna, ben])

    assert sorted(results) == ["owner", "utter_too_late"]


def test_fifty_concurrent_acknowledgements_give_one_owner(ward: Ward):
    team = [ward.physio(f"Physio {number}") for number in range(50)]
    alert = ward.raises(ward.patient())

    results = at_once(ward, alert, team)

    assert results.count("owner") == 1
    assert results.count("utter_too_late") == 49
    assert ward.alert(alert).acknowledged_by == team[results.index("owner")]
    assert ward.history().count("alert_acknowledged") == 1


def test_two_processes_take_each_overdue_step_once(ward: Ward):
    ward.physio("Anna")
    lena = ward.lead()
    for number in range(20):
        ward.raises(ward.patient(f"P-{number:05}"))
    ward.clock.move(timedelta(minutes=5))
    others = [Escalation(ward.database, ward.clock, ward.library, Outgoing(ward.library)) for _ in range(4)]
    start = Barrier(len(others))

    with ThreadPoolExecutor(len(others)) as pool:
        taken = list(pool.map(lambda each: (start.wait(), each.escalate_overdue())[1], others))

    assert sum(taken) == 20
    assert len(ward.cards(lena)) == 20


def test_two_messages_at_the_same_moment_make_one_alert(ward: Ward):
    ward.physio("Anna")
    patient = ward.patient()
    start = Barrier(4)

    def raise_it(_number: int) -> int:
        start.wait()
        return ward.raises(patient)

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(raise_it, range(4)))

    assert len(ids) == 1
    assert ward.alert(ids.pop()).times_raised == 4


@pytest.mark.postgres
def test_two_turns_of_one_patient_that_both_raise_do_not_wait_for_each_other_for_ever(
    postgres_database: Database, clock: SimulatedClock, library: Library
):
    """Each has written a row that points to the patient before it raises: a stronger lock would be a deadlock."""
    ward = Ward(postgres_database, clock, library)
    ward.physio("Anna")
    patient = ward.patient()
    written = Barrier(2)

    def turn(key: str) -> int:
        with ward.database.transaction() as session:
            messages.record(
                session,
                Message(
                    key=key, patient_id=patient, direction=Direction.FROM_PATIENT, kind="text", text="numb",
                    at=clock.now(),
                ),
            )  # fmt: skip
            written.wait()
            return raise_in(ward, session, patient)

    with ThreadPoolExecutor(2) as pool:
        ids = set(pool.map(turn, ["u1", "u2"]))

    assert len(ids) == 1


def test_a_card_that_has_not_left_yet_is_dropped_when_somebody_acts(ward: Ward):
    ward.physio("Anna")
    ben = ward.physio("Ben")
    alert = ward.raises(ward.patient())
    with ward.database.transaction() as session:
        card = session.exec(select(OutboxMessage).where(OutboxMessage.physio_id == ben)).one()
        card.state, card.telegram_message_id = OutboxState.QUEUED, None
        session.add(card)

    with ward.database.transaction() as session:
        ward.escalation.acknowledge(session, alert, session.get(Physio, ben), ward.clock.now())

    assert [each.state for each in ward.cards(ben)] == [OutboxState.DROPPED, OutboxState.QUEUED]


def test_a_night_of_repeats_ends_in_one_edit_a_chat(ward: Ward):
    lena = ward.lead()
    alert = ward.raises(ward.patient())
    for _ in range(32):
        ward.time_passes(minutes=15)
    before = edits(ward)

    ward.acknowledges(lena, alert)

    assert edits(ward) - before == 1
    assert "Acknowledged by Lena" in ward.stands_as(ward.cards(lena)[-2])
    assert "newer card" in ward.stands_as(ward.cards(lena)[0])


# --- re-opening ---


def test_an_acknowledged_alert_that_is_never_closed_opens_again(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    ward.time_passes(minutes=120)

    after = ward.alert(alert)
    assert (after.state, after.acknowledged_by) == (AlertState.OPEN, None)
    assert "Anna acknowledged it and it was not closed in time" in ward.cards(ben)[-1].text
    assert "not closed in time" in ward.cards(anna)[-1].text
    assert ward.history()[-2:] == ["alert_reopened", "alert_sent"]


def test_after_opening_again_it_climbs_as_before(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)
    ward.time_passes(minutes=120)

    ward.time_passes(minutes=5)

    assert "come to you too" in ward.cards(ben)[-1].text


def test_acknowledging_again_after_it_opened_again_marks_the_copies_again(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)
    ward.time_passes(minutes=120)

    ward.acknowledges(ben, alert)

    assert "Acknowledged by Ben" in ward.stands_as(ward.cards(anna)[-1])


# --- closing ---


def test_closing_with_an_outcome_ends_it_and_marks_every_copy(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)

    ward.closes(anna, alert, "being_seen")

    after = ward.alert(alert)
    assert (after.state, after.closed_by, after.outcome) == (AlertState.CLOSED, anna, "being_seen")
    assert after.next_step_at is None
    assert "Closed by Anna: Being seen" in ward.stands_as(ward.cards(ben)[0])
    assert ward.time_passes(days=30) == 0


def test_an_alert_is_not_closed_without_a_coded_outcome(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())

    with pytest.raises(EffectRefused) as refused:
        ward.closes(anna, alert, "fine")

    assert refused.value.response == "utter_refused_outcome"
    assert ward.alert(alert).state == AlertState.OPEN


def test_a_closed_alert_cannot_be_closed_or_acknowledged_again(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.closes(anna, alert)

    for act in (ward.closes, ward.acknowledges):
        with pytest.raises(StaleAction) as late:
            act(ben, alert)
        assert late.value.values["what"] == "has already closed it"


def test_closing_lets_coaching_go_on_and_tells_the_patient(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient(held_for="RF01")
    alert = ward.raises(patient)

    ward.closes(anna, alert)

    after = ward.patient_row(patient)
    assert (after.held_since, after.held_for, after.quiet_until, after.asks) == (None, None, None, None)
    (said,) = ward.patient_sees(patient)
    assert said.startswith("Your physio has looked")
    assert "call 999" in said
    assert ward.history()[-1] == "hold_released"


def test_coaching_stays_stopped_while_another_safety_event_is_open(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient(held_for="RF01")
    first, second = ward.raises(patient, "RF01"), ward.raises(patient, "RF13")

    ward.closes(anna, first)
    held_between = ward.patient_row(patient).held_for
    ward.closes(anna, second)

    assert held_between == "RF01"
    assert ward.patient_row(patient).held_for is None
    assert len(ward.patient_sees(patient)) == 1


def test_closing_offers_to_go_on_now_later_or_to_stay_paused(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()

    ward.closes(anna, ward.raises(patient))

    after = ward.patient_row(patient)
    assert (after.state, after.paused_until) == (PatientState.PAUSED, ward.clock.now() + timedelta(days=3))
    with ward.database.transaction() as session:
        offer = session.exec(select(OutboxMessage).where(OutboxMessage.patient_id == patient)).one()
    assert [each["label"] for each in offer.buttons] == ["Go on now", "In a few days", "Stay paused"]


def test_somebody_who_had_paused_by_themselves_is_not_asked(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    with ward.database.transaction() as session:
        session.get_one(Patient, patient).state = PatientState.PAUSED

    ward.closes(anna, ward.raises(patient))

    assert ward.patient_row(patient).paused_until is None
    assert "When would you like" not in ward.patient_sees(patient)[0]


def test_after_safeguarding_the_patient_is_not_written_to(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient(held_for="RF17")
    alert = ward.raises(patient, "RF17", severity="E999", told="MABUSE")

    ward.closes(anna, alert, "passed_on")

    assert ward.patient_row(patient).held_for is None
    assert ward.patient_sees(patient) == []


def test_closing_what_held_nothing_up_says_nothing_to_the_patient(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient, "AR11", level="P1", severity="R", told="")

    ward.closes(anna, alert)

    assert ward.patient_sees(patient) == []


def test_closing_races_with_a_new_message_and_the_message_wins_or_makes_a_new_alert(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient(held_for="RF01")
    alert = ward.raises(patient)
    start = Barrier(2)

    def close() -> str:
        start.wait()
        try:
            ward.closes(anna, alert, seen=1)
        except StaleAction as stale:
            return stale.response
        return "closed"

    def raise_again() -> int:
        start.wait()
        return ward.raises(patient)

    with ThreadPoolExecutor(2) as pool:
        closing, raising = pool.submit(close), pool.submit(raise_again)
        closed, latest = closing.result(), raising.result()

    assert ward.alert(latest).state == AlertState.OPEN
    assert closed == ("utter_raised_again" if latest == alert else "closed")


def test_advice_that_was_still_to_be_repeated_is_not_after_a_physio_has_looked(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient)
    with ward.database.transaction() as session:
        due_at = ward.clock.now() + timedelta(minutes=15)
        session.add(SafetyFollowUp(patient_id=patient, alert_id=alert, risk="RF01", due_at=due_at))

    ward.closes(anna, alert)

    with ward.database.transaction() as session:
        follow_up = session.exec(select(SafetyFollowUp)).one()
    assert (follow_up.answered_at, follow_up.answer) == (ward.clock.now(), "closed")


# --- channels, words, record ---


def test_an_alert_whose_only_card_was_in_a_blocked_chat_climbs_at_once(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    alert = ward.raises(ward.patient())

    loses_channel(ward, anna)

    assert len(ward.cards(ben)) == 1
    assert ward.alert(alert).state == AlertState.OPEN


def test_an_alert_that_somebody_else_has_too_keeps_its_time(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    lena = ward.lead()
    alert = ward.raises(ward.patient())
    due_at = ward.alert(alert).next_step_at

    loses_channel(ward, anna)

    assert ward.alert(alert).next_step_at == due_at
    assert (len(ward.cards(ben)), len(ward.cards(lena))) == (1, 0)


def test_the_last_channel_lost_leaves_the_alert_open_and_on_record(ward: Ward):
    anna = ward.physio("Anna")
    alert = ward.raises(ward.patient())

    loses_channel(ward, anna)

    assert ward.alert(alert).next_step_at == ward.clock.now() + timedelta(minutes=1)
    assert ward.history()[-1] == "nobody_reachable"


@pytest.mark.parametrize(
    ("level", "on_duty", "expected"),
    [
        ("P0", True, "today"),
        ("P0", False, "as soon as someone is on duty"),
        ("P1", True, "within 1 working day"),
        ("P1", False, "as soon as someone is on duty"),
        ("P3", False, "within a week"),
    ],
)
def test_the_patient_is_told_truthfully_when_a_person_will_look(ward: Ward, level: str, on_duty: bool, expected: str):
    ward.physio("Anna", on_duty=on_duty)
    patient = ward.patient()

    with ward.database.transaction() as session:
        words = ward.escalation.when_seen(session, session.get_one(Patient, patient), level, ward.clock.now())

    assert words == expected


def test_the_audit_tells_the_whole_story(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient(held_for="RF01")
    alert = ward.raises(patient)
    ward.acknowledges(anna, alert)
    ward.raises(patient)
    ward.closes(anna, alert)

    assert ward.history() == [
        "alert_raised", "alert_sent", "alert_acknowledged", "alert_raised_again", "alert_sent", "alert_closed",
        "hold_released",
    ]  # fmt: skip


def test_a_raise_that_is_rolled_back_leaves_nothing(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()

    with pytest.raises(RuntimeError):
        raise_and_fail(ward, patient)

    assert ward.cards(anna) == []
    assert ward.history() == []
    with ward.database.transaction() as session:
        assert alerts.unclosed(session) == []


# --- services ---


def test_an_alert_stays_in_its_own_service(ward: Ward):
    anna, stranger = ward.physio("Anna"), ward.physio("Sam")
    with ward.database.transaction() as session:
        other = Service(name="Another clinic")
        session.add(other)
        session.flush()
        session.get_one(Physio, stranger).service_id = other.id

    alert = ward.raises(ward.patient())
    ward.time_passes(days=1)

    assert ward.cards(stranger) == []
    assert ward.writes(stranger, "/alerts") == [ward.library.say("utter_no_alerts").text]
    for act in (ward.acknowledges, ward.closes):
        with pytest.raises(StaleAction) as refused:
            act(stranger, alert)
        assert refused.value.response == "utter_alert_gone"
    ward.acknowledges(anna, alert)


# --- at-risk rules ---


def test_a_rule_that_fires_again_leaves_its_open_alert_as_it_is(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient, "AR01", level="P2", severity="R", told="")
    ward.acknowledges(anna, alert)
    cards = len(ward.cards(anna))

    again = ward.raises(patient, "AR01", level="P2", severity="R", told="")

    assert again == alert
    assert (ward.alert(alert).state, ward.alert(alert).times_raised) == (AlertState.ACKNOWLEDGED, 1)
    assert len(ward.cards(anna)) == cards


def test_a_higher_level_of_a_rule_supersedes_and_is_sent_again(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient, "AR01", level="P2", severity="R", told="")
    ward.acknowledges(anna, alert)

    ward.raises(patient, "AR01", level="P1", severity="R", told="")

    after = ward.alert(alert)
    assert (after.state, after.level, after.acknowledged_by) == (AlertState.OPEN, "P1", None)
    assert "P1" in ward.cards(anna)[-1].text


def test_asking_for_a_person_again_means_that_none_has_come(ward: Ward):
    anna = ward.physio("Anna")
    patient = ward.patient()
    alert = ward.raises(patient, "AR11", level="P1", severity="R", told="")
    ward.acknowledges(anna, alert)

    ward.raises(patient, "AR11", level="P1", severity="R", told="")

    assert ward.alert(alert).state == AlertState.OPEN


def test_only_a_p0_pauses_coaching(ward: Ward):
    ward.physio("Anna")
    asked, endangered = ward.patient("P-ASKED"), ward.patient("P-NUMB1")

    ward.raises(asked, "AR11", level="P1", severity="R", told="")
    ward.raises(endangered, "RF01")

    assert ward.patient_row(asked).held_since is None
    assert ward.patient_row(endangered).held_since == ward.clock.now()


# --- working hours ---


def test_a_p1_waits_in_working_time_and_not_over_the_weekend(ward: Ward):
    ward.physio("Anna")
    ben = ward.physio("Ben", on_duty=False)
    ward.clock.move_to(datetime(2026, 12, 4, 16, 30, tzinfo=UTC))  # a Friday
    alert = ward.raises(ward.patient(), "AR11", level="P1", severity="R", told="")

    ward.time_passes(days=2)
    assert ward.cards(ben) == []
    assert ward.alert(alert).next_step_at == datetime(2026, 12, 7, 10, 30, tzinfo=UTC)

    ward.clock.move_to(datetime(2026, 12, 7, 10, 30, tzinfo=UTC))
    ward.time_passes(seconds=0)
    assert len(ward.cards(ben)) == 1


# --- giving it to a colleague ---


def test_an_alert_can_be_given_to_a_colleague_who_has_the_deadline_from_then_on(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", on_duty=False)
    alert = ward.raises(ward.patient())
    ward.acknowledges(anna, alert)
    ward.clock.move(timedelta(minutes=90))

    assigns(ward, anna, ben, alert)

    after = ward.alert(alert)
    assert (after.state, after.acknowledged_by) == (AlertState.ACKNOWLEDGED, ben)
    assert after.next_step_at == ward.clock.now() + timedelta(minutes=120)
    assert "Anna has given you A-0001" in ward.cards(ben)[-1].text
    assert "Given to Ben by Anna" in ward.stands_as(ward.cards(anna)[0])


def test_nobody_is_given_what_cannot_reach_them(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben", linked=False)
    alert = ward.raises(ward.patient())

    with pytest.raises(EffectRefused) as refused:
        assigns(ward, anna, ben, alert)

    assert refused.value.response == "utter_refused_colleague"
    assert ward.alert(alert).state == AlertState.OPEN


def test_a_closed_alert_is_given_to_nobody(ward: Ward):
    anna, ben = ward.physio("Anna"), ward.physio("Ben")
    alert = ward.raises(ward.patient())
    ward.closes(anna, alert)

    with pytest.raises(StaleAction):
        assigns(ward, anna, ben, alert)


# --- small parts ---


def assigns(ward: Ward, physio: int, to: int, alert: int) -> None:
    with ward.database.transaction() as session:
        ward.escalation.assign(
            session, alert, session.get_one(Physio, to), session.get_one(Physio, physio), ward.clock.now()
        )
    ward.deliver()


def at_once(ward: Ward, alert: int, team: list[int]) -> list[str]:
    """Everybody acknowledges at the same moment: what each of them is told."""
    start = Barrier(len(team))

    def acknowledge(physio: int) -> str:
        start.wait()
        try:
            with ward.database.transaction() as session:
                ward.escalation.acknowledge(session, alert, session.get(Physio, physio), ward.clock.now())
            return "owner"
        except StaleAction as stale:
            return stale.response

    with ThreadPoolExecutor(len(team)) as pool:
        return list(pool.map(acknowledge, team))


def loses_channel(ward: Ward, physio: int) -> None:
    with ward.database.transaction() as session:
        ward.escalation.channel_lost(session, session.get(Physio, physio), ward.clock.now())
    ward.deliver()


def raise_and_fail(ward: Ward, patient: int) -> None:
    with ward.database.transaction() as session:
        raise_in(ward, session, patient)
        raise RuntimeError("the turn failed")


def raise_in(ward: Ward, session: Session, patient: int) -> int:
    alert = ward.escalation.raise_alert(
        session, session.get_one(Patient, patient), cause="RF01", severity="EAE", level="P0", told="MAE",
        message_id=None, now=ward.clock.now(),
    )  # fmt: skip
    return alert.id


def edits(ward: Ward) -> int:
    with ward.database.transaction() as session:
        return len(session.exec(select(OutboxMessage).where(OutboxMessage.kind == "edit")).all())


def with_wait(library: Library, who: str, minutes: int) -> Library:
    """The same content with another wait at a rung of P0."""
    protocol = copy.deepcopy(library.protocol)
    protocol["escalation"]["levels"]["P0"]["wait"][who]["value"] = minutes
    edited = copy.copy(library)
    edited.protocol = protocol
    return edited
