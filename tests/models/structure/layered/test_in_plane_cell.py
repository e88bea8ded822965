"""The plane of layers in graphite and MoS2, in whatever cell."""

import numpy as np
import pytest
from exfolio.models.structure.layered.in_plane_cell import (
    cell_along_layers,
    in_plane_cell,
    in_plane_k_steps,
    in_plane_strain,
    with_in_plane_cell,
)
from pymatgen.core import Lattice, Structure

GRAPHENE = Structure(Lattice.hexagonal(2.46, 20.0), ["C", "C"], [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5]])
GRAPHITE = Structure(
    Lattice.hexagonal(2.46, 6.70),
    ["C"] * 4,
    [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [0, 0, 0.75], [2 / 3, 1 / 3, 0.75]],
)
"""Interlayer distance 3.35 Å: Trucano & Chen, Nature 258, 136 (1975)."""
# 3R-MoS2 in its primitive cell, none of whose vectors lies in the plane; layers 6.15 Å apart.
OBLIQUE = Structure(
    [[1.58, 0.9122, 6.15], [4.74, 0.9122, 6.15], [0.0, 3.6489, 6.15]],
    ["Mo", "S", "S"],
    [[0, 0, 3], [1.58, 0.9122, 4.59], [1.58, 0.9122, 1.41]],
    coords_are_cartesian=True,
)


@pytest.mark.parametrize("crystal", [GRAPHENE, GRAPHITE, GRAPHENE * (3, 2, 1), GRAPHITE * (1, 2, 2)])
def test_the_cell_is_that_of_one_layer(crystal: Structure) -> None:
    cell = in_plane_cell(crystal)
    assert (cell.a, cell.b, cell.gamma) == pytest.approx((2.46, 2.46, 120.0))
    assert cell.atoms == 2
    assert cell.area == pytest.approx(2.46**2 * np.sqrt(3) / 2)


def test_strain_is_of_lengths_and_of_the_angle() -> None:
    sheared = Structure(Lattice.from_parameters(2.46, 2.46, 20, 90, 90, 118), GRAPHENE.species, GRAPHENE.frac_coords)
    wider = Structure(Lattice.hexagonal(2.5092, 20), GRAPHENE.species, GRAPHENE.frac_coords)
    cell = in_plane_cell(GRAPHITE)
    assert in_plane_strain(in_plane_cell(wider), cell) == pytest.approx(0.02)
    assert in_plane_strain(in_plane_cell(sheared), cell) == pytest.approx(np.radians(2))
    assert in_plane_strain(in_plane_cell(GRAPHENE * (2, 1, 1)), cell) == pytest.approx(0, abs=1e-9)


def test_where_layers_are_not_told_by_bonds_the_thickest_gap_tells_their_plane() -> None:
    """Helium has no bonds; two layers in the cell have the plane of one."""
    sites = [[0, 0, 0.0], [0, 0, 0.5]]
    double = Structure(Lattice.hexagonal(3.6, 12.0), ["He", "He"], sites)
    single = Structure(Lattice.hexagonal(3.6 * 1.02, 25.0), ["He"], sites[:1]) * (2, 2, 1)
    assert in_plane_cell(double).atoms is None
    assert in_plane_strain(in_plane_cell(single), in_plane_cell(double)) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("crystal", "mesh"),
    [
        (GRAPHENE, (12, 12, 1)),
        (GRAPHITE, (12, 12, 4)),
        (GRAPHENE * (2, 1, 1), (6, 12, 1)),
        (GRAPHITE * (3, 3, 1), (4, 4, 4)),
    ],
)
def test_meshes_are_known_by_their_points_in_the_plane(crystal: Structure, mesh: tuple[int, int, int]) -> None:
    """Twelve divisions of the reciprocal vectors of 4 pi / (sqrt(3) 2.46 Å) = 2.949/Å."""
    assert in_plane_k_steps(crystal, mesh) == pytest.approx((2.9493 / 12, 2.9493 / 12), abs=1e-4)


def test_of_a_cell_without_vector_in_the_plane_the_points_are_known_too() -> None:
    upright = cell_along_layers(OBLIQUE)
    step = 4 * np.pi / (np.sqrt(3) * 3.16)
    assert in_plane_k_steps(OBLIQUE, (8, 8, 8)) == pytest.approx((step / 8, step / 8), rel=1e-3)
    assert in_plane_k_steps(upright, (12, 12, 3)) == pytest.approx((step / 12, step / 12), rel=1e-3)


def test_the_cell_along_the_layers_is_the_same_crystal() -> None:
    upright = cell_along_layers(OBLIQUE)
    assert upright.volume == pytest.approx(OBLIQUE.volume)
    assert upright.lattice.matrix[:2, 2] == pytest.approx([0, 0], abs=1e-9)
    assert upright.lattice.matrix[2, 2] == pytest.approx(6.15, abs=1e-3)
    own, other = (np.sort(crystal.distance_matrix[np.triu_indices(3, 1)]) for crystal in (OBLIQUE, upright))
    assert own == pytest.approx(other, abs=1e-3)


def test_a_layer_is_stretched_to_the_cell_of_its_bulk() -> None:
    wide = Structure(Lattice.hexagonal(2.60, 20.0), GRAPHENE.species, GRAPHENE.frac_coords) * (2, 1, 1)
    stretched = with_in_plane_cell(wide, in_plane_cell(GRAPHITE))
    assert in_plane_strain(in_plane_cell(stretched), in_plane_cell(GRAPHITE)) == pytest.approx(0, abs=1e-6)
    assert sorted(stretched.lattice.abc) == pytest.approx([2.46, 4.92, 20.0])
    assert stretched.get_distance(0, 2) == pytest.approx(2.46 / np.sqrt(3), abs=1e-6)
