"""What imports can't show: that the parts of the repository agree with each other."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.coaching.screening import ScreeningRules, screen
from bot.content import Library
from bot.settings import ROOT, Settings
from data.personal import TABLES
from data.tables import metadata

RISKS = [f"RF{number:02}" for number in range(1, 20)]
BELIEFS = [f"B{number:02}" for number in range(1, 17)]
CODE = sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "data").rglob("*.py")])


# Folders --------------------------------------------------------------------------------------------------------------


def test_there_is_no_code_among_the_dialogues() -> None:
    assert list((ROOT / "dialogues").rglob("*.py")) == []


def test_every_column_of_every_table_is_declared_personal_or_plain() -> None:
    declared = {(name, column) for name, table in TABLES.items() for column in table.columns}

    assert declared == {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}


# Settings -------------------------------------------------------------------------------------------------------------

EXAMPLE = ROOT / ".env.example"
OF_THE_MACHINE = {"COACH_VAR", "COACH_DIALOGUES"}  # absolute paths: shown, not set


def variables() -> dict[str, str]:
    """Environment variable → field of Settings."""
    return {str(field.alias or f"COACH_{name.upper()}"): name for name, field in Settings.model_fields.items()}


def test_the_example_names_every_setting_once_and_explains_it() -> None:
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    settings = [match for line in lines if (match := re.fullmatch(r"([A-Z_]+)=(\S*)\s+(?:# )?(\S.*)", line))]

    assert sorted(match[1] for match in settings) == sorted(variables())


def test_the_example_changes_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)

    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)  # type: ignore[call-arg]


def test_a_default_that_is_not_said_is_set_nowhere() -> None:
    set_here = {line.partition("=")[0] for line in EXAMPLE.read_text().splitlines() if re.match(r"[A-Z_]+=", line)}

    assert set(variables()) - set_here == OF_THE_MACHINE


# Proofs ---------------------------------------------------------------------------------------------------------------

PROOF = ROOT / "docs" / "safety" / "escalation_proof.md"


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", PROOF.read_text()))))
def test_every_test_that_the_proof_of_escalation_names_exists(named: str) -> None:
    path, _, name = named.partition("::")

    assert re.search(rf"^ *(async )?def {name}\(", (ROOT / path).read_text(), flags=re.MULTILINE)


def test_the_proof_of_escalation_has_a_test_for_every_invariant() -> None:
    lines = [line.split("|") for line in PROOF.read_text().splitlines() if re.match(r"\| I\d+ ", line)]

    assert [line[1].strip() for line in lines] == [f"I{number}" for number in range(1, 15)]
    assert [line[1] for line in lines if "`tests/" not in line[3]] == []


# Risks and beliefs ----------------------------------------------------------------------------------------------------


def examples(label: str) -> list[str]:
    return [text for text, labels in labelled_examples() if label in labels]


def labelled_examples(found: list[tuple[str, list[str]]] = []) -> list[tuple[str, list[str]]]:  # noqa: B006 - read once
    if not found:
        for path in (ROOT / "dialogues").rglob("*.yml"):
            document = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            for entry in (document.get("nlu") or ()) if isinstance(document, dict) else ():
                found += list(labels_in(entry.get("examples")))
    return found


def labels_in(listed: Any) -> Iterator[tuple[str, list[str]]]:
    for example in listed if isinstance(listed, list) else ():
        labels = (example.get("metadata") or {}).get("labels") or []
        yield from ((line.strip(), labels) for line in str(example["text"]).splitlines() if line.strip())


@pytest.fixture(scope="module")
def rules(library: Library) -> ScreeningRules:
    return ScreeningRules.from_content(library.lexicons, library.safety["risks"])


def test_the_risks_are_the_nineteen(library: Library) -> None:
    assert sorted(library.safety["risks"]["risks"]) == RISKS


@pytest.mark.parametrize("risk", RISKS)
def test_a_risk_can_be_learnt(risk: str) -> None:
    assert len(examples(risk)) >= 10


@pytest.mark.parametrize("risk", RISKS)
def test_a_risk_is_found_by_rules_alone_in_some_sentence_of_a_patient(risk: str, rules: ScreeningRules) -> None:
    caught = [text for text in examples(risk) if risk in {finding.risk for finding in screen(text, rules)}]

    assert caught != []


@pytest.mark.parametrize("risk", RISKS)
def test_a_risk_is_answered(risk: str, library: Library) -> None:
    entry = library.safety["risks"]["risks"][risk]
    responses = [name for names in entry["responses"].values() for name in names]

    assert entry["severity"] in entry["responses"]
    assert [name for name in responses if not library.has(name)] == []
    assert entry.get("question_set") is None or str(entry["question_set"]) in str(library.safety["questions"])


def test_the_beliefs_are_the_sixteen(library: Library) -> None:
    assert sorted(library.protocol["beliefs"]) == BELIEFS


@pytest.mark.parametrize("belief", BELIEFS)
def test_a_belief_can_be_learnt_and_is_met(belief: str, library: Library) -> None:
    name = f"utter_belief_{belief.lower()}"

    assert len(examples(belief)) >= 10
    assert [each for each in (name, f"{name}_in_form") if not library.has(each)] == []


# Libraries ------------------------------------------------------------------------------------------------------------


def pinned(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", lock.read_text(), flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize(("folder", "python"), [("", "3.11"), ("nlu", "3.10")])
def test_every_library_that_is_asked_for_is_locked_at_a_version_that_fits(folder: str, python: str) -> None:
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project.get("dependency-groups", {}).get("dev", [])]
    locked = pinned(ROOT / folder / "requirements.lock")
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}

    unfit = [
        text
        for text in map(Requirement, wanted)
        if (text.marker is None or text.marker.evaluate(environment))
        and not text.specifier.contains(locked.get(canonicalize_name(text.name), "0"), prereleases=True)
    ]

    assert unfit == []


@pytest.mark.parametrize("folder", ["", "nlu"])
def test_a_locked_library_is_known_by_its_hash_and_by_no_address(folder: str) -> None:
    lock = (ROOT / folder / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]

    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in lock


# Time and words in code -----------------------------------------------------------------------------------------------

CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}


def clocks_read(source: str) -> list[int]:
    """Lines that read the machine's own clock."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (getattr(node.func.value, "attr", getattr(node.func.value, "id", "")), node.func.attr) in CLOCKS
    ]


