"""What exchanging alike atoms costs, of candidates that no gate rejects, each structure once."""

from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.candidates.best_values import best_values
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.potential.exchange_energies_stage import ExchangeEnergiesStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate
from filled_registry import properties, put
from installed_packages import install
from pymatgen.core import Lattice, Structure
from toy_potential import Argon

BRASS = Structure(Lattice.cubic(2.95), ["Cu", "Zn"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SALT = Structure(Lattice.cubic(4.1), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def candidate(name: str, structure: Structure, *, status: str = "waiting", route: str = "template") -> dict[str, Any]:
    facts = {"candidate_id": f"any/{name}", "campaign": "any", "structure_id": name, "status": status, "route": route}
    return {**facts, "structure": to_plain(structure)}


def test_a_potential_that_tells_no_elements_apart_says_that_alike_ones_mix(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"exfolio.potentials": {"argon": "toy_potential:Argon"}}
    install(tmp_path, monkeypatch, "gases", modules={}, entries=entries)
    put(
        registry,
        Candidate,
        [
            candidate("brass", BRASS),
            candidate("salt", SALT),
            candidate("rejected", BRASS, status="rejected"),
            candidate("cut", BRASS, route="top-down"),
        ],
    )

    run_stage(ExchangeEnergiesStage(potential="argon"), registry)

    found = properties(registry, "exchange_energy")
    assert [name for name, _ in found] == ["brass"]
    [doc] = found.values()
    assert (doc["value"], doc["unit"], doc["details"]["pairs"][0]["elements"]) == (0.0, "eV", ["Cu", "Zn"])
    assert doc["warnings"] == ["may be disordered: an order of Cu and Zn would hold up to about 0 K"]
    assert best_values([doc])["values"] == {"exchange_energy": 0.0}

    # Another verdict evaluates nothing; a rejected candidate has no use for it.
    Argon.evaluated.clear()
    put(registry, Candidate, [candidate("brass", BRASS, status="promoted")])
    assert run_stage(ExchangeEnergiesStage(potential="argon"), registry).due == 1
    assert Argon.evaluated == []
    put(registry, Candidate, [candidate("brass", BRASS, status="rejected")])
    run_stage(ExchangeEnergiesStage(potential="argon"), registry)
    assert properties(registry, "exchange_energy") == {}
