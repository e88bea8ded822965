"""The in-plane vectors of a layer and its smallest cell."""

import numpy as np
import pytest
from exfolio.models.structure.layered.primitive_layer import primitive_layer, reduced_plane
from exfolio.models.structure.vacuum import set_vacuum
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure


@pytest.fixture
def monolayer() -> Structure:
    """1H MoS2 in 20 Å of vacuum."""
    half = 1.56 / 23.12
    return Structure(
        Lattice.hexagonal(3.18, 23.12),
        ["Mo", "S", "S"],
        [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, half], [2 / 3, 1 / 3, 1 - half]],
    )


@settings(max_examples=100, deadline=None)
@given(vectors=st.lists(st.floats(-10, 10), min_size=4, max_size=4))
def test_a_reduced_plane_has_the_same_area_and_an_obtuse_angle(vectors: list[float]) -> None:
    a, b = np.array([*vectors[:2], 0.0]), np.array([*vectors[2:], 0.0])
    assume(np.linalg.norm(np.cross(a, b)) > 0.1)
    short, other = reduced_plane(a, b)
    np.testing.assert_allclose(np.linalg.norm(np.cross(short, other)), np.linalg.norm(np.cross(a, b)), rtol=1e-6)
    assert np.linalg.norm(short) <= np.linalg.norm(other) * (1 + 1e-6)
    cosine = short @ other / (np.linalg.norm(short) * np.linalg.norm(other))
    assert -0.5 - 1e-6 <= cosine <= 1e-6


@pytest.mark.parametrize("cell", [[[2, 0], [0, 2]], [[2, 1], [0, 3]], [[1, 1], [-1, 2]], [[3, 0], [1, 1]]])
def test_the_smallest_cell_of_a_layer_is_found(monolayer: Structure, cell: list[list[int]]) -> None:
    upright = set_vacuum(monolayer)
    supercell = upright * [[*cell[0], 0], [*cell[1], 0], [0, 0, 1]]
    matrix = supercell.lattice.matrix
    sites, a, b = primitive_layer([site.species for site in supercell], supercell.cart_coords, matrix[0], matrix[1])
    assert len(sites) == 3
    assert np.linalg.norm(a) == pytest.approx(3.18)
    assert np.linalg.norm(b) == pytest.approx(3.18)
    assert a @ b / 3.18**2 == pytest.approx(-0.5)


def test_a_distorted_supercell_is_not_folded(monolayer: Structure) -> None:
    supercell = set_vacuum(monolayer) * [2, 1, 1]
    supercell.translate_sites([0], [0.05, 0, 0], frac_coords=False)
    matrix = supercell.lattice.matrix
    sites, *_ = primitive_layer([site.species for site in supercell], supercell.cart_coords, matrix[0], matrix[1])
    assert len(sites) == 6
