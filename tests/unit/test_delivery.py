"""What leaves: in the right order, within Telegram's limits, and never silently lost or doubled."""

import asyncio
import logging
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import delete, select

from bot.errors import DeliveryError
from bot.services.delivery import MESSAGE_LEASE, MOST_TRIES, SENDER_LEASE, ChatClosed, Delivery, Sent
from bot.services.pacing import A_SECOND
from bot.telegram.sender import TelegramSender
from bot.telegram.terminal import PNG
from data.database import Database
from data.outbox import OutboxMessage, OutboxState, Priority, SenderLease
from data.patients import Patient, PatientChat
from data.physios import Physio
from tests.fake_telegram import PATIENT, PHYSIO, FakeTelegram, fake_bot

SAFETY, CARD, REPLY, CHECK_IN = Priority


class Post:
    """A sender that remembers what it sent and when, and fails as told: `faults[text]` are the errors to come."""

    def __init__(self, clock):
        self.clock = clock
        self.sent = []  # (chat, text, seconds since the beginning)
        self.faults = {}
        self.parts = {}
        self.hold = None
        self.holding = asyncio.Event()
        self.posted = asyncio.Event()
        self._began = clock.now()

    async def send(self, row):
        if self.hold:
            self.holding.set()
            await self.hold.wait()
        waiting = self.faults.get(row.text, [])
        error = waiting.pop(0) if waiting else None
        if error is None or error.uncertain:
            self.sent.append((row.chat_id, row.text, (self.clock.now() - self._began).total_seconds()))
        self.posted.set()
        if error:
            raise error
        return Sent(len(self.sent), parts_left=self.parts.get(row.text, 1) - 1 - row.parts_sent)

    @property
    def texts(self):
        return [text for _, text, _ in self.sent]


class Library:
    """One sentence is enough."""

    def has(self, response):
        return response == "utter_sent_again"

    def say(self, response):
        return type("Words", (), {"text": "You may have had this already."})


@pytest.fixture
def post(clock) -> Post:
    return Post(clock)


@pytest.fixture
def delivery(database, clock, post) -> Delivery:
    return Delivery(database, clock, post, "one", library=Library())


@pytest.fixture
def write(database, clock):
    """Writes outbox rows, in order."""

    def write(*texts, chat_id=PATIENT, priority=REPLY, **fields):
        with database.transaction() as session:
            for text in texts:
                row = OutboxMessage(
                    key=f"{chat_id}:{text}",
                    chat_id=chat_id,
                    kind="reply",
                    priority=priority,
                    text=text,
                    created_at=clock.now(),
                    not_before=clock.now(),
                )
                row.sqlmodel_update(fields)
                session.add(row)
                session.flush()

    return write


def rows(database: Database) -> dict[str, OutboxMessage]:
    with database.transaction() as session:
        return {row.text: row for row in session.exec(select(OutboxMessage))}


def states(database: Database) -> dict[str, OutboxState]:
    return {text: row.state for text, row in rows(database).items()}


async def test_a_picture_whose_sending_was_cut_short_comes_again_with_its_caption(database, clock, write):
    telegram = FakeTelegram(now=clock.now)
    png = PNG + b" and so on"
    write("Your weeks.\n\nWhat now?", picture=png, picture_description="Your weeks.", must_arrive=True)
    telegram.loses_reply("sendPhoto")

    await Delivery(database, clock, TelegramSender(fake_bot(telegram)), "one", library=Library()).deliver_due()
    clock.move(A_SECOND)
    await Delivery(database, clock, TelegramSender(fake_bot(telegram)), "one", library=Library()).deliver_due()

    assert [shown.picture for shown in telegram.shown] == [png, png]
    assert telegram.shown[1].text == "You may have had this already.\n\nYour weeks.\n\nWhat now?"
    with database.engine.begin() as connection:  # and nobody reads it in the file
        assert PNG.decode("latin-1") not in str(connection.execute(text("select picture from outboxmessage")).all())


