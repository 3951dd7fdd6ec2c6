"""The rule layer: reads one message and says which dangers it speaks of. Pure, no I/O, works alone.

A rule finds words; `bot.coaching.scope` says about whom, when and whether it is denied; the rule's policy
then decides between advice, a question and silence. The words and policies are dialogues/safety/lexicon/*.yml,
the risks dialogues/safety/risks.yml. Source: clinical.md §5.2, §5.4.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

from bot.coaching.normalising import Spelling, tokens
from bot.coaching.phrases import A_NUMBER, Phrase, PhraseBook, PhraseError
from bot.coaching.scope import Reader, Scope
from bot.errors import ContentError

Action = Literal["advise", "ask", "other"]
STRENGTH = {"silent": 0, "other": 1, "ask": 2, "advise": 3}
SEVERITIES = ("E999", "EAE", "U111", "U48", "R")  # gravest first
_NEAREST = 3  # places of a word list that are combined with each place of the first


@dataclass(frozen=True)
class Finding:
    """One danger heard in one message. `because` is the id of the rule, never the patient's words.

    `responses` are said with "advise" (and "other"); with "ask", `question_set` is asked.
    `symptom` fills {symptom} in the responses.
    """

    risk: str
    severity: str
    action: Action
    layer: str = "rules"
    question_set: str | None = None
    because: str = ""
    responses: tuple[str, ...] = ()
    symptom: str = ""


@dataclass(frozen=True)
class Risk:
    """One entry of risks.yml."""

    id: str
    name: str
    severity: str
    tier: str
    responses: Mapping[str, tuple[str, ...]]  # by severity
    question_set: str
    asks_after: str  # a question set that always follows the advice (RF13: are you safe?), or ""
    symptom: str
    follow_up_minutes: int | None
    level: str
    quiet_days: int
    staff: str
    emergency_of_others: bool

    def responses_for(self, severity: str) -> tuple[str, ...]:
        return self.responses.get(severity) or self.responses[self.severity]


@dataclass(frozen=True)
class _Rule:
    id: str
    risk: str
    severity: str
    action: Action
    question_set: str
    responses: tuple[str, ...]
    symptom: str
    says: tuple[int, ...]  # word lists, by number: each must be found
    near: int  # most words between them
    in_order: bool  # the first list's words must come first
    context: tuple[tuple[int, ...], ...]  # for each: one of these lists somewhere in the message
    unless: tuple[int, ...]  # in the same sentence
    unless_message: tuple[int, ...]
    at_least: float | None  # the least number that counts
    at_most: float | None
    policy: Mapping[str, str]


@dataclass
class ScreeningRules:
    """Parsed and compiled content. Build it with `from_content`; it is safe to share between threads."""

    risks: dict[str, Risk]
    rules: list[_Rule]
    spelling: Spelling
    reader: Reader
    numbers: Mapping[str, float]
    other_responses: tuple[str, ...]
    _lists: list[tuple[Phrase, ...]] = field(default_factory=list)
    _by_word: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # anchor → (word list, phrase)
    _by_start: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _starts: tuple[int, ...] = ()
    _rules_by_list: dict[int, list[_Rule]] = field(default_factory=dict)

    @classmethod
    def from_content(cls, lexicons: Sequence[Mapping[str, Any]], risks: Mapping[str, Any]) -> "ScreeningRules":
        """`lexicons`: every file of dialogues/safety/lexicon/, in any order; `risks`: risks.yml. Raises ContentError."""
        try:
            return _Builder(lexicons, risks).build()
        except (PhraseError, KeyError, TypeError) as error:
            raise ContentError(f"dialogues/safety/lexicon: {error}") from error

    def heard_by_model(self, risk: str, action: Literal["advise", "ask"]) -> Finding:
        """The finding for a risk that only the model heard. Tier B is always asked about first (clinical.md §5.2 no. 1)."""
        known = self.risks[risk]
        if known.tier == "B":
            action = "ask"
        return Finding(risk, known.severity, action, "model", known.question_set if action == "ask" else None,
                       f"{risk}.model", known.responses_for(known.severity), known.symptom)


def screen(text: str, rules: ScreeningRules) -> list[Finding]:
    """At most one finding a risk, its strongest; gravest first."""
    words = [word for word in tokens(text, rules.spelling) if word not in rules.spelling.fillers]
    if not words:
        return []
    message = _Message(words, rules)
    best: dict[str, Finding] = {}
    for rule in message.candidates():
        finding = _apply(rule, message, rules)
        if finding is not None and (rule.risk not in best or _rank(finding) > _rank(best[rule.risk])):
            best[rule.risk] = finding
    return sorted(best.values(), key=_rank, reverse=True)


def gravest(findings: Iterable[Finding]) -> Finding | None:
    """The one to act on first: advice before a question, then by severity."""
    return max(findings, key=_rank, default=None)


def _rank(finding: Finding) -> tuple[int, int]:
    return STRENGTH[finding.action], -SEVERITIES.index(finding.severity)


class _Message:
    """One message with the places of the word lists in it, each looked for only once."""

    def __init__(self, words: list[str], rules: ScreeningRules) -> None:
        self.scope = Scope(words, rules.reader)
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
        rules, possible = self._rules, dict[int, set[int]]()
        for word in set(words):
            found = list(rules._by_word.get(word, ()))
            for length in rules._starts:
                if len(word) >= length:
                    found += rules._by_start.get(word[:length], ())
            if word[0].isdigit() or word in rules.numbers:
                found += rules._by_word.get(A_NUMBER, ())
            for number, phrase in found:
                possible.setdefault(number, set()).add(phrase)
        return possible

    def candidates(self) -> list[_Rule]:
        seen: dict[str, _Rule] = {}
        for number in self._possible:
            for rule in self._rules._rules_by_list.get(number, ()):
                if all(other in self._possible for other in rule.says):
                    seen[rule.id] = rule
        return [seen[name] for name in sorted(seen)]

    def places(self, number: int) -> list["_Hit"]:
        if number not in self._possible:
            return []
        if number not in self._found:
            hits = []
            denials = self._rules.reader.words["gap_denials"]
            for place in sorted(self._possible[number]):
                phrase = self._rules._lists[number][place]
                for match in phrase.pattern.finditer(self._text):
                    if any(word in denials and word not in phrase.words for word in match.group().split()):
                        continue  # "my face hasn't dropped"
                    first = bisect_right(self._offsets, match.start()) - 1
                    last = bisect_right(self._offsets, match.end() - 2) - 1
                    value = match.groupdict().get("n")
                    hits.append(_Hit(first, last + 1, value.strip() if value else None))
            self._found[number] = hits
        return self._found[number]


@dataclass(frozen=True)
class _Hit:
    start: int
    end: int
    number: str | None


def _apply(rule: _Rule, message: _Message, rules: ScreeningRules) -> Finding | None:
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
        others = [sorted(found, key=lambda hit: abs(hit.start - first.start))[:_NEAREST] for found in hits[1:]]
        yield from product([first], *others)


def _belong_together(hits: Sequence[_Hit], rule: _Rule, message: _Message) -> bool:
    ordered = sorted(hits, key=lambda hit: hit.start)
    if rule.in_order and ordered != list(hits):
        return False
    for left, right in zip(ordered, ordered[1:], strict=False):
        if right.start - left.end > rule.near or not message.scope.same_sentence(left.start, right.end - 1):
            return False
    start, end = ordered[0].start, max(hit.end for hit in ordered)
    return not any(message.scope.same_sentence(hit.start, start) or message.scope.same_sentence(hit.start, end - 1)
                   for number in rule.unless for hit in message.places(number))


def _counts(hits: Sequence[_Hit], rule: _Rule, rules: ScreeningRules) -> bool:
    if rule.at_least is None and rule.at_most is None:
        return True
    for hit in hits:
        if hit.number is None:
            continue
        value = rules.numbers.get(hit.number)
        if value is None:
            try:
                value = float(hit.number.replace(":", "."))
            except ValueError:
                continue
        return (rule.at_least is None or value >= rule.at_least) and (rule.at_most is None or value <= rule.at_most)
    return False


def _action(rule: _Rule, message: _Message, hits: Sequence[_Hit]) -> str:
    """The rule's action, lowered by what the words around it say."""
    action: str = rule.action
    found = message.scope.circumstances([(hit.start, hit.end) for hit in hits])
    if "other" in found and rule.policy.get("other") == "other" and found & {"past", "resolved", "long_standing"}:
        return "silent"  # somebody else's, and over
    for circumstance in found:
        effect = rule.policy.get(circumstance, "as_is")
        if effect != "as_is" and STRENGTH[effect] < STRENGTH[action]:
            action = effect
    return action


