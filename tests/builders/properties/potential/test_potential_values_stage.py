"""Stages of the potential: energies of known and proposed structures by CHGNet, and what they mean together."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.properties.potential.formation_errors import COMPOUNDS
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.properties.potential.potential_values_stage import PotentialValuesStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.potential.family.chgnet import Chgnet, is_installed
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ReferenceEntry
from filled_registry import put as put_documents
from filled_registry import put_materials, put_structures
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
    bounds = {kind: doc for kind, doc in found.items() if "lacks" in doc}
    assert bounds.keys() == {"exfoliation_energy", "energy_above_hull"}
    for doc in bounds.values():
        assert (doc["lacks"], "high" in doc) == (["dispersion"], False)
        assert "dispersion" in doc["warnings"][0]
    assert found["exfoliation_energy"]["low"] == found["exfoliation_energy"]["value"]
    errors = {kind: found[kind]["details"]["errors"] for kind in ("formation_energy", "energy_above_hull")}
    assert (errors["formation_energy"]["of"], errors["energy_above_hull"]["of"]) == ("halides", COMPOUNDS)
    for kind, error in errors.items():
        assert found[kind]["low"] == pytest.approx(found[kind]["value"] - error["quantile"], abs=1e-5)
    formed = found["formation_energy"]
    assert formed["low"] < -203.3 / 96.485 / 3 < formed["high"] < 0  # what was measured; decided all the same
    assert (formed["coverage"], formed["method"]) == (0.9, STATIC)
    assert found["energy_above_hull"]["details"]["completeness"] == {"known_compounds": 1, "with_energy": 1}
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
    above = found["energy_above_hull"]
    assert above["value"] == found["formation_energy"]["value"] < 0
    assert above["low"] == found["formation_energy"]["low"] < above["value"]  # against elements it is one
    assert "high" not in above
    assert above["lacks"] == ["compounds", "dispersion"]
    assert "elements alone" in above["warnings"][0]


@needs_chgnet
def test_a_known_compound_that_the_potential_has_no_structure_of_makes_the_distance_a_lower_bound(
    registry: Connection,
) -> None:
    # Given a crystal as a proposal, its structure among the known ones
    put(registry, crystals("CdI2-CdI2", "Cd-hcp", "I-molecular"))
    [iodide] = crystals("CdI2-CdI2")
    proposed = {"structure": iodide["structure"], "dimension": 3, "valid": True}
    names = {"formula_reduced": "CdI2", "chemsys": "Cd-I", "elements": ["Cd", "I"]}
    put_structures(registry, [{"structure_id": "st-cdi2", **proposed, **names}])
    run_stage(NoveltyStage(), registry)
    evaluate(registry)
    assert "lacks" not in values(registry, "CdI2")["energy_above_hull"]

    # When a table tells of one compound more
    put_materials(registry, [{"material_id": "table:Cd2I", "formula_reduced": "Cd2I", "chemsys": "Cd-I"}])
    evaluate(registry)

    above = values(registry, "CdI2")["energy_above_hull"]
    assert above["low"] < above["value"]
    assert "high" not in above
    assert above["lacks"] == ["compounds"]
    assert above["details"]["completeness"] == {
        "known_compounds": 2,
        "with_energy": 1,
        "number_missing": 1,
        "missing": ["Cd2I"],
    }


@needs_chgnet
def test_a_layer_of_one_element_has_but_its_element_to_lie_above(registry: Connection) -> None:
    propose(registry, "C-graphite-2H")

    evaluate(registry)

    found = values(registry, "C")
    assert found["energy_above_hull"]["lacks"] == ["dispersion"], "graphite's layers attract each other"
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
    monkeypatch.setattr(Chgnet, "package", "no_such_package")

    reports = evaluate(registry)

    assert [(report.due, report.failed) for report in reports] == [(0, 0)] * 3
    assert {report.note for report in reports} == {
        "left out: the potential CHGNet is not installed (pip install exfolio[mlip])"
    }


@pytest.mark.endurance
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


@needs_chgnet
def test_an_element_that_the_potential_puts_too_low_is_no_reference(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "Cd-hcp", "I-molecular")
    evaluate(registry)
    before = values(registry, "CdI2")
    entry = registry.database["reference_entries"].find_one({"entry_id": "chgnet:handbook:Cd-hcp"})
    names = ("source", "material_id", "composition", "formula_reduced", "chemsys", "elements", "functional", "scheme")
    energies = {"energy": -4.0, "energy_per_atom": -2.0}
    put_documents(registry, ReferenceEntry, [{**{name: entry[name] for name in names}, "entry_id": "x", **energies}])

    evaluate(registry)

    after = values(registry, "CdI2")
    assert after["formation_energy"]["value"] == before["formation_energy"]["value"]
    assert after["energy_above_hull"]["value"] == before["energy_above_hull"]["value"]
    details = after["formation_energy"]["details"]
    assert details["elements"]["Cd"] == "chgnet:handbook:Cd-hcp"
    assert details["elements_above_tabulated"]["Cd"] == pytest.approx(entry["energy_per_atom"] + 0.9229, abs=1e-3)
