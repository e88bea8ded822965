"""Stages of the potential: energies of known and proposed structures by CHGNet, and what they mean together."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.properties.potential import potential_stage
from exfolio.builders.properties.potential import potential_values_stage as potential_values
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.properties.potential.potential_values_stage import PotentialValuesStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.potential.chgnet import is_installed
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from filled_registry import put_structures
from known_crystals import crystals, monolayer_of, put, retire
from moves import check

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
STATIC = "CHGNet 0.3.0 static"


def propose(registry: Connection, *names: str) -> None:
    put(registry, crystals(*names))
    for stage in (LayerStage(), TopDownStage(), NoveltyStage()):
        run_stage(stage, registry)


def evaluate(registry: Connection) -> list[StageReport]:
    stages = (PotentialReferencesStage(), PotentialEnergiesStage(), PotentialValuesStage())
    return [run_stage(stage, registry) for stage in stages]


def values(registry: Connection, formula: str) -> dict[str, dict[str, object]]:
    structure = registry.database["structures"].find_one({"formula_reduced": formula})
    found = registry.database["properties"].find({"structure_id": structure["structure_id"], "deprecated": False})
    return {doc["kind"]: doc for doc in found}


@needs_chgnet
def test_a_monolayer_gets_formation_exfoliation_and_hull_energies_of_one_potential(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "Cd-hcp", "I-molecular")

    evaluate(registry)

    found = values(registry, "CdI2")
    assert {doc["method"] for doc in found.values()} == {STATIC}
    assert {doc["basis"] for doc in found.values()} == {"potential"}
    assert found["formation_energy"]["value"] == pytest.approx(-0.70, abs=0.2)  # measured: -203.3 kJ/mol, CRC Handbook
    assert found["exfoliation_energy"]["value"] == pytest.approx(0, abs=0.03)  # no van der Waals attraction
    layer_area = 4.24**2 * 3**0.5 / 2  # of three atoms
    per_area = 1000 * 3 * found["exfoliation_energy"]["value"] / layer_area
    assert found["exfoliation_energy"]["per_area"] == pytest.approx(per_area, rel=0.01)
    assert "van der Waals" in found["exfoliation_energy"]["details"]["limits"]
    assert [kind for kind, doc in found.items() if doc.get("bound")] == ["exfoliation_energy"]
    assert found["exfoliation_energy"]["bound"] == "lower"
    assert abs(found["energy_above_hull"]["value"] - found["exfoliation_energy"]["value"]) < 1e-4  # bulk is on the hull
    assert [phase["id"] for phase in found["energy_above_hull"]["competing"]] == ["chgnet:handbook:CdI2-CdI2"]
    assert [phase["formula"] for phase in found["energy_above_hull"]["competing"]] == ["CdI2"]
    assert [one["id"] for one in found["energy_above_hull"]["origins"]] == ["Cd-I", found["energy"]["property_id"]]
    entry = registry.database["reference_entries"].find_one({"entry_id": "chgnet:handbook:CdI2-CdI2"})
    assert (entry["functional"], entry["scheme"], entry["source"]) == ("CHGNet 0.3.0", "static", "chgnet")


@needs_chgnet
def test_a_new_reference_makes_due_the_systems_that_contain_it_and_no_others(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "BN-h", "Cd-hcp", "I-molecular")
    evaluate(registry)
    assert [report.due for report in evaluate(registry)] == [0, 0, 0]
    missing = values(registry, "BN")["energy_above_hull"]
    assert "value" not in missing
    assert missing["details"]["missing"] == "no reference crystal of B was evaluated by CHGNet 0.3.0"

    boron = crystals("Cd-hcp")[0]  # any crystal of the element gives it a reference
    for site in boron["structure"]["sites"]:
        site["species"] = [{"element": "B", "occu": 1}]
    put(registry, [{**boron, "material_id": "handbook:B", "source_id": "B", "chemsys": "B", "elements": ["B"]}])
    references, energies, compared = evaluate(registry)

    assert (references.inserted, energies.due, compared.due) == (1, 0, 1)
    assert isinstance(values(registry, "BN")["energy_above_hull"]["value"], float)


@needs_chgnet
def test_where_no_compound_competes_the_distance_to_the_hull_is_a_lower_bound(registry: Connection) -> None:
    put(registry, crystals("Cd-hcp", "I-molecular"))
    layer = {"structure": monolayer_of("CdI2-CdI2")["structure"], "dimension": 2, "route": "bottom-up", "valid": True}
    formula = {"formula_reduced": "CdI2", "chemsys": "Cd-I", "elements": ["Cd", "I"]}
    put_structures(registry, [{"structure_id": "st-cdi2", **layer, **formula}])
    run_stage(NoveltyStage(), registry)

    evaluate(registry)

    found = values(registry, "CdI2")
    assert found["energy_above_hull"]["bound"] == "lower"
    assert found["energy_above_hull"]["value"] == found["formation_energy"]["value"] < 0
    assert "elements alone" in found["energy_above_hull"]["details"]["limits"]


@needs_chgnet
def test_a_layer_of_one_element_has_but_its_element_to_lie_above(registry: Connection) -> None:
    propose(registry, "C-graphite-2H")

    evaluate(registry)

    found = values(registry, "C")
    assert "bound" not in found["energy_above_hull"]
    assert found["energy_above_hull"]["details"] == {}
    assert found["energy_above_hull"]["value"] == found["formation_energy"]["value"]


@needs_chgnet
def test_values_of_a_structure_that_is_gone_are_retired(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "Cd-hcp", "I-molecular")
    evaluate(registry)

    retire(registry, "handbook:CdI2-CdI2")
    propose(registry)
    evaluate(registry)

    assert values(registry, "CdI2") == {}
    assert registry.database["reference_entries"].find_one({"source_id": "handbook:CdI2-CdI2"})["deprecated"]


def test_without_chgnet_the_stages_stand_aside(registry: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    propose(registry, "CdI2-CdI2")
    for module in (potential_stage, potential_values):
        monkeypatch.setattr(module, "is_installed", lambda: False)

    reports = evaluate(registry)

    assert [(report.due, report.failed) for report in reports] == [(0, 0)] * 3
    assert {report.note for report in reports} == {
        "left out: the potential CHGNet is not installed (pip install exfolio[mlip])"
    }


@needs_chgnet
def test_values_by_the_potential_move_with_their_bulk(registry: Connection) -> None:
    """The layer, its energy and the reference entry of its bulk are of another chemical system then."""
    states = {"old": "CdI2-CdI2", "other": "PbI2-CdI2", "new": "CaI2-CdI2"}
    check(
        registry,
        put=lambda state: put(
            registry,
            [
                *crystals("Cd-hcp", "Pb-fcc", "Ca-fcc", "I-molecular", "CdBr2-CdCl2"),
                crystals(states[state])[0] | {"material_id": "lab:x1", "source": "lab"},
            ],
        ),
        retire=lambda: retire(registry, "lab:x1"),
        stages=lambda: [
            *(LayerStage(), TopDownStage(), NoveltyStage()),
            *(PotentialReferencesStage(), PotentialEnergiesStage(), PotentialValuesStage()),
        ],
    )
