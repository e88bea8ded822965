"""Primitive, Niggli-reduced cells as plain arrays: the form in which many structures are compared quickly.

Goes by the rules of pymatgen's `get_primitive_structure`, vectorised, and reduces the lattice by spglib. Whether two
cells are the same is judged elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import gcd
from typing import Final

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

PRIMITIVE_TOLERANCE: Final = 0.25
"""Å along each axis within which atoms are taken as repeated by a translation: the default of pymatgen's
`get_primitive_structure`, which StructureMatcher uses."""
_AT_ONCE: Final = 2000
"""Pairs looked at in one go."""

os.environ.setdefault("SPGLIB_WARNING", "OFF")  # it tells on stderr of every finer tolerance that it tries

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
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

    @cached_property
    def spans(self) -> tuple[float, ...]:
        """Lengths of the cell vectors, ascending, of a cell of volume 1."""
        lengths = np.sqrt((self.matrix * self.matrix).sum(axis=1))
        unit = abs(float(np.linalg.det(self.matrix))) ** (1 / 3)
        return tuple(sorted((lengths / unit).tolist()))


def reduced_cell(
    matrix: Array,
    fractional: Array,
    species: Sequence[Composition],
    *,
    pbc: tuple[bool, bool, bool] = (True,) * 3,
    tolerance: float = PRIMITIVE_TOLERANCE,
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
    tolerance
        Å along each axis within which atoms are taken as repeated by a translation.

    Returns
    -------
    ReducedCell or None
        None where that is left to pymatgen: disordered, charged, not periodic in all directions, or with a lattice
        that spglib can't reduce.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.61), ["Cu"], [[0, 0, 0]]) * [2, 1, 1]
    >>> reduced_cell(copper.lattice.matrix, copper.frac_coords, copper.species_and_occu).counts
    (1,)
    """
    distinct = {id(mixture): name_of(mixture) for mixture in {id(mixture): mixture for mixture in species}.values()}
    labels = [distinct[id(mixture)] for mixture in species]
    if not all(pbc) or None in labels:
        return None
    names = tuple(sorted({label for label in labels if label is not None}))
    number = {name: index for index, name in enumerate(names)}
    kinds = np.array([number[label] for label in labels if label is not None], dtype=np.int64)
    order = np.argsort(kinds, kind="stable")
    matrix, fractional, kinds = _primitive(matrix, fractional[order], kinds[order], tolerance)
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


def space_group_number(matrix: Array, fractional: Array, kinds: Sequence[int], tolerance: float) -> int:
    """Number of the space group of a cell, 1 to 230; 0 where none was found.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    kinds
        What sits on each of the n sites.
    tolerance
        Å, spglib's symprec.
    """
    try:
        data = spglib.get_symmetry_dataset((matrix.tolist(), fractional.tolist(), kinds), symprec=tolerance)
    except spglib.SpglibError:
        return 0  # documented
    return 0 if data is None else int(data.number)


@lru_cache(maxsize=4096)
def name_of(species: Composition) -> str | None:
    """Name a single, neutral element that fills its site; None for anything else."""
    [(one, occupancy), *others] = species.items()
    return one.symbol if not others and occupancy == 1 and isinstance(one, Element) else None


def _primitive(matrix: Array, fractional: Array, kinds: Integers, tolerance: float) -> tuple[Array, Array, Integers]:
    """Make the cell smaller as long as that is possible."""
    smaller: tuple[Array, Array, Integers] | None = (matrix, fractional, kinds)
    while smaller is not None:
        matrix, fractional, kinds = smaller
        smaller = _smaller(matrix, fractional, kinds, tolerance)
    return matrix, fractional, kinds


