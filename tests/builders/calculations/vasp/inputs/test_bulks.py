"""Bulks that layers are compared with: theirs, their template's with other elements, or the layer stacked on itself."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.crawl import MANIFEST
from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp
from exfolio.builders.calculations.vasp.manifest import read_manifest
from exfolio.models.calculation.plan import Choices
from exfolio.models.structure.layered.stacking import stack
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Candidate, Material, Property, ProposedStructure
from pymatgen.io.vasp.inputs import Poscar
from small_registry import material, plain, put
from waiting_layer import (
    CAMPAIGN,
    EXFOLIATION,
    LAYER,
    SUBSTITUTED,
    candidate,
    folder_of,
    layer,
    manifest_of,
    mos2_bulk,
    proposed,
)


def test_two_layers_of_one_bulk_share_its_calculation(waiting: Connection, tmp_path: Path) -> None:
    other = "st-3333333333333333"
    export_vasp(waiting, CAMPAIGN, tmp_path)
    put(waiting, ProposedStructure, [proposed(other, "MoS2", layer(a=3.3))])
    put(waiting, Candidate, [candidate(other, "MoS2", EXFOLIATION)])

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert all(other in path for path in done.new)
    bulk = next(entry for path, entry in manifest_of(tmp_path)["folders"].items() if "_bulk_" in path)
    assert bulk["candidates"] == [f"{CAMPAIGN}/{LAYER}", f"{CAMPAIGN}/{other}"]


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
