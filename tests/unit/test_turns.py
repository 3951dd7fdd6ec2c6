"""Each update is handled once, in the order of its chat, whatever hangs, fails or dies meanwhile."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest

from bot.services.inbox import Inbox
from bot.services.turns import CHAT_LEASE, SCREENING_LEASE, Turns
from bot.telegram.reading import read_update
from data import inbox
from data.database import Database
from data.inbox import InboxState, InboxUpdate
from data.patients import Patient
from tests.fake_telegram import PATIENT

OTHER = PATIENT + 1


class Handlers:
    """Remembers what it was given. A text begins with what is to happen: danger, hang, wait, break, forget."""

    def __init__(self, database, clock):
        self.database = database
        self.clock = clock
        self.first_seen = []
        self.answered = []
        self.given_up = []
        self.rasa_is_up = True
        self.hold = asyncio.Event()
        self._news = asyncio.Event()

    async def until(self, condition):
        """Returns when what was seen or answered meets the condition."""
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def first(self, incoming):
        self.first_seen.append(incoming.text)
        self._news.set()
        if not incoming.text.startswith("danger"):
            return False
        with self.database.transaction() as session:
            inbox.finish(session, incoming.update_id)
        self._answer(incoming)
        return True

    async def respond(self, incoming):
        await asyncio.sleep(0)
        if incoming.text.startswith("hang"):
            await self.hold.wait()
        if incoming.text.startswith("break"):
            raise ValueError(f"can't handle {incoming.text}")
        if incoming.text.startswith("forget"):
            return
        with self.database.transaction() as session:
            waits = incoming.text.startswith("wait") and not self.rasa_is_up
            if waits or (not self.rasa_is_up and inbox.waiting_before(session, incoming.chat_id, incoming.update_id)):
                inbox.wait(session, incoming.update_id, self.clock.now() + timedelta(seconds=5))
                return
            inbox.finish(session, incoming.update_id)
        self._answer(incoming)

    def _answer(self, incoming):
        self.answered.append(incoming.text)
        self._news.set()

    async def give_up(self, incoming):
        self.given_up.append(incoming.text)


class Office:
    """One process: its handlers and its turns. Two offices may share a database."""

    def __init__(self, database, clock, owner="one", **options):
        self.handlers = Handlers(database, clock)
        self.turns = Turns(database, clock, owner, read_update, self.handlers, **options)


@pytest.fixture
def say(database, clock):
    """A patient's message arrives."""
    numbers = count(1)
    door = Inbox(database, clock)

    def say(text, chat_id=PATIENT, update_id=None):
        number = update_id or next(numbers)
        chat = {"id": chat_id, "type": "private"}
        raw = {"update_id": number, "message": {"message_id": number, "date": 1, "chat": chat, "text": text}}
        return door.accept(number, chat_id, raw)

    return say


@pytest.fixture
def office(database, clock):
    return Office(database, clock)


def states(database: Database) -> list[InboxState]:
    with database.transaction() as session:
        rows = [session.get(InboxUpdate, number) for number in range(1, 200)]
        return [row.state for row in rows if row]


async def test_an_update_that_comes_twice_is_handled_once(office, say):
    accepted = [say("hello", update_id=7), say("hello", update_id=7)]

    await office.turns.drain()

    assert accepted == [True, False]
    assert office.handlers.answered == ["hello"]


async def test_messages_of_a_chat_keep_their_order_and_chats_run_side_by_side(office, say):
    for number in range(6):
        for chat in range(20):
            say(f"{chat}:{number}", chat_id=PATIENT + chat)

    await office.turns.drain()

    answered = office.handlers.answered
    for chat in range(20):
        mine = [text for text in answered if text.startswith(f"{chat}:")]
        assert mine == [f"{chat}:{number}" for number in range(6)]
    assert answered[:20] != [f"0:{number}" for number in range(6)] + answered[6:20]


async def test_what_is_done_is_forgotten_but_for_its_number(office, say, database):
    say("my private words")

    await office.turns.drain()

    with database.transaction() as session:
        row = session.get(InboxUpdate, 1)
    assert (row.state, row.raw) == (InboxState.DONE, "")


