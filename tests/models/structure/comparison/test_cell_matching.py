"""Two reduced cells compared by StructureMatcher's rules: the same verdict, or none where it is close."""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from exfolio.models.structure.comparison.cell_matching import clearly_same
from exfolio.models.structure.comparison.reduced_cells import ReducedCell, reduced_cell
from exfolio.models.structure.serialization import from_plain
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]
DEFAULTS = {"length": 0.2, "site": 0.3, "angle": 5.0}


def cell_of(structure: Structure) -> ReducedCell:
    cell = reduced_cell(structure.lattice.matrix, structure.frac_coords, structure.species_and_occu)
    assert cell is not None
    return cell


def same(a: Structure, b: Structure) -> bool | None:
    return clearly_same(cell_of(a), cell_of(b), **DEFAULTS)


def test_turned_mirrored_shifted_strained_and_noisy_copies_are_the_same(crystal: Crystal) -> None:
    molybdenite = crystal("MoS2 2H")
    copy = molybdenite.copy()
    copy.apply_strain([0.02, -0.01, 0.03])
    copy.perturb(0.03)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    copy = Structure(Lattice(copy.lattice.matrix @ turn), copy.species, copy.frac_coords + 0.3)[::-1]

    assert same(molybdenite, Structure.from_sites(copy)) is True


def test_polytypes_are_not(crystal: Crystal) -> None:
    zincblende = Structure(
        Lattice([[0, 2.7, 2.7], [2.7, 0, 2.7], [2.7, 2.7, 0]]), ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]]
    )
    rocksalt = Structure(zincblende.lattice, ["Zn", "S"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    assert same(zincblende, rocksalt) is False
    assert same(crystal("MoS2 2H"), crystal("MoS2 3R")) is False


def test_a_displacement_at_the_tolerance_is_left_to_structure_matcher() -> None:
    """Two atoms of a cubic cell of 3 Å height each: the tolerance is 0.3 of 3 Å, shared between the two atoms."""

    def moved(by: float) -> Structure:
        return Structure(Lattice.tetragonal(3.0, 6.0), ["Cs", "Cl"], [[0, 0, 0], [0, 0, 0.5 + by / 6]])

    assert same(moved(0), moved(1.6)) is True
    assert same(moved(0), moved(1.8)) is None
    assert same(moved(0), moved(2.0)) is False


def test_a_stretch_at_the_tolerance_is_left_to_structure_matcher() -> None:
    """Of cells of one volume, an axis may be 1.2 times as long as the other's."""

    def stretched(by: float) -> Structure:
        return Structure(Lattice.tetragonal(4.0, 4.0 * by**1.5), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    assert same(stretched(1), stretched(1.19)) is True
    assert same(stretched(1), stretched(1.2)) is None
    assert same(stretched(1), stretched(1.21)) is False


def test_it_says_what_structure_matcher_says_of_real_crystals(shared_data: Path) -> None:
    """Crystals of one type of formula, their elements given the same names, so that most differ and some don't."""
    with gzip.open(shared_data / "matbench_phonons_structures.json.gz", "rt") as file:
        dicts = [row[0] for row in json.load(file)["data"]]
    groups: dict[str, list[Structure]] = defaultdict(list)
    for structure in map(from_plain, (one for one in dicts if len(one["sites"]) <= 8)):
        amounts = structure.composition.reduced_composition
        names = dict(zip(sorted(amounts, key=lambda e: (amounts[e], e.X)), ("Li", "Na", "K", "Rb"), strict=False))
        structure.replace_species({old.symbol: new for old, new in names.items()})
        groups[structure.composition.reduced_formula].append(structure)
    matcher = StructureMatcher()
    verdicts: list[tuple[bool | None, bool]] = []
    for group in groups.values():
        for first, second in pairwise(group[:10]):
            a, b = (one.get_primitive_structure().get_reduced_structure() for one in (first, second))
            fits = len(a) == len(b) and matcher.fit(a, b, skip_structure_reduction=True)
            verdicts.append((same(first, second), bool(fits)))
    assert all(quick in (None, slow) for quick, slow in verdicts)
    assert {quick for quick, _ in verdicts} >= {True, False}
    assert len(verdicts) > 60