def _finding(rule: _Rule, action: str, rules: ScreeningRules) -> Finding | None:
    if action == "silent":
        return None
    if action == "other":
        if not rules.risks[rule.risk].emergency_of_others or rule.severity not in ("E999", "EAE"):
            return None
        return Finding(rule.risk, rule.severity, "other", because=rule.id, responses=rules.other_responses)
    if action == "ask":
        return Finding(rule.risk, rule.severity, "ask", question_set=rule.question_set, because=rule.id,
                       responses=rule.responses, symptom=rule.symptom)
    return Finding(rule.risk, rule.severity, "advise", because=rule.id, responses=rule.responses, symptom=rule.symptom)


class _Builder:
    """Turns the YAML of the lexicon into compiled rules."""

    def __init__(self, lexicons: Sequence[Mapping[str, Any]], risks: Mapping[str, Any]) -> None:
        self._shared: dict[str, Any] = {}
        for content in lexicons:
            _only_words(content, str(content.get("risk", "lexicon")))
            for key in ("spelling", "scope", "numbers", "real_words"):
                if key in content:
                    self._shared[key] = content[key]
        self._lexicons = [content for content in lexicons if "risk" in content]
        self._common = {name: [str(text) for text in texts] for content in lexicons if "risk" not in content
                        for name, texts in (content.get("words") or {}).items()}
        self._risks = {risk: _risk(risk, entry) for risk, entry in risks["risks"].items()}
        self._others = tuple(risks.get("someone_else") or ("utter_someone_else",))
        self._lists: list[tuple[Phrase, ...]] = []
        self._vocabulary: set[str] = set()

    def build(self) -> ScreeningRules:
        spelling = Spelling.from_content({**(self._shared.get("spelling") or {}), "guarded": []})  # phrases are spelt right
        numbers = {str(word): float(value) for word, value in (self._shared.get("numbers") or {}).items()}
        reader = Reader.from_content(self._shared["scope"], self._book(self._common, spelling, numbers))
        rules = [rule for content in self._lexicons for rule in self._rules_of(content, spelling, numbers)]
        written = dict(self._shared.get("spelling") or {})
        written["not_typos"] = [*(written.get("not_typos") or []), *(self._shared.get("real_words") or [])]
        spelling = Spelling.from_content(written, self._vocabulary)
        built = ScreeningRules(self._risks, rules, spelling, reader, numbers, self._others, self._lists)
        _index(built)
        return built

    def _book(self, lists: Mapping[str, Sequence[str]], spelling: Spelling, numbers: Mapping[str, float]) -> PhraseBook:
        def words_of(text: str) -> list[str]:
            return [word for word in tokens(text, spelling) if word not in spelling.fillers]

        book = PhraseBook(lists, words_of, list(numbers))
        book.vocabulary = self._vocabulary
        return book

    def _rules_of(self, content: Mapping[str, Any], spelling: Spelling, numbers: Mapping[str, float]) -> list[_Rule]:
        words = {**self._common, **{name: [str(text) for text in texts] for name, texts in (content.get("words") or {}).items()}}
        book = self._book(words, spelling, numbers)
        numbered: dict[str, int] = {}

        def listed(name_or_phrases: Any) -> int:
            """A word list by name, or phrases written out in the rule."""
            key = name_or_phrases if isinstance(name_or_phrases, str) else repr(name_or_phrases)
            if key not in numbered:
                if isinstance(name_or_phrases, str) and name_or_phrases not in words:
                    raise PhraseError(f"{content['risk']}: there is no word list called {name_or_phrases!r}")
                phrases = words[name_or_phrases] if isinstance(name_or_phrases, str) else name_or_phrases
                numbered[key] = len(self._lists)
                self._lists.append(tuple(book.phrase(str(text)) for text in phrases))
            return numbered[key]

        return [self._rule(str(content["risk"]), entry, listed, content.get("when") or {}) for entry in content["rules"]]

    def _rule(self, risk_id: str, entry: Mapping[str, Any], listed: Any, when: Mapping[str, str]) -> _Rule:
        risk = self._risks[risk_id]
        severity = str(entry.get("severity", risk.severity))
        action = entry["action"]
        if action not in ("advise", "ask") or severity not in SEVERITIES or not entry.get("source"):
            raise PhraseError(f"rule {entry.get('id')}: action, severity or source is missing or unknown")
        says = [listed(entry["says"])] if "says" in entry else [listed(item) for item in entry["all"]]
        return _Rule(
            id=str(entry["id"]), risk=risk_id, severity=severity, action=action,
            question_set=str(entry.get("question_set", risk.question_set)),
            responses=tuple(entry.get("responses") or risk.responses_for(severity)),
            symptom=str(entry.get("symptom", risk.symptom)), says=tuple(says), near=int(entry.get("near", 6)),
            in_order=bool(entry.get("in_order", False)),
            context=tuple(tuple(listed(item) for item in (choice if isinstance(choice, list) else [choice]))
                          for choice in entry.get("with") or []),
            unless=tuple(listed(item) for item in entry.get("unless") or []),
            unless_message=tuple(listed(item) for item in entry.get("unless_message") or []),
            at_least=entry.get("at_least"), at_most=entry.get("at_most"),
            policy={**(self._shared["scope"].get("effects") or {}), **when, **(entry.get("when") or {})},
        )


