"""Primitive, Niggli-reduced cells as arrays: what pymatgen gives, or nothing where that isn't certain."""

import gzip
import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.comparison.reduced_cells import ReducedCell, reduced_cell
from exfolio.models.structure.serialization import from_plain
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


def cell_of(structure: Structure) -> ReducedCell | None:
    lattice = structure.lattice
    return reduced_cell(lattice.matrix, structure.frac_coords, structure.species_and_occu, pbc=lattice.pbc)


@pytest.mark.parametrize(
    ("name", "scaling"),
    [("NaCl", 1), ("NaCl", [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]), ("diamond", [2, 1, 3]), ("MoS2 2H", [2, 2, 1])],
)
def test_a_supercell_has_the_cell_it_was_made_of(crystal: Crystal, name: str, scaling: list[int]) -> None:
    small = crystal(name).get_primitive_structure()

    cell = cell_of(crystal(name) * scaling)

    assert cell is not None
    assert sum(cell.counts) == len(small)
    assert abs(np.linalg.det(cell.matrix)) == pytest.approx(small.volume)


def test_sites_are_sorted_by_element(crystal: Crystal) -> None:
    cell = cell_of(crystal("MoS2 2H"))

    assert cell is not None
    assert cell.contents == (("Mo", "S"), (2, 4))
    assert ((cell.fractional >= 0) & (cell.fractional < 1)).all()


def test_a_noisy_supercell_is_averaged(crystal: Crystal) -> None:
    salt = crystal("NaCl") * [2, 1, 1]
    salt.perturb(0.02)

    cell = cell_of(salt)

    assert cell is not None
    assert cell.counts == (1, 1)
    between = np.abs(cell.fractional[0] - cell.fractional[1])
    assert between == pytest.approx([0.5, 0.5, 0.5], abs=0.02)


@pytest.mark.parametrize(("off", "atoms"), [(0.0, 1), (0.15, 1), (0.24, 1), (0.26, 2), (0.7, 2)])
def test_a_translation_counts_within_the_tolerance_of_pymatgen(off: float, atoms: int) -> None:
    nearly = Structure(Lattice.orthorhombic(6.0, 3.2, 3.4), ["Po", "Po"], [[0, 0, 0], [0.5 + off / 6, 0, 0]])

    cell = cell_of(nearly)

    assert cell is not None
    assert cell.counts == (atoms,)
    assert len(nearly.get_primitive_structure()) == atoms


def test_charged_disordered_and_finite_ones_are_left_to_pymatgen(crystal: Crystal) -> None:
    charged = crystal("NaCl")
    charged.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    mixed = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    sheet = Structure(Lattice(np.diag([3.0, 3.0, 4.0]), pbc=(True, True, False)), ["Po"], [[0, 0, 0]])

    assert [cell_of(one) for one in (charged, mixed, sheet)] == [None, None, None]


def test_real_crystals_are_reduced_as_pymatgen_reduces_them(shared_data: Path) -> None:
    with gzip.open(shared_data / "matbench_phonons_structures.json.gz", "rt") as file:
        dicts = [row[0] for row in json.load(file)["data"]][::25]
    rng = np.random.default_rng(1)
    compared = 0
    for noise, structure in zip(cycle((0.0, 0.02, 0.1, 0.2, 0.3)), map(from_plain, dicts), strict=False):
        if len(structure) > 30:
            continue
        larger = structure * [2, 1, 1]
        larger.perturb(noise)
        larger.translate_sites(range(len(larger)), rng.random(3))
        cell = cell_of(larger)
        if cell is not None:
            wanted = larger.get_primitive_structure().get_reduced_structure()
            assert sum(cell.counts) == len(wanted), structure.formula
            assert sorted(np.linalg.norm(cell.matrix, axis=1)) == pytest.approx(sorted(wanted.lattice.abc), rel=1e-3)
            compared += 1
    assert compared > 30
