"""Commands that only look into the registry import none of the science, so that they answer at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.campaign import load
from exfolio.builders.refresh import refresh
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN

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

    # When a command that only looks is run in a process of its own
    done, said = in_own_process(registry, arguments)

    # Then it answers, and none of the large packages was imported for it
    assert done.stdout
    assert said["code"] in (0, 1), done.stderr
    assert said["imported"] == []


def test_a_refresh_with_nothing_due_imports_no_science(connection: Connection, tmp_path: Path) -> None:
    # Given a registry at rest
    file = tmp_path / "layers.yaml"
    file.write_text(f"{CAMPAIGN}sources: [{{kind: known-monolayers}}]\n")
    refresh(connection, [load(str(file))])

    # When it is refreshed again, all of it or one campaign by its file
    everything = in_own_process(connection, ["refresh"])[1]
    by_file = in_own_process(connection, ["refresh", str(file)])[1]

    # Then nothing is imported that computes; to read the file, the table of elements is
    assert everything == {"code": 0, "imported": []}
    assert by_file["code"] == 0
    assert set(by_file["imported"]) <= {"pymatgen"}


def in_own_process(
    connection: Connection, arguments: list[str]
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    settings = connection.settings
    environment = os.environ | {
        "EXFOLIO_HOME": str(settings.home),
        "EXFOLIO_MONGOD": str(settings.mongod),
        "EXFOLIO_DATABASE": connection.name,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,
    )
    return done, json.loads(done.stderr.splitlines()[-1])