def _only_words(node: Any, where: str) -> None:
    """YAML reads an unquoted no, on or off as true or false: a rule would silently look for the wrong word."""
    if isinstance(node, bool):
        raise PhraseError(f"{where}: put quotation marks round no, yes, on and off")
    if isinstance(node, Mapping):
        for key, value in node.items():
            _only_words(key, where)
            if key != "in_order":
                _only_words(value, f"{where}.{key}")
    elif isinstance(node, list):
        for item in node:
            _only_words(item, where)


def _risk(risk: str, entry: Mapping[str, Any]) -> Risk:
    responses = {severity: tuple(names) for severity, names in entry["responses"].items()}
    minutes = entry.get("follow_up_minutes")
    return Risk(risk, str(entry["name"]), str(entry["severity"]), str(entry["tier"]), responses, str(entry["question_set"]),
                str(entry.get("asks_after", "")), str(entry.get("symptom", "")), None if minutes is None else int(minutes), str(entry["level"]),
                int(entry.get("quiet_days", 0)), str(entry["staff"]), bool(entry.get("emergency_of_others", False)))


def _index(rules: ScreeningRules) -> None:
    for number, phrases in enumerate(rules._lists):
        for place, phrase in enumerate(phrases):
            for anchor in phrase.anchors:
                table, key = (rules._by_start, anchor[:-1]) if anchor.endswith("*") else (rules._by_word, anchor)
                table.setdefault(key, []).append((number, place))
    rules._starts = tuple(sorted({len(start) for start in rules._by_start}))
    for rule in rules.rules:
        rules._rules_by_list.setdefault(rule.says[0], []).append(rule)


def with_layer(finding: Finding, layer: str) -> Finding:
    return replace(finding, layer=layer)
