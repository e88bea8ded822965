"""What of a crystal is held together by bonds, and how its size is changed: within fragments and between them.

Molecules, chains and layers grow with their bonds; the space between them has a size of its own. A network is one
fragment, and of a monolayer the vacuum stays. Knows cells, bonds and factors; whence the factors come is decided
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dimensionality.clusters import Vector, add_period
from ..sizes.lengths import length_ratio
from ..sizes.volumes import volume_ratio

BOND_TOLERANCE: Final = 0.4
"""Å beyond the sum of covalent radii up to which atoms count as bonded: the widest of 2DMatPedia's tolerances
(Zhou et al., Sci. Data 6, 86 (2019))."""
NETWORK: Final = 3
MOST_APART: Final = 1.25
"""By which factor the space between fragments grows or shrinks, at most, beside their bonds."""
_PARALLEL: Final = 0.999

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Size(NamedTuple):
    """How large a crystal is.

    Attributes
    ----------
    dimension
        Of its fragments: 0 molecules, 1 chains, 2 layers, 3 a network.
    length
        Å: of a network the cube root of the volume per atom, of layers the root of the area per atom of one cell, of
        chains the period over the atoms of one cell, of molecules the mean distance from their centres.
    volume
        Å³ per atom; None of a monolayer, which has none.
    """

    dimension: int
    length: float
    volume: float | None


class Factors(NamedTuple):
    """By which lengths change: within fragments, and between them across the directions in which they go on."""

    within: float
    between: float


@dataclass(frozen=True, slots=True)
class Fragments:
    """Pieces of a crystal that bonds hold together, all going on in the same directions.

    Attributes
    ----------
    dimension
        In how many directions.
    number
        (n,) of each site's fragment; one for all of a network.
    images
        (n, 3) the cell each site is taken from, so that a fragment is one piece.
    along
        (3, 3) projects upon the directions in which they go on, in Cartesian coordinates.
    size
        Å, as `Size.length`.
    """

    dimension: int
    number: Integers
    images: Integers
    along: Array
    size: float

    @property
    def is_network(self) -> bool:
        """Whether there is nothing between them."""
        return self.dimension == NETWORK


def find_fragments(matrix: Array, fractional: Array, first: Integers, second: Integers, image: Integers) -> Fragments:
    """Find the fragments of a crystal; where they differ in dimension or direction, or are atoms, it is a network.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    first, second, image
        (bonds,), (bonds,) and (bonds, 3): the two sites of each bond, the second in the cell `image`.
    """
    n = len(fractional)
    number, images, periods = _pieces(n, first, second, image)
    dimensions = {len(basis) for basis in periods}
    dimension = dimensions.pop()
    projections = [_onto(np.array(basis, dtype=float).reshape(-1, 3) @ matrix) for basis in periods]
    alike = all(np.abs(other - projections[0]).max() < 1 - _PARALLEL for other in projections[1:])
    size = 0.0
    if not dimensions and alike and dimension < NETWORK:
        size = _length(matrix, fractional + images, number, periods, dimension)
    if size > 0:
        return Fragments(dimension, number, images, projections[0], size)
    volume = abs(float(np.linalg.det(matrix)))
    alone = np.zeros(n, dtype=np.int64)
    return Fragments(NETWORK, alone, np.zeros((n, 3), dtype=np.int64), np.eye(3), (volume / n) ** (1 / 3))


def resized(matrix: Array, fractional: Array, fragments: Fragments, factors: Factors) -> tuple[Array, Array]:
    """Cell and fractional coordinates with lengths changed within fragments and between them.

    Parameters
    ----------
    matrix, fractional, fragments
        As of `find_fragments`.
    factors
        That between them counts across the directions in which they go on.
    """
    if fragments.is_network:
        return matrix * factors.within, fractional
    along = fragments.along
    change = factors.within * along + factors.between * (np.eye(3) - along)
    places = (fractional + fragments.images) @ matrix
    counts = np.bincount(fragments.number)
    centres = np.stack([np.bincount(fragments.number, places[:, k]) / counts for k in range(3)], axis=1)
    own = centres[fragments.number]
    moved = own @ change + factors.within * (places - own)
    changed = matrix @ change
    return changed, moved @ np.linalg.inv(changed) - fragments.images


def scaled_layer(matrix: Array, fractional: Array, vacuum: float, factor: float) -> tuple[Array, Array]:
    """Cell and fractional coordinates of a layer whose lengths are scaled, in plane and in height, but not its vacuum.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors, the third along z.
    fractional
        (n, 3): the layer in the middle of the cell, as `vacuum.set_vacuum_of_arrays` puts it.
    vacuum
        Å: thickness of the vacuum, which stays.
    factor
        For lengths.

    Returns
    -------
    matrix, fractional
        Both anew.
    """
    scaled = matrix * factor
    scaled[2, 2] = factor * (matrix[2, 2] - vacuum) + vacuum
    heights = (fractional[:, 2] - 0.5) * (factor * matrix[2, 2] / scaled[2, 2])
    return scaled, np.column_stack((fractional[:, :2], heights + 0.5))


def size_like(old: Size, old_formula: str, formula: str) -> Size | None:
    """Size of a composition in the place of another, by the volumes that both take; None where a radius is unknown."""
    volumes, lengths = volume_ratio(old_formula, formula), length_ratio(old_formula, formula)
    if volumes is None or lengths is None:
        return None
    within = volumes ** (1 / 3) if old.dimension == NETWORK else lengths
    return Size(old.dimension, old.length * within, None if old.volume is None else old.volume * volumes)


def factors_of(old: Size, within: float, volume: float | None) -> Factors:
    """Find the factors that give a volume per atom, Å³, with lengths within fragments changed by a factor.

    The space between fragments takes what is left, up to a factor of `MOST_APART` beside theirs; without a volume it
    follows them.
    """
    if old.dimension == NETWORK or volume is None or old.volume is None:
        return Factors(within, within)
    between = (volume / old.volume / within**old.dimension) ** (1 / (NETWORK - old.dimension))
    return Factors(within, float(np.clip(between, within / MOST_APART, within * MOST_APART)))


def _pieces(
    n: int, first: Integers, second: Integers, image: Integers
) -> tuple[Integers, Integers, list[list[Vector]]]:
    """Number and image of each site, and the translations that take each piece into itself."""
    bonded: list[list[tuple[int, Integers]]] = [[] for _ in range(n)]
    for one, other, step in zip(first.tolist(), second.tolist(), image, strict=True):
        bonded[one].append((other, step))
        bonded[other].append((one, -step))
    number = np.full(n, -1, dtype=np.int64)
    images = np.zeros((n, 3), dtype=np.int64)
    periods: list[list[Vector]] = []
    for start in range(n):
        if number[start] >= 0:
            continue
        number[start] = len(periods)
        basis: list[Vector] = []
        waiting = [start]
        while waiting:
            site = waiting.pop()
            for other, step in bonded[site]:
                place = images[site] + step
                if number[other] < 0:
                    number[other], images[other] = number[start], place
                    waiting.append(other)
                elif (place != images[other]).any() and len(basis) < NETWORK:
                    x, y, z = (place - images[other]).tolist()
                    basis = add_period(basis, (x, y, z))
        periods.append(basis)
    return number, images, periods


def _onto(vectors: Array) -> Array:
    """(3, 3): projects upon the space that some vectors span."""
    if not len(vectors):
        return np.zeros((3, 3))
    own, _ = np.linalg.qr(vectors.T)
    projection: Array = own @ own.T
    return projection


def _length(matrix: Array, unwrapped: Array, number: Integers, periods: list[list[Vector]], dimension: int) -> float:
    places = unwrapped @ matrix
    if dimension == 0:
        counts = np.bincount(number)
        centres = np.stack([np.bincount(number, places[:, k]) / counts for k in range(3)], axis=1)
        return float(np.linalg.norm(places - centres[number], axis=1).mean())
    spanned = 0.0
    for basis in periods:
        vectors = np.array(basis, dtype=float) @ matrix
        spanned += float(np.sqrt(np.linalg.det(vectors @ vectors.T)))
    return float((spanned / len(unwrapped)) ** (1 / dimension))
