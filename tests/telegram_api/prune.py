"""Keeps of the generated JSON Schema the methods that the coach calls. How to use it: README.md beside this file."""

import json
import re
import sys
from pathlib import Path

METHODS = (
    "answerCallbackQuery",
    "deleteWebhook",
    "editMessageCaption",
    "editMessageReplyMarkup",
    "editMessageText",
    "getUpdates",
    "sendDocument",
    "sendMessage",
    "sendPhoto",
    "setMyCommands",
    "setWebhook",
)
REFERENCE = re.compile(r'"#/definitions/([^"]+)"')


def prune(schema: dict, version: str) -> dict:
    """The parameters of METHODS and every definition that they lead to, without the prose."""
    definitions, wanted = {}, [f"{method[0].upper()}{method[1:]}Params" for method in METHODS]
    while wanted:
        name = wanted.pop()
        if name not in definitions:
            definitions[name] = without_prose(schema["definitions"][name])
            wanted += REFERENCE.findall(json.dumps(definitions[name]))
    return {
        "$schema": schema["$schema"],
        "$comment": f"@gramio/types {version} (MIT), generated from Telegram's own page",
        "definitions": dict(sorted(definitions.items())),
    }


def without_prose(node):
    if isinstance(node, dict):
        return {
            key: without_prose(value) for key, value in node.items() if key != "description" or isinstance(value, dict)
        }
    return [without_prose(each) for each in node] if isinstance(node, list) else node


if __name__ == "__main__":
    generated, version = Path(sys.argv[1]), sys.argv[2]
    pruned = prune(json.loads(generated.read_text()), version)
    Path(__file__).with_name("schema.json").write_text(json.dumps(pruned, indent=1, ensure_ascii=False) + "\n")
