"""Asking more about a belief: when it is offered, what is said in it, what is kept of it, and how it ends.

Rasa leads through the form; the row is the truth. An exploration is open exactly while its form is asking.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import answers, exploration, schedule
from bot.coaching.exploration import Limits, Offered, Said, StrongWords
from bot.coaching.normalising import Spelling
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.rasa.effects import RecordExploration
from bot.rasa.turns import Parse, Reply, Turn
from bot.services.checkin_questions import UNSET
from bot.services.checkins import CheckIns
from bot.services.experiments import Experiments
from bot.services.exploration_words import FORM, OFFERS, ROLL, ExplorationWords, plain
from bot.services.outgoing import Outgoing
from bot.services.safety import Safety
from data import alerts, checkins, concerns, explorations
from data.explorations import Exploration, ExplorationState
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)

TALKED = (ExplorationState.DONE, ExplorationState.NOT_HELD, ExplorationState.UNRESOLVED)
ASKS_FOR_A_PLAN = ("check_in_form.", "goal_form.")
NOT_DONE = "did_not_manage"  # the intent: today's activity did not happen
WORDS = ("view", "fits", "unlike")


class Explorations:
    """Methods take the caller's session and run in its transaction."""

    def __init__(
        self,
        library: Library,
        outgoing: Outgoing,
        safety: Safety,
        check_ins: CheckIns,
        experiments: Experiments,
        spelling: Spelling,
    ) -> None:
        self._library = library
        self._outgoing = outgoing
        self._safety = safety
        self._check_ins = check_ins
        self._experiments = experiments
        self._words = ExplorationWords(library)
        self._strong = StrongWords(library.value("exploration.strong_words"), spelling)
        self._limits = Limits(
            again_after=timedelta(days=library.number("exploration.again_after")),
            rest=timedelta(hours=library.number("exploration.rest_after_decline")),
        )

    # What a flag is worth

    def is_strong(self, text: str) -> bool:
        return self._strong.heard(text)

    def blocks_plan(self, session: Session, patient: Patient, turn: Turn, parse: Parse, now: datetime) -> bool:
        """Said where today's plan is made or looked back on, or beside the news that it did not happen."""
        ranked = next((each.name for each in parse.ranking if each.name not in ("belief", "risk")), None)
        if (turn.asks or "").startswith(ASKS_FOR_A_PLAN) or NOT_DONE in (parse.intent.name, ranked):
            return True
        today = checkins.of_day(session, patient.id, schedule.local_day(now, patient.time_zone))
        return any(row.minutes == 0 for row in today)

    # The offer

    def exploring(self, session: Session, patient: Patient) -> str | None:
        """The class being talked about or offered: a context slot of the dialogue."""
        row = explorations.unfinished(session, patient.id)
        return row.belief if row else None

    def offer(
        self, session: Session, patient: Patient, spoken: Sequence[Words], *, intent: str | None, now: datetime
    ) -> list[Words]:
        """The offer, when there is something to explore and nothing else is asked; [] otherwise.

        `spoken` is what the turn says already: a second question, or other buttons, would stand beside it.
        """
        if intent in self._library.value("exploration.not_after") or any(
            "?" in words.text or words.choices for words in spoken
        ):
            return []
        if self._is_asked(session, patient, now) or not self._may_explore(session, patient, now):
            return []
        today = schedule.local_day(now, patient.time_zone)
        said, offered = self._said(session, patient), self._offered(session, patient)
        found = exploration.what_to_explore(said, offered, today, now, self._limits)
        if found is None:
            return []
        self._end_unfinished(session, patient, now)
        belief, reason = found
        session.add(Exploration(patient_id=patient.id, belief=belief, reason=reason, offered_on=today, offered_at=now))
        just_said = any(words.response.startswith(f"utter_belief_{belief.lower()}") for words in spoken)
        return [self._library.say(OFFERS[0] if just_said else OFFERS[1])]

    def offer_after(self, session: Session, patient: Patient, *, key: str, now: datetime) -> None:
        """As `offer`, in a message of its own: after the last answer of a check-in, which the app takes by itself."""
        words = self.offer(session, patient, [], intent=None, now=now)
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now)

    def _said(self, session: Session, patient: Patient) -> list[Said]:
        return [
            Said(each.belief, each.flag.at, each.flag.on, each.flag.strong, each.flag.blocks_plan)
            for each in concerns.standing_flags(session, patient.id)
            if each.belief
        ]

    def _offered(self, session: Session, patient: Patient) -> list[Offered]:
        return [
            Offered(row.belief, row.offered_on, row.offered_at, row.state in TALKED, row.ended_at)
            for row in explorations.of_patient(session, patient.id)
        ]

    def _is_asked(self, session: Session, patient: Patient, now: datetime) -> bool:
        return bool(
            patient.asks
            or self._safety.asks(session, patient)
            or self._check_ins.open_for(session, patient)
            or self._experiments.asks_now(session, patient, now)
        )

    def _may_explore(self, session: Session, patient: Patient, now: datetime) -> bool:
        """A danger comes first, and there is no belief work in a conversation that has had one."""
        if patient.state != PatientState.ACTIVE or patient.held_since:
            return False
        if patient.quiet_until and patient.quiet_until > now:
            return False
        day = schedule.local_day(now, patient.time_zone)
        if concerns.risk_heard(session, patient.id, since=schedule.instant_on(day, patient.time_zone, time.min)):
            return False
        return not alerts.has_unclosed(session, patient, self._library.value("exploration.not_with_alert"))

    # What the patient does

    def typed(self, session: Session, patient: Patient, text: str) -> str:
        """What typed words stand for when they name a button under the last message: "/explore", "first". Else the text.

        Word for word only: anything more goes through the model, which may hear a danger in it.
        """
        row = explorations.unfinished(session, patient.id)
        if row is None or not text:
            return text
        last = self._words.last_said(session, patient)
        if last in (*OFFERS, ROLL) and (row.state == ExplorationState.OPEN) == (last == ROLL):
            return self._words.meant(last, text) or text
        if row.state == ExplorationState.OPEN and (patient.asks or "").startswith(f"{FORM}."):
            return self._words.button(row, (patient.asks or "").partition(".explore_")[2], text) or text
        return text

    def passed(self, session: Session, patient: Patient, intent: str | None) -> str | None:
        """The answer to a button of ours that was tapped too late: something else is asked by now."""
        exploring = (patient.asks or "").startswith(f"{FORM}.")
        if intent == "explore" and (patient.asks or self._check_ins.open_for(session, patient)) and not exploring:
            return "utter_finish_this_first"
        return "utter_stale_button" if intent == "explore_park" and not exploring else None

    def open(self, session: Session, patient: Patient, now: datetime) -> None:
        """Raises EffectRefused when nothing was offered, or a danger has come up since."""
        row = explorations.unfinished(session, patient.id)
        if row is None or row.state != ExplorationState.OFFERED or not self._may_explore(session, patient, now):
            raise EffectRefused("utter_refused_no_exploration")
        row.state = ExplorationState.OPEN

    def decline(self, session: Session, patient: Patient, now: datetime) -> None:
        """Said to no offer, it changes nothing."""
        if row := explorations.unfinished(session, patient.id):
            _end(row, ExplorationState.DECLINED, now)

    def record(self, session: Session, patient: Patient, said: RecordExploration, now: datetime) -> list[Words]:
        """Keeps what was answered so far. Returns the words that follow the last one: the test that was agreed."""
        row = self._open(session, patient)
        if said.right == "not_now":
            _end(row, ExplorationState.DECLINED, now)
            return []
        if said.right != UNSET:
            concerns.set_held(session, patient.id, row.belief, said.right == "right")
        if said.right == "not_quite":
            _end(row, ExplorationState.NOT_HELD, now)
            return []
        for name in WORDS:
            _take(row, name, getattr(said, name))
        _take(row, "made_of_it", said.found)
        row.heard_found = row.heard_found or said.offer == "yes"
        row.strength, row.confidence = _score(said.strength), _score(said.confidence)
        if said.done == "no":
            return []
        _end(row, ExplorationState.DONE, now)
        return self._agree(session, patient, row, said, now)

    def _agree(
        self, session: Session, patient: Patient, row: Exploration, said: RecordExploration, now: datetime
    ) -> list[Words]:
        expected = _score(said.expected)
        if said.chosen not in ("first", "second") or expected is None:
            return []
        what = self._words.of_class(row, said.chosen)
        if what is None:
            return []
        return self._experiments.agree(
            session, patient, what=what.text, expected=expected, belief=row.belief, exploration_id=row.id, now=now
        )

    def disagree(self, session: Session, patient: Patient, now: datetime) -> None:
        """Counts; the second time it is parked, and the form asks no more."""
        row = self._open(session, patient)
        row.disagreements += 1
        if row.disagreements >= self._library.number("exploration.most_disagreements"):
            self.park(session, patient, now)

    def park(self, session: Session, patient: Patient, now: datetime) -> None:
        _end(self._open(session, patient), ExplorationState.UNRESOLVED, now)
        patient.asks = None

    # What keeps row and dialogue together

    def follow(self, session: Session, patient: Patient, now: datetime) -> None:
        """After a turn: what the dialogue asks no more about has been left. The answers stay."""
        row = explorations.unfinished(session, patient.id)
        if row and row.state == ExplorationState.OPEN and not (patient.asks or "").startswith(f"{FORM}."):
            _end(row, ExplorationState.LEFT, now)

    def step_aside(self, session: Session, patient: Patient, now: datetime) -> None:
        """Before a turn: a danger that came up in an exploration ends it."""
        row = explorations.unfinished(session, patient.id)
        if row is None or not concerns.risk_heard(session, patient.id, since=row.offered_at):
            return
        _end(row, ExplorationState.LEFT, now)
        if (patient.asks or "").startswith(f"{FORM}."):
            patient.asks = None

    def words(self, session: Session, patient: Patient, reply: Reply) -> list[Words]:
        """The class's own words in the place of a text of the dialogue; [] when it has none."""
        row = explorations.latest(session, patient.id)
        if row is None:
            return []
        words = self._words.instead_of(reply, row)
        if reply.response == "utter_ask_explore_expected":
            return [*self._experiments.last_time(session, patient, row.belief), *(words or [plain(reply)])]
        return words

    def _open(self, session: Session, patient: Patient) -> Exploration:
        row = explorations.unfinished(session, patient.id)
        if row is None or row.state != ExplorationState.OPEN:
            raise EffectRefused("utter_refused_no_exploration")
        return row

    def _end_unfinished(self, session: Session, patient: Patient, now: datetime) -> None:
        if row := explorations.unfinished(session, patient.id):
            _end(row, ExplorationState.LEFT, now)


def _end(row: Exploration, state: ExplorationState, now: datetime) -> None:
    row.state, row.ended_at = state, now
    logger.info("exploration_ended", extra={"belief": row.belief, "state": state.value})


def _take(row: Exploration, name: str, said: Any) -> None:
    """An unset slot is no answer, and takes none back; a skipped one does."""
    if said != UNSET:
        setattr(row, name, "" if said == answers.SKIPPED else said)


def _score(said: str) -> int | None:
    return int(said) if said.isdecimal() else None
