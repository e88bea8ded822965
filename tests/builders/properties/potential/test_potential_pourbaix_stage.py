"""Stability in water by a potential: solids and structure by it alone, with the interval that was measured."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.properties.potential.potential_pourbaix_stage import PotentialPourbaixStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.properties.potential.potential_values_stage import PotentialValuesStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from filled_registry import properties, put_structures
from known_crystals import crystals, put

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])"),
]
METHOD = "CHGNet 0.3.0 static, pH 0-14, 1.5 V vs RHE, 1e-06 mol/l"


def test_an_oxide_is_weighed_in_water_against_solids_by_the_same_potential(registry: Connection) -> None:
    put(registry, crystals("Mn-alpha", "MnO-rocksalt", "MnO2-rutile", "MnO2H2-brucite"))
    [oxide] = crystals("MnO-rocksalt")
    facts = {name: oxide[name] for name in ("structure", "formula_reduced", "chemsys", "elements")}
    put_structures(registry, [{"structure_id": "st-1", "dimension": 3, "valid": True, **facts}])
    stages = (NoveltyStage(), PotentialReferencesStage(), PotentialEnergiesStage(), PotentialValuesStage())
    for stage in stages:
        run_stage(stage, registry)

    first = run_stage(PotentialPourbaixStage(), registry)
    again = run_stage(PotentialPourbaixStage(), registry)

    doc = properties(registry, "pourbaix_energy")["st-1", METHOD]
    assert doc["low"] < 0.80 < doc["high"]  # eV/atom, by Gibbs energies of formation of the NBS tables (1982)
    assert (doc["basis"], doc["coverage"]) == ("potential", 0.9)
    assert "MnO2(s)" in {product["id"] for product in doc["competing"]}
    assert doc["high"] - doc["low"] > 2 * 0.2  # what such energies were measured to err by, in 90 %
    assert (first.due, again.due) == (1, 0)
