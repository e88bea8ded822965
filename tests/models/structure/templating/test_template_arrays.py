"""A template's shape, looked at once, gives what rescaling and the checks give of its structure."""

import numpy as np
import pytest
from exfolio.models.structure.layered.vacuum import set_vacuum, thickest_gap
from exfolio.models.structure.templating.rescaling import length_factor, substitute
from exfolio.models.structure.templating.sanity_checks import check_predicted
from exfolio.models.structure.templating.template_arrays import LentShape, LentShapes
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

Z = 1.565 / 23.13
MOS2 = Structure(
    Lattice.hexagonal(3.18, 23.13), ["Mo", "S", "S"], [[0, 0, 0.95], [1 / 3, 2 / 3, 0.95 + Z], [1 / 3, 2 / 3, 0.95 - Z]]
)
CHLORIDE = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("template", "dimension", "mapping"),
    [
        (MOS2, 2, {"Mo": "W", "S": "Te"}),
        (MOS2, 2, {"Mo": "C", "S": "Cs"}),
        (CHLORIDE, 3, {"Cs": "Tl", "Cl": "I"}),
        (CHLORIDE, 3, {"Cs": "Bk", "Cl": "I"}),
        (CHLORIDE, 3, {"Cs": "H", "Cl": "Fr"}),
    ],
)
def test_it_gives_what_the_structure_gives(template, dimension, mapping):
    states = dict.fromkeys(mapping.values(), 1)
    template = set_vacuum(template, 20.0) if dimension == 2 else template
    factor = length_factor(template, mapping)
    structure = substitute(template, mapping, dimension=dimension, factor=factor)
    checks = check_predicted(structure, template, factor, states)

    made = LentShape(template, dimension).with_elements(mapping, states)

    assert made.factor == pytest.approx(factor)
    assert made.structure().lattice.matrix == pytest.approx(structure.lattice.matrix)
    assert made.structure().species == structure.species
    assert np.allclose(made.structure().frac_coords, structure.frac_coords)
    for check, other in zip(made.checks, checks, strict=True):
        assert (check.name, check.passed, check.note) == (other.name, other.passed, other.note)
        assert check.value == pytest.approx(other.value)


def test_of_a_layer_larger_atoms_leave_the_vacuum_as_it_is():
    shape = LentShape(MOS2, 2)
    assert thickest_gap(shape.with_elements({"Mo": "Cs", "S": "Cs"}, None).structure()).thickness == pytest.approx(20)
    assert shape.with_elements({"Mo": "Cs", "S": "Cs"}, None, rescale=False).factor == 1


def test_a_layer_comes_upright_however_its_template_leans():
    leant = Lattice(MOS2.lattice.matrix + np.array([[0, 0, 0], [0, 0, 0], [1.59, 0.918, 0]]))
    template = Structure(leant, MOS2.species, MOS2.cart_coords, coords_are_cartesian=True)

    made = LentShape(template, 2).with_elements({"Mo": "Mo", "S": "S"}, None).structure()

    assert thickest_gap(made).thickness == pytest.approx(20)
    assert made.lattice.angles == pytest.approx((90, 90, 120))
    assert StructureMatcher(scale=False, stol=1e-6).fit(made, MOS2)


def test_neighbours_are_looked_for_as_far_as_the_new_elements_reach():
    # first given small atoms, whose neighbours are near, then large ones
    shape = LentShape(CHLORIDE, 3)
    shape.with_elements({"Cs": "H", "Cl": "F"}, None, rescale=False)
    late = shape.with_elements({"Cs": "Fr", "Cl": "Cs"}, None, rescale=False)
    assert late.checks == LentShape(CHLORIDE, 3).with_elements({"Cs": "Fr", "Cl": "Cs"}, None, rescale=False).checks


def test_a_template_without_radii_lends_its_size_unchanged():
    bromide = CHLORIDE.copy().replace_species({"Cs": "Es"})
    made = LentShape(bromide, 3).with_elements({"Es": "K", "Cl": "Br"}, None)
    assert made.factor == 1
    assert made.checks[1].note == "of the template: a radius is not known"


def test_each_template_is_looked_at_once():
    asked = []
    shapes = LentShapes(lambda key: asked.append(key) or MOS2, 2)
    assert shapes["a"] is shapes["a"]
    assert asked == ["a"]