class TestOrder:
    async def test_safety_then_cards_then_replies_then_check_ins(self, delivery, post, clock, write):
        write("check-in", chat_id=1, priority=CHECK_IN)
        write("reply", chat_id=2, priority=REPLY)
        write("card", chat_id=3, priority=CARD)
        write("advice", chat_id=4, priority=SAFETY)

        await delivery.drain(clock.move)

        assert post.texts == ["advice", "card", "reply", "check-in"]

    async def test_a_chat_keeps_its_order_and_safety_advice_overtakes(self, delivery, post, clock, write):
        write("one", "two")
        write("a check-in", priority=CHECK_IN)
        write("three")
        write("advice", "more advice", priority=SAFETY)

        await delivery.drain(clock.move)

        assert post.texts == ["advice", "more advice", "one", "two", "a check-in", "three"]

    async def test_a_message_tried_again_keeps_its_place(self, delivery, post, clock, write):
        post.faults["one"] = [DeliveryError("away"), DeliveryError("away")]
        write("one", "two")

        await delivery.drain(clock.move)
        before = list(post.texts)
        clock.move(timedelta(minutes=1))
        await delivery.drain(clock.move)
        clock.move(timedelta(minutes=1))
        await delivery.drain(clock.move)

        assert (before, post.texts) == ([], ["one", "two"])

    async def test_a_message_that_never_gets_through_does_not_hold_up_its_chat_for_ever(
        self, delivery, post, clock, write
    ):
        post.faults["stuck"] = [DeliveryError("away")] * 20
        write("stuck", "next")

        for _ in range(5):
            await delivery.drain(clock.move)
            clock.move(timedelta(minutes=2))
        await delivery.drain(clock.move)

        assert post.texts == ["next"]

    async def test_what_is_not_due_yet_waits_and_holds_nobody_up(self, delivery, post, clock, write):
        write("tomorrow", not_before=clock.now() + timedelta(days=1))
        write("now")

        await delivery.drain(clock.move)
        before = list(post.texts)
        clock.move(timedelta(days=1))
        await delivery.drain(clock.move)

        assert (before, post.texts) == (["now"], ["now", "tomorrow"])


class TestLimits:
    async def test_one_message_a_second_a_chat(self, delivery, post, clock, write):
        write("one", "two", "three")

        await delivery.drain(clock.move)

        assert [(text, at) for _, text, at in post.sent] == [("one", 0), ("two", 1), ("three", 2)]

    async def test_an_edit_is_no_message_and_waits_for_none(self, delivery, post, clock, write):
        write("one", "two")
        write("→ Yes", edits=5)
        write("three", chat_id=PATIENT + 1)

        await delivery.drain(clock.move)

        assert [(text, at) for _, text, at in post.sent] == [("one", 0), ("three", 0), ("two", 1), ("→ Yes", 1)]

    async def test_twenty_five_messages_a_second_a_token(self, delivery, post, clock, write):
        for chat in range(60):
            write(f"to {chat}", chat_id=chat + 1)

        await delivery.drain(clock.move)

        seconds = [at for _, _, at in post.sent]
        assert [seconds.count(second) for second in (0, 1, 2)] == [25, 25, 10]

    async def test_without_a_way_to_move_the_clock_a_drain_ends(self, delivery, post, write):
        write("one", "two")

        await delivery.drain()

        assert post.texts == ["one"]

    async def test_the_whole_token_waits_when_telegram_says_so(self, delivery, post, database, clock, write):
        post.faults["one"] = [DeliveryError("flood", retry_after_s=7)]
        write("one", chat_id=1)
        await delivery.deliver_due()
        write("two", chat_id=2)

        clock.move(timedelta(seconds=6))
        too_early = await delivery.deliver_due()
        clock.move(timedelta(seconds=1))
        await delivery.drain(clock.move)

        assert too_early == 0
        assert post.sent == [(1, "one", 7), (2, "two", 7)]

    async def test_a_long_text_goes_part_by_part_at_the_pace_of_a_chat(self, delivery, post, database, clock, write):
        post.parts["long"] = 3
        write("long", "next")

        await delivery.drain(clock.move)

        assert [(text, at) for _, text, at in post.sent] == [("long", 0), ("long", 1), ("long", 2), ("next", 3)]
        assert states(database) == {"long": OutboxState.SENT, "next": OutboxState.SENT}

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(list(Priority))), max_size=40))
    def test_no_mix_of_messages_breaks_a_limit_or_an_order(self, sqlite_database, clock, messages):
        with sqlite_database.transaction() as session:
            session.exec(delete(OutboxMessage))
            session.exec(delete(SenderLease))
            for number, (chat, priority) in enumerate(messages):
                session.add(
                    OutboxMessage(
                        key=f"{number}", chat_id=chat, kind="reply", priority=priority, text=f"{number}",
                        created_at=clock.now(), not_before=clock.now(),
                    )
                )  # fmt: skip
                session.flush()
        post = Post(clock)

        asyncio.run(Delivery(sqlite_database, clock, post, "one").drain(clock.move))

        for chat in range(1, 5):
            mine = [(messages[int(text)][1], int(text), at) for to, text, at in post.sent if to == chat]
            plain = [number for priority, number, _ in mine if priority != SAFETY]
            assert [priority for priority, _, _ in mine if priority == SAFETY] == [p for p, _, _ in mine][
                : len(mine) - len(plain)
            ]
            assert plain == sorted(plain)
            spaced = [(later - earlier, priority) for (_, _, earlier), (priority, _, later) in pairwise(mine)]
            assert all(pause >= 1 or priority == SAFETY for pause, priority in spaced)  # advice doesn't wait
        instants = [at for _, _, at in post.sent]
        assert all(sum(at <= other < at + 1 for other in instants) <= 25 for at in instants)
        assert sorted(int(text) for text in post.texts) == list(range(len(messages)))


