"""Molecules, chains, layers and networks, and their sizes."""

import numpy as np
import pytest
from exfolio.models.structure.cells.fragments import Factors, Size, factors_of
from exfolio.models.structure.cells.template_cells import TemplateCell
from pymatgen.core import Lattice, Structure

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
IODIDE = Structure(
    Lattice.hexagonal(4.24, 6.84), ["Cd", "I", "I"], [[0, 0, 0], [1 / 3, 2 / 3, 0.249], [2 / 3, 1 / 3, 0.751]]
)
# alpha CO, L. Vegard, Z. Phys. 61, 185 (1930)
MONOXIDE = Structure.from_spacegroup("P2_13", Lattice.cubic(5.63), ["C", "O"], [[-0.04] * 3, [0.068] * 3])
# chains as of selenium, drawn straight
CHAIN = Structure(Lattice.tetragonal(6.0, 2.4), ["Se"], [[0, 0, 0]])


@pytest.mark.parametrize(
    ("crystal", "dimension"),
    [(SALT, 3), (IODIDE, 2), (CHAIN, 1), (MONOXIDE, 0)],
    ids=["salt", "layers", "chains", "molecules"],
)
def test_what_bonds_hold_together_is_found(crystal: Structure, dimension: int) -> None:
    size = TemplateCell(crystal, 3).size
    assert size.dimension == dimension
    assert size.volume == pytest.approx(crystal.volume / len(crystal))


def test_molecules_keep_their_shape_and_the_space_between_them_its_own_size() -> None:
    cell = TemplateCell(MONOXIDE, 3)
    moved = cell.with_elements({"C": "Si", "O": "S"}, size=Size(0, cell.size.length * 1.5, cell.size.volume * 2.0))
    bond = min(MONOXIDE.get_distance(0, k) for k in range(4, 8))
    made = moved.structure()

    assert min(made.get_distance(0, k) for k in range(4, 8)) == pytest.approx(1.5 * bond)
    assert made.volume == pytest.approx(2.0 * MONOXIDE.volume)
    assert made.get_space_group_info()[1] == MONOXIDE.get_space_group_info()[1]


def test_layers_grow_in_plane_and_the_gap_takes_what_is_left() -> None:
    cell = TemplateCell(IODIDE, 3)
    made = cell.with_elements({"Cd": "Mg", "I": "Br"}, size=Size(2, cell.size.length * 0.9, cell.size.volume * 0.8))
    structure = made.structure()
    assert structure.lattice.a == pytest.approx(0.9 * 4.24)
    assert structure.volume == pytest.approx(0.8 * IODIDE.volume)
    assert structure.get_distance(0, 1) == pytest.approx(0.9 * IODIDE.get_distance(0, 1), rel=1e-3)


def test_the_space_between_fragments_never_runs_away() -> None:
    old = Size(2, 1.0, 10.0)
    assert factors_of(old, 1.0, 30.0) == Factors(1.0, 1.25)
    assert factors_of(old, 1.0, 1.0) == Factors(1.0, pytest.approx(0.8))
    assert factors_of(Size(3, 1.0, 10.0), 1.1, 13.31) == Factors(1.1, 1.1)
    assert np.isclose(factors_of(old, 1.1, 12.1 * 1.05).between, 1.05)
