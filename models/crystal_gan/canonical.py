"""One setting for each crystal: axes by length, an atom of the rarest element at the origin, atoms in order of place.

What a network need not learn when it need not know every setting; the published model learns from random settings.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..structure.layouts import CELL_ROWS, Layout
from ..structure.point_cloud import OFFSET, SCALE, counts, occupied
from .augmentation import Floats, slots_first, swapped

MARGIN: Final = 0.04
"""Coordinates run from -MARGIN to 1 - MARGIN, so that atoms about the origin do not jump to the other end."""
SAME_LENGTH: Final = 0.02
"""Axes whose lengths differ by less than this share keep their order."""
_GRID: Final = 0.05
_FAR: Final = 9.0  # sorts behind every coordinate


def canonical(arrays: Floats, layout: Layout) -> Floats:
    """Bring point clouds of shape (n, rows, 3) into their canonical setting; the crystals stay the same (or mirrored).

    Axes ascend by length; the atom at the origin is that of the rarest element from which the coordinates, in order,
    are least; atoms of an element ascend by x, then y, then z, on a grid of 0.05.
    """
    cells = slots_first(arrays, layout)
    cells = swapped(cells, _ascending(cells[:, 0]))
    filled = occupied(cells)
    number = counts(cells, layout)
    fractional = (cells[:, CELL_ROWS:] - OFFSET) / SCALE
    rarest = np.where(number > 0, number, np.iinfo(np.int64).max).argmin(axis=1)
    starts = np.array(layout.starts)
    best = np.full_like(fractional, _FAR)
    for candidate in range(int(number[np.arange(len(cells)), rarest].max(initial=0))):
        exists = candidate < number[np.arange(len(cells)), rarest]
        origin = fractional[np.arange(len(cells)), starts[rarest] + np.where(exists, candidate, 0)]
        moved = np.mod(fractional - origin[:, None, :] + MARGIN, 1.0) - MARGIN
        ordered = _ordered(np.where(filled[:, :, None], moved, _FAR), layout)
        better = _less(ordered, best) & exists
        best = np.where(better[:, None, None], ordered, best)
    result = cells.copy()
    result[:, CELL_ROWS:] = np.where(filled[:, :, None], SCALE * best + OFFSET, 0.0)
    return result


def _ascending(lengths: Floats) -> NDArray[np.int64]:
    """Orders of the axes by length, where they differ clearly."""
    classes = np.round(np.log(np.maximum(lengths, 1e-9)) / SAME_LENGTH)
    order: NDArray[np.int64] = np.argsort(classes, axis=1, kind="stable")
    return order


def _ordered(fractional: Floats, layout: Layout) -> Floats:
    """Sort the atoms of each element by their place."""
    coarse = np.round(fractional / _GRID)
    result = np.empty_like(fractional)
    for start, stop in zip(layout.starts, layout.starts[1:], strict=False):
        block = coarse[:, start:stop]
        order = np.lexsort((block[:, :, 2], block[:, :, 1], block[:, :, 0]), axis=1)
        result[:, start:stop] = np.take_along_axis(fractional[:, start:stop], order[:, :, None], axis=1)
    return result


def _less(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Whether the first is less where they first differ, for each pair."""
    difference = np.round(a / _GRID).reshape(len(a), -1) - np.round(b / _GRID).reshape(len(b), -1)
    first = (difference != 0).argmax(axis=1)
    less: NDArray[np.bool_] = difference[np.arange(len(a)), first] < 0
    return less
