"""Does every question of a talk carry all its answers, so that nothing is lost when the patient stops half-way?"""

from collections.abc import Iterator

from bot.content_checks.sources import Problem, Sources


def check(sources: Sources) -> Iterator[Problem]:
    forms = {name: (definition or {}).get("required_slots") or [] for name, definition, _ in sources.defined("forms")}
    for name, (variations, source) in sources.responses.items():
        for variation in variations:
            custom = variation.get("custom") or {}
            if custom.get("effect") != "record_answers":
                continue
            form, answers = str(custom.get("form")), custom.get("answers") or {}
            if form not in forms:
                yield source.problem(name, f"{name}: there is no form {form}")
            elif answers != {slot: f"{{{slot}}}" for slot in forms[form]}:
                yield source.problem(name, f"{name}: `answers` must name each question of {form}, as slot: '{{slot}}'")
