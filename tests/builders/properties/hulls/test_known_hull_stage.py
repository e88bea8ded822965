"""Hull distances from formation energies of known materials: measured with measured, computed with computed."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.hulls.known_hull_stage import KnownHullStage, family
from exfolio.stores.connection import Connection
from filled_registry import properties, put_entries, put_materials, put_properties, put_structures

# Measured formation enthalpies at 298 K, eV/atom: MoS2 -0.99, MoO3 -1.93 (CRC Handbook of Chemistry and Physics).
MEASURED = "experiment, 298 K"


@pytest.fixture
def molybdenum(registry: Connection) -> Connection:
    """Give a registry with what is known of Mo-S, by two methods, and two monolayers."""
    put_materials(
        registry,
        [
            material("MoS2", "Mo-S", -0.99, MEASURED),
            material("Mo2S3", "Mo-S", -0.83, MEASURED),
            material("MoS2", "Mo-S", -0.87, "PBE"),
            material("MoO3", "Mo-O", -1.93, MEASURED),
        ],
    )
    put_structures(
        registry,
        [
            {"structure_id": f"st-{n}", "chemsys": "Mo-S", "formula_reduced": formula}
            for n, formula in ((1, "MoS2"), (2, "MoS"))
        ],
    )
    method = f"{MEASURED} of the bulk + exfoliation energy (handbook, parent)"
    put_properties(
        registry,
        [
            {"structure_id": "st-1", "kind": "formation_energy", "method": method, "basis": "parent", "value": -0.91},
            {"structure_id": "st-2", "kind": "formation_energy", "method": method, "basis": "parent", "value": -0.50},
        ],
    )
    return registry


def material(formula: str, chemsys: str, energy: float, method: str) -> dict[str, object]:
    return {
        "material_id": f"test:{formula}-{method[:3]}",
        "formula_reduced": formula,
        "chemsys": chemsys,
        "formation_energy": energy,
        "methods": {"formation_energy": method},
    }


def test_a_layer_lies_above_the_hull_by_its_exfoliation_energy(molybdenum: Connection) -> None:
    run_stage(KnownHullStage(), molybdenum)

    found = properties(molybdenum, "energy_above_hull")
    layer = found["st-1", "experiment, hull of known materials"]
    assert layer["value"] == pytest.approx(0.08)
    assert layer["basis"] == "known hull"
    assert layer["competing"] == [{"id": "test:MoS2-exp", "formula": "MoS2", "amount": pytest.approx(1.0)}]
    assert [one["collection"] for one in layer["origins"]] == ["group", "properties"]  # its own, not the other layer's
    assert layer["snapshot"].startswith("test: 2 formation energies, ")


def test_methods_are_never_mixed_and_one_that_knows_nothing_gives_nothing(molybdenum: Connection) -> None:
    put_properties(
        molybdenum,
        [
            {
                "structure_id": "st-1",
                "kind": "formation_energy",
                "method": "PBE (2dmatpedia, same-structure)",
                "basis": "same-structure",
                "value": -0.80,
            },
            {
                "structure_id": "st-1",
                "kind": "formation_energy",
                "method": "SCAN (c2db, same-structure)",
                "basis": "same-structure",
                "value": -0.85,
            },
        ],
    )
    run_stage(KnownHullStage(), molybdenum)

    values = {
        method: doc["value"]
        for (one, method), doc in properties(molybdenum, "energy_above_hull").items()
        if one == "st-1"
    }
    assert values == {
        "experiment, hull of known materials": pytest.approx(0.08),
        "PBE, hull of known materials": pytest.approx(0.07),
    }


def test_against_the_elements_alone_the_distance_is_a_lower_bound(molybdenum: Connection) -> None:
    put_materials(molybdenum, [material("S", "S", 0.0, "SCAN")])
    scan = {"structure_id": "st-1", "kind": "formation_energy", "method": "SCAN (c2db, same-structure)"}
    put_properties(molybdenum, [{**scan, "basis": "same-structure", "value": -0.85}])
    run_stage(KnownHullStage(), molybdenum)

    found = properties(molybdenum, "energy_above_hull")
    alone, measured = (found["st-1", f"{name}, hull of known materials"] for name in ("SCAN", "experiment"))
    assert alone["value"] == alone["low"] == pytest.approx(-0.85)
    assert "high" not in alone
    assert {phase["formula"] for phase in alone["competing"]} == {"Mo", "S"}
    assert alone["details"]["completeness"]["missing"] == ["Mo2S3", "MoS2"]
    assert "low" not in measured


def test_a_compound_that_another_source_knows_makes_the_distance_a_lower_bound(molybdenum: Connection) -> None:
    run_stage(KnownHullStage(), molybdenum)
    assert "low" not in properties(molybdenum, "energy_above_hull")["st-1", "experiment, hull of known materials"]

    put_entries(molybdenum, [("Mo6S8", {"Mo": 3, "S": 4}, "Mo3S4", -7.0)])
    assert run_stage(KnownHullStage(), molybdenum).due == 1

    found = properties(molybdenum, "energy_above_hull")["st-1", "experiment, hull of known materials"]
    assert found["low"] == found["value"] == pytest.approx(0.08)
    assert found["details"]["completeness"]["missing"] == ["Mo3S4"]


def test_a_layer_by_a_functional_without_dispersion_has_a_lower_bound(molybdenum: Connection) -> None:
    layer = {"structure_id": "st-3", "chemsys": "Mo-S", "formula_reduced": "MoS2", "dimension": 2}
    put_structures(molybdenum, [layer])
    put_materials(molybdenum, [material("Mo2S3", "Mo-S", -0.80, "PBE")])
    known = {"structure_id": "st-3", "kind": "formation_energy", "basis": "same-structure"}
    methods = {"PBE (c2db, same-structure)": -0.80, f"{MEASURED} (handbook, parent)": -0.91}
    put_properties(molybdenum, [{**known, "method": method, "value": value} for method, value in methods.items()])
    run_stage(KnownHullStage(), molybdenum)

    found = properties(molybdenum, "energy_above_hull")
    pbe, measured = (found["st-3", f"{name}, hull of known materials"] for name in ("PBE", "experiment"))
    assert (pbe["low"], pbe["lacks"]) == (pytest.approx(0.07), ["dispersion"])
    assert "low" not in measured


def test_a_compound_beside_an_element_makes_a_hull_and_no_bound(molybdenum: Connection) -> None:
    run_stage(KnownHullStage(), molybdenum)

    # 2 MoS -> MoS2 + Mo: three of the four atoms are in MoS2.
    found = properties(molybdenum, "energy_above_hull")["st-2", "experiment, hull of known materials"]
    assert found["value"] == pytest.approx(-0.50 + 0.99 * 3 / 4)
    competing = {phase["formula"]: phase["amount"] for phase in found["competing"]}
    assert competing == pytest.approx({"MoS2": 0.75, "Mo": 0.25})
    assert "low" not in found


def test_a_layer_of_one_element_lies_above_that_element_and_that_is_no_bound(molybdenum: Connection) -> None:
    put_materials(molybdenum, [material("P", "P", 0.0, "PBE")])
    put_structures(molybdenum, [{"structure_id": "st-3", "chemsys": "P", "formula_reduced": "P"}])
    phosphorene = {"structure_id": "st-3", "kind": "formation_energy", "method": "PBE (c2db, same-structure)"}
    put_properties(molybdenum, [{**phosphorene, "basis": "same-structure", "value": 0.08}])
    run_stage(KnownHullStage(), molybdenum)

    found = properties(molybdenum, "energy_above_hull")["st-3", "PBE, hull of known materials"]
    assert found["value"] == pytest.approx(0.08)
    assert "low" not in found


def test_of_several_formation_energies_of_a_structure_the_lowest_counts(molybdenum: Connection) -> None:
    pbe = {"structure_id": "st-1", "kind": "formation_energy", "basis": "same-structure"}
    values = {"a": -0.80, "b": -0.84, "c": -0.82}
    put_properties(molybdenum, [{**pbe, "method": f"PBE ({name}, x)", "value": one} for name, one in values.items()])
    run_stage(KnownHullStage(), molybdenum)

    found = properties(molybdenum, "energy_above_hull")["st-1", "PBE, hull of known materials"]
    assert found["value"] == pytest.approx(0.87 - 0.84)
    assert found["details"]["formation_energy_by"] == "PBE (b, x)"


def test_only_systems_with_the_changed_material_are_due(molybdenum: Connection) -> None:
    run_stage(KnownHullStage(), molybdenum)

    put_materials(molybdenum, [material("MoO3", "Mo-O", -1.94, MEASURED)])
    other = run_stage(KnownHullStage(), molybdenum)
    put_materials(molybdenum, [material("MoS2", "Mo-S", -1.00, MEASURED)])
    own = run_stage(KnownHullStage(), molybdenum)

    assert (other.due, own.due) == (0, 1)
    found = properties(molybdenum, "energy_above_hull")
    assert found["st-1", "experiment, hull of known materials"]["value"] == pytest.approx(0.09)


def test_a_formation_energy_that_comes_later_is_seen(molybdenum: Connection) -> None:
    run_stage(KnownHullStage(), molybdenum)
    put_structures(molybdenum, [{"structure_id": "st-3", "chemsys": "Mo-O", "formula_reduced": "MoO3"}])
    put_properties(
        molybdenum,
        [
            {
                "structure_id": "st-3",
                "kind": "formation_energy",
                "method": f"{MEASURED} (x, parent)",
                "basis": "parent",
                "value": -1.9,
            }
        ],
    )

    report = run_stage(KnownHullStage(), molybdenum)

    assert (report.due, report.inserted) == (1, 1)
    assert run_stage(KnownHullStage(), molybdenum).due == 0


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("experiment, 298 K of the bulk + exfoliation energy (handbook, parent)", "experiment"),
        ("experiment (handbook, same-structure)", "experiment"),
        ("PBE of the bulk + exfoliation energy (c2db, parent)", "PBE"),
        ("PBE+U (mp, same-structure)", "PBE+U"),
        ("method not stated (x, parent)", "method not stated"),
    ],
)
def test_families(method: str, expected: str) -> None:
    assert family(method) == expected
