"""The packages that docs/extending.md shows do what it says, installed as they stand there, over the command line."""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import CampaignError, load
from exfolio.builders.reports.diagram_phases import asked_about, system_phases
from exfolio.cli import main as frame
from exfolio.models.potential.family.chgnet import Chgnet
from exfolio.stores.connection import Connection
from installed_packages import install, remove
from known_crystals import crystals
from scipy.optimize import minimize_scalar

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


ALLOYS = """\
name: alloys
dimension: 3
elements: [Cu, Au]
sources: [{{kind: structures, options: {{paths: ["{crystals}"]}}}}]
judges: [ordered-alloy]
potential: {{model: {model}, relax: {relax}}}
gates: [{{name: forms from the metals, field: formation_energy, below: 0}}]
"""


@pytest.fixture
def alloys(tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Packages of a potential and of a route, as the document shows them; gives files of campaigns that want both."""
    pytest.importorskip("ase", reason="ASE is not installed (pip install exfolio[ase])")
    project = tomllib.loads(shown("emt-potential/pyproject.toml"))["project"]
    modules = {"emt_potential.py": shown("emt-potential/emt_potential.py")}
    install(packages, monkeypatch, "emt-potential", modules=modules, entries=project["entry-points"])
    entries = {"exfolio.stages": {"ordered-alloys": "ordered_alloys:OrderedAlloys"}}
    modules = {"ordered_alloys.py": shown("ordered-alloys/ordered_alloys.py")}
    install(packages, monkeypatch, "ordered-alloys", modules=modules, entries=entries)
    rows = [{"material_id": doc["source_id"], "structure": doc["structure"]} for doc in crystals("Cu-fcc", "Au-fcc")]
    (tmp_path / "metals.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def campaign(model: str, *, name: str = "alloys", relax: bool = True) -> Path:
        text = ALLOYS.format(crystals=tmp_path / "metals.jsonl", model=model, relax=str(relax).lower())
        file = tmp_path / f"{name}.yaml"
        file.write_text(text.replace("name: alloys", f"name: {name}"))
        return file

    return campaign


def least_energy(species: list[str]) -> float:
    """Energy by EMT in eV/atom of atoms in face-centred cubic order, at the edge where it is least, as ASE gives it."""
    from ase import Atoms
    from ase.calculators.emt import EMT

    places = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]

    def energy(edge: float) -> float:
        atoms = Atoms(species, scaled_positions=places, cell=[edge] * 3, pbc=True, calculator=EMT())
        return atoms.get_potential_energy() / len(atoms)

    return minimize_scalar(energy, bounds=(3.4, 4.3), method="bounded").fun


def test_the_potential_of_the_example_gives_values_whose_errors_nobody_has_measured(
    ask: Ask, alloys: Callable[..., Path], connection: Connection
) -> None:
    # Given a campaign that asks for it by name
    file = alloys("emt")
    assert ask("campaign", "check", str(file))[0] == 0

    # When it is refreshed
    code, printed = ask("refresh", str(file))

    # Then alloys have energies of formation by it alone
    assert code == 0, printed
    energies = found(ask, "properties", 'kind = "formation_energy"', "--fields", "structure_id,value,method,basis")
    assert {(row["method"], row["basis"]) for row in energies} == {("EMT 1996 relaxed", "potential")}
    judged = found(ask, "candidates", "--fields", "formula_reduced,route,formation_energy,status")
    assert {(row["formula_reduced"], row["route"]) for row in judged} == {
        (formula, "ordered-alloy") for formula in ("Cu3Au", "CuAu", "CuAu3")
    }
    cu, au = least_energy(["Cu"] * 4), least_energy(["Au"] * 4)
    formed = least_energy(["Au", "Cu", "Cu", "Cu"]) - 0.75 * cu - 0.25 * au
    assert formed < 0
    for row in judged:
        assert row["status"] == "waiting", "twice the widest interval measured of others holds values of both signs"
        if row["formula_reduced"] == "Cu3Au":
            assert row["formation_energy"] == pytest.approx(formed, abs=2e-3)
    entries = found(ask, "reference_entries", "--fields", "entry_id,source,functional,scheme")
    assert {row["entry_id"] for row in entries} == {"emt-relaxed:metals:Cu-fcc", "emt-relaxed:metals:Au-fcc"}
    assert {(row["source"], row["functional"], row["scheme"]) for row in entries} == {("emt", "EMT 1996", "relaxed")}

    # And what was proposed in the cells of two metals turns out to be one alloy, by this potential
    relaxed = connection.database["structures"].find({"relaxed_by.emt": {"$exists": True}})
    said = {doc["structure_id"]: doc for doc in relaxed}
    assert all("relaxed_novel" not in doc for doc in said.values()), "that is for the default potential to say"
    again = {key: doc["relaxed_by"]["emt"].get("relaxed_duplicate_of") for key, doc in said.items()}
    rows = found(ask, "candidates", "--fields", "structure_id,formula_reduced,relaxed_duplicate_of")
    assert {row["structure_id"]: row.get("relaxed_duplicate_of") for row in rows}.items() <= again.items()
    assert {row["formula_reduced"] for row in rows if row.get("relaxed_duplicate_of")} == {"CuAu"}

    # And a second refresh finds nothing to do
    assert "Nothing is due" in ask("refresh", str(file))[1]


def test_campaigns_of_two_potentials_are_judged_each_by_its_own(
    ask: Ask, alloys: Callable[..., Path], connection: Connection
) -> None:
    if not Chgnet().is_installed():
        pytest.skip("CHGNet is not installed (pip install exfolio[mlip])")
    files = [alloys("emt", relax=False), alloys("chgnet", name="alloys-by-chgnet", relax=False)]

    code, printed = ask("refresh", *map(str, files))

    assert code == 0, printed
    methods = {
        row["campaign"]: row["methods"]["formation_energy"]
        for row in found(ask, "candidates", "--fields", "campaign,methods")
    }
    assert methods == {"alloys": "EMT 1996 static", "alloys-by-chgnet": "CHGNet 0.3.0 static"}
    rows = found(ask, "properties", 'kind = "formation_energy"', "--fields", "structure_id,method,value")
    formed = {(row["structure_id"], row["method"]): row["value"] for row in rows if "value" in row}  # none with silver
    structures = {structure for structure, _ in formed}
    assert set(formed) == {(structure, method) for structure in structures for method in methods.values()}
    assert all(len({formed[structure, method] for method in methods.values()}) == 2 for structure in structures)
    for method, prefix in (("EMT 1996 static", "emt:"), ("CHGNet 0.3.0 static", "chgnet:")):
        query = {"kind": "energy_above_hull", "method": method, "value": {"$ne": None}}
        hulls = connection.database["properties"].find(query)
        assert {phase["id"].partition(":")[0] + ":" for hull in hulls for phase in hull["competing"]} == {prefix}
    of_the_system = asked_about(connection, "Au-Cu")
    for method, asked in (
        ("CHGNet 0.3.0 static", of_the_system),
        ("EMT 1996 static", replace(of_the_system, method="EMT 1996 static", basis="potential")),
    ):
        diagram = system_phases(connection, asked)
        assert (diagram.method, {phase.name for phase in diagram.phases}) == (
            method,
            {"Cu", "Au", "CuAu", "Cu3Au", "CuAu3"},  # known elements, and the structures that were made
        )
    stages = set(connection.database["stage_states"].distinct("stage"))
    assert {"potential-energies", "potential-energies:emt", "potential-values", "potential-values:emt"} <= stages
    for again in ([], files[::-1], files[:1]):
        assert "Nothing is due" in ask("refresh", *map(str, again))[1]


def test_a_potential_that_goes_is_said_and_the_rest_is_done(
    ask: Ask, alloys: Callable[..., Path], packages: Path
) -> None:
    file = alloys("emt", relax=False)
    assert ask("refresh", str(file))[0] == 0
    before = found(ask, "candidates", "--fields", "candidate_id,status,formation_energy")
    assert {row["status"] for row in before} == {"waiting"}

    remove(packages, "emt-potential")
    code, printed = ask("refresh")

    assert code == 1
    assert "no potential is called 'emt'; there are: chgnet" in printed
    assert found(ask, "candidates", "--fields", "candidate_id,status,formation_energy") == before
    code, printed = ask("campaign", "check", str(file))
    assert code == 2
    assert "potential.model: no potential is called 'emt'" in printed


def test_a_potential_that_is_not_installed_is_left_out_with_the_reason(
    ask: Ask, alloys: Callable[..., Path], packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown("emt-potential/emt_potential.py")
    needs = '    package, remedy = "no_such_package", "pip install emt"'
    absent = text.replace('    slug = "emt"', f'{needs}\n    slug = "emt"')
    entries = {"exfolio.potentials": {"emt": "emt_potential:EffectiveMedium"}}
    modules = {"emt_potential.py": absent}
    install(packages, monkeypatch, "emt-potential", modules=modules, entries=entries, version="0.0.9")

    code, printed = ask("refresh", str(alloys("emt", relax=False)), "--json")

    assert code == 0, printed
    notes = {stage["stage"]: stage["note"] for stage in json.loads(printed)["stages"]}
    assert "left out: the potential EMT is not installed (pip install emt)" in notes.values()
    assert {row["waiting_for"] for row in found(ask, "candidates")} == {"forms from the metals"}


def test_a_campaign_judges_by_any_route_that_may_be_made(
    alloys: Callable[..., Path], packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = alloys("emt")
    assert load(str(file)).judges == ("ordered-alloy",)
    file.write_text(file.read_text().replace("judges: [ordered-alloy]", "judges: [ordered-aloy]"))

    with pytest.raises(CampaignError, match=r"no route is called 'ordered-aloy'; there are: .*ordered-alloy"):
        load(str(file))

    # One that does not say by which routes it makes structures may make them by any.
    module = shown("ordered-alloys/ordered_alloys.py").replace("    routes =", "    ways =")
    entries = {"exfolio.stages": {"ordered-alloys": "ordered_alloys:OrderedAlloys"}}
    install(packages, monkeypatch, "ordered-alloys", modules={"ordered_alloys.py": module}, entries=entries)
    assert load(str(file)).judges == ("ordered-aloy",)


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
    assert ask("ingest", str(notes), "--kind", "lab-notes")[0] == 1
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
