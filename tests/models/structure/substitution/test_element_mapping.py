"""Which element takes which place."""

import numpy as np
import pytest
from exfolio.models.structure.element_movers import distance
from exfolio.models.structure.pettifor import position
from exfolio.models.structure.sizes.roles import likely_oxidation_states
from exfolio.models.structure.substitution.element_mapping import (
    costs_in_bulk,
    least_distance_mapping,
    oxidation_match,
    radius_mismatches,
    scale_distance,
    substitution_costs,
)


def cost(one, other):
    return substitution_costs()[position(one), position(other)]


def test_costs_are_symmetric_and_nothing_for_the_same_element():
    costs = substitution_costs()
    assert costs.shape == (103, 103)
    assert np.allclose(costs, costs.T)
    assert (np.diag(costs) == 0).all()
    assert (costs[~np.eye(103, dtype=bool)] > 0).all()


@pytest.mark.parametrize(
    ("element", "likely", "unlikely"), [("S", "Se", "Cl"), ("Mo", "W", "Fe"), ("Na", "K", "Mg"), ("F", "Cl", "H")]
)
def test_elements_of_a_group_are_cheaper_than_neighbours_on_the_scale(element, likely, unlikely):
    assert cost(element, likely) < cost(element, unlikely)


def test_sizes_count_in_bulk():
    """Shannon's radii: Be2+ 0.45, Sr2+ 1.18, Ba2+ 1.35 Å. Layers give way to an ion that does not fit."""
    mismatch = radius_mismatches()
    assert mismatch[position("Ba"), position("Sr")] == pytest.approx(np.log(1.35 / 1.18))
    assert mismatch[position("Ba"), position("Be")] == pytest.approx(np.log(1.35 / 0.45))
    assert np.allclose(mismatch, mismatch.T)
    assert (np.diag(mismatch) == 0).all()
    assert (costs_in_bulk() >= substitution_costs()).all()


def test_anions_stay_anions_and_cations_cations():
    mapping, _ = least_distance_mapping({"Ca": 1, "Ti": 1, "O": 3}, {"S": 3, "Zr": 1, "Ba": 1})
    assert mapping == {"Ca": "Ba", "Ti": "Zr", "O": "S"}


def test_oxidation_states_that_can_be_kept_come_before_a_shorter_way():
    # given a template whose Fe is +3 and Co +2: of Mg and Al only Al can be +3
    states = {"Fe": 3, "Co": 2, "O": -2.5}
    shorter, _ = least_distance_mapping({"Fe": 1, "Co": 1, "O": 2}, {"Mg": 1, "Al": 1, "O": 2})
    kept, match = least_distance_mapping({"Fe": 1, "Co": 1, "O": 2}, {"Mg": 1, "Al": 1, "O": 2}, states | {"O": -2})
    assert shorter["Co"] == "Mg" or shorter["Fe"] == "Mg"
    assert kept == {"Fe": "Al", "Co": "Mg", "O": "O"}
    assert match == "matched"


def test_mapping_distance_is_the_movers_distance_or_more():
    mapping = {"Ca": "Sr", "Ti": "Ti", "O": "O"}
    assert scale_distance(mapping, {"Ca": 1, "Ti": 1, "O": 3}) == pytest.approx(distance("CaTiO3", "SrTiO3"))
    crossed = {"Na": "Cl", "Cl": "Na"}
    assert scale_distance(crossed, {"Na": 1, "Cl": 1}) == 90
    assert distance("NaCl", "ClNa") == 0


def test_another_stoichiometry_is_refused():
    with pytest.raises(ValueError, match="anonymous formula"):
        least_distance_mapping({"Mo": 1, "S": 2}, {"Na": 1, "Cl": 1})


def test_oxidation_states_are_matched_unmatched_or_unknown():
    assert oxidation_match({"Mo": 4, "S": -2}, {"Mo": "W", "S": "Se"}) == "matched"
    assert oxidation_match({"Mo": 4, "S": -2}, {"Mo": "Mg", "S": "Se"}) == "unmatched"
    assert oxidation_match(None, {"Mo": "W", "S": "Se"}) == "unknown"
    assert oxidation_match({"Mo": 4}, {"Mo": "W", "S": "Se"}) == "unknown"


def test_likely_states_are_neutral_or_none():
    assert likely_oxidation_states("MgAl2O4") == {"Mg": 2, "Al": 3, "O": -2}
    assert likely_oxidation_states("P4") == {"P": 0}
    assert likely_oxidation_states("NaCl3") is None
