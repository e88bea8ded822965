"""Which decoded cells could be crystals: distances, volume per atom and angles within limits, said one by one.

Exact for every cell. Knows structures and arrays, no networks; energies are another matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.optimization.neighbors import find_points_in_spheres

from ...structure.point_cloud import HALF_TURN, OFFSET, SCALE, cell_matrices, cell_shapes, counts, occupied, undecodable
from ...structure.point_cloud_layouts import CELL_ROWS, Layout
from .distances import METAL_RATIO, NONMETAL_RATIO, least_distances

_ITSELF: Final = 1e-8


@dataclass(frozen=True, slots=True)
class ValidityRule:
    """Limits of a valid cell. All but one of the 1,253 relaxed Mg-Mn-O cells of Kim et al. (2020) are within.

    Attributes
    ----------
    metal_ratio, nonmetal_ratio
        Least distance over the sum of covalent radii, for pairs with a metal and for pairs of nonmetals.
    volume_per_atom
        Å^3, least and most.
    angles
        Degrees, least and most.
    least_shape
        Least volume over the product of the lengths.
    """

    metal_ratio: float = METAL_RATIO
    nonmetal_ratio: float = NONMETAL_RATIO
    volume_per_atom: tuple[float, float] = (7.0, 30.0)
    angles: tuple[float, float] = (15.0, 165.0)
    least_shape: float = 0.08


def faults(
    arrays: ArrayLike, layout: Layout, *, rule: ValidityRule | None = None, asked: ArrayLike | None = None
) -> list[str | None]:
    """Say of each point cloud what is wrong with it, None where nothing is.

    Parameters
    ----------
    arrays
        Shape (n, rows, 3).
    rule
        Limits.
    asked
        Compositions asked for, shape (n, elements) or (elements,), where that is to be checked too.
    """
    rule = rule or ValidityRule()
    numbers = np.asarray(arrays, dtype=np.float64)
    undone = undecodable(numbers, layout)
    result: list[str | None] = [undone.get(index) for index in range(len(numbers))]
    good = np.array([index for index in range(len(numbers)) if index not in undone], dtype=np.int64)
    if not len(good):
        return result
    cells = numbers[good]
    number = counts(cells, layout)
    expected = number if asked is None else np.broadcast_to(np.asarray(asked), (len(numbers), number.shape[1]))[good]
    angles = cells[:, 1] * HALF_TURN
    matrices = cell_matrices(cells[:, 0] * layout.longest, angles)
    shapes = cell_shapes(angles)
    volumes = np.abs(np.linalg.det(matrices)) / number.sum(axis=1)
    least = np.array(least_distances(layout, rule.metal_ratio, rule.nonmetal_ratio))
    owner = np.repeat(np.arange(len(layout.slots)), layout.slots)
    filled = occupied(cells)
    fractional = np.mod((cells[:, CELL_ROWS:] - OFFSET) / SCALE, 1.0)
    for place, index in enumerate(good.tolist()):
        if (number[place] != expected[place]).any():
            result[index] = (
                f"it holds {_written(number[place], layout)} where {_written(expected[place], layout)} was asked for"
            )
        elif not rule.volume_per_atom[0] <= volumes[place] <= rule.volume_per_atom[1]:
            low, high = rule.volume_per_atom
            result[index] = f"volume per atom {volumes[place]:.2f} Å^3 is not within {low:g} and {high:g}"
        elif angles[place].min() < rule.angles[0] or angles[place].max() > rule.angles[1]:
            result[index] = f"angles {np.round(angles[place], 1).tolist()}° are not within {rule.angles}"
        elif shapes[place] < rule.least_shape:
            result[index] = f"the cell is nearly flat: volume over product of lengths {shapes[place]:.3f}"
        else:
            slots = filled[place]
            result[index] = _too_close(matrices[place], fractional[place][slots], owner[slots], least, layout)
    return result


def _too_close(
    matrix: NDArray[np.float64],
    fractional: NDArray[np.float64],
    owner: NDArray[np.int64],
    least: NDArray[np.float64],
    layout: Layout,
) -> str | None:
    points = np.ascontiguousarray(fractional @ matrix)
    first, second, images, distances = find_points_in_spheres(
        points,
        points,
        r=float(least.max()),
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(matrix),
        tol=_ITSELF,
    )
    apart = (first != second) | images.any(axis=1)
    limits = least[owner[first], owner[second]]
    close = np.flatnonzero(apart & (distances < limits))
    if not len(close):
        return None
    worst = close[np.argmin(distances[close] / limits[close])]
    pair = f"{layout.elements[owner[first[worst]]]}-{layout.elements[owner[second[worst]]]}"
    return f"{pair} {distances[worst]:.2f} Å is shorter than {limits[worst]:.2f} Å"


def _written(number: NDArray[np.int64], layout: Layout) -> str:
    return " ".join(f"{element}{n}" for element, n in zip(layout.elements, number.tolist(), strict=True))
