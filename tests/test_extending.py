"""The packages that docs/extending.md shows do what it says, installed as they stand there, over the command line."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.campaign import CampaignError, load
from exfolio.cli import main as frame
from exfolio.stores.connection import Connection
from installed_packages import install, remove
from known_crystals import crystals

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
CAMPAIGN = """\
name: gaps
sources:
  - kind: structures
    options: {{paths: ["{crystals}"]}}
routes:
  top-down: {{}}
gates:
  - name: gap as predicted
    field: predicted_band_gap
    at_least: 0.5
"""

Ask = Callable[..., tuple[int, str]]


def shown(file: str) -> str:
    """The code block that the document shows under the name of a file."""
    pattern = rf"`{re.escape(file)}`:\n\n```\w+\n(.*?)^```"
    block = re.search(pattern, DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert block is not None, file
    return block[1]


@pytest.fixture
def ask(connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command in this process, on a database of the test's own; gives exit code and what was printed."""
    settings = connection.settings
    for name, value in (("home", settings.home), ("mongod", settings.mongod), ("database", connection.name)):
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(value))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = frame.run(arguments)
        printed = capsys.readouterr()
        return code, printed.out if "--json" in arguments else printed.out + printed.err

    return run


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    rows = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("MoS2-2H", "BN-h")]
    crystals_file = tmp_path / "lab.jsonl"
    crystals_file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    file = tmp_path / "gaps.yaml"
    file.write_text(CAMPAIGN.format(crystals=crystals_file))
    return file


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    return folder


def found(ask: Ask, *query: str) -> list[dict[str, Any]]:
    code, printed = ask("query", *query, "--json")
    assert code == 0, printed
    results: list[dict[str, Any]] = json.loads(printed)["documents"]
    return results


def gates(ask: Ask) -> dict[str, Any]:
    rows = found(ask, "candidates", "--fields", "formula_reduced,gates,values,waiting_for")
    return {row["formula_reduced"]: row for row in rows}


