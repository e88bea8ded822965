"""Whether two-dimensional clusters are woven into each other, so that none can be lifted off.

Nets that pass through each other's rings have no bond in common and are counted as layers side by side; what tells is
which of two crossing bonds lies above.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from math import gcd
from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from .clusters import Cluster, Vector, plane_normal
from .contacts import Array, Contacts

_PARALLEL: Final = 1e-6
"""Å^2, area that two bonds span in the plane, below which they are parallel there and do not cross."""
_ON_IT: Final = 0.5 + 1e-6
"""From the middle of a bond, in its length: its ends, the atoms, belong to it."""
_NEAR: Final = tuple(product((-2, -1, 0, 1, 2), repeat=2))
"""In-plane translations by which bonds of one cell may come to cross those of another."""


def woven(structure: Structure, clusters: tuple[Cluster, ...], bonds: Contacts) -> bool:
    """Whether some of the layers of a crystal can't be lifted off one another.

    Parameters
    ----------
    structure
        The crystal.
    clusters
        Its clusters, all two-dimensional.
    bonds
        The contacts within them.
    """
    normals = [plane_normal(cluster) for cluster in clusters]
    if any(gcd(*normal) > 1 for normal in normals):
        return True  # a translation in the plane leads to another net in the same plane
    if any(normal not in {normals[0], _opposite(normals[0])} for normal in normals):
        return True  # planes of different directions pass through each other
    matrix = structure.lattice.matrix
    a, b = np.array(clusters[0].periods, dtype=float) @ matrix
    frame = _frame(a, b)
    up = _one_step_up(matrix, normals[0], frame[:, 2])
    step = float(up @ frame[:, 2])
    spans = [_span(structure, cluster, frame[:, 2]) for cluster in clusters]
    for i, j in combinations_with_replacement(range(len(clusters)), 2):
        (low_i, high_i), (low_j, high_j) = spans[i], spans[j]
        for k in range(int(np.ceil((low_i - high_j) / step)), int(np.floor((high_i - low_j) / step)) + 1):
            if i == j and k == 0:
                continue
            net, other = (_segments(structure, clusters[number], bonds) for number in (i, j))
            if _both_ways(net @ frame, (other + k * up) @ frame, a @ frame, b @ frame):
                return True
    return False


def _opposite(vector: Vector) -> Vector:
    return (-vector[0], -vector[1], -vector[2])


def _span(structure: Structure, cluster: Cluster, axis: Array) -> tuple[float, float]:
    """Heights of the lowest and the highest atom of a cluster, Å."""
    positions = structure.frac_coords[list(cluster.sites)] + np.array(cluster.images)
    heights = positions @ (structure.lattice.matrix @ axis)
    return float(heights.min()), float(heights.max())


def _segments(structure: Structure, cluster: Cluster, bonds: Contacts) -> Array:
    """Ends of the bonds of one cluster, Å, (bonds, 2, 3); of one without bonds its atoms."""
    images = np.zeros((len(structure), 3))
    inside = np.zeros(len(structure), dtype=bool)
    inside[list(cluster.sites)] = True
    images[list(cluster.sites)] = cluster.images
    own = inside[bonds.first]
    first, second, image = bonds.first[own], bonds.second[own], bonds.image[own]
    start = structure.frac_coords[first] + images[first]
    end = structure.frac_coords[second] + image + images[first]
    segments: Array = np.stack((start, end), axis=1) @ structure.lattice.matrix
    return segments


def _frame(a: Array, b: Array) -> Array:
    """Columns: x along a, y in the plane, z along the normal."""
    x = a / np.linalg.norm(a)
    z = np.cross(a, b)
    z = z / np.linalg.norm(z)
    return np.array([x, np.cross(z, x), z]).T


def _one_step_up(matrix: Array, normal: Vector, axis: Array) -> Array:
    """A lattice vector that leads to the next plane above, Å, (3,)."""
    for reach in range(1, max(map(abs, normal)) + 2):
        for x, y, z in product(range(-reach, reach + 1), repeat=3):
            if abs(x * normal[0] + y * normal[1] + z * normal[2]) == 1:
                vector: Array = np.array((x, y, z), dtype=float) @ matrix
                return vector if vector @ axis > 0 else -vector
    raise AssertionError(f"{normal=} has a common divisor")


def _both_ways(below: Array, above: Array, a: Array, b: Array) -> bool:
    """Whether of two nets each has bonds that cross above bonds of the other."""
    low, high = below[..., 2].min(axis=1)[:, None], below[..., 2].max(axis=1)[:, None]
    may_rise, may_fall = above[..., 2].max(axis=1) > low, above[..., 2].min(axis=1) < high
    # Where few pairs can cross the one way, most nets are told apart by those.
    (fewer, sign), (more, other) = sorted(
        ((np.nonzero(may_rise), 1.0), (np.nonzero(may_fall), -1.0)), key=lambda pairs: len(pairs[0][0])
    )
    return _crosses(below[fewer[0]], above[fewer[1]], a, b, sign) and _crosses(
        below[more[0]], above[more[1]], a, b, other
    )


def _crosses(below: Array, above: Array, a: Array, b: Array, sign: float) -> bool:
    """Whether in some pair of bonds, (pairs, 2, 3) each, an image of the second crosses above (1) or below (-1)."""
    p, r = below[:, 0], below[:, 1] - below[:, 0]
    q, s = above[:, 0], above[:, 1] - above[:, 0]
    across = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    skew = np.abs(across) >= _PARALLEL
    p, r, q, s, across = p[skew], r[skew], q[skew], s[skew], across[skew]
    for i, j in _NEAR:
        gap = q + i * a + j * b - p
        t = (gap[:, 0] * s[:, 1] - gap[:, 1] * s[:, 0]) / across
        u = (gap[:, 0] * r[:, 1] - gap[:, 1] * r[:, 0]) / across
        lift = gap[:, 2] + u * s[:, 2] - t * r[:, 2]
        if ((np.abs(t - 0.5) < _ON_IT) & (np.abs(u - 0.5) < _ON_IT) & (sign * lift > 0)).any():
            return True
    return False
