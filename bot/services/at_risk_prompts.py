"""What the at-risk rules want said or asked: the weekly question, a note after silence, an offer. Buttons, no Rasa.

The row is the truth: planned → sent → answered, skipped or lapsed. Its limits are those of every prompt (`Prompts`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import schedule
from bot.coaching.at_risk import Hit
from bot.content import Choice, Library, Words
from bot.services.checkins import CheckIns
from bot.services.escalation import Escalation
from bot.services.outgoing import Outgoing
from bot.services.prompts import Prompts
from bot.services.safety import Safety
from bot.services.trail import trail
from data import at_risk, checkins, evidence
from data.at_risk import AtRiskPrompt, PromptState
from data.database import Database
from data.patients import Patient, PatientState
from data.programme import week_of

logger = logging.getLogger(__name__)

BATCH = 50  # prompts a tick
AGAIN_AFTER = timedelta(minutes=10)  # what went wrong is tried again
SKIP, MODULE = "skip", "module"
OWN, FOLLOW = "own", "follow"  # what a row asks: its own question, or the one that followed from the answer
KIND = "at_risk"  # of what its buttons are bound to: "at_risk.12.own"


class AtRiskPrompts:
    """Methods that take `session` run in the caller's transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        prompts: Prompts,
        safety: Safety,
        escalation: Escalation,
        check_ins: CheckIns,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._prompts = prompts
        self._safety = safety
        self._escalation = escalation
        self._check_ins = check_ins

    # Planning

    def plan(self, session: Session, patient: Patient, name: str, hit: Hit, now: datetime, **values: Any) -> None:
        """Once for the cause of the hit; a question that was asked lately is not asked again."""
        spec = self._spec(name)
        today = schedule.local_day(now, patient.time_zone)
        if "again_after" in spec:
            rest = timedelta(days=int(spec["again_after"]["value"]))
            rows = at_risk.prompts_of(session, [patient.id]).get(patient.id, [])
            if any(row.name == name and today - row.on < rest for row in rows):
                return
        prompt = AtRiskPrompt(
            patient_id=patient.id, name=name, cause=hit.fired.cause, rule=hit.rule.id, due_at=now, on=today,
            values={**_plain(hit.fired.values), "level": hit.fired.level, **values},
        )  # fmt: skip
        at_risk.plan_prompt(session, prompt)

    def plan_question(self, session: Session, patient: Patient, heard_at: datetime | None, now: datetime) -> None:
        """The question of this week, on its day: one a week, in rotation; none for who has been silent for days."""
        if heard_at is None or now - heard_at > timedelta(days=self._number("question_rests_after")):
            return
        week = week_of(patient, now)
        if not self._number("question_from_week") <= week <= self._number("question_until_week"):
            return
        today = schedule.local_day(now, patient.time_zone)
        joined = schedule.local_day(patient.enrolled_at or now, patient.time_zone)
        if (today - joined).days % 7 + 1 != self._number("question_on_day"):
            return
        rotation = self._library.value("at_risk.rotation")
        name = rotation[(week - int(self._number("question_from_week"))) % len(rotation)]
        after = timedelta(minutes=self._number("question_after_check_in"))
        due_at = (
            schedule.instant_on(today, patient.time_zone, patient.check_in_at) + after if patient.check_in_at else now
        )
        prompt = AtRiskPrompt(
            patient_id=patient.id, name=name, cause=f"week {week}", due_at=max(now, due_at), on=today, values={"week": week}
        )  # fmt: skip
        at_risk.plan_prompt(session, prompt)

    # The tick

    def send_due(self) -> int:
        """At most `BATCH` prompts. Returns how many it looked at."""
        now = self._clock.now()
        with self._database.transaction() as session:
            due = at_risk.claim_prompts(session, now, most=BATCH)
            for row in due:
                try:
                    with session.begin_nested():
                        self._look_at(session, session.get_one(Patient, row.patient_id), row, now)
                except Exception as error:  # it holds up nobody else, and is tried again
                    logger.error("at_risk_prompt_failed", extra=trail(error, prompt=row.id))
                    row.due_at = now + AGAIN_AFTER
            return len(due)

    def _look_at(self, session: Session, patient: Patient, row: AtRiskPrompt, now: datetime) -> None:
        if row.state == PromptState.SENT:
            self._lapse(session, row, now)
            return
        planned = schedule.instant_on(row.on, patient.time_zone, datetime.min.time())
        too_late = now - planned > timedelta(days=self._number("prompt_lapses_after"))
        if too_late or not self._is_fitting(session, patient, row):
            _end(row, PromptState.DROPPED, now)
        elif wait_until := self._prompts.look_again(session, patient, now):
            row.due_at = max(wait_until, now + timedelta(minutes=1))
        else:
            self._send(session, patient, row, now)

    def _is_fitting(self, session: Session, patient: Patient, row: AtRiskPrompt) -> bool:
        """Who has written since is not silent any more; who has paused or left is left in peace."""
        if patient.state != PatientState.ACTIVE:
            return False
        if row.rule == "" or not row.cause.startswith("since "):
            return True
        heard = evidence.heard_at(session, [patient.id]).get(patient.id) or patient.enrolled_at
        return heard is None or row.cause == f"since {schedule.local_day(heard, patient.time_zone)}"

    def _send(self, session: Session, patient: Patient, row: AtRiskPrompt, now: datetime) -> None:
        spec = self._spec(row.name)
        words = [self._words(session, patient, row, now)]
        asks: str | None = None
        if isinstance(spec.get("opens"), list):  # with answers it is by answer: it opens when one comes
            words += self._safety.ask_sets(session, patient, spec["opens"], now=now, then=spec.get("then"))
            asks = self._safety.asks(session, patient)
        row.sent_at = now
        if spec.get("answers"):
            row.state, row.asks = PromptState.SENT, OWN
            row.due_at = now + timedelta(hours=self._number("question_open"))
            asks = self._asks(row)
        else:
            _end(row, PromptState.DONE, now)
        if spec.get("pauses"):
            patient.state, patient.paused_until = PatientState.PAUSED, None
            self._check_ins.cancel_open(session, patient, now)
        self._prompts.send(session, patient, words, key=f"at_risk:{row.id}", now=now, asks=asks)
        logger.info("at_risk_prompt_sent", extra={"prompt": row.name, "rule": row.rule})

    def _lapse(self, session: Session, row: AtRiskPrompt, now: datetime) -> None:
        """Not answered: nothing is known. An answer whose second question was left open counts as far as it goes."""
        answered = row.answer is not None
        _end(row, PromptState.DONE if answered else PromptState.LAPSED, now)
        if answered:
            at_risk.look_now(session, row.patient_id, f"questions/{row.name}", now)

    # Answers

    def still_asked(self, session: Session, patient: Patient, asks: str) -> bool:
        """Whether a button bound to `asks` still answers something of this patient."""
        row = self._bound(session, patient, asks)
        return row is not None and row.state == PromptState.SENT and self._asks(row) == asks

    def answer(
        self, session: Session, patient: Patient, said: str, *, asks: str | None, key: str, now: datetime
    ) -> bool:
        """A tap, or the name of a button typed under its question; False when it is neither."""
        row = self._bound(session, patient, asks) if asks else self._typed_to(session, patient, now)
        if row is None or row.state != PromptState.SENT or not said:
            return False
        code = self._code(session, patient, row, said, now)
        if code is None:
            return False
        words, bound = self._take(session, patient, row, code, now)
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now, asks=bound)
        return True

    def _take(
        self, session: Session, patient: Patient, row: AtRiskPrompt, code: str, now: datetime
    ) -> tuple[list[Words], str | None]:
        """The words that follow, and what their buttons answer."""
        spec = self._spec(row.name)
        if code == SKIP:
            if row.answer is None:
                _end(row, PromptState.SKIPPED, now)
            else:
                self._answered(session, row, now)
            return [self._library.say("utter_at_risk_skipped")], None
        if row.asks == FOLLOW:
            row.detail = code
        else:
            row.answer = code
            if code in (spec.get("follow") or {}):
                row.asks, row.due_at = FOLLOW, now + timedelta(minutes=self._number("follow_open"))
                return [self._library.say(spec["follow"][code])], self._asks(row)
        self._answered(session, row, now)
        return self._closing(session, patient, row, spec, now)

    def _answered(self, session: Session, row: AtRiskPrompt, now: datetime) -> None:
        _end(row, PromptState.DONE, now)
        at_risk.look_now(session, row.patient_id, f"questions/{row.name}", now)

    def _closing(
        self, session: Session, patient: Patient, row: AtRiskPrompt, spec: Mapping[str, Any], now: datetime
    ) -> tuple[list[Words], str | None]:
        says, code = spec.get("says") or {}, row.answer or ""
        words: list[Words] = []
        if response := says.get(code, says.get("default")):
            variation = int(row.values.get("week", 0))
            words.append(self._library.say(response, variation=variation, **self._safety.numbers(patient)))
        for name in (spec.get("then_by_answer") or {}).get(code, []):
            follows = self._at_once(session, patient, name, row, now)
            return [*words, self._words(session, patient, follows, now)], self._asks(follows)
        if sets := (spec.get("opens") or {}).get(code):
            words += self._safety.ask_sets(session, patient, sets, now=now)
            return words, self._safety.asks(session, patient)
        return words, None

    def _at_once(self, session: Session, patient: Patient, name: str, row: AtRiskPrompt, now: datetime) -> AtRiskPrompt:
        """What follows from an answer comes in the reply: the patient is here."""
        follows = AtRiskPrompt(
            patient_id=patient.id, name=name, cause=f"after {row.id}", rule=row.rule, due_at=now, on=row.on,
            state=PromptState.DONE, sent_at=now, ended_at=now,
        )  # fmt: skip
        at_risk.plan_prompt(session, follows)
        session.flush()
        return follows

    def _code(self, session: Session, patient: Patient, row: AtRiskPrompt, said: str, now: datetime) -> str | None:
        plain = said.strip().casefold()
        for choice in self._question(session, patient, row, now).choices:
            if plain in (choice.says.casefold(), choice.label.casefold()) and not choice.says.startswith("/"):
                return choice.says
        return SKIP if plain == SKIP else None

    def _question(self, session: Session, patient: Patient, row: AtRiskPrompt, now: datetime) -> Words:
        if row.asks == FOLLOW:
            return self._library.say(self._spec(row.name)["follow"][row.answer])
        return self._words(session, patient, row, now)

    # Small parts

    def _words(self, session: Session, patient: Patient, row: AtRiskPrompt, now: datetime) -> Words:
        """Filled with what it is about; a button that opens a module knows which."""
        spec = self._spec(row.name)
        values = {**self._safety.numbers(patient), **row.values, **self._named(session, patient, row)}
        values["physio_when"] = self._escalation.when_seen(session, patient, self._level_of(row), now)
        variation = int(row.values.get("week", row.id or 0))
        words = self._library.say(spec["response"], variation=variation, **values)
        if module := spec.get("module"):
            effect = {"module": module}
            opens = {MODULE: "/open_module", SKIP: "/module_not_now"}
            choices = tuple(
                Choice(each.label, says=opens.get(each.says, each.says), effect=effect) for each in words.choices
            )
            return replace(words, choices=choices)
        return words

    def _level_of(self, row: AtRiskPrompt) -> str:
        """Of the alert behind it, for the words that say when somebody will look."""
        return str(row.values.get("level") or "P2")

    def _named(self, session: Session, patient: Patient, row: AtRiskPrompt) -> dict[str, str]:
        """The big days and what was done on them, in the patient's own words."""
        booms = [datetime.fromisoformat(day).date() for day in row.values.get("booms", [])]
        if not booms:
            return {}
        _, _, names = evidence.minutes(session, [patient.id], min(booms), max(booms)).get(patient.id, ({}, {}, {}))
        named = list(dict.fromkeys(name for day in booms for name in names.get(day, [])))
        unnamed = self._library.say("utter_at_risk_big_days_unnamed").text
        days = self._library.say("utter_at_risk_big_days", count=len(booms)).text
        return {"big_days": days, "activities": ", ".join(named) or unnamed}

    def _typed_to(self, session: Session, patient: Patient, now: datetime) -> AtRiskPrompt | None:
        """The question that stands last in the chat, while a typed answer can only mean it."""
        row = at_risk.asking(session, patient.id)
        if row is None or row.sent_at is None or patient.asks:
            return None
        if now - row.sent_at > timedelta(hours=self._number("typed_within")):
            return None
        asked = self._spec(row.name)
        responses = {asked["response"], *(asked.get("follow") or {}).values()}
        last = checkins.last_said(session, patient.id, most=1)
        return row if last and responses & set(last[0][1].split(",")) else None

    def _bound(self, session: Session, patient: Patient, asks: str) -> AtRiskPrompt | None:
        kind, _, rest = asks.partition(".")
        number = rest.partition(".")[0]
        return at_risk.prompt(session, patient.id, int(number)) if kind == KIND and number.isdecimal() else None

    def _asks(self, row: AtRiskPrompt) -> str | None:
        return f"{KIND}.{row.id}.{row.asks}" if row.asks else None

    def _spec(self, name: str) -> Mapping[str, Any]:
        declared = self._library.protocol["at_risk"]
        found: Mapping[str, Any] = declared["prompts"].get(name) or declared["questions"][name]
        return found

    def _number(self, name: str) -> float:
        return self._library.number(f"at_risk.{name}")


def _end(row: AtRiskPrompt, state: PromptState, now: datetime) -> None:
    row.state, row.ended_at, row.asks = state, now, None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold."""
    return {name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
            for name, value in values.items()}  # fmt: skip
