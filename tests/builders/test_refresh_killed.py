"""A refresh that is killed outright, as a process: the next finish it, and nothing else comes of it."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from contents import current, differences, empty
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.refresh import refresh
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN, crystals, revisions
from ruamel.yaml import YAML

KILLS = int(os.environ.get("KILLS", "1"))
LAYERED = ("MoS2-2H", "MoS2-3R", "NbSe2-2H", "SnS2-1T", "CdI2-CdI2", "BN-h", "TiSe2-1T", "WS2-2H", "HfSe2-1T")
OTHERS = ("NaCl-rocksalt", "MgO-rocksalt", "KBr-rocksalt", "ZnS-sphalerite", "CdTe-sphalerite", "CaO-rocksalt")
DRAWN = {
    "name": "drawn",
    "dimension": 3,
    "compositions": {
        "draws": 300,
        "matgan": {"config": {"warm_up_epochs": 2, "adversarial_epochs": 0, "report_draws": 100, "width": 32}},
        "classifier": {"config": {"kind": "forest", "forest_trees": 20, "folds": 0}},
        "roost": {"config": {"epochs": 1, "width": 8, "hidden": 16, "trunk": [16]}},
        "energies_from": None,
        "gates": [{"name": "balanced", "field": "electronegativity_balanced", "is": True}],
    },
    "routes": {"template": {"structures": 2, "min_p_2d": None, "max_predicted_formation_energy": None}},
    "gates": [{"name": "valid", "field": "valid", "is": True}],
}


@pytest.fixture
def campaigns(tmp_path: Path) -> list[str]:
    """Files of two campaigns: layers cut from crystals, and compositions that are drawn, over one source."""
    fields = ("structure", "band_gap", "formation_energy", "exfoliation_energy")
    rows = [
        {"material_id": doc["source_id"], **{field: doc[field] for field in fields if field in doc}}
        for doc in crystals(*LAYERED, *OTHERS)
    ]
    source = tmp_path / "lab.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    pulled = {"sources": [{"kind": "structures", "options": {"paths": [str(source)]}}]}
    files = []
    for campaign in (YAML(typ="safe").load(CAMPAIGN), DRAWN):
        file = tmp_path / f"{campaign['name']}.yaml"
        file.write_text(json.dumps({**campaign, **pulled}))  # which is YAML as well
        files.append(str(file))
    return files


def start(registry: Connection, campaigns: list[str]) -> subprocess.Popen[bytes]:
    settings = registry.settings
    values = {"HOME": settings.home, "MONGOD": settings.mongod, "DATABASE": registry.name, "BATCH_SIZE": 7}
    environment = {**os.environ, **{f"EXFOLIO_{name}": str(value) for name, value in values.items()}}
    program = "import sys; from exfolio.cli.main import main; main()"
    command = [sys.executable, "-c", program, "refresh", *campaigns, "-n", "1"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(registry: Connection, campaigns: list[str]) -> None:
    report = refresh(registry, [load(file) for file in campaigns])
    assert report.exit_code == 0


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_a_refresh_killed_at_random_points_is_finished_by_the_next(registry: Connection, campaigns: list[str]) -> None:
    finish(registry, campaigns)
    undisturbed = current(registry)
    assert len(undisturbed["compositions"]) == 300
    assert len(undisturbed["candidates"]) >= 8
    empty(registry)

    chance = random.Random(20261129)
    kills = 0
    while kills < KILLS:
        runs = registry.database["runs"].count_documents({})
        process = start(registry, campaigns)
        while process.poll() is None and registry.database["runs"].count_documents({}) == runs:
            time.sleep(0.05)  # it imports what it needs
        try:
            process.wait(timeout=chance.uniform(0.1, 4.0))
            empty(registry)  # all done: begin again, to be killed at other points
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    finish(registry, campaigns)

    assert differences(current(registry), undisturbed) == []
    assert registry.database["failures"].count_documents({}) == 0
    before = revisions(registry)
    refresh(registry)
    assert revisions(registry) == before
