"""Small topics in a temporary folder, and components fed with a few sentences."""

from __future__ import annotations

import os
from typing import Any, Dict, List

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA, METADATA_EXAMPLE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components import minilm

LIMITS = {
    "belief_flag": 0.5,
    "frame_sure": 0.9,
    "risk_advise": 0.8,
    "risk_ask": 0.4,
    "intent_fallback": 0.2,
    "intent_ambiguity": 0.0,
    "intent_nearest": 0.4,
    "way_out_nearest": 0.8,
}


@pytest.fixture
def topics(tmp_path):
    """Writes topic files: topics(goal="…yaml…")."""

    def write(**files: str) -> str:
        for name, content in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return str(tmp_path)

    return write


def example(text: str, intent: str, **metadata: Any) -> Message:
    message = Message.build(text, intent)
    if metadata:
        message.set(METADATA, {METADATA_EXAMPLE: metadata})
    return message


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Trains a component on examples, stores it, and gives back the one that was loaded again."""
    monkeypatch.setattr(minilm, "CACHE", tmp_path / "cache")

    def train(component: Any, examples: List[Message], **limits: float) -> Any:
        storage = LocalModelStorage.create(_made(tmp_path / "model"))
        context = ExecutionContext(GraphSchema({}))
        data = featurizer().process_training_data(TrainingData(examples))
        config = {"protocol": {**LIMITS, **limits}}
        component.create(config, storage, Resource("it"), context).train(data)
        return component.load(config, storage, Resource("it"), context)

    return train


def featurizer() -> minilm.MiniLM:
    return minilm.MiniLM("MiniLM")


def heard(component: Any, text: str) -> Dict[str, Any]:
    message = Message({TEXT: text})
    featurizer().process([message])
    component.process([message])
    return message.as_dict(only_output_properties=True)


def _made(path):
    path.mkdir()
    return path
