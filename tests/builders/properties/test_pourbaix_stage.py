"""Stability in water in the registry, on published formation energies of Mg-Mn-O."""

import csv
import gzip
import json
import re
from pathlib import Path

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.pourbaix_stage import PourbaixStage
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from filled_registry import chemsys, properties, put_entries, put_materials, put_properties, put_structures
from pymatgen.core import Composition

METHOD = "PBE, pH 0-14, 1.5 V vs RHE, 1e-06 mol/l"


def put_spinel(registry: Connection, value: float, basis: str = "same-structure", method: str = "PBE (mp, x)") -> None:
    put_structures(registry, [{"structure_id": "st-1", "chemsys": "Mg-Mn-O", "formula_reduced": "MgMn2O4"}])
    put_properties(
        registry,
        [{"structure_id": "st-1", "kind": "formation_energy", "method": method, "basis": basis, "value": value}],
    )


def known(formula: str, energy: float) -> dict[str, object]:
    composition = Composition(formula)
    return {
        "material_id": f"mp:{formula}",
        "formula_reduced": composition.reduced_formula,
        "chemsys": chemsys([element.symbol for element in composition]),
        "formation_energy": energy,
        "methods": {"formation_energy": "PBE"},
    }


def test_the_spinel_has_its_published_minimum(registry: Connection, shared_data: Path) -> None:
    with gzip.open(shared_data / "critexam.csv.gz", "rt") as stream:
        rows = {row["formula"]: float(row["formation_energy_per_atom"]) for row in csv.DictReader(stream)}
    mine = {formula: rows[formula] for formula in rows if re.fullmatch("(?:(?:Mg|Mn|O|H)[0-9]+)+", formula)}
    put_materials(registry, [known(formula, energy) for formula, energy in mine.items()])
    spinel = mine["Mg1Mn2O4"]
    put_spinel(registry, spinel)
    run_stage(PourbaixStage(ions=str(shared_data / "aqueous_ions.json")), registry)

    found = properties(registry, "pourbaix_energy")["st-1", METHOD]
    assert found["value"] == pytest.approx(0.477, abs=1e-3)
    assert found["details"]["ph"] <= 1.0 <= found["details"]["ph_high"]
    assert {one["id"]: one["amount"] for one in found["competing"]} == pytest.approx(
        {"MnHO2(s)": 2.0, "Mg(HO)2(s)": 1.0}
    )


OXIDES = [("MgO", -3.0), ("MnO2", -1.8), ("Mn2O3", -2.0), ("MnO", -2.0), ("Mn3O4", -2.1), ("H2O", -0.99)]


def test_a_changed_solid_makes_it_due_and_an_unrelated_one_does_not(registry: Connection) -> None:
    put_materials(registry, [known(*pair) for pair in OXIDES])
    put_spinel(registry, -2.2)
    first = run_stage(PourbaixStage(), registry)

    put_materials(registry, [known("CaO", -3.3)])
    unrelated = run_stage(PourbaixStage(), registry)
    put_materials(registry, [known("MnO2", -1.85)])
    related = run_stage(PourbaixStage(), registry)

    assert (first.inserted, unrelated.due, related.updated) == (1, 0, 1)


def test_a_product_of_both_metals_is_counted_in_its_formula_units(registry: Connection) -> None:
    # 6 MgMn2O4 + 6 H2O -> Mg6MnO8 + 11 MnO2 + 12 H+ + 12 e-
    put_materials(registry, [known(*pair) for pair in (*OXIDES, ("Mg6MnO8", -4.5))])
    put_spinel(registry, -2.2)

    run_stage(PourbaixStage(), registry)

    found = properties(registry, "pourbaix_energy")["st-1", METHOD]
    assert {one["id"]: one["amount"] for one in found["competing"]} == pytest.approx(
        {"MnO2(s)": 11 / 6, "Mg6MnO8(s)": 1 / 6}
    )


def pourbaix_energy(registry: Connection, **conditions: object) -> float:
    stage = PourbaixStage(**conditions)
    run_stage(stage, registry)
    return float(properties(registry, "pourbaix_energy")["st-1", f"PBE, {stage.conditions}"]["value"])


def test_the_lowest_polymorph_and_the_lowest_of_several_formation_energies_count(registry: Connection) -> None:
    put_materials(registry, [known(*pair) for pair in OXIDES])
    put_spinel(registry, -2.2)
    alone = pourbaix_energy(registry)

    put_materials(registry, [{**known("MnO2", -1.5), "material_id": "mp:ramsdellite"}])
    put_spinel(registry, -2.1, method="PBE (a, x)")
    put_spinel(registry, -2.0, method="PBE (z, x)")

    assert pourbaix_energy(registry) == alone


