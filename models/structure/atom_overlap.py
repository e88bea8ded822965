"""Do two atoms of a crystal lie on top of each other: the closest pair, periodic images included. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.optimization.neighbors import find_points_in_spheres

MIN_DISTANCE: Final = 0.5
"""Å. No two nuclei of a crystal come closer (H2 has 0.74 Å); pymatgen's SiteCollection.DISTANCE_TOLERANCE as well."""


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
    periodic = np.array(pbc, dtype=np.int64)
    wrapped = np.where(periodic.astype(bool), fractional - np.floor(fractional), fractional)
    if not _may_touch(matrix, wrapped, periodic, min_distance):
        return None
    points = np.ascontiguousarray(wrapped @ matrix)
    first, second, images, distances = find_points_in_spheres(
        points, points, r=float(min_distance), pbc=periodic, lattice=np.ascontiguousarray(matrix), tol=1e-8
    )
    apart = (first != second) | images.any(axis=1)
    if not apart.any():
        return None
    closest = int(np.flatnonzero(apart)[np.argmin(distances[apart])])
    i, j = int(first[closest]), int(second[closest])
    pair = f"{species[i].formula} (site {i}) and {species[j].formula} (site {j})"
    return f"atoms overlap: {pair} are {distances[closest]:.3f} Å apart, less than {min_distance:g} Å"


def _may_touch(
    matrix: NDArray[np.float64], wrapped: NDArray[np.float64], periodic: NDArray[np.int64], min_distance: float
) -> bool:
    """Whether any two atoms might be that close: a quick test that errs on the side of yes.

    Two points whose fractional coordinates differ by d along an axis are at least |d| times the cell's height along
    that axis apart, so a pair can only be close when it is close along all three axes.
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(matrix), axis=0)
    if (heights * periodic < 2 * min_distance)[periodic.astype(bool)].any():
        return True
    difference = np.abs(wrapped[:, None, :] - wrapped[None, :, :])
    difference = np.where(periodic.astype(bool), np.minimum(difference, 1 - difference), difference)
    close = (difference * heights < min_distance).all(axis=2)
    return int(close.sum()) > len(wrapped)
