"""The campaign for Mg-Mn-O photoanodes, gate by gate, on a spinel that was calculated."""

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.candidates.judge import JudgeStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.recipe import in_order, stages_of
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ProposedStructure
from filled_registry import put, put_properties, put_structures

SPINEL = {"structure_id": "st-1", "formula_reduced": "MgMn2O4", "chemsys": "Mg-Mn-O", "route": "crystal-gan"}
HULL = ("energy_above_hull", "PBE(+U) MP2020, against known", 0.02)
WATER = ("pourbaix_energy", "PBE(+U) MP2020, pH 0-14, 1.5 V vs RHE, 1e-06 mol/l", 0.477)
PBE, HSE = ("band_gap", "GGA+U", 0.9), ("band_gap", "HSE06", 2.1)


def judge(registry: Connection, *known: tuple[str, str, float], **changes: object) -> dict[str, object] | None:
    put_structures(registry, [{**SPINEL, "dimension": 3, "nsites": 14, "valid": True, **changes}])
    docs = [
        {
            "structure_id": "st-1",
            "kind": kind,
            "method": method,
            "basis": "calculation",
            "value": value,
            "unit": "eV" if kind == "band_gap" else "eV/atom",
        }
        for kind, method, value in known
    ]
    put_properties(registry, docs)
    run_stage(JudgeStage(load("mg-mn-o-photoanode").model_dump(mode="json", by_alias=True)), registry)
    found: dict[str, object] | None = registry.database["candidates"].find_one()
    return found


def test_one_that_passes_every_gate_is_promoted(registry: Connection) -> None:
    candidate = judge(registry, HULL, WATER, PBE, HSE)

    assert candidate is not None
    assert candidate["status"] == "promoted"
    assert candidate["oxidation_state"] == {"Mn": 3.0}
    assert (candidate["band_gap"], candidate["hse_band_gap"]) == (2.1, 2.1)


@pytest.mark.parametrize(
    ("known", "status", "gate"),
    [
        ((), "waiting", "metastable"),
        ((HULL, WATER, PBE), "waiting", "absorbs visible light"),  # a gap by PBE+U is no gap by HSE06
        (((*HULL[:2], 0.1), WATER, HSE), "rejected", "synthesisable"),
        ((HULL, (*WATER[:2], 0.7), HSE), "rejected", "lasts in water"),
    ],
)
def test_others_wait_or_fall_at_their_gate(
    registry: Connection, known: tuple[tuple[str, str, float], ...], status: str, gate: str
) -> None:
    candidate = judge(registry, *known)

    assert candidate is not None
    assert candidate["status"] == status
    assert gate in (candidate.get("rejected_by"), candidate.get("waiting_for"))


def test_what_was_too_high_in_energy_to_be_relaxed_falls_out_unless_it_is_calculated(registry: Connection) -> None:
    details = {"failure": "not relaxed: not among the 10 lowest of its composition before", "left_out": True}
    energy = {"structure_id": "st-1", "kind": "energy", "method": "CHGNet 0.3.0 relaxed", "basis": "potential"}

    judge(registry)
    put_properties(registry, [{**energy, "details": details}])
    left_out = judge(registry)
    assert left_out is not None
    assert (left_out["status"], left_out["rejected_by"]) == ("rejected", "low in energy as proposed")

    calculated = judge(registry, HULL, WATER, HSE)
    assert calculated is not None
    assert calculated["status"] == "promoted"


def test_one_that_relaxed_to_a_known_material_is_not_new(registry: Connection) -> None:
    judge(registry)
    put(registry, ProposedStructure, [{"structure_id": "st-1", "novel": True, "known_as": []}], "novelty")
    proposed = judge(registry)
    assert proposed is not None
    assert proposed["novel"]

    facts = {"relaxed_novel": False, "relaxed_known_as": ["mp-1"], "relaxed_duplicate_of": "st-0"}
    put(registry, ProposedStructure, [{"structure_id": "st-1", **facts}], "relaxed")
    found = judge(registry)

    assert found is not None
    assert (found["novel"], found["known_as"], found["relaxed_duplicate_of"]) == (False, ["mp-1"], "st-0")


@pytest.mark.parametrize(
    "changes",
    [
        {"chemsys": "Ca-Mn-O", "formula_reduced": "CaMn2O4"},
        {"chemsys": "Mn-O", "formula_reduced": "MnO2"},
        {"dimension": 2},
        {"route": "top-down"},
    ],
)
def test_structures_of_other_elements_routes_or_dimensions_are_not_its_business(
    registry: Connection, changes: dict[str, object]
) -> None:
    assert judge(registry, HULL, **changes) is None


def test_water_is_judged_before_the_gates_and_after_the_hulls() -> None:
    circles = in_order(stages_of(load("mg-mn-o-photoanode")))
    names = [stage.name.split(":")[0] for circle in circles for stage in circle]

    for earlier, later in (
        ("matches", "hull"),
        ("hull", "pourbaix"),
        ("known-values", "known-hull"),
        ("potential-references", "potential-references-relaxed"),
        ("potential-energies", "potential-energies-relaxed"),
        ("potential-energies-relaxed", "relaxed-novelty"),
        ("relaxed-novelty", "known-values"),
        ("potential-energies-relaxed", "potential-values-relaxed"),
    ):
        assert names.index(earlier) < names.index(later)
    of_candidates = ["judge", "potential-exchange", "potential-stability", "potential-stability", "stability-values"]
    assert names[-6:] == [*of_candidates, "distorted"]
