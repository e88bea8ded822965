"""Whether a run's k-points fill the Brillouin zone or lie on lines, told by the points where the file names no mesh.

Knows fractional coordinates and weights; no files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

_STEPS: Final = 10_000
"""Per reciprocal cell vector: nearer coordinates are one, printed to eight digits by some and to four by others."""


def mesh_of_points(points: ArrayLike, weights: Sequence[float]) -> list[int] | None:
    """Divisions of the mesh that a list of k-points is, (3,); None where it is none, as of points along lines.

    The divisions along an axis are told by its nearest two coordinates, a point and its inverse being one. A mesh is
    filled (points of equal weight are all there), or reduced by symmetry (weights tell how many points each stands
    for); a list of equal weights that leaves most of its mesh empty runs along lines.

    Parameters
    ----------
    points
        (n, 3), fractional coordinates.
    weights
        (n,); points without weight are passed over.

    Examples
    --------
    >>> mesh_of_points([[0, 0, 0], [0.25, 0, 0], [0.5, 0, 0]], [1, 2, 1])
    [4, 1, 1]
    >>> mesh_of_points([[0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0.5, 0.25, 0], [0.5, 0.5, 0]], [1, 1, 1, 1, 1]) is None
    True
    """
    counted = np.asarray(weights, dtype=np.float64) > 0
    coordinates = np.asarray(points, dtype=np.float64).reshape(-1, 3)[counted]
    if not len(coordinates):
        return None
    axes = [sorted({_step(value) for x in axis for value in (x, -x)}) for axis in coordinates.T]
    shares = np.asarray(weights, dtype=np.float64)[counted]
    equal = np.ptp(shares) <= 1e-6 * shares.max()
    filled = math.prod(map(len, axes)) <= 2 * len(coordinates)
    return [_divisions(steps) for steps in axes] if filled or not equal else None


def _divisions(steps: Sequence[int]) -> int:
    return round(_STEPS / min(after - before for before, after in pairwise((*steps, steps[0] + _STEPS))))


def _step(coordinate: float) -> int:
    """Coordinate within the cell, in units of what tells two apart."""
    return round(coordinate % 1.0 * _STEPS) % _STEPS
