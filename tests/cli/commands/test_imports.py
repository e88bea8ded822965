"""Commands that only look into the registry import none of the science, so that they answer at once."""

import json
import os
import subprocess
import sys

import pytest
from exfolio.builders.candidates.campaign import load
from exfolio.stores.connection import Connection

HEAVY = ("torch", "pymatgen", "scipy", "pandas", "sklearn", "matplotlib", "smact", "ase", "apscheduler", "requests")
PROGRAM = """
import json, sys
from exfolio.cli.main import run
arguments, heavy = json.loads(sys.argv[1]), json.loads(sys.argv[2])
code = run(arguments)
print(json.dumps({"code": code, "imported": [name for name in heavy if name in sys.modules]}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["query", "materials", 'elements HAS "Mo" AND band_gap > 1', "--limit", "5"],
        ["query", "materials", "--gap-min", "1", "--format", "csv"],
        ["show", "bulk:mos2"],
        ["funnel"],
        ["status"],
        ["status", "--health"],
        ["diff", "2026-01-01"],
        ["export", "--help"],
        ["schedule", "--help"],
        ["predict", "structure", "--help"],
        ["campaign", "list"],
        ["refresh", "--help"],
    ],
    ids=" ".join,
)
def test_what_only_looks_imports_no_science(registry: Connection, arguments: list[str]) -> None:
    # Given a registry in which one campaign was refreshed
    maker = {"arguments": {"campaign": load("two-dimensional").model_dump(mode="json")}}
    registry.database["stage_states"].update_one(
        {"stage": "judge:two-dimensional"}, {"$set": {"maker": maker}}, upsert=True
    )
    settings = registry.settings
    environment = os.environ | {
        "EXFOLIO_HOME": str(settings.home),
        "EXFOLIO_MONGOD": str(settings.mongod),
        "EXFOLIO_DATABASE": registry.name,
    }

    # When a command that only looks is run in a process of its own
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,
    )

    # Then it answers, and none of the large packages was imported for it
    said = json.loads(done.stderr.splitlines()[-1])
    assert done.stdout
    assert said["code"] in (0, 1), done.stderr
    assert said["imported"] == []