def _smaller(
    matrix: Array, fractional: Array, kinds: Integers, tolerance: float
) -> tuple[Array, Array, Integers] | None:
    """Find the first cell, by size, that the crystal repeats within the tolerance, Å, atoms averaged."""
    counts = np.bincount(kinds)
    most = gcd(*counts.tolist())
    if most == 1:
        return None
    lengths = np.sqrt((matrix * matrix).sum(axis=1))
    shifts = _shifts(fractional, counts, lengths, tolerance)
    for size in range(2, len(shifts) + 1):
        if most % size:
            continue
        cells, inverses = _sublattices(size)
        step = max(1, _AT_ONCE // len(shifts))
        fitting = np.zeros(len(cells), dtype=bool)
        for start in range(0, len(cells), step):
            apart = inverses[start : start + step, :, None, :] - shifts
            close = np.abs(apart - np.rint(apart)) * lengths < tolerance
            fitting[start : start + step] = close.all(axis=3).any(axis=2).all(axis=1)
        for cell, inverse in zip(cells[fitting], inverses[fitting], strict=True):
            vectors = inverse @ matrix
            near = tolerance / np.stack((np.linalg.norm(vectors, axis=1), lengths))
            repeated = _repeated(fractional, counts, cell, near)
            if repeated is not None:
                return vectors, repeated[0], kinds[repeated[1]]
    return None


def _shifts(fractional: Array, counts: Integers, lengths: Array, tolerance: float) -> Array:
    """Vectors that carry every atom near to one of its kind, from one atom of the rarest kind to the others."""
    starts = np.concatenate(([0], np.cumsum(counts)))
    rarest = int(np.argmin(counts))
    shifts: Array = fractional[starts[rarest] : starts[rarest + 1]] - fractional[starts[rarest]]
    for kind in np.argsort(counts, kind="stable"):
        own = fractional[starts[kind] : starts[kind + 1]]
        step = max(1, _AT_ONCE // (len(own) * len(shifts)))  # most vectors fail on the first atoms
        for start in range(0, len(own), step):
            misfit = shifts[:, None, None, :] + own[start : start + step, None, :] - own
            worst = np.abs((misfit - np.rint(misfit)) * lengths).max(axis=3)
            shifts = shifts[(worst.min(axis=2) < 2 * tolerance).all(axis=1)]
            if len(shifts) == 1:  # only an atom's own place is left
                return shifts
    return shifts


def _repeated(fractional: Array, counts: Integers, cell: Array, near: Array) -> tuple[Array, NDArray[np.bool_]] | None:
    """Fold the atoms into a smaller cell; None unless the same number of one kind falls on each place.

    Parameters
    ----------
    fractional
        (n, 3), of one kind after another.
    counts
        Atoms of each kind.
    cell
        The smaller cell: its fractional coordinates are these times it.
    near
        (2, 3): fractions along the vectors of the smaller cell, and of this one, that count as together.

    Returns
    -------
    places
        Fractional coordinates in the smaller cell, averaged.
    kept
        (n,): the atoms they stand for.
    """
    size = round(abs(np.linalg.det(cell)))
    places = np.empty_like(fractional)
    kept = np.zeros(len(fractional), dtype=bool)
    start = 0
    for count in counts:
        own = slice(start, start + int(count))
        start += int(count)
        before = fractional[None, own] - fractional[own, None]
        near_before = np.abs(before - np.rint(before)) <= 2 * near[1]
        neighbours = np.logical_and.reduce(near_before, axis=2) & ~np.eye(int(count), dtype=bool)
        folded = fractional[own] @ cell
        apart = folded[None] - folded[:, None]
        apart -= np.rint(apart)
        together = np.logical_and.reduce(np.abs(apart) < near[0], axis=2) & ~neighbours
        first = together.argmax(axis=1)
        if (together.sum(axis=1) != size).any() or (together != together[first]).any():
            return None
        kept[own] = first == np.arange(count)
        places[own] = folded + (apart * together[:, :, None]).sum(axis=1) / size
    return places[kept] - np.floor(places[kept]), kept


@lru_cache(maxsize=128)
def _sublattices(size: int) -> tuple[Array, Array]:
    """All integer matrices that make a cell `size` times as large, one for each lattice (Hermite's form); inverses."""
    triangular = [
        [[a, b, c], [0, e, f], [0, 0, size // a // e]]
        for a in range(1, size + 1)
        if size % a == 0
        for e in range(1, size // a + 1)
        if size // a % e == 0
        for b in range(a)
        for c in range(a)
        for f in range(e)
    ]
    matrices: Array = np.array(triangular, dtype=np.float64)
    inverses: Array = np.asarray(np.linalg.inv(matrices), dtype=np.float64)
    return matrices, inverses
