"""What would change a verdict."""

from typing import Any

import pytest
from exfolio.builders.candidates.outlook import outlook

HULL = {"name": "stable", "field": "energy_above_hull", "condition": "<= 0.1"}
GAP = {"name": "gap", "field": "band_gap", "condition": "1 to 3"}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        pytest.param(HULL | {"value": 0.3}, {"short_of": 0.2, "settled_by": 0.2}, id="a value too high"),
        pytest.param(
            HULL | {"value": 0.3, "low": 0.2, "high": 0.4},
            {"short_of": 0.2, "settled_by": 0.3},
            id="and the end of its interval, higher still",
        ),
        pytest.param(GAP | {"value": 0.4}, {"short_of": 0.6, "settled_by": 0.6}, id="a value too low"),
        pytest.param(HULL | {"value": None}, {}, id="no value"),
    ],
)
def test_a_failed_gate_says_by_how_much(gate: dict[str, Any], said: dict[str, float]) -> None:
    [told] = outlook({"status": "rejected", "gates": [gate | {"verdict": "failed"}]})["gates"]

    assert {name: told[name] for name in ("short_of", "settled_by") if name in told} == said


def test_an_open_gate_says_its_chance_and_the_runs_that_are_due() -> None:
    open_gate = HULL | {"value": 0.1, "low": 0.0, "high": 0.2, "verdict": "unknown"}

    told = outlook({"status": "waiting", "dimension": 3, "gates": [open_gate]})

    assert told["gates"][0]["settled_by"] == pytest.approx(0.1)
    assert told["gates"][0]["chance"] == pytest.approx(0.5)
    assert [(run["functional"], run["task"]) for run in told["calculations"]] == [("PBE", "relax"), ("PBE", "static")]


def test_no_run_is_due_where_a_gate_is_failed_as_well() -> None:
    gates = [HULL | {"value": 0.3, "verdict": "failed"}, GAP | {"value": None, "verdict": "unknown"}]

    assert outlook({"status": "rejected", "gates": gates})["calculations"] == []


def test_a_promoted_candidate_names_its_closest_call() -> None:
    gates = [HULL | {"value": 0.05, "low": 0.0, "high": 0.09}, GAP | {"value": 2.0}]
    told = outlook({"status": "promoted", "gates": [gate | {"verdict": "passed"} for gate in gates]})

    assert (told["nearest"]["name"], told["nearest"]["by"]) == ("stable", pytest.approx(0.01))
