"""Which proposed structures are relaxed by CHGNet where only the lowest of each composition are."""

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.potential.lowest_energies_stage import LowestEnergiesStage
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.recipe import stages_of
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from filled_registry import put_structures
from known_crystals import crystals

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
CAMPAIGN = "name: photoanodes\nelements: [Mg, O]\nroutes: {}\ngates: [{name: valid, field: valid, is: true}]\n"


def propose(registry: Connection, *stretched: tuple[str, str, float]) -> None:
    """Propose crystals of the handbook by name, each under an id and stretched, and compare them with each other."""
    docs = []
    for name, crystal, stretch in stretched:
        (known,) = crystals(crystal)
        for vector in known["structure"]["lattice"]["matrix"]:
            vector[:] = [stretch * one for one in vector]
        kept = {field: known[field] for field in ("structure", "formula_reduced", "chemsys", "elements")}
        docs.append({"structure_id": name, "dimension": 3, "valid": True, **kept})
    put_structures(registry, docs)
    run_stage(NoveltyStage(), registry)


def relaxed(registry: Connection) -> set[str]:
    energies = {"kind": "energy", "method": "CHGNet 0.3.0 relaxed", "value": {"$exists": True}}
    found = registry.database["properties"].find(energies)
    return {doc["structure_id"] for doc in found}


@needs_chgnet
def test_the_lowest_of_each_composition_are_relaxed(registry: Connection) -> None:
    # Of one composition, stretched so much that none repeats another, and one of another composition.
    three = [("high", "CdI2-CdI2", 1.25), ("low", "CdI2-CdI2", 1.0), ("middle", "CdI2-CdI2", 1.12)]
    propose(registry, *three, ("alone", "Cd-hcp", 1.1))
    run_stage(PotentialEnergiesStage(), registry)

    report = run_stage(LowestEnergiesStage(lowest=2, max_steps=2), registry)

    assert relaxed(registry) == {"low", "middle", "alone"}
    high = registry.database["properties"].find_one({"structure_id": "high", "method": "CHGNet 0.3.0 relaxed"})
    assert high["details"]["failure"] == "not relaxed: not among the 2 lowest of its composition before"
    assert report.note == "1 not relaxed: not among the 2 lowest of their composition"
    again = run_stage(LowestEnergiesStage(lowest=2, max_steps=2), registry)
    assert (again.due, again.written) == (0, 0)


@needs_chgnet
def test_when_more_are_wanted_those_relaxed_before_are_not_relaxed_again(
    registry: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(registry, ("high", "CdI2-CdI2", 1.25), ("low", "CdI2-CdI2", 1.0), ("middle", "CdI2-CdI2", 1.12))
    run_stage(PotentialEnergiesStage(), registry)
    run_stage(LowestEnergiesStage(lowest=1, max_steps=2), registry)
    numbers = []
    energies = PotentialEnergiesStage.energies

    def counted(stage, structures, **settings):
        numbers.append(len(structures))
        return energies(stage, structures, **settings)

    monkeypatch.setattr(PotentialEnergiesStage, "energies", counted)
    more = run_stage(LowestEnergiesStage(lowest=2, max_steps=2), registry)
    fewer = run_stage(LowestEnergiesStage(lowest=1, max_steps=2), registry)

    assert relaxed(registry) == {"low", "middle"}
    assert (more.updated, numbers[0]) == (2, 1)  # the reason of the highest names another number
    assert sum(numbers) == 1
    assert fewer.failed == 0


@needs_chgnet
def test_those_left_out_do_not_count_towards_the_limit_of_a_refresh(registry: Connection) -> None:
    propose(registry, ("high", "Cd-hcp", 1.25), ("low", "Cd-hcp", 1.0))
    run_stage(PotentialEnergiesStage(), registry)

    run_stage(LowestEnergiesStage(lowest=1, max_steps=2, max_structures=1), registry, batch_size=1)

    assert relaxed(registry) == {"low"}


@needs_chgnet
def test_without_unrelaxed_energies_nothing_is_relaxed(registry: Connection) -> None:
    propose(registry, ("low", "Cd-hcp", 1.0))

    report = run_stage(LowestEnergiesStage(lowest=1, max_steps=2), registry)

    assert (report.inserted, relaxed(registry)) == (1, set())


def test_a_campaign_evaluates_all_structures_before_it_relaxes_the_lowest() -> None:
    campaign = parse(CAMPAIGN + "potential: {relax: true, relax_lowest: 5}\n", "photoanodes.yaml")

    names = [stage.name for stage in stages_of(campaign) if stage.name.startswith("potential")]

    expected = [
        "references-relaxed:Mg-O",
        "energies",
        "energies-relaxed:Mg-O",
        "values-relaxed",
        "errors-relaxed",
        "dispersion-relaxed",
        "exchange",
    ]
    assert names == [f"potential-{one}" for one in expected]
