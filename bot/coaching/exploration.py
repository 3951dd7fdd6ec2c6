"""Which belief may be asked about now, if any: clinical.md §4.1, "when to act". The numbers are content."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.coaching.normalising import Spelling, tokens
from bot.coaching.phrases import PhraseBook

REASONS = ("blocks_plan", "strong", "another_day")  # the most pressing first


@dataclass(frozen=True)
class Limits:
    again_after: timedelta  # a class that was talked about rests so long
    rest: timedelta  # after an offer that was not taken up, nothing is offered


@dataclass(frozen=True)
class Said:
    """One belief in one message, as it stands today. `on`: the patient's local day."""

    belief: str
    at: datetime
    on: date
    strong: bool = False
    blocks_plan: bool = False


@dataclass(frozen=True)
class Offered:
    """One offer so far, and what became of it. `talked`: it came to an end, whatever the end was."""

    belief: str
    on: date
    at: datetime
    talked: bool
    ended_at: datetime | None = None

    @property
    def over_at(self) -> datetime:
        return self.ended_at or self.at


def what_to_explore(
    said: Sequence[Said], offered: Sequence[Offered], today: date, now: datetime, limits: Limits
) -> tuple[str, str] | None:
    """The belief and the reason; None when nothing is to be offered now.

    One offer a day; after one that was declined, left or not answered, a rest. The first mention of a belief is only
    acknowledged, unless it was said with certainty or stands in the way of today's plan.
    """
    if any(each.on == today or (not each.talked and now - each.over_at < limits.rest) for each in offered):
        return None
    found = []
    for belief in {each.belief for each in said if each.on == today}:
        talked = [each.over_at for each in offered if each.belief == belief and each.talked]
        if talked and now - max(talked) < limits.again_after:
            continue
        since = [each for each in said if each.belief == belief and all(each.at > end for end in talked)]
        if reason := _reason(since, today):
            found.append((REASONS.index(reason), -len(since), belief))
    if not found:
        return None
    first, _, belief = min(found)
    return belief, REASONS[first]


def _reason(said: Sequence[Said], today: date) -> str | None:
    of_today = [each for each in said if each.on == today]
    if any(each.blocks_plan for each in of_today):
        return "blocks_plan"
    if any(each.strong for each in of_today):
        return "strong"
    return "another_day" if of_today and any(each.on < today for each in said) else None


class StrongWords:
    """Hears certainty: phrases in the little language of the lexicon (bot/coaching/phrases.py)."""

    def __init__(self, phrases: Sequence[str], spelling: Spelling) -> None:
        """Raises PhraseError for a phrase that can't be read."""
        self._spelling = replace(spelling, fillers=frozenset())  # "definitely" is noise to the lexicon, and all here
        book = PhraseBook({}, lambda text: tokens(text, self._spelling), (), set())
        self._phrases = [book.phrase(phrase) for phrase in phrases]

    def heard(self, text: str) -> bool:
        plain = f" {' '.join(tokens(text.replace('%', ' percent'), self._spelling))} . "
        return any(phrase.pattern.search(plain) for phrase in self._phrases)
