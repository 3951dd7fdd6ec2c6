"""What the coach says and the numbers it goes by, read once from dialogues/.

Responses come from every file in Rasa's format, so that a sentence stands in one place whether Rasa or the
app says it. `protocol` and `safety` hold the other YAML files by name. Nothing here knows a sentence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bot.coaching import exercises, instruments, modules
from bot.coaching.exercises import Exercise
from bot.coaching.instruments import Measure
from bot.coaching.modules import Module
from bot.errors import ConfigurationError, ContentError

MODULES, EXERCISES = "modules", "exercises"  # folders of dialogues/ that are not in Rasa's format
PLACEHOLDER = re.compile(r"\{(\w+)\}")
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Choice:
    """A button: `says` is what the tap stands for; `effect` is set when the app acts on it by itself."""

    label: str
    says: str = ""
    effect: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A drawing or a chart. `description` says in one sentence what it shows: screen readers read it, and so does a chat
    that shows no pictures; `name` is a file name without its ending."""

    png: bytes
    description: str
    name: str


@dataclass(frozen=True)
class Words:
    """One thing to say: `response` is its name in dialogues/, `custom` what a turn asks the app to do.

    `picture` goes with the text, in one message; a message carries one picture.
    """

    response: str
    text: str
    choices: tuple[Choice, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    picture: Picture | None = None


class Library:
    """Every response, slot, form and number of one version of the content."""

    def __init__(
        self,
        *,
        responses: dict[str, list[dict[str, Any]]],
        slots: dict[str, dict[str, Any]],
        forms: dict[str, dict[str, Any]],
        protocol: dict[str, dict[str, Any]],
        safety: dict[str, Any],
        lexicons: list[dict[str, Any]],
        version: str = "",
        measures: dict[str, Measure] | None = None,
        modules: dict[str, Module] | None = None,
        exercises: dict[str, Exercise] | None = None,
        drawings: dict[str, str] | None = None,
        rules: list[dict[str, Any]] | None = None,
    ) -> None:
        self.rules = rules or []  # in Rasa's format, as they stand
        self.measures = measures or {}  # questionnaires by name; those without their words are not `on`
        self.responses = responses
        self.slots = slots
        self.forms = forms
        self.protocol = protocol
        self.safety = safety
        self.lexicons = lexicons
        self.version = version
        self.modules = modules or {}
        self.exercises = exercises or {}
        self.drawings = drawings or {}  # SVG by name

    @classmethod
    def load(cls, root: Path, measure_texts: Path | None = None) -> "Library":
        """Raises ContentError for a file that is not YAML, or a response that stands in two files.

        `measure_texts`: the folder with the words of questionnaires that need a licence. Raises ConfigurationError.
        """
        responses: dict[str, list[dict[str, Any]]] = {}
        slots: dict[str, dict[str, Any]] = {}
        forms: dict[str, dict[str, Any]] = {}
        protocol: dict[str, dict[str, Any]] = {}
        safety: dict[str, Any] = {}
        lexicons: list[dict[str, Any]] = []
        measures: dict[str, Measure] = {}
        skills: dict[str, Module] = {}
        moves: dict[str, Exercise] = {}
        rules: list[dict[str, Any]] = []
        digest = sha256()
        for path in sorted(root.rglob("*.yml")):
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
            document = read_yaml(path)
            folder = path.relative_to(root).parts[0]
            if folder == "protocol":
                protocol[path.stem] = document
            elif path.parent == root / "safety":
                safety[path.stem] = document
            elif path.parent == root / "safety" / "lexicon":
                lexicons.append(document)
            elif folder == "measures":
                measures[path.stem] = read_measure(path, document)
                continue
            if not isinstance(document, dict):
                continue
            try:
                if folder == MODULES:
                    skills[path.stem] = modules.read(path.stem, document)
                elif folder == EXERCISES:
                    moves[path.stem] = exercises.read(path.stem, document)
            except (KeyError, ValueError, TypeError) as error:
                raise ContentError(f"{path}: {type(error).__name__} {error}") from error
            for name, variations in responses_of(folder, path.stem, document).items():
                if name in responses:
                    raise ContentError(f"{path}: the response {name} stands in another file too")
                responses[name] = variations
            slots |= document.get("slots") or {}
            forms |= document.get("forms") or {}
            rules += [rule for rule in document.get("rules") or () if isinstance(rule, dict) and "rule" in rule]
        files = (root / EXERCISES / "drawings").glob("*.svg")
        drawings = {path.stem: path.read_text(encoding="utf-8") for path in files}
        return cls(
            responses=responses, slots=slots, forms=forms, protocol=protocol, safety=safety, lexicons=lexicons,
            measures=with_licensed_texts(measures, measure_texts), modules=skills, exercises=moves, drawings=drawings,
            rules=rules, version=digest.hexdigest()[:10],
        )  # fmt: skip

    def say(self, response: str, *, variation: int = 0, **values: object) -> Words:
        """The words of a response with its placeholders filled; `variation` picks one wording, counting round."""
        variations = self.responses.get(response)
        if not variations:
            raise ContentError(f"no response {response} in dialogues/")
        chosen = variations[variation % len(variations)]
        choices = tuple(
            Choice(label=fill(str(button["title"]), values), says=fill(str(button.get("payload", "")), values))
            for button in chosen.get("buttons") or ()
        )
        return Words(
            response=response,
            text=fill(str(chosen.get("text", "")).strip(), values),
            choices=choices,
            custom=chosen.get("custom") or {},
        )

    def has(self, response: str) -> bool:
        return response in self.responses

    def smooth(self, text: str) -> str:
        """What reads oddly once the numbers and days stand in it: "1 minutes" → "1 minute"."""
        singular: dict[str, str] = self.value("wording.one_of")
        text = re.sub(rf"(?<![\d.,:/–-])1 ({'|'.join(singular)})\b", lambda found: f"1 {singular[found[1]]}", text)
        for lengthy, short in self.value("wording.in_short").items():
            text = text.replace(lengthy, short)
        return text

    def number(self, path: str) -> float:
        """The value of a protocol number: `number("check_in.reminder_after")`; its unit stands beside it in the file."""
        return float(self.value(path))

    def limit(self, path: str, label: str) -> float:
        """A protocol number that may differ by class: `limit("understanding.belief_flag", "B04")`."""
        value: Any = self.value(path)
        return float(value[label if label in value else "default"] if isinstance(value, dict) else value)

    def value(self, path: str) -> Any:
        """The value behind `file.name` (or `file.group.name`) in dialogues/protocol/."""
        node: Any = self.protocol
        for part in path.split("."):
            if not isinstance(node, dict) or part not in node:
                raise ContentError(f"no number {path} in dialogues/protocol/")
            node = node[part]
        return node["value"] if isinstance(node, dict) and "value" in node else node

    def numbers(self, nation: str | None) -> dict[str, Any]:
        """Who to call there: values for the placeholders of every text (dialogues/safety/numbers.yml)."""
        return dict(self.safety["numbers"]["nations"][nation or "unknown"])

    def slot_spec(self, slot: str, form: str | None = None) -> dict[str, Any]:
        """The declared kind and limits of a slot: the first mapping that names a `kind` (for that form, when given)."""
        for mapping in (self.slots.get(slot) or {}).get("mappings") or ():
            loops = {condition.get("active_loop") for condition in mapping.get("conditions") or ()}
            if "kind" in mapping and (form is None or not loops or form in loops):
                return dict(mapping)
        return {}


def responses_of(folder: str, name: str, document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The responses of a file; in modules/ and exercises/ the words stand beside what they belong to."""
    if folder == MODULES:
        return modules.responses(name, document)
    if folder == EXERCISES:
        return dict(exercises.responses(name, document))
    return document.get("responses") or {}


def read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ContentError(f"{path}{line} is not YAML: {getattr(error, 'problem', error)}") from error


def read_measure(path: Path, document: Any) -> Measure:
    """One questionnaire. Raises ContentError with every problem of it."""
    try:
        return instruments.read(document)
    except ValidationError as error:
        raise ContentError(f"{path}: {faults(error)}") from error


def with_licensed_texts(measures: dict[str, Measure], folder: Path | None) -> dict[str, Measure]:
    """The words a deployer is licensed to show, put in. Raises ConfigurationError when they don't fit."""
    if folder is None:
        return measures
    if not folder.is_dir():
        raise ConfigurationError(f"COACH_MEASURE_TEXTS names {folder}, which is no folder")
    full = dict(measures)
    for path in sorted(folder.glob("*.yml")):
        try:
            texts = instruments.Texts.model_validate(read_yaml(path))
            if texts.measure not in measures:
                raise ValueError(f"there is no questionnaire {texts.measure}")
            full[texts.measure] = instruments.with_texts(measures[texts.measure], texts)
        except ValidationError as error:
            raise ConfigurationError(f"{path}: {faults(error)}") from error
        except (ContentError, ValueError) as error:
            raise ConfigurationError(f"{path}: {error}") from error
    return full


def faults(error: ValidationError) -> str:
    """Where and what, without the values."""
    found = [(".".join(str(part) for part in each["loc"]), each["msg"]) for each in error.errors()]
    return "; ".join(f"{where}: {what}" if where else what for where, what in found)


def fill(template: str, values: Mapping[str, object]) -> str:
    """`{name}` becomes the value; what a patient typed is never read as a template. Unknown names stay as they are."""
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), template)
