"""Bravais lattices of space groups, and what they ask of cells."""

import numpy as np
import pytest
import spglib
from exfolio.models.structure.symmetry.bravais import (
    BRAVAIS_LATTICES,
    NoSpaceGroup,
    bravais_lattices,
    constrained,
    free_angles,
)
from exfolio.models.structure.symmetry.symmetry_analysis import crystal_system


def test_every_space_group_has_the_lattice_that_its_symbol_and_system_say() -> None:
    symbols: dict[int, str] = {}
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        symbols.setdefault(kind.number, kind.international_short)
    families = {"triclinic": "a", "monoclinic": "m", "orthorhombic": "o", "tetragonal": "t", "cubic": "c"}
    places = bravais_lattices(list(symbols))
    found = {number: BRAVAIS_LATTICES[place] for number, place in zip(symbols, places, strict=True)}
    for number, symbol in symbols.items():
        centring = "C" if symbol[0] in "ABC" else symbol[0]
        expected = families.get(crystal_system(number), "h") + centring
        assert found[number] == expected, (number, symbol)
    assert len(symbols) == 230
    assert set(found.values()) == set(BRAVAIS_LATTICES)


def test_numbers_come_in_any_shape() -> None:
    places = bravais_lattices([[225, 194], [166, 1]])
    assert [[BRAVAIS_LATTICES[i] for i in row] for row in places] == [["cF", "hP"], ["hR", "aP"]]
    assert bravais_lattices(np.array([], dtype=int)).shape == (0,)


@pytest.mark.parametrize("number", [0, 231, -1])
def test_a_number_that_is_no_space_group_is_refused(number: int) -> None:
    with pytest.raises(NoSpaceGroup, match=f"go from 1 to 230, not {number}"):
        bravais_lattices([number])


@pytest.mark.parametrize(
    ("name", "dimension", "expected"),
    [
        ("cF", 3, (6, 6, 6, 90, 90, 90)),
        ("hP", 3, (6, 6, 6, 90, 90, 120)),
        ("oP", 3, (4, 9, 6, 90, 90, 90)),
        ("mC", 3, (4, 9, 6, 90, 101, 90)),
        ("aP", 3, (4, 9, 6, 80, 101, 118)),
        ("mP", 2, (4, 9, 6, 90, 90, 118)),
        ("hP", 2, (6, 6, 6, 90, 90, 120)),
    ],
)
def test_a_cell_obeys_its_lattice(name: str, dimension: int, expected: tuple[float, ...]) -> None:
    assert constrained(name, (4, 9, 6, 80, 101, 118), dimension=dimension) == pytest.approx(expected)
    for place in (3, 4, 5):
        if place not in free_angles(name, dimension=dimension):
            assert expected[place] in (90, 120)
