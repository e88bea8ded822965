"""A project for jobflow-remote; its flow is run by jobflow's local runner on a VASP that gives a real run's outputs."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.calculations.vasp.inputs.due import find_due
from exfolio.builders.calculations.vasp.inputs.input_export import orders
from exfolio.builders.calculations.vasp.inputs.jobflow_project import write_project
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.models.calculation.plan import Choices
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from known_crystals import crystals, go, put
from monty.json import MontyDecoder
from ruamel.yaml import YAML

CAMPAIGN = """\
name: layers
routes: {top-down: {}}
gates: [{name: exfoliable, field: exfoliation_energy, at_most: 0.2}]
"""


@pytest.fixture
def project(registry: Connection, tmp_path: Path) -> Path:
    """Give the project of a campaign one layer of which waits for its exfoliation energy."""
    pytest.importorskip("atomate2", reason="atomate2 is not installed")
    put(registry, crystals("MoS2-2H"))
    go(registry, parse(CAMPAIGN, "layers.yaml"))
    to = tmp_path / "project"
    write_project(orders(registry, find_due(registry, "layers"), Choices()), "layers", to, Choices())
    return to


def test_a_project_has_what_jobflow_remote_asks_for(registry: Connection, project: Path) -> None:
    told = YAML(typ="safe", pure=True).load((project / "project.yaml").read_text())
    jobs = json.loads((project / "flow.json").read_text())["jobs"]

    assert told["name"] == "exfolio_layers"
    assert told["workers"]["cluster"]["work_dir"] == str(project / "runs")
    assert told["queue"]["store"]["collection_name"] == "jobs"
    assert 'project="exfolio_layers", worker="cluster"' in (project / "submit.py").read_text()
    compile((project / "submit.py").read_text(), "submit.py", "exec")
    assert {job["metadata"]["exfolio"]["campaign"] for job in jobs} == {"layers"}
    with pytest.raises(ConfigurationError, match="is not empty"):
        write_project(orders(registry, find_due(registry, "layers"), Choices()), "layers", project)


@pytest.mark.endurance
@pytest.mark.shared
@pytest.mark.filterwarnings("default")  # of jobflow and atomate2
def test_results_come_back_without_copying(registry: Connection, project: Path, shared_data: Path) -> None:
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    real = shared_data / "vasp" / "task_directory"
    vasp = project / "vasp.py"
    vasp.write_text(
        "import gzip, pathlib, shutil\n"
        "for name in ('CONTCAR', 'OUTCAR', 'vasprun.xml'):\n"
        f"    with gzip.open(pathlib.Path({str(real)!r}) / (name + '.gz')) as a, open(name, 'wb') as b:\n"
        "        shutil.copyfileobj(a, b)\n"
    )
    flow = MontyDecoder().process_decoded(json.loads((project / "flow.json").read_text()))
    direct = {"vasp_cmd": f"{sys.executable} {vasp}", "job_type": "direct"}
    flow.update_maker_kwargs({"write_input_set_kwargs": {"potcar_spec": True}, "run_vasp_kwargs": direct}, nested=True)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})

    run_locally(flow, root_dir=project / "runs", create_folders=True, store=store)
    report = run_stage(VaspStage([str(project / "runs")]), registry)
    run_stage(MatchStage(), registry)

    with gzip.open(real / "OUTCAR.gz", "rt") as outcar:
        energy = [line for line in outcar if "free  energy   TOTEN" in line][-1].split()[-2]
    found = list(registry.database["calculations"].find())
    assert len(found) == report.inserted == len(list((project / "runs").rglob("exfolio.json"))) > 0
    assert {doc["manifest"]["campaign"] for doc in found} == {"layers"}
    assert [doc["energy"] for doc in found] == [pytest.approx(float(energy), abs=1e-4)] * len(found)
    assert not any("matched_by" in doc for doc in found), "silicon is believed to be no layer of MoS2, whatever is said"
