"""Primitive, Niggli-reduced cells as plain arrays: the form in which many structures are compared quickly.

Gives what pymatgen's `get_primitive_structure` and `get_reduced_structure` give, or says that it is not clear enough
for a short cut. Whether two cells are the same is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from .clusters import Vector, add_period

PRIMITIVE_TOLERANCE: Final = 0.25
"""Å along each axis within which pymatgen's `get_primitive_structure` takes atoms as repeated by a translation."""
CLEARLY_REPEATED: Final = 0.1
"""Å. Atoms that a translation maps so closely are repeated whatever pymatgen averages on its way. Between this and
twice its tolerance, where it begins to look, pymatgen decides itself."""

_AT_ONCE: Final = 2000
"""Pairs of atoms looked at in one go."""

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReducedCell:
    """A primitive, Niggli-reduced cell.

    Attributes
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3), within [0, 1); sites of one kind follow each other, kinds in the order of their names.
    names
        What sits on the sites of each kind.
    counts
        Sites of each kind.
    """

    matrix: Array = field(repr=False)
    fractional: Array = field(repr=False)
    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def contents(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Kinds and their numbers: cells that differ in them are not the same."""
        return self.names, self.counts


def reduced_cell(
    matrix: Array, fractional: Array, species: Sequence[Composition], *, pbc: tuple[bool, bool, bool] = (True,) * 3
) -> ReducedCell | None:
    """Reduce a crystal as StructureMatcher does.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    species
        Who sits on each of the n sites.
    pbc
        Along which vectors it is periodic.

    Returns
    -------
    ReducedCell or None
        None where the short cut isn't certain to give what pymatgen gives: disordered, charged, not periodic in all
        directions, repeated only nearly, or with a lattice that spglib can't reduce.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.61), ["Cu"], [[0, 0, 0]]) * [2, 1, 1]
    >>> reduced_cell(copper.lattice.matrix, copper.frac_coords, copper.species_and_occu).counts
    (1,)
    """
    distinct = {id(one): name_of(one) for one in {id(one): one for one in species}.values()}
    labels = [distinct[id(one)] for one in species]
    if not all(pbc) or None in labels:
        return None
    names = tuple(sorted({label for label in labels if label is not None}))
    number = {name: index for index, name in enumerate(names)}
    kinds = np.array([number[label] for label in labels if label is not None], dtype=np.int64)
    order = np.argsort(kinds, kind="stable")
    primitive = _primitive(matrix, fractional[order], kinds[order])
    if primitive is None:
        return None
    matrix, fractional, kinds = primitive
    try:
        niggli = spglib.niggli_reduce(matrix)
    except spglib.SpglibError:
        return None  # documented
    if niggli is None:
        return None
    reduced = np.asarray(niggli, dtype=np.float64)
    inside = fractional @ (matrix @ np.linalg.inv(reduced))
    inside -= np.floor(inside)
    return ReducedCell(reduced, inside, names, tuple(np.bincount(kinds).tolist()))


@lru_cache(maxsize=4096)
def name_of(species: Composition) -> str | None:
    """Name a single, neutral element that fills its site; None for anything else."""
    [(one, occupancy), *others] = species.items()
    return one.symbol if not others and occupancy == 1 and isinstance(one, Element) else None


def _primitive(matrix: Array, fractional: Array, kinds: Integers) -> tuple[Array, Array, Integers] | None:
    """Find the primitive cell; None where it isn't clear."""
    counts = np.bincount(kinds)
    most = gcd(*counts.tolist())
    if most == 1:
        return matrix, fractional, kinds
    lengths = np.linalg.norm(matrix, axis=1)
    starts = np.concatenate(([0], np.cumsum(counts)))
    shifts = fractional[starts[np.argmin(counts)] :][: counts.min()]
    shifts = shifts - shifts[0]
    furthest = np.zeros(len(shifts))
    images = np.empty((len(shifts), len(kinds)), dtype=np.int64)
    for kind in np.argsort(counts, kind="stable"):
        first, last = starts[kind], starts[kind + 1]
        own = fractional[first:last]
        step = max(1, _AT_ONCE // (len(own) * len(shifts)))  # most shifts fail on the first atoms
        for start in range(0, len(own), step):
            misfit = shifts[:, None, None, :] + own[start : start + step, None, :] - own
            misfit -= np.rint(misfit)
            worst = np.abs(misfit * lengths).max(axis=3)
            images[:, first + start : first + min(start + step, len(own))] = worst.argmin(axis=2) + first
            furthest = np.maximum(furthest, worst.min(axis=2).max(axis=1))
            keep = furthest < 2 * PRIMITIVE_TOLERANCE
            if not keep.all():
                shifts, images, furthest = shifts[keep], images[keep], furthest[keep]
                if len(shifts) == 1:  # only an atom's own place is left
                    return matrix, fractional, kinds
    if furthest.max() > CLEARLY_REPEATED or most % len(shifts):
        return None
    return _smaller(matrix, fractional, kinds, shifts, images)


def _smaller(
    matrix: Array, fractional: Array, kinds: Integers, shifts: Array, images: Integers
) -> tuple[Array, Array, Integers] | None:
    """Give the cell of the translations `shifts`, each of which maps site i to `images[:, i]`; atoms are averaged."""
    m = len(shifts)
    steps = np.rint(shifts * m).astype(np.int64)
    group = {(a % m, b % m, c % m) for a, b, c in steps.tolist()}
    sums = {((a + d) % m, (b + e) % m, (c + f) % m) for a, b, c in group for d, e, f in group}
    if len(group) != m or sums != group:
        return None
    basis: list[Vector] = [(m, 0, 0), (0, m, 0), (0, 0, m)]
    for a, b, c in group:
        basis = add_period(basis, (a, b, c))
    first = images.min(axis=0) == np.arange(len(kinds))
    if int(first.sum()) * m != len(kinds):
        return None
    vectors = np.array(basis, dtype=np.float64) / m
    misfit = fractional[images[:, first]] - fractional[first] - (steps / m)[:, None, :]
    averaged = fractional[first] + (misfit - np.rint(misfit)).mean(axis=0)
    return vectors @ matrix, averaged @ np.linalg.inv(vectors), kinds[first]
