"""Reads dialogues/safety/lexicon/: word lists and rules in YAML become compiled rules, or a ContentError."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.coaching.clauses import Cues
from bot.coaching.findings import SEVERITIES, STRENGTH, Action, Finding, Risk
from bot.coaching.normalising import Spelling, tokens
from bot.coaching.phrases import Phrase, PhraseBook, PhraseError
from bot.coaching.scope import CIRCUMSTANCES
from bot.errors import ContentError

_SHARED = ("spelling", "scope", "numbers", "real_words")


# A phrase by word list and place in it, and what else must be said for it, as sets of which one word is enough.
Place = tuple[int, int, tuple[frozenset[str], ...]]


@dataclass(frozen=True)
class Rule:
    id: str
    risk: str
    severity: str
    action: Action
    question_set: str
    responses: tuple[str, ...]
    symptom: str
    says: tuple[int, ...]  # word lists, by number: each must be found; the first is the symptom itself
    near: int  # most words between them
    in_order: bool  # the first list's words must come first
    context: tuple[tuple[int, ...], ...]  # for each: one of these lists somewhere in the message
    unless: tuple[int, ...]  # exceptions, close by in the same sentence
    unless_sentence: tuple[int, ...]
    unless_message: tuple[int, ...]
    at_least: float | None  # the least number that counts
    at_most: float | None
    policy: Mapping[str, str]  # circumstance → the most that may come of it


@dataclass
class ScreeningRules:
    """Parsed and compiled content. Build it with `from_content`; it is safe to share between threads."""

    risks: dict[str, Risk]
    rules: list[Rule]
    spelling: Spelling
    cues: Cues
    numbers: Mapping[str, float]
    other_responses: tuple[str, ...]
    lists: list[tuple[Phrase, ...]] = field(default_factory=list)
    by_word: dict[str, list[Place]] = field(default_factory=dict)  # by anchor
    by_start: dict[str, list[Place]] = field(default_factory=dict)
    starts: tuple[int, ...] = ()
    rules_of: dict[int, list[Rule]] = field(default_factory=dict)  # by their first word list

    @classmethod
    def from_content(cls, lexicons: Sequence[Mapping[str, Any]], risks: Mapping[str, Any]) -> "ScreeningRules":
        """`lexicons`: every file of dialogues/safety/lexicon/, in any order. Raises ContentError."""
        try:
            return _Builder(lexicons, risks).build()
        except (PhraseError, KeyError, TypeError, ValueError) as error:
            raise ContentError(f"dialogues/safety/lexicon: {error}") from error

    def heard_by_model(self, risk: str, action: Literal["advise", "ask"]) -> Finding:
        """The finding for a risk that only the model heard. Tier B is always asked about (clinical.md §5.2 no. 1)."""
        known = self.risks[risk]
        if known.tier == "B":
            action = "ask"
        question_set = known.question_set if action == "ask" else None
        responses = known.responses_for(known.severity)
        return Finding(risk, known.severity, action, "model", question_set, f"{risk}.model", responses, known.symptom)


class _Builder:
    def __init__(self, lexicons: Sequence[Mapping[str, Any]], risks: Mapping[str, Any]) -> None:
        self._shared: dict[str, Any] = {}
        for content in lexicons:
            _only_words(content, str(content.get("risk", "lexicon")))
            self._shared |= {key: content[key] for key in _SHARED if key in content}
        self._lexicons = [content for content in lexicons if "risk" in content]
        shared = [content for content in lexicons if "risk" not in content]
        self._common = {name: texts for content in shared for name, texts in (content.get("words") or {}).items()}
        self._risks = {risk: Risk.from_content(risk, entry) for risk, entry in risks["risks"].items()}
        self._others = tuple(risks.get("someone_else") or ())
        self._numbers = {str(word): float(value) for word, value in (self._shared.get("numbers") or {}).items()}
        written = dict(self._shared.get("spelling") or {})
        written["not_typos"] = [*(written.get("not_typos") or []), *(self._shared.get("real_words") or [])]
        self._written = written
        self._spelling = Spelling.from_content({**written, "guarded": []})  # phrases are spelt right
        self._lists: list[tuple[Phrase, ...]] = []
        self._vocabulary: set[str] = set()

    def build(self) -> ScreeningRules:
        self._common = {**self._shared["scope"]["words"], **self._common}
        cues = Cues.from_content(self._shared["scope"], self._book(self._common))
        rules = [rule for content in self._lexicons for rule in self._rules_of(content)]
        spelling = Spelling.from_content(self._written, self._vocabulary)
        built = ScreeningRules(self._risks, rules, spelling, cues, self._numbers, self._others, self._lists)
        _index(built)
        return built

    def _book(self, lists: Mapping[str, Sequence[str]]) -> PhraseBook:
        def words_of(text: str) -> list[str]:
            return [word for word in tokens(text, self._spelling) if word not in self._spelling.fillers]

        return PhraseBook(lists, words_of, list(self._numbers), self._vocabulary)

    def _rules_of(self, content: Mapping[str, Any]) -> list[Rule]:
        words = {**self._common, **(content.get("words") or {})}
        book = self._book(words)
        numbered: dict[str, int] = {}

        def listed(name_or_phrases: str | list[str]) -> int:
            """A word list by name, or phrases written out in the rule."""
            key = str(name_or_phrases)
            if key not in numbered:
                phrases = name_or_phrases
                if isinstance(phrases, str):
                    if phrases not in words:
                        raise PhraseError(f"{content['risk']}: there is no word list called {phrases!r}")
                    phrases = words[phrases]
                numbered[key] = len(self._lists)
                self._lists.append(tuple(book.phrase(str(text)) for text in phrases))
            return numbered[key]

        policy = {**(self._shared["scope"].get("effects") or {}), **(content.get("when") or {})}
        return [self._rule(self._risks[content["risk"]], entry, listed, policy) for entry in content["rules"]]

    def _rule(self, risk: Risk, entry: Mapping[str, Any], listed: Any, policy: Mapping[str, str]) -> Rule:
        severity = str(entry.get("severity", risk.severity))
        action: Action = entry["action"]
        if action not in ("advise", "ask") or severity not in SEVERITIES or not entry.get("source"):
            raise PhraseError(f"rule {entry.get('id')}: action, severity or source is missing or unknown")
        context = [choice if isinstance(choice, list) else [choice] for choice in entry.get("with") or []]
        return Rule(
            id=str(entry["id"]),
            risk=risk.id,
            severity=severity,
            action=action,
            question_set=str(entry.get("question_set", risk.question_set)),
            responses=tuple(entry.get("responses") or risk.responses_for(severity)),
            symptom=str(entry.get("symptom", risk.symptom)),
            says=tuple(listed(item) for item in ([entry["says"]] if "says" in entry else entry["all"])),
            near=int(entry.get("near", 6)),
            in_order=bool(entry.get("in_order", False)),
            context=tuple(tuple(listed(item) for item in choice) for choice in context),
            unless=tuple(listed(item) for item in entry.get("unless") or []),
            unless_sentence=tuple(listed(item) for item in entry.get("unless_sentence") or []),
            unless_message=tuple(listed(item) for item in entry.get("unless_message") or []),
            at_least=entry.get("at_least"),
            at_most=entry.get("at_most"),
            policy=_policy(str(entry["id"]), {**policy, **(entry.get("when") or {})}),
        )


def _policy(rule: str, policy: Mapping[str, str]) -> Mapping[str, str]:
    for circumstance, effect in policy.items():
        if circumstance not in CIRCUMSTANCES or effect not in (*STRENGTH, "as_is"):
            raise PhraseError(f"rule {rule}: `when: {{{circumstance}: {effect}}}` is not known")
    return policy


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


def _index(rules: ScreeningRules) -> None:
    for number, phrases in enumerate(rules.lists):
        for place, phrase in enumerate(phrases):
            others = tuple(need for need in phrase.needs if need != phrase.anchors)
            for anchor in phrase.anchors:
                table, key = (rules.by_start, anchor[:-1]) if anchor.endswith("*") else (rules.by_word, anchor)
                table.setdefault(key, []).append((number, place, others))
    rules.starts = tuple(sorted({len(start) for start in rules.by_start}))
    for rule in rules.rules:
        rules.rules_of.setdefault(rule.says[0], []).append(rule)