def test_the_model_of_the_example_decides_at_a_gate(
    ask: Ask, campaign: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the package as the document shows it
    project = tomllib.loads(shown("ridge-gap/pyproject.toml"))["project"]
    modules = {"ridge_gap.py": shown("ridge-gap/ridge_gap.py")}
    install(packages, monkeypatch, "ridge-gap", modules=modules, entries=project["entry-points"])

    # When a campaign asks for its kind of property
    code, printed = ask("refresh", str(campaign))

    # Then its value stands at the gate, and a second refresh finds nothing to do
    assert code == 0, printed
    judged = gates(ask)
    assert set(judged) == {"MoS2", "BN"}
    for row in judged.values():
        [gate] = row["gates"]
        assert gate["field"] == "values.predicted_band_gap"
        assert gate["value"] == row["values"]["predicted_band_gap"]
        assert gate["low"] <= gate["value"] <= gate["high"]
        assert gate["verdict"] == ("passed" if gate["low"] >= 0.5 else "failed" if gate["high"] < 0.5 else "unknown")
    assert 0.7 < judged["MoS2"]["values"]["predicted_band_gap"] < 3
    rows = found(ask, "properties", 'kind = "predicted_band_gap"', "--fields", "unit,basis,coverage")
    assert {(row["unit"], row["basis"], row["coverage"]) for row in rows} == {("eV", "model", 0.8)}
    is_known = "values.predicted_band_gap IS KNOWN"
    [shown_first, _] = found(ask, "candidates", is_known, "--sort", "-values.predicted_band_gap")
    assert shown_first["lows"]["predicted_band_gap"] == max(row["gates"][0]["low"] for row in judged.values())
    assert "gap as predicted" in ask("funnel", "gaps")[1]
    code, printed = ask("why", shown_first["candidate_id"])
    assert code == 0, printed
    assert "ridge on Magpie" in printed
    assert "Nothing is due" in ask("refresh", str(campaign))[1]


def test_a_package_that_goes_stops_nothing_and_one_that_changes_is_noticed(
    ask: Ask, campaign: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a package whose values are in the registry
    text = (
        "from exfolio.builders.properties.structure_property import StructureProperty\n"
        "class Gap(StructureProperty):\n"
        "    kind, unit, method, version = 'predicted_band_gap', 'eV', 'fixed', 1\n"
        "    def compute(self, structures):\n"
        "        return [1.0] * len(structures)\n"
    )
    entries = {"exfolio.properties": {"predicted_band_gap": "fixed_gap:Gap"}}
    install(packages, monkeypatch, "fixed-gap", modules={"fixed_gap.py": text}, entries=entries)
    assert ask("refresh", str(campaign))[0] == 0
    assert "Nothing is due" in ask("refresh")[1]

    # When a newer version gives others, Then they are computed
    newer = text.replace("1.0", "0.2").replace("'fixed', 1", "'fixed', 2")
    install(packages, monkeypatch, "fixed-gap", modules={"fixed_gap.py": newer}, entries=entries, version="0.2.0")
    assert ask("refresh")[0] == 0
    assert {row["values"]["predicted_band_gap"] for row in gates(ask).values()} == {0.2}

    # When it goes, Then its values stay and the rest goes on
    remove(packages, "fixed-gap")
    assert ask("refresh")[0] == 0
    assert {row["values"]["predicted_band_gap"] for row in gates(ask).values()} == {0.2}
    with pytest.raises(CampaignError, match="no field 'predicted_band_gap'"):
        load(str(campaign))


def test_what_another_package_does_wrong_is_said_and_the_rest_is_done(
    ask: Ask, campaign: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {
        "torn.py": "raise ImportError('no libtorn.so')\n",
        "late.py": (
            "from exfolio.builders.materials.layering_stage import LayerStage\n"
            "class Late(LayerStage):\n"
            "    name = 'late'\n"
            "    def select(self):\n"
            "        raise KeyError('colour')\n"
            "class Twice(LayerStage):\n"
            "    pass\n"
        ),
    }
    stages = {"late": "late:Late", "twice": "late:Twice"}
    entries = {"exfolio.properties": {"predicted_band_gap": "torn:Gap"}, "exfolio.stages": stages}
    install(packages, monkeypatch, "torn", modules=modules, entries=entries)

    code, printed = ask("refresh", str(campaign), "--json")

    assert code == 1
    errors = json.loads(printed)["errors"]
    assert {name: error.splitlines()[0] for name, error in errors.items()} == {
        "exfolio.properties:predicted_band_gap": (
            "package torn 0.1.0 (exfolio.properties: predicted_band_gap): can't be imported: ImportError: no libtorn.so"
        ),
        "exfolio.stages:twice": ("package torn 0.1.0 (exfolio.stages: twice): there is a stage called layers already"),
        "late": "package torn 0.1.0 (exfolio.stages: late): KeyError: 'colour'",
    }
    assert all("pip uninstall torn" in error for error in errors.values())
    assert {row["waiting_for"] for row in gates(ask).values()} == {"gap as predicted"}


def test_the_source_of_the_example_is_ingested_and_pulled_by_campaigns(
    ask: Ask, tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the reader as the document shows it, and a notebook with a slip of the pen
    entries = {"exfolio.sources": {"lab-notes": "lab_notes:LabNotes"}}
    modules = {"lab_notes.py": shown("lab-notes/lab_notes.py")}
    install(packages, monkeypatch, "lab-notes", modules=modules, entries=entries)
    notes = tmp_path / "notes.txt"
    notes.write_text("MoS2 1.23\nWSe2\n")

    # When it is ingested, Then the good line is there and the other in quarantine
    assert ask("ingest", str(notes), "--kind", "lab-notes")[0] == 0
    materials = found(ask, "materials", "--fields", "material_id,band_gap")
    assert [(row["material_id"], row["band_gap"]) for row in materials] == [("lab-notes:MoS2", 1.23)]
    assert "line 2" in ask("query", "quarantine", "--json")[1]

    # When a campaign names the kind, Then its refresh reads what is new
    file = tmp_path / "noted.yaml"
    gate = "gates: [{name: any gap, field: band_gap, at_least: 0}]"
    file.write_text(f"name: noted\nsources: [{{kind: lab-notes, options: {{paths: ['{notes}']}}}}]\n{gate}\n")
    notes.write_text("MoS2 1.23\nWSe2 1.2\n")
    assert ask("refresh", str(file))[0] == 0
    assert "lab-notes:WSe2" in ask("query", "materials", "--json")[1]

    # When its package is gone, Then that is said and the rest is done
    remove(packages, "lab-notes")
    code, printed = ask("refresh")
    assert code == 1
    assert "there is no kind of source called 'lab-notes'" in printed
