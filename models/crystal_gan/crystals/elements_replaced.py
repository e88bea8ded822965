"""Crystals of other chemical systems brought into a layout's: their elements replaced, as Kim et al. (2020) did.

Oxides A-B-O become Mg-Mn-O both ways, the cell scaled so that the bonds fit. Knows structures only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

from pymatgen.core.structure import Structure

from ...structure.point_cloud import unfit
from ...structure.point_cloud_layouts import Layout
from ...structure.templating.rescaling import length_factor, substitute

ANION: Final = "O"


@dataclass(frozen=True)
class Mapped:
    """A structure with its elements replaced.

    Attributes
    ----------
    structure
        Of the layout's elements, cell rescaled by the sums of covalent radii of bonded atoms.
    parent
        Number of the structure it was made from.
    replaced
        Old element to new one.
    """

    structure: Structure = field(repr=False)
    parent: int
    replaced: dict[str, str]


def mapped_into(structures: Iterable[Structure], layout: Layout, *, kept: Sequence[str] = (ANION,)) -> Iterator[Mapped]:
    """Replace the elements of other structures by those of a layout, in every way that keeps some.

    Parameters
    ----------
    structures
        Any. Those with another number of elements, without the kept ones, disordered or too large are passed over:
        `parent` of what comes out tells which were used.
    layout
        Whose elements come in.
    kept
        Elements that stay what they are.

    Yields
    ------
    Mapped
        For oxides A-B-O and the layout of Mg, Mn and O two of each: A as Mg and B as Mn, A as Mn and B as Mg.

    Raises
    ------
    ValueError
        The layout lacks a kept element.
    """
    if missing := sorted(set(kept) - set(layout.elements)):
        raise ValueError(f"layout {layout.name!r} has no {missing[0]}, which is to be kept")
    incoming = [element for element in layout.elements if element not in kept]
    for number, structure in enumerate(structures):
        if not structure.is_ordered or len(structure) > layout.n_slots:
            continue
        present = {element.symbol for element in structure.composition.element_composition}
        others = sorted(present - set(kept))
        if len(present) != len(layout.elements) or len(others) != len(incoming):
            continue
        for choice in permutations(incoming):
            replaced = dict(zip(others, choice, strict=True))
            changed = {old: new for old, new in replaced.items() if old != new}
            names = replaced | {one: one for one in kept}
            made = substitute(structure, names, factor=length_factor(structure, names))
            if not unfit([made], layout):
                yield Mapped(made, number, changed)
