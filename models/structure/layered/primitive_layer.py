"""The smallest cell of a layer: in the bulk it was cut from its neighbours may have made the cell larger.

Knows atoms and the two periods of a layer; its vacuum is set elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from ..dimensionality.clusters import Vector, add_period
from ..symmetry.symmetry_analysis import SYMPREC

Array = NDArray[np.float64]


def reduced_plane(a: Array, b: Array) -> tuple[Array, Array]:
    """Two shortest vectors of a plane lattice, at 90 to 120 degrees, by Lagrange's reduction.

    Parameters
    ----------
    a, b
        Å, (3,): any two periods that span it.

    Returns
    -------
    a, b
        |a| <= |b|; hexagonal lattices come out with 120 degrees, as is the custom.
    """
    if a @ a > b @ b:
        a, b = b, -a
    while True:
        shorter = b - np.rint((a @ b) / (a @ a)) * a
        if shorter @ shorter >= a @ a * (1 - 1e-9):
            b = shorter
            break
        a, b = shorter, -a
    return (a, -b) if a @ b > 1e-9 * (a @ a) else (a, b)


def primitive_layer(
    species: Sequence[Composition], positions: Array, a: Array, b: Array, *, tolerance: float = SYMPREC
) -> tuple[list[int], Array, Array]:
    """Find the smallest cell of a layer: in the bulk its neighbours may have made it larger.

    Parameters
    ----------
    species, positions, a, b
        As for `layer_in_vacuum`.
    tolerance
        Å within which atoms are equivalent.

    Returns
    -------
    sites
        Indices of the atoms of the primitive cell.
    a, b
        Å, (3,): its periods, reduced.
    """
    normal = np.cross(a, b)
    normal = normal / np.linalg.norm(normal)
    frame = np.array([a, b, normal])
    coordinates = positions @ np.linalg.inv(frame)
    kinds = {mixture: index for index, mixture in enumerate(dict.fromkeys(species))}
    kind = np.array([kinds[mixture] for mixture in species])
    rarest = np.flatnonzero(kind == np.argmin(np.bincount(kind)))
    orbit = np.arange(len(kind))
    translations: list[Array] = []
    for other in rarest[1:]:
        shift = coordinates[other] - coordinates[rarest[0]]
        image = _mapped(coordinates, kind, shift, frame, tolerance)
        if image is not None:
            translations.append(shift[:2])
            orbit = np.minimum(orbit, image)
    m = len(translations) + 1
    sites = np.flatnonzero(orbit == np.arange(len(kind))).tolist()
    if m * len(sites) != len(kind):  # equivalent only just within the tolerance: no group, so no smaller cell
        return list(range(len(kind))), *reduced_plane(a, b)
    if m > 1:
        basis: list[Vector] = [(m, 0, 0), (0, m, 0)]
        for shift in translations:
            u, v = np.rint(shift * m).astype(int).tolist()
            basis = add_period(basis, (u, v, 0))
        (u1, v1, _), (u2, v2, _) = basis
        a, b = (u1 * a + v1 * b) / m, (u2 * a + v2 * b) / m
    return sites, *reduced_plane(a, b)


def _mapped(
    coordinates: Array, kind: NDArray[np.int64], shift: Array, frame: Array, tolerance: float
) -> NDArray[np.int64] | None:
    """For each atom the one that the shift carries it to, or None when it carries one nowhere."""
    if abs(shift[2]) > tolerance:
        return None
    difference = coordinates[:, None, :] + shift - coordinates[None, :, :]
    difference[:, :, :2] -= np.rint(difference[:, :, :2])
    distance = np.linalg.norm(difference @ frame, axis=2)
    distance[kind[:, None] != kind[None, :]] = np.inf
    image: NDArray[np.int64] = np.argmin(distance, axis=1)
    if distance[np.arange(len(kind)), image].max() > tolerance or len(set(image.tolist())) != len(kind):
        return None
    return image
