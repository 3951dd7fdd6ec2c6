"""A person at risk reaches a human, or the alert climbs until one is reached. Nothing here waits for anything."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.clock import Clock
from bot.coaching import policy
from bot.coaching.alerts import Move, after, before, is_worse, told_codes, told_so_far, worst_level, worst_severity
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused, StaleAction
from bot.services.at_risk_card import CaseLines
from bot.services.cards import Cards
from bot.services.ladder import Ladder, record
from bot.services.outgoing import Outgoing
from bot.services.rota import Rotas
from data import alerts, at_risk, audit, concerns, physios
from data.alerts import Alert, AlertState
from data.at_risk import AtRiskFinding
from data.database import Database
from data.outbox import Channel
from data.patients import Patient, PatientState
from data.physios import Physio

log = logging.getLogger(__name__)

PAUSES = "P0"
HOLD_PROGRESSION = ("P0", "P1")


class Escalation:
    """Raises, climbs, owns and closes alerts. Each move is one conditional update, audited."""

    def __init__(self, database: Database, clock: Clock, library: Library, outgoing: Outgoing) -> None:
        """Raises ContentError when the policy in dialogues/ can't work."""
        self._database = database
        self._clock = clock
        self._library = library
        self._outgoing = outgoing
        self.cards = Cards(library)
        self.rotas = Rotas()
        self._ladder = Ladder(self.cards, outgoing, self.rotas)
        self._policy_now()
        self._case = CaseLines(library)

    # --- raising ---

    def raise_alert(
        self,
        session: Session,
        patient: Patient,
        *,
        cause: str,
        severity: str,
        level: str,
        told: str,
        message_id: int | None,
        now: datetime,
        finding: AtRiskFinding | None = None,
    ) -> Alert:
        """A new alert, or a new message of the one that is not closed: either way a human is told at once.

        The same message may be heard by the rules and again by the model: that counts once, unless it got worse.
        An at-risk rule that fires again adds nothing to its open alert, unless the level is higher: that supersedes.
        A P0 pauses coaching until it is closed.
        `finding`: what an at-risk rule has found, for the card.
        """
        alerts.lock_patient(session, patient)
        finding = finding or self._case.event(session, patient, cause, level, now)
        news = Alert(
            reference="", patient_id=patient.id, cause=cause, severity=severity, level=level, told=told,
            message_id=message_id, raised_at=now, last_raised_at=now, next_step_at=now, policy=self._policy_now(),
        )  # fmt: skip
        alert = alerts.unclosed_of(session, patient, cause)
        if level == PAUSES:
            _pause(patient, cause, now)
        if alert and (_already_counted(alert, news) or self._adds_nothing(alert, news)):
            return alert
        if alert and self._join(session, alert, news, now, finding):
            return alert
        alert = alerts.add(session, news)
        _attach(session, finding, alert)
        record(session, alert, "alert_raised", by="system", now=now, level=level, severity=severity, cause=cause)
        self._ladder.climb(session, alert, "utter_card_raised", due_at=now, now=now)
        return alert

    def _adds_nothing(self, alert: Alert, news: Alert) -> bool:
        """A rule, not a message: its open alert has been sent, and stays with whoever has it."""
        said = self.cards.is_red_flag(news) or news.cause in self._library.value("escalation.each_message_counts")
        return not said and news.level >= alert.level

    def raise_declared(
        self, session: Session, patient: Patient, rule: str, *, message_id: int | None, now: datetime
    ) -> Alert:
        """An alert that is no red flag, as dialogues/protocol/escalation.yml declares it."""
        declared = self._library.protocol["escalation"][rule]
        return self.raise_alert(
            session, patient, cause=declared["cause"], severity=declared["severity"], level=declared["level"], told="",
            message_id=message_id, now=now,
        )  # fmt: skip

    def _join(self, session: Session, alert: Alert, news: Alert, now: datetime, finding: AtRiskFinding | None) -> bool:
        """A new message: whoever had the alert, it is open again from the first rung. False when it was just closed."""
        owner = physios.get(session, alert.acknowledged_by)
        joined = alerts.move(
            session,
            alert,
            states=before(Move.RAISE_AGAIN),
            state=after(Move.RAISE_AGAIN),
            severity=worst_severity(alert.severity, news.severity),
            level=worst_level(alert.level, news.level),
            told=told_so_far(alert.told, news.told),
            message_id=news.message_id or alert.message_id,
            times_raised=alert.times_raised + 1,
            last_raised_at=now,
            acknowledged_by=None,
            acknowledged_at=None,
            rung=0,
            step=Alert.step + 1,
            next_step_at=now,
            unreachable_since=None,
        )
        if joined:
            _attach(session, finding, alert)
            record(
                session, alert, "alert_raised_again", by="system", now=now, times=alert.times_raised,
                level=alert.level, severity=alert.severity, taken_from=owner.id if owner else None,
            )  # fmt: skip
            if owner:
                self._ladder.mark_copies(session, alert, "utter_card_open_again", now)
            self._ladder.climb(session, alert, "utter_card_again", due_at=now, now=now, also=owner)
        return joined

    # --- climbing ---

    def escalate_overdue(self) -> int:
        """Takes every overdue step once, the worst level first, also those that came due while we were down.

        Several processes may do this at once: the fence in `Ladder.climb` gives each step to one of them. One alert
        that fails must not hold up the others; it stays due and is tried on the next tick.
        """
        now = self._clock.now()
        with self._database.transaction() as session:
            due = alerts.due(session, now)
        taken = 0
        for alert_id in due:
            try:
                taken += self._catch_up(alert_id, now)
            except Exception:
                log.exception("alert_step_failed", extra={"alert_id": alert_id})
        return taken

    def _catch_up(self, alert_id: int, now: datetime) -> int:
        """All overdue steps of one alert, in order, in one transaction."""
        taken = 0
        with self._database.transaction() as session:
            while (alert := alerts.get(session, alert_id)) and alert.next_step_at and alert.next_step_at <= now:
                if not self._ladder.take_step(session, alert, due_at=alert.next_step_at, now=now):
                    break
                taken += 1
        return taken

    # --- acting ---

    def acknowledge(
        self, session: Session, alert_id: int, physio: Physio, now: datetime, *, seen: int | None = None
    ) -> Alert:
        """One owner, who has until the policy's deadline to close it. `seen`: how often it had been raised on the card.

        Raises StaleAction for everybody but the first, and for a card older than the patient's latest message.
        """
        alert = self._known(session, alert_id, physio)
        if not self._own(session, alert, Move.ACKNOWLEDGE, physio, now, seen_raised=seen):
            raise self._too_late(session, alert, physio)
        record(
            session, alert, "alert_acknowledged", by=_by(physio), now=now, owner=physio.id,
            next_step_at=alert.next_step_at,
        )  # fmt: skip
        self._hand_over(session, alert, physio, now)
        self._ladder.mark_copies(session, alert, "utter_card_acknowledged", now, by=physio.name)
        return alert

    def assign(
        self, session: Session, alert_id: int, to: Physio, physio: Physio, now: datetime, *, seen: int | None = None
    ) -> Alert:
        """`physio` gives it to a colleague of the same service, whose deadline begins now.

        Raises EffectRefused for somebody who can't have it, StaleAction when it was closed or raised since.
        """
        alert = self._known(session, alert_id, physio)
        if to.left_at or to.service_id != physio.service_id or not physios.reachable(to, now):
            raise EffectRefused("utter_refused_colleague", name=to.name)
        if not self._own(session, alert, Move.ASSIGN, to, now, seen_raised=seen):
            raise self._too_late(session, alert, physio)
        record(
            session, alert, "alert_assigned", by=_by(physio), now=now, owner=to.id, next_step_at=alert.next_step_at
        )  # fmt: skip
        self._hand_over(session, alert, to, now, given_by=None if to.id == physio.id else physio.name)
        self._ladder.mark_copies(session, alert, "utter_card_assigned", now, by=physio.name, to=to.name)
        return alert

    def _own(
        self, session: Session, alert: Alert, move: Move, owner: Physio, now: datetime, *, seen_raised: int | None
    ) -> bool:
        """The one update that decides who has it. False: somebody was first."""
        deadline = policy.of(alert.policy, alert.level).acknowledged_for
        hours = self.rotas.hours(session, owner.service_id)
        return alerts.move(
            session,
            alert,
            states=before(move),
            seen_raised=seen_raised,
            state=after(move),
            acknowledged_by=owner.id,
            acknowledged_at=now,
            next_step_at=deadline.after(now, hours),
            step=Alert.step + 1,
            unreachable_since=None,
        )

    def _hand_over(
        self, session: Session, alert: Alert, owner: Physio, now: datetime, *, given_by: str | None = None
    ) -> None:
        """Cards on their way are no longer wanted; the owner hears until when they have it."""
        alerts.drop_unsent(session, alert)
        key = f"alert:{alert.id}:{alert.step}:{owner.id}"
        words = self.cards.yours(alert, due_at=alert.next_step_at or now, now=now, given_by=given_by)
        code = self._ladder.code(session, alert)
        self._outgoing.alert_to_physio(session, owner, [words], key=key, now=now, alert=alert, code=code)

    def close(
        self, session: Session, alert_id: int, physio: Physio, outcome: str, now: datetime, *, seen: int | None = None
    ) -> Alert:
        """Ends it, with a coded outcome; the patient's coaching goes on when no other safety event is open.

        Raises EffectRefused for an unknown outcome, StaleAction when it was closed before or raised since.
        """
        if outcome not in self.cards.outcomes():
            raise EffectRefused("utter_refused_outcome")
        alert = self._known(session, alert_id, physio)
        patient = session.get(Patient, alert.patient_id)
        if patient:
            alerts.lock_patient(session, patient)  # no new alert comes between the closing and the release
            session.refresh(patient)
        closed = alerts.move(
            session,
            alert,
            states=before(Move.CLOSE),
            seen_raised=seen,
            state=after(Move.CLOSE),
            closed_by=physio.id,
            closed_at=now,
            outcome=outcome,
            next_step_at=None,
            step=Alert.step + 1,
            unreachable_since=None,
        )
        if not closed:
            raise self._too_late(session, alert, physio)
        record(session, alert, "alert_closed", by=_by(physio), now=now, outcome=outcome)
        alerts.drop_unsent(session, alert)
        alerts.end_follow_ups(session, alert, now)
        label = self.cards.outcomes()[outcome]
        self._ladder.mark_copies(session, alert, "utter_card_closed", now, by=physio.name, outcome=label)
        if patient:
            self._release(session, alert, patient, physio, now)
        return alert

    def _release(self, session: Session, alert: Alert, patient: Patient, physio: Physio, now: datetime) -> None:
        """Coaching goes on: no safety event of this patient is open any more."""
        held = patient.held_since is not None or patient.quiet_until is not None
        if not held or alerts.others_unclosed(session, alert, level=PAUSES):
            return
        patient.held_since = patient.held_for = patient.quiet_until = patient.asks = None
        concerns.close_question(session, patient.id)  # a clinician has looked: nothing is left to be asked
        session.add(patient)
        record(session, alert, "hold_released", by=_by(physio), now=now)
        if not self.cards.discreet(alert) and patient.state != PatientState.WITHDRAWN:
            words = [self._library.say("utter_safety_cleared", **self._library.numbers(patient.nation))]
            words += self._offer(session, patient, now)
            key, asks = f"cleared:{alert.id}", f"resume.{alert.id}"
            self._outgoing.to_patient(
                session, patient, words, key=key, kind="safety", now=now, asks=asks, alert_id=alert.id
            )

    def _offer(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        """Coaching goes on now, later, or stays paused, as the patient likes; without an answer it goes on later."""
        if patient.state != PatientState.ACTIVE:
            return []
        patient.state = PatientState.PAUSED
        patient.paused_until = now + timedelta(days=self._library.number("escalation.resume_later"))
        offer = self._library.say("utter_resume_offer", days=int(self._library.number("escalation.resume_later")))
        choices = tuple(
            Choice(each.label, says="/resume_offer", effect={"choice": each.says}) for each in offer.choices
        )
        return [replace(offer, choices=choices)]

    def _too_late(self, session: Session, alert: Alert, physio: Physio) -> StaleAction:
        """What stands now, for the one who lost the race."""
        if alert.state == AlertState.OPEN:
            return StaleAction("utter_raised_again", reference=alert.reference)
        if alert.state == AlertState.ACKNOWLEDGED and alert.acknowledged_by == physio.id:
            return StaleAction("utter_already_yours", reference=alert.reference)
        what = self.cards.text(f"utter_what_{alert.state.value}")
        first = physios.get(session, alert.closed_by or alert.acknowledged_by)
        return StaleAction("utter_too_late", reference=alert.reference, by=first.name if first else "", what=what)

    # --- channels and words ---

    def channel_lost(self, session: Session, physio: Physio, now: datetime, channel: Channel = Channel.STAFF) -> None:
        """The physio's chat (403) or mailbox refuses our messages. Alerts whose card reached nobody climb at once."""
        if channel == Channel.EMAIL:
            since = physio.email_failed_at = physio.email_failed_at or now
        else:
            since = physio.blocked_at = physio.blocked_at or now
        what = "email_lost" if channel == Channel.EMAIL else "channel_lost"
        session.add(physio)
        session.flush()
        if not physios.channel_loss_recorded(session, physio, what, since):
            audit.record(session, what, by=_by(physio), now=now)
            log.warning(what, extra={"physio_id": physio.id})
        working = {each.id for each in physios.staff(session, physio.service_id) if physios.reachable(each, now)}
        for alert in alerts.unclosed(session, physio.service_id):
            if alert.state == AlertState.OPEN and not alerts.holders(session, alert) & working:
                self._ladder.climb(session, alert, None, due_at=now, now=now)

    def channel_back(self, session: Session, physio: Physio, now: datetime) -> None:
        """The physio's chat works (again)."""
        if physio.blocked_at is not None:
            physio.blocked_at = None
            session.add(physio)
            audit.record(session, "channel_restored", by=_by(physio), now=now)
        self.somebody_is_back(session, now)

    def somebody_is_back(self, session: Session, now: datetime) -> None:
        """What waited because nobody at all could be told is due on the next tick."""
        alerts.wake_unreachable(session, now)

    def when_seen(self, session: Session, patient: Patient, level: str, now: datetime) -> str:
        """When a person will look, in words for the patient; truthful when nobody on duty can be reached."""
        return self._ladder.when_seen(session, patient.service_id, level, now, zone=patient.time_zone)

    def holds_progression(self, session: Session, patient: Patient) -> bool:
        """An open P0 or P1: goals and quotas stay as they are, and nothing is made harder."""
        return alerts.has_unclosed(session, patient, HOLD_PROGRESSION)

    # --- small parts ---

    def show(self, session: Session, alert_id: int, physio: Physio, *, key: str, now: datetime) -> None:
        """A fresh card for one physio, who asked for it. Raises StaleAction when it is closed."""
        alert = self._known(session, alert_id, physio)
        if alert.state == AlertState.CLOSED:
            raise self._too_late(session, alert, physio)
        self._ladder.send(session, alert, "utter_card_shown", [physio], key=key, now=now)

    def line(self, session: Session, alert: Alert, now: datetime) -> str:
        """The alert as one line of the list."""
        patient, owner = self._ladder.code(session, alert), self._ladder.owner(session, alert)
        return self.cards.line(alert, patient=patient, owner=owner, now=now)

    def ask_outcome(self, session: Session, alert_id: int, physio: Physio) -> Words:
        """The question how it ended, with the coded outcomes as buttons. Raises StaleAction when it is closed."""
        alert = self._known(session, alert_id, physio)
        if alert.state == AlertState.CLOSED:
            raise self._too_late(session, alert, physio)
        return self.cards.ask_outcome(alert)

    def _known(self, session: Session, alert_id: int, physio: Physio) -> Alert:
        """The alert, when it is one of this physio's own service. Raises StaleAction else: others aren't even there."""
        alert = alerts.get(session, alert_id)
        if alert is None or self._ladder.service_of(session, alert) != physio.service_id:
            raise StaleAction("utter_alert_gone")
        return alert

    def _policy_now(self) -> dict[str, object]:
        return policy.snapshot(self._library.protocol.get("escalation", {}))


def _already_counted(alert: Alert, news: Alert) -> bool:
    """The same message, heard a second time: no worse than before, and the patient was told nothing new.

    An answer to a safety question refers to the message that led to it; when it brings other advice it is news.
    """
    return (
        news.message_id is not None
        and news.message_id == alert.message_id
        and set(told_codes(news.told)) <= set(told_codes(alert.told))
        and not is_worse(severity=news.severity, level=news.level, than_severity=alert.severity, than_level=alert.level)
    )


def _pause(patient: Patient, cause: str, now: datetime) -> None:
    """No form, no check-in, until the alert is closed; screening goes on."""
    patient.held_since, patient.held_for = patient.held_since or now, patient.held_for or cause
    patient.asks = None


def _attach(session: Session, finding: AtRiskFinding | None, alert: Alert) -> None:
    """Before the card is written: it shows what was found."""
    if finding is not None:
        finding.alert_id = alert.id
        at_risk.add_finding(session, finding)


def _by(physio: Physio) -> str:
    return f"physio:{physio.id}"
