"""One rung at a time: who is told of an alert now, with which card, and when the next rung comes."""

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.coaching import policy, schedule
from bot.coaching.alerts import Move, after, before
from bot.services.cards import Cards
from bot.services.outgoing import Outgoing
from bot.services.rota import Rotas
from data import alerts, at_risk, audit, outbox, patients, physios
from data.alerts import Alert, AlertState
from data.outbox import OutboxMessage, Priority
from data.patients import Patient
from data.physios import Physio, PhysioRole

log = logging.getLogger(__name__)


class Ladder:
    """Climbs the rungs of the policy that the alert was raised with; every climb is one conditional update."""

    def __init__(self, cards: Cards, outgoing: Outgoing, rotas: Rotas) -> None:
        self._cards = cards
        self._outgoing = outgoing
        self._rotas = rotas

    def take_step(self, session: Session, alert: Alert, *, due_at: datetime, now: datetime) -> bool:
        """The step that is due; False when another process took it."""
        if alert.state == AlertState.ACKNOWLEDGED:
            return self._reopen(session, alert, now)
        return self.climb(session, alert, None, due_at=due_at, now=now)

    def _reopen(self, session: Session, alert: Alert, now: datetime) -> bool:
        """Acknowledged, never closed: owning an alert does not stop its clock."""
        owner = physios.get(session, alert.acknowledged_by)
        reopened = alerts.move(
            session,
            alert,
            states=before(Move.REOPEN),
            seen_step=alert.step,
            state=after(Move.REOPEN),
            acknowledged_by=None,
            acknowledged_at=None,
            rung=0,
            step=Alert.step + 1,
            next_step_at=now,
        )
        if reopened:
            name, of = (owner.name, owner.id) if owner else ("", None)
            record(session, alert, "alert_reopened", by="system", now=now, taken_from=of)
            self.mark_copies(session, alert, "utter_card_open_again", now)
            self.climb(session, alert, "utter_card_reopened", due_at=now, now=now, also=owner, by=name)
        return reopened

    def climb(
        self,
        session: Session,
        alert: Alert,
        headline: str | None,
        *,
        due_at: datetime,
        now: datetime,
        also: Physio | None = None,
        **values: Any,
    ) -> bool:
        """Tells the people of the next rung that has any. The conditional update is the claim: the step is taken once.

        `also` hears of it too: the physio from whom it was taken.
        """
        service_id = self.service_of(session, alert)
        people = self.people(session, service_id, now)
        step = policy.next_rung(
            policy.of(alert.policy, alert.level),
            alert.rung,
            {who: {each.id for each in them} for who, them in people.items()},
            due_at=due_at,
            now=now,
            hours=self._rotas.hours(session, service_id),
        )
        lost_before = alert.unreachable_since
        claimed = alerts.move(
            session,
            alert,
            states=before(Move.ESCALATE),
            seen_step=alert.step,
            step=alert.step + 1,
            rung=step.then,
            next_step_at=step.next_at,
            unreachable_since=None if step.who else lost_before or now,
        )
        if not claimed:
            return False
        told = {each.id: each for each in (people[step.who] if step.who else [])}
        if also and physios.reachable(also, now):
            told.setdefault(also.id, also)
        key = f"alert:{alert.id}:{alert.step}"
        self.send(session, alert, headline or _headline(step), list(told.values()), key=key, now=now, **values)
        if step.who:
            record(
                session, alert, "alert_escalated" if step.climbed else "alert_sent", by="system", now=now,
                step=alert.step, who=step.who, to=sorted(told), next_step_at=step.next_at,
            )  # fmt: skip
        elif lost_before is None:
            record(session, alert, "nobody_reachable", by="system", now=now, step=alert.step)
            log.warning("nobody_reachable", extra={"alert": alert.reference, "level": alert.level})
        if not people["duty"]:
            self._tell_patient(session, alert, now)
        return True

    def people(self, session: Session, service_id: int, now: datetime) -> dict[str, list[Physio]]:
        """Who can be reached now, at each kind of rung: looked up when the step is taken, not when it was planned."""
        staff = [each for each in physios.staff(session, service_id) if physios.reachable(each, now)]
        duty = {each.id for each in self._rotas.on_duty(session, service_id, now)}
        on_duty = [each for each in staff if each.id in duty]
        return {
            "one_on_duty": sorted(on_duty, key=lambda each: (alerts.owned(session, each.id), each.id))[:1],
            "duty": on_duty,
            "everyone": [each for each in staff if each.id in duty or each.role == PhysioRole.PHYSIO],
            "named_lead": [each for each in staff if each.is_named_lead],
            "lead": [each for each in staff if each.role == PhysioRole.LEAD],
        }

    def service_of(self, session: Session, alert: Alert) -> int:
        return patients.get(session, alert.patient_id).service_id

    def when_seen(self, session: Session, service_id: int, level: str, now: datetime, *, zone: str) -> str:
        """When a person will look, in words for the patient on their own clock; truthful when nobody is here now."""
        response = f"utter_when_{level.lower()}"
        if self.people(session, service_id, now)["duty"] or not self._cards.has(f"{response}_nobody"):
            return self._cards.text(response)
        comes = self._rotas.next_duty(session, service_id, now)
        if comes is None or comes <= now:  # somebody is on duty, and can't be reached
            return self._cards.text(f"{response}_nobody")
        local, days = comes.astimezone(ZoneInfo(zone)), schedule.local_day(comes, zone) - schedule.local_day(now, zone)
        name = {0: "today", 1: "tomorrow"}.get(days.days, "weekday" if days.days < 7 else "date")
        values = {"at": f"{local:%H:%M}", "weekday": f"{local:%A}", "date": f"{local.day} {local:%B}"}
        return self._cards.text(f"utter_when_from_{name}", **values)

    def _tell_patient(self, session: Session, alert: Alert, now: datetime) -> None:
        """Nobody on duty can be reached: who was told something urgent hears once when a person will look."""
        patient = patients.get(session, alert.patient_id)
        if alert.level != "P0" or not self._cards.is_red_flag(alert) or self._cards.discreet(alert):
            return
        if patients.chat_of(session, patient) is None:  # erased: the alert goes on without them
            return
        when = self.when_seen(session, patient.service_id, alert.level, now, zone=patient.time_zone)
        words = self._cards.nobody_here(patient.nation, when)
        key = f"nobody:{alert.id}"
        self._outgoing.to_patient(
            session, patient, [words], key=key, kind="safety", now=now, priority=Priority.SAFETY, alert_id=alert.id
        )

    def send(
        self,
        session: Session,
        alert: Alert,
        headline: str,
        people: list[Physio],
        *,
        key: str,
        now: datetime,
        **values: Any,
    ) -> None:
        """The card to each of them. `key` names this sending: repeated, it sends nothing."""
        words = self._cards.card(
            alert, headline, patient=self.code(session, alert), owner=self.owner(session, alert), now=now,
            finding=at_risk.finding_of(session, alert.id), **values,
        )  # fmt: skip
        for physio in people:
            self._outgoing.alert_to_physio(
                session, physio, words, key=f"{key}:{physio.id}", now=now, alert=alert, code=self.code(session, alert)
            )
            self._retire_older(session, alert, physio, now)

    def _retire_older(self, session: Session, alert: Alert, physio: Physio, now: datetime) -> None:
        """Only the newest card in a chat keeps its buttons: a night of repeats is one edit when it ends."""
        words = self._cards.text("utter_card_older")
        for copy in alerts.copies(session, alert):
            if copy.physio_id == physio.id:
                self._edit(session, copy, words, key=alerts.retired_key(copy.id), now=now)

    def code(self, session: Session, alert: Alert) -> str:
        patient = session.get(Patient, alert.patient_id)
        return patient.code if patient else ""

    def owner(self, session: Session, alert: Alert) -> str | None:
        owner = physios.get(session, alert.acknowledged_by)
        return owner.name if owner else None

    def mark_copies(self, session: Session, alert: Alert, note: str, now: datetime, **values: Any) -> None:
        """Every copy of the card says what happened, and its buttons go."""
        words = self._cards.text(note, **values)
        for copy in alerts.copies(session, alert):
            self._edit(session, copy, words, key=f"copy:{copy.id}:{alert.step}", now=now)
        for mail in alerts.mailed(session, alert):
            self._outgoing.mail_note(session, mail, alert, words, key=f"copy:{mail.id}:{alert.step}", now=now)

    def _edit(self, session: Session, copy: OutboxMessage, note: str, *, key: str, now: datetime) -> None:
        if copy.telegram_message_id is not None:
            edit_card(self._outgoing, session, copy, copy.telegram_message_id, note, key=key, now=now)


def edit_card(
    outgoing: Outgoing, session: Session, copy: OutboxMessage, message_id: int, note: str, *, key: str, now: datetime
) -> None:
    """The message keeps its words, gains a note and loses its buttons. The edit belongs to the alert, so that an
    erasure finds it."""
    text = f"{copy.text}\n\n{note}"
    outgoing.replace_keyboard(session, copy.chat_id, message_id, text, key=key, now=now, channel=copy.channel)
    edit = outbox.by_key(session, key)
    if edit:
        edit.alert_id = copy.alert_id
        session.add(edit)


def _headline(step: policy.Step) -> str:
    if step.repeated:
        return "utter_card_repeat"
    return "utter_card_escalated" if step.climbed else "utter_card_raised"


def record(session: Session, alert: Alert, what: str, *, by: str, now: datetime, **detail: object) -> None:
    """Every move of an alert is an audit event."""
    patient = session.get(Patient, alert.patient_id)
    code = patient.code if patient else None
    audit.record(session, what, by=by, now=now, patient=code, alert=alert.reference, **detail)
