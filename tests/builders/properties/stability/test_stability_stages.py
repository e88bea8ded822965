"""Dynamic and elastic stability: what each potential says, kept, and a value where two of them agree."""

import re
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.best_values import best_values
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.stability.potential_stability_stage import PotentialStabilityStage
from exfolio.builders.properties.stability.stability_values_stage import StabilityValuesStage
from exfolio.builders.recipe import stages_of
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate
from filled_registry import properties, put, put_properties, put_structures
from installed_packages import install
from plans import run_all
from pymatgen.core import Lattice, Structure
from toy_potential import Argon

CLOSE_PACKED = Structure(Lattice([[0, 2.6, 2.6], [2.6, 0, 2.6], [2.6, 2.6, 0]]), ["Ar"], [[0, 0, 0]])
SIMPLE = Structure(Lattice.cubic(3.7), ["Ar"], [[0, 0, 0]])
CENTRED = Structure(Lattice.cubic(4.2), ["Ar", "Ar"], [[0, 0, 0], [0.5, 0.5, 0.5]])
OF_STABILITY = re.compile("judge|stability|distorted|novelty$")
BOTH = ["argon", "krypton"]
BOUND, STABLE = ({"name": name, "field": name} for name in ("energy_above_hull", "dynamic_stability"))


@pytest.fixture(autouse=True)
def potentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("phonopy", reason="phonopy is not installed (pip install exfolio[mlip])")
    entries = {name: f"toy_potential:{name.title()}" for name in BOTH}
    install(tmp_path, monkeypatch, "gases", modules={}, entries={"exfolio.potentials": entries})
    Argon.evaluated.clear()


def candidate(name: str, structure: Structure, *, passed: int, verdict: str = "unknown") -> dict[str, Any]:
    gates = [{**BOUND, "verdict": "passed" if passed else "failed"}, {**STABLE, "verdict": verdict}]
    facts = {"candidate_id": f"gases/{name}", "campaign": "gases", "structure_id": name, "status": "promoted"}
    return {**facts, "gates": gates, "gates_passed": passed, "dimension": 3, "structure": to_plain(structure)}


def stability(registry: Connection) -> dict[str, Any]:
    return {name: doc for (name, _), doc in properties(registry, "dynamic_stability").items()}


def test_a_verdict_takes_two_potentials_and_nothing_is_evaluated_twice(registry: Connection) -> None:
    given = {"close-packed": (CLOSE_PACKED, 1), "simple": (SIMPLE, 1), "far from the hull": (SIMPLE, 0)}
    put(registry, Candidate, [candidate(name, one, passed=passed) for name, (one, passed) in given.items()])
    first, joined = PotentialStabilityStage(potential="argon"), StabilityValuesStage(BOTH)

    run_stage(first, registry)
    run_stage(joined, registry)

    by_one = stability(registry)
    assert by_one.keys() == {"close-packed", "simple"}
    assert all(doc.get("value") is None and "by one potential" in doc["refused"] for doc in by_one.values())

    # Another potential makes only its own due
    Argon.evaluated.clear()
    assert run_stage(first.fresh(), registry).due == 0
    run_stage(PotentialStabilityStage(potential="krypton"), registry)
    run_stage(joined.fresh(), registry)

    found = stability(registry)
    assert {name: doc["details"]["verdict"] for name, doc in found.items()} == {
        "close-packed": "stable",
        "simple": "unstable",
    }
    assert found["close-packed"]["value"] == 0
    assert found["simple"]["low"] < found["simple"]["value"] == found["simple"]["high"] < -1.2
    stiffness = {name: doc for (name, _), doc in properties(registry, "elastic_stability").items()}
    assert stiffness["simple"]["value"] < 0 < stiffness["close-packed"]["value"]
    assert best_values([found["simple"]])["dynamic_stability"] == found["simple"]["value"]
    distorted = properties(registry, "lowest_frequency")["simple", "Argon 1, doubled cell"]
    assert distorted["details"]["distortion"]["won"] > 0.001
    assert len(distorted["structure"]["sites"]) > 1

    # Nor does a verdict: it is what these values are for
    Argon.evaluated.clear()
    put(registry, Candidate, [candidate("simple", SIMPLE, passed=1, verdict="failed")])
    assert run_stage(first.fresh(), registry).due == 1
    assert Argon.evaluated == []
    assert stability(registry) == found


