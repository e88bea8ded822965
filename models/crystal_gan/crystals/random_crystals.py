"""Crystals at random: cells of random shape and given volume, atoms one by one anywhere that least distances allow.

What any generator of crystals has to be better than. Knows distances, no energies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from .distances import least_distances_of

LONGEST: Final = 0.45
"""Of the logarithms of lengths, before scaling."""
WIDEST: Final = (60.0, 120.0)
"""Degrees."""
LEAST_SHAPE: Final = 0.35
"""Volume over the product of the lengths."""
TRIES: Final = 300
"""For one atom."""
_IMAGES: Final = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)], dtype=np.float64)

Array = NDArray[np.float64]


def random_cell(volume: float, random: np.random.Generator) -> Array:
    """Draw the vectors of a cell of that volume, Å^3, in rows."""
    while True:
        lengths = np.exp(random.uniform(-LONGEST, LONGEST, 3))
        angles = np.radians(random.uniform(*WIDEST, 3))
        cosines = np.cos(angles)
        if 1 + 2 * cosines.prod() - (cosines**2).sum() > LEAST_SHAPE**2:
            matrix: Array = Lattice.from_parameters(*lengths, *np.degrees(angles)).scale(volume).matrix
            return matrix.copy()


def placed(symbols: Sequence[str], matrix: Array, random: np.random.Generator) -> Array | None:
    """Draw places of atoms, (n, 3), none nearer to another than is allowed; None where the cell has no room."""
    names = sorted(set(symbols))
    least = np.array(least_distances_of(tuple(names)))
    kinds = [names.index(symbol) for symbol in symbols]
    places = np.zeros((0, 3))
    for done, kind in enumerate(kinds):
        for _ in range(TRIES):
            place = random.random(3)
            apart = np.linalg.norm(((place - places)[:, None, :] + _IMAGES) @ matrix, axis=2).min(axis=1)
            if (apart >= least[kinds[:done], kind]).all():
                break
        else:
            return None
        places = np.vstack([places, place])
    return places


def random_crystal(symbols: Sequence[str], volume: float, random: np.random.Generator) -> Structure:
    """Draw a crystal of these atoms in a cell of that volume, Å^3."""
    while True:
        matrix = random_cell(volume, random)
        places = placed(symbols, matrix, random)
        if places is not None:
            return Structure(matrix, list(symbols), places)
