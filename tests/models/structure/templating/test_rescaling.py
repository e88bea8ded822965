"""New elements in old places, at the size they need."""

import numpy as np
import pytest
from exfolio.models.structure.layered.vacuum import thickest_gap
from exfolio.models.structure.templating.rescaling import length_factor, substitute
from pymatgen.core import Lattice, Structure

SODIUM = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
CHLORINE = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
SALT = Structure(Lattice.cubic(5.69), ["Na"] * 4 + ["Cl"] * 4, SODIUM + CHLORINE)


@pytest.fixture
def mos2():
    z = 1.565 / 23.13
    sites = [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + z], [1 / 3, 2 / 3, 0.5 - z]]
    return Structure(Lattice.hexagonal(3.18, 23.13), ["Mo", "S", "S"], sites)


def test_the_same_elements_leave_the_size():
    assert length_factor(SALT, {"Na": "Na", "Cl": "Cl"}) == 1


@pytest.mark.parametrize(
    ("mapping", "measured"),
    [({"Na": "K", "Cl": "Br"}, 6.60), ({"Na": "K", "Cl": "Cl"}, 6.29), ({"Na": "Na", "Cl": "I"}, 6.47)],
)
def test_alkali_halides_come_out_within_five_percent_of_their_lattice_constants(mapping, measured):
    made = substitute(SALT, mapping, factor=length_factor(SALT, mapping))
    assert made.lattice.a == pytest.approx(measured, rel=0.05)
    assert set(made.composition.get_el_amt_dict()) == set(mapping.values())


def test_a_monolayer_is_scaled_without_its_vacuum(mos2):
    mapping = {"Mo": "W", "S": "Te"}
    factor = length_factor(mos2, mapping)

    made = substitute(mos2, mapping, dimension=2, factor=factor)

    assert made.lattice.a == pytest.approx(3.18 * factor)
    assert made.lattice.a == pytest.approx(3.55, rel=0.04)  # WTe2 in the 1H form
    assert thickest_gap(made).thickness == pytest.approx(20.0)
    assert made.lattice.c == pytest.approx(20.0 + 3.13 * factor)
    assert made.get_distance(0, 1) == pytest.approx(mos2.get_distance(0, 1) * factor)


def test_a_tilted_third_vector_keeps_its_tilt(mos2):
    a, b, c = mos2.lattice.matrix
    tilted = Structure(Lattice([a, b, c + a / 3]), mos2.species, mos2.cart_coords, coords_are_cartesian=True)

    made = substitute(tilted, {"Mo": "W", "S": "Te"}, dimension=2, factor=1.1)

    assert made.lattice.matrix[2, :2] == pytest.approx(a[:2] / 3 * 1.1)
    assert made.lattice.matrix[2, 2] == pytest.approx(20.0 + 3.13 * 1.1)
    assert np.sort(made.distance_matrix, axis=None)[3:6] == pytest.approx(
        np.sort(mos2.distance_matrix, axis=None)[3:6] * 1.1
    )


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_where_the_layer_lies_in_its_cell_makes_no_difference(mos2, shift):
    moved = Structure(mos2.lattice, mos2.species, mos2.frac_coords + np.array([0, 0, shift]), to_unit_cell=True)
    made = substitute(moved, {"Mo": "W", "S": "Te"}, dimension=2, factor=1.1)
    assert thickest_gap(made).thickness == pytest.approx(20.0)
    assert made.get_distance(0, 1) == pytest.approx(mos2.get_distance(0, 1) * 1.1)


def test_symmetry_is_kept(mos2):
    made = substitute(mos2, {"Mo": "W", "S": "Se"}, dimension=2, factor=1.03)
    assert made.get_space_group_info(0.001) == mos2.get_space_group_info(0.001)


def test_an_element_without_a_radius_leaves_the_size():
    assert length_factor(SALT, {"Na": "Bk", "Cl": "Cl"}) == 1
