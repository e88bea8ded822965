"""Radii, neighbours and bonds of ions, beside the printed tables."""

import pytest
from exfolio.models.structure.sizes.ions import bond_length, cation_radius, coordination_numbers


def test_radii_are_shannons_and_go_on_between_and_beyond_his_charges() -> None:
    assert cation_radius("Na", 1) == pytest.approx(1.02)
    assert cation_radius("Ti", 4) == pytest.approx(0.605)
    assert cation_radius("Fe", 3) < cation_radius("Fe", 2.5) < cation_radius("Fe", 2)
    assert cation_radius("Na", 2) < cation_radius("Na", 1)
    assert cation_radius("Fr", 1) > cation_radius("Na", 1)  # Shannon's with six neighbours


def test_neighbours_are_those_tabulated() -> None:
    assert coordination_numbers("Al", 3) == (4, 6)
    assert coordination_numbers("Pb", 2) == (4, 12)
    assert coordination_numbers("Al", 1) is None


def test_bond_lengths_of_valence_one() -> None:
    # O'Keeffe and Brese 1991: those of salts follow within 0.1 Å from distances at a valence of 1 over neighbours
    assert bond_length("Na", "Cl") == pytest.approx(2.82 - 0.37 * 1.79, abs=0.1)
    assert bond_length("He", "O") is None
