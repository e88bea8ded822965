"""Shortlists: the surest first, what mixes last, of each composition the likeliest before any other."""

from typing import Any

from exfolio.builders.candidates.campaigns.gate_outline import CampaignOutline
from exfolio.builders.candidates.campaigns.gates import Gate
from exfolio.builders.candidates.shortlist import each_composition_once, likeliest_first, promoted_first
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate
from filled_registry import put

HULL: dict[str, Any] = {"name": "hull", "field": "energy_above_hull"}
SHEETS = CampaignOutline(name="sheets", gates=(Gate(**HULL, at_most=0.2),))


def candidate(name: str, formula: str, value: float, error: float, **more: Any) -> dict[str, Any]:
    low, high = value - error, value + error
    verdict = "passed" if high <= 0.2 else "unknown"
    gate = {**HULL, "condition": "<= 0.2", "verdict": verdict, "value": value, "low": low, "high": high}
    return {
        "candidate_id": f"sheets/{name}",
        "structure_id": name,
        "campaign": "sheets",
        "formula_reduced": formula,
        "nsites": 3,
        "dimension": 2,
        "energy_above_hull": value,
        "lows": {"energy_above_hull": low},
        "highs": {"energy_above_hull": high},
        "gates": [gate],
        "status": "promoted" if verdict == "passed" else "waiting",
        **more,
    }


def test_the_surest_come_first_and_what_would_mix_last(registry: Connection) -> None:
    """MoSSe with sulfur and selenium exchanged for 0.02 eV is an alloy, however near the hull it lies."""
    alloy = candidate("c", "MoSeS", 0.0, 0.01, values={"exchange_energy": 0.02})
    docs = [candidate("a", "CrSBr", 0.1, 0.05), candidate("b", "AlSCl", 0.05, 0.05), alloy]
    put(registry, Candidate, docs, "verdict")

    assert [doc["structure_id"] for doc in promoted_first(registry, SHEETS, {"_id": 0})] == ["b", "a", "c"]


def test_of_those_that_wait_the_likeliest_of_each_composition_come_first(registry: Connection) -> None:
    docs = [
        candidate("x", "CrSBr", 0.1, 0.15),
        candidate("y", "CrSBr", 0.12, 0.15),
        candidate("z", "AlSCl", 0.19, 0.15),
    ]
    put(registry, Candidate, docs, "verdict")

    waiting = likeliest_first(registry, SHEETS, {"_id": 0})
    assert [doc["structure_id"] for doc in waiting if doc["structure_id"] in "xyz"] == ["x", "z", "y"]
    assert [doc["structure_id"] for doc in each_composition_once(waiting) if doc["structure_id"] in "xyz"] == ["x", "z"]
