"""What is known and what is calculated again, corrected alike: the distance is what their energies differ by."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ReferenceEntry
from filled_registry import properties, put, put_calculations
from pymatgen.core import Lattice, Structure
from pymatgen.core.entries import ComputedStructureEntry

METHOD = "PBE(+U) MP2020"

BARITE = Structure.from_spacegroup(
    "Pnma",
    Lattice.orthorhombic(8.884, 5.457, 7.157),
    ["Ba", "S", "O", "O", "O"],
    [
        *([0.8154, 0.75, 0.8414], [0.5625, 0.25, 0.8091], [0.413, 0.25, 0.895]),
        *([0.682, 0.25, 0.949], [0.5806, 0.4707, 0.6876]),
    ],
)
"""BaSO4, M. Miyake et al., Am. Mineral. 63, 506 (1978)."""
BARIUM_PEROXIDE = Structure.from_spacegroup(
    "I4/mmm", Lattice.tetragonal(3.815, 6.85), ["Ba", "O"], [[0, 0, 0], [0, 0, 0.391]]
)
"""BaO2, O-O 1.49 Å."""
POTCARS = {"Ba": "Ba_sv", "S": "S", "O": "O", "Li": "Li_sv", "B": "B", "Cl": "Cl"}


def raw_entry(name: str, composition: dict[str, float], per_atom: float, **more: object) -> dict[str, Any]:
    """A reference entry by PBE that nobody has corrected."""
    return {
        "entry_id": f"test:{name}",
        "source": "test",
        "composition": composition,
        "formula_reduced": name,
        "chemsys": "-".join(sorted(composition)),
        "energy": per_atom * sum(composition.values()),
        "energy_per_atom": per_atom,
        "functional": "GGA",
        "potcar_symbols": [f"PAW_PBE {POTCARS[symbol]}" for symbol in composition],
        **more,
    }


def again(entry: dict[str, Any], name: str = "calc-1", difference: float = 0.0) -> dict[str, Any]:
    """A calculation of ours that found the energy of an entry again, or nearly."""
    names = ("formula_reduced", "chemsys", "composition", "functional", "hubbards", "potcar_symbols", "structure")
    per_atom = entry["energy"] / sum(entry["composition"].values()) + difference
    return {
        **{key: entry[key] for key in names if key in entry},
        "calculation_id": name,
        "energy": per_atom * sum(entry["composition"].values()),
        "energy_per_atom": per_atom,
        "task_type": "Static",
        "converged": True,
    }


ELEMENTS = [
    raw_entry(symbol, {symbol: 1.0}, energy)
    for symbol, energy in (("Ba", -1.9), ("S", -4.1), ("O", -4.95), ("Li", -1.9), ("B", -6.7), ("Cl", -1.85))
]


@pytest.mark.parametrize("difference", [-0.002, 0.0, 0.002])
def test_a_sulfate_calculated_again_lies_where_its_energy_differs(registry: Connection, difference: float) -> None:
    barite = raw_entry("BaSO4", {"Ba": 4.0, "S": 4.0, "O": 16.0}, -6.0, structure=to_plain(BARITE))
    put(registry, ReferenceEntry, [barite, *ELEMENTS])
    put_calculations(registry, [again(barite, difference=difference)], ["st-1"])

    run_stage(HullStage(), registry)

    distance = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert distance["value"] == pytest.approx(difference, abs=1e-9)
    assert "low" not in distance
    details = properties(registry, "formation_energy")["st-1", METHOD]["details"]
    assert [one["name"] for one in details["adjustments"]] == ["MP2020 anion correction (oxide)"]


def test_a_peroxide_that_its_source_corrected_as_another_kind_lies_at_zero_when_calculated_again(
    registry: Connection,
) -> None:
    term = {"name": "MP2020 anion correction (superoxide)", "value": -0.161 * 4}
    peroxide = raw_entry("BaO2", {"Ba": 2.0, "O": 4.0}, -5.0, structure=to_plain(BARIUM_PEROXIDE))
    corrected = {
        **peroxide,
        "scheme": "MaterialsProject2020Compatibility",
        "adjustments": [term],
        "energy_per_atom": -5.0 - 0.161 * 4 / 6,
    }
    put(registry, ReferenceEntry, [corrected, *ELEMENTS])
    put_calculations(registry, [again(peroxide)], ["st-1"])

    run_stage(HullStage(), registry)

    distance = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert distance["value"] == pytest.approx(0, abs=1e-9)
    assert any("same structure" in note for note in distance["details"]["notes"])


BORATE = {"Li": 10.0, "B": 14.0, "Cl": 2.0, "O": 25.0}
CHLORIDE = 0.614 * 2 / 51
"""eV/atom, Wang et al. 2021: what Li10B14Cl2O25 is lower by if its Cl are chloride, which can't be guessed."""


