"""Which known materials are relaxed by CHGNet, so that its hull of relaxed structures is the true one."""

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.potential.near_hull_stage import NearHullReferencesStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.recipe import stages_of
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from known_crystals import crystals, put

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
CAMPAIGN = "name: photoanodes\nelements: [Mg, O]\nroutes: {}\ngates: [{name: valid, field: valid, is: true}]\n"


def relaxed(registry: Connection) -> set[str]:
    found = registry.database["reference_entries"].find({"scheme": "relaxed", "deprecated": False})
    return {doc["source_id"] for doc in found}


@needs_chgnet
def test_what_lies_far_above_the_static_hull_is_not_relaxed(registry: Connection) -> None:
    stretched = crystals("CdI2-CdI2")[0]
    for vector in stretched["structure"]["lattice"]["matrix"]:
        vector[:] = [1.15 * one for one in vector]
    far = {**stretched, "material_id": "handbook:CdI2-far", "source_id": "CdI2-far"}
    put(registry, [*crystals("CdI2-CdI2", "Cd-hcp", "I-molecular", "BN-h"), far])
    run_stage(PotentialReferencesStage(), registry)

    report = run_stage(NearHullReferencesStage(window=0.1, elements=["Cd", "I"], max_steps=2), registry)

    assert relaxed(registry) == {"handbook:CdI2-CdI2", "handbook:Cd-hcp", "handbook:I-molecular"}
    assert report.note == "1 not relaxed: more than 0.1 eV/atom above the hull of static energies"
    again = run_stage(NearHullReferencesStage(window=0.1, elements=["Cd", "I"], max_steps=2), registry)
    assert (again.due, again.written) == (0, 0)


@needs_chgnet
def test_without_static_entries_everything_is_relaxed(registry: Connection) -> None:
    put(registry, crystals("Cd-hcp"))

    run_stage(NearHullReferencesStage(window=0.1, max_steps=2), registry)

    assert relaxed(registry) == {"handbook:Cd-hcp"}


def test_a_campaign_relaxes_its_references_near_the_hull_after_their_static_energies() -> None:
    campaign = parse(CAMPAIGN + "potential: {relax: true, reference_window: 0.1}\n", "photoanodes.yaml")

    names = [stage.name for stage in stages_of(campaign) if stage.name.startswith("potential")]

    expected = [
        "references",
        "references-relaxed:Mg-O",
        "energies-relaxed:Mg-O",
        "values-relaxed",
        "errors-relaxed",
        "dispersion-relaxed",
        "exchange",
    ]
    assert names == [f"potential-{one}" for one in expected]
