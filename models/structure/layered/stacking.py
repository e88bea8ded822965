"""A bulk made of one layer stacked on itself, for layers of which no bulk crystal is known.

Only distances between atoms decide; the relaxation that follows finds the distance of the layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ..covalent_radii import covalent_radius
from ..vacuum import MIN_GAP, is_monolayer_cell, set_vacuum

CONTACT: Final = 1.4
"""Å beyond the sum of covalent radii at which atoms of neighbouring layers touch: 3.5 Å between S in MoS2 (2H, Bronsema
et al., Z. anorg. allg. Chem. 540/541, 15 (1986)), where that sum is 2.10 Å."""
SHIFTS: Final = 6
"""Lateral shifts tried along each vector: multiples of a sixth hold halves, thirds and what lies between."""
_NEIGHBOURS: Final = tuple(product((-1, 0, 1), repeat=2))


class NotStackable(ValueError):
    """A structure that is no layer in vacuum, with the reason."""


def stacked_on_itself(layer: Structure) -> Structure:
    """Bulk of one layer a cell, each shifted beside the one below so that they come closest.

    Of the shifts by sixths of the in-plane vectors that is taken at which the layers come closest before atoms of the
    two touch; all layers have the same orientation.

    Parameters
    ----------
    layer
        A monolayer, with its vacuum along any vector.

    Raises
    ------
    NotStackable
        It has no vacuum, or an element without a covalent radius.
    """
    shifts = [(i / SHIFTS, j / SHIFTS) for i, j in product(range(SHIFTS), repeat=2)]
    heights = contact_heights(layer, shifts)
    lowest = min(range(len(shifts)), key=lambda number: round(heights[number], 6))
    return stack(layer, shifts[lowest], heights[lowest])


def contact_heights(layer: Structure, shifts: Sequence[tuple[float, float]]) -> list[float]:
    """Heights, Å, from one layer to the next at which their atoms touch, for lateral shifts.

    Parameters
    ----------
    layer
        A monolayer, with its vacuum along any vector.
    shifts
        n shifts of the upper one, in fractions of the in-plane vectors.

    Raises
    ------
    NotStackable
        It has no vacuum, or an element without a covalent radius.
    """
    if not is_monolayer_cell(layer):
        raise NotStackable("its cell holds no vacuum, so it can't be stacked on itself")
    upright = set_vacuum(layer, MIN_GAP)
    matrix, positions = upright.lattice.matrix, upright.cart_coords
    radii = np.array([covalent_radius(site.species.elements[0].symbol) for site in upright])
    if np.isnan(radii).any():
        raise NotStackable("an element of it has no covalent radius, so it can't be stacked on itself")
    touching = radii[:, None] + radii[None, :] + CONTACT
    images = [np.array([i, j, 0]) @ matrix for i, j in _NEIGHBOURS]
    return [
        max(_height(positions, positions + i * matrix[0] + j * matrix[1] + image, touching) for image in images)
        for i, j in shifts
    ]


def stack(layer: Structure, shift: tuple[float, float], height: float) -> Structure:
    """Stack of one layer a cell.

    Parameters
    ----------
    layer
        A monolayer, with its vacuum along any vector.
    shift
        Of each layer beside the one below, in fractions of the in-plane vectors.
    height
        Å from one layer to the next.
    """
    upright = set_vacuum(layer, MIN_GAP)
    matrix = upright.lattice.matrix
    third = np.array([*(shift[0] * matrix[0] + shift[1] * matrix[1])[:2], height])
    third -= np.rint(np.linalg.solve(matrix[:2, :2].T, third[:2])) @ matrix[:2]
    lattice = Lattice([matrix[0], matrix[1], third])
    return Structure(lattice, upright.species, upright.cart_coords, coords_are_cartesian=True, to_unit_cell=True)


def _height(below: np.ndarray, above: np.ndarray, touching: np.ndarray) -> float:
    """Height, Å, by which the layer above has to be lifted for no atom to be nearer to one below than allowed."""
    steps = above[:, None, :] - below[None, :, :]
    free = touching.T**2 - (steps[..., :2] ** 2).sum(axis=-1)
    lifted = np.sqrt(np.maximum(free, 0.0)) - steps[..., 2]
    return float(np.where(free > 0, lifted, -np.inf).max())
