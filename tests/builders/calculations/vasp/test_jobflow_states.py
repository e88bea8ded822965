"""Jobs of a jobflow-remote project, in the shape in which version 1.0 keeps them."""

from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.calculations.vasp.jobflow_states import read_jobs
from exfolio.stores.connection import Connection
from exfolio.stores.errors import CannotRunError, ConfigurationError
from exfolio.stores.server import embedded, replica_set
from ruamel.yaml import YAML


def job(name: str, state: str, **more: Any) -> dict[str, Any]:
    metadata = {"exfolio": {"structure_id": "st-1"}}
    return {"job": {"name": name, "metadata": metadata}, "state": state, "worker": "cluster", "remote": {}, **more}


@pytest.fixture
def project(registry: Connection, mongo_server: embedded.Server, tmp_path: Path) -> Path:
    """Give a project file whose queue is a collection of this test's database."""
    password = mongo_server.home.credentials().admin.get_secret_value()
    store = {
        "type": "MongoStore",
        "host": "localhost",
        "port": mongo_server.port,
        "database": registry.name,
        "username": replica_set.ADMIN,
        "password": password,
        "auth_source": "admin",
        "collection_name": "jobs",
        "mongoclient_kwargs": {"directConnection": True},
    }
    path = tmp_path / "project.yaml"
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump({"name": "exfolio_layers", "queue": {"store": store}}, stream)
    return path


def test_states_reasons_and_folders_are_read_back(registry: Connection, project: Path, tmp_path: Path) -> None:
    here = tmp_path / "runs" / "one"
    here.mkdir(parents=True)
    registry.database["jobs"].insert_many(
        [
            job("MoS2_1/PBE-relax", "COMPLETED", run_dir=str(here)),
            job("MoS2_1/PBE-static", "COMPLETED", run_dir="/scratch/far/away"),
            job("WS2_1/PBE-relax", "FAILED", error="Traceback …\nCustodianError: VASP died\n"),
            job("WS2_1/PBE-static", "REMOTE_ERROR", remote={"error": "no route to host"}),
            job("WSe2_1/PBE-static", "FAILED", error="\n", remote=None),
            job("WSe2_1/PBE-relax", "RUNNING"),
            {"job": {"name": "of somebody else", "metadata": {}}, "state": "COMPLETED", "run_dir": str(here)},
        ]
    )
    try:
        jobs = read_jobs(project)
    finally:
        registry.database["jobs"].drop()

    assert jobs.states == {"COMPLETED": 2, "FAILED": 2, "REMOTE_ERROR": 1, "RUNNING": 1}
    assert jobs.folders == [here]
    assert jobs.elsewhere == {"cluster": ["/scratch/far/away"]}
    assert jobs.failed == {
        "WS2_1/PBE-relax": "CustodianError: VASP died",
        "WS2_1/PBE-static": "no route to host",
        "WSe2_1/PBE-static": "no reason given",
    }


@pytest.mark.parametrize(
    "text",
    ["", "[", "name: x", "queue: {store: {database: 3}}", "queue: [1]", "queue: {store: {database: x, port: a}}"],
)
def test_a_file_that_is_no_project_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "project.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"project\.yaml"):
        read_jobs(tmp_path / "project.yaml")


def test_a_database_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfolio.builders.calculations.vasp.jobflow_states._ANSWER_MILLISECONDS", 200)
    (tmp_path / "project.yaml").write_text("queue: {store: {database: x, host: 127.0.0.1, port: 1}}")
    with pytest.raises(CannotRunError, match="does not answer"):
        read_jobs(tmp_path / "project.yaml")
