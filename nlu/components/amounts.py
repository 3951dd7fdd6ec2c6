"""Adds the numbers, durations, days and times of a message as entities; bot/coaching/amounts.py reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.coaching import amounts

KINDS = ("number", "score", "minutes", "days", "time")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class AmountExtractor(GraphComponent):
    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> AmountExtractor:
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> str:
        return hashlib.sha256(Path(amounts.__file__).read_bytes()).hexdigest()

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            entities = [
                {
                    "entity": found.kind,
                    "value": found.value,
                    "start": found.start,
                    "end": found.end,
                    "extractor": type(self).__name__,
                }
                for found in amounts.amounts(message.get(TEXT) or "")
            ]
            message.set(ENTITIES, message.get(ENTITIES, []) + entities, add_to_output=True)
        return messages
