"""What containers are promised, held against the files. Nothing is built here: that every name in them exists is."""

import json
import re
import shlex
import tomllib
from importlib import import_module
from itertools import pairwise
from typing import Any

import httpx
import pytest
import yaml

from bot.cli import cli
from bot.http import Http
from bot.settings import ROOT, Settings

DOCKERFILES = ("Dockerfile", "nlu/Dockerfile")
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
START = (ROOT / "nlu" / "start.sh").read_text()


def instructions(path: str) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / path).read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def given(path: str, name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions(path) if instruction == name]


def dockerfile_of(service: dict[str, Any]) -> str:
    build = service["build"]
    return "Dockerfile" if build == "." else str(build["dockerfile"])


BUILT = {name: dockerfile_of(service) for name, service in SERVICES.items() if "build" in service}


# Dockerfiles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCKERFILES)
def test_a_dockerfile_begins_with_its_base_and_knows_only_its_instructions(path: str) -> None:
    names = [name for name, _ in instructions(path)]

    assert names[0] == "FROM"
    assert set(names) <= INSTRUCTIONS


@pytest.mark.parametrize("path", DOCKERFILES)
def test_everything_that_is_copied_exists_and_is_not_ignored(path: str) -> None:
    ignored = [line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.strip()]
    copied = [source for arguments in given(path, "COPY") for source in arguments.split()[:-1]]

    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert [source for source in copied if source.rstrip("/") in ignored] == []


@pytest.mark.parametrize(
    ("path", "project"), [("Dockerfile", "pyproject.toml"), ("nlu/Dockerfile", "nlu/pyproject.toml")]
)
def test_the_image_has_the_python_that_the_project_asks_for(path: str, project: str) -> None:
    version = re.search(r"python:(\d+\.\d+)", given(path, "FROM")[0])
    asked = tomllib.loads((ROOT / project).read_text())["project"]["requires-python"]

    assert version is not None
    assert re.search(rf"[=>]=?\s*{re.escape(version[1])}", asked), (version[1], asked)


@pytest.mark.parametrize("path", DOCKERFILES)
def test_what_is_installed_is_locked_with_hashes(path: str) -> None:
    installs = [run for run in given(path, "RUN") if "pip install" in run and "-r " in run]

    assert installs != []
    assert [run for run in installs if "--require-hashes" not in run] == []


@pytest.mark.parametrize("path", DOCKERFILES)
def test_nothing_runs_as_root_after_the_build(path: str) -> None:
    created = re.search(r"useradd .*--uid (\d+) (\w+)", " ".join(given(path, "RUN")))
    order = [name for name, _ in instructions(path)]

    assert created is not None
    assert int(created[1]) >= 1000
    assert given(path, "USER") == [created[2]]
    assert order.index("USER") < order.index("CMD")
    assert "RUN" not in order[order.index("USER") :]


@pytest.mark.parametrize("path", DOCKERFILES)
def test_the_health_check_asks_a_door_that_exists(path: str) -> None:
    check = given(path, "HEALTHCHECK")[0]
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]*)", check)

    assert asked is not None
    assert (asked[2], asked[1]) in {("/health", "8400"), ("/webhooks/coach/", "5005")}
    assert asked[1] in given(path, "EXPOSE")[0]
    assert json.loads(check[check.index("[") :])[0] == "python"


async def test_the_doors_of_the_health_checks_answer() -> None:
    """The app's here; Rasa's own in tests/contract."""
    http = Http("127.0.0.1", 0)
    await http.start([])
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{http.address}/health")
    await http.stop()

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_command_of_the_app_is_the_one_that_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    command = json.loads(given("Dockerfile", "CMD")[0])
    module, _, function = scripts[command[0]].partition(":")

    assert callable(getattr(import_module(module), function))
    assert command[1] in {each.name or each.callback.__name__ for each in cli.registered_commands if each.callback}


def test_the_start_of_rasa_names_files_and_modules_that_exist() -> None:
    words = shlex.split(START.replace("\\\n", " "), comments=True)
    modules = {after.rstrip(")") for before, after in pairwise(words) if before == "-m" and after != "rasa"}
    files = {word for word in words if word.startswith("nlu/")}

    assert json.loads(given("nlu/Dockerfile", "CMD")[0]) == ["sh", "nlu/start.sh"]
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []
    assert files != set()
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert "nlu.train" in " ".join(given("nlu/Dockerfile", "RUN"))


