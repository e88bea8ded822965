"""How close atoms may come, and the cell vectors of point clouds as differentiable tensors.

The one place where the limits stand that `environments` pushes towards and `validity` rejects by.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import Final

import torch
from pymatgen.core.periodic_table import Element
from torch import Tensor

from ..structure.clusters import COVALENT_RADII
from ..structure.layouts import BadLayout, Layout

METAL_RATIO: Final = 0.75
"""Least distance of two atoms, one or both of a metal, over the sum of their covalent radii: 1.55 Å for Mg-O, 1.62 for
Mn-O, 2.12 for Mg-Mg. Of the 1,253 relaxed Mg-Mn-O cells of Kim et al. 99.9 % have more; the least is 0.744."""
NONMETAL_RATIO: Final = 0.95
"""The same of two nonmetals, which no bond brings much closer: 1.25 Å for O-O (O2 has 1.21, the least in those cells is
1.38)."""
_LEAST_SINE: Final = 0.05
_LEAST_SQUARE: Final = 1e-4
"""Å^2 and of sines: square roots stay differentiable."""


@lru_cache(maxsize=32)
def least_distances(
    layout: Layout, metal: float = METAL_RATIO, nonmetal: float = NONMETAL_RATIO
) -> tuple[tuple[float, ...], ...]:
    """Least allowed distances in Å between the elements of a layout, as a symmetric table.

    Raises
    ------
    BadLayout
        No covalent radius is known for an element.
    """
    elements = [Element(symbol) for symbol in layout.elements]
    radii = [float(COVALENT_RADII[one.Z]) if len(COVALENT_RADII) > one.Z else float("nan") for one in elements]
    for one, radius in zip(elements, radii, strict=True):
        if radius != radius:
            raise BadLayout(f"no covalent radius is known for {one.symbol}")
    return tuple(
        tuple(
            (metal if a.is_metal or b.is_metal else nonmetal) * (ra + rb) for b, rb in zip(elements, radii, strict=True)
        )
        for a, ra in zip(elements, radii, strict=True)
    )


def cell_vectors(cells: Tensor, longest: float) -> Tensor:
    """Cell vectors as rows in Å, shape (n, 3, 3), of point clouds; finite even where no cell has such angles."""
    a, b, c = (cells[:, 0] * longest).unbind(dim=1)
    alpha, beta, gamma = (cells[:, 1] * pi).cos().unbind(dim=1)
    sine = (cells[:, 1, 2] * pi).sin().clamp_min(_LEAST_SINE)
    volume = (1 - alpha**2 - beta**2 - gamma**2 + 2 * alpha * beta * gamma).clamp_min(_LEAST_SQUARE).sqrt()
    none = torch.zeros_like(a)
    rows = [a, none, none, b * gamma, b * sine, none, c * beta, c * (alpha - beta * gamma) / sine, c * volume / sine]
    return torch.stack(rows, dim=1).view(-1, 3, 3)