async def test_danger_is_answered_while_an_earlier_turn_of_the_chat_hangs(office, say):
    say("hang on a slow turn")
    drain = asyncio.create_task(office.turns.drain())
    await office.handlers.until(lambda: office.handlers.first_seen)

    say("danger, numb between my legs")
    say("and another thing")
    office.turns.wake()
    await office.handlers.until(lambda: "danger, numb between my legs" in office.handlers.answered)
    answered_meanwhile = list(office.handlers.answered)
    office.handlers.hold.set()
    await drain

    assert answered_meanwhile == ["danger, numb between my legs"]
    assert office.handlers.answered[1:] == ["hang on a slow turn", "and another thing"]


async def test_a_hanging_chat_does_not_hold_up_another(office, say):
    say("hang on a slow turn")
    say("hello", chat_id=OTHER)
    drain = asyncio.create_task(office.turns.drain())

    await office.handlers.until(lambda: office.handlers.answered == ["hello"])
    office.handlers.hold.set()
    await drain

    assert office.handlers.answered == ["hello", "hang on a slow turn"]


async def test_each_update_is_screened_once_when_all_goes_well(office, say):
    for text in ("one", "danger", "two"):
        say(text)

    await office.turns.drain()

    assert office.handlers.first_seen == ["one", "danger", "two"]


async def test_a_screening_that_fails_does_not_lose_the_message(office, say, monkeypatch):
    async def first(incoming):
        raise ValueError(incoming.text)

    monkeypatch.setattr(office.handlers, "first", first)
    say("hello")

    await office.turns.drain()

    assert office.handlers.answered == ["hello"]


class TestWaitingForRasa:
    async def test_waiting_messages_are_answered_in_order_when_rasa_returns(self, office, say, database, clock):
        office.handlers.rasa_is_up = False
        for text in ("wait 1", "wait 2", "wait 3"):
            say(text)
        await office.turns.drain()
        waiting = states(database)

        office.handlers.rasa_is_up = True
        clock.move(timedelta(seconds=5))
        due = office.turns.retry_waiting()
        await office.turns.drain()

        assert waiting == [InboxState.WAITING] * 3
        assert due == 1
        assert office.handlers.answered == ["wait 1", "wait 2", "wait 3"]

    async def test_nothing_is_tried_again_before_its_time(self, office, say, clock):
        office.handlers.rasa_is_up = False
        say("wait 1")
        await office.turns.drain()
        office.handlers.rasa_is_up = True

        clock.move(timedelta(seconds=4))
        due = office.turns.retry_waiting()
        await office.turns.drain()

        assert (due, office.handlers.answered) == (0, [])

    async def test_the_first_that_still_waits_ends_the_round(self, office, say, database, clock, monkeypatch):
        office.handlers.rasa_is_up = False
        say("wait 1")
        say("wait 2")
        await office.turns.drain()
        seen = []
        respond = office.handlers.respond

        async def watched(incoming):
            seen.append(incoming.text)
            await respond(incoming)

        monkeypatch.setattr(office.handlers, "respond", watched)
        clock.move(timedelta(seconds=6))
        await office.turns.drain()

        assert seen == ["wait 1"]
        assert states(database) == [InboxState.WAITING] * 2

    async def test_a_new_message_does_not_wait_behind_waiting_ones_to_be_heard(self, office, say, clock):
        office.handlers.rasa_is_up = False
        say("wait 1")
        await office.turns.drain()
        say("danger")

        await office.turns.drain()

        assert office.handlers.answered == ["danger"]


