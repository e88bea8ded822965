"""Ordered decorations: a template of a simpler formula lends its shape when two elements share the sites of one.

Says which simpler formulas a composition has, and in which inequivalent ways two elements can share the sites of one in
a cell: MoSSe from MoS2. Knows amounts and cells; ranks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import gcd
from string import ascii_uppercase
from typing import Final

import numpy as np
import spglib
from numpy.typing import NDArray

from ..comparison.reduced_cells import name_of
from ..pettifor import position
from ..serialization import Arrays
from ..symmetry.symmetry_analysis import ANGLE_TOLERANCE

FEWEST_ELEMENTS: Final = 3
"""Of a composition that takes decorations. Two elements on the sites of one would be a decoration of an element, and
every elemental structure a template of every binary compound."""
MAX_SITES: Final = 8
"""Sites in the primitive cell that are shared out: at most 70 ways before symmetry."""
SYMMETRY_TOLERANCE: Final = 0.1
"""Å, as for the space groups of templates."""
_LETTERS: Final = ascii_uppercase
JOINT: Final = "/"
"""Between the two elements that take the place of one, as in ``S/Se``."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Split:
    """Two elements of a composition that together play the part of one element of a template.

    Attributes
    ----------
    elements
        E.g. ``("S", "Se")``.
    amounts
        Of each in the composition's reduced formula.
    """

    elements: tuple[str, str]
    amounts: tuple[int, int]

    @property
    def name(self) -> str:
        """The two as one, such as ``S/Se``."""
        return JOINT.join(self.elements)


@dataclass(frozen=True, slots=True)
class Ordering:
    """One way to share out the sites of an element.

    Attributes
    ----------
    first
        Sites, in the cell it was found in, that the first element takes; the second takes the others.
    alike
        How many ways are equivalent to this one by symmetry, itself included.
    """

    first: tuple[int, ...]
    alike: int


