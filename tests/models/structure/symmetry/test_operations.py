"""Symmetry operations as groups, read, checked against cells and applied."""

import numpy as np
import pytest
from exfolio.models.structure.symmetry.operations import (
    IDENTITY,
    SymmetryError,
    fits_cell,
    orbit,
    read_operations,
)
from exfolio.models.structure.symmetry.settings import SETTINGS, find_settings, tabulated
from pymatgen.core import Lattice


def written(hall: int) -> list[str]:
    """Operations of a setting as a CIF has them."""
    lines = []
    for rotation, translation in zip(*tabulated(hall), strict=True):
        rows = ["".join(f"{n:+d}{axis}" for n, axis in zip(row, "xyz", strict=True) if n) for row in rotation]
        lines.append(",".join(f"{t:.5f}{row}".replace("1x", "x") for row, t in zip(rows, translation, strict=True)))
    return [line.replace("1y", "y").replace("1z", "z") for line in lines]


@pytest.mark.parametrize("hall", range(8, SETTINGS, 60))
def test_a_listed_group_is_that_of_the_tables_and_no_operation_may_be_missing(hall: int) -> None:
    lines = written(hall)
    operations = read_operations(tuple(lines))
    assert len(operations.rotations) == len(tabulated(hall).rotations)
    assert np.abs(operations.translations - tabulated(hall).translations).max() < 1e-9
    if len(lines) > 2:
        with pytest.raises(SymmetryError, match="no group"):
            read_operations(tuple(lines[:-1]))


def test_a_cell_has_the_symmetry_of_its_shape() -> None:
    (hexagonal,) = find_settings("R -3 m :H")
    (rhombohedral,) = find_settings("R -3 m :R")
    for lattice, setting in ((Lattice.hexagonal(4, 11), hexagonal), (Lattice.rhombohedral(4.7, 57), rhombohedral)):
        assert [fits_cell(tabulated(s.hall), lattice.matrix) for s in (hexagonal, rhombohedral)] == [
            setting is hexagonal,
            setting is rhombohedral,
        ]
    assert fits_cell(IDENTITY, Lattice.from_parameters(3, 4, 5, 80, 85, 95).matrix)


def test_an_orbit_has_each_place_once() -> None:
    cubic = tabulated(find_settings("F m -3 m")[0].hall)
    matrix = Lattice.cubic(5.64).matrix
    sizes = [len(orbit(np.array(place), cubic, matrix)) for place in ([0, 0, 0], [0.25] * 3, [0.1, 0.2, 0.31])]
    assert sizes == [4, 8, 192]
