"""What the model heard in a message, by the numbers of dialogues/protocol/understanding.yml."""

from collections.abc import Sequence

from bot.coaching.findings import SEVERITIES, STRENGTH, Finding
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.rasa.turns import Label, Parse


def model_findings(parse: Parse, rules: ScreeningRules, library: Library) -> list[Finding]:
    """What only the model heard, by the two thresholds of dialogues/protocol/understanding.yml."""
    advise, ask = "understanding.risk_advise", "understanding.risk_ask"
    return [
        rules.heard_by_model(heard.id, "advise" if heard.confidence >= library.limit(advise, heard.id) else "ask")
        for heard in parse.risks
        if heard.confidence >= library.limit(ask, heard.id) and heard.id in rules.risks
    ]


def held_beliefs(parse: Parse, library: Library) -> list[Label]:
    """The beliefs that the speaker holds, now: sure enough for their class, and in a frame of their own."""
    return [
        heard
        for heard in parse.beliefs
        if heard.held and heard.confidence >= library.limit("understanding.belief_flag", heard.id)
    ]


def merge(*layers: Sequence[Finding]) -> list[Finding]:
    """One finding a risk, the strongest of any layer; gravest first. No layer overrules another."""
    best: dict[str, Finding] = {}
    for finding in (each for layer in layers for each in layer):
        known = best.get(finding.risk)
        if known is None or STRENGTH[finding.action] > STRENGTH[known.action]:
            best[finding.risk] = finding
    return sorted(best.values(), key=lambda each: (-STRENGTH[each.action], SEVERITIES.index(each.severity)))
