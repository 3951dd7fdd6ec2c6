"""Is the audit whole, and does it say what the alerts say?"""

from dataclasses import dataclass

from sqlmodel import Session

from bot.coaching.replay import Standing, replay
from data import alerts, audit
from data.audit import Verdict


@dataclass(frozen=True)
class Checked:
    """`differences`: references of alerts whose row is not what the audit makes of them."""

    chain: Verdict
    differences: list[str]

    @property
    def well(self) -> bool:
        return self.chain.broken is None and not self.differences


def check(session: Session) -> Checked:
    chain = audit.verify(session)
    told = replay(audit.everything(session))
    kept = {
        alert.reference: Standing(
            alert.state.value, alert.level, alert.severity, alert.times_raised, alert.acknowledged_by, alert.closed_by,
            alert.outcome,
        )
        for alert in alerts.everything(session)
    }  # fmt: skip
    differing = {name for name in told.keys() | kept.keys() if told.get(name) != kept.get(name)}
    return Checked(chain, sorted(differing))