class TestFates:
    async def test_a_sent_message_keeps_telegrams_number(self, delivery, database, clock, write):
        write("hello")

        await delivery.drain()

        row = rows(database)["hello"]
        assert (row.state, row.telegram_message_id, row.sent_at, row.error) == (OutboxState.SENT, 1, clock.now(), None)

    async def test_what_never_left_is_tried_again_with_growing_pauses(self, delivery, post, database, clock, write):
        post.faults["hello"] = [DeliveryError("ConnectError")] * 9
        write("hello")

        pauses = []
        for _ in range(9):
            await delivery.deliver_due()
            pauses.append((rows(database)["hello"].not_before - clock.now()).total_seconds())
            clock.move_to(rows(database)["hello"].not_before)
        await delivery.deliver_due()

        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert post.texts == ["hello"]

    async def test_a_malformed_message_is_given_up_with_telegrams_reason(self, delivery, post, database, write):
        post.faults["bad"] = [DeliveryError("400 BUTTON_DATA_INVALID", permanent=True)]
        write("bad")

        await delivery.drain()

        assert (rows(database)["bad"].state, rows(database)["bad"].error) == (
            OutboxState.FAILED,
            "400 BUTTON_DATA_INVALID",
        )

    async def test_a_prompt_that_may_have_arrived_is_not_sent_again(self, delivery, post, database, clock, write):
        post.faults["How bad?"] = [DeliveryError("ReadTimeout", uncertain=True)]
        write("How bad?")

        await delivery.drain(clock.move)
        clock.move(timedelta(hours=1))
        await delivery.drain(clock.move)

        assert post.texts == ["How bad?"]
        assert states(database) == {"How bad?": OutboxState.UNCERTAIN}

    async def test_advice_that_may_have_arrived_is_sent_once_more_and_says_so(
        self, delivery, post, database, clock, write
    ):
        post.faults["Call 999"] = [DeliveryError("ReadTimeout", uncertain=True)]
        write("Call 999", must_arrive=True, priority=SAFETY)

        await delivery.drain(clock.move)

        assert post.texts == ["Call 999", "You may have had this already.\n\nCall 999"]
        assert states(database) == {"Call 999": OutboxState.SENT}

    async def test_advice_is_tried_again_after_every_doubt_and_at_last_somebody_is_told_in_the_log(
        self, delivery, post, database, clock, write, caplog
    ):
        again = "You may have had this already.\n\nCall 999"
        post.faults = {text: [DeliveryError("x", uncertain=True) for _ in range(20)] for text in ("Call 999", again)}
        write("Call 999", must_arrive=True)

        for _ in range(20):
            await delivery.drain(clock.move)
            clock.move(timedelta(minutes=1))

        assert post.texts == ["Call 999", *[again] * (MOST_TRIES - 1)]
        assert states(database) == {"Call 999": OutboxState.UNCERTAIN}
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
            "message_uncertain"
        ]

    async def test_an_edit_that_may_have_arrived_is_simply_done_again(self, delivery, post, database, clock, write):
        post.faults["→ Yes"] = [DeliveryError("ReadTimeout", uncertain=True)]
        write("→ Yes", edits=5)

        await delivery.drain(clock.move)
        clock.move(A_SECOND)
        await delivery.drain(clock.move)

        assert post.texts == ["→ Yes", "→ Yes"]
        assert states(database) == {"→ Yes": OutboxState.SENT}

    async def test_a_sender_that_breaks_leaves_the_message_uncertain(
        self, delivery, post, database, write, caplog, monkeypatch
    ):
        async def send(row):
            raise KeyError(row.text)

        monkeypatch.setattr(post, "send", send)
        write("hello")

        await delivery.drain()

        assert states(database) == {"hello": OutboxState.UNCERTAIN}
        assert "hello" not in "".join(str(record.__dict__) for record in caplog.records)

    async def test_what_is_not_wanted_any_more_is_not_sent(self, database, clock, post, write):
        delivery = Delivery(database, clock, post, "one", still_wanted=lambda session, row: row.kind != "check_in")
        write("how is your back?", kind="check_in")
        write("hello")

        await delivery.drain(clock.move)

        assert post.texts == ["hello"]
        assert states(database)["how is your back?"] == OutboxState.DROPPED


