"""The context frame of a message: who holds what is said, when, whether it is denied or asked, and how new it is.

It is read from the same regressions as the concerns, which learn it from why a near miss is one. What the frame does:
a belief is flagged only when it is the patient's own, now, affirmed and no question. Risks are wider and don't look at it:
whose danger it is, and when, is read by the app's rules, and unsure is the safe side.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence

# Turn of the frame → the reasons (`why` of a near miss in dialogues/) that teach it.
TURNS: Dict[str, Sequence[str]] = {
    "other": ("other_person",),
    "clinician": ("clinician",),
    "past": ("past",),
    "conditional": ("hypothetical", "wish"),
    "negated": ("negated",),
    "question": ("question",),
    "long_standing": ("long_standing",),
}


class Frame(NamedTuple):
    holder: str  # self, other, clinician
    time: str  # now, past, conditional
    polarity: str  # affirmed, negated
    form: str  # statement, question
    onset: str  # long_standing, or unsaid

    @property
    def is_own_view(self) -> bool:
        """The patient's own, now, affirmed and no question."""
        return self[:4] == ("self", "now", "affirmed", "statement")

    def told(self) -> Dict[str, Any]:
        return dict(self._asdict())


def framed(chances: Sequence[float], sure: float) -> Frame:
    """`chances`: one a turn, in the order of TURNS; a turn is taken from `sure` on."""
    taken = {turn for turn, chance in zip(TURNS, chances, strict=True) if chance >= sure}
    return Frame(
        holder=_first(taken, ["clinician", "other"], "self"),
        time=_first(taken, ["past", "conditional"], "now"),
        polarity="negated" if "negated" in taken else "affirmed",
        form="question" if "question" in taken else "statement",
        onset="long_standing" if "long_standing" in taken else "unsaid",
    )


def _first(taken: "set[str]", wanted: List[str], otherwise: str) -> str:
    return next((turn for turn in wanted if turn in taken), otherwise)


__all__ = ["TURNS", "Frame", "framed"]
