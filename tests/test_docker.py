"""What can be held of docker/ without an engine: the compose file's promises, the scripts against a real mongod."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from ruamel.yaml import YAML

DOCKER = Path(__file__).parents[1] / "docker"
pytestmark = pytest.mark.skipif(not DOCKER.is_dir(), reason="docker/ is not part of an installed package")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return YAML(typ="safe").load(DOCKER / "compose.yaml")


def test_the_pages_alone_are_published_on_this_machine_and_the_database_has_no_way_out(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    assert compose["networks"]["database"]["internal"] is True
    assert compose["services"]["mongo"]["networks"] == ["database"]


def test_every_service_gets_only_the_secrets_it_uses(compose: dict[str, Any]) -> None:
    made = set(re.findall(r"\b(?:mongo|mp)_\w+", (DOCKER / "make-secrets.sh").read_text()))
    assert set(compose["secrets"]) == made
    for name, service in compose["services"].items():
        used = set(re.findall(r"/run/secrets/(\w+)", str({**service, "secrets": None})))
        assert used == set(service["secrets"]), name


def test_what_holds_data_or_serves_has_a_health_check_and_comes_back(compose: dict[str, Any]) -> None:
    for name in ("mongo", "scheduler", "web"):
        assert "healthcheck" in compose["services"][name]
        assert compose["services"][name]["restart"] == "unless-stopped"


def test_what_only_asks_can_not_write(compose: dict[str, Any]) -> None:
    users = {name: service.get("environment", {}).get("MONGO_USER") for name, service in compose["services"].items()}
    assert {name for name, user in users.items() if user == "reader"} == {"ask", "web", "backup"}
    assert {name for name, user in users.items() if user == "exfolio"} == {"scheduler", "run"}


def test_the_image_runs_without_root(compose: dict[str, Any]) -> None:
    last_stage = (DOCKER / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last_stage
    for name in ("scheduler", "run", "ask", "web", "backup", "mongo-init"):
        assert compose["services"][name]["read_only"] is True
        assert compose["services"][name]["cap_drop"] == ["ALL"]


def test_requirements_are_those_of_the_project() -> None:
    command = [sys.executable, DOCKER / "requirements.py", DOCKER.parent / "pyproject.toml", "ase"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert any(line.startswith("pymongo") for line in lines)
    assert any(line.startswith("ase") for line in lines)
    assert not any(line.startswith("pytest") for line in lines)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docker")
    (folder / "make-secrets.sh").write_bytes((DOCKER / "make-secrets.sh").read_bytes())
    for _ in range(2):
        subprocess.run(["sh", folder / "make-secrets.sh"], check=True, capture_output=True)
    return folder / "secrets"


@pytest.fixture(scope="module")
def port(mongod: Path, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a mongod as compose.yaml does: replica set, authentication, key file; no user yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("mongod")
    key = folder / "keyfile"
    key.write_bytes((secrets / "mongo_keyfile").read_bytes())
    key.chmod(0o400)
    options = ["--replSet", "exfolio", "--auth", "--keyFile", key, "--wiredTigerCacheSizeGB", "0.25"]
    command = [mongod, "--port", str(found), "--bind_ip", "127.0.0.1", "--dbpath", folder, *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log)
    try:
        yield found
    finally:
        psutil.Process(process.pid).kill()
        process.wait()


def initialise(port: int, secrets: Path) -> "subprocess.CompletedProcess[str]":
    files = [f"--{name}={secrets}/mongo_{name}_password" for name in ("root", "exfolio", "reader")]
    command = [sys.executable, DOCKER / "init_mongo.py", f"--member=127.0.0.1:{port}", f"--port={port}", *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def client(port: int, secrets: Path, user: str) -> "MongoClient[dict[str, Any]]":
    password = (secrets / f"mongo_{user}_password").read_text().strip()
    return MongoClient("127.0.0.1", port, username=user, password=password, directConnection=True)


def test_users_may_do_what_they_are_for_and_no_more(port: int, secrets: Path) -> None:
    first = initialise(port, secrets)
    assert first.returncode == 0, first.stderr
    assert initialise(port, secrets).returncode == 0  # a second time changes nothing

    with client(port, secrets, "exfolio") as writer, client(port, secrets, "reader") as reader:
        writer.exfolio.trial.insert_one({"a": 1})
        assert reader.exfolio.trial.count_documents({}) == 1
        with pytest.raises(OperationFailure, match="not authorized"):
            reader.exfolio.trial.insert_one({"a": 2})
        with pytest.raises(OperationFailure, match="not authorized"):
            writer.other.trial.insert_one({"a": 2})
    with MongoClient("127.0.0.1", port, directConnection=True) as nobody, pytest.raises(OperationFailure):
        nobody.exfolio.trial.find_one()


def test_the_entrypoint_connects_with_the_password_of_a_file(port: int, secrets: Path, tmp_path: Path) -> None:
    initialise(port, secrets)
    strange = tmp_path / "password"
    strange.write_text("p@ss/w:rd%\n")
    with client(port, secrets, "root") as root:
        root.admin.command("updateUser", "exfolio", pwd="p@ss/w:rd%")
    settings = {name: value for name, value in os.environ.items() if name != "EXFOLIO_HOME"}
    folder = str(Path(sys.executable).parent)
    environment = {
        **settings,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "MONGO_HOSTS": f"127.0.0.1:{port}",
        "MONGO_USER": "exfolio",
        "MONGO_PASSWORD_FILE": str(strange),
    }

    command = ["sh", DOCKER / "entrypoint.sh", "db", "status", "--json"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert found.returncode == 0, found.stderr
    assert f"127.0.0.1:{port}" in found.stdout
    assert "p@ss" not in found.stdout + found.stderr
    missing = subprocess.run(
        command, env={**environment, "MONGO_PASSWORD_FILE": "/nowhere"}, capture_output=True, text=True, timeout=60
    )
    assert missing.returncode != 0
    assert "the password file can't be read" in missing.stderr


def test_the_entrypoint_takes_a_key_of_the_materials_project_from_a_file(secrets: Path, tmp_path: Path) -> None:
    told = tmp_path / "exfolio"  # in the place of the command: says what it was given
    told.write_text('#!/bin/sh\necho "key=${EXFOLIO_MP_API_KEY-none}"\n')
    told.chmod(0o755)
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")

    def given(file: Path) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MP_API_KEY_FILE": str(file)}
        command = ["sh", DOCKER / "entrypoint.sh", "status"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert given(key).stdout == "key=0123456789abcdef0123456789abcdef\n"
    assert given(secrets / "mp_api_key").stdout == "key=none\n"  # as make-secrets.sh makes it
    refused = given(Path("/nowhere"))
    assert (refused.returncode, "can't be read" in refused.stderr) == (2, True)