class TestClosedChats:
    async def test_a_patient_who_blocked_us_is_marked_and_gets_nothing_more(self, database, clock, post, write):
        stopped = []
        delivery = Delivery(
            database, clock, post, "one", on_blocked=lambda session, row: stopped.append((row.text, row.state))
        )
        with database.transaction() as session:
            session.add(Patient(id=1, code="P-1", sender="s", created_at=clock.now()))
            session.flush()
            session.add(PatientChat(chat_id=PATIENT, patient_id=1))
        post.faults["one"] = [ChatClosed("403 Forbidden: bot was blocked by the user")]
        write("one", "two")
        write("to somebody else", chat_id=1)

        await delivery.drain(clock.move)

        with database.transaction() as session:
            assert session.get(PatientChat, PATIENT).blocked_at == clock.now()
        assert states(database) == {
            "one": OutboxState.BLOCKED,
            "two": OutboxState.BLOCKED,
            "to somebody else": OutboxState.SENT,
        }
        assert [text for text, _ in stopped] == ["one", "two"]

    async def test_a_physio_who_blocked_us_is_marked(self, delivery, database, clock, post, write):
        with database.transaction() as session:
            session.add(Physio(id=1, name="Ana", chat_id=PHYSIO))
        post.faults["card"] = [ChatClosed()]
        write("card", chat_id=PHYSIO, priority=CARD, must_arrive=True)

        await delivery.drain(clock.move)

        with database.transaction() as session:
            assert session.get(Physio, 1).blocked_at == clock.now()


