"""Reads dialogues/: one file a topic, each holding its intents, examples, slots, forms, responses and rules.

Rasa reads such mixed files by itself, with traps that are closed here:
- it takes the responses of every file twice (as domain and as NLU data) and warns that all are duplicates;
- it ignores a misspelt heading (`respones:`) in silence;
- a form whose `validate_<form>` is not declared as an action is validated by nobody, in silence;
- YAML that is not Rasa's may look like it (the safety lexicon has `rules` too), so its folders are left out;
- it checks each file three times against a schema, which takes longer than all training; `make content` checks.
Thresholds of the understanding are protocol, so they come from dialogues/protocol/understanding.yml.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Union

import rasa.shared.utils.io
from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

NOT_TOPICS = (
    "protocol",
    "transcripts",
    "lexicon",
    "measures",
    "modules",
    "exercises",
)  # folders of dialogues/ that are not Rasa's
UNDERSTANDING = "protocol/understanding.yml"
DOMAIN_HEADINGS = frozenset(("intents", "entities", "slots", "forms", "responses", "actions"))
HEADINGS = DOMAIN_HEADINGS | {"version", "nlu", "rules", "stories"}

SEEN = ("belief", "risk", "number", "score", "minutes", "days", "time")  # entities of our own components
ACTIONS = ("action_back", "action_skip", "action_why")  # of bot/rasa/actions.py
LIVES_FOR = 10 * 365 * 24 * 60  # minutes: the channel ends sessions, and only when no form is open


class TopicImporter(TrainingDataImporter):
    """`domain_path` is the dialogues/ folder; training_data_paths is the same and not looked at."""

    def __init__(
        self,
        config_file: Optional[Text] = None,
        domain_path: Optional[Text] = None,
        training_data_paths: Optional[Union[List[Text], Text]] = None,
    ) -> None:
        self._config_file = config_file
        self._folder = Path(domain_path or "dialogues")

    def get_config(self) -> Dict[Text, Any]:
        """config.yml, with the numbers named under `protocol` put in their place."""
        config = copy.deepcopy(rasa.shared.utils.io.read_model_configuration(self._config_file))
        for component in config.get("pipeline") or []:
            if "protocol" in component:
                component["protocol"] = {name: self._limit(name) for name in component["protocol"]}
        return config

    def get_config_file_for_auto_config(self) -> Optional[Text]:
        return self._config_file

    @cached_method
    def get_domain(self) -> Domain:
        """The topics' domain, completed with what belongs to every topic."""
        combined: Dict[str, Any] = {}
        for name, topic in self._topics().items():
            part = {heading: copy.deepcopy(topic[heading]) for heading in DOMAIN_HEADINGS if topic.get(heading)}
            with _Naming(name):
                Domain.from_dict(copy.deepcopy(part))  # alone first, so that a mistake is told with its file
            combined = Domain.merge_domain_dicts(part, combined)
        combined["session_config"] = {"session_expiration_time": LIVES_FOR, "carry_over_slots_to_new_session": True}
        combined["entities"] = _completed(combined.get("entities"), SEEN, {"influence_conversation": False})
        validations = [f"validate_{form}" for form in combined.get("forms") or {}]
        combined["actions"] = _completed(combined.get("actions"), (*validations, *ACTIONS))
        return Domain.from_dict(combined)

    @cached_method
    def get_nlu_data(self, language: Optional[Text] = "en") -> TrainingData:
        examples, synonyms = [], {}  # gathered, then joined once: each join reads every example again
        for name, topic in self._topics().items():
            reader = RasaYAMLReader()
            reader.filename = name
            with _Naming(name):
                reader._parse_nlu(topic.get("nlu"))
            examples += reader.training_examples
            synonyms.update(reader.entity_synonyms)
        return TrainingData(examples, synonyms)

    @cached_method
    def get_stories(self, exclusion_percentage: Optional[int] = None) -> StoryGraph:
        steps = []
        for name, topic in self._topics().items():
            told = {heading: topic[heading] for heading in ("rules", "stories") if topic.get(heading)}
            if told:
                with _Naming(name):
                    steps += YAMLStoryReader(self.get_domain(), name).read_from_parsed_yaml({"version": "3.1", **told})
        return StoryGraph(steps)

    def get_conversation_tests(self) -> StoryGraph:
        return StoryGraph([])

    @cached_method
    def _topics(self) -> Dict[str, Dict[str, Any]]:
        """The content of each topic file by its name."""
        topics = {}
        for path in sorted(self._folder.rglob("*.yml")):
            name = path.relative_to(self._folder)
            if any(part in NOT_TOPICS for part in name.parts):
                continue
            with _Naming(str(name)):
                content = rasa.shared.utils.io.read_yaml_file(path)
            if isinstance(content, dict) and HEADINGS & set(content) - {"version"}:
                _refuse_unknown(str(name), content)
                topics[str(name)] = content
        return topics

    @cached_method
    def _limit(self, wanted: str) -> Union[float, Dict[str, float]]:
        """One number, or one a class with a `default`."""
        file = self._folder / UNDERSTANDING
        if not file.is_file():
            raise RasaException(f"There is no {UNDERSTANDING}: it holds the thresholds of the understanding.")
        limits = rasa.shared.utils.io.read_yaml_file(file)
        if wanted not in limits:
            raise RasaException(f"{UNDERSTANDING} lacks `{wanted}: {{value: …, unit: …, source: …, approved: …}}`.")
        value = limits[wanted]["value"]
        return {str(name): float(each) for name, each in value.items()} if isinstance(value, dict) else float(value)


def _refuse_unknown(name: str, content: Dict[str, Any]) -> None:
    unknown = sorted(str(heading) for heading in set(content) - HEADINGS)
    if unknown:
        raise RasaException(f"{name}: Rasa would ignore {', '.join(unknown)}; it knows {', '.join(sorted(HEADINGS))}.")


def _completed(declared: Any, standing: Any, settings: Any = None) -> List[Any]:
    """The declared names and those that stand in every domain; nothing twice."""
    declared = list(declared or ())
    known = {next(iter(each)) if isinstance(each, dict) else each for each in declared}
    return declared + [{name: settings} if settings else name for name in standing if name not in known]


class _Naming:
    """Says in which file a mistake was found, whatever Rasa stumbled over."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if isinstance(error, Exception):
            raise RasaException(f"{self._name}: {error or type(error).__name__}") from error
