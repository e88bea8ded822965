"""What passes as a crystal, and by which reason other things fail."""

from collections.abc import Callable

import numpy as np
import pytest
from exfolio.models.structure.validity.rule import ValidityRule
from pymatgen.core import Lattice, Structure


def rock_salt(cation: str, anion: str, a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5] * 3])


def rutile(cation: str, a: float, c: float, x: float) -> Structure:
    return Structure.from_spacegroup("P4_2/mnm", Lattice.tetragonal(a, c), [cation, "O"], [[0, 0, 0], [x, x, 0]])


def pyrite(a: float, x: float) -> Structure:
    return Structure.from_spacegroup("Pa-3", Lattice.cubic(a), ["Fe", "S"], [[0, 0, 0], [x, x, x]])


def spinel() -> Structure:
    sites = [[1 / 8] * 3, [1 / 2] * 3, [0.2624] * 3]
    return Structure.from_spacegroup("Fd-3m:2", Lattice.cubic(8.0806), ["Mg", "Al", "O"], sites)


REAL = {
    "MgO": rock_salt("Mg", "O", 4.21),
    "MnO": rock_salt("Mn", "O", 4.445),
    "TiO2": rutile("Ti", 4.594, 2.959, 0.305),
    "VO2": rutile("V", 4.55, 2.85, 0.3),
    "FeS2, sulfur bonded to sulfur": pyrite(5.418, 0.385),
    "MgAl2O4": spinel(),
    "a metal": Structure.from_spacegroup("Pm-3m", Lattice.cubic(2.887), ["Al", "Ni"], [[0, 0, 0], [0.5] * 3]),
}
"""Cells and places as measured; R. W. G. Wyckoff, Crystal Structures (1963)."""


def failed(structure: Structure) -> set[str]:
    symbols = [site.specie.symbol for site in structure]
    checks = ValidityRule().checks(symbols, structure.lattice.matrix, structure.frac_coords)
    return {check.name for check in checks if check.passed is False}


@pytest.mark.parametrize("name", list(REAL))
def test_real_crystals_pass(name: str) -> None:
    assert failed(REAL[name]) == set()


def strained(structure: Structure, factor: float) -> Structure:
    return Structure(structure.lattice.matrix * factor, structure.species, structure.frac_coords)


def swapped(structure: Structure) -> Structure:
    """Exchange the first atom with the last, a cation with an anion."""
    other = structure.copy()
    other[0], other[-1] = structure[-1].specie, structure[0].specie
    return other


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda one: strained(one, 0.88), "bond_valence"),
        (lambda one: strained(one, 1.12), "bond_valence"),
        (lambda one: strained(one, 1.35), "volume"),
        (swapped, "cation_contact"),
    ],
)
@pytest.mark.parametrize("name", ["MgO", "MnO", "TiO2", "VO2", "MgAl2O4"])
def test_what_is_strained_or_swapped_fails(name: str, spoil: Callable[[Structure], Structure], reason: str) -> None:
    assert reason in failed(spoil(REAL[name]))


def test_oxygen_bonded_to_oxygen_wants_charges_for_it() -> None:
    moved = rutile("Ti", 4.594, 2.959, 0.37)  # 1.69 Å between two oxygen atoms of charge -2
    peroxide = Structure.from_spacegroup("Pa-3", Lattice.cubic(4.839), ["Mg", "O"], [[0, 0, 0], [0.4106] * 3])

    assert "anion_contact" in failed(moved)
    # MgO2 as N.-G. Vannerberg, Ark. Kemi 14, 99 (1959), found it
    assert "anion_contact" not in failed(peroxide)


def test_cations_have_as_many_neighbours_as_they_are_known_to_have() -> None:
    """Magnesium between two oxygen atoms, each bond short enough to carry its charge."""
    chain = Structure(Lattice.orthorhombic(3.4, 3.4, 3.1), ["Mg", "O"], [[0, 0, 0], [0, 0, 0.5]])

    assert "missing_neighbours" in failed(chain)


def test_a_check_tells_value_and_limits() -> None:
    salt = REAL["MgO"]

    checks = ValidityRule().checks([site.specie.symbol for site in salt], salt.lattice.matrix, salt.frac_coords)
    by_name = {check.name: check for check in checks}

    valence = by_name["bond_valence"]
    assert valence.value == pytest.approx(0, abs=0.15)
    assert (valence.limit, valence.most) == (-0.35, 0.3)
    assert by_name["missing_neighbours"].note.startswith("Mg has 6.")


def test_atoms_at_random_hardly_ever_pass() -> None:
    random = np.random.default_rng(3)
    spinel_atoms = REAL["MgAl2O4"].get_primitive_structure()
    symbols = [site.specie.symbol for site in spinel_atoms]

    passed = 0
    for _ in range(60):
        checks = ValidityRule().checks(symbols, spinel_atoms.lattice.matrix, random.random((len(symbols), 3)))
        passed += all(check.passed is not False for check in checks)

    assert passed == 0
