"""Can every questionnaire be asked, scored and read? Or does it say whose words it may not carry?"""

from collections.abc import Iterator
from math import prod
from typing import Any

from pydantic import ValidationError

from bot.coaching import instruments
from bot.coaching.instruments import Measure, Rule
from bot.content import faults
from bot.content_checks.sources import Problem, Source, Sources

LONGEST_MESSAGE = 4096  # Telegram's, in characters


def check(sources: Sources) -> Iterator[Problem]:
    measures: dict[str, Measure] = {}
    for name, source in sources.measures.items():
        try:
            measures[name] = instruments.read(source.content)
        except ValidationError as error:
            yield source.problem(name, f"{name} can't be asked: {faults(error)}")
    numbers = sources.protocol.get("measures")
    if measures and numbers is None:
        yield Problem(sources.shown("protocol"), 1, "measures.yml is missing: it says when questionnaires are asked")
        return
    for name, measure in measures.items():
        source = sources.measures[name]
        if measure.measure != name:
            yield source.problem("measure", f"{name}.yml declares {measure.measure}: the file is called as the measure")
        yield from _words(source, measure)
        yield from _labels(source, measure, _value(sources, "wording", "longest_label"))
        yield from _scores(source, measure)
        yield from _schedule(source, measure, set(measures), numbers.content if numbers else {})
    if numbers:
        listed = numbers.content["order"]["value"]
        for name in sorted(set(measures) ^ set(listed)):
            yield numbers.problem("order", f"{name} stands either in order or in dialogues/measures/: it needs both")


def _value(sources: Sources, file: str, name: str) -> float:
    return float(sources.protocol[file].content[name]["value"]) if file in sources.protocol else float("inf")


def _words(source: Source, measure: Measure) -> Iterator[Problem]:
    missing = measure.without_text()
    if missing and not measure.licence.needed:
        yield source.problem("items", f"{measure.measure} has no words for {', '.join(missing)}, and needs no licence")
    if measure.licence.needed and (len(missing) < len(measure.items) or measure.stem):
        yield source.problem("licence", f"{measure.measure} carries words that need a licence: take them out")
    for part in (measure.licence.status, measure.licence.credit, measure.wording.source, measure.wording.approved):
        if not part.strip():
            yield source.problem("licence", f"{measure.measure} doesn't say whose words it is, or where they are from")
    if measure.layout == "ticks":
        length = len(measure.stem) + sum(len(item.text) + 8 for item in measure.items.values())
        if length > LONGEST_MESSAGE:
            yield source.problem(
                "items", f"{measure.measure} has {length} characters: Telegram takes {LONGEST_MESSAGE}"
            )


def _labels(source: Source, measure: Measure, longest: float) -> Iterator[Problem]:
    for options in (measure.options, *(item.options for item in measure.items.values())):
        if len({each.value for each in options}) < len(options):
            yield source.problem("options", f"{measure.measure} has two options of one value")
        for option in options:
            if len(option.label) > longest:
                yield source.problem(
                    option.label, f"the button {option.label!r} has {len(option.label)} characters: at most {longest:g}"
                )


def _scores(source: Source, measure: Measure) -> Iterator[Problem]:
    for name, rule in measure.scores():
        reach = _reach(measure, rule)
        if reach[0] < rule.range[0] or reach[1] > rule.range[1]:
            yield source.problem(
                name, f"{measure.measure}: {name} can go from {reach[0]:g} to {reach[1]:g}, outside its range"
            )


def _reach(measure: Measure, rule: Rule) -> tuple[float, float]:
    ends = [measure.ends_of(key) for key in rule.items or measure.numbered]
    low, high = [each[0] for each in ends], [each[1] for each in ends]
    match rule.method:
        case "count" | "sum":
            return sum(low), sum(high)
        case "product":
            return prod(low), prod(high)
        case _:
            return min(low), max(high)


def _schedule(source: Source, measure: Measure, names: set[str], numbers: dict[str, Any]) -> Iterator[Problem]:
    schedule = measure.schedule
    until = [schedule.every.until] if schedule.every else []
    for occasion in (*schedule.at, *until):
        if occasion not in numbers["occasions"]:
            yield source.problem(
                "schedule", f"{measure.measure} is asked at {occasion}, which measures.yml doesn't know"
            )
    for other in schedule.when_worse:
        if other not in names:
            yield source.problem("schedule", f"{measure.measure} waits for {other} to get worse, which is no measure")
    if not schedule.at and not schedule.every:
        yield source.problem("schedule", f"{measure.measure} is never asked")
    if measure.minutes.value > numbers["most_minutes"]["value"]:
        yield source.problem("minutes", f"{measure.measure} takes longer than a day may ask for")
