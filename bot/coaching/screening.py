"""The rule layer: reads one message and says which dangers it speaks of. Pure, no I/O, works alone.

A rule finds words; `bot.coaching.scope` says about whom, when and whether it is denied; the rule's policy
then decides between advice, a question and silence. The words and policies are dialogues/safety/lexicon/*.yml,
the risks dialogues/safety/risks.yml. Source: clinical.md §5.2, §5.4.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from bot.coaching.clauses import Clauses
from bot.coaching.findings import SEVERITIES, STRENGTH, Action, Finding, Risk, gravest, rank
from bot.coaching.lexicon import Rule, ScreeningRules
from bot.coaching.normalising import tokens
from bot.coaching.phrases import A_NUMBER, Phrase
from bot.coaching.scope import circumstances

__all__ = ["SEVERITIES", "STRENGTH", "Action", "Finding", "Risk", "ScreeningRules", "gravest", "screen"]

_EXCEPTION_WITHIN = 4  # words: an exception further off is about something else
_NEAREST = 3  # places of a word list that are combined with each place of the first


def screen(text: str, rules: ScreeningRules) -> list[Finding]:
    """At most one finding a risk, its strongest; gravest first."""
    words = [word for word in tokens(text, rules.spelling) if word not in rules.spelling.fillers]
    if not words:
        return []
    message = _Message(words, rules)
    best: dict[str, Finding] = {}
    for rule in message.candidates():
        finding = _apply(rule, message, rules)
        if finding is not None and (rule.risk not in best or rank(finding) > rank(best[rule.risk])):
            best[rule.risk] = finding
    return sorted(best.values(), key=rank, reverse=True)


@dataclass(frozen=True)
class _Hit:
    """Where a phrase stands, in words, and the number in it."""

    start: int
    end: int
    number: str | None


class _Message:
    """One message with the places of the word lists in it, each looked for only once, and only when it can be there."""

    def __init__(self, words: list[str], rules: ScreeningRules) -> None:
        self.clauses = Clauses(words, rules.cues)
        self._rules = rules
        self._text = " " + " ".join(words) + " "
        self._offsets: list[int] = []
        offset = 1
        for word in words:
            self._offsets.append(offset)
            offset += len(word) + 1
        self._possible = self._possible_phrases(words)
        self._found: dict[int, list[_Hit]] = {}

    def _possible_phrases(self, words: list[str]) -> dict[int, set[int]]:
        """Word list → its phrases that could be here: those with an anchor among the words."""
        rules, possible, said = self._rules, dict[int, set[int]](), self._said(words)
        for word in set(words):
            found = list(rules.by_word.get(word, ()))
            for length in rules.starts:
                if len(word) >= length:
                    found += rules.by_start.get(word[:length], ())
            if word[0].isdigit() or word in rules.numbers:
                found += rules.by_word.get(A_NUMBER, ())
            for number, phrase, others in found:
                for need in others:
                    if need.isdisjoint(said):
                        break
                else:
                    possible.setdefault(number, set()).add(phrase)
        return possible

    def _said(self, words: list[str]) -> set[str]:
        """The words, and their beginnings and numbers as the phrases name them."""
        said = set(words)
        said |= {f"{word[:length]}*" for word in words for length in self._rules.starts if len(word) >= length}
        if any(word[0].isdigit() or word in self._rules.numbers for word in words):
            said.add(A_NUMBER)
        return said

    def candidates(self) -> list[Rule]:
        rules = [rule for number in self._possible for rule in self._rules.rules_of.get(number, ())]
        return sorted(
            (rule for rule in rules if all(number in self._possible for number in rule.says)), key=lambda rule: rule.id
        )

    def places(self, number: int) -> list[_Hit]:
        if number not in self._possible:
            return []
        if number not in self._found:
            phrases = self._rules.lists[number]
            self._found[number] = [
                hit for place in sorted(self._possible[number]) for hit in self._hits(phrases[place])
            ]
        return self._found[number]

    def _hits(self, phrase: Phrase) -> Iterator[_Hit]:
        denials = self._rules.cues.words["gap_denials"]
        for match in phrase.pattern.finditer(self._text):
            if any(word in denials and word not in phrase.words for word in match.group().split()):
                continue  # "my face hasn't dropped"
            first = bisect_right(self._offsets, match.start()) - 1
            last = bisect_right(self._offsets, match.end() - 2) - 1
            number = match.groupdict().get("n")
            yield _Hit(first, last + 1, number.strip() if number else None)


def _apply(rule: Rule, message: _Message, rules: ScreeningRules) -> Finding | None:
    hits = []
    for number in rule.says:
        hits.append(message.places(number))
        if not hits[-1]:
            return None
    if not all(any(message.places(number) for number in choice) for choice in rule.context):
        return None
    if any(message.places(number) for number in rule.unless_message):
        return None
    strongest = "silent"
    for combination in _combinations(hits):
        if not _belong_together(combination, rule, message) or not _counts(combination, rule, rules):
            continue
        action = _action(rule, message, combination)
        if STRENGTH[action] > STRENGTH[strongest]:
            strongest = action
    return _finding(rule, strongest, rules)


def _combinations(hits: Sequence[Sequence[_Hit]]) -> Iterator[tuple[_Hit, ...]]:
    """Each place of the first list with the nearest places of the others."""
    for first in hits[0]:
        others = [_nearest(first, found) for found in hits[1:]]
        yield from product([first], *others)


def _nearest(first: _Hit, found: Sequence[_Hit]) -> Sequence[_Hit]:
    return sorted(found, key=lambda hit: abs(hit.start - first.start))[:_NEAREST]


def _belong_together(hits: Sequence[_Hit], rule: Rule, message: _Message) -> bool:
    ordered = sorted(hits, key=lambda hit: hit.start)
    if rule.in_order and ordered != list(hits):
        return False
    for left, right in pairwise(ordered):
        if right.start - left.end > rule.near or not message.clauses.same_sentence(left.start, right.end - 1):
            return False
    start, end = ordered[0].start, max(hit.end for hit in ordered)
    near = (hit for number in rule.unless for hit in message.places(number))
    far = (hit for number in rule.unless_sentence for hit in message.places(number))
    same = message.clauses.same_sentence
    return not any(
        (same(hit.start, start) or same(hit.start, end - 1))
        and hit.start - end <= _EXCEPTION_WITHIN
        and start - hit.end <= _EXCEPTION_WITHIN
        for hit in near
    ) and not any(same(hit.start, start) or same(hit.start, end - 1) for hit in far)


def _counts(hits: Sequence[_Hit], rule: Rule, rules: ScreeningRules) -> bool:
    """Whether the first number in the words is within the rule's bounds."""
    if rule.at_least is None and rule.at_most is None:
        return True
    values = [value for hit in hits if hit.number and (value := _value(hit.number, rules)) is not None]
    if not values:
        return False
    return (rule.at_least is None or values[0] >= rule.at_least) and (rule.at_most is None or values[0] <= rule.at_most)


