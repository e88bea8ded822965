"""Nets that are woven into each other, and layers that only lie on each other."""

from collections.abc import Callable

import numpy as np
import pytest
from exfolio.models.structure.dimensionality.layering import analyse_layers
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]

EDGE, RISE = 5.2, 1.15
"""Å: mesh of a square net of carbon, and how far the middles of its threads lie above or below its knots."""


def net(shift: np.ndarray, *, warp_above: bool = True) -> list[np.ndarray]:
    """One mesh: a knot, and three atoms along each thread; warp and weft bend to opposite sides."""
    profile = ((0.25, 0.85), (0.5, 1.0), (0.75, 0.85))
    sign = 1 if warp_above else -1
    warp = [np.array([t * EDGE, 0, sign * h * RISE]) for t, h in profile]
    weft = [np.array([0, t * EDGE, -sign * h * RISE]) for t, h in profile]
    return [np.zeros(3) + shift, *(atom + shift for atom in warp + weft)]


def crystal_of(*nets: list[np.ndarray], lattice: Lattice) -> Structure:
    atoms = [atom for one in nets for atom in one]
    return Structure(lattice, ["C"] * len(atoms), atoms, coords_are_cartesian=True, to_unit_cell=True)


HALF = np.array([EDGE / 2, EDGE / 2, 0.0])


def test_two_nets_woven_in_one_plane_are_no_layers() -> None:
    cloth = crystal_of(net(np.zeros(3)), net(HALF), lattice=Lattice.tetragonal(EDGE, 9.0))
    found = analyse_layers(cloth)
    assert (found.layered, found.kind) == (False, "woven layers")
    assert "woven" in (found.reason or "")


def test_nor_are_they_where_a_lattice_vector_carries_one_net_into_the_other() -> None:
    """The primitive cell of the same cloth holds one net, with every second lattice point of the plane."""
    lattice = Lattice([[EDGE / 2, EDGE / 2, 0], [EDGE / 2, -EDGE / 2, 0], [0, 0, -9.0]])
    found = analyse_layers(crystal_of(net(np.zeros(3)), lattice=lattice))
    assert (found.layered, found.kind) == (False, "woven layers")


def test_the_same_nets_on_each_other_are_two_layers() -> None:
    stack = crystal_of(net(np.zeros(3)), net(HALF + np.array([0, 0, 5.5])), lattice=Lattice.tetragonal(EDGE, 11.0))
    found = analyse_layers(stack)
    assert (found.layered, found.layers_per_cell) == (True, 2)


@pytest.mark.parametrize("cell", [[1, 1, 1], [[1, 0, 1], [0, 1, 0], [0, 0, 1]]])
@pytest.mark.parametrize("name", ["MoS2 2H", "black P", "CdCl2"])
def test_corrugated_layers_that_reach_into_each_other_are_not_woven(
    crystal: Crystal, name: str, cell: list[list[int]] | list[int]
) -> None:
    assert analyse_layers(crystal(name) * cell).layered
