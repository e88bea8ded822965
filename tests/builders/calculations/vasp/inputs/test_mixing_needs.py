"""Runs in r2SCAN that place a candidate's energy on the hull of known phases."""

from pathlib import Path
from typing import Any

from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp
from exfolio.models.calculation.plan import Choices
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, ReferenceEntry
from pymatgen.core import Lattice, Structure
from small_registry import material, plain, put
from waiting_layer import CAMPAIGN, LAYER, manifest_of, mos2_bulk

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