class TestErrors:
    async def test_a_message_that_fails_is_tried_again_later_and_then_given_up_in_words(
        self, database, clock, say, caplog
    ):
        office = Office(database, clock, most_attempts=3)
        say("break my private words")
        say("hello")

        for _ in range(3):
            await office.turns.drain()
            clock.move(timedelta(seconds=30))
        await office.turns.drain()

        assert states(database) == [InboxState.DEAD, InboxState.DONE]
        assert office.handlers.given_up == ["break my private words"]
        assert office.handlers.answered == ["hello"]
        logged = [(record.getMessage(), getattr(record, "attempts", None)) for record in caplog.records]
        assert logged == [("turn_failed", 1), ("turn_failed", 2), ("turn_failed", 3), ("update_given_up", None)]

    async def test_the_log_says_where_but_not_what(self, office, say, caplog):
        caplog.set_level(logging.DEBUG)
        say("break my private words")

        await office.turns.drain()

        record = caplog.records[0]
        assert (record.error, record.at.split(" < ")[0].split(":")[0]) == ("ValueError", "test_turns.py")
        assert not [
            line for line in caplog.records if "private" in str(line.__dict__) or str(PATIENT) in str(line.__dict__)
        ]

    async def test_a_failing_message_keeps_its_place_in_the_chat(self, office, say, clock, monkeypatch):
        say("break once")
        say("second")
        await office.turns.drain()
        before = list(office.handlers.answered)

        async def works_now(incoming):
            office.handlers.answered.append(incoming.text)
            with office.handlers.database.transaction() as session:
                inbox.finish(session, incoming.update_id)

        monkeypatch.setattr(office.handlers, "respond", works_now)
        clock.move(timedelta(seconds=1))
        await office.turns.drain()

        assert (before, office.handlers.answered) == ([], ["break once", "second"])

    async def test_a_handler_that_forgets_to_finish_is_a_failure_not_a_loop(self, office, say, caplog):
        say("forget it")

        await office.turns.drain()

        assert [(record.getMessage(), record.error) for record in caplog.records] == [("turn_failed", "LeftOpen")]

    async def test_giving_up_ends_even_when_the_last_words_fail(self, database, clock, say, monkeypatch):
        office = Office(database, clock, most_attempts=1)

        async def give_up(incoming):
            raise ValueError

        monkeypatch.setattr(office.handlers, "give_up", give_up)
        say("break it")

        await office.turns.drain()

        assert states(database) == [InboxState.DEAD]

    async def test_an_update_of_no_chat_is_put_away(self, office, database, clock):
        Inbox(database, clock).accept(1, None, {"update_id": 1, "poll": {}})

        await office.turns.drain()

        assert states(database) == [InboxState.DONE]
        assert office.handlers.answered == []


