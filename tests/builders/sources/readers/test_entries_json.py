"""Computed entries: energies and corrections as they are in the file, whatever kind of adjustment made them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.readers.entries_json import EntriesJson
from pymatgen.core import Structure
from pymatgen.entries.computed_entries import (
    CompositionEnergyAdjustment,
    ComputedEntry,
    ComputedStructureEntry,
    ConstantEnergyAdjustment,
    ManualEnergyAdjustment,
    TemperatureEnergyAdjustment,
)


def entry(**options: Any) -> dict[str, Any]:
    made = ComputedEntry("Mn2O3", -40.0, entry_id="mp-1", parameters={"run_type": "GGA+U"}, **options)
    return json.loads(json.dumps(made.as_dict()))


def test_every_kind_of_adjustment_adds_up_as_in_pymatgen(write: Any, read: Any) -> None:
    adjustments = [
        ConstantEnergyAdjustment(-0.5),
        ManualEnergyAdjustment(0.25),
        CompositionEnergyAdjustment(-0.687, 3, uncertainty_per_atom=0.002, name="oxide"),
        TemperatureEnergyAdjustment(-1e-4, 298, 5),
    ]
    reading = read(EntriesJson(paths=write("entries.json", [entry(energy_adjustments=adjustments)])))
    [found] = reading.entries
    expected = ComputedEntry("Mn2O3", -40.0, energy_adjustments=adjustments)
    assert found["energy"] == -40.0
    assert found["correction"] == pytest.approx(expected.correction)
    assert found["energy_per_atom"] == pytest.approx(expected.energy_per_atom)
    assert [one["kind"] for one in found["adjustments"]] == [type(one).__name__ for one in adjustments]
    # an uncertainty that is not known is NaN in pymatgen's files, and absent here
    assert "uncertainty" not in found["adjustments"][0]
    assert found["functional"] == "GGA+U"
    assert reading.materials == []


def test_an_entry_with_structure_is_a_material_too(write: Any, read: Any, rock_salt: Structure) -> None:
    made = ComputedStructureEntry(
        rock_salt, -27.0, entry_id="mp-22862", parameters={"run_type": "GGA"}, data={"e_above_hull": 0.0}
    )
    reading = read(EntriesJson(paths=write("entries.json", {"NaCl": json.loads(json.dumps(made.as_dict()))})))
    [material], [found] = reading.materials, reading.entries
    assert found["entry_id"] == material["material_id"] == found["material_id"] == "entries:mp-22862"
    assert material["energy_per_atom"] == pytest.approx(-27.0 / 8)
    assert material["energy_above_hull"] == 0.0
    assert material["methods"] == {"energy_per_atom": "GGA"}
    assert found["composition"] == {"Cl": 4.0, "Na": 4.0}
    assert found["structure"] == material["structure"]


def test_ids_come_from_the_entry_the_key_or_the_formula(write: Any, read: Any) -> None:
    nameless = {**entry(), "entry_id": None}
    assert read(EntriesJson(paths=write("keyed.json", {"oxide": nameless}))).entries[0]["source_id"] == "oxide"
    reading = read(EntriesJson(paths=write("listed.json", [nameless, entry(), nameless])))
    assert [found["source_id"] for found in reading.entries] == ["Mn2O3-1", "mp-1", "Mn2O3-2"]


def test_an_old_entry_with_a_bare_correction(write: Any, read: Any) -> None:
    old = {"composition": {"Mn": 2, "O": 3}, "energy": -40.0, "correction": -5.5, "entry_id": "mp-1"}
    [found] = read(EntriesJson(paths=write("entries.json", [old]))).entries
    assert (found["correction"], found["adjustments"]) == (-5.5, [])
    assert found["energy_per_atom"] == pytest.approx(-45.5 / 5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"energy": None}, "no energy"),
        ({"energy": float("nan")}, "not finite"),
        ({"energy": 10**400}, "not finite"),
        ({"composition": {"Mn": -1}}, "bad composition"),
        ({"composition": {"Mx": 1}}, "bad composition"),
        ({"composition": {}}, "no atoms"),
        ({"composition": "Mn2O3"}, "not an object"),
        ({"energy_adjustments": [{"@class": "Unheard"}]}, "no value"),
        ({"energy_adjustments": [{"value": float("inf")}]}, "not finite"),
        ({"energy_adjustments": [{"value": -1.0}], "correction": -2.0}, "its parts sum to"),
        ({"parameters": []}, "parameters is not an object"),
        ({"structure": {}}, "bad structure"),
    ],
)
def test_a_bad_entry_is_told_and_the_next_is_read(write: Any, read: Any, changes: dict[str, Any], reason: str) -> None:
    reading = read(EntriesJson(paths=write("entries.json", [{**entry(), **changes}, entry()])))
    assert len(reading.entries) == 1
    assert reading.places == ["item 1"]
    assert reason in reading.bad[0].reason


@pytest.mark.parametrize(("ev_of_cell", "is_taken"), [(-40.0, True), (-3000.0, False), (55.0, False)])
def test_a_corrected_energy_that_no_phase_has_by_pbe_is_refused(
    write: Any, read: Any, ev_of_cell: float, is_taken: bool
) -> None:
    scheme = {"@module": "pymatgen.analysis.compatibility", "@class": "MaterialsProject2020Compatibility"}
    corrected = {**entry(), "energy": ev_of_cell, "energy_adjustments": [{"value": -2.061, "cls": scheme}]}
    corrected.pop("correction", None)
    reading = read(EntriesJson(paths=write("entries.json", [corrected])))
    assert [bad.reason for bad in reading.bad if "by PBE no phase lies beyond" not in bad.reason] == []
    assert len(reading.entries) == is_taken


def test_a_composition_that_is_not_the_structures_is_refused(write: Any, read: Any, rock_salt: Structure) -> None:
    wrong = {**entry(), "structure": rock_salt.as_dict()}
    reading = read(EntriesJson(paths=write("entries.json", [wrong])))
    assert "the structure has" in reading.bad[0].reason


def test_deuterium_is_hydrogen_to_a_hull(write: Any, read: Any) -> None:
    water = {"composition": {"D": 1, "H": 1, "O": 1}, "energy": -14.9}
    [found] = read(EntriesJson(paths=write("entries.json", [water]))).entries
    assert (found["composition"], found["chemsys"]) == ({"H": 2.0, "O": 1.0}, "H-O")


def test_a_hull_distance_that_can_not_be_is_asked_about(write: Any, read: Any, rock_salt: Structure) -> None:
    made = ComputedStructureEntry(rock_salt, -27.0, data={"e_above_hull": 50.0})
    reading = read(EntriesJson(paths=write("entries.json", [json.loads(json.dumps(made.as_dict()))])))
    assert "is the unit right" in reading.bad[0].reason


def test_the_maker_of_an_adjustment_is_named_not_made(write: Any, read: Any, tmp_path: Path) -> None:
    trap = {"@module": "subprocess", "@class": "Popen", "args": ["touch", str(tmp_path / "sprung")]}
    raw = entry(energy_adjustments=[ConstantEnergyAdjustment(-0.5)])
    raw["energy_adjustments"][0]["cls"] = trap
    [found] = read(EntriesJson(paths=write("entries.json", [raw]))).entries
    assert not (tmp_path / "sprung").exists()
    assert found["scheme"] == "Popen"


def test_real_entries(read: Any, write: Any, shared_data: Path) -> None:
    raw = json.loads(gzip.decompress((shared_data / "mp_entries_Mn-O.json.gz").read_bytes()))[::6]
    reading = read(EntriesJson(paths=write("mp.json", raw)))
    assert reading.bad == []
    assert len(reading.entries) == len(reading.materials) == len(raw)
    for given, found in zip(raw, reading.entries, strict=True):
        natoms = sum(given["composition"].values())
        assert found["energy_per_atom"] == pytest.approx((given["energy"] + given["correction"]) / natoms)
        assert ("scheme" in found) == bool(given["energy_adjustments"])
    corrected = next(found for found in reading.entries if found["adjustments"])
    assert corrected["scheme"] == "MaterialsProject2020Compatibility"
