"""Checks a payload against Telegram's own description of its methods; see README.md beside this file."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

WITHOUT_PARAMETERS = ("getMe", "getWebhookInfo")


@cache
def schema() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text())
    return described


@cache
def validator(method: str) -> Draft7Validator:
    name = f"{method[0].upper()}{method[1:]}Params"
    if name not in schema()["definitions"]:
        raise AssertionError(f"no schema for {method}: add it to tests/telegram_api/prune.py")
    return Draft7Validator({"definitions": schema()["definitions"], "$ref": f"#/definitions/{name}"})


def check(method: str, fields: dict[str, Any], files: dict[str, Any] | None = None) -> None:
    """Raises AssertionError when Telegram's own description has no such payload. Values may be JSON, as in a form."""
    if method in WITHOUT_PARAMETERS:
        assert not fields, f"{method} takes no parameters"
        return
    payload = typed(method, fields) | dict.fromkeys(files or {}, "attach://file")
    problems = [
        f"{method}.{'.'.join(map(str, each.path))}: {each.message}" for each in validator(method).iter_errors(payload)
    ]
    assert not problems, "; ".join(problems)


def typed(method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Form values as what they stand for: only a field that is declared as text stays text whatever it looks like."""
    declared = schema()["definitions"][f"{method[0].upper()}{method[1:]}Params"].get("properties", {})
    return {
        name: value if declared.get(name, {}).get("type") == "string" else plain(value)
        for name, value in fields.items()
    }


def plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
