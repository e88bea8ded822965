"""A template's cell, analysed once, takes any elements."""

import numpy as np
import pytest
from exfolio.models.structure.cells.template_cells import TemplateCell, TemplateCells
from exfolio.models.structure.vacuum import thickest_gap
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

Z = 1.565 / 23.13
MOS2 = Structure(
    Lattice.hexagonal(3.18, 23.13), ["Mo", "S", "S"], [[0, 0, 0.95], [1 / 3, 2 / 3, 0.95 + Z], [1 / 3, 2 / 3, 0.95 - Z]]
)
CHLORIDE = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_of_a_layer_larger_atoms_leave_the_vacuum_as_it_is():
    cell = TemplateCell(MOS2, 2)
    assert thickest_gap(cell.with_elements({"Mo": "Cs", "S": "Cs"}).structure()).thickness == pytest.approx(20)
    assert cell.with_elements({"Mo": "Cs", "S": "Cs"}, rescale=False).factor == 1


def test_a_layer_comes_upright_however_its_template_leans():
    leant = Lattice(MOS2.lattice.matrix + np.array([[0, 0, 0], [0, 0, 0], [1.59, 0.918, 0]]))
    template = Structure(leant, MOS2.species, MOS2.cart_coords, coords_are_cartesian=True)

    substituted = TemplateCell(template, 2).with_elements({"Mo": "Mo", "S": "S"}).structure()

    assert thickest_gap(substituted).thickness == pytest.approx(20)
    assert substituted.lattice.angles == pytest.approx((90, 90, 120))
    assert StructureMatcher(scale=False, stol=1e-6).fit(substituted, MOS2)


def test_neighbours_are_looked_for_as_far_as_the_new_elements_reach():
    # first given small atoms, whose neighbours are near, then large ones
    cell = TemplateCell(CHLORIDE, 3)
    cell.with_elements({"Cs": "H", "Cl": "F"}, rescale=False)
    late = cell.with_elements({"Cs": "Fr", "Cl": "Cs"}, rescale=False)
    assert late.checks == TemplateCell(CHLORIDE, 3).with_elements({"Cs": "Fr", "Cl": "Cs"}, rescale=False).checks


def test_a_template_without_radii_lends_its_size_unchanged():
    bromide = CHLORIDE.copy().replace_species({"Cs": "Es"})
    substituted = TemplateCell(bromide, 3).with_elements({"Es": "K", "Cl": "Br"})
    assert substituted.factor == 1
    assert substituted.checks[1].note == "of the template: a radius is not known"


def test_each_template_is_analysed_once():
    asked = []
    cells = TemplateCells(lambda key: asked.append(key) or MOS2, 2)
    assert cells["a"] is cells["a"]
    assert asked == ["a"]
