"""Behavioural suites in the manner of CheckList (Ribeiro et al. 2020): what a change of words must or mustn't change.

Invariance: the same is said differently, and the label stays. Direction: something else is said in much the same
words, and the label goes, or comes. An invariance case counts only where the plain statement is heard: where it isn't,
losing it to a typo is no news.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Sequence

from nlu.components.concern_head import kind_of

from .figures import EMERGENCIES
from .measures import share
from .tables import percent, table
from .wording import PERTURBATIONS

STATEMENTS = Path(__file__).resolve().parent / "suites" / "statements.jsonl"
INVARIANCE, DIRECTION = "invariance", "direction"
SAME_MEANING = ("dialect", "voice_typing", "mixed_good_news")
GOES = ("negated", "past", "other_person", "idiom")
COMES = ("conditional", "recent")
LISTED = 20  # failed cases a suite in the result
SHOWN = 5  # … and in the text

Hear = Callable[[List[str]], List[FrozenSet[str]]]


class Case(NamedTuple):
    suite: str
    kind: str
    label: str
    text: str
    is_wanted: bool  # whether the label is to be heard in the text
    plain: str

    @property
    def wanted(self) -> str:
        return self.label if self.is_wanted else f"not {self.label}"

    def fails(self, heard: Dict[str, FrozenSet[str]]) -> bool:
        return (self.label in heard[self.text]) is not self.is_wanted

    def counts(self, heard: Dict[str, FrozenSet[str]]) -> bool:
        return self.kind == DIRECTION or self.label in heard[self.plain]


def statements() -> List[Dict[str, str]]:
    """Each with its label, its plain wording, and its variants written by hand."""
    return [json.loads(row) for row in STATEMENTS.read_text(encoding="utf-8").splitlines()]


def cases(written: Sequence[Dict[str, str]]) -> List[Case]:
    return [case for each in written for case in (*_invariant(each), *_directed(each))]


def measure(hear: Hear) -> Dict[str, Any]:
    """`hear` gives for each text the beliefs that would be flagged and the risks that would be advised or asked about."""
    written = statements()
    every = cases(written)
    texts = sorted({case.text for case in every} | {each["plain"] for each in written})
    heard = dict(zip(texts, hear(texts), strict=True))
    urgent = [each for each in written if each["label"] in EMERGENCIES]
    return {
        "plain": _plain(written, heard),
        "suites": {name: _suite([case for case in every if case.suite == name], heard) for name in _names(every)},
        "totals": _totals(every, heard),
        "emergencies": {
            "plain": _plain(urgent, heard),
            "totals": _totals([case for case in every if case.label in EMERGENCIES], heard),
        },
    }


def as_text(result: Dict[str, Any]) -> str:
    totals, urgent = result["totals"], result["emergencies"]
    rows = [
        [name, each["kind"], percent(each["failures"]), each["left_out"] or "", percent(each["something_else"])]
        for name, each in result["suites"].items()
    ]
    rows += [[f"all {kind}", kind, percent(failures), "", ""] for kind, failures in totals.items()]
    rows += [[f"emergencies, {kind}", kind, percent(each), "", ""] for kind, each in urgent["totals"].items()]
    title = (
        f"Behavioural suites: plain statements heard {percent(result['plain']['heard'])}, "
        f"of emergencies {percent(urgent['plain']['heard'])}"
    )
    head = ["suite", "kind", "failures", "left out: plain not heard", "another label heard where none is meant"]
    return "\n".join([table(title, head, rows), *_unheard(result["plain"]), *_failed(result["suites"])])


def _invariant(each: Dict[str, str]) -> List[Case]:
    texts = {name: change(each["plain"]) for name, change in PERTURBATIONS.items()}
    texts.update({name: each[name] for name in SAME_MEANING})
    return [Case(name, INVARIANCE, each["label"], text, True, each["plain"]) for name, text in texts.items()]


def _directed(each: Dict[str, str]) -> List[Case]:
    """A belief asked about is nobody's view; a danger of one's own put as a question is still there."""
    is_risk = kind_of(each["label"]) == "risk"
    found = [(name, each[name], False) for name in GOES]
    found.append(("own_question" if is_risk else "question", each["question"], is_risk))
    found += [(name, each[name], True) for name in COMES if name in each]
    return [Case(name, DIRECTION, each["label"], text, comes, each["plain"]) for name, text, comes in found]


def _names(every: Sequence[Case]) -> List[str]:
    return list(dict.fromkeys(case.suite for case in sorted(every, key=lambda case: case.kind != INVARIANCE)))


def _plain(written: Sequence[Dict[str, str]], heard: Dict[str, FrozenSet[str]]) -> Dict[str, Any]:
    missed = [each for each in written if each["label"] not in heard[each["plain"]]]
    return {
        "heard": share(len(written) - len(missed), len(written)),
        "missed": [_told(each["plain"], each["label"], heard) for each in missed],
    }


def _suite(own: Sequence[Case], heard: Dict[str, FrozenSet[str]]) -> Dict[str, Any]:
    counted = [case for case in own if case.counts(heard)]
    failed = [case for case in counted if case.fails(heard)]
    silent = [case for case in counted if not case.is_wanted]
    return {
        "kind": own[0].kind,
        "cases": len(counted),
        "left_out": len(own) - len(counted),
        "failures": share(len(failed), len(counted)),
        "something_else": share(sum(bool(heard[case.text] - {case.label}) for case in silent), len(silent)),
        "failed": [_told(case.text, case.wanted, heard) for case in failed[:LISTED]],
    }


def _totals(every: Sequence[Case], heard: Dict[str, FrozenSet[str]]) -> Dict[str, Any]:
    found = {}
    for kind in (INVARIANCE, DIRECTION):
        counted = [case for case in every if case.kind == kind and case.counts(heard)]
        found[kind] = share(sum(case.fails(heard) for case in counted), len(counted))
    return found


def _told(text: str, wanted: str, heard: Dict[str, FrozenSet[str]]) -> Dict[str, Any]:
    return {"text": text, "wanted": wanted, "got": sorted(heard[text])}


def _unheard(plain: Dict[str, Any]) -> List[str]:
    return ["Plain statements that are not heard:", *map(_line, plain["missed"])] if plain["missed"] else []


def _failed(suites: Dict[str, Dict[str, Any]]) -> List[str]:
    """The first few of each suite; var/eval.json has more."""
    lines: List[str] = []
    for name, each in suites.items():
        if each["failed"]:
            lines += [f"Failed in {name}:", *map(_line, each["failed"][:SHOWN])]
    return lines


def _line(each: Dict[str, Any]) -> str:
    return f"  [{each['wanted']}; heard {' '.join(each['got']) or 'nothing'}] {each['text']}"