class TestSeveralProcesses:
    async def test_two_processes_share_the_work_and_repeat_none_of_it(self, database, clock, say):
        one, two = Office(database, clock, "one"), Office(database, clock, "two")
        for number in range(6):
            for chat in range(8):
                say(f"{chat}:{number}", chat_id=PATIENT + chat)

        await asyncio.gather(one.turns.drain(), two.turns.drain())
        await one.turns.drain()

        answered = one.handlers.answered + two.handlers.answered
        assert sorted(answered) == sorted(f"{chat}:{number}" for chat in range(8) for number in range(6))
        for office in (one, two):
            for chat in range(8):
                mine = [text for text in office.handlers.answered if text.startswith(f"{chat}:")]
                assert mine == sorted(mine)

    async def test_a_chat_belongs_to_one_process_at_a_time(self, database, clock):
        now = clock.now()
        until = now + CHAT_LEASE

        with database.transaction() as session:
            claims = [inbox.claim_chat(session, PATIENT, owner, now=now, until=until) for owner in ("a", "b", "a")]
        clock.move(CHAT_LEASE)
        with database.transaction() as session:
            later = inbox.claim_chat(session, PATIENT, "b", now=clock.now(), until=clock.now() + CHAT_LEASE)

        assert (claims, later) == ([True, False, True], True)

    async def test_what_a_dead_process_had_begun_is_taken_over_when_its_leases_end(self, database, clock, say):
        dead, heir = Office(database, clock, "dead"), Office(database, clock, "heir")
        say("hang on a slow turn")
        dying = asyncio.create_task(dead.turns.drain())
        await dead.handlers.until(lambda: dead.handlers.first_seen)
        heir.handlers.hold.set()

        await heir.turns.drain()
        too_early = list(heir.handlers.answered)
        clock.move(max(CHAT_LEASE, SCREENING_LEASE))
        await heir.turns.drain()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying

        assert (too_early, heir.handlers.answered) == ([], ["hang on a slow turn"])

    async def test_the_second_to_finish_commits_nothing(self, database, clock, say, caplog):
        caplog.set_level(logging.INFO)
        slow, quick = Office(database, clock, "slow"), Office(database, clock, "quick")
        say("hang on a slow turn")
        slow_drain = asyncio.create_task(slow.turns.drain())
        await slow.handlers.until(lambda: slow.handlers.first_seen)
        quick.handlers.hold.set()
        with database.transaction() as session:  # as if the slow process had stood still for longer than its lease
            inbox.release_chat(session, PATIENT, "slow")
        clock.move(SCREENING_LEASE)

        await quick.turns.drain()
        slow.handlers.hold.set()
        await slow_drain

        assert (quick.handlers.answered, slow.handlers.answered) == (["hang on a slow turn"], [])
        assert "update_handled_elsewhere" in [record.getMessage() for record in caplog.records]

    async def test_danger_is_answered_by_another_process_while_the_chats_own_hangs(self, database, clock, say):
        own, other = Office(database, clock, "own"), Office(database, clock, "other")
        say("hang on a slow turn")
        own_drain = asyncio.create_task(own.turns.drain())
        await own.handlers.until(lambda: own.handlers.first_seen)
        say("danger")
        say("and then")

        await other.turns.drain()
        answered_meanwhile = list(other.handlers.answered)
        own.handlers.hold.set()
        await own_drain

        assert answered_meanwhile == ["danger"]
        assert own.handlers.answered == ["hang on a slow turn", "and then"]
        assert own.handlers.first_seen == ["hang on a slow turn"]

    async def test_nothing_of_a_turn_is_kept_when_another_process_finished_it(self, database, clock, say):
        say("hello")
        with database.transaction() as session:
            inbox.finish(session, 1)

        def turn():
            with database.transaction() as session:
                session.add(Patient(code="P-1", sender="s", created_at=clock.now()))
                inbox.finish(session, 1)

        with pytest.raises(inbox.AlreadyHandled):
            turn()

        with database.transaction() as session:
            assert session.get(Patient, 1) is None


class TestServing:
    async def test_arrivals_are_handled_as_they_come_until_it_is_time_to_stop(self, office, say):
        stop = asyncio.Event()
        serving = asyncio.create_task(office.turns.run(stop))
        say("one")
        office.turns.wake()
        await office.handlers.until(lambda: office.handlers.answered == ["one"])

        say("two")
        office.turns.wake()
        await office.handlers.until(lambda: office.handlers.answered == ["one", "two"])
        stop.set()
        await serving

        assert office.handlers.answered == ["one", "two"]

    async def test_a_turn_that_has_begun_is_finished_before_stopping(self, office, say, database):
        stop = asyncio.Event()
        say("hang on a slow turn")
        serving = asyncio.create_task(office.turns.run(stop))
        await office.handlers.until(lambda: office.handlers.first_seen)

        stop.set()
        office.handlers.hold.set()
        await serving

        assert states(database) == [InboxState.DONE]

    async def test_a_database_that_is_away_for_a_while_stops_nothing(self, office, say, monkeypatch, caplog):
        stop = asyncio.Event()
        failures = iter([True, True])
        claim = inbox.claim_screening

        def flaky(session, **values):
            if next(failures, False):
                raise OSError("no route to host")
            return claim(session, **values)

        monkeypatch.setattr(inbox, "claim_screening", flaky)
        say("hello")
        serving = asyncio.create_task(office.turns.run(stop))
        await office.handlers.until(lambda: office.handlers.answered == ["hello"])
        stop.set()
        await serving

        assert [record.getMessage() for record in caplog.records] == ["turns_not_claimed"] * 2
