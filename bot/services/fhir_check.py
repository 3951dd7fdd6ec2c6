"""Is it FHIR R4? The library's models read it; what they declare and don't enforce is looked at here (docs/adr/0011)."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.errors import ContentError


def checked(bundle: Mapping[str, Any]) -> str:
    """The bundle as JSON. Raises ContentError with everything that is wrong with it."""
    from fhir.resources.R4B.bundle import Bundle  # seconds and megabytes: only when somebody exports
    from pydantic import ValidationError

    try:
        read = Bundle.model_validate(bundle)
    except ValidationError as error:
        raise ContentError(f"the case is not FHIR R4: {error.error_count()} faults") from None  # without what was said
    entries: list[Any] = read.entry or []
    kinds = {each.fullUrl: each.resource.get_resource_type() for each in entries}
    faults = sorted({fault for each in entries for fault in _faults(each.resource, kinds)})
    if len(kinds) != len(entries):
        faults.append("two entries have one fullUrl")
    if faults:
        raise ContentError(f"the case is not FHIR R4: {', '.join(faults)}")
    return str(read.model_dump_json(indent=2))


def _faults(node: Any, kinds: Mapping[str, str]) -> Iterator[str]:
    """Codes that aren't in their list, and references that lead nowhere or to something that may not stand there."""
    for name, field in type(node).model_fields.items():
        value = getattr(node, name, None)
        if value is None:
            continue
        declared: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        where = f"{node.get_resource_type()}.{name}"
        for each in value if isinstance(value, list) else [value]:
            allowed = declared.get("enum_values")
            if allowed and each not in allowed:
                yield f"{where} is none of {', '.join(allowed)}"
            if targets := declared.get("enum_reference_types"):
                kind = kinds.get(each.reference)
                if kind is None:
                    yield f"{where} leads nowhere"
                elif "Resource" not in targets and kind not in targets:
                    yield f"{where} may not be a {kind}"
            elif hasattr(type(each), "model_fields"):
                yield from _faults(each, kinds)
