"""Crystals of other chemical systems brought into a layout's by element substitution.

Kim et al., ACS Cent. Sci. 6, 1412 (2020) make Mg-Mn-O of other oxides A-B-O so. Knows structures only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Final

from pymatgen.core.structure import Structure

from ...structure.cells.template_cells import TemplateCell
from ...structure.point_cloud import unfit
from ...structure.point_cloud_layouts import Layout

ANION: Final = "O"


def substituted_into(
    structures: Iterable[Structure], layout: Layout, *, kept: Sequence[str] = (ANION,)
) -> Iterator[Structure]:
    """Replace the elements of other structures by those of a layout, in every way that keeps some.

    Parameters
    ----------
    structures
        Any. Those with another number of elements, without the kept ones, disordered or too large are passed over.
    layout
        Whose elements come in.
    kept
        Elements that stay what they are.

    Yields
    ------
    Structure
        Of the layout's elements, cell rescaled by the sums of covalent radii of bonded atoms. For oxides A-B-O and the
        layout of Mg, Mn and O two of each: A as Mg and B as Mn, A as Mn and B as Mg.

    Raises
    ------
    ValueError
        The layout lacks a kept element.
    """
    if missing := sorted(set(kept) - set(layout.elements)):
        raise ValueError(f"layout {layout.name!r} has no {missing[0]}, which is to be kept")
    incoming = [element for element in layout.elements if element not in kept]
    for structure in structures:
        if not structure.is_ordered or len(structure) > layout.n_slots:
            continue
        present = {element.symbol for element in structure.composition.element_composition}
        outgoing = sorted(present - set(kept))
        if len(present) != len(layout.elements) or len(outgoing) != len(incoming):
            continue
        cell = TemplateCell(structure, dimension=3)
        for choice in permutations(incoming):
            mapping = dict(zip(outgoing, choice, strict=True)) | {element: element for element in kept}
            substituted = cell.with_elements(mapping).structure()
            if not unfit([substituted], layout):
                yield substituted