def test_what_the_production_endpoints_ask_for_is_set_when_rasa_starts() -> None:
    files = re.findall(r"nlu/[\w.]+\.yml", START)
    asked = {name for file in files for name in re.findall(r"\$\{(\w+)\}", (ROOT / file).read_text())}
    set_there = set(re.findall(r"^(\w+)=", START, flags=re.MULTILINE)) | set(SERVICES["rasa"]["environment"])

    assert asked != set()
    assert asked <= set_there


# Compose --------------------------------------------------------------------------------------------------------------


def test_every_image_that_is_built_has_its_dockerfile() -> None:
    assert BUILT == {"app": "Dockerfile", "rasa": "nlu/Dockerfile"}


def test_every_service_that_is_waited_for_says_when_it_is_well() -> None:
    waited = {name: each for service in SERVICES.values() for name, each in service.get("depends_on", {}).items()}
    well = {
        name
        for name in waited
        if "healthcheck" in SERVICES[name] or given(BUILT.get(name, DOCKERFILES[0]), "HEALTHCHECK")
    }

    assert {each["condition"] for each in waited.values()} == {"service_healthy"}
    assert set(waited) == {"postgres", "redis", "rasa"}
    assert well == set(waited)


@pytest.mark.parametrize("name", ["rasa", "postgres", "redis"])
def test_only_the_app_can_reach_the_world(name: str) -> None:
    assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert set(SERVICES["app"]["networks"]) == {"inside", "outside"}


@pytest.mark.parametrize("name", list(SERVICES))
def test_no_port_is_published_beyond_this_host(name: str) -> None:
    published = SERVICES[name].get("ports", [])

    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []
    assert (published == []) or name == "app"
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", ["app", "rasa", "redis"])
def test_a_service_can_write_only_to_memory(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["tmpfs"] != []
    assert "volumes" not in service


@pytest.mark.parametrize("name", list(SERVICES))
def test_no_service_can_gain_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert "docker.sock" not in json.dumps(service)


def test_the_folders_in_memory_belong_to_the_users_of_the_images() -> None:
    for name, path in BUILT.items():
        (uid,) = re.findall(r"--uid (\d+)", " ".join(given(path, "RUN")))
        assert [each for each in SERVICES[name]["tmpfs"] if f"uid={uid}" in each] != [], name


# Secrets and settings -------------------------------------------------------------------------------------------------

SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|KEYS|DATABASE_URL")


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_secret_is_a_file_and_never_a_value(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    secret = {variable: value for variable, value in environment.items() if SECRET.search(variable)}

    assert {variable for variable in secret if not variable.endswith("_FILE")} == set()
    assert {value.removeprefix("/run/secrets/") for value in secret.values()} <= set(SERVICES[name].get("secrets", []))


def test_every_secret_that_is_used_is_declared_as_a_file_that_git_ignores() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    ignored = (ROOT / ".gitignore").read_text().split()

    assert used == set(COMPOSE["secrets"])
    assert [each for each in COMPOSE["secrets"].values() if not each["file"].startswith("./secrets/")] == []
    assert "secrets/" in {line.lstrip("/") for line in ignored}


def test_the_secrets_that_scripts_read_are_given_to_their_service() -> None:
    read = set(re.findall(r"\$\(secret (\w+)\)", START))

    assert read != set()
    assert read <= set(SERVICES["rasa"]["secrets"])


def test_the_settings_of_the_app_exist() -> None:
    known = {str(field.alias or f"COACH_{name.upper()}") for name, field in Settings.model_fields.items()}
    used = {name.removesuffix("_FILE") for name in SERVICES["app"]["environment"]}
    in_the_image = {name for line in given("Dockerfile", "ENV") for name in re.findall(r"(COACH_\w+)=", line)}

    assert used | in_the_image <= known
    assert in_the_image == {"COACH_HOST", "COACH_PORT", "COACH_CONSOLE_HOST", "COACH_CONSOLE_PORT"}


def test_the_settings_that_are_shown_exist() -> None:
    known = {str(field.alias or f"COACH_{name.upper()}") for name, field in Settings.model_fields.items()}
    shown = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))

    assert shown == known


def test_rasa_and_the_app_find_each_other() -> None:
    app, rasa = SERVICES["app"]["environment"], SERVICES["rasa"]["environment"]

    assert app["COACH_RASA_URL"] == "http://rasa:5005"
    assert "-p 5005" in START
    assert rasa["COACH_ACTION_URL"] == "http://app:8400/actions"
    assert "COACH_PORT=8400" in given("Dockerfile", "ENV")[0]
