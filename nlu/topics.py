"""Reads dialogues/: one file a topic, each holding its intents, examples, slots, forms, responses and rules.

Rasa reads such mixed files, with traps that are closed here:
- it takes the responses of every file twice (as domain and as NLU data) and warns that all are duplicates;
- a form whose `validate_<form>` is not declared as an action is validated by nobody, silently;
- YAML that is not Rasa's may look like it (the safety lexicon has `rules` too), so its folders are left out;
- thresholds of the understanding are protocol, so they come from dialogues/protocol/understanding.yml.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Union

import rasa.shared.utils.io
from rasa.shared.core.domain import Domain
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

NOT_TOPICS = ("protocol", "transcripts", "lexicon")  # folders of dialogues/ that are not Rasa's
UNDERSTANDING = "protocol/understanding.yml"
SEEN = ("belief", "risk", "number", "score", "minutes", "days", "time")  # entities of our own components
ACTIONS = ("action_back", "action_skip", "action_why")  # of bot/rasa/actions.py
LIVES_FOR = 10 * 365 * 24 * 60  # minutes: the channel ends sessions, and only when no form is open


class TopicImporter(RasaFileImporter):
    """`domain_path` is the dialogues/ folder; training_data_paths is the same and not looked at."""

    def __init__(
        self,
        config_file: Optional[Text] = None,
        domain_path: Optional[Text] = None,
        training_data_paths: Optional[Union[List[Text], Text]] = None,
    ) -> None:
        self._folder = Path(domain_path or "dialogues")
        super().__init__(config_file, domain_path, topic_files(self._folder))

    def get_config(self) -> Dict[Text, Any]:
        """config.yml, with the numbers named under `protocol` put in their place."""
        config = copy.deepcopy(super().get_config())
        for component in config.get("pipeline") or []:
            if "protocol" in component:
                component["protocol"] = {name: self._limit(name) for name in component["protocol"]}
        return config

    @cached_method
    def get_domain(self) -> Domain:
        """The topics' domain, completed with what belongs to every topic."""
        domain = Domain.load(topic_files(self._folder))
        declared = domain.as_dict()
        forms = [f"validate_{form}" for form in domain.form_names]
        standing = Domain.from_dict(
            {
                "entities": [{name: {"influence_conversation": False}} for name in SEEN if name not in domain.entities],
                "actions": [name for name in (*forms, *ACTIONS) if name not in (declared.get("actions") or [])],
                "session_config": {"session_expiration_time": LIVES_FOR, "carry_over_slots_to_new_session": True},
            }
        )
        return domain.merge(standing, override=True)

    @cached_method
    def get_nlu_data(self, language: Optional[Text] = "en") -> TrainingData:
        data = super().get_nlu_data(language)
        known = self.get_domain().responses
        data.responses = {name: texts for name, texts in data.responses.items() if name not in known}
        return data

    def _limit(self, name: str) -> float:
        limits = read_understanding(self._folder)
        if name not in limits:
            raise RasaException(f"{UNDERSTANDING} lacks `{name}: {{value: …, unit: …, source: …, approved: …}}`.")
        return limits[name]


def topic_files(folder: Path) -> List[str]:
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*.yml")))
    return [str(folder / path) for path in files if not any(part in NOT_TOPICS for part in path.parts)]


def read_understanding(folder: Path) -> Dict[str, float]:
    """The thresholds of understanding.yml by name."""
    file = folder / UNDERSTANDING
    if not file.is_file():
        raise RasaException(f"There is no {UNDERSTANDING} in {folder}: it holds the thresholds of the understanding.")
    return {name: float(entry["value"]) for name, entry in rasa.shared.utils.io.read_yaml_file(file).items()}
