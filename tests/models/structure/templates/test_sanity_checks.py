"""Checks of predicted structures: values and limits."""

import pytest
from exfolio.models.structure.templates.sanity_checks import MIN_DISTANCE_RATIO
from exfolio.models.structure.templates.template_cells import TemplateCell
from pymatgen.core import Lattice, Structure

SODIUM = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
CHLORINE = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
SALT = Structure(Lattice.cubic(5.69), ["Na"] * 4 + ["Cl"] * 4, SODIUM + CHLORINE)


def checks(cation, anion, states=None, *, rescale=True):
    return TemplateCell(SALT, 3).with_elements({"Na": cation, "Cl": anion}, states, rescale=rescale).checks


def test_a_sane_structure_passes_with_its_values():
    distance, coordination, volume, valence, neighbours, charge = checks("K", "Cl", {"K": 1, "Cl": -1}, rescale=False)
    assert (distance.passed, coordination.passed, charge.passed) == (True, True, True)
    assert distance.value == pytest.approx(5.69 / 2 / (2.03 + 1.02), abs=0.005)  # Å, of the covalent radii of K and Cl
    assert (coordination.value, coordination.note) == (1, "6.0 of 6.0 bonds an atom")
    assert charge.note == "K+1 Cl-1"
    # potassium in the cell of sodium
    assert (volume.passed, valence.passed, neighbours.passed) == (True, False, True)
    assert volume.value < 0.8
    assert valence.value > 2.1
    assert (neighbours.value, neighbours.note) == (0, "as tabulated")


def test_atoms_pressed_together_fail_by_the_pair_and_its_distance():
    distance, *_ = checks("Fr", "Cs", rescale=False)
    assert distance.passed is False
    assert distance.value < MIN_DISTANCE_RATIO
    assert distance.note.startswith("Cs-Fr 2.85 Å") or distance.note.startswith("Cs-Fr 2.84 Å")


def test_atoms_torn_apart_lose_their_bonds():
    _, coordination, *_ = checks("H", "F", rescale=False)
    assert coordination.passed is False
    assert "8 atoms without" in coordination.note


def test_a_charge_that_cannot_balance_fails():
    assert checks("Na", "Cl", None)[-1].passed is False
    assert checks("Cu", "Au", None)[-1].passed is None  # of a metal none is asked


def test_without_radii_nothing_is_claimed():
    distance, coordination, volume, *_ = checks("Bk", "Cl", {"Bk": 3, "Cl": -1})
    assert distance.passed is None
    assert coordination.passed is None
    assert volume.passed is None
    assert "Bk" in distance.note


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