def splits(elements: Sequence[str], amounts: Sequence[int]) -> Iterator[tuple[Split, tuple[str, ...], tuple[int, ...]]]:
    """List the pairs of elements that may share at most `MAX_SITES` sites, with the composition having the two as one.

    Parameters
    ----------
    elements, amounts
        Of the reduced formula.

    Yields
    ------
    split
        The pair.
    names, merged
        Elements and amounts, divided out, in the order of slots: by amount, then by place on the modified Pettifor
        scale, the pair last.

    Examples
    --------
    >>> [(split.name, names, merged) for split, names, merged in splits(("Mo", "S", "Se"), (1, 1, 1))]
    [('Mo/S', ('Se', 'Mo/S'), (1, 2)), ('Mo/Se', ('S', 'Mo/Se'), (1, 2)), ('S/Se', ('Mo', 'S/Se'), (1, 2))]
    """
    if len(elements) < FEWEST_ELEMENTS:
        return
    for pair in combinations(range(len(elements)), 2):
        first, second = pair
        if _too_many(amounts[first], amounts[second]):
            continue
        split = Split((elements[first], elements[second]), (amounts[first], amounts[second]))
        rest = {elements[k]: amounts[k] for k in range(len(elements)) if k not in pair}
        whole = rest | {split.name: sum(split.amounts)}
        names = [*sorted(rest, key=position), split.name]
        names.sort(key=whole.__getitem__)  # stable
        divisor = gcd(*whole.values())
        yield split, tuple(names), tuple(whole[name] // divisor for name in names)


def simpler_amounts(amounts: Iterable[int]) -> set[tuple[int, ...]]:
    """Amounts, ascending and divided out, of the formulas of which a formula may be a decoration.

    Examples
    --------
    >>> sorted(simpler_amounts((1, 1, 2)))
    [(1, 1), (1, 3)]
    """
    given = list(amounts)
    if len(given) < FEWEST_ELEMENTS:
        return set()
    simpler = set()
    for first, second in combinations(range(len(given)), 2):
        if _too_many(given[first], given[second]):
            continue
        rest = [amount for k, amount in enumerate(given) if k not in (first, second)]
        merged = sorted([*rest, given[first] + given[second]])
        divisor = gcd(*merged)
        simpler.add(tuple(amount // divisor for amount in merged))
    return simpler


def _too_many(first: int, second: int) -> bool:
    """Whether such a pair wants more sites than are shared out."""
    return (first + second) // gcd(first, second) > MAX_SITES


def anonymous_formula(amounts: Iterable[int]) -> str:
    """Write amounts as pymatgen writes the anonymous formula.

    Examples
    --------
    >>> anonymous_formula((2, 1, 4))
    'AB2C4'
    """
    ascending = sorted(amounts)
    return "".join(
        f"{letter}{amount if amount > 1 else ''}" for letter, amount in zip(_LETTERS, ascending, strict=False)
    )


def simpler_formulas(anonymous: str) -> set[str]:
    """Anonymous formulas of which one may be a decoration.

    Examples
    --------
    >>> sorted(simpler_formulas("ABC2"))
    ['AB', 'AB3']
    """
    amounts = [int(amount or 1) for amount in re.findall(r"[A-Z](\d*)", anonymous)]
    return {anonymous_formula(simpler) for simpler in simpler_amounts(amounts)}


def shareable(symbols: Sequence[str], element: str, amounts: tuple[int, int]) -> bool:
    """Whether two elements may share the sites of one in these amounts, by the number of sites in any cell."""
    parts = sum(amounts) // gcd(*amounts)
    return symbols.count(element) % parts == 0


def orderings(cell: PrimitiveCell, element: str, amounts: tuple[int, int]) -> tuple[Ordering, ...]:
    """Find the inequivalent ways in which two elements can share the sites of one.

    Parameters
    ----------
    cell
        Where.
    element
        Whose sites are shared out.
    amounts
        Of the two, in any unit.

    Returns
    -------
    tuple of Ordering
        The most symmetric first. None where the sites cannot be shared in these amounts, or are more than `MAX_SITES`.
    """
    symbols = [name_of(mixture) for mixture in cell.arrays.species]
    sites = np.array([number for number, symbol in enumerate(symbols) if symbol == element], dtype=np.intp)
    share, rest = divmod(len(sites) * amounts[0], sum(amounts))
    if rest or not 0 < share < len(sites) or len(sites) > MAX_SITES:
        return ()
    ways = list(combinations(range(len(sites)), share))
    taken = np.zeros((len(ways), len(sites)), dtype=np.int64)
    for number, way in enumerate(ways):
        taken[number, list(way)] = 1
    bits = 1 << np.arange(len(sites))[::-1]
    images = taken[:, cell.permutations(sites)] @ bits  # (ways, operations)
    names, first, alike = np.unique(images.max(axis=1), return_index=True, return_counts=True)
    ordered = sorted(range(len(names)), key=lambda k: (alike[k], -names[k]))
    return tuple(Ordering(tuple(sites[list(ways[first[k]])].tolist()), int(alike[k])) for k in ordered)


def decorated_symbols(
    symbols: Sequence[str], mapping: Mapping[str, str], split: Split, ordering: Ordering
) -> tuple[str, ...]:
    """Elements of the sites of a decorated cell.

    Parameters
    ----------
    symbols
        Elements of the template's n sites.
    mapping
        The template's elements to the new ones, to `Split.name` where two take its place.
    split
        The two.
    ordering
        Which of the sites, by number in this cell, the first of them takes.

    Returns
    -------
    tuple of n symbols
    """
    taken = set(ordering.first)
    both = {site: split.elements[0 if site in taken else 1] for site in range(len(symbols))}
    return tuple(
        both[site] if mapping[symbol] == split.name else mapping[symbol] for site, symbol in enumerate(symbols)
    )


def replaced(mapping: Mapping[str, str]) -> dict[str, str]:
    """Map each new element to the one whose sites it takes: the inverse of a mapping without `JOINT`."""
    return {new: old for old, taken in mapping.items() for new in taken.split(JOINT)}


@dataclass(frozen=True, slots=True)
class PrimitiveCell:
    """A primitive cell with its symmetry.

    Attributes
    ----------
    arrays
        The cell.
    rotations, translations
        (k, 3, 3) and (k, 3), for fractional coordinates.
    """

    arrays: Arrays
    rotations: NDArray[np.int32]
    translations: Array

    def permutations(self, sites: NDArray[np.intp]) -> NDArray[np.intp]:
        """(operations, n): to which of these sites each operation takes each of them; among them is the identity."""
        unmoved = np.arange(len(sites))[None]
        own = self.arrays.fractional[sites]
        moved = own @ self.rotations.transpose(0, 2, 1) + self.translations[:, None, :]
        apart = moved[:, :, None, :] - own
        apart -= np.rint(apart)
        goes_to = ((apart @ self.arrays.matrix) ** 2).sum(axis=3).argmin(axis=2)
        whole = (np.sort(goes_to, axis=1) == unmoved).all(axis=1)
        return np.unique(np.concatenate([unmoved, goes_to[whole]]), axis=0)


def primitive_cell(cell: Arrays) -> PrimitiveCell | None:
    """Find a crystal's primitive cell: its own where that is primitive; None where spglib finds none."""
    names = [name_of(mixture) for mixture in cell.species]
    kinds = {name: number for number, name in enumerate(dict.fromkeys(names), 1)}
    given = (cell.matrix.tolist(), cell.fractional.tolist(), [kinds[name] for name in names])
    try:
        dataset = spglib.get_symmetry_dataset(given, symprec=SYMMETRY_TOLERANCE, angle_tolerance=ANGLE_TOLERANCE)
        if dataset is None:
            return None
        if len(set(dataset.mapping_to_primitive.tolist())) == len(names):
            return PrimitiveCell(cell, dataset.rotations, dataset.translations)
        standard = spglib.standardize_cell(
            given, to_primitive=True, no_idealize=True, symprec=SYMMETRY_TOLERANCE, angle_tolerance=ANGLE_TOLERANCE
        )
    except spglib.SpglibError:
        return None  # documented
    if standard is None or len(standard[2]) >= len(names):
        return None
    species = {kinds[name]: mixture for name, mixture in zip(names, cell.species, strict=True)}
    smaller = [species[int(number)] for number in standard[2]]
    return primitive_cell(Arrays(np.asarray(standard[0]), cell.pbc, np.asarray(standard[1]), smaller))
