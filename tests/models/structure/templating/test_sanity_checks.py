"""Checks of predicted structures: values and limits."""

import pytest
from exfolio.models.structure.templating.sanity_checks import MIN_DISTANCE_RATIO, check_predicted
from pymatgen.core import Lattice, Structure

SODIUM = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
CHLORINE = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
SALT = Structure(Lattice.cubic(5.69), ["Na"] * 4 + ["Cl"] * 4, SODIUM + CHLORINE)


def scaled(factor, names=("Na", "Cl")):
    made = Structure(SALT.lattice.matrix * factor, SALT.species, SALT.frac_coords)
    made.replace_species(dict(zip(("Na", "Cl"), names, strict=True)))
    return made


def test_a_sane_structure_passes_with_its_values():
    distance, coordination, charge = check_predicted(scaled(1.1, ("K", "Cl")), SALT, 1.1, {"K": 1, "Cl": -1})
    assert (distance.passed, coordination.passed, charge.passed) == (True, True, True)
    assert distance.value == pytest.approx(5.69 * 1.1 / 2 / (2.03 + 1.02), abs=0.005)
    assert (coordination.value, coordination.note) == (1, "6.0 of 6.0 bonds an atom")
    assert charge.note == "K+1 Cl-1"


def test_atoms_pressed_together_fail_by_the_pair_and_its_distance():
    distance, *_ = check_predicted(scaled(0.6), SALT, 0.6, {"Na": 1, "Cl": -1})
    assert distance.passed is False
    assert distance.value < MIN_DISTANCE_RATIO
    assert distance.note.startswith("Cl-Na 1.71 Å")


def test_atoms_torn_apart_lose_their_bonds():
    _, coordination, _ = check_predicted(scaled(1.5), SALT, 1.5, {"Na": 1, "Cl": -1})
    assert coordination.passed is False
    assert "8 atoms without" in coordination.note


def test_a_charge_that_cannot_balance_fails():
    *_, charge = check_predicted(SALT, SALT, 1.0, None)
    assert charge.passed is False


def test_without_radii_nothing_is_claimed():
    distance, coordination, _ = check_predicted(scaled(1.0, ("Bk", "Cl")), SALT, 1.0, {"Bk": 3, "Cl": -1})
    assert distance.passed is None
    assert coordination.passed is None
    assert "Bk" in distance.note
