"""The YAML of dialogues/ with the line on which each thing stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.content import EXERCISES, MODULES, read_yaml, responses_of
from bot.errors import ContentError


@dataclass(frozen=True)
class Problem:
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.text}"


@dataclass(frozen=True, eq=False)
class Source:
    """One file: where it is, what it says as text and as data."""

    path: Path
    text: str
    content: Any

    def line_of(self, words: str) -> int:
        """The first line on which these words stand as a whole; 1 when they don't."""
        words = self._beside(words)
        pattern = re.compile(rf"(?<![\w/]){re.escape(words)}(?![\w/])")
        for number, line in enumerate(self.text.splitlines(), start=1):
            if pattern.search(line):
                return number
        return 1

    def _beside(self, words: str) -> str:
        """In modules/ and exercises/ a text has no name of its own: its step stands there instead."""
        steps = self.content.get("steps") if isinstance(self.content, dict) else None
        own = words.partition(f"_{self.path.stem}_")[2]
        for step in steps or ():
            if own == step.get("step") or own.startswith(f"{step.get('step')}_"):
                return f"step: {step['step']}"
        return words

    def line_below(self, *names: str) -> int:
        """The line of a key, by the keys it stands below: ("rules", "AR01", "feeds"). As far down as they are found."""
        lines, found, depth = self.text.splitlines(), 0, -1
        for name in names:
            for number, line in enumerate(lines[found:], start=found + 1):
                key = line.lstrip()
                indent = len(line) - len(key)
                if key.startswith(f"{name}:") and indent > depth:
                    found, depth = number, indent
                    break
                if key and not key.startswith("#") and indent <= depth:
                    return found
            else:
                break
        return max(found, 1)

    def problem(self, words: str, text: str) -> Problem:
        return Problem(self.path, self.line_of(words), text)

    def problem_below(self, names: Sequence[str], text: str) -> Problem:
        return Problem(self.path, self.line_below(*names), text)


@dataclass
class Sources:
    """Topic files (Rasa's format) and the others, apart."""

    root: Path
    topics: list[Source] = field(default_factory=list)
    protocol: dict[str, Source] = field(default_factory=dict)
    safety: dict[str, Source] = field(default_factory=dict)
    measures: dict[str, Source] = field(default_factory=dict)
    modules: dict[str, Source] = field(default_factory=dict)
    exercises: dict[str, Source] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def read(cls, root: Path) -> "Sources":
        sources = cls(root)
        for path in sorted(root.rglob("*.yml")):
            shown = path.relative_to(root.parent)
            try:
                source = Source(shown, path.read_text(encoding="utf-8"), read_yaml(path))
            except ContentError as error:
                line = re.search(r":(\d+) is not YAML", str(error))
                text = "is not YAML: " + str(error).rpartition("is not YAML: ")[2]
                sources.problems.append(Problem(shown, int(line[1]) if line else 1, text))
                continue
            sources._sort_in(path.relative_to(root).parts, source)
        return sources

    def _sort_in(self, parts: tuple[str, ...], source: Source) -> None:
        name = source.path.stem
        if parts[0] == "protocol":
            self.protocol[name] = source
        elif parts[0] == "safety" and name in ("risks", "questions", "numbers"):
            self.safety[name] = source
        elif parts[0] == "measures":
            self.measures[name] = source
        elif parts[0] == MODULES:
            self.modules[name] = source
        elif parts[0] == EXERCISES:
            self.exercises[name] = source
        elif parts[0] != "transcripts" and "lexicon" not in parts:
            self.topics.append(source)

    def shown(self, path: str) -> Path:
        """A path as writers know it: from dialogues/ on."""
        return Path(self.root.name) / path

    def defined(self, key: str) -> Iterator[tuple[str, Any, Source]]:
        """Everything defined under a top-level key of the topics: name, definition, file."""
        for source in self.topics:
            entries = source.content.get(key) or [] if isinstance(source.content, dict) else []
            for entry in entries:
                name = next(iter(entry)) if isinstance(entry, dict) else entry
                yield str(name), entries[entry] if isinstance(entries, dict) else entry, source

    @cached_property
    def responses(self) -> dict[str, tuple[list[dict[str, Any]], Source]]:
        found = {name: (variations or [], source) for name, variations, source in self.defined("responses")}
        for folder, sources in ((MODULES, self.modules), (EXERCISES, self.exercises)):
            for file, source in sources.items():
                for name, variations in responses_of(folder, file, source.content).items():
                    found[name] = (variations, source)
        return found

    @cached_property
    def examples(self) -> list[tuple[str, dict[str, Any], Source]]:
        """Every training example: its intent, the entry (`text`, `metadata`), its file."""
        found = []
        for source in self.topics:
            for block in (source.content.get("nlu") or []) if isinstance(source.content, dict) else []:
                for entry in _entries(block.get("examples")):
                    found.append((str(block.get("intent", "")), entry, source))
        return found


def _entries(examples: Any) -> Iterator[dict[str, Any]]:
    """Examples stand as a list of entries, or as one block of lines that begin with a dash."""
    if isinstance(examples, str):
        for line in examples.splitlines():
            if line.strip().startswith("- "):
                yield {"text": line.strip()[2:]}
    else:
        for entry in examples or []:
            yield entry if isinstance(entry, dict) else {"text": str(entry).removeprefix("- ")}
