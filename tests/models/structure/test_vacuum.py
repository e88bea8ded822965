"""A layer in its cell: the vacuum found and set."""

from collections.abc import Callable

import numpy as np
import pytest
from exfolio.models.structure.vacuum import is_monolayer_cell, set_vacuum, thickest_gap
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


@pytest.fixture
def monolayer() -> Structure:
    """1H MoS2 in 20 Å of vacuum, the layer across the cell's border."""
    half = 1.56 / 23.12
    return Structure(
        Lattice.hexagonal(3.18, 23.12),
        ["Mo", "S", "S"],
        [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, half], [2 / 3, 1 / 3, 1 - half]],
    )


def test_the_gap_is_found_though_the_layer_crosses_the_border(monolayer: Structure) -> None:
    gap = thickest_gap(monolayer)
    assert gap.axis == 2
    assert gap.thickness == pytest.approx(20.0)


@pytest.mark.parametrize("name", ["MoS2 2H", "graphite", "NaCl", "CO2", "Se"])
def test_bulk_crystals_have_no_vacuum(crystal: Crystal, name: str) -> None:
    assert not is_monolayer_cell(crystal(name))


@pytest.mark.parametrize(("gap", "is_vacuum"), [(4.4, False), (5.9, False), (6.1, True), (7.0, True)])
def test_the_widest_gap_of_a_crystal_is_no_vacuum_and_the_narrowest_vacuum_is(
    monolayer: Structure, gap: float, is_vacuum: bool
) -> None:
    assert is_monolayer_cell(set_vacuum(monolayer, gap)) is is_vacuum


def test_the_vacuum_is_set_and_nothing_else(monolayer: Structure) -> None:
    thicker = set_vacuum(monolayer, 30.0)
    assert thicker.lattice.abc == pytest.approx((3.18, 3.18, 33.12))
    assert thickest_gap(thicker).thickness == pytest.approx(30.0)
    assert sorted(thicker.cart_coords[:, 2]) == pytest.approx([33.12 / 2 - 1.56, 33.12 / 2, 33.12 / 2 + 1.56])
    np.testing.assert_allclose(thicker.distance_matrix, monolayer.distance_matrix, atol=1e-9)
    np.testing.assert_allclose(set_vacuum(thicker, 20.0).distance_matrix, monolayer.distance_matrix, atol=1e-9)


def test_the_axis_and_a_tilt_of_the_vacuum_are_set_right(monolayer: Structure) -> None:
    upright = set_vacuum(monolayer, 20.0)
    along_a = Structure.from_sites((monolayer * [[0, 0, 1], [1, 0, 0], [0, 1, 0]]).sites)
    tilted_matrix = upright.lattice.matrix + np.array([[0, 0, 0], [0, 0, 0], [2.0, -1.0, 0]])
    tilted = Structure(tilted_matrix, upright.species, upright.cart_coords, coords_are_cartesian=True)
    for other in (along_a, tilted):
        assert thickest_gap(other).thickness == pytest.approx(20.0)
        again = set_vacuum(other, 20.0)
        np.testing.assert_allclose(again.lattice.parameters, upright.lattice.parameters, atol=1e-9)
        np.testing.assert_allclose(again.distance_matrix, upright.distance_matrix, atol=1e-9)


def test_layers_are_turned_never_mirrored() -> None:
    """A chiral arrangement: the handedness of four different atoms stays."""
    atoms = Structure(
        Lattice.from_parameters(5, 6, 25, 90, 90, 100),
        ["C", "H", "F", "Cl"],
        [[0, 0, 0.5], [0.2, 0, 0.52], [0, 0.18, 0.52], [0, 0, 0.45]],
    )

    def hand(structure: Structure) -> float:
        one, two, three = (structure[i].coords - structure[0].coords for i in (1, 2, 3))
        return float(np.sign(np.dot(np.cross(one, two), three)))

    permuted = Structure.from_sites((atoms * [[0, 0, 1], [1, 0, 0], [0, 1, 0]]).sites)
    assert hand(atoms) == hand(set_vacuum(atoms)) == hand(set_vacuum(permuted))
    assert set_vacuum(permuted).lattice.matrix[2, 2] > 0
