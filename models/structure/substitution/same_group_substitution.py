"""New monolayers from known ones: elements replaced by others of their group of the periodic table.

The bottom-up half of J. Zhou et al., Sci. Data 6, 86 (2019). Whether the results are new or stable is judged elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Final, Literal

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..sizes.lengths import length_ratio
from ..sizes.volumes import volume_ratio
from ..vacuum import is_monolayer_cell, set_vacuum, thickest_gap

LAST_ELEMENT: Final = "Bi"
"""Elements from H to Bi, without radioactive ones, lanthanides and actinides, as in 2DMatPedia."""


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

    The layer is scaled by the ratio of the lengths that bonds of the two formulas have (`sizes.lengths`), in plane and
    in height alike, which keeps its bond angles. The vacuum keeps its thickness. A bulk crystal is scaled in all
    directions by its volume (`sizes.volumes`). Two elements never become one, so the anonymous formula stays.

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
    sites = [Element.from_Z(site.specie.Z).symbol for site in structure]
    formula, monolayer = _reduced_formula(sites), is_monolayer_cell(structure)
    for news in product(*((old, *_replacements(old, rules)) for old in olds)):
        replaced = {old: new for old, new in zip(olds, news, strict=True) if old != new}
        if not replaced or len(set(news)) < len(news) or (rules.at_once == "one" and len(replaced) > 1):
            continue
        symbols = [replaced.get(old, old) for old in sites]
        scale = _scale(formula, _reduced_formula(symbols), monolayer=monolayer)
        yield Substitution(_replace(structure, symbols, scale, monolayer=monolayer), replaced, scale)


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


def _scale(old: str, new: str, *, monolayer: bool) -> float:
    """Factor for lengths; 1 where a radius is unknown."""
    if monolayer:
        return length_ratio(old, new) or 1.0
    return float((volume_ratio(old, new) or 1.0) ** (1 / 3))


def _reduced_formula(symbols: Iterable[str]) -> str:
    return str(Composition(Counter(symbols)).reduced_formula)


def _replace(structure: Structure, symbols: Sequence[str], scale: float, *, monolayer: bool) -> Structure:
    """Put the new elements in, and scale."""
    if monolayer:
        scaled = set_vacuum(structure, thickest_gap(structure).thickness, in_plane_scale=scale, height_scale=scale)
        return Structure(scaled.lattice, symbols, scaled.frac_coords)
    return Structure(structure.lattice.matrix * scale, symbols, structure.frac_coords)
