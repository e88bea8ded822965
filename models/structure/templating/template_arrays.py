"""What a template lends to the compositions it serves: its shape as arrays, looked at once for all of them.

Does what `rescaling.length_factor`, `rescaling.substitute` and `structure_checks.check_predicted` do, for many
mappings of one template; a Structure is made only of what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.structure import Structure

from ..layered.clusters import close_pairs
from ..layered.vacuum import MIN_GAP, Gap, find_gap, set_vacuum_of_arrays
from ..serialization import Arrays
from .decorations import Ordering, PrimitiveCell, Split, orderings, primitive_cell, shareable
from .rescaling import BOND_TOLERANCE, covalent_radius, layer_scaled, mean_ratio
from .sanity_checks import MIN_BONDS_KEPT, SEARCH, Check, check_charge, check_coordination, check_shortest

_REACH_STEP: Final = 1.0  # Å: pairs are looked for a little farther than asked, so that it is seldom done again

_UNTOLD: Final = Check(
    "coordination", passed=None, value=None, limit=MIN_BONDS_KEPT, note="of the template: a radius is not known"
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template becomes with other elements.

    Attributes
    ----------
    matrix, fractional, symbols
        Cell vectors (Å, in rows), places and elements of the sites, in the template's order.
    factor
        By which the template's lengths were scaled.
    checks
        Shortest distance, coordination, charge.
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
        """In the form in which structures are compared."""
        return Arrays(self.matrix, (True, True, True), self.fractional, [_alone(symbol) for symbol in self.symbols])

    def structure(self) -> Structure:
        """Give it as a Structure."""
        return Structure(self.matrix, list(self.symbols), self.fractional)


class LentShape:
    """A template's shape.

    Parameters
    ----------
    template
        An ordered structure.
    dimension
        2: a layer, set upright in its cell, whose vacuum stays when lengths are scaled; 3: all is scaled.

    Attributes
    ----------
    template
        As arrays; of a layer with the third vector upright along c. How that leans is nothing of the layer: it tells
        how the layers of the crystal were stacked that it was cut from.
    symbols
        Elements of its sites.
    """

    def __init__(self, template: Structure | Arrays, dimension: int) -> None:
        arrays = _as_arrays(template)
        self._gap: Gap | None = None
        if dimension == 2:
            arrays = _upright(arrays)
            self._gap = find_gap(arrays.matrix, arrays.fractional)
        self.template = arrays
        self.symbols = tuple(next(iter(one)).symbol for one in arrays.species)
        self._old = _radii(self.symbols)
        self._reach = 0.0
        known = not np.isnan(self._old).any()
        self._look(2 * float(self._old.max()) + SEARCH if known else SEARCH)
        bonded = self._lengths < self._old[self._first] + self._old[self._second] + BOND_TOLERANCE
        if not known:  # whether any of its atoms are bonded can't be told
            bonded[:] = False
        self._bonds = self._first[bonded], self._second[bonded], self._lengths[bonded]
        self._known = known

    def _look(self, reach: float) -> None:
        """Find the pairs of atoms up to a distance; those across the vacuum are no neighbours."""
        if reach <= self._reach:
            return
        self._reach = reach + _REACH_STEP
        matrix, pbc, fractional, _ = self.template
        if self._gap is not None:
            fractional = fractional.copy()
            axis, start = self._gap.axis, self._gap.start
            fractional[:, axis] = np.mod(fractional[:, axis] - start + 1e-9, 1)
        first, second, image, lengths = close_pairs(matrix, fractional, pbc, self._reach)
        if self._gap is not None:
            within = image[:, self._gap.axis] == 0
            first, second, lengths = first[within], second[within], lengths[within]
        self._first, self._second, self._lengths = first, second, lengths

    def with_elements(
        self, mapping: Mapping[str, str], states: Mapping[str, float] | None, *, rescale: bool = True
    ) -> Shape:
        """Put other elements in.

        Parameters
        ----------
        mapping
            Old element to new one, for all elements.
        states
            Charge-neutral oxidation states of the new elements, None when there are none.
        rescale
            Whether lengths are scaled.
        """
        return self.with_symbols(tuple(mapping[symbol] for symbol in self.symbols), states, rescale=rescale)

    def with_symbols(
        self, symbols: tuple[str, ...], states: Mapping[str, float] | None, *, rescale: bool = True
    ) -> Shape:
        """Do the same with the new element of each site."""
        new = _radii(symbols)
        first, second, lengths = self._bonds
        factor = mean_ratio(self._old, new, first, second) if rescale and self._known else 1.0
        matrix, fractional = self.template.matrix, self.template.fractional
        if self._gap is None:
            matrix = matrix * factor
        else:
            matrix, fractional = layer_scaled(matrix, fractional, self._gap, factor)
        if not np.isnan(new).any():
            self._look((2 * float(new.max()) + SEARCH) / factor)
        coordination = check_coordination(new, first, second, factor * lengths) if self._known else _UNTOLD
        shortest = check_shortest(symbols, new, self._first, self._second, factor * self._lengths)
        return Shape(matrix, fractional, symbols, factor, (shortest, coordination, check_charge(states)))


class LentShapes:
    """The shapes of templates, each looked at when it is first asked for."""

    def __init__(self, structure_of: Callable[[str], Structure | Arrays], dimension: int) -> None:
        self._structure_of = structure_of
        self._dimension = dimension
        self._shapes: dict[str, LentShape] = {}
        self._primitive: dict[str, tuple[LentShape, PrimitiveCell] | None] = {}
        self._orderings: dict[tuple[str, str, tuple[int, int]], tuple[Ordering, ...]] = {}

    def __getitem__(self, template_id: str) -> LentShape:
        if template_id not in self._shapes:
            self._shapes[template_id] = LentShape(self._structure_of(template_id), self._dimension)
        return self._shapes[template_id]

    def primitive(self, template_id: str) -> LentShape:
        """Give the shape of the primitive cell of a template that has `orderings`."""
        found = self._primitive[template_id]
        assert found is not None
        return found[0]

    def orderings(self, template_id: str, element: str, split: Split) -> tuple[Ordering, ...]:
        """Give the ways in which two elements can share the sites of one in the primitive cell of a template."""
        key = template_id, element, split.amounts
        if key not in self._orderings:
            cell = self._cell(template_id) if shareable(self[template_id].symbols, element, split.amounts) else None
            self._orderings[key] = () if cell is None else orderings(cell, element, split.amounts)
        return self._orderings[key]

    def _cell(self, template_id: str) -> PrimitiveCell | None:
        if template_id not in self._primitive:
            whole = self[template_id]
            cell = primitive_cell(whole.template)
            self._primitive[template_id] = None
            if cell is not None and cell.arrays is whole.template:
                self._primitive[template_id] = whole, cell
            elif cell is not None and (
                self._dimension != 2 or find_gap(cell.arrays.matrix, cell.arrays.fractional).thickness >= MIN_GAP
            ):
                self._primitive[template_id] = LentShape(cell.arrays, self._dimension), cell
        found = self._primitive[template_id]
        return None if found is None else found[1]


def _as_arrays(structure: Structure | Arrays) -> Arrays:
    if isinstance(structure, Arrays):
        return structure
    lattice = structure.lattice
    return Arrays(lattice.matrix, lattice.pbc, structure.frac_coords, structure.species_and_occu)


def _upright(layer: Arrays) -> Arrays:
    gap = find_gap(layer.matrix, layer.fractional)
    matrix, fractional = set_vacuum_of_arrays(layer.matrix, layer.fractional, gap.thickness, gap)
    return Arrays(matrix, (True, True, True), fractional, layer.species)


def _radii(symbols: tuple[str, ...]) -> Array:
    return np.array([covalent_radius(symbol) for symbol in symbols])


@lru_cache(maxsize=128)
def _alone(symbol: str) -> Composition:
    return Composition({symbol: 1})
