"""Which structures are the same material: duplicates by pymatgen's StructureMatcher, also for monolayers.

Structures are compared only with those of the same formula, kind (bulk or monolayer), about the same density and the
same number of atoms, and each is reduced once; StructureMatcher itself is asked where a quick comparison by its rules
leaves doubt. It knows structures only; where they are kept is up to the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from pymatgen.analysis.structure_matcher import ElementComparator, StructureMatcher
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..serialization import Arrays
from ..vacuum import MIN_GAP, Gap, find_gap, set_vacuum_of_arrays
from .cell_matching import clearly_same
from .reduced_cells import ReducedCell, reduced_cell

LENGTH_TOLERANCE: Final = 0.2
SITE_TOLERANCE: Final = 0.3
ANGLE_TOLERANCE: Final = 5.0
"""The defaults of pymatgen's StructureMatcher: ltol (relative), stol (in units of the cube root of the volume per
atom) and angle_tol (degrees)."""
Tolerances = tuple[float, float, float]
DEFAULT_TOLERANCES: Final[Tolerances] = (LENGTH_TOLERANCE, SITE_TOLERANCE, ANGLE_TOLERANCE)
MATCHING_GAP: Final = 4.0
"""Å between a monolayer's images while it is compared, about a van der Waals gap. stol is measured against the volume
per atom, so in 20 Å of vacuum it lets 1H and 1T MoS2 pass as one; in a dense cell it means what it means in bulk."""
MAX_DENSITY_RATIO: Final = 1.25
"""Volume per atom (of a monolayer: area per atom) of two duplicates differs by this factor at most: functionals differ
by 10 % at most, and StructureMatcher itself scales any difference away."""


@dataclass(frozen=True)
class Prepared:
    """A structure in the form in which it is compared.

    Attributes
    ----------
    key
        Reduced formula and kind ("bulk" or "monolayer"); structures of different keys never match.
    extent
        Å^3 per atom of a bulk crystal, Å^2 per atom of a monolayer.
    arrays
        As given.
    gap
        Its thickest empty slab.
    """

    key: tuple[str, str]
    extent: float
    arrays: Arrays = field(repr=False)
    gap: Gap = field(repr=False)

    @cached_property
    def reduced(self) -> Structure:
        """Its primitive, Niggli-reduced cell, as StructureMatcher makes it; made when first asked for, it takes ms."""
        matrix, pbc, fractional, species = self._dense
        structure = Structure(Lattice(matrix, pbc=pbc), species, fractional)
        return structure.get_primitive_structure().get_reduced_structure(reduction_algo="niggli")

    @cached_property
    def cell(self) -> ReducedCell | None:
        """The same as arrays, made some ten times faster; None where that needs pymatgen."""
        matrix, pbc, fractional, species = self._dense
        return reduced_cell(matrix, fractional, species, pbc=pbc)

    @property
    def _dense(self) -> Arrays:
        if self.key[1] != "monolayer":
            return self.arrays
        matrix, fractional = set_vacuum_of_arrays(self.arrays.matrix, self.arrays.fractional, MATCHING_GAP, self.gap)
        return Arrays(matrix, (True, True, True), fractional, self.arrays.species)


def prepare(structure: Structure | Arrays | Prepared) -> Prepared:
    """Bring a structure into the form in which it is compared, unless it is in it.

    A cell with a vacuum of 6 Å or more is taken as a monolayer: its vacuum is set to `MATCHING_GAP`, so that neither
    the thickness of the vacuum, its axis, nor a tilt of it makes a difference. In-plane strain is then treated as any
    strain: StructureMatcher scales both cells to the same volume (isotropically; in the dense cell 3 % in plane are
    2 % of the height, far within its tolerance), while area per atom is bounded by `MAX_DENSITY_RATIO`.
    """
    if isinstance(structure, Prepared):
        return structure
    structure = Arrays.of(structure)
    gap = find_gap(structure.matrix, structure.fractional)
    volume = abs(float(np.linalg.det(structure.matrix))) / len(structure.species)
    formula = _reduced_formula(frozenset(Counter(structure.species).items()))
    if gap.thickness < MIN_GAP:
        return Prepared((formula, "bulk"), volume, structure, gap)
    return Prepared((formula, "monolayer"), volume / gap.height, structure, gap)


@lru_cache(maxsize=4096)
def _reduced_formula(contents: frozenset[tuple[Composition, int]]) -> str:
    whole: dict[Element, float] = {}
    for species, number in contents:
        for element, amount in species.element_composition.items():
            whole[element] = whole.get(element, 0) + number * amount
    return str(Composition(whole).reduced_formula)


class Comparison:
    """Compares prepared structures two by two.

    Parameters
    ----------
    max_density_ratio
        See `MAX_DENSITY_RATIO`; None compares whatever the density, as StructureMatcher does.
    tolerances
        Length, site and angle (degrees).
    """

    def __init__(
        self, *, max_density_ratio: float | None = MAX_DENSITY_RATIO, tolerances: Tolerances = DEFAULT_TOLERANCES
    ) -> None:
        self.max_density_ratio = max_density_ratio
        self._length, self._site, self._angle = tolerances
        self._matcher = StructureMatcher(
            ltol=self._length,
            stol=self._site,
            angle_tol=self._angle,
            primitive_cell=True,
            scale=True,
            attempt_supercell=False,
            comparator=ElementComparator(),
        )

    def same(self, known: Prepared, query: Prepared) -> bool:
        """Say whether they are the same; StructureMatcher is not quite symmetric, so their order may count."""
        if known.key != query.key or not self._close(known, query):
            return False
        if known.cell is not None and query.cell is not None:
            clear = clearly_same(known.cell, query.cell, length=self._length, site=self._site, angle=self._angle)
            if clear is not None:
                return clear
        # Primitive cells of different size never match, so that question, much the cheaper, comes first.
        return len(known.reduced) == len(query.reduced) and bool(
            self._matcher.fit(known.reduced, query.reduced, skip_structure_reduction=True)
        )

    def _close(self, a: Prepared, b: Prepared) -> bool:
        if self.max_density_ratio is None:
            return True
        return max(a.extent, b.extent) <= self.max_density_ratio * min(a.extent, b.extent)


class Representatives:
    """Distinct structures found so far, to which more are added one by one.

    The first of each kind of structure stands for it, and new ones are compared with it alone, so that the groups do
    not depend on how the structures are split into batches, only on their order.

    Parameters
    ----------
    known
        Structures, in order; they are taken as distinct, and compared with nothing.
    max_density_ratio, tolerances
        As for `Comparison`.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> known = Representatives()
    >>> known.add(Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]]))
    (0, True)
    >>> known.add(Structure(Lattice.cubic(3.30), ["Po"], [[0.1, 0, 0]]))
    (0, False)
    """

    def __init__(
        self,
        known: Iterable[Structure | Arrays] = (),
        *,
        max_density_ratio: float | None = MAX_DENSITY_RATIO,
        tolerances: Tolerances = DEFAULT_TOLERANCES,
    ) -> None:
        self._comparison = Comparison(max_density_ratio=max_density_ratio, tolerances=tolerances)
        self._by_key: dict[tuple[str, str], list[tuple[int, Prepared]]] = {}
        self._count = 0
        for structure in known:
            self.keep(structure)

    def __len__(self) -> int:
        return self._count

    def match(self, structure: Structure | Arrays | Prepared, *, start: int = 0) -> int | None:
        """Find the first known structure, from number `start` on, that this one duplicates: its number, or None."""
        return self._match(prepare(structure), start)

    def add(self, structure: Structure | Arrays | Prepared) -> tuple[int, bool]:
        """Sort a structure in: the number of its representative, and whether it is new and now stands for itself."""
        prepared = prepare(structure)
        number = self._match(prepared)
        if number is not None:
            return number, False
        return self.keep(prepared), True

    def keep(self, structure: Structure | Arrays | Prepared) -> int:
        """Take a structure as distinct; its number is returned."""
        prepared = prepare(structure)
        self._by_key.setdefault(prepared.key, []).append((self._count, prepared))
        self._count += 1
        return self._count - 1

    def _match(self, query: Prepared, start: int = 0) -> int | None:
        known = self._by_key.get(query.key, ())
        return next((n for n, prepared in known if n >= start and self._comparison.same(prepared, query)), None)
