"""New monolayers from known ones: elements replaced by others of their group of the periodic table.

The bottom-up half of J. Zhou et al., Sci. Data 6, 86 (2019). Whether the results are new or stable is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Final, Literal

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..covalent_radii import covalent_radius
from ..vacuum import is_monolayer_cell, set_vacuum, thickest_gap
from .clusters import NotAnalysable, possible_bonds

LAST_ELEMENT: Final = "Bi"
"""Elements from H to Bi, without radioactive ones, lanthanides and actinides, as in 2DMatPedia."""
REACH: Final = 1.2
"""Å beyond the sum of covalent radii within which an atom's nearest neighbours are looked for."""
SHELL: Final = 0.15
"""Å by which bonds of one shell may differ. Lattices so scaled are off by 4.0 % in the median (unscaled: 9.7 %) for
2,156 pairs of isostructural monolayers of 2DMatPedia whose elements differ within their groups."""


@dataclass(frozen=True, slots=True)
class SubstitutionRules:
    """Which replacements are made; the defaults are those of 2DMatPedia.

    Attributes
    ----------
    at_once
        "any": every combination, of one element up to all of them; "one": one element at a time.
    max_elements
        Structures of more elements are left alone (2DMatPedia starts from unary and binary ones); None: no limit.
    groups
        Groups of the periodic table (1 to 18) in which there are replacements; None: all.
    elements
        Elements that may come in; None: H to Bi, no radioactive ones, no lanthanides, no noble gases.
    max_period_step
        How many periods a replacement may be away; None: any.
    """

    at_once: Literal["any", "one"] = "any"
    max_elements: int | None = 2
    groups: tuple[int, ...] | None = None
    elements: tuple[str, ...] | None = None
    max_period_step: int | None = None


@dataclass(frozen=True)
class Substitution:
    """A structure made by replacing elements.

    Attributes
    ----------
    structure
        The new structure, sites in the order of the parent's.
    replaced
        Old element to new one; elements that stayed are not in it.
    scale
        Factor by which lengths in the layer were multiplied.
    """

    structure: Structure = field(repr=False)
    replaced: Mapping[str, str]
    scale: float


def same_group_substitutions(structure: Structure, rules: SubstitutionRules | None = None) -> Iterator[Substitution]:
    """Make every structure in which elements are replaced by others of their group.

    The layer is scaled by the mean ratio, over its nearest bonds, of the new and old sums of covalent radii (Cordero
    et al. 2008): in plane and in height alike, which keeps its bond angles. The vacuum keeps its thickness. A bulk
    crystal is scaled in all directions. Two elements never become one, so the anonymous formula stays.

    Parameters
    ----------
    structure
        An ordered structure, a monolayer in vacuum or a bulk crystal. Oxidation states and site properties are
        dropped, since they belonged to the old elements.
    rules
        2DMatPedia's when None.

    Yields
    ------
    Substitution
        Ordered by the old elements alphabetically and the new ones by atomic number; the parent itself is not among
        them. Nothing when the structure is disordered or has too many elements.
    """
    rules = rules or SubstitutionRules()
    if not structure.is_ordered:
        return
    olds = sorted({Element.from_Z(site.specie.Z).symbol for site in structure})
    if rules.max_elements is not None and len(olds) > rules.max_elements:
        return
    bonds = _bond_counts(structure)
    for news in product(*((old, *_replacements(old, rules)) for old in olds)):
        replaced = {old: new for old, new in zip(olds, news, strict=True) if old != new}
        if not replaced or len(set(news)) < len(news) or (rules.at_once == "one" and len(replaced) > 1):
            continue
        scale = _scale(bonds, dict(zip(olds, news, strict=True)))
        yield Substitution(_replace(structure, replaced, scale), replaced, scale)


@lru_cache(maxsize=1024)
def _replacements(element: str, rules: SubstitutionRules) -> tuple[str, ...]:
    old = Element(element)
    if old.is_lanthanoid or old.is_actinoid or (rules.groups is not None and old.group not in rules.groups):
        return ()
    allowed = _default_elements() if rules.elements is None else rules.elements
    candidates = sorted((Element(symbol) for symbol in allowed), key=lambda element: element.Z)
    return tuple(
        new.symbol
        for new in candidates
        if new.group == old.group
        and new.Z != old.Z
        and not (new.is_lanthanoid or new.is_actinoid)
        and (rules.max_period_step is None or abs(new.row - old.row) <= rules.max_period_step)
    )


@lru_cache(maxsize=1)
def _default_elements() -> tuple[str, ...]:
    radioactive = {"Tc", "Pm"}
    every = (Element.from_Z(z) for z in range(1, Element(LAST_ELEMENT).Z + 1))
    return tuple(e.symbol for e in every if e.symbol not in radioactive and not e.is_lanthanoid and not e.is_noble_gas)


def _bond_counts(structure: Structure) -> dict[tuple[str, str], int]:
    """How often each pair of elements is bonded; without bonds, each atom counts as bonded to its own kind."""
    symbols = [Element.from_Z(site.specie.Z).symbol for site in structure]
    pairs = [(symbol, symbol) for symbol in symbols]
    try:
        bonds = possible_bonds(structure, REACH)
    except NotAnalysable:  # an element beyond Cm: it has no replacement either
        bonds = None
    if bonds is not None and len(bonds.first):
        shortest = np.full(len(symbols), np.inf)
        np.minimum.at(shortest, bonds.first, bonds.slack)
        np.minimum.at(shortest, bonds.second, bonds.slack)
        # A bond is in the nearest shell of one of its atoms; further contacts do not set the size of the cell.
        near = bonds.slack <= np.maximum(shortest[bonds.first], shortest[bonds.second]) + SHELL
        pairs = [(symbols[i], symbols[j]) for i, j in zip(bonds.first[near], bonds.second[near], strict=True)]
    counts: dict[tuple[str, str], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def _scale(bonds: Mapping[tuple[str, str], int], mapping: Mapping[str, str]) -> float:
    """Mean ratio of new to old bond length, by the sums of covalent radii."""
    ratios = [
        (covalent_radius(mapping[a]) + covalent_radius(mapping[b])) / (covalent_radius(a) + covalent_radius(b))
        for a, b in bonds
    ]
    scale = float(np.average(ratios, weights=list(bonds.values())))
    return scale if np.isfinite(scale) else 1.0


def _replace(structure: Structure, replaced: Mapping[str, str], scale: float) -> Structure:
    """Put the new elements in, and scale."""
    species = []
    for site in structure:
        old = Element.from_Z(site.specie.Z).symbol
        species.append(Composition({replaced.get(old, old): 1}))
    if is_monolayer_cell(structure):
        scaled = set_vacuum(structure, thickest_gap(structure).thickness, in_plane_scale=scale, height_scale=scale)
        return Structure(scaled.lattice, species, scaled.frac_coords)
    return Structure(structure.lattice.matrix * scale, species, structure.frac_coords)
