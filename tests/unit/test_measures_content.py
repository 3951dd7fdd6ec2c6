"""What `make content` and `coach doctor` say about questionnaires, and what keeps a coach from starting."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.content import Library
from bot.content_checks import check
from bot.doctor import _measures
from bot.errors import ConfigurationError, ContentError
from bot.settings import ROOT, Settings

MEASURES = ROOT / "dialogues" / "measures"


def declared(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MEASURES / f"{name}.yml").read_text())
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dialogues/ with one questionnaire, in order."""
    root = tmp_path / "dialogues"
    (root / "protocol").mkdir(parents=True)
    (root / "measures").mkdir()
    numbers = yaml.safe_load((ROOT / "dialogues" / "protocol" / "measures.yml").read_text())
    numbers["order"]["value"] = ["phq4"]
    (root / "protocol" / "measures.yml").write_text(yaml.safe_dump(numbers))
    (root / "protocol" / "wording.yml").write_text((ROOT / "dialogues" / "protocol" / "wording.yml").read_text())
    (root / "protocol" / "safety_approvals.yml").write_text("approved: {}")
    write(root, declared("phq4"))
    return root


def write(root: Path, content: dict[str, Any]) -> None:
    (root / "measures" / "phq4.yml").write_text(yaml.safe_dump(content))


def problems(root: Path) -> list[str]:
    return [each.text for each in check(root) if "measures" in str(each.path)]


def test_a_questionnaire_that_is_in_order_has_no_problem(root: Path) -> None:
    assert problems(root) == []


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"items": {**declared("phq4")["items"], "sleep": {}}}, "no words for sleep, and needs no licence"),
    ({"licence": {"needed": True, "status": "© X", "credit": "X"}}, "carries words that need a licence"),
    ({"licence": {"needed": False, "status": " ", "credit": "X"}}, "doesn't say whose words it is"),
    ({"options": [{"value": 0, "label": "x" * 41}, {"value": 3, "label": "y"}]}, "has 41 characters: at most 40"),
    ({"options": [{"value": 1, "label": "x"}, {"value": 1, "label": "y"}]}, "has two options of one value"),
    ({"options": [{"value": 0, "label": "x"}, {"value": 9, "label": "y"}]}, "can go from 0 to 36, outside its range"),
    ({"schedule": {"at": ["week_7"]}}, "is asked at week_7, which measures.yml doesn't know"),
    ({"schedule": {}}, "is never asked"),
    ({"schedule": {"at": ["week_0"], "when_worse": ["odi"]}}, "waits for odi to get worse"),
    ({"measure": "phq9"}, "phq4.yml declares phq9"),
    ({"minutes": {**declared("phq4")["minutes"], "value": 9}}, "takes longer than a day may ask for"),
    ({"colour": "blue"}, "colour: Extra inputs are not permitted"),
    ({"minutes": {"value": 1, "unit": "minutes", "source": "x"}}, "minutes.approved: Field required"),
]


@pytest.mark.parametrize(("change", "says"), FAULTS)
def test_a_fault_in_a_questionnaire_is_found(root: Path, change: dict[str, Any], says: str) -> None:
    write(root, declared("phq4") | change)

    assert any(says in each for each in problems(root)), problems(root)


def test_one_that_stands_in_no_order_is_found(root: Path) -> None:
    (root / "measures" / "evs.yml").write_text(yaml.safe_dump(declared("evs")))

    assert "evs stands either in order or in dialogues/measures/: it needs both" in problems(root)


def test_a_questionnaire_that_can_not_be_read_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "measures").mkdir()
    (tmp_path / "measures" / "phq4.yml").write_text(yaml.safe_dump(declared("phq4") | {"total": {}}))

    with pytest.raises(ContentError, match=r"phq4\.yml: total\.method: Field required"):
        Library.load(tmp_path)


# The words of a licensed deployer -------------------------------------------------------------------------------------


def licensed(folder: Path, **change: Any) -> Path:
    content = {
        "measure": "pseq2",
        "licence": "granted for this test, and for nobody",
        "items": {"work": "Work?", "normal_life": "Life?"},
    }
    (folder / "pseq2.yml").write_text(yaml.safe_dump(content | change))
    return folder


def only_pseq2(tmp_path: Path) -> Path:
    root = tmp_path / "dialogues"
    (root / "measures").mkdir(parents=True)
    (root / "measures" / "pseq2.yml").write_text((MEASURES / "pseq2.yml").read_text())
    return root


def test_the_words_of_the_folder_switch_it_on(tmp_path: Path) -> None:
    root = only_pseq2(tmp_path)
    assert not Library.load(root).measures["pseq2"].on

    assert Library.load(root, licensed(tmp_path)).measures["pseq2"].on


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"items": {"work": "Work?"}}, "still without words for normal_life"),
        ({"licence": ""}, "licence: String should have at least 10 characters"),
        ({"measure": "odi"}, "there is no questionnaire odi"),
        ({"bands": {}}, "bands: Extra inputs are not permitted"),
    ],
)
def test_words_that_do_not_fit_keep_the_coach_from_starting(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Library.load(only_pseq2(tmp_path), licensed(tmp_path, **change))


def test_a_label_too_long_for_a_button_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "dialogues"
    (root / "measures").mkdir(parents=True)
    (root / "measures" / "start_back.yml").write_text((MEASURES / "start_back.yml").read_text())
    texts = {
        "measure": "start_back",
        "licence": "granted for this test, and for nobody",
        "items": {str(number): f"Sentence {number}" for number in range(1, 10)},
        "options": {"0": "x" * 41, "1": "Agree"},
        "options_of": {"9": {str(number): f"option {number}" for number in range(5)}},
    }
    (tmp_path / "start_back.yml").write_text(yaml.safe_dump(texts))

    with pytest.raises(ConfigurationError, match="41 characters"):
        Library.load(root, tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        Library.load(only_pseq2(tmp_path), tmp_path / "nowhere")


def test_the_doctor_says_what_is_asked_and_what_needs_a_licence(tmp_path: Path) -> None:
    root = only_pseq2(tmp_path)
    (root / "measures" / "evs.yml").write_text((MEASURES / "evs.yml").read_text())

    findings = list(_measures(Settings(_env_file=None, dialogues=root)))  # type: ignore[call-arg]

    assert [finding.what for finding in findings] == [
        "questionnaires that are asked: evs",
        "not asked, as their words need a licence: pseq2",
    ]
    assert all(finding.well for finding in findings)
    assert "COACH_MEASURE_TEXTS" in findings[1].advice


def test_the_doctor_names_words_that_do_not_fit(tmp_path: Path) -> None:
    licensed(tmp_path, items={"work": "Work?"})

    settings = Settings(_env_file=None, dialogues=only_pseq2(tmp_path), measure_texts=str(tmp_path))  # type: ignore[call-arg]
    findings = list(_measures(settings))

    assert [finding.well for finding in findings] == [False]
    assert "pseq2.yml" in findings[0].advice
