"""Valence electrons by hand, and how costs go with size."""

import math

import pytest
from exfolio.models.decision.calculation_cost import electrons_of, runs_for, static_cost


@pytest.mark.parametrize(
    ("element", "electrons"),
    [("H", 1), ("Ti", 4), ("Zn", 12), ("Ga", 3), ("Xe", 8), ("Ce", 3), ("Lu", 3), ("Hf", 4), ("Tl", 3), ("U", 3)],
)
def test_electrons_outside_closed_shells_count(element: str, electrons: int) -> None:
    assert electrons_of([element], [1]) == electrons


def test_a_cell_has_as_many_formula_units_as_its_atoms_tell() -> None:
    assert electrons_of(["MoS2", "MoS2", "Al2(SO4)3"], [6, math.nan, 17]).tolist() == [36, 18, 6 + 18 + 72]
    assert electrons_of([], []).tolist() == []


def test_costs_grow_linearly_while_k_points_become_fewer_and_then_with_the_square() -> None:
    assert static_cost([8, 16, 1000, 2000]).tolist() == [1, 2, 125, 500]


def test_a_layer_costs_by_the_height_of_its_cell() -> None:
    assert static_cost([8, 8], [30.0, 15.0]).tolist() == pytest.approx([30 / 25.13, 15 / 25.13], rel=1e-3)


def test_hybrid_runs_are_the_dearest() -> None:
    hull = runs_for(frozenset(["formation_energy", "energy_above_hull"]), 3)
    assert hull == (11, 0), "one relaxation and one static run for both"
    assert runs_for(frozenset(["band_gap", "energy_above_hull"]), 2) == (61, 0)
    assert runs_for(frozenset(["exfoliation_energy", "energy_above_hull"]), 2) == (22, 11)