def test_only_the_clock_reads_the_time() -> None:
    reading = {str(path.relative_to(ROOT)) for path in CODE if clocks_read(path.read_text())}

    assert reading <= {"bot/clock.py"}


@pytest.mark.parametrize("source", ["datetime.now(UTC)", "date.today()", "datetime.datetime.utcnow()", "time.time()"])
def test_reading_the_time_is_noticed(source: str) -> None:
    assert clocks_read(source) == [1]


FOR_STAFF = {  # what is printed to whoever runs the coach
    "bot/chat.py", "bot/cli.py", "bot/rota_commands.py", "bot/content_checks", "bot/corrections.py", "bot/doctor.py",
    "bot/http.py", "bot/office.py", "bot/screen.py", "bot/server.py", "bot/rasa/process.py",
}  # fmt: skip
OF_PATIENTS = {"bot/coaching/vocabulary.py"}  # what people write to us, not what they read
ELSEWHERE = tuple(FOR_STAFF | OF_PATIENTS)
LOGS = {"debug", "info", "warning", "error", "exception", "critical", "progress"}
TO_SOMEBODY = re.compile(
    r"\b(you|your|you're|please|sorry|thanks|i'm|i've|i'll|we're|we'll|let's|hello|hi)\b", re.IGNORECASE
)


def sentences(source: str) -> list[str]:
    """Text in code that reads as if said to a person: three words or more, to `you`, by `I`, or ended like a sentence.

    Not: docstrings, what is raised (the reader is staff), what is logged.
    """
    tree = ast.parse(source)
    exempt = {id(child) for node in ast.walk(tree) if _for_staff(node) for child in ast.walk(node)}
    texts = [_text(node) for node in ast.walk(tree) if id(node) not in exempt]
    return [text for text in texts if _is_sentence(text)]


def _text(node: ast.AST) -> str:
    """A string, with {} for what is filled in; the pieces of an f-string are read together."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _for_staff(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name in LOGS or name.endswith("Error") or name == "text"  # sqlalchemy.text
    return isinstance(node, ast.Raise)


def _is_sentence(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text)
    told = TO_SOMEBODY.search(text) is not None or re.search(r"[a-z]{2}[.!?]\s*$", text) is not None
    listed = len(words) > 30 and not re.search(r"[.!?:,]\s", text)  # words in a row, for matching
    for_staff = re.search(r"\b(COACH|TELEGRAM)_[A-Z]", text)  # it names a setting
    return len(words) >= 3 and " " in text.strip() and told and not listed and not for_staff


def test_no_sentence_for_a_patient_stands_in_code() -> None:
    bot = [path for path in CODE if path.is_relative_to(ROOT / "bot")]
    found = {str(path.relative_to(ROOT)): sentences(path.read_text()) for path in bot}

    assert {name: texts for name, texts in found.items() if texts and not name.startswith(ELSEWHERE)} == {}


@pytest.mark.parametrize(
    "source",
    [
        "say('Please go to A&E now')",
        "text = 'How much pain do you have today?'",
        "text = f'Well done, that is {minutes} minutes.'",
        "return Words(text='I have kept your message')",
        "GREETING = 'Rest is best.'",
    ],
)
def test_a_sentence_for_a_patient_is_noticed(source: str) -> None:
    assert sentences(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "'''What you must know about this module.'''",
        "logger.info('Your token was refused.')",
        "raise ConfigurationError('Your token was refused.')",
        "library.say('utter_check_in_done')",
        "text('select id from patient where state = 1')",
        "'%Y-%m-%d at %H:%M'",
        "REFUSED = 'Your COACH_RASA_TOKEN was refused. Copy it again.'",
    ],
)
def test_what_no_patient_reads_is_left_alone(source: str) -> None:
    assert sentences(source) == []