def test_what_fails_before_stability_is_not_looked_at_and_comes_back_as_it_was(registry: Connection) -> None:
    number = 0
    for passed, known in ((1, ["kept"]), (0, []), (1, ["kept"])):
        put(registry, Candidate, [candidate("kept", CLOSE_PACKED, passed=passed)])
        run_stage(PotentialStabilityStage(potential="argon"), registry)
        assert [name for name, _ in properties(registry, "lowest_frequency")] == known
        number = number or len(Argon.evaluated)
        assert len(Argon.evaluated) == number


def said(structure: str, potential: str, value: float | None, **facts: Any) -> dict[str, Any]:
    method = f"{potential} 1, doubled cell"
    named = {"structure_id": structure, "kind": "lowest_frequency", "method": method, "unit": "THz"}
    return {**named, "basis": "potential", "value": value, **facts}


def test_where_potentials_differ_or_say_little_there_is_no_value(registry: Connection) -> None:
    put_properties(
        registry,
        [
            *(said("differ", "Argon", 0.0), said("differ", "Krypton", -2.0)),
            *(said("unsure", "Argon", -0.9), said("unsure", "Krypton", -0.2)),
            *(said("refused", name, None, refused="too large") for name in ("Argon", "Krypton")),
            *(
                said("grown", name, 0.0, details={"size": size, "q_point": [0, 0, 0]})
                for name, size in (("Argon", 10.0), ("Krypton", 20.0))
            ),
        ],
    )

    run_stage(StabilityValuesStage(BOTH), registry)

    found = stability(registry)
    assert {doc.get("value") for doc in found.values()} == {None}
    assert "do not agree: Argon: stable (0.00), Krypton: unstable (-2.00)" in found["differ"]["refused"]
    assert "too near the limit" in found["unsure"]["refused"]
    assert found["refused"]["refused"] == "too large"
    assert "another structure" in found["grown"]["refused"]


CAMPAIGN = """
name: gases
dimension: 3
judges: [template]
stability:
  potentials: [argon, krypton]
gates:
  - {name: valid, field: valid, is: true}
  - {name: dynamically stable, field: dynamic_stability, at_least: -0.1, waits: false}
"""


def test_a_campaign_rejects_what_is_unstable_judges_what_it_becomes_and_comes_to_rest(registry: Connection) -> None:
    facts = {"formula_reduced": "Ar", "chemsys": "Ar", "elements": ["Ar"], "dimension": 3}
    given = {"close-packed": (CLOSE_PACKED, True), "simple": (SIMPLE, True), "wrong": (CENTRED, False)}
    proposals = [
        {**facts, "structure_id": name, "structure": to_plain(one), "valid": valid}
        for name, (one, valid) in given.items()
    ]
    put_structures(registry, proposals)
    of_campaign = [stage for stage in stages_of(parse(CAMPAIGN, "gases.yaml")) if OF_STABILITY.search(stage.name)]

    run_all(registry, of_campaign)

    of_route = {doc["structure_id"]: doc for doc in registry.database["candidates"].find()}
    found = {name: of_route.pop(name) for name in given if name in of_route}
    assert {name: doc["status"] for name, doc in found.items()} == {
        "close-packed": "promoted",
        "simple": "rejected",
        "wrong": "rejected",
    }
    assert found["simple"]["rejected_by"] == "dynamically stable"
    assert "dynamic_stability" not in found["wrong"]
    made = list(registry.database["structures"].find({"route": "distorted"}))
    assert {(doc["parent_id"], doc["dimension"]) for doc in made} == {("simple", 3)}
    assert {doc["distortion"]["potential"] for doc in made} == {"Argon", "Krypton"}
    assert all(doc["distortion"]["frequency"] < -1.2 and doc["distortion"]["won"] > 0.001 for doc in made)
    assert of_route
    assert {doc["route"] for doc in of_route.values()} == {"distorted"}
    again = run_all(registry, [stage.fresh() for stage in of_campaign])
    assert {name for name, report in again.items() if report.due} == set()
