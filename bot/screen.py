"""`coach screen`: what the coach hears in a line of text, by rules and by the model. No patient, no database."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from bot.coaching.screening import ScreeningRules, screen
from bot.content import Library
from bot.rasa.client import Rasa
from bot.rasa.process import RasaProcess
from bot.rasa.turns import Parse
from bot.services.hearing import held_beliefs, merge, model_findings
from bot.services.safety import screening_rules
from bot.settings import Settings

BATCH = 50


def screen_lines(
    settings: Settings, lines: Iterable[str], *, rules_only: bool, progress: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """One result a line, in order: {"text","intent","beliefs","risks"} or {"error"}."""
    library = Library.load(settings.dialogues)
    rules = screening_rules(library)
    if rules_only:
        for line in lines:
            yield _result(line, None, library, rules)
        return
    with asyncio.Runner() as runner:
        process = RasaProcess(settings, progress=progress)
        runner.run(process.start())
        try:
            remaining = iter(lines)
            while batch := list(islice(remaining, BATCH)):
                parses = runner.run(_parses(process.client, batch, library))
                yield from (_result(line, parse, library, rules) for line, parse in zip(batch, parses, strict=True))
        finally:
            runner.run(process.stop())


async def _parses(rasa: Rasa, batch: list[str], library: Library) -> list[Parse | None]:
    texts = [_read(line, library).get("text", "") for line in batch]
    parses = iter(await rasa.parse([text for text in texts if text]))
    return [next(parses) if text else None for text in texts]


def _read(line: str, library: Library) -> dict[str, str]:
    """{"text"} or {"error"}: a line that begins with { is JSON, any other is the text itself."""
    text: Any = line.strip()
    if text.startswith("{"):
        try:
            text = json.loads(text).get("text")
        except (json.JSONDecodeError, AttributeError) as error:
            return {"error": f"not JSON: {error}"}
    if not isinstance(text, str) or not text.strip():
        return {"error": 'no text: give {"text": "…"} or a plain line'}
    longest = int(library.number("conversation.longest_message"))
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > longest:
        return {"error": f"longer than {longest} UTF-16 units"}
    return {"text": text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")}  # half an emoji has no bytes


def _result(line: str, parse: Parse | None, library: Library, rules: ScreeningRules) -> dict[str, Any]:
    read = _read(line, library)
    if "error" in read:
        return dict(read)
    found = screen(read["text"], rules)
    if parse:
        found = merge(found, model_findings(parse, rules, library))
    return {
        "text": read["text"],
        "intent": parse.intent.name if parse else None,
        "beliefs": [
            {"id": belief.id, "confidence": round(belief.confidence, 3)}
            for belief in (held_beliefs(parse, library) if parse else [])
        ],
        "risks": [
            {"id": finding.risk, "severity": finding.severity, "action": finding.action, "layer": finding.layer}
            for finding in found
            if finding.action in ("advise", "ask")
        ],
    }
