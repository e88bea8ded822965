"""Do atoms of a crystal lie on top of each other: pairs that are too close, periodic images included. Arrays only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.optimization.neighbors import find_points_in_spheres

MIN_DISTANCE: Final = 0.5
"""Å. No two nuclei of a crystal come closer (H2 has 0.74 Å); pymatgen's SiteCollection.DISTANCE_TOLERANCE as well."""
_NONE: Final = np.empty(0, dtype=np.int64)


def overlap(
    matrix: NDArray[np.float64],
    fractional: NDArray[np.float64],
    pbc: Sequence[bool],
    species: Sequence[Composition],
    min_distance: float,
) -> str | None:
    """Name the closest pair of atoms when it is closer than allowed, else None.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    pbc
        Along which of the vectors the crystal is periodic.
    species
        Who sits on each of the n sites.
    min_distance
        Å.
    """
    radii = np.full(len(fractional), min_distance / 2)
    first, second, distances = close_pairs_within(matrix, fractional, pbc, radii)
    if not len(distances):
        return None
    closest = int(np.argmin(distances))
    i, j = int(first[closest]), int(second[closest])
    pair = f"{species[i].formula} (site {i}) and {species[j].formula} (site {j})"
    return f"atoms overlap: {pair} are {distances[closest]:.3f} Å apart, less than {min_distance:g} Å"


def close_pairs_within(
    matrix: NDArray[np.float64], fractional: NDArray[np.float64], pbc: Sequence[bool], radii: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of atoms nearer than the sum of their radii, each met twice, an atom and its own image among them.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    pbc
        Along which of the vectors the crystal is periodic.
    radii
        Å, (n,).

    Returns
    -------
    first, second, distances
        Indices of the atoms and their distance in Å, all of shape (pairs,).
    """
    periodic = np.array(pbc, dtype=np.int64)
    wrapped = fractional - np.floor(fractional) * periodic
    if not _may_touch(matrix, wrapped, periodic, radii):
        return _NONE, _NONE, np.empty(0)
    points = np.ascontiguousarray(wrapped @ matrix)
    reach = 2 * float(radii.max())
    first, second, images, distances = find_points_in_spheres(
        points, points, r=reach, pbc=periodic, lattice=np.ascontiguousarray(matrix), tol=1e-8
    )
    near = ((first != second) | images.any(axis=1)) & (distances < radii[first] + radii[second])
    return first[near], second[near], distances[near]


def cell_heights(matrix: NDArray[np.float64]) -> tuple[float, float, float]:
    """Distances between opposite faces of a cell, Å; matrix in Å, (3, 3). A fifth of the time of numpy's inverse."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    first = (e * i - f * h, f * g - d * i, d * h - e * g)
    second = (h * c - i * b, i * a - g * c, g * b - h * a)
    third = (b * f - c * e, c * d - a * f, a * e - b * d)
    volume = abs(a * first[0] + b * first[1] + c * first[2])
    return volume / math.hypot(*first), volume / math.hypot(*second), volume / math.hypot(*third)


def cell_volume(matrix: NDArray[np.float64]) -> float:
    """Volume of a cell, Å^3; matrix in Å, (3, 3). To the last bit pymatgen's, in a hundredth of the time."""
    (a, b, c), (d, e, f), third = matrix.tolist()
    return abs(float(np.dot((b * f - c * e, c * d - a * f, a * e - b * d), third)))


def _may_touch(
    matrix: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    periodic: NDArray[np.int64],
    radii: NDArray[np.float64],
) -> bool:
    """Whether any two atoms might be that close: a quick test that errs on the side of yes.

    Two points whose fractional coordinates differ by d along an axis are at least |d| times the cell's height along
    that axis apart, and so are all their images, with d to the nearest; a pair can only be close when it is close along
    all three axes. An atom and its own image are at least the lowest height apart.
    """
    heights = cell_heights(matrix)
    lowest = min((height for height, along in zip(heights, periodic, strict=True) if along), default=math.inf)
    if lowest < 2 * radii.max():
        return True
    difference = wrapped[:, None, :] - wrapped
    difference -= np.rint(difference) * periodic
    difference *= heights
    furthest = np.abs(difference, out=difference).max(axis=2)
    close = furthest < radii[:, None] + radii
    return int(np.count_nonzero(close)) > len(wrapped)