def test_each_decade_of_a_dissolved_ion_is_59_millivolts(registry: Connection) -> None:
    put_materials(registry, [known(*pair) for pair in OXIDES])
    put_spinel(registry, -1.5)
    # At pH 0 and the potential of hydrogen it dissolves: MgMn2O4 + 8 H+ + 2 e- -> Mg2+ + 2 Mn2+ + 4 H2O.
    dilute, strong = (pourbaix_energy(registry, ph=(0, 0), potential_vs_rhe=0.0, concentration=c) for c in (1e-6, 1e-3))

    assert dilute - strong == pytest.approx(3 * 3 * 0.0591 / 7)


def test_filtered_solids_leave_out_oxides_that_would_not_form(registry: Connection) -> None:
    put_materials(registry, [known(*pair) for pair in (*OXIDES, ("MnO3", -1.3))])  # 0.05 eV/atom above MnO2 and O2
    put_spinel(registry, -2.2)

    anything, filtered = (pourbaix_energy(registry, ph=(0, 0), filter_solids=chosen) for chosen in (False, True))

    # MnO2 + H2O -> MnO3 + 2 H+ + 2 e- gains 0.34 eV at 1.5 V, and the spinel has two Mn among seven atoms.
    gained = 3 * -1.8 - 2.458 + 2 * 1.5 - 4 * -1.3
    assert anything - filtered == pytest.approx(2 * gained / 7, abs=1e-3)


def test_the_energy_of_a_calculation_is_judged_among_corrected_entries(registry: Connection) -> None:
    entries = [("Mg", {"Mg": 1}, "Mg", -1.6), ("Mn", {"Mn": 1}, "Mn", -9.16), ("O", {"O": 2}, "O2", -4.95)]
    entries += [("MgO", {"Mg": 1, "O": 1}, "MgO", -6.3), ("MnO2", {"Mn": 1, "O": 2}, "MnO2", -8.2)]
    put_entries(registry, [*entries, ("MnO", {"Mn": 1, "O": 1}, "MnO", -9.1)])
    # Without hydrogen among the entries nothing can be said of a hydroxide.
    put_entries(registry, [("MgO2H2", {"Mg": 1, "O": 2, "H": 2}, "Mg(HO)2", -5.6)])
    put_spinel(registry, -2.2, basis="calculation", method="PBE(+U) MP2020")

    run_stage(PourbaixStage(), registry)

    ((key, found),) = properties(registry, "pourbaix_energy").items()
    assert key == ("st-1", METHOD.replace("PBE", "PBE(+U) MP2020"))
    assert found["value"] < 0.6
    assert found["basis"] == "calculation"
    assert found["snapshot"].startswith("test: ")


def test_a_missing_reference_solid_is_named(registry: Connection) -> None:
    put_materials(registry, [known("MgO", -3.0)])
    put_spinel(registry, -2.2)

    run_stage(PourbaixStage(), registry)

    found = properties(registry, "pourbaix_energy")["st-1", METHOD]
    assert "value" not in found
    assert "no formation energy of the reference solids" in found["refused"]


def test_elements_without_known_ions_are_named(registry: Connection) -> None:
    put_structures(registry, [{"structure_id": "st-2", "chemsys": "O-Xe", "formula_reduced": "XeO3"}])
    put_properties(
        registry,
        [{"structure_id": "st-2", "kind": "formation_energy", "method": "PBE (x, y)", "basis": "parent", "value": 1.0}],
    )

    run_stage(PourbaixStage(), registry)

    assert properties(registry, "pourbaix_energy")["st-2", METHOD]["refused"] == "no dissolved ions of Xe are known"


@pytest.mark.parametrize(
    "content", ["{}", "[1]", '[{"formula": "Mn[2+]"}]', "[", '[{"@module": "os", "@class": "system"}]']
)
def test_a_file_that_holds_no_ions_is_a_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ions.json"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=r"ions\.json"):
        PourbaixStage(ions=str(path))


def test_conditions_have_a_stage_of_their_own() -> None:
    assert PourbaixStage().name != PourbaixStage(potential_vs_rhe=1.23).name
    assert (
        json.loads(json.dumps(PourbaixStage().arguments())) == PourbaixStage(**PourbaixStage().arguments()).arguments()
    )
