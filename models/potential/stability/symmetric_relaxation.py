"""Relaxation that keeps the symmetry a structure began with, so that it ends on a saddle point where that is one.

Noise in the forces breaks symmetry where the symmetric structure is unstable, and it is the symmetric one that is asked
about there. Knows structures and what relaxes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ...structure.vacuum import MIN_GAP, thickest_gap
from ..interface import Potential
from ..results import Relaxed

SYMMETRY: Final = 0.01
"""Å within which positions count as symmetric."""
ROUNDS: Final = 3
"""Times that a structure is relaxed and made symmetric again; what broke its symmetry most is quiet by then."""

Array = NDArray[np.float64]


def relax_symmetric(
    structures: Sequence[Structure],
    potential: Potential,
    *,
    monolayer: Sequence[bool],
    max_steps: int,
    force_tolerance: float,
) -> list[Relaxed]:
    """Relax structures, each within its own symmetry.

    Parameters
    ----------
    structures
        n structures that the potential can take.
    potential
        What relaxes them.
    monolayer
        Whether each is a layer, whose cell changes in the plane only.
    max_steps, force_tolerance
        Of each round: steps, and eV/Å.

    Returns
    -------
    list of Relaxed
        n results, in order; one whose structure had to be made symmetric is relaxed again.
    """
    results: dict[int, Relaxed] = {}
    waiting = dict(enumerate(structures))
    for turn in range(ROUNDS):
        ends = potential.relax(
            list(waiting.values()),
            monolayer=[monolayer[i] for i in waiting],
            max_steps=max_steps,
            force_tolerance=force_tolerance,
        )
        results |= dict(zip(waiting, ends, strict=True))
        moved = {i: symmetrized(structures[i], results[i].structure) for i in waiting if results[i].sane}
        broken = {i: structure for i, (structure, shift) in moved.items() if shift > SYMMETRY}
        waiting = broken if turn + 1 < ROUNDS else {}
        for i, (structure, _) in moved.items():
            results[i] = replace(results[i], structure=structure)
        if not waiting:
            break
    return [results[i] for i in range(len(structures))]


def primitive(structure: Structure) -> Structure:
    """The primitive cell of a crystal as it lies, atoms unmoved; the structure itself where that is one already.

    Of a layer the cell is kept where its vacuum would be lost.
    """
    cell = (structure.lattice.matrix, structure.frac_coords, [site.specie.Z for site in structure])
    found: Any = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=SYMMETRY)
    if found is None or len(found[2]) == len(structure):
        return structure
    smaller = Structure(Lattice(found[0]), found[2].tolist(), found[1])
    lost = thickest_gap(structure).thickness >= MIN_GAP > thickest_gap(smaller).thickness
    return structure if lost else smaller


def symmetrized(before: Structure, after: Structure) -> tuple[Structure, float]:
    """A relaxed structure with the symmetry of the one before, and by how many Å its atoms had left that at most.

    Parameters
    ----------
    before, after
        The same atoms in the same order.
    """
    origin, matrix = before.frac_coords, before.lattice.matrix
    numbers = [site.specie.Z for site in before]
    found: Any = spglib.get_symmetry((matrix, origin, numbers), symprec=SYMMETRY)
    moved = after.frac_coords - origin
    moved -= np.round(moved)
    moved -= moved.mean(axis=0)
    strain = np.linalg.solve(matrix, after.lattice.matrix)
    mean_strain, mean_moved = np.zeros((3, 3)), np.zeros_like(moved)
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        images = origin @ rotation.T + translation
        apart = images[:, None] - origin[None]
        apart -= np.round(apart)
        mean_moved[np.linalg.norm(apart @ matrix, axis=2).argmin(axis=1)] += moved @ rotation.T
        turn = np.linalg.solve(matrix, rotation.T @ matrix)
        mean_strain += np.linalg.solve(turn, strain @ turn)
    operations = len(found["rotations"])
    lattice = matrix @ (mean_strain / operations)
    left = np.linalg.norm((moved - mean_moved / operations) @ lattice, axis=1).max()
    structure = Structure(Lattice(lattice), [site.species for site in before], origin + mean_moved / operations)
    return structure, float(left)
