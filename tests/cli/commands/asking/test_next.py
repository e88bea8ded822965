"""``exfolio next`` on the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import small_registry
from exfolio.stores.connection import Connection

Ask = Callable[..., tuple[int, str, str]]


def test_what_comes_next_is_listed_with_chance_and_cost(own_registry: Connection, ask: Ask) -> None:
    gate: dict[str, Any] = {"name": "exfoliable", "field": "exfoliation_energy", "condition": "<= 0.2"}
    gates = [{**gate, "verdict": "unknown", "value": 0.2, "low": 0.1, "high": 0.3}]
    waiting: dict[str, Any] = {"dimension": 2, "gates": gates, "status": "waiting", "waiting_for": "exfoliable"}
    small_registry.put_candidates(own_registry, exfoliation_energy=0.2, **waiting)

    code, printed, said = ask("next")
    assert code == 0, said
    assert "exfoliable (50 %)" in printed
    assert "MoS2" in printed
    assert "MnO2" not in printed, "it is rejected"
    assert "exfolio export vasp --campaign two-dimensional --first 1" in " ".join(printed.split())

    assert ask("next", "two-dimensional")[1] == printed

    code, printed, _ = ask("next", 'elements HAS "S"', "--campaign", "two-dimensional", "--json")
    [first] = json.loads(printed)["candidates"]
    assert (code, first["formula"], first["fields"]) == (0, "MoS2", ["exfoliation_energy"])
    assert first["score"] == pytest.approx(first["chance"] * first["information"] / first["cost"])

    code, printed, said = ask("next", 'elements HAS "Se"')
    assert (code, printed, "No candidate of two-dimensional waits" in said) == (0, "", True)


def test_bad_questions_are_refused(registry: Connection, ask: Ask) -> None:
    code, _, said = ask("next", "no_such_field = 1")
    assert (code, "no_such_field" in said) == (2, True)
    code, _, said = ask("next", "--campaign", "no-such")
    assert (code, "no campaign is called 'no-such'" in said) == (2, True)
