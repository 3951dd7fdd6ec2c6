"""Safety: every word is screened, advice goes out at once, a human hears of it, and coaching stops until they looked.

Nothing here needs Rasa. The model may add a danger (`model_heard`); it can never take one away.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching.safety_questions import (
    NOT_SURE,
    Decision,
    Question,
    QuestionSet,
    answer_words,
    next_step,
    question_sets,
    read_answer,
    read_words,
)
from bot.coaching.screening import Finding, ScreeningRules, screen
from bot.content import Library, Words
from bot.errors import EffectRefused
from bot.rasa.turns import Parse
from bot.services.checkins import CheckIns
from bot.services.escalation import PAUSES, Escalation
from bot.services.hearing import merge, model_findings
from bot.services.outgoing import Outgoing
from data import at_risk, concerns, messages, patients, takeovers
from data.alerts import Alert
from data.concerns import RiskFlag, SafetyFollowUp, SafetyQuestion
from data.database import Database
from data.messages import Message
from data.outbox import Priority
from data.patients import Patient, PatientState

logger = logging.getLogger(__name__)


def screening_rules(library: Library) -> ScreeningRules:
    """The rule layer of this content. Raises ContentError when a lexicon is wrong: such content does not start."""
    return ScreeningRules.from_content(library.lexicons, library.safety["risks"])


class Safety:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        library: Library,
        outgoing: Outgoing,
        escalation: Escalation,
        check_ins: CheckIns,
        rules: ScreeningRules,
    ) -> None:
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self._escalation = escalation
        self._check_ins = check_ins
        self._rules = rules
        self._sets = question_sets(library.safety["questions"])
        self._after_advice_words = answer_words(library.safety["questions"]["answers"]["follow_up"])

    # ── hearing

    def screen(self, session: Session, patient: Patient, message: Message, now: datetime) -> bool:
        """Reads the words by rules, alone and joined with the quick pieces before. True when it answered them."""
        self._heard_from(session, patient, now)
        found = merge(screen(message.text, self._rules), self._joined(session, patient, message))
        return self._act(session, patient, found, message, now)

    def _heard_from(self, session: Session, patient: Patient, now: datetime) -> None:
        """Any word or tap of theirs: somebody is there, so the advice need not be repeated."""
        for follow_up in concerns.open_follow_ups(session, patient.id):
            follow_up.answered_at = now

    def model_heard(self, session: Session, patient: Patient, message: Message, parse: Parse, now: datetime) -> bool:
        """The second layer. A risk that this message has been answered for already is not answered twice."""
        found = [
            finding
            for finding in model_findings(parse, self._rules, self._library)
            if not concerns.risk_flagged(session, message.id, finding.risk)
        ]
        return self._act(session, patient, merge(found), message, now)

    def _joined(self, session: Session, patient: Patient, message: Message) -> list[Finding]:
        """Messages sent in quick pieces ("I can't feel" / "when I wipe") are one message to a reader.

        Only what needs advice at once: answers to three quick questions, read in a row, often sound like something.
        """
        since = message.at - timedelta(seconds=self._library.number("conversation.joined_within"))
        most = int(self._library.number("conversation.joined_pieces"))
        pieces = messages.recent_from(session, patient.id, since=since, most=most)
        if len(pieces) < 2 or pieces[-1].id != message.id:
            return []
        already = {
            finding.risk for earlier in pieces[:-1] for finding in screen(earlier.text, self._rules)
        }  # answered when it came
        joined = screen(" ".join(piece.text for piece in pieces), self._rules)
        return [finding for finding in joined if finding.action == "advise" and finding.risk not in already]

    def _act(self, session: Session, patient: Patient, found: list[Finding], message: Message, now: datetime) -> bool:
        """Advice before a question, a question before the line for somebody else."""
        key = f"{message.key}:safety"
        advise = [finding for finding in found if finding.action == "advise"]
        ask = [finding for finding in found if finding.action == "ask" and finding.question_set]
        if advise:
            self._flag(session, patient, [*advise, *ask], message.id, now)
            self._advise(session, patient, advise, message.id, key=key, now=now)
            return True
        if ask:
            self._flag(session, patient, ask, message.id, now)
            return self._ask(session, patient, ask, message, key=key, now=now)
        if any(finding.action == "other" for finding in found):
            names = dict.fromkeys(name for finding in found for name in finding.responses)
            words = [self._library.say(name, **self.numbers(patient)) for name in names]
            self._say(session, patient, words, key=key, now=now)
            return True
        return False

    def _ask(
        self, session: Session, patient: Patient, found: Sequence[Finding], message: Message, *, key: str, now: datetime
    ) -> bool:
        """Opens the questions; behind one that is open already they wait, and the message is heard as its answer."""
        is_open = concerns.question(session, patient.id) is not None
        sets = [finding.question_set or "" for finding in found]
        words = self._open(session, patient, sets, message_id=message.id, heard=True, now=now)
        if is_open:
            return False
        self._say(session, patient, words, key=key, now=now)
        return True

    def _flag(
        self, session: Session, patient: Patient, found: Sequence[Finding], message_id: int | None, now: datetime
    ) -> None:
        session.add_all(
            RiskFlag(
                patient_id=patient.id,
                message_id=message_id,
                risk=finding.risk,
                severity=finding.severity,
                action=finding.action,
                layer=finding.layer,
                at=now,
            )
            for finding in found
        )

    # ── advice

    def _advise(
        self,
        session: Session,
        patient: Patient,
        found: Sequence[Finding],
        message_id: int | None,
        *,
        key: str,
        now: datetime,
        asks_next: Sequence[str] | None = None,
        silent: bool = False,
    ) -> None:
        """The advice, the alert and the end of coaching, in one transaction.

        A stranger gets the advice alone: no physio is responsible for them yet, or could find them.
        """
        concerns.close_question(session, patient.id)
        words = self._fixed_texts(patient, found)
        if asks_next is None:
            asks_next = [name for finding in found if (name := self._rules.risks[finding.risk].asks_after)]
        if asks_next:
            words += self._open(session, patient, asks_next, message_id=message_id, heard=True, now=now)
        if not silent:
            self._say(session, patient, words, key=key, now=now)
        if patient.state == PatientState.STRANGER:
            return
        alerts = [self._alert(session, patient, finding, message_id, now) for finding in found]
        hours = self._library.number("at_risk.rules.AR04.when.after_flag.hours")
        at_risk.look_now(session, patient.id, "messages", now + timedelta(hours=hours))  # silence after a flag
        if any(alert.level == PAUSES for alert in alerts):
            self._hold(session, patient, found, now)
        minutes = self._rules.risks[found[0].risk].follow_up_minutes
        session.add(
            SafetyFollowUp(
                patient_id=patient.id,
                alert_id=alerts[0].id,
                risk=found[0].risk,
                responses=",".join(found[0].responses),
                symptom=found[0].symptom,
                due_at=now + timedelta(minutes=minutes) if minutes is not None else None,
            )
        )

    def _fixed_texts(self, patient: Patient, found: Sequence[Finding]) -> list[Words]:
        """The texts of the dangers heard, gravest first, each once."""
        values = self.numbers(patient)
        return list(
            {
                name: self._library.say(name, **values, symptom=finding.symptom)
                for finding in reversed(found)
                for name in reversed(finding.responses)
            }.values()
        )[::-1]

    def _alert(
        self, session: Session, patient: Patient, finding: Finding, message_id: int | None, now: datetime
    ) -> Alert:
        return self._escalation.raise_alert(
            session,
            patient,
            cause=finding.risk,
            severity=finding.severity,
            level=self._level(finding.severity, finding.risk),
            told=",".join(finding.responses),
            message_id=message_id,
            now=now,
        )

    def _level(self, severity: str, risk: str | None = None) -> str:
        """P0–P3: by what the patient was told, and never lower than the risk itself is listed at."""
        levels = [str(self._library.value(f"safety.level_of.{severity}"))]
        if risk:
            levels.append(self._rules.risks[risk].level)
        return min(levels)

    def _hold(self, session: Session, patient: Patient, found: Sequence[Finding], now: datetime) -> None:
        """A P0: coaching stops, no form, no check-in, until a physio closes the alert. A lower level lets it go on."""
        patient.held_since = patient.held_since or now
        patient.held_for = found[0].risk
        patient.asks = None
        days = max(self._rules.risks[finding.risk].quiet_days for finding in found)
        if days:
            patient.quiet_until = max(patient.quiet_until or now, now + timedelta(days=days))
        self._check_ins.cancel_open(session, patient, now)

    def held(self, patient: Patient) -> Words:
        return self._library.say("utter_safety_held", **self.numbers(patient))

    def numbers(self, patient: Patient) -> dict[str, Any]:
        """Who to call where the patient lives: values for the placeholders of every text."""
        return self._library.numbers(patient.nation)

    # ── questions

    def open_set(
        self,
        session: Session,
        patient: Patient,
        name: str,
        *,
        message_id: int | None,
        now: datetime,
        then: str | None = None,
    ) -> list[Words]:
        """Opens a question set that everybody is asked; the words of its first question. `then`: what goes on after."""
        if name not in self._sets:
            raise EffectRefused("utter_effect_failed")
        patient.next_safety_screen_at = now + timedelta(days=self._library.number("safety.screen_every"))
        return self._open(session, patient, [name], message_id=message_id, heard=False, now=now, then=then)

    def ask_sets(
        self, session: Session, patient: Patient, names: Sequence[str], *, now: datetime, then: str | None = None
    ) -> list[Words]:
        """Opens question sets because figures or an answer call for them: silence counts as "not sure", as after words."""
        return self._open(session, patient, names, message_id=None, heard=True, now=now, then=then)

    def asks(self, session: Session, patient: Patient) -> str | None:
        """What is being asked: "safety.cauda_equina.feeling"; None when nothing is."""
        row = concerns.question(session, patient.id)
        step = self._next(row) if row else None
        return f"safety.{row.question_set}.{step.id}" if row and isinstance(step, Question) else None

    def answer(self, session: Session, patient: Patient, text: str, *, message: Message, now: datetime) -> bool:
        """Takes a tap or typed words to answer the open question. False when none is open, and for a command."""
        self._heard_from(session, patient, now)
        key = f"{message.key}:answer"
        row = concerns.question(session, patient.id)
        if row is None:
            return self._after_advice(session, patient, text, key=key, now=now)
        if not text or text.startswith("/"):
            return False
        questions = self._sets[row.question_set]
        given = read_answer(questions, text)
        if given is None and row.misses < self._library.number("safety.misses_allowed"):
            row.misses += 1
            words = [self._library.say("utter_safety_question_again"), *self._question(patient, row)]
            self._say(session, patient, words, key=key, now=now)
            return True
        self._take(session, patient, row, given or NOT_SURE, message.id, key=key, now=now)
        return True

    def _take(
        self,
        session: Session,
        patient: Patient,
        row: SafetyQuestion,
        given: str,
        message_id: int | None,
        *,
        key: str,
        now: datetime,
    ) -> None:
        """One answer: the next question, or what the answers have decided."""
        step = self._next(row)
        if isinstance(step, Question):
            row.answers = {**row.answers, step.id: given}
            row.misses, row.asked_at = 0, now
            step = self._next(row)
        if isinstance(step, Question):
            self._say(session, patient, self._question(patient, row), key=key, now=now)
            return
        self._decided(session, patient, row, step, message_id, key=key, now=now)

    def _decided(
        self,
        session: Session,
        patient: Patient,
        row: SafetyQuestion,
        decision: Decision,
        message_id: int | None,
        *,
        key: str,
        now: datetime,
        silent: bool = False,
    ) -> None:
        told = Finding(
            decision.risk, decision.severity, "advise", "question", because=decision.because,
            responses=decision.responses, symptom=decision.symptom,
        )  # fmt: skip
        waiting, then = list(row.waiting), row.then
        concerns.close_question(session, patient.id)
        action = {"advise": "advise", "note": "noted", "clear": "cleared"}[decision.outcome]
        session.add(
            RiskFlag(
                patient_id=patient.id, message_id=row.message_id, risk=decision.risk, severity=decision.severity,
                action=action, layer="question", at=now,
            )
        )  # fmt: skip
        if decision.outcome == "advise":
            self._advise(
                session, patient, [told], row.message_id, key=key, now=now, asks_next=decision.asks_next, silent=silent
            )
            return
        words = self._fixed_texts(patient, [told])
        following = [*decision.asks_next, *waiting]
        if following:
            words += self._open(session, patient, following, message_id=row.message_id, heard=True, now=now, then=then)
        elif then:
            patient.then = then
        if decision.outcome == "note" and patient.state != PatientState.STRANGER:
            self._escalation.raise_alert(
                session, patient, cause=decision.risk, severity=decision.severity,
                level=self._level(decision.severity), told=",".join(decision.responses), message_id=row.message_id, now=now,
            )  # fmt: skip
        self._say(session, patient, words, key=key, now=now)

    def _after_advice(self, session: Session, patient: Patient, text: str, *, key: str, now: datetime) -> bool:
        """ "I'm doing this now", "I can't": what somebody says to the advice they got."""
        if patient.held_since is None or not text:
            return False
        said = read_words(self._after_advice_words, text)
        follow_up = concerns.last_follow_up(session, patient.id)
        if said is None or follow_up is None:
            return False
        follow_up.answer, follow_up.answered_at = said, now
        names = self._library.safety["questions"]["follow_up"][said]["responses"]
        self._say(
            session, patient, [self._library.say(name, **self.numbers(patient)) for name in names], key=key, now=now
        )
        return True

    def _open(
        self,
        session: Session,
        patient: Patient,
        names: Sequence[str],
        *,
        message_id: int | None,
        heard: bool,
        now: datetime,
        then: str | None = None,
    ) -> list[Words]:
        """Opens the first set and lets the others wait; the words of its intro and first question.

        `heard`: a danger was heard, so silence counts as "not sure" after the time of its risk.
        """
        names = list(dict.fromkeys(names))
        row = concerns.question(session, patient.id)
        if row is not None:
            row.waiting = [*row.waiting, *(name for name in names if name not in (row.question_set, *row.waiting))]
            return self._question(patient, row)
        questions = self._sets[names[0]]
        row = SafetyQuestion(
            patient_id=patient.id, question_set=questions.id, waiting=names[1:], then=then, heard=heard,
            message_id=message_id, asked_at=now, due_at=now + self._patience(questions, heard=heard),
        )  # fmt: skip
        session.add(row)
        session.flush()
        intro = [self._library.say(name, **self.numbers(patient)) for name in questions.intro]
        return [*intro, *self._question(patient, row)]

    def _patience(self, questions: QuestionSet, *, heard: bool) -> timedelta:
        minutes = self._rules.risks[questions.risk].follow_up_minutes if heard else None
        hours = self._library.number("safety.unanswered_after")
        return timedelta(minutes=minutes) if minutes is not None else timedelta(hours=hours)

    def _question(self, patient: Patient, row: SafetyQuestion) -> list[Words]:
        step = self._next(row)
        return [self._library.say(step.response, **self.numbers(patient))] if isinstance(step, Question) else []

    def _next(self, row: SafetyQuestion) -> Question | Decision:
        return next_step(self._sets[row.question_set], row.answers)

    # ── the tick

    def follow_up(self) -> int:
        """Repeats advice nobody answered, decides questions that met with silence, asks the monthly five."""
        now = self._clock.now()
        with self._database.transaction() as session:
            repeats = concerns.follow_ups_due(session, now)
            for follow_up in repeats:
                self._repeat(session, follow_up, now)
            silences = concerns.questions_due(session, now)
            for row in silences:
                self._silence(session, row, now)
            screens = patients.screens_due(session, now)
            for patient in screens:
                self._monthly(session, patient, now)
        return len(repeats) + len(silences) + len(screens)

    def _repeat(self, session: Session, follow_up: SafetyFollowUp, now: datetime) -> None:
        follow_up.repeated_at = now
        patient = patients.get(session, follow_up.patient_id)
        values = self.numbers(patient)
        words = [
            self._library.say(name, **values, symptom=follow_up.symptom)
            for name in ("utter_safety_repeat", *follow_up.responses.split(","))
        ]
        self._say(session, patient, words, key=f"followup:{follow_up.id}", now=now)

    def _silence(self, session: Session, row: SafetyQuestion, now: datetime) -> None:
        """After a danger was heard, silence is "not sure"; a routine question is put away and asked another day."""
        patient = patients.get(session, row.patient_id)
        if not row.heard:
            concerns.close_question(session, patient.id)
            patient.next_safety_screen_at = now + timedelta(days=self._library.number("safety.ask_again_after"))
            return
        questions = self._sets[row.question_set]
        row.answers = {each.id: row.answers.get(each.id, NOT_SURE) for each in questions.questions}
        step = self._next(row)
        assert isinstance(step, Decision)  # every question has its answer now
        key = f"silence:{patient.id}:{row.asked_at.isoformat()}"
        discreet = questions.risk in self._library.value("escalation.discreet")
        self._decided(session, patient, row, step, row.message_id, key=key, now=now, silent=discreet)

    def _monthly(self, session: Session, patient: Patient, now: datetime) -> None:
        """The five questions, by day and when nothing else is being asked."""
        busy = patient.asks or concerns.question(session, patient.id) or self._check_ins.open_for(session, patient)
        still = patient.held_since or (patient.quiet_until and patient.quiet_until > now)
        if busy or still or takeovers.open_of(session, patient.id) or self._check_ins.is_quiet(patient, now):
            patient.next_safety_screen_at = now + timedelta(hours=1)
            return
        words = self.open_set(session, patient, "cauda_equina", message_id=None, now=now)
        key = f"screen:{patient.id}:{now.date()}"
        self._say(session, patient, words, key=key, now=now, kind="safety_screen", priority=Priority.CHECK_IN)

    def _say(
        self,
        session: Session,
        patient: Patient,
        words: Sequence[Words],
        *,
        key: str,
        now: datetime,
        kind: str = "safety",
        priority: Priority = Priority.SAFETY,
    ) -> None:
        self._outgoing.to_patient(
            session,
            patient,
            words,
            key=key,
            kind=kind,
            priority=priority,
            asks=self.asks(session, patient),
            now=now,
        )
