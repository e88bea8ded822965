"""Checks of predicted structures: values and limits."""

import pytest
from exfolio.models.structure.cells.sanity_checks import MIN_DISTANCE_RATIO
from exfolio.models.structure.cells.template_cells import TemplateCell
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


@pytest.mark.parametrize(
    ("cell", "mapping"),
    [
        (Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.94), ["Pb", "F"], [[0, 0, 0], [0.25] * 3]), "Pb F"),
        (Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.95), ["Pb"], [[0, 0, 0]]), "Pb"),
        (Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(3.21, 5.21), ["Mg"], [[1 / 3, 2 / 3, 0.25]]), "Mg"),
    ],
    ids=["PbF2", "lead", "magnesium"],
)
def test_long_bonds_of_large_cations_and_metals_are_kept(cell, mapping):
    """As in the templates that they may be made of, where smaller atoms are in reach of their covalent radii."""
    names = mapping.split()
    small = cell.copy()
    small.replace_species(dict(zip(names, {"Pb F": ["Cd", "F"], "Pb": ["Cu"], "Mg": ["Be"]}[mapping], strict=True)))
    factor = {"Pb F": 5.39 / 5.94, "Pb": 3.61 / 4.95, "Mg": 2.29 / 3.21}[mapping]
    small.scale_lattice(small.volume * factor**3)
    old = [site.specie.symbol for site in small]
    back = dict(zip(old, [site.specie.symbol for site in cell], strict=True))
    made = TemplateCell(small, 3).with_elements(back)
    assert {check.name: check.passed for check in made.checks}["coordination"]


def test_in_a_single_layer_it_may_lie_flat() -> None:
    """Boron nitride's layer with other elements: calculated layers of AlN and GaN are as flat."""
    sheet = Structure(Lattice.hexagonal(2.5, 20), ["B", "N"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    made = TemplateCell(sheet, 2).with_elements({"B": "Al", "N": "O"})
    assert {check.name: check.passed for check in made.checks}["ion_coordination"]
