"""Commands that only look into the registry import none of the science, so that they answer at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.refresh import refresh
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN

HEAVY = ("torch", "pymatgen", "scipy", "pandas", "sklearn", "matplotlib", "smact", "ase", "apscheduler", "requests")
PROGRAM = """
import json, sys
from exfolio.cli.main import run
commands, heavy = json.loads(sys.argv[1]), json.loads(sys.argv[2])
said = []
for arguments in commands:
    code = run(arguments)
    said.append({"command": arguments, "code": code, "imported": [name for name in heavy if name in sys.modules]})
print(json.dumps(said), file=sys.stderr)
"""


ONLY_LOOKING = [
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
]


def test_what_only_looks_imports_no_science(registry: Connection) -> None:
    # Given a registry in which one campaign was refreshed
    maker = {"arguments": {"campaign": load("two-dimensional").model_dump(mode="json")}}
    registry.database["stage_states"].update_one(
        {"stage": "judge:two-dimensional"}, {"$set": {"maker": maker}}, upsert=True
    )

    # When commands that only look are run, in a process that does nothing else
    answers = in_own_process(registry, *ONLY_LOOKING)

    # Then each answers, and none of the large packages was imported for it
    assert [answer for answer in answers if answer["code"] not in (0, 1) or answer["imported"]] == []


def test_a_refresh_with_nothing_due_imports_no_science(connection: Connection, tmp_path: Path) -> None:
    # Given a registry at rest
    file = tmp_path / "layers.yaml"
    file.write_text(f"{CAMPAIGN}sources: [{{kind: known-monolayers}}]\n")
    refresh(connection, [load(str(file))])

    # When it is refreshed again, all of it or one campaign by its file
    everything, by_file = in_own_process(connection, ["refresh"], ["refresh", str(file)])

    # Then nothing is imported that computes; to read the file, the table of elements is
    assert (everything["code"], everything["imported"]) == (0, [])
    assert by_file["code"] == 0
    assert set(by_file["imported"]) <= {"pymatgen"}


def test_what_models_that_come_along_say_needs_no_library_they_were_made_with(registry: Connection) -> None:
    answers = in_own_process(registry, ["predict", "2d", "MoSSe", "--json"], ["predict", "oxidation", "MoSSe"])

    assert [answer["code"] for answer in answers] == [0, 0]
    assert {name for answer in answers for name in answer["imported"]} <= {"pymatgen", "scipy"}


def in_own_process(connection: Connection, *commands: list[str]) -> list[dict[str, Any]]:
    """Exit code of each command and the large packages imported when it ended, in one new process."""
    settings = connection.settings
    environment = os.environ | {
        "EXFOLIO_HOME": str(settings.home),
        "EXFOLIO_MONGOD": str(settings.mongod),
        "EXFOLIO_DATABASE": connection.name,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,
    )
    answers: list[dict[str, Any]] = json.loads(done.stderr.splitlines()[-1])
    return answers
