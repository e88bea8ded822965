"""Input for what candidates wait for: MoS2 as layer and bulk, WSe2 made of it by substitution."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.calculations.vasp.crawl import MANIFEST
from exfolio.builders.calculations.vasp.inputs.attempts import what_has_to_change
from exfolio.builders.calculations.vasp.inputs.due import Part, find_due, next_due
from exfolio.builders.calculations.vasp.inputs.flow import as_flow, write_flow
from exfolio.builders.calculations.vasp.inputs.folders import FORMAT, Tree
from exfolio.builders.calculations.vasp.inputs.input_export import VaspExport, export_vasp, orders, require_potcars
from exfolio.builders.calculations.vasp.inputs.subjects import Subject
from exfolio.builders.calculations.vasp.inputs.worth import wanted_fields
from exfolio.builders.calculations.vasp.manifest import read_manifest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.models.calculation.functional import functional_name
from exfolio.models.calculation.inputs import inputs
from exfolio.models.calculation.numerical_quality import Run
from exfolio.models.calculation.plan import CALCULATED_FIELDS, Choices, steps_for
from exfolio.models.calculation.run_kind import kind_of_run
from exfolio.models.calculation.usability import judge
from exfolio.models.calculation.vasp_tags import VaspTags
from exfolio.models.structure.layered.stacking import stack
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Candidate, Material, Property, ProposedStructure, ReferenceEntry
from exfolio.stores.errors import CannotRunError, ConfigurationError
from exfolio.stores.query.language.query_errors import QueryError
from filelock import FileLock
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import SETTINGS, Incar, Kpoints, Poscar
from small_registry import material, plain, put

CAMPAIGN = "two-dimensional"
LAYER, SUBSTITUTED = "st-1890e1f5735df206", "st-2222222222222222"
HULL, EXFOLIATION = ("formation_energy", "energy_above_hull"), ("exfoliation_energy",)


def mos2_bulk() -> Structure:
    """2H-MoS2, Wildervanck & Jellinek, Z. Anorg. Allg. Chem. 328, 309 (1964)."""
    third = 1 / 3
    sulphur = [(third, 2 * third, z) for z in (0.621, 0.879)] + [(2 * third, third, z) for z in (0.121, 0.379)]
    molybdenum = [(third, 2 * third, 0.25), (2 * third, third, 0.75)]
    return Structure(Lattice.hexagonal(3.16, 12.294), ["Mo"] * 2 + ["S"] * 4, molybdenum + sulphur)


def layer(metal: str = "Mo", chalcogen: str = "S", a: float = 3.16) -> Structure:
    heights = [(0, 0, 11.5 / 23), (1 / 3, 2 / 3, 9.9 / 23), (1 / 3, 2 / 3, 13.1 / 23)]
    return Structure(Lattice.hexagonal(a, 23), [metal, chalcogen, chalcogen], heights)


def candidate(structure_id: str, formula: str, unknown: tuple[str, ...], **more: Any) -> dict[str, Any]:
    gates = [
        {"name": field.replace("_", " "), "field": field, "condition": "", "verdict": "unknown"} for field in unknown
    ]
    elements = sorted({"MoS2": ["Mo", "S"], "WSe2": ["W", "Se"]}[formula])
    return {
        "candidate_id": f"{CAMPAIGN}/{structure_id}",
        "campaign": CAMPAIGN,
        "structure_id": structure_id,
        "formula_reduced": formula,
        "chemsys": "-".join(elements),
        "elements": elements,
        "nelements": 2,
        "dimension": 2,
        "route": "top-down",
        "parent_id": "bulk:mos2",
        "status": "waiting",
        "waiting_for": gates[0]["name"] if gates else None,
        "gates": gates,
        "gates_passed": 0,
        **more,
    }


def proposed(structure_id: str, formula: str, structure: Structure, **more: Any) -> dict[str, Any]:
    doc = candidate(structure_id, formula, ())
    names = ("structure_id", "formula_reduced", "chemsys", "elements", "nelements", "dimension", "route", "parent_id")
    return {**{name: doc[name] for name in names}, "structure": plain(structure), **more}


@pytest.fixture
def waiting(registry: Connection) -> Connection:
    """MoS2, its monolayer, and the candidate that waits for everything a calculation gives but the gap."""
    put(registry, Material, [material("bulk:mos2", "MoS2", "Mo-S", structure=plain(mos2_bulk()), nsites=6)])
    put(registry, ProposedStructure, [proposed(LAYER, "MoS2", layer())])
    put(registry, Candidate, [candidate(LAYER, "MoS2", HULL + EXFOLIATION)])
    return registry


def folder_of(done: VaspExport, calculation: str, part: str = "") -> str:
    [found] = [path for path in done.new if path.endswith(f"/{calculation}") and part in path]
    return found


def manifest_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / MANIFEST).read_text())
    return content


def tree_of(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".exfolio.lock"
    }


def test_a_folder_is_written_for_every_calculation_that_is_due(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")

    of_layer, of_bulk = ({p.split("/")[1] for p in done.new if ("_bulk_" in p) is bulk} for bulk in (False, True))
    assert of_layer == {"PBE-relax", "PBE-static", "optB88-vdW-relax", "optB88-vdW-static"}
    assert of_bulk == {"optB88-vdW-relax", "optB88-vdW-static"}
    for path in done.new:
        folder = tmp_path / "out" / path
        assert {file.name for file in folder.iterdir()} == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec", MANIFEST}
        assert (folder / "POTCAR.spec").read_text().split() == ["Mo_pv", "S"]
        assert Poscar.from_file(folder / "POSCAR").structure.composition.reduced_formula == "MoS2"
        along_c = Kpoints.from_file(folder / "KPOINTS").kpts[0][2]
        assert (along_c == 1) is ("_bulk_" not in path)
        assert Incar.from_file(folder / "INCAR").get("LUSE_VDW", False) is ("vdW" in path)


def test_the_manifest_says_what_the_calculation_is_for(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    of_layer = tmp_path / folder_of(done, "optB88-vdW-static", LAYER)
    manifest = manifest_of(of_layer)
    assert manifest["candidate_id"] == f"{CAMPAIGN}/{LAYER}"
    assert (manifest["structure_id"], manifest["material_id"], manifest["bulk_of"]) == (LAYER, None, None)
    assert (manifest["functional"], manifest["task"], manifest["fields"]) == ("optB88-vdW", "static", [*EXFOLIATION])
    assert manifest["after"] == "../optB88-vdW-relax"
    assert (of_layer / manifest["after"]).is_dir()
    assert manifest["expected"] == {"energy": "eV", "structure": "Å"}
    assert set(manifest["files"]) == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"}

    of_bulk = manifest_of(tmp_path / folder_of(done, "optB88-vdW-static", "_bulk_"))
    assert (of_bulk["structure_id"], of_bulk["material_id"], of_bulk["bulk_of"]) == (None, "bulk:mos2", LAYER)

    top = manifest_of(tmp_path)
    assert set(top["folders"]) == set(done.new)
    assert all(entry["due"] and entry["candidates"] == [f"{CAMPAIGN}/{LAYER}"] for entry in top["folders"].values())


def test_the_ingestion_reads_the_manifest(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    read, problem = read_manifest(tmp_path / folder_of(done, "PBE-relax") / MANIFEST)
    assert problem is None
    assert (read["structure_id"], read["candidate_id"], read["campaign"]) == (LAYER, f"{CAMPAIGN}/{LAYER}", CAMPAIGN)
    assert "bulk_of" not in read


def test_a_second_export_writes_nothing(waiting: Connection, tmp_path: Path) -> None:
    first = export_vasp(waiting, CAMPAIGN, tmp_path)
    before = tree_of(tmp_path)

    second = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert (second.new, second.changed, second.unchanged) == ([], [], len(first.new))
    assert tree_of(tmp_path) == before


def test_two_layers_of_one_bulk_share_its_calculation(waiting: Connection, tmp_path: Path) -> None:
    other = "st-3333333333333333"
    export_vasp(waiting, CAMPAIGN, tmp_path)
    put(waiting, ProposedStructure, [proposed(other, "MoS2", layer(a=3.3))])
    put(waiting, Candidate, [candidate(other, "MoS2", EXFOLIATION)])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert all(other in path for path in done.new)
    bulk = next(entry for path, entry in manifest_of(tmp_path)["folders"].items() if "_bulk_" in path)
    assert bulk["candidates"] == [f"{CAMPAIGN}/{LAYER}", f"{CAMPAIGN}/{other}"]


def test_a_folder_in_which_a_calculation_has_begun_is_left_alone(waiting: Connection, tmp_path: Path) -> None:
    begun = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax")
    (tmp_path / begun / "OUTCAR").touch()
    before = {name: held for name, held in tree_of(tmp_path).items() if name.startswith(begun)}

    done = export_vasp(waiting, CAMPAIGN, tmp_path, choices=Choices(vacuum=30))

    assert done.kept == {begun: "a calculation has begun there"}
    assert {name: held for name, held in tree_of(tmp_path).items() if name.startswith(begun)} == before
    assert len(done.changed) == 3, "the other calculations of the layer"
    assert done.unchanged == 2, "those of the bulk, which has no vacuum"


@pytest.mark.parametrize("output", ["vasprun.xml.gz", "OSZICAR", "CONTCAR.relax1", "vasp.out", "error.1.tar.gz"])
def test_any_output_shows_that_a_calculation_has_begun(tmp_path: Path, output: str) -> None:
    tree = Tree(tmp_path)
    tree.put("MoS2/PBE-relax", {"INCAR": "ENCUT = 520\n"}, {"format": FORMAT})
    assert tree.look("MoS2/PBE-relax").state == "untouched"

    (tmp_path / "MoS2" / "PBE-relax" / output).touch()

    assert tree.look("MoS2/PBE-relax").state == "begun"
    with pytest.raises(ConfigurationError, match="has changed while"):
        tree.put("MoS2/PBE-relax", {"INCAR": "ENCUT = 680\n"}, {"format": FORMAT})
    assert (tmp_path / "MoS2" / "PBE-relax" / "INCAR").read_text() == "ENCUT = 520\n"


def test_a_persons_changes_and_files_are_left_alone(waiting: Connection, tmp_path: Path) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path)
    edited, added = folder_of(done, "PBE-relax"), folder_of(done, "PBE-static")
    (tmp_path / edited / "INCAR").write_text("ENCUT = 700\n")
    (tmp_path / added / "job.slurm").touch()

    again = export_vasp(waiting, CAMPAIGN, tmp_path, choices=Choices(vacuum=30))

    assert set(again.kept) == {edited, added}
    assert (tmp_path / edited / "INCAR").read_text() == "ENCUT = 700\n"


def test_another_structure_has_another_folder(waiting: Connection, tmp_path: Path) -> None:
    before = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax")
    put(waiting, ProposedStructure, [proposed(LAYER, "MoS2", layer(a=3.2))])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    after = folder_of(done, "PBE-relax")
    assert after != before
    assert (tmp_path / before / "POSCAR").exists()
    listed = manifest_of(tmp_path)["folders"]
    assert (listed[before]["due"], listed[after]["due"]) == (False, True)


def test_the_bulk_of_a_substituted_layer_is_made_by_the_same_replacements(waiting: Connection, tmp_path: Path) -> None:
    how = {"route": "bottom-up", "parent_id": LAYER}
    new = proposed(SUBSTITUTED, "WSe2", layer("W", "Se", 3.29), **how, substitution={"Mo": "W", "S": "Se"})
    put(waiting, ProposedStructure, [new])
    put(waiting, Candidate, [candidate(SUBSTITUTED, "WSe2", EXFOLIATION, **how)])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    folder = tmp_path / folder_of(done, "optB88-vdW-relax", "WSe2_bulk_")
    bulk = Poscar.from_file(folder / "POSCAR").structure
    assert bulk.composition.formula == "W2 Se4"
    assert 3.16 < bulk.lattice.a < 3.45, "wider than that of MoS2 (measured: 3.28 Å)"
    manifest = manifest_of(folder)
    assert (manifest["structure_id"], manifest["material_id"], manifest["bulk_of"]) == (None, None, SUBSTITUTED)


def test_what_cannot_be_calculated_is_said(waiting: Connection, tmp_path: Path) -> None:
    kind, mixed = "st-4444444444444444", "st-5555555555555555"
    half = Structure(Lattice.hexagonal(3.2, 23), [{"Mo": 0.5, "W": 0.5}], [(0, 0, 0.5)])
    doc = proposed(mixed, "MoS2", layer())
    doc["structure"]["sites"][0]["species"] = [{"element": str(el), "occu": 0.5} for el in half[0].species]
    put(waiting, Material, [material("bulk:mixed", "MoWS4", "Mo-S-W", structure=plain(mos2_bulk()), nsites=6)])
    put(waiting, ProposedStructure, [proposed(kind, "MoS2", layer(), parent_id="bulk:mixed"), doc])
    new = [candidate(kind, "MoS2", EXFOLIATION, parent_id="bulk:mixed"), candidate(mixed, "MoS2", HULL)]
    put(waiting, Candidate, [*new, candidate("st-6666666666666666", "MoS2", ("p_2d", *HULL))])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    several = "its bulk, bulk:mixed, is MoWS4, of which it is one of several kinds of layers"
    assert done.without_bulk == {f"{CAMPAIGN}/{kind}": several}
    assert set(done.failed) == {f"structures:{mixed} PBE-relax", f"structures:{mixed} PBE-static"}
    assert all("disordered" in reason for reason in done.failed.values())
    assert done.blocked == {"p 2d": 1}


def test_the_bulk_of_a_layer_from_a_template_is_that_of_the_template_with_its_elements(
    waiting: Connection, tmp_path: Path
) -> None:
    """The template is a known monolayer, whose source names the bulk it was cut from."""
    known = material("2d:1", "MoS2", "Mo-S", structure=plain(layer()), nsites=3, parent_id="mos2", dimension_claimed=2)
    put(waiting, Material, [known])
    how = {"route": "template", "parent_id": "2d:1"}
    new = proposed(SUBSTITUTED, "WSe2", layer("W", "Se", 3.29), **how, substitution={"Mo": "W", "S": "Se"})
    put(waiting, ProposedStructure, [new])
    put(waiting, Candidate, [candidate(SUBSTITUTED, "WSe2", EXFOLIATION, **how)])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    folder = tmp_path / folder_of(done, "optB88-vdW-relax", "WSe2_bulk_")
    assert Poscar.from_file(folder / "POSCAR").structure.composition.formula == "W2 Se4"
    assert manifest_of(folder)["bulk_from"] == "bulk:mos2 with other elements"
    assert done.without_bulk == {}


@pytest.mark.parametrize("route", ["template", "top-down"])
def test_a_layer_without_known_bulk_is_stacked_on_itself_and_labelled_so(
    waiting: Connection, tmp_path: Path, route: str
) -> None:
    how = {"route": route, "parent_id": "gone:1"}
    put(waiting, ProposedStructure, [proposed(SUBSTITUTED, "WSe2", layer("W", "Se", 3.29), **how)])
    put(waiting, Candidate, [candidate(SUBSTITUTED, "WSe2", EXFOLIATION, **how)])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    folder = tmp_path / folder_of(done, "optB88-vdW-relax", "WSe2_bulk_")
    bulk = Poscar.from_file(folder / "POSCAR").structure
    assert bulk.composition.formula == "W1 Se2"
    assert bulk.volume / (3.29**2 * 0.8660254) == pytest.approx(6.49, abs=0.4), "Å between layers of 2H-WSe2: 6.49"
    manifest = manifest_of(folder)
    assert (manifest["bulk_of"], manifest["bulk_from"]) == (SUBSTITUTED, "the layer stacked on itself")
    assert read_manifest(folder / MANIFEST)[0]["bulk_from"] == "the layer stacked on itself"


def test_the_stack_that_a_potential_found_goes_before_that_of_contacts(waiting: Connection, tmp_path: Path) -> None:
    how = {"route": "template", "parent_id": "gone:1"}
    put(waiting, ProposedStructure, [proposed(SUBSTITUTED, "WSe2", layer("W", "Se", 3.29), **how)])
    put(waiting, Candidate, [candidate(SUBSTITUTED, "WSe2", EXFOLIATION, **how)])
    found = stack(layer("W", "Se", 3.29), (0.5, 0.0), 7.0)
    method = "CHGNet 0.3.0 + D3(BJ) static, stacked on itself"
    said = {"structure_id": SUBSTITUTED, "kind": "energy_over_bulk", "method": method, "structure": plain(found)}
    put(waiting, Property, [{**said, "property_id": "p-1", "basis": "potential", "value": 0.08, "unit": "eV/atom"}])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    folder = tmp_path / folder_of(done, "optB88-vdW-relax", "WSe2_bulk_")
    assert Poscar.from_file(folder / "POSCAR").structure.lattice.volume == pytest.approx(found.lattice.volume)
    told = "the layer stacked on itself, lowest by CHGNet 0.3.0 + D3(BJ) static"
    assert manifest_of(folder)["bulk_from"] == told


def by_hull_distance(waiting: Connection) -> list[str]:
    """Three candidates with one open gate, where the first one has three, at different hull distances or none."""
    structures = {f"st-{n:016d}": distance for n, distance in ((1, 0.3), (2, 0.1), (3, None))}
    layers = [proposed(name, "MoS2", layer(a=3.1 + 0.01 * i)) for i, name in enumerate(structures)]
    put(waiting, ProposedStructure, layers)
    known = [
        candidate(name, "MoS2", EXFOLIATION, energy_above_hull=distance, nsites=3)
        for name, distance in structures.items()
    ]
    put(waiting, Candidate, known)
    return list(structures)


def test_a_limited_export_takes_what_is_worth_most_and_leaves_the_rest_as_it_was(
    waiting: Connection, tmp_path: Path
) -> None:
    far, near, unknown = by_hull_distance(waiting)
    served = [find_due(waiting, CAMPAIGN, part=Part(limit=n, first="gates")) for n in (1, 2, 3, 4)]

    taken = [{name for subject in due.subjects.values() for name in subject.candidates} for due in served]
    ranked = [f"{CAMPAIGN}/{name}" for name in (near, far, unknown, LAYER)]
    assert taken == [set(ranked[:n]) for n in (1, 2, 3, 4)], "fewest open gates, then lowest hull distance"

    everything = export_vasp(waiting, CAMPAIGN, tmp_path)
    export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(limit=1, first="gates"))
    assert all(entry["due"] for entry in manifest_of(tmp_path)["folders"].values())
    assert len(manifest_of(tmp_path)["folders"]) == len(everything.new)


def test_an_export_takes_those_first_that_come_next(waiting: Connection, tmp_path: Path) -> None:
    by_hull_distance(waiting)  # four candidates, three with one open gate: those have the better chance
    ranked, due = next_due(waiting, CAMPAIGN, limit=2)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(limit=2))

    layers = {path.split("_")[1] for path in done.new if "_bulk_" not in path}
    assert {f"{CAMPAIGN}/{name}" for name in layers} == set(due.served) == {one.candidate_id for one in ranked}
    assert f"{CAMPAIGN}/{LAYER}" not in due.served


def test_an_export_takes_a_filter_as_queries_do(waiting: Connection, tmp_path: Path) -> None:
    _, near, _ = by_hull_distance(waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(filter="energy_above_hull < 0.2"))

    assert {path.split("_")[1] for path in done.new if "_bulk_" not in path} == {near}
    with pytest.raises(QueryError):
        export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(filter="no_such_field < 0.2"))


def test_a_layer_that_keeps_its_cell_starts_from_that_of_its_relaxed_bulk(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, Candidate, [candidate(LAYER, "MoS2", EXFOLIATION)])
    fixed = Choices(relax_in_plane=False)

    first = export_vasp(waiting, CAMPAIGN, tmp_path, choices=fixed)

    assert {path.split("/")[1] for path in first.new if "_bulk_" in path} == {"optB88-vdW-relax", "optB88-vdW-static"}
    assert len(first.new) == 2
    assert len(first.later) == 2
    assert all("bulk:mos2, whose relaxation is not in the registry yet" in why for why in first.later.values())

    relaxed = mos2_bulk()
    relaxed.scale_lattice(relaxed.volume * 1.03**3)
    calculation = {
        "calculation_id": "calc-1",
        "formula_reduced": "MoS2",
        "functional": "optB88-vdW",
        "task_type": "Structure Optimization",
        "structure": plain(relaxed),
        "converged": True,
    }
    put(waiting, Calculation, [calculation])
    put(waiting, Calculation, [{"calculation_id": "calc-1", "material_id": "bulk:mos2"}], facet="match")
    second = export_vasp(waiting, CAMPAIGN, tmp_path, choices=fixed)

    written = Poscar.from_file(tmp_path / folder_of(second, "optB88-vdW-relax") / "POSCAR").structure
    assert written.lattice.abc[:2] == pytest.approx((3.16 * 1.03, 3.16 * 1.03))
    assert second.later == {}


def test_gaps_wait_until_they_are_all_that_is_missing() -> None:
    def gates(*fields: str) -> list[dict[str, str]]:
        return [{"name": field, "field": field, "verdict": "unknown"} for field in fields]

    assert wanted_fields(gates("pourbaix_energy", "band_gap")) == ({"pourbaix_energy"}, None)
    assert wanted_fields(gates("band_gap")) == ({"band_gap"}, None)
    assert wanted_fields(gates("novel", "band_gap")) == (set(), "novel")
    assert wanted_fields(gates("novel", "band_gap", "pourbaix_energy"), everything=True)[0] == {
        "band_gap",
        "pourbaix_energy",
    }


def test_what_has_been_calculated_is_not_due_and_its_structure_is_used(waiting: Connection, tmp_path: Path) -> None:
    relaxed = layer(a=3.19)
    calculation = {
        "calculation_id": "calc-1",
        "formula_reduced": "MoS2",
        "functional": "GGA",
        "task_type": "Structure Optimization",
        "structure": plain(relaxed),
        "converged": True,
    }
    put(waiting, Calculation, [calculation])
    match = {"calculation_id": "calc-1", "structure_id": LAYER, "matched_by": "manifest"}
    put(waiting, Calculation, [match], facet="match")

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert done.finished == 1
    assert not any(path.endswith("/PBE-relax") for path in done.new)
    static = tmp_path / folder_of(done, "PBE-static")
    assert manifest_of(static)["after"] is None
    assert Poscar.from_file(static / "POSCAR").structure.lattice.a == pytest.approx(3.19)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"settings": {"ENCUT": 400.0}}, "ENCUT is 400 eV, 520 eV is wanted"),
        ({"hubbards": {"Mo": 4.38}}, "U(Mo) is 4.38 eV, 0 eV is wanted"),
        ({"usable_for": ["gap"], "unusable_for": {"energy": ["NUPDOWN = 20"]}}, "NUPDOWN = 20"),
        ({"converged": False}, "it is not converged"),
    ],
)
def test_what_is_refused_is_due_again_with_what_has_to_change(
    waiting: Connection, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    calculation = {
        "calculation_id": "calc-1",
        "formula_reduced": "MoS2",
        "functional": "GGA",
        "task_type": "Structure Optimization",
        "structure": plain(layer()),
        "converged": True,
        **changed,
    }
    put(waiting, Calculation, [calculation])
    put(waiting, Calculation, [{"calculation_id": "calc-1", "structure_id": LAYER}], facet="match")

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert done.finished == 0
    assert done.again == {folder_of(done, "PBE-relax"): f"calc-1: {told}"}
    static = tmp_path / folder_of(done, "PBE-static")
    assert manifest_of(static)["after"] == "../PBE-relax", "nothing starts from a structure that is refused"


@pytest.mark.parametrize("alike", [True, False])
def test_a_pair_that_was_not_made_alike_is_due_again(waiting: Connection, tmp_path: Path, *, alike: bool) -> None:
    runs = [("layer", layer(), -21.0, {"ISMEAR": 0, "SIGMA": 0.05}), ("bulk", mos2_bulk(), -42.5, {"ISMEAR": 0})]
    runs[1][3].update({"SIGMA": 0.05} if alike else {"ISMEAR": -5})
    for name, structure, energy, settings in runs:
        calculation = {
            "calculation_id": f"calc-{name}",
            "formula_reduced": "MoS2",
            "composition": structure.composition.as_dict(),
            "functional": "optB88-vdW",
            "task_type": "Static",
            "structure": plain(structure),
            "energy": energy,
            "converged": True,
            "settings": {"ENCUT": 520.0, **settings},
        }
        belongs = {"structure_id": LAYER} if name == "layer" else {"material_id": "bulk:mos2"}
        put(waiting, Calculation, [calculation])
        put(waiting, Calculation, [{"calculation_id": f"calc-{name}", **belongs}], facet="match")
    run_stage(ExfoliationStage(), waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    told = "ISMEAR differs: monolayer 0 (Gaussian), bulk -5 (tetrahedra)"
    assert sorted(done.again.values()) == (
        []
        if alike
        else [
            f"calc-bulk: not made as its layer calc-layer was: {told}",
            f"calc-layer: not made as its bulk calc-bulk was: {told}",
        ]
    )


def test_pbe_without_u_is_not_done_where_pbe_with_u_is_wanted() -> None:
    relax = steps_for(["energy_above_hull"], 3)[0]
    oxide = Subject("structures", "st-1", "crystal", "Fe2O3")
    sulfide = Subject("structures", "st-2", "crystal", "FeS2")
    without = {"calculation_id": "calc-1", "hubbards": {}, "usable_for": ["energy"], "settings": {"ENCUT": 520.0}}

    assert what_has_to_change(without, oxide, relax) == ["U(Fe) is 0 eV, 5.3 eV is wanted"]
    assert what_has_to_change({**without, "hubbards": {"Fe": 5.3}}, oxide, relax) == []
    assert what_has_to_change(without, sulfide, relax) == []


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_input_that_is_written_is_usable_by_its_settings(dimension: int) -> None:
    crystal = layer() if dimension == 2 else Structure(Lattice.cubic(4.2), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for step in steps_for(CALCULATED_FIELDS, dimension):
        if step.role == "bulk":
            continue
        made = inputs(crystal, step)
        incar = Incar.from_str(made.files["INCAR"])
        mesh = [int(n) for n in made.files["KPOINTS"].splitlines()[3].split()]
        elements = [str(title).split("_")[0] for title in made.potcar_symbols]
        tags = VaspTags.of(incar, {})
        judged = judge(
            Run(
                tags=tags,
                kind=kind_of_run(tags, k_points_along_lines=False),
                functional=functional_name(tags, [f"PAW_PBE {one} x" for one in made.potcar_symbols], {}),
                structure=Poscar.from_str(made.files["POSCAR"]).structure,
                potcar_titles=[f"PAW_PBE {one} x" for one in made.potcar_symbols],
                species=elements,
                mesh=mesh,
            )
        )
        purpose = "exfoliation" if "exfoliation_energy" in step.fields else "gap" if "HSE" in step.name else "energy"
        assert not judged.reasons[purpose], (step.name, judged.reasons)


def test_known_values_of_promoted_candidates_can_be_verified(waiting: Connection, tmp_path: Path) -> None:
    gate = {"name": "energy above hull", "field": "energy_above_hull", "condition": "<= 0.2", "value": 0.0}
    known = candidate(LAYER, "MoS2", (), status="promoted", gates=[{**gate, "verdict": "passed"}])
    put(waiting, Candidate, [known])

    assert export_vasp(waiting, CAMPAIGN, tmp_path).new == []
    done = export_vasp(waiting, CAMPAIGN, tmp_path, verify=True)
    assert {path.split("/")[1] for path in done.new} == {"PBE-relax", "PBE-static"}


def test_potcars_are_only_for_those_who_have_them(
    waiting: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(ConfigurationError, match="PMG_VASP_PSP_DIR is not set"):
        export_vasp(waiting, CAMPAIGN, tmp_path / "out", potcar=True)
    assert not (tmp_path / "out").exists()

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="is not a folder"):
        require_potcars()
    (tmp_path / "nowhere").mkdir()
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out", potcar=True)
    assert len(done.failed) == 6, "an empty folder has the POTCAR of no element"
    assert done.new == []


def test_what_a_killed_export_left_half_written_is_cleared(waiting: Connection, tmp_path: Path) -> None:
    folder = folder_of(export_vasp(waiting, CAMPAIGN, tmp_path), "PBE-relax").partition("/")[0]
    left = tmp_path / folder / ".exfolio-abc"
    left.mkdir()
    (left / "INCAR").touch()

    export_vasp(waiting, CAMPAIGN, tmp_path)

    assert not left.exists()


def test_one_export_at_a_time_and_only_into_a_tree(waiting: Connection, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".exfolio.lock"), pytest.raises(CannotRunError, match="another export"):
        export_vasp(waiting, CAMPAIGN, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="can't be written"):
        export_vasp(waiting, CAMPAIGN, tmp_path / "file")
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(ConfigurationError, match="no manifest of a tree"):
        export_vasp(waiting, CAMPAIGN, tmp_path)


def test_the_script_runs_each_calculation_from_the_structure_of_the_one_before(
    waiting: Connection, tmp_path: Path
) -> None:
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    relax = tmp_path / "out" / folder_of(done, "PBE-relax")
    for folder in relax.parent.iterdir():
        if folder.is_dir():
            (folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # stands for VASP: says that it converged, and gives the structure it had a new first line
    vasp.write_text('#!/bin/sh\necho "reached required accuracy" > OUTCAR\n(echo moved; tail -n +2 POSCAR) > CONTCAR\n')
    vasp.chmod(0o755)

    ran = subprocess.run(
        ["sh", relax.parent / "run.sh"],
        env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["PBE-relax", "optB88-vdW-relax", "PBE-static", "optB88-vdW-static"]
    assert (relax.parent / "PBE-static" / "POSCAR").read_text().startswith("moved")
    assert not (relax / "POSCAR").read_text().startswith("moved")


def test_the_script_makes_the_orbitals_that_a_hybrid_run_starts_from(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, Candidate, [candidate(LAYER, "MoS2", ("band_gap",))])
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    hybrid = tmp_path / "out" / folder_of(done, "HSE06-static")
    for folder in ("PBE-relax", "HSE06-static"):
        (hybrid.parent / folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # stands for VASP: says what it started from, and leaves what VASP does
    vasp.write_text(
        "#!/bin/sh\nif [ -e WAVECAR ]; then echo started from orbitals; fi\n"
        "grep -q LHFCALC INCAR || echo orbitals > WAVECAR\ncp POSCAR CONTCAR\ntouch vasprun.xml\n"
        'echo "reached required accuracy, EDIFF is reached" > OUTCAR\n'
    )
    vasp.chmod(0o755)
    command = ["sh", str(hybrid.parent / "run.sh")]

    ran = subprocess.run(command, env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["PBE-relax", "HSE06-static (PBE)", "HSE06-static"]
    assert (hybrid / "vasp.out").read_text() == "started from orbitals\n"
    assert [path.parent for path in sorted(hybrid.rglob("vasprun.xml"))] == [hybrid], "the PBE run is no result"


def test_the_script_stops_where_vasp_has_relaxed_the_vacuum(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, Candidate, [candidate(LAYER, "MoS2", HULL)])
    done = export_vasp(waiting, CAMPAIGN, tmp_path / "out")
    relax = tmp_path / "out" / folder_of(done, "PBE-relax")
    for folder in ("PBE-relax", "PBE-static"):
        (relax.parent / folder / "POTCAR").write_text("PAW")
    vasp = tmp_path / "vasp"  # one before 6.5, which does not know LATTICE_CONSTRAINTS
    vasp.write_text(
        '#!/bin/sh\necho "reached required accuracy" > OUTCAR\n'
        "awk 'NR == 5 { $3 = $3 - 2 } { print }' POSCAR > CONTCAR\n"
    )
    vasp.chmod(0o755)
    command = ["sh", str(relax.parent / "run.sh")]

    ran = subprocess.run(command, env={"VASP": str(vasp), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    assert ran.returncode == 1
    assert "PBE-relax: the vacuum was relaxed" in ran.stderr
    assert not (relax.parent / "PBE-static" / "OUTCAR").exists()


def test_a_flow_needs_programs_that_are_not_installed(waiting: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfolio.builders.calculations.vasp.inputs.flow.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="jobflow and atomate2, which are not installed"):
        as_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN)


def test_a_flow_hands_relaxed_structures_on(waiting: Connection, tmp_path: Path) -> None:
    pytest.importorskip("atomate2", reason="atomate2 is not installed")

    flow = as_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN)

    jobs = {job.name.split("/")[1]: job for job in flow.jobs if LAYER in job.name}
    assert len(flow.jobs) == 6
    relaxed = jobs["PBE-relax"].output.structure
    assert jobs["PBE-static"].function_args[0] == relaxed
    assert jobs["PBE-static"].metadata["exfolio"]["structure_id"] == LAYER
    assert write_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN, tmp_path / "flow.json") == 6
    with pytest.raises(ConfigurationError, match="can't be written"):
        write_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN, tmp_path / "flow.json")


ELEMENT_CELLS = {
    "Mo": Structure(Lattice.cubic(3.15), ["Mo"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "S": Structure(Lattice.cubic(4.0), ["S"], [[0, 0, 0]]),
}


def known_phases(*names: str, functional: str = "GGA") -> list[dict[str, Any]]:
    """Reference entries of MoS2 (-1 eV/atom), of MoS3 0.3 eV/atom above the hull, and of the elements."""
    energies = {"Mo": -10.8, "S": -4.1, "MoS2": (-10.8 - 8.2) / 3 - 1.0, "MoS3": (-10.8 - 12.3) / 4 - 0.45}
    compositions = {"Mo": {"Mo": 2}, "S": {"S": 1}, "MoS2": {"Mo": 2, "S": 4}, "MoS3": {"Mo": 1, "S": 3}}
    structures = {**ELEMENT_CELLS, "MoS2": mos2_bulk()}
    return [
        {
            "entry_id": f"mp:{name}-{functional}",
            "source": "mp",
            "material_id": {"MoS2": "bulk:mos2"}.get(name, f"mp:{name}"),
            "composition": {symbol: float(number) for symbol, number in compositions[name].items()},
            "formula_reduced": name,
            "chemsys": "-".join(sorted(compositions[name])),
            "energy": energies[name] * sum(compositions[name].values()),
            "energy_per_atom": energies[name],
            "scheme": "MaterialsProject2020Compatibility" if functional == "GGA" else None,
            "functional": functional,
            **({"structure": plain(structures[name])} if name in structures else {}),
        }
        for name in names
    ]


def elements_as_materials(connection: Connection) -> None:
    cells = [
        material(f"mp:{name}", name, name, structure=plain(cell), nsites=len(cell))
        for name, cell in ELEMENT_CELLS.items()
    ]
    put(connection, Material, cells)


R2SCAN = Choices(hull="r2SCAN")


def test_r2scan_is_ordered_for_the_stable_phases_that_place_it(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, ReferenceEntry, known_phases("Mo", "S", "MoS2", "MoS3"))
    elements_as_materials(waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, choices=R2SCAN)

    manifests = [manifest_of(tmp_path / path) for path in done.new if path.endswith("/r2SCAN-static")]
    ordered = {(one["role"], one["structure_id"], one["material_id"]) for one in manifests}
    crystals = {("crystal", None, name) for name in ("mp:Mo", "mp:S", "bulk:mos2")}
    assert ordered == {("layer", LAYER, None), *crystals}
    assert {one["candidate_id"] for one in manifests} == {f"{CAMPAIGN}/{LAYER}"}
    assert done.unplaced == {}
    assert not [path for path in export_vasp(waiting, CAMPAIGN, tmp_path / "PBE").new if "mp_Mo" in path]


def test_a_stable_phase_with_an_r2scan_entry_is_not_ordered(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, ReferenceEntry, known_phases("Mo", "S", "MoS2"))
    put(waiting, ReferenceEntry, known_phases("Mo", "MoS2", functional="r2SCAN"))
    elements_as_materials(waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, choices=R2SCAN)

    manifests = [manifest_of(tmp_path / path) for path in done.new if path.endswith("/r2SCAN-static")]
    assert {one["material_id"] for one in manifests} == {None, "mp:S"}


def test_what_r2scan_will_be_refused_for_is_named(waiting: Connection, tmp_path: Path) -> None:
    put(waiting, ReferenceEntry, known_phases("Mo", "MoS2"))

    without_sulfur = export_vasp(waiting, CAMPAIGN, tmp_path / "a", choices=R2SCAN)
    assert without_sulfur.unplaced == {"Mo-S": "no GGA(+U) reference entry of S: ingest entries of it"}

    put(waiting, ReferenceEntry, known_phases("S"))
    without_structures = export_vasp(waiting, CAMPAIGN, tmp_path / "b", choices=R2SCAN)
    reasons = without_structures.unplaced["Mo-S"].split("; ")
    assert sorted(reasons) == [f"{name} (mp:{name}-GGA) is stable and has no structure" for name in ("Mo", "S")]
