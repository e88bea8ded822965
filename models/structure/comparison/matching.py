"""Which structures are the same material: duplicates by pymatgen's StructureMatcher, also for monolayers.

Structures are compared only with those of the same formula, kind (bulk or monolayer), about the same density and the
same number of atoms, and each is reduced once; StructureMatcher itself is asked where a quick comparison by its rules
leaves doubt. It knows structures only; where they are kept is up to the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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
from ..vacuum import MIN_GAP, VACUUM, Gap, find_gap, set_vacuum_of_arrays
from .cell_matching import Misfit, clear_misfit
from .layer_heights import Heights, heights_alike, heights_of, slabs
from .reduced_cells import ReducedCell, reduced_cell, space_group_number

LENGTH_TOLERANCE: Final = 0.2
SITE_TOLERANCE: Final = 0.3
ANGLE_TOLERANCE: Final = 5.0
"""The defaults of pymatgen's StructureMatcher: ltol (relative), stol (in units of the cube root of the volume per
atom) and angle_tol (degrees)."""
TIGHT_TOLERANCE: Final = 0.1
"""Å along each axis within which atoms are repeated by a translation of the very structure, where pymatgen allows
0.25: half of it is by how much an atom may be off."""
RATTLED_TOLERANCE: Final = 0.2
"""Å, the same for a structure that has no symmetry at all, which is noise: each atom may be off by 0.1 Å then."""
SYMMETRY_TOLERANCE: Final = 0.1
"""Å between an atom and the image of another by an operation, so about twice by how much each is off. Relaxed
structures of databases need that much; the least displacements that make another phase, as of Ti in BaTiO3 (0.1 Å off
its place: G. H. Kwei et al., J. Phys. Chem. 97, 2368 (1993)), are twice that between image and image."""
CLOSE_TOLERANCE: Final = 0.01
"""Å. A relaxed phase that is a little distorted has its own symmetry within this, as pymatgen takes it."""
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
        As given but for charges, which make no difference; of several equal layers in one cell, the first.
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
        matrix, pbc, fractional, species = self.dense
        structure = Structure(Lattice(matrix, pbc=pbc), species, fractional)
        return structure.get_primitive_structure().get_reduced_structure(reduction_algo="niggli")

    @cached_property
    def cell(self) -> ReducedCell | None:
        """The same as arrays, made some ten times faster; None where that needs pymatgen."""
        matrix, pbc, fractional, species = self.dense
        return reduced_cell(matrix, fractional, species, pbc=pbc)

    @cached_property
    def tight_cell(self) -> ReducedCell | None:
        """Its primitive cell where only translations within `TIGHT_TOLERANCE` count, as where tilts double it."""
        matrix, pbc, fractional, species = self.dense
        if self.cell is None or len(self.cell.fractional) == len(species):  # no translation is left out
            return self.cell
        return reduced_cell(matrix, fractional, species, pbc=pbc, tolerance=TIGHT_TOLERANCE)

    @cached_property
    def calm_cell(self) -> ReducedCell | None:
        """Its primitive cell where noise may part atoms that a translation repeats: by `RATTLED_TOLERANCE`."""
        matrix, pbc, fractional, species = self.dense
        return reduced_cell(matrix, fractional, species, pbc=pbc, tolerance=RATTLED_TOLERANCE)

    @cached_property
    def space_group(self) -> int:
        """Number of its space group at `SYMMETRY_TOLERANCE`; 0 where none was found."""
        return self._space_group(SYMMETRY_TOLERANCE)

    @cached_property
    def maybe_rattled(self) -> bool:
        """Whether it has no symmetry at all when one looks closely, as only noise or a triclinic phase leaves it."""
        return self._space_group(CLOSE_TOLERANCE) == 1

    def _space_group(self, tolerance: float) -> int:
        # Of a layer in much vacuum: in a dense cell it might be taken for a crystal of more symmetry.
        matrix, pbc, fractional, species = self.arrays
        cell = self.tight_cell
        if self.key[1] == "monolayer":
            matrix, fractional = set_vacuum_of_arrays(matrix, fractional, VACUUM, self.gap)
            if cell is not None and len(cell.fractional) < len(species):
                cell = reduced_cell(matrix, fractional, species, pbc=pbc, tolerance=TIGHT_TOLERANCE)
            else:
                cell = None
        if cell is not None:
            kinds = np.repeat(np.arange(len(cell.counts)), cell.counts).tolist()
            return space_group_number(cell.matrix, cell.fractional, kinds, tolerance)
        numbers = {mixture: number for number, mixture in enumerate(dict.fromkeys(species))}
        return space_group_number(matrix, fractional, [numbers[one] for one in species], tolerance)

    @cached_property
    def heights(self) -> Heights:
        """Of a monolayer: at which height the atoms of each element lie."""
        return heights_of(self.arrays, self.gap)

    @property
    def dense(self) -> Arrays:
        """Its cell as it is compared: as given, of a monolayer with little vacuum."""
        if self.key[1] != "monolayer":
            return self.arrays
        matrix, fractional = set_vacuum_of_arrays(self.arrays.matrix, self.arrays.fractional, MATCHING_GAP, self.gap)
        return Arrays(matrix, (True, True, True), fractional, self.arrays.species)


def prepare(structure: Structure | Arrays | Prepared) -> Prepared:
    """Bring a structure into the form in which it is compared, unless it is in it.

    A cell with a vacuum of 6 Å or more is taken as a monolayer: its vacuum is set to `MATCHING_GAP`, so that neither
    the thickness of the vacuum, its axis, nor a tilt of it makes a difference; nor does it whether one layer is in the
    cell or several that are the same, as where it is doubled along c. In-plane strain is then treated as any
    strain: StructureMatcher scales both cells to the same volume (isotropically; in the dense cell 3 % in plane are
    2 % of the height, far within its tolerance), while area per atom is bounded by `MAX_DENSITY_RATIO`.
    """
    if isinstance(structure, Prepared):
        return structure
    given = Arrays.of(structure)
    neutral = {id(species): _neutral(species) for species in {id(one): one for one in given.species}.values()}
    arrays = given._replace(species=[neutral[id(species)] for species in given.species])
    gap = find_gap(arrays.matrix, arrays.fractional)
    volume = abs(float(np.linalg.det(arrays.matrix))) / len(arrays.species)
    formula = _reduced_formula(frozenset(Counter(arrays.species).items()))
    if gap.thickness < MIN_GAP:
        return Prepared((formula, "bulk"), volume, arrays, gap)
    first, *others = slabs(arrays, gap)
    if others and (layer := _one_of(first, others)) is not None:
        return layer
    return Prepared((formula, "monolayer"), volume / gap.height, arrays, gap)


def _one_of(first: Arrays, others: Sequence[Arrays]) -> Prepared | None:
    """Take the first of several layers in one cell for all, where they are the same; None where they are not."""
    layer, comparison = prepare(first), Comparison()
    return layer if all(comparison.same(layer, prepare(other)) for other in others) else None


@lru_cache(maxsize=4096)
def _neutral(species: Composition) -> Composition:
    """Name elements without their oxidation states, as StructureMatcher's ElementComparator does."""
    return species if all(isinstance(one, Element) for one in species) else species.element_composition


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
        return bool(self.misfit(known, query))

    def misfit(self, known: Prepared, query: Prepared) -> Misfit | bool:
        """Say whether they are the same, and where that was measured, how far they are apart; see `same`."""
        if known.key != query.key or not self._close(known, query):
            return False
        if known.key[1] == "monolayer" and not heights_alike(known.heights, query.heights):
            return False  # as X-M-M-X and M-X-X-M, of which one is the other where the gap is as thin as the layer
        if known.cell is not None and query.cell is not None:
            cells = known.cell, query.cell
            # How far pymatgen's rule reduces a cell depends on its axes, where atoms are nearly repeated.
            if cells[0].counts != cells[1].counts and known.tight_cell is not None and query.tight_cell is not None:
                cells = known.tight_cell, query.tight_cell
            clear = clear_misfit(*cells, length=self._length, site=self._site, angle=self._angle)
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
