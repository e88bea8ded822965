"""How far generated crystals are from known ones as distributions, and how far known ones are from each other.

A distance says little without the one that chance alone makes: as many known crystals drawn at random lie that far from
all known ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

_DRAWS: Final = 5
_SEED: Final = 20_260


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance between two distributions.

    Attributes
    ----------
    value
        In the unit of what is distributed (Wasserstein), or from 0 to 1 (Jensen-Shannon).
    by_chance
        Mean distance of as many known ones, drawn at random (with replacement), from all known ones.
    """

    value: float
    by_chance: float


def of_numbers(generated: Sequence[float], known: Sequence[float]) -> Distance | None:
    """First Wasserstein distance, as T. Xie et al., ICLR 2022 (CDVAE), compare densities and numbers of elements.

    Parameters
    ----------
    generated, known
        Shapes (n,) and (m,), one unit; None is returned where one is empty.
    """
    return _beside_chance(lambda some, all_: float(wasserstein_distance(some, all_)), generated, known)


def of_kinds(generated: Sequence[int], known: Sequence[int]) -> Distance | None:
    """Jensen-Shannon distance (base 2), as LeMat-GenBench (arXiv 2512.04562) compares space groups and elements.

    Parameters
    ----------
    generated, known
        Kinds as whole numbers from 0, shapes (n,) and (m,); None is returned where one is empty.
    """

    def distance(some: NDArray[np.float64], all_: NDArray[np.float64]) -> float:
        bins = int(max(some.max(), all_.max())) + 1
        first, second = (np.bincount(kinds.astype(np.int64), minlength=bins).tolist() for kinds in (some, all_))
        return float(jensenshannon(first, second, base=2))

    return _beside_chance(distance, generated, known)


def _beside_chance(
    distance: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    generated: Sequence[float],
    known: Sequence[float],
) -> Distance | None:
    some, all_ = np.asarray(generated, dtype=np.float64), np.asarray(known, dtype=np.float64)
    if not len(some) or not len(all_):
        return None
    random = np.random.default_rng(_SEED)
    by_chance = [distance(random.choice(all_, len(some)), all_) for _ in range(_DRAWS)]
    return Distance(distance(some, all_), float(np.mean(by_chance)))


AMU_PER_SQUARE_ANGSTROM: Final = 0.166053906660
"""mg/m^2 (one atomic mass unit: CODATA 2018)."""


def mass_per_area(mass: float, area: float) -> float:
    """Mass of a layer per area in mg/m^2, where the density of a cell would tell of its vacuum; graphene has 0.76.

    Parameters
    ----------
    mass
        Of the cell, in atomic mass units.
    area
        Of the cell in plane, Å^2.
    """
    return AMU_PER_SQUARE_ANGSTROM * mass / area


def in_plane_area(matrix: Sequence[Sequence[float]]) -> float:
    """Area in Å^2 of the face of a layer's cell that lies in plane: the smallest, as vacuum makes the others long.

    Parameters
    ----------
    matrix
        Cell vectors in Å, rows, shape (3, 3).
    """
    vectors = np.asarray(matrix, dtype=np.float64)
    return min(float(np.linalg.norm(np.cross(vectors[i], vectors[j]))) for i, j in ((0, 1), (1, 2), (2, 0)))
