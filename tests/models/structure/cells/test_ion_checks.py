"""Ions where they have no room, too much of it, or neighbours as no such ion has."""

import pytest
from exfolio.models.structure.cells.template_cells import TemplateCell, checks_of
from pymatgen.core import Lattice, Structure


def test_an_ion_squeezed_into_the_place_of_a_small_one_fails_though_the_sum_is_right():
    """Potassium where tantalum is in KTaO3 (Acta Cryst. B 56, 594 (2000)), and the other way."""
    perovskite = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.988), ["K", "Ta", "O"], [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0]]
    )
    states = {"K": 1, "Ta": 5, "O": -2}
    right, swapped = (
        {one.name: one for one in TemplateCell(perovskite, 3).with_elements(mapping, states, rescale=False).checks}
        for mapping in ({"K": "K", "Ta": "Ta", "O": "O"}, {"K": "Ta", "Ta": "K", "O": "O"})
    )
    assert right["bond_valence"].passed
    assert not swapped["bond_valence"].passed
    assert swapped["bond_valence"].note.startswith("bonds of K carry")


def calcite(cation, centre, anion="O"):
    """Calcite (S. A. Markgraf and R. J. Reeder, Am. Mineral. 70, 590 (1985)) with other elements."""
    cell = Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.988, 17.061), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.2567, 0, 0.25]]
    )
    made = TemplateCell(cell, 3).with_elements({"Ca": cation, "C": centre, "O": anion})
    return {check.name: check for check in made.checks}["ion_coordination"]


@pytest.mark.parametrize(("cation", "centre"), [("Ba", "Sn"), ("Mg", "Si"), ("Pb", "Ti"), ("La", "V"), ("K", "Ta")])
def test_a_highly_charged_ion_has_no_place_in_a_flat_triangle(cation, centre):
    check = calcite(cation, centre)
    assert check.passed is False
    assert check.value == pytest.approx(3, abs=0.1)
    assert check.note.startswith(f"{centre}+")


@pytest.mark.parametrize(("cation", "centre"), [("Ca", "C"), ("Na", "N"), ("Y", "B")])
def test_boron_carbon_and_nitrogen_have(cation, centre):
    assert calcite(cation, centre).passed


@pytest.mark.parametrize(("cation", "centre"), [("K", "Br"), ("Na", "Cl"), ("Mg", "Se"), ("Rb", "I"), ("Ca", "Te")])
def test_nor_has_an_ion_with_a_lone_pair(cation, centre):
    check = calcite(cation, centre)
    assert (check.passed, check.value) == (False, pytest.approx(0, abs=0.02))
    assert "lone pair" in check.note


def test_on_top_of_a_pyramid_it_has():
    """KBrO3: W. H. Zachariasen, Skr. Nor. Vidensk.-Akad. Oslo 1, 1 (1928), axes at 86°."""
    cell = Lattice.from_parameters(4.403, 4.403, 4.403, 86, 86, 86)
    oxygen = [[0.58, 0.58, 0.125], [0.58, 0.125, 0.58], [0.125, 0.58, 0.58]]
    bromate = Structure(cell, ["K", "Br", "O", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], *oxygen])
    made = {one.name: one for one in checks_of(bromate, 3)}
    assert made["ion_coordination"].passed


@pytest.mark.parametrize(("small", "passes"), [("B", False), ("Ti", True)])
def test_boron_has_no_place_in_an_octahedron(small, passes):
    """Ilmenite (B. A. Wechsler and C. T. Prewitt, Am. Mineral. 69, 176 (1984)) of aluminium and boron or titanium."""
    sites = [[0, 0, 0.3554], [0, 0, 0.1464], [0.3174, 0.0233, 0.2451]]
    ilmenite = Structure.from_spacegroup("R-3", Lattice.hexagonal(5.088, 14.085), ["Fe", "Ti", "O"], sites)
    made = TemplateCell(ilmenite, 3).with_elements({"Fe": "Al" if small == "B" else "Mg", "Ti": small, "O": "O"})
    assert {one.name: one for one in made.checks}["ion_coordination"].passed is passes
