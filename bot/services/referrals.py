"""A physio refers a patient for a physical assessment: why, where, what to bring, the message, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.content import Choice, Library
from bot.errors import EffectRefused, StaleAction
from bot.services.outgoing import Outgoing
from bot.services.takeovers import Takeovers
from data import audit, messages, physios, referrals, rota
from data.patients import Patient
from data.physios import Physio
from data.referrals import Referral, ReferralState

ANSWER = "answer_referral"  # what the buttons say: "/answer_referral"


@dataclass(frozen=True)
class Visit:
    """What the form says. `at` on the service's clock, "2026-12-02T10:30"; "": the clinic sends a date."""

    reason: str
    place: str
    bring: str
    at: str = ""


class Referrals:
    """Methods run in the caller's transaction."""

    def __init__(self, library: Library, outgoing: Outgoing, takeovers: Takeovers) -> None:
        self._library = library
        self._outgoing = outgoing
        self._takeovers = takeovers

    @property
    def reasons(self) -> Mapping[str, str]:
        """Code → label."""
        found: Mapping[str, str] = self._library.value("referral.reasons")
        return found

    @property
    def outcomes(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._library.value("referral.outcomes")
        return found

    def blank(self) -> Visit:
        """What stands on the form at first."""
        say = self._library.say
        return Visit(reason="", place=say("utter_referral_place").text, bring=say("utter_referral_bring").text)

    def message(self, session: Session, physio: Physio, patient: Patient, visit: Visit, now: datetime) -> str:
        """The words to begin with. Raises EffectRefused: referral_reason, referral_place, referral_bring, referral_when."""
        at = self._checked(session, physio, visit, now)
        local = at.astimezone(ZoneInfo(patient.time_zone)) if at else None
        when = f"{local:%A} {local.day} {local:%B}, {local:%H:%M}" if local else self._text("utter_referral_no_date")
        return self._text(
            "utter_referral_message", why=self._text(f"utter_referral_why_{visit.reason}"), place=visit.place.strip(),
            bring=visit.bring.strip(), visit=when, **self._library.numbers(patient.nation),
        )  # fmt: skip

    def refer(
        self, session: Session, physio: Physio, patient: Patient, visit: Visit, words: str, now: datetime, *, once: str
    ) -> None:
        """Keeps it and tells the patient. The same `once` counts once. Raises EffectRefused, as `message` and for words
        that can't be sent."""
        key = f"referral:{physio.id}:{once}"
        if messages.by_key(session, key):
            return
        self._takeovers.refuse_unreachable(session, patient)
        at, said = self._checked(session, physio, visit, now), self._takeovers.words.checked(words)
        row = referrals.add(
            session,
            Referral(
                patient_id=patient.id, physio_id=physio.id, reason=visit.reason, place=visit.place.strip(),
                bring=visit.bring.strip(), visit_at=at, made_at=now,
            ),
        )  # fmt: skip
        asked = self._library.say("utter_referral_buttons")
        choices = tuple(
            Choice(each.label, f"/{ANSWER}", {"choice": each.says, "referral": str(row.id)}) for each in asked.choices
        )
        framed = replace(asked, text=f"{said}\n\n{asked.text}", choices=choices)
        self._takeovers.say_as(session, physio, patient, framed, key=key, kind="referral", now=now)
        self._audit(session, patient, "patient_referred", _by(physio), now, referral=row.id, reason=row.reason)

    def end(
        self,
        session: Session,
        physio: Physio,
        patient: Patient,
        referral_id: int,
        outcome: str,
        now: datetime,
        *,
        on: str = "",
        findings: str = "",
    ) -> None:
        """What came of it. `on`: the day, "2026-12-02"; "" is today. Raises EffectRefused, StaleAction when it was over."""
        if outcome not in tuple(state.value for state in referrals.ENDS):
            raise EffectRefused("referral_outcome")
        if len(findings) > self._library.number("console.note_at_most"):
            raise EffectRefused("note_refused")
        today = now.astimezone(ZoneInfo(rota.service(session, physio.service_id).time_zone)).date()
        day = _day(on) if on else today
        if day is None or day > today:
            raise EffectRefused("referral_day")
        row = referrals.get(session, patient.id, referral_id)
        if row is None or row.state is not ReferralState.OPEN:
            raise StaleAction("referral_over")
        row.state, row.ended_at, row.ended_by = ReferralState(outcome), now, physio.id
        row.happened_on, row.findings = day, findings.strip()
        self._audit(session, patient, "referral_ended", _by(physio), now, referral=row.id, outcome=outcome, on=str(day))

    def tapped(
        self,
        session: Session,
        patient: Patient,
        intent: str | None,
        given: Mapping[str, str],
        *,
        key: str,
        now: datetime,
    ) -> bool:
        """The patient says whether it suits; False when it is another button."""
        if intent != ANSWER:
            return False
        row = referrals.get(session, patient.id, int(given.get("referral", "0")))
        answer = "yes" if given.get("choice") == "yes" else "no"
        if row is None or row.state is not ReferralState.OPEN:
            response = "utter_referral_over"
        else:
            row.answer, row.answered_at = answer, now
            response = f"utter_referral_{answer}"
            self._audit(session, patient, "referral_answered", "patient", now, referral=row.id, answer=answer)
            if physio := physios.get(session, row.physio_id):
                words = self._library.say(f"utter_talk_referral_{answer}", patient=patient.code)
                self._takeovers.notify(session, patient, physio, words, f"referral:{row.id}:{answer}", now)
        self._outgoing.to_patient(
            session, patient, [self._library.say(response)], key=key, kind="referral", now=now
        )  # fmt: skip
        return True

    def _checked(self, session: Session, physio: Physio, visit: Visit, now: datetime) -> datetime | None:
        """When the visit is; None: the clinic sends a date."""
        if visit.reason not in self.reasons:
            raise EffectRefused("referral_reason")
        for name in ("place", "bring"):
            words = getattr(visit, name).strip()
            gaps = self._takeovers.words.gaps(words)
            if not words or gaps or len(words) > self._library.number(f"referral.{name}_at_most"):
                raise EffectRefused(f"referral_{name}")
        if not visit.at.strip():
            return None
        try:
            local = datetime.fromisoformat(visit.at.strip())
        except ValueError:
            raise EffectRefused("referral_when") from None
        zone = ZoneInfo(rota.service(session, physio.service_id).time_zone)
        at = local.replace(tzinfo=zone) if local.tzinfo is None else local
        if not now < at <= now + timedelta(days=self._library.number("referral.visit_at_most")):
            raise EffectRefused("referral_when")
        return at

    def _text(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text

    def _audit(self, session: Session, patient: Patient, what: str, by: str, now: datetime, **detail: Any) -> None:
        audit.record(session, what, by=by, now=now, patient=patient.code, **detail)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _by(physio: Physio) -> str:
    return f"physio:{physio.id}"
