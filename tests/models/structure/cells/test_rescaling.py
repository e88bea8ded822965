"""New elements in old places, at the size they need."""

import numpy as np
import pytest
from exfolio.models.structure.cells.template_cells import TemplateCell
from exfolio.models.structure.vacuum import thickest_gap
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
    assert TemplateCell(SALT, 3).with_elements({"Na": "Na", "Cl": "Cl"}).factor == 1


@pytest.mark.parametrize(
    ("mapping", "measured"),
    [({"Na": "K", "Cl": "Br"}, 6.60), ({"Na": "K", "Cl": "Cl"}, 6.29), ({"Na": "Na", "Cl": "I"}, 6.47)],
)
def test_alkali_halides_come_out_within_five_percent_of_their_lattice_constants(mapping, measured):
    halide = TemplateCell(SALT, 3).with_elements(mapping).structure()
    assert halide.lattice.a == pytest.approx(measured, rel=0.05)
    assert set(halide.composition.get_el_amt_dict()) == set(mapping.values())


def test_a_monolayer_is_scaled_without_its_vacuum(mos2):
    cell = TemplateCell(mos2, 2).with_elements({"Mo": "W", "S": "Te"})
    layer = cell.structure()

    assert layer.lattice.a == pytest.approx(3.18 * cell.factor)
    assert layer.lattice.a == pytest.approx(3.55, rel=0.04)  # WTe2 in the 1H form
    assert thickest_gap(layer).thickness == pytest.approx(20.0)
    assert layer.lattice.c == pytest.approx(20.0 + 3.13 * cell.factor)
    assert layer.get_distance(0, 1) == pytest.approx(mos2.get_distance(0, 1) * cell.factor)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_where_the_layer_lies_in_its_cell_makes_no_difference(mos2, shift):
    moved = Structure(mos2.lattice, mos2.species, mos2.frac_coords + np.array([0, 0, shift]), to_unit_cell=True)
    cell = TemplateCell(moved, 2).with_elements({"Mo": "W", "S": "Te"})
    assert thickest_gap(cell.structure()).thickness == pytest.approx(20.0)
    assert cell.structure().get_distance(0, 1) == pytest.approx(mos2.get_distance(0, 1) * cell.factor)


def test_symmetry_is_kept(mos2):
    layer = TemplateCell(mos2, 2).with_elements({"Mo": "W", "S": "Se"}).structure()
    assert layer.get_space_group_info(0.001) == mos2.get_space_group_info(0.001)


def test_an_element_without_a_radius_leaves_the_size():
    assert TemplateCell(SALT, 3).with_elements({"Na": "Bk", "Cl": "Cl"}).factor == 1
