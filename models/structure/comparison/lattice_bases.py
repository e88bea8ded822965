"""Bases of a lattice whose vectors have about the lengths and angles of another's, as pymatgen's find_all_mappings.

Knows lattices only; atoms are laid on each other in `cell_matching`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@lru_cache(maxsize=64)
def bases_like(
    matrix: bytes, lengths: bytes, angles: bytes, length: float, angle: float
) -> tuple[Integers, Array, Array]:
    """Find all bases of a lattice with about the given lengths and angles, the likest first.

    Arrays are given as their bytes, by which the last ones are remembered: the same two lattices come again with their
    atoms named otherwise.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    lengths, angles
        Å and degrees, (3,) each, that a basis is to have.
    length, angle
        Relative tolerance, and degrees.

    Returns
    -------
    scales
        (k, 3, 3) integers: the basis in terms of the rows of `matrix`.
    lengths, angles
        (k, 3) each: Å and degrees.
    """
    wanted = np.frombuffer(lengths), np.frombuffer(angles)
    return _bases_like(np.frombuffer(matrix).reshape(3, 3), *wanted, length, angle)


def _bases_like(
    matrix: Array, lengths: Array, angles: Array, length: float, angle: float
) -> tuple[Integers, Array, Array]:
    most = lengths.max() * (1 + length)
    reach = np.floor(most * np.linalg.norm(np.linalg.inv(matrix), axis=0)).astype(int)
    points = _points(*reach.tolist())
    vectors = points @ matrix
    distances = np.sqrt((vectors * vectors).sum(axis=1))
    near = [
        np.flatnonzero((distances < edge * (1 + length)) & (distances > edge / (1 + length)))
        for edge in lengths  # as in pymatgen's find_all_mappings
    ]
    a, b, c = (vectors[numbers] / distances[numbers][:, None] for numbers in near)
    least = np.cos(np.deg2rad(np.minimum(angles + angle, 180)))
    greatest = np.cos(np.deg2rad(np.maximum(angles - angle, 0)))
    cosines = b @ c.T, a @ c.T, a @ b.T
    fits = [(cosine >= low) & (cosine <= high) for cosine, low, high in zip(cosines, least, greatest, strict=True)]
    triples = np.argwhere(fits[2][:, :, None] & fits[1][:, None, :] & fits[0][None, :, :])
    chosen = [near[axis][triples[:, axis]] for axis in range(3)]
    scales = np.stack([points[numbers] for numbers in chosen], axis=1)
    whole = np.abs(_determinants(scales)) == 1
    scales = scales[whole]
    if not len(scales):
        return scales, np.empty((0, 3)), np.empty((0, 3))
    own, own_angles = parameters(np.stack([vectors[numbers[whole]] for numbers in chosen], axis=1))
    unlike = np.abs(np.log(own / lengths)).sum(axis=1) + np.deg2rad(np.abs(own_angles - angles)).sum(axis=1)
    order = np.argsort(unlike, kind="stable")
    return scales[order], own[order], own_angles[order]


@lru_cache(maxsize=256)
def _points(a: int, b: int, c: int) -> Integers:
    """All whole coordinates up to these, on both sides of 0."""
    return np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in (a, b, c)), indexing="ij"), axis=-1).reshape(-1, 3)


def _determinants(matrices: Integers) -> Integers:
    """Compute the determinants of (k, 3, 3) matrices of whole numbers, exactly."""
    a, b, c = matrices[:, 0], matrices[:, 1], matrices[:, 2]
    determinants: Integers = (
        a[:, 0] * (b[:, 1] * c[:, 2] - b[:, 2] * c[:, 1])
        + a[:, 1] * (b[:, 2] * c[:, 0] - b[:, 0] * c[:, 2])
        + a[:, 2] * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    )
    return determinants


def parameters(bases: Array) -> tuple[Array, Array]:
    """Lengths (Å) and angles (degrees) of (k, 3, 3) bases, (k, 3) each."""
    products = bases @ bases.transpose(0, 2, 1)
    lengths = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    cosines = products[:, [1, 0, 0], [2, 2, 1]] / (lengths[:, [1, 0, 0]] * lengths[:, [2, 2, 1]])
    return lengths, np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))
