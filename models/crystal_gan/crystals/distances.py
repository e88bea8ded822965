"""How close atoms are put or pushed: by random search and by the penalty on crowded atoms. Validity is stricter."""

from __future__ import annotations

from functools import lru_cache
from math import isnan
from typing import Final

from pymatgen.core.periodic_table import Element

from ...structure.covalent_radii import covalent_radius
from ...structure.point_cloud_layouts import BadLayout, Layout

METAL_RATIO: Final = 0.75
"""Least distance of two atoms, one or both of a metal, over the sum of their covalent radii: 1.55 Å for Mg-O, 1.62 for
Mn-O, 2.12 for Mg-Mg. Of the 1,253 relaxed Mg-Mn-O cells of Kim et al. 99.9 % have more; the least is 0.744."""
NONMETAL_RATIO: Final = 0.95
"""The same of two nonmetals, which no bond brings much closer: 1.25 Å for O-O (O2 has 1.21, the least in those cells is
1.38)."""


def least_distances(layout: Layout) -> tuple[tuple[float, ...], ...]:
    """Least allowed distances in Å between the elements of a layout, as a symmetric table.

    Raises
    ------
    BadLayout
        No covalent radius is known for an element.
    """
    return least_distances_of(layout.elements)


@lru_cache(maxsize=256)
def least_distances_of(symbols: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    """Least allowed distances in Å between elements, as a symmetric table.

    Raises
    ------
    BadLayout
        No covalent radius is known for an element.
    """
    elements = [Element(symbol) for symbol in symbols]
    radii = [covalent_radius(symbol) for symbol in symbols]
    if unknown := [symbol for symbol, radius in zip(symbols, radii, strict=True) if isnan(radius)]:
        raise BadLayout(f"no covalent radius is known for {unknown[0]}")
    return tuple(
        tuple(
            (METAL_RATIO if a.is_metal or b.is_metal else NONMETAL_RATIO) * (ra + rb)
            for b, rb in zip(elements, radii, strict=True)
        )
        for a, ra in zip(elements, radii, strict=True)
    )
