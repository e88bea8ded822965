"""The cells of templates as arrays, analysed once for all the compositions that take their geometry.

Puts elements in, rescales and checks; a Structure is made only of what is kept. With ten mappings of a template arrays
take a third of the time that Structures would take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.structure import Structure

from ..covalent_radii import covalent_radius
from ..dimensionality.clusters import close_pairs
from ..serialization import Arrays
from ..sizes.roles import likely_oxidation_states, roles_of
from ..sizes.volumes import expected_volume
from ..vacuum import MIN_GAP, find_gap, set_vacuum_of_arrays
from .decorations import Ordering, PrimitiveCell, Split, orderings, primitive_cell, shareable
from .fragments import (
    BOND_TOLERANCE,
    Factors,
    Fragments,
    Size,
    factors_of,
    find_fragments,
    resized,
    scaled_layer,
    size_like,
)
from .ion_checks import check_ions
from .sanity_checks import (
    MIN_BONDS_KEPT,
    SEARCH,
    Check,
    check_charge,
    check_coordination,
    check_shortest,
    check_volume,
)

_REACH_STEP: Final = 1.0  # Å: pairs are looked for a little farther than asked, so that it is seldom done again

_UNTOLD: Final = Check(
    "coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note="of the template: a radius is not known"
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SubstitutedCell:
    """A template with other elements, rescaled.

    Attributes
    ----------
    matrix, fractional, symbols
        Cell vectors (Å, in rows), places and elements of the sites, in the template's order.
    factor
        By which the template's bonds were scaled.
    checks
        Shortest distance, coordination, volume, bond valence, coordination of ions, charge.
    """

    matrix: Array = field(repr=False)
    fractional: Array = field(repr=False)
    symbols: tuple[str, ...]
    factor: float
    checks: tuple[Check, ...]

    @property
    def sane(self) -> bool:
        """Whether no check of the structure failed; that of charges is one of the composition."""
        return all(check.passed is not False for check in self.checks if check.name != "charge")

    @property
    def arrays(self) -> Arrays:
        """The cell in the form in which structures are compared."""
        return Arrays(self.matrix, (True, True, True), self.fractional, [_alone(symbol) for symbol in self.symbols])

    def structure(self) -> Structure:
        """Build the pymatgen structure."""
        return Structure(self.matrix, list(self.symbols), self.fractional)


class TemplateCell:
    """A template's cell with its bonds, for elements to be put in.

    Parameters
    ----------
    template
        An ordered structure. Oxidation states and site properties belong to its elements and are not passed on.
    dimension
        2: a layer, set upright in its cell, whose vacuum stays when lengths are scaled; 3: all is scaled.

    Attributes
    ----------
    template
        As arrays; of a layer with the third vector upright along c. How that leans is nothing of the layer: it tells
        how the layers of the crystal were stacked that it was cut from.
    symbols
        Elements of its sites.
    formula
        Reduced.
    size
        How large it is.
    """

    def __init__(self, template: Structure | Arrays, dimension: int) -> None:
        arrays = Arrays.of(template)
        self._vacuum: float | None = None
        if dimension == 2:
            gap = find_gap(arrays.matrix, arrays.fractional)
            self._vacuum = gap.thickness
            matrix, fractional = set_vacuum_of_arrays(arrays.matrix, arrays.fractional, gap.thickness, gap)
            arrays = Arrays(matrix, (True, True, True), fractional, arrays.species)
        self.template = arrays
        self.symbols = tuple(next(iter(species)).symbol for species in arrays.species)
        self._old = _radii(self.symbols)
        self._reach = 0.0
        known = not np.isnan(self._old).any()
        self._look(2 * float(self._old.max()) + SEARCH if known else SEARCH)
        bonded = self._lengths < self._old[self._first] + self._old[self._second] + BOND_TOLERANCE
        if not known:  # whether any of its atoms are bonded can't be told
            bonded[:] = False
        self._bonds = self._first[bonded], self._second[bonded], self._lengths[bonded]
        self._known = known
        self._fragments: Fragments | None = None  # of a layer, which is one
        if self._vacuum is None:
            self._fragments = find_fragments(arrays.matrix, arrays.fractional, *self._bonds[:2], self._image[bonded])
        self.formula = _formula(self.symbols)
        self.size = self._size()

    def _size(self) -> Size:
        matrix, n = self.template.matrix, len(self.symbols)
        volume = abs(float(np.linalg.det(matrix))) / n
        if self._fragments is None:
            return Size(2, float(np.sqrt(volume / matrix[2, 2])), None)
        return Size(self._fragments.dimension, self._fragments.size, volume)

    def _look(self, reach: float) -> None:
        """Find the pairs of atoms up to a distance; those across the vacuum are no neighbours."""
        if reach <= self._reach:
            return
        self._reach = reach + _REACH_STEP
        matrix, pbc, fractional, _ = self.template
        first, second, image, lengths = close_pairs(matrix, fractional, pbc, self._reach)
        if self._vacuum is not None:
            within = image[:, 2] == 0
            first, second, image, lengths = first[within], second[within], image[within], lengths[within]
        self._first, self._second, self._image, self._lengths = first, second, image, lengths

    def with_elements(
        self,
        mapping: Mapping[str, str],
        states: Mapping[str, float] | None = None,
        *,
        size: Size | None = None,
        rescale: bool = True,
    ) -> SubstitutedCell:
        """Put other elements in.

        Parameters
        ----------
        mapping
            Old element to new one, for all elements.
        states
            Charge-neutral oxidation states of the new elements, None when there are none.
        size
            How large it is to be; by the volumes that both compositions take when None.
        rescale
            Whether lengths are scaled.
        """
        return self.with_symbols(tuple(mapping[symbol] for symbol in self.symbols), states, size=size, rescale=rescale)

    def with_symbols(
        self,
        symbols: tuple[str, ...],
        states: Mapping[str, float] | None = None,
        *,
        size: Size | None = None,
        rescale: bool = True,
    ) -> SubstitutedCell:
        """Put other elements in, given the new element of each site; else as `with_elements`."""
        new, formula = _radii(symbols), _formula(symbols)
        factors = self._factors(formula, size) if rescale else Factors(1.0, 1.0)
        factor = factors.within
        matrix, fractional = self.template.matrix, self.template.fractional
        if self._fragments is not None:
            matrix, fractional = resized(matrix, fractional, self._fragments, factors)
        elif self._vacuum is not None:
            matrix, fractional = scaled_layer(matrix, fractional, self._vacuum, factor)
        if not np.isnan(new).any():
            self._look((2 * float(new.max()) + SEARCH) / min(factors))
        first, second, bonds = self._bonds
        coordination = check_coordination(new, first, second, factor * bonds) if self._known else _UNTOLD
        vectors: Array | None = None
        lengths: Array = factor * self._lengths
        if self._vacuum is None:
            vectors = (fractional[self._second] + self._image - fractional[self._first]) @ matrix
            lengths = np.linalg.norm(vectors, axis=1)
        checks = [check_shortest(symbols, new, self._first, self._second, lengths), coordination]
        if self._vacuum is None:
            volume = abs(float(np.linalg.det(matrix))) / len(symbols)
            checks.append(check_volume(volume, expected_volume(formula)))
        roles = roles_of(formula)
        checks += check_ions(
            symbols, roles, new, self._first, self._second, lengths, vectors, monolayer=self._vacuum is not None
        )
        return SubstitutedCell(matrix, fractional, symbols, factor, (*checks, check_charge(states, roles)))

    def _factors(self, formula: str, size: Size | None) -> Factors:
        size = size or size_like(self.size, self.formula, formula)
        return Factors(1.0, 1.0) if size is None else factors_of(self.size, size.length / self.size.length, size.volume)


def size_of(structure: Structure, dimension: int) -> Size:
    """How large a template is; `dimension` as of `TemplateCell`."""
    return TemplateCell(structure, dimension).size


def checks_of(structure: Structure, dimension: int) -> tuple[Check, ...]:
    """Check a structure as it stands, as predicted ones are; of its bonds, which are its own, nothing is told.

    Parameters
    ----------
    structure
        An ordered structure.
    dimension
        As of `TemplateCell`.
    """
    cell = TemplateCell(structure, dimension)
    states = likely_oxidation_states(cell.formula)
    checks = cell.with_symbols(cell.symbols, states, rescale=False).checks
    return tuple(check for check in checks if check.name != "coordination")


class TemplateCells:
    """The cells of templates, each analysed when it is first asked for.

    Parameters
    ----------
    structure_of
        Reads the structure of a template by its id.
    dimension
        As of `TemplateCell`.
    """

    def __init__(self, structure_of: Callable[[str], Structure | Arrays], dimension: int) -> None:
        self._structure_of = structure_of
        self._dimension = dimension
        self._cells: dict[str, TemplateCell] = {}
        self._primitive: dict[str, tuple[TemplateCell, PrimitiveCell] | None] = {}
        self._orderings: dict[tuple[str, str, tuple[int, int]], tuple[Ordering, ...]] = {}

    def __getitem__(self, template_id: str) -> TemplateCell:
        if template_id not in self._cells:
            self._cells[template_id] = TemplateCell(self._structure_of(template_id), self._dimension)
        return self._cells[template_id]

    def primitive(self, template_id: str) -> TemplateCell:
        """Primitive cell of a template that has `orderings`."""
        primitive = self._primitive[template_id]
        assert primitive is not None
        return primitive[0]

    def orderings(self, template_id: str, element: str, split: Split) -> tuple[Ordering, ...]:
        """List the ways in which two elements can share the sites of one in the primitive cell of a template."""
        key = template_id, element, split.amounts
        if key not in self._orderings:
            cell = self._symmetry(template_id) if shareable(self[template_id].symbols, element, split.amounts) else None
            self._orderings[key] = () if cell is None else orderings(cell, element, split.amounts)
        return self._orderings[key]

    def _symmetry(self, template_id: str) -> PrimitiveCell | None:
        """Find a template's primitive cell with its symmetry; None where there is none with the vacuum of a layer."""
        if template_id not in self._primitive:
            whole = self[template_id]
            cell = primitive_cell(whole.template)
            self._primitive[template_id] = None
            if cell is not None and cell.arrays is whole.template:
                self._primitive[template_id] = whole, cell
            elif cell is not None and (
                self._dimension != 2 or find_gap(cell.arrays.matrix, cell.arrays.fractional).thickness >= MIN_GAP
            ):
                self._primitive[template_id] = TemplateCell(cell.arrays, self._dimension), cell
        primitive = self._primitive[template_id]
        return None if primitive is None else primitive[1]


def _radii(symbols: tuple[str, ...]) -> Array:
    return np.array([covalent_radius(symbol) for symbol in symbols])


def _formula(symbols: tuple[str, ...]) -> str:
    counts = Counter(symbols)
    divisor = gcd(*counts.values())
    return _reduced(tuple(sorted((symbol, count // divisor) for symbol, count in counts.items())))


@lru_cache(maxsize=65536)
def _reduced(amounts: tuple[tuple[str, int], ...]) -> str:
    return str(Composition(dict(amounts)).reduced_formula)


@lru_cache(maxsize=128)
def _alone(symbol: str) -> Composition:
    return Composition({symbol: 1})