def _value(number: str, rules: ScreeningRules) -> float | None:
    if number in rules.numbers:
        return rules.numbers[number]
    try:
        return float(number.replace(":", "."))
    except ValueError:  # "1.2.3"
        return None


def _action(rule: Rule, message: _Message, hits: Sequence[_Hit]) -> str:
    """The rule's action, lowered by what the words around it say."""
    action: str = rule.action
    found = circumstances(message.clauses, [(hit.start, hit.end) for hit in hits])
    if "other" in found and rule.policy.get("other") == "other" and found & {"past", "resolved", "long_standing"}:
        return "silent"  # somebody else's, and over
    for circumstance in found:
        effect = rule.policy.get(circumstance, "as_is")
        if effect != "as_is" and STRENGTH[effect] < STRENGTH[action]:
            action = effect
    return action


def _finding(rule: Rule, action: str, rules: ScreeningRules) -> Finding | None:
    if action == "silent":
        return None
    if action == "other":
        if not rules.risks[rule.risk].emergency_of_others or rule.severity not in ("E999", "EAE"):
            return None
        return Finding(rule.risk, rule.severity, "other", because=rule.id, responses=rules.other_responses)
    known: Action = "ask" if action == "ask" else "advise"
    return Finding(
        rule.risk,
        rule.severity,
        known,
        question_set=rule.question_set if known == "ask" else None,
        because=rule.id,
        responses=rule.responses,
        symptom=rule.symptom,
    )
