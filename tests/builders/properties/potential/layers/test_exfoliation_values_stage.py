"""Exfoliation energies by potentials: of layers with and without a known bulk, with intervals, or why there is none."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.properties.potential.layers.exfoliation_errors import errors_of
from exfolio.builders.properties.potential.layers.exfoliation_values_stage import ExfoliationValuesStage
from exfolio.builders.properties.potential.layers.layer_energies_stage import BULK, STACK, LayerEnergiesStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.substitution_stage import BottomUpStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from filled_registry import properties, put_properties
from known_crystals import crystals, put

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
STATIC = "CHGNet 0.3.0 + D3(BJ) static"
SEVENNET = "SevenNet-0 11Jul2024 MP2020 + D3(BJ) static"


@needs_chgnet
def test_layers_are_compared_with_what_they_were_cut_from_or_stacked_on_themselves(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H"))
    for stage in (LayerStage(), TopDownStage(), NoveltyStage(), BottomUpStage(), NoveltyStage()):
        run_stage(stage, registry)
    made = {doc["structure_id"]: doc for doc in registry.database["structures"].find({"duplicate_of": None})}

    stages = (LayerEnergiesStage(), ExfoliationValuesStage())
    for stage in stages:
        run_stage(stage, registry)
    again = [run_stage(stage.fresh(), registry) for stage in stages]

    assert [report.due for report in again] == [0, 0]
    found = {
        (made[identity]["formula_reduced"], made[identity]["route"]): doc
        for (identity, _), doc in properties(registry, "exfoliation_energy").items()
    }
    cut, stacked = found["MoS2", "top-down"], found["MoSe2", "bottom-up"]
    assert (cut["method"], stacked["method"]) == (f"{STATIC}, {BULK}", f"{STATIC}, {STACK}")
    for doc, rpa in ((cut, 20.5), (stacked, 19.6)):  # meV/Å^2; this gives 1.6 times as much
        assert rpa < doc["per_area"] < 2 * rpa
        assert 0 <= doc["low"] < doc["value"] < doc["high"] < 0.2
        assert (doc["coverage"], doc["details"]["errors"]["of"]) == (0.9, "chalcogenides and halides")
        assert "by potential, not yet by DFT" in doc["warnings"][0]
    stack = next(doc for doc in registry.database["properties"].find({"details.stack": {"$exists": True}}))
    assert len(stack["structure"]["sites"]) == 3


def said(structure: str, method: str, value: float | None, refused: str | None = None) -> dict:
    method = f"{method}, {STACK}"
    facts = {"structure_id": structure, "kind": "energy_over_bulk", "method": method, "basis": "potential"}
    reason = {"refused": refused} if refused else {}
    return {**facts, "value": value, "per_area": 20.0, "details": {"elements": ["Mo", "S"]}, **reason}


def test_of_two_potentials_the_mean_counts_and_is_surer_where_they_agree(registry: Connection) -> None:
    put_properties(
        registry,
        [
            *(said("agree", STATIC, 0.10), said("agree", SEVENNET, 0.102)),
            *(said("differ", STATIC, 0.08), said("differ", SEVENNET, 0.122)),
            *(said("refused", STATIC, None, "its layers interlock"), said("refused", SEVENNET, 0.3)),
            said("not yet", STATIC, 0.1),
        ],
    )

    run_stage(ExfoliationValuesStage(["sevennet-0-d3", "chgnet-d3"]), registry)

    found = {name: doc for (name, _), doc in properties(registry, "exfoliation_energy").items()}
    agree, differ = found["agree"], found["differ"]
    assert found.keys() == {"agree", "differ", "refused"}
    assert agree["method"] == f"CHGNet 0.3.0 + D3(BJ) and {SEVENNET}, {STACK}"
    assert agree["value"] == differ["value"] == pytest.approx(0.101)
    assert differ["high"] - differ["low"] > 1.3 * (agree["high"] - agree["low"])
    assert differ["details"]["by_potential"] == {"chgnet-d3": 0.08, "sevennet-0-d3": 0.122}
    assert (found["refused"].get("value"), found["refused"]["refused"]) == (None, "its layers interlock")


def test_a_method_that_was_never_measured_says_so_and_is_less_sure(registry: Connection) -> None:
    method = "SevenNet-l3i5 MP2020 + D3(BJ) static"
    put_properties(registry, [said("one", method, 0.1)])

    run_stage(ExfoliationValuesStage(["sevennet-l3i5-d3"]), registry)

    [doc] = properties(registry, "exfoliation_energy").values()
    usual = errors_of(["chgnet-d3"], relax=False, against=STACK)["chalcogenides and halides"].interval(0.1)
    assert doc["high"] > usual[1]
    assert "coverage" not in doc
    assert "never measured" in doc["warnings"][1]
