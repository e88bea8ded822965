"""Energies of proposed structures by CHGNet: which are evaluated, how they are kept, and that none is twice."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.builders.structures.top_down_stage import TopDownStage
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from known_crystals import crystals, monolayer_of, put

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
STATIC, RELAXED = "CHGNet 0.3.0 static", "CHGNet 0.3.0 relaxed"


def propose(registry: Connection, *names: str) -> None:
    put(registry, crystals(*names))
    for stage in (LayerStage(), TopDownStage(), NoveltyStage()):
        run_stage(stage, registry)


def energy_of(registry: Connection, formula: str, method: str) -> dict:
    structure = registry.database["structures"].find_one({"formula_reduced": formula})
    return registry.database["properties"].find_one({"structure_id": structure["structure_id"], "method": method})


@needs_chgnet
def test_known_monolayers_are_no_competing_phases_and_a_limit_is_told(registry: Connection) -> None:
    put(registry, [monolayer_of("CdI2-CdI2")])
    propose(registry, "CdI2-CdI2", "BN-h")

    references = run_stage(PotentialReferencesStage(), registry)
    first = run_stage(PotentialEnergiesStage(max_structures=1), registry, batch_size=1)
    second = run_stage(PotentialEnergiesStage(), registry)

    assert references.inserted == 2
    assert (first.inserted, first.note) == (1, "stopped at 1, the campaign's max_structures; the next run goes on")
    assert (second.inserted, second.note) == (1, "")


@needs_chgnet
def test_relaxed_structures_come_with_their_energies(registry: Connection) -> None:
    propose(registry, "BN-h")

    run_stage(PotentialEnergiesStage(relax=True, max_steps=3), registry)

    energy = energy_of(registry, "BN", RELAXED)
    assert energy["details"]["steps"] <= 3
    assert len(energy["details"]["structure"]["sites"]) == 2
    a, b, _ = energy["details"]["structure"]["lattice"]["matrix"]
    assert energy["details"]["area"] == pytest.approx(a[0] * b[1], rel=1e-3)  # as relaxed, a along x
    assert energy["details"]["area_change"] != 1
    xx, yy, zz, *shear = energy["details"]["stress_gpa"]  # of a hexagonal layer, spread over its cell's vacuum
    assert xx == pytest.approx(yy, abs=0.05)
    assert [zz, *shear] == pytest.approx([0] * 4, abs=0.05)


@needs_chgnet
def test_a_structure_is_counted_once_though_it_was_proposed_and_compared_since(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "BN-h")
    stage = PotentialEnergiesStage()

    run_stage(stage, registry)

    assert (stage.total, stage.report.inserted) == (2, 2)


@needs_chgnet
def test_where_it_is_kept_to_some_elements_others_are_not_looked_at(registry: Connection) -> None:
    propose(registry, "CdI2-CdI2", "BN-h")
    stage = PotentialEnergiesStage(relax=True, elements=["N", "B"], max_steps=1)

    report = run_stage(stage, registry)

    assert report.stage == "potential-energies-relaxed:B-N"
    assert (stage.total, report.due, report.inserted) == (1, 1, 1)
    assert energy_of(registry, "CdI2", RELAXED) is None


@needs_chgnet
def test_a_structure_that_is_due_again_keeps_its_energy_as_long_as_it_is_the_same(
    registry: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(registry, "BN-h", "CdI2-CdI2")
    run_stage(PotentialEnergiesStage(), registry)
    before = energy_of(registry, "BN", STATIC)
    registry.database["structures"].update_one(
        {"formula_reduced": "CdI2"}, {"$set": {"structure.lattice.matrix.2.2": 30.0}}
    )
    registry.database["stage_states"].update_one({"stage": "potential-energies"}, {"$set": {"fingerprint": "other"}})
    evaluated = []
    energies = PotentialEnergiesStage.energies

    def watched(stage, structures, **settings):
        evaluated.extend(structure.composition.reduced_formula for structure in structures)
        return energies(stage, structures, **settings)

    monkeypatch.setattr(PotentialEnergiesStage, "energies", watched)
    report = run_stage(PotentialEnergiesStage(), registry)

    assert (report.due, evaluated) == (2, ["CdI2"])
    assert energy_of(registry, "BN", STATIC) == before
