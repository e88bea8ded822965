"""Which decoded cells could be crystals: as asked, cells with room, and the rule for any crystal; faults said by name.

Exact for every cell. Knows structures and arrays, no networks; energies are another matter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...structure.point_cloud import HALF_TURN, OFFSET, SCALE, cell_matrices, cell_shapes, counts, occupied, undecodable
from ...structure.point_cloud_layouts import CELL_ROWS, Layout
from ...structure.validity.rule import ValidityRule

ANGLES: Final = (15.0, 165.0)
"""Degrees, least and most."""
LEAST_SHAPE: Final = 0.08
"""Least volume of a cell over the product of its lengths."""


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

    Returns
    -------
    list
        "composition: …", "cell: …", or the name of the check of the rule that failed and its note.
    """
    rule = rule or ValidityRule()
    numbers = np.asarray(arrays, dtype=np.float64)
    result: list[str | None] = [None] * len(numbers)
    for index, why in undecodable(numbers, layout).items():
        result[index] = f"cell: {why}"
    good = np.array([index for index, fault in enumerate(result) if fault is None], dtype=np.int64)
    if not len(good):
        return result
    cells = numbers[good]
    number = counts(cells, layout)
    expected = number if asked is None else np.broadcast_to(np.asarray(asked), (len(numbers), number.shape[1]))[good]
    angles = cells[:, 1] * HALF_TURN
    matrices = cell_matrices(cells[:, 0] * layout.longest, angles)
    shapes = cell_shapes(angles)
    owner = np.repeat(np.arange(len(layout.slots)), layout.slots)
    filled = occupied(cells)
    fractional = np.mod((cells[:, CELL_ROWS:] - OFFSET) / SCALE, 1.0)
    for place, index in enumerate(good.tolist()):
        if (number[place] != expected[place]).any():
            held, wanted = _written(number[place], layout), _written(expected[place], layout)
            result[index] = f"composition: it holds {held} where {wanted} was asked for"
        elif angles[place].min() < ANGLES[0] or angles[place].max() > ANGLES[1]:
            result[index] = f"cell: angles {np.round(angles[place], 1).tolist()}° are not within {ANGLES}"
        elif shapes[place] < LEAST_SHAPE:
            result[index] = f"cell: nearly flat, volume over product of lengths {shapes[place]:.3f}"
        else:
            slots = filled[place]
            symbols = [layout.elements[kind] for kind in owner[slots]]
            checks = rule.checks(symbols, matrices[place], fractional[place][slots])
            failed = next((check for check in checks if check.passed is False), None)
            result[index] = None if failed is None else f"{failed.name}: {failed.note}"
    return result


def kind(fault: str) -> str:
    """Name of a fault: "composition", "cell", or that of a check."""
    return fault.partition(":")[0]


def _written(number: NDArray[np.int64], layout: Layout) -> str:
    return " ".join(f"{element}{n}" for element, n in zip(layout.elements, number.tolist(), strict=True))
