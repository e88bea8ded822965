"""How a shortlist is ordered: by what lies nearest to failing, and never by how far below the hull something is."""

import math

import pytest
from exfolio.builders.candidates.campaigns.gates import Gate
from exfolio.builders.candidates.margins import least_margin

GATES = [
    Gate(name="valid", field="valid", equals=True),
    Gate(name="probable", field="p_2d", at_least=0.95),
    Gate(name="formed", field="formation_energy", below=0),
    Gate(name="exfoliable", field="exfoliation_energy", at_most=0.2),
    Gate(name="stable", field="energy_above_hull", at_most=0.2),
]


def candidate(*, hull: float, half_width: float = 0.1, formed: float = -1.5) -> dict[str, object]:
    values = {"formation_energy": formed, "exfoliation_energy": 0.05, "energy_above_hull": hull}
    return {"valid": True, "p_2d": 0.951, **values, "highs": {"energy_above_hull": hull + half_width}}


def test_the_gate_nearest_to_failing_counts_and_what_is_no_energy_does_not() -> None:
    assert least_margin(GATES, candidate(hull=0.02)) == pytest.approx(0.08)
    assert least_margin(GATES, candidate(hull=0.02, formed=-0.03)) == pytest.approx(0.03)
    assert least_margin(GATES[:2], candidate(hull=0.02)) == math.inf


def test_what_lies_below_the_hull_is_no_better_than_what_lies_on_it() -> None:
    on, below = candidate(hull=0.0), candidate(hull=-0.18)
    surely_on, surely_below = candidate(hull=0.0, half_width=0.02), candidate(hull=-0.1, half_width=0.02)

    assert least_margin(GATES, on) == pytest.approx(least_margin(GATES, below))
    assert least_margin(GATES, surely_on) == pytest.approx(least_margin(GATES, surely_below))
    assert least_margin(GATES, below) < least_margin(GATES, surely_on)


def test_a_bound_leaves_no_margin_on_its_open_side() -> None:
    bound = {"energy_above_hull": 0.05, "lows": {"energy_above_hull": 0.05}}

    assert least_margin(GATES[-1:], bound) == -math.inf
