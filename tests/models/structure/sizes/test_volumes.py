"""The volume that a composition takes, and what relatives make of it."""

import numpy as np
import pytest
from exfolio.models.structure.sizes.relatives import suggested_excess
from exfolio.models.structure.sizes.volumes import expected_volume, summed_volume


@pytest.mark.parametrize(
    ("formula", "measured"),  # Å³ an atom, from cell constants
    [("NaCl", 22.4), ("MgO", 9.35), ("TiO2", 10.4), ("CsCl", 35.0), ("GaAs", 22.6), ("Cu3Au", 13.1), ("PbO", 19.5)],
)
def test_volumes_are_near_measured_ones(formula: str, measured: float) -> None:
    assert expected_volume(formula) == pytest.approx(measured, rel=0.27)


@pytest.mark.parametrize(
    ("element", "measured"),  # Å³ an atom, of the crystal at room temperature
    [("K", 5.328**3 / 2), ("Si", 5.431**3 / 8), ("Nb", 3.301**3 / 2), ("Sr", 6.085**3 / 4), ("Li", 3.510**3 / 2)],
)
def test_an_element_alone_takes_what_its_density_says(element: str, measured: float) -> None:
    assert expected_volume(element) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("gas", ["O", "N", "Cl"])
def test_a_gas_has_no_density_to_go_by(gas: str) -> None:
    assert expected_volume(gas) == summed_volume(gas)


def test_an_element_without_a_radius_has_no_volume() -> None:
    assert expected_volume("BkCl3") is None


def test_one_relative_hands_on_most_of_what_it_exceeds_and_several_agree_on_more() -> None:
    excess, cost = 0.2, 2.0
    one = suggested_excess(np.array([excess]), np.array([[cost]]), np.zeros((1, 1, 1)), of_volumes=True)
    apart = np.array([[[0.0, cost], [cost, 0.0]]])
    two = suggested_excess(np.array([excess, excess]), np.array([[cost, cost]]), apart, of_volumes=True)
    length = suggested_excess(np.array([excess]), np.array([[cost]]), np.zeros((1, 1, 1)), of_volumes=False)
    assert 0.5 * excess < one < two < length < excess  # lengths keep to their prototype


def test_the_relative_of_the_same_element_counts_most() -> None:
    excess = np.array([0.1, -0.1])
    apart = np.array([[[0.0, 5.0], [5.0, 0.0]]])
    assert suggested_excess(excess, np.array([[0.0, 5.0]]), apart, of_volumes=True) > 0.03