def test_an_undecided_anion_gives_intervals(registry: Connection) -> None:
    borate = raw_entry("Li10B14Cl2O25", BORATE, -7.0, oxide_type="oxide")
    put(registry, ReferenceEntry, [*ELEMENTS, raw_entry("LiCl", {"Li": 1.0, "Cl": 1.0}, -3.7)])
    known_kind = {**again(borate), "structure": to_plain(_borate_of_51_atoms())}
    put_calculations(registry, [known_kind], ["st-1"])

    run_stage(HullStage(), registry)

    formation = properties(registry, "formation_energy")["st-1", METHOD]
    assert (formation["low"], formation["high"]) == pytest.approx((formation["value"] - CHLORIDE, formation["value"]))
    assert "Cl may be an anion" in formation["details"]["undecided"][0]
    distance = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert distance["low"] == pytest.approx(distance["value"] - CHLORIDE)
    # It lies far below all that is known, so that compounds seem to be missing: open upwards.
    assert distance["value"] < -0.2
    assert distance.get("high") is None
    ours = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known and ours"]
    assert (ours["low"], ours["value"]) == pytest.approx((0, 0), abs=1e-9)


def test_a_compound_calculated_again_lies_at_zero_whatever_its_anions_are(registry: Connection) -> None:
    borate = raw_entry("Li10B14Cl2O25", BORATE, -7.0, structure=to_plain(_borate_of_51_atoms()))
    put(registry, ReferenceEntry, [borate, *ELEMENTS])
    put_calculations(registry, [again(borate)], ["st-1"])

    run_stage(HullStage(), registry)

    distance = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert (distance["low"], distance["value"], distance["high"]) == pytest.approx((0, 0, 0), abs=1e-9)
    formation = properties(registry, "formation_energy")["st-1", METHOD]
    assert formation["high"] - formation["low"] == pytest.approx(CHLORIDE)


def test_another_compound_that_is_undecided_widens_the_distance(registry: Connection) -> None:
    borate = raw_entry("Li10B14Cl2O25", BORATE, -7.0, structure=to_plain(_borate_of_51_atoms()))
    put(registry, ReferenceEntry, [borate, *ELEMENTS])
    mixed = {"Li": 11.0, "B": 14.0, "Cl": 2.0, "O": 25.0}  # of the borate and lithium, 51 atoms of 52
    target = raw_entry("Li11B14Cl2O25", mixed, -6.9, structure=to_plain(_borate_of_51_atoms(extra=1)))
    put_calculations(registry, [again(target)], ["st-1"])

    run_stage(HullStage(), registry)

    distance = properties(registry, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    own = 0.614 * 2 / 52
    assert distance["low"] == pytest.approx(distance["value"] - own)
    assert distance["high"] == pytest.approx(distance["value"] + CHLORIDE * 51 / 52)


def _borate_of_51_atoms(extra: int = 0) -> Structure:
    """Any crystal of the composition in which Li surround Cl, and O have no neighbour at the distance of O2."""
    species = ["Li"] * (10 + extra) + ["Cl"] * 2 + ["B"] * 14 + ["O"] * 25
    places = [[x / 4, y / 4, z / 4] for x in range(4) for y in range(4) for z in range(4)]
    return Structure(Lattice.cubic(9.6), species, places[: len(species)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("difference", [-0.001, 0.001])
def test_our_runs_by_gga_leave_what_is_known_where_it_is_under_the_mixing_scheme(
    registry: Connection, shared_data: Path, tmp_path: Path, difference: float
) -> None:
    everything = json.loads(gzip.decompress((shared_data / "mp_entries_Mn-O.json.gz").read_bytes()))
    stable: dict[str, ComputedStructureEntry] = {}
    for entry in sorted(map(ComputedStructureEntry.from_dict, everything), key=lambda one: one.energy_per_atom):
        stable.setdefault(entry.reduced_formula, entry)
    file = tmp_path / "entries.json"
    formulas = ("Mn", "O2", "MnO", "MnO2", "Mn2O3", "Mn3O4")
    file.write_text(json.dumps([stable[formula].as_dict() for formula in formulas]))
    run_stage(SourceStage("entries", {"paths": [str(file)], "source": "mp"}), registry)
    known = {doc["formula_reduced"]: doc for doc in registry.database["reference_entries"].find()}
    runs = [again(known[formula], f"calc-{formula}", difference) for formula in ("Mn", "MnO", "Mn2O3")]
    put_calculations(registry, runs, ["st-Mn", "st-MnO", "st-Mn2O3"])

    run_stage(HullStage(scheme="MP2020+r2SCAN"), registry)

    hull = properties(registry, "energy_above_hull")
    against_known = {
        structure: doc["value"] for (structure, method), doc in hull.items() if method.endswith("against known")
    }
    assert against_known == pytest.approx(dict.fromkeys(("st-Mn", "st-MnO", "st-Mn2O3"), difference), abs=1e-6)