class TestCrashes:
    async def dies_while_sending(self, delivery, post):
        """A sender that stands still while its messages are on their way; `post.hold` wakes it again."""
        post.hold = asyncio.Event()
        sending = asyncio.create_task(delivery.deliver_due())
        await post.holding.wait()
        await asyncio.sleep(0)
        return sending

    @pytest.fixture
    def heir(self, database, clock):
        post = Post(clock)
        return Delivery(database, clock, post, "two", library=Library()), post

    async def test_a_message_on_its_way_when_the_sender_died_is_uncertain(
        self, delivery, post, heir, database, clock, write
    ):
        write("How bad?")
        write("Call 999", chat_id=1, must_arrive=True)
        sending = await self.dies_while_sending(delivery, post)
        successor, their_post = heir

        clock.move(SENDER_LEASE)
        await successor.drain(clock.move)
        fates = states(database)
        post.hold.set()
        await sending

        assert their_post.texts == ["You may have had this already.\n\nCall 999"]
        assert fates == {"How bad?": OutboxState.UNCERTAIN, "Call 999": OutboxState.SENT}

    async def test_a_sender_that_wakes_after_its_time_changes_nothing(
        self, delivery, post, heir, database, clock, write, caplog
    ):
        write("How bad?")
        sending = await self.dies_while_sending(delivery, post)
        clock.move(SENDER_LEASE)
        await heir[0].drain(clock.move)

        post.hold.set()
        await sending

        assert states(database) == {"How bad?": OutboxState.UNCERTAIN}
        assert "message_sent_late" in [record.getMessage() for record in caplog.records]

    async def test_a_message_whose_own_lease_ended_is_uncertain_too(self, delivery, post, database, clock, write):
        write("How bad?", state=OutboxState.SENDING, lease_until=clock.now() + MESSAGE_LEASE, tries=1)
        write("hello", chat_id=1)

        await delivery.drain(clock.move)

        assert states(database) == {"How bad?": OutboxState.UNCERTAIN, "hello": OutboxState.SENT}


class TestOneSender:
    async def test_only_one_process_sends_with_a_token(self, database, clock, write):
        posts = [Post(clock), Post(clock)]
        one, two = (Delivery(database, clock, post, f"p{index}") for index, post in enumerate(posts))
        write(*(f"message {number}" for number in range(5)))

        await one.deliver_due()
        await two.drain(lambda step: None)
        await one.drain(clock.move)

        assert posts[0].texts == [f"message {number}" for number in range(5)]
        assert posts[1].texts == []

    async def test_the_next_process_sends_when_the_first_has_stopped(self, database, clock, write):
        posts = [Post(clock), Post(clock)]
        one, two = (Delivery(database, clock, post, f"p{index}") for index, post in enumerate(posts))
        stop = asyncio.Event()
        write("one")
        serving = asyncio.create_task(one.run(stop))
        await posts[0].posted.wait()
        stop.set()
        await serving
        write("two")

        await two.drain()

        assert (posts[0].texts, posts[1].texts) == (["one"], ["two"])

    async def test_two_processes_at_once_send_each_message_once(self, database, clock, write):
        posts = [Post(clock), Post(clock)]
        senders = [Delivery(database, clock, post, f"p{index}") for index, post in enumerate(posts)]
        for chat in range(10):
            write("hello", chat_id=chat + 1)

        await asyncio.gather(*(sender.deliver_due() for sender in senders))

        assert sorted(chat for post in posts for chat, _, _ in post.sent) == list(range(1, 11))


async def test_a_message_leaves_as_soon_as_it_is_written(delivery, post, write):
    stop = asyncio.Event()
    serving = asyncio.create_task(delivery.run(stop))

    write("hello")
    delivery.wake()
    await asyncio.wait_for(post.posted.wait(), 5)
    stop.set()
    await serving

    assert post.texts == ["hello"]


async def test_no_log_line_holds_the_words_or_the_chat(delivery, post, clock, write, caplog):
    caplog.set_level(logging.DEBUG)
    post.faults["private words"] = [DeliveryError("x"), DeliveryError("x", uncertain=True)]
    write("private words")

    await delivery.drain(clock.move)
    clock.move(A_SECOND)
    await delivery.drain(clock.move)

    lines = "".join(str(record.__dict__) for record in caplog.records)
    assert "message_uncertain" in lines
    assert not [secret for secret in ("private", str(PATIENT)) if secret in lines]
